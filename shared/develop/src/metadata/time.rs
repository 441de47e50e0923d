//! Times in the formats of cameras and editors: EXIF's `2024:06:15 14:30:05`, ISO 8601, and common variants.

use domain::photo::TakenAt;
use jiff::civil::DateTime;

/// Years since the oldest surviving photograph.
const YEARS: std::ops::RangeInclusive<i16> = 1826..=2200;
/// The most digits of a fraction: nanoseconds.
const MAX_FRACTION: usize = 9;
/// Offsets from UTC in minutes: clocks on Earth are between -12 and +14 hours.
const OFFSETS: std::ops::RangeInclusive<i32> = -12 * 60..=14 * 60;

/// A date and time of day, with fraction and offset if written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Time {
    clock: DateTime,
    /// Digits after the decimal point. Trailing zeros show the camera's precision.
    fraction: Option<String>,
    /// The offset, such as `+02:00`.
    offset: Option<String>,
}

impl Time {
    /// Reads a date with a time of day; `None` for blanks, zeros, dates alone and impossible times.
    ///
    /// - Separators of a date are `:`, `-`, `/` and `.`, or none (`20240615`). One `T` or any spaces follow it.
    /// - Months, days, hours, minutes and seconds have two digits, or one with or without a space before it.
    /// - Seconds may be missing, have a fraction, or be 60. Hour 24 is hour 0 of the same day: a firmware error.
    /// - `AM`, `PM` and an offset may follow.
    pub(super) fn parse(text: &str) -> Option<Self> {
        let mut rest = Scanner(trimmed(text));
        let year = rest.digits(4, 4)?;
        let (month, day) = if rest.take(is_date_separator) {
            let month = rest.padded()?;
            rest.take(is_date_separator).then_some(())?;
            (month, rest.padded()?)
        } else {
            (rest.digits(2, 2)?, rest.digits(2, 2)?)
        };
        // IPTC's and ISO 8601's basic form has nothing or a `T` between date and time.
        let spaces = rest.spaces();
        if spaces == 0
            && !rest.take(|c| matches!(c, 'T' | 't' | ':'))
            && !rest.0.starts_with(|c: char| c.is_ascii_digit())
        {
            return None;
        }
        let hour = rest.padded()?;
        let (minute, second) = if rest.take(is_time_separator) {
            let minute = rest.padded()?;
            (minute, if rest.take(is_time_separator) { rest.padded()? } else { 0 })
        } else {
            let minute = rest.digits(2, 2)?;
            (minute, rest.digits(2, 2).unwrap_or(0))
        };
        let fraction = if rest.take(|c| matches!(c, '.' | ',')) { fraction(rest.all_digits()) } else { None };
        rest.spaces();
        let hour = rest.half_of_day(if hour == 24 { 0 } else { hour })?;
        rest.spaces();
        let offset = if rest.0.is_empty() { None } else { Some(offset(rest.0)?) };

        let small = |number: u16| i8::try_from(number).ok();
        let year = i16::try_from(year).ok().filter(|year| YEARS.contains(year))?;
        // A leap second, which the calendar library does not represent.
        let second = if second == 60 { 59 } else { second };
        let clock =
            DateTime::new(year, small(month)?, small(day)?, small(hour)?, small(minute)?, small(second)?, 0).ok()?;
        Some(Self { clock, fraction, offset })
    }

    /// Adds the subseconds and the offset of separate fields, unless the text had them.
    pub(super) fn with(self, subseconds: Option<&str>, offset_text: Option<&str>) -> Self {
        Self {
            clock: self.clock,
            fraction: self.fraction.or_else(|| subseconds.and_then(|text| fraction(trimmed(text)))),
            offset: self.offset.or_else(|| offset_text.and_then(|text| offset(trimmed(text)))),
        }
    }

    /// Returns whether both show the same second.
    pub(super) fn same_second(&self, other: &Self) -> bool {
        self.clock == other.clock
    }
}

impl From<Time> for TakenAt {
    fn from(time: Time) -> Self {
        let mut local = time.clock.strftime("%Y-%m-%dT%H:%M:%S").to_string();
        if let Some(digits) = time.fraction {
            local.push('.');
            local.push_str(&digits);
        }
        Self { local, offset: time.offset }
    }
}

/// The rest of a text to read.
struct Scanner<'a>(&'a str);

impl<'a> Scanner<'a> {
    fn take(&mut self, requested: impl Fn(char) -> bool) -> bool {
        let rest = self.0.strip_prefix(requested);
        self.0 = rest.unwrap_or(self.0);
        rest.is_some()
    }

    fn spaces(&mut self) -> usize {
        let rest = self.0.trim_start_matches(' ');
        let skipped = self.0.len() - rest.len();
        self.0 = rest;
        skipped
    }

