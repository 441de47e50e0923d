//! Languages of emails and of the download page.

use jiff::{Timestamp, tz::TimeZone};

/// Language of a customer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Language {
    /// English, also for customers with any other language.
    English,
    /// German.
    German,
    /// French.
    French,
}

const ENGLISH_MONTHS: [&str; 12] = [
    "January",
    "February",
    "March",
    "April",
    "May",
    "June",
    "July",
    "August",
    "September",
    "October",
    "November",
    "December",
];
const GERMAN_MONTHS: [&str; 12] = [
    "Januar",
    "Februar",
    "März",
    "April",
    "Mai",
    "Juni",
    "Juli",
    "August",
    "September",
    "Oktober",
    "November",
    "Dezember",
];
const FRENCH_MONTHS: [&str; 12] = [
    "janvier",
    "février",
    "mars",
    "avril",
    "mai",
    "juin",
    "juillet",
    "août",
    "septembre",
    "octobre",
    "novembre",
    "décembre",
];

impl Language {
    /// All languages.
    pub const ALL: [Self; 3] = [Self::English, Self::German, Self::French];

    /// Returns the language of a locale, a BCP 47 tag such as `de-AT`, by its first subtag; English by default.
    pub fn of(locale: &str) -> Self {
        let primary = locale.split('-').next().unwrap_or_default();
        Self::ALL.into_iter().find(|language| language.tag().eq_ignore_ascii_case(primary)).unwrap_or(Self::English)
    }

    /// Returns the language tag: `en`, `de` or `fr`.
    pub fn tag(self) -> &'static str {
        match self {
            Self::English => "en",
            Self::German => "de",
            Self::French => "fr",
        }
    }

    /// Formats the date in a time zone: `1 December 2026`, `1. Dezember 2026`, `1er décembre 2026`.
    pub fn date(self, at: Timestamp, zone: &TimeZone) -> String {
        let date = zone.to_datetime(at).date();
        let (day, year) = (date.day(), date.year());
        let month = |names: [&'static str; 12]| usize::try_from(date.month() - 1).map_or("", |month| names[month]);
        match self {
            Self::English => format!("{day} {} {year}", month(ENGLISH_MONTHS)),
            Self::German => format!("{day}. {} {year}", month(GERMAN_MONTHS)),
            Self::French => format!("{day}{} {} {year}", if day == 1 { "er" } else { "" }, month(FRENCH_MONTHS)),
        }
    }

    /// Formats date and minute in a time zone: `1 December 2026, 14:05 UTC`.
    pub fn minute(self, at: Timestamp, zone: &TimeZone) -> String {
        format!("{}, {}", self.date(at, zone), at.to_zoned_datetime(zone.clone()).strftime("%H:%M %Z"))
    }

    /// Formats a number of bytes, in units of 1,000: `1.2 GB`, `1,2 GB`, `1,2 Go`.
    pub fn size(self, bytes: u64) -> String {
        let [b, k, m, g] = match self {
            Self::English => ["bytes", "kB", "MB", "GB"],
            Self::German => ["Byte", "kB", "MB", "GB"],
            Self::French => ["octets", "ko", "Mo", "Go"],
        };
        #[expect(clippy::cast_precision_loss, reason = "shown with one decimal")]
        let in_units = |of: f64, decimals| format!("{:.decimals$}", bytes as f64 / of);
        let (number, unit) = match bytes {
            0..1_000 => (bytes.to_string(), b),
            1_000..1_000_000 => (in_units(1e3, 0), k),
            1_000_000..1_000_000_000 => (in_units(1e6, 1), m),
            _ => (in_units(1e9, 1), g),
        };
        let number = if self == Self::English { number } else { number.replace('.', ",") };
        format!("{number} {unit}")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn date_and_minute_are_those_of_the_zone() {
        let zone = jiff::tz::TimeZoneDatabase::bundled().get("Europe/Berlin").expect("known");
        let (winter, summer) = ("2026-12-31T23:30:00Z", "2026-06-30T21:59:00Z");
        let minute = |at: &str| Language::English.minute(at.parse().expect("a time"), &zone);
        assert_eq!(minute(winter), "1 January 2027, 00:30 CET");
        assert_eq!(minute(summer), "30 June 2026, 23:59 CEST");
    }

    #[test]
    fn locale_maps_to_its_language_or_english() {
        for (locale, tag) in
            [("de", "de"), ("de-AT", "de"), ("FR-ca", "fr"), ("en-GB", "en"), ("deu", "en"), ("ja", "en"), ("x", "en")]
        {
            assert_eq!(Language::of(locale).tag(), tag, "{locale}");
        }
    }

    #[test]
    fn dates_are_written_as_in_the_language() {
        let dates = |at: &str| Language::ALL.map(|language| language.date(at.parse().expect("a time"), &TimeZone::UTC));
        assert_eq!(dates("2026-12-01T23:59:59Z"), ["1 December 2026", "1. Dezember 2026", "1er décembre 2026"]);
        assert_eq!(dates("2027-03-22T00:00:00Z"), ["22 March 2027", "22. März 2027", "22 mars 2027"]);
        let minute = Language::German.minute("2026-01-02T03:04:05Z".parse().expect("a time"), &TimeZone::UTC);
        assert_eq!(minute, "2. Januar 2026, 03:04 UTC");
    }

    #[test]
    fn sizes_are_written_as_in_the_language() {
        let sizes = |bytes| Language::ALL.map(|language| language.size(bytes));
        assert_eq!(sizes(999), ["999 bytes", "999 Byte", "999 octets"]);
        assert_eq!(sizes(12_345), ["12 kB", "12 kB", "12 ko"]);
        assert_eq!(sizes(1_250_000), ["1.2 MB", "1,2 MB", "1,2 Mo"]);
        assert_eq!(sizes(4_300_000_000), ["4.3 GB", "4,3 GB", "4,3 Go"]);
    }

    #[test]
    fn every_month_has_its_own_name() {
        let months = Language::ALL.map(|language| {
            let date = |month: i8| {
                language.date(format!("2026-{month:02}-02T00:00:00Z").parse().expect("a time"), &TimeZone::UTC)
            };
            (1..=12).map(|month| date(month).split(' ').nth(1).map(str::to_owned)).collect::<Vec<_>>()
        });
        for (names, known) in months.iter().zip([ENGLISH_MONTHS, GERMAN_MONTHS, FRENCH_MONTHS]) {
            assert_eq!(names.iter().flatten().collect::<Vec<_>>(), known.iter().collect::<Vec<_>>());
        }
    }

    #[test]
    fn unit_changes_at_a_thousand() {
        let sizes =
            [0, 999, 1_000, 999_499, 1_000_000, 999_900_000, 1_000_000_000].map(|bytes| Language::English.size(bytes));
        assert_eq!(sizes, ["0 bytes", "999 bytes", "1 kB", "999 kB", "1.0 MB", "999.9 MB", "1.0 GB"]);
    }
}