    fn all_digits(&mut self) -> &'a str {
        let rest = self.0.trim_start_matches(|c: char| c.is_ascii_digit());
        let (digits, rest) = self.0.split_at(self.0.len() - rest.len());
        self.0 = rest;
        digits
    }

    fn digits(&mut self, min: usize, max: usize) -> Option<u16> {
        let count = self.0.bytes().take(max).take_while(u8::is_ascii_digit).count();
        let (digits, rest) = self.0.split_at(count);
        let number = (count >= min).then(|| digits.parse().ok()).flatten()?;
        self.0 = rest;
        Some(number)
    }

    /// Reads one or two digits, with or without spaces before them.
    fn padded(&mut self) -> Option<u16> {
        self.spaces();
        self.digits(1, 2)
    }

    /// Applies `AM` or `PM` to `hour`.
    fn half_of_day(&mut self, hour: u16) -> Option<u16> {
        let Some(half) = self.0.get(..2).map(str::to_ascii_uppercase) else { return Some(hour) };
        let hour = match (half.as_str(), hour) {
            ("AM", 12) => 0,
            ("PM", 1..=11) => hour + 12,
            ("AM" | "PM", 0..=23) => hour,
            ("AM" | "PM", _) => return None,
            _ => return Some(hour),
        };
        self.0 = &self.0[2..];
        Some(hour)
    }
}

fn is_date_separator(c: char) -> bool {
    matches!(c, ':' | '-' | '/' | '.')
}

fn is_time_separator(c: char) -> bool {
    matches!(c, ':' | '.')
}

/// Returns a text up to its first NUL, without the spaces around it.
fn trimmed(text: &str) -> &str {
    text.split('\0').next().unwrap_or_default().trim()
}

fn fraction(digits: &str) -> Option<String> {
    let valid = !digits.is_empty() && digits.bytes().all(|byte| byte.is_ascii_digit());
    valid.then(|| digits[..digits.len().min(MAX_FRACTION)].to_owned())
}

/// Returns an offset from UTC as `+02:00`, from `Z`, `UTC`, `GMT+2`, `+2`, `+02`, `+0200` and `+02:00`.
fn offset(text: &str) -> Option<String> {
    if text.eq_ignore_ascii_case("Z") {
        return Some("+00:00".to_owned());
    }
    let text = match text.get(..3) {
        Some(utc) if utc.eq_ignore_ascii_case("UTC") || utc.eq_ignore_ascii_case("GMT") => text[3..].trim(),
        _ => text,
    };
    let text = if text.is_empty() { "+0" } else { text };
    let mut rest = Scanner(text.strip_prefix(['+', '-'])?);
    let hours = rest.digits(1, 2)?;
    let separated = rest.take(|c| c == ':');
    let minutes = match rest.digits(2, 2) {
        Some(minutes) => minutes,
        None if separated => return None,
        None => 0,
    };
    // Some software adds seconds, which are always 0.
    let complete = rest.0.is_empty() || rest.0 == ":00";
    let total = i32::from(hours) * 60 + i32::from(minutes);
    let signed = if text.starts_with('-') { -total } else { total };
    let valid = complete && minutes < 60 && OFFSETS.contains(&signed);
    let sign = if signed < 0 { '-' } else { '+' };
    valid.then(|| format!("{sign}{hours:02}:{minutes:02}"))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn read(text: &str) -> Option<(String, Option<String>)> {
        Time::parse(text).map(TakenAt::from).map(|taken_at| (taken_at.local, taken_at.offset))
    }

    #[track_caller]
    fn assert_reads(text: &str, local: &str, offset: Option<&str>) {
        assert_eq!(read(text), Some((local.to_owned(), offset.map(str::to_owned))), "{text}");
    }

    #[test]
    fn common_spellings_are_read() {
        for text in [
            "2013:08:04 09:03:05",
            "2013: 8: 4  9: 3: 5",
            "2013:8:4 9:3:5",
            "2013-08-04T09:03:05",
            "2013-08-04 09:03:05",
            "2013/08/04 09:03:05",
            "2013.08.04 09.03.05",
            "2013:08:04:09:03:05",
            "20130804T090305",
            "20130804090305",
            "2013:08:04 09:03:05\0",
            "2013:08:04 09:03:05\0garbage",
            "  2013:08:04 09:03:05   ",
            "2013:08:04 09:03:05 AM",
        ] {
            assert_reads(text, "2013-08-04T09:03:05", None);
        }
        assert_reads("2013:08:04 09:03", "2013-08-04T09:03:00", None);
        assert_reads("2013:08:04 09:03:05PM", "2013-08-04T21:03:05", None);
        assert_reads("2016:12:31 23:59:60", "2016-12-31T23:59:59", None);
    }

    #[test]
    fn hour_24_is_midnight_of_the_same_day() {
        assert_reads("2019:01:01 24:04:20", "2019-01-01T00:04:20", None);
    }

    #[test]
    fn fractions_and_offsets_are_read_together() {
        assert_reads("2013:08:24 09:23:05.25", "2013-08-24T09:23:05.25", None);
        assert_reads("2013-08-24T09:23:05,250+0530", "2013-08-24T09:23:05.250", Some("+05:30"));
        assert_reads("2013-08-24T09:23:05.1234567891Z", "2013-08-24T09:23:05.123456789", Some("+00:00"));
        assert_reads("2013:08:24 09:23:05-07:00", "2013-08-24T09:23:05", Some("-07:00"));
        assert_reads("2013:08:24 09:23:05 +9", "2013-08-24T09:23:05", Some("+09:00"));
        assert_reads("2001-07-04T12:30+02:00", "2001-07-04T12:30:00", Some("+02:00"));
        assert_reads("2001-07-04T12:30-07:00", "2001-07-04T12:30:00", Some("-07:00"));
    }

    #[test]
    fn blank_zero_and_impossible_times_are_none() {
        for text in [
            "",
            "    :  :     :  :  ",
            "0000:00:00 00:00:00",
            "2024:00:00 00:00:00",
            "2024:02:30 10:00:00",
            "2024:06:15",
            "2024:06:15 25:00:00",
            "2024:06:15 10:61:00",
            "2024:06:15 10:00:61",
            "2024:06:15   :  :  ",
            "1601:01:01 00:00:00",
            "2024:06:15 14:30:05 or so",
            "not a date at all!",
            "2024:06:15 13:00:00+25:00",
        ] {
            assert_eq!(read(text), None, "{text}");
        }
    }

    #[test]
    fn impossible_offsets_are_none() {
        for text in ["   :  ", "+25:00", "02:00", "+02:60", "+2:", "+", "+02:00:30", "-12:30", "+14:30"] {
            assert_eq!(offset(text.trim()), None, "{text}");
        }
        assert_eq!(offset("-00:00").as_deref(), Some("+00:00"));
        for text in ["Z", "z", "UTC", "gmt", "UTC+0"] {
            assert_eq!(offset(text).as_deref(), Some("+00:00"), "{text}");
        }
        assert_eq!(offset("GMT+2").as_deref(), Some("+02:00"));
        assert_eq!(offset("+2:00").as_deref(), Some("+02:00"));
    }

    #[test]
    fn subsecond_and_offset_fields_do_not_override_text() {
        let time = Time::parse("2013:08:24 09:23:05.25+01:00").unwrap().with(Some("99"), Some("+02:00"));
        assert_eq!(TakenAt::from(time).local, "2013-08-24T09:23:05.25");
        let time = Time::parse("2013:08:24 09:23:05").unwrap().with(Some(" 070 \0"), Some("Z"));
        let expected = TakenAt { local: "2013-08-24T09:23:05.070".to_owned(), offset: Some("+00:00".to_owned()) };
        assert_eq!(TakenAt::from(time), expected);
    }

    proptest! {
        #[test]
        fn any_text_is_read_without_panic(text in "\\PC*") {
            let _ = Time::parse(&text);
            let _ = offset(&text);
        }

        #[test]
        fn near_misses_are_read_without_panic(text in "[0-9: TZ+./\\-\u{e9}]{0,40}") {
            if let Some((local, offset)) = read(&text) {
                prop_assert!(local.parse::<DateTime>().is_ok(), "{local}");
                prop_assert!(offset.is_none_or(|offset| offset.len() == 6));
            }
        }

        #[test]
        fn every_spelling_of_a_time_reads_the_same(
            year in 1826..=2200_i16, month in 1..=12_i8, day in 1..=28_i8,
            hour in 0..24_i8, minute in 0..60_i8, second in 0..60_i8,
            date_separator in prop::sample::select(vec![":", "-", "/", "."]),
            between in prop::sample::select(vec![" ", "T", "  "]),
            width in 0..3_usize,
        ) {
            let clock = DateTime::new(year, month, day, hour, minute, second, 0).unwrap();
            let part = |number: i8| match width {
                0 => format!("{number:02}"),
                1 => format!("{number:2}"),
                _ => number.to_string(),
            };
            let text = format!(
                "{year}{date_separator}{}{date_separator}{}{between}{}:{}:{}",
                part(month), part(day), part(hour), part(minute), part(second),
            );
            let expected = clock.strftime("%Y-%m-%dT%H:%M:%S").to_string();
            prop_assert_eq!(read(&text), Some((expected, None)), "{}", text);
        }
    }
}
