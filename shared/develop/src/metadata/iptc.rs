//! IPTC-IIM (version 4.2), the metadata of press photos, and the Photoshop resources that contain it.

use domain::photo::TakenAt;

use super::{text, time::Time};

/// The most values of one dataset.
const MAX_VALUES: usize = 128;

/// The datasets of IPTC's record 2 that Darkroom's record uses.
#[derive(Debug, Default)]
pub(super) struct Iptc {
    utf8: bool,
    datasets: Vec<(u8, Vec<u8>)>,
}

const OBJECT_NAME: u8 = 5;
const KEYWORDS: u8 = 25;
const DATE_CREATED: u8 = 55;
const TIME_CREATED: u8 = 60;
const BY_LINE: u8 = 80;
const CREDIT: u8 = 110;
const COPYRIGHT_NOTICE: u8 = 116;
const CAPTION: u8 = 120;
const WANTED: [u8; 8] = [OBJECT_NAME, KEYWORDS, DATE_CREATED, TIME_CREATED, BY_LINE, CREDIT, COPYRIGHT_NOTICE, CAPTION];

/// First byte of every dataset.
const TAG_MARKER: u8 = 0x1C;
/// ISO 2022's escape sequence for UTF-8.
const UTF8: &[u8] = b"\x1B%G";

impl Iptc {
    /// Reads datasets up to the first invalid one.
    pub(super) fn parse(mut bytes: &[u8]) -> Self {
        let mut iptc = Self::default();
        while let Some((record, dataset, value, rest)) = next_dataset(bytes) {
            let kept = || iptc.datasets.iter().filter(|(kept, _)| *kept == dataset).count();
            if (record, dataset) == (1, 90) {
                iptc.utf8 = value.starts_with(UTF8);
            } else if record == 2 && WANTED.contains(&dataset) && kept() < MAX_VALUES {
                iptc.datasets.push((dataset, value.to_vec()));
            }
            bytes = rest;
        }
        iptc
    }

    pub(super) fn title(&self) -> Option<String> {
        self.texts(OBJECT_NAME).next()
    }

    pub(super) fn description(&self) -> Option<String> {
        self.texts(CAPTION).next()
    }

    pub(super) fn copyright(&self) -> Option<String> {
        self.texts(COPYRIGHT_NOTICE).next()
    }

    pub(super) fn creator(&self) -> Option<String> {
        let names: Vec<String> = self.texts(BY_LINE).collect();
        (!names.is_empty()).then(|| names.join(", "))
    }

    pub(super) fn keywords(&self) -> Vec<String> {
        self.texts(KEYWORDS).collect()
    }

    pub(super) fn credit(&self) -> Option<String> {
        self.texts(CREDIT).next()
    }

    /// Returns the time of `19980302` and `101112+0100`; `None` for a date alone.
    pub(super) fn taken_at(&self) -> Option<TakenAt> {
        let (date, time) = (self.texts(DATE_CREATED).next()?, self.texts(TIME_CREATED).next()?);
        Time::parse(&format!("{}T{}", date.trim(), time.trim())).map(TakenAt::from)
    }

    fn texts(&self, requested: u8) -> impl Iterator<Item = String> {
        let values = self.datasets.iter().filter(move |(dataset, _)| *dataset == requested);
        values
            .map(|(_, value)| if self.utf8 { String::from_utf8_lossy(value).into_owned() } else { text::decode(value) })
    }
}

/// Returns record, dataset, value, and the rest of the bytes.
fn next_dataset(bytes: &[u8]) -> Option<(u8, u8, &[u8], &[u8])> {
    let [TAG_MARKER, record, dataset, high, low, rest @ ..] = bytes else { return None };
    let length = usize::from(u16::from_be_bytes([*high, *low]));
    let (length, rest) = if length & 0x8000 == 0 {
        (length, rest)
    } else {
        // Extended dataset: the low bits are the number of bytes of the length that follows.
        let (digits, rest) = rest.split_at_checked(length & 0x7FFF)?;
        let length =
            digits.iter().try_fold(0_usize, |length, &digit| Some(length.checked_mul(256)? | usize::from(digit)))?;
        (length, rest)
    };
    let (value, rest) = rest.split_at_checked(length)?;
    Some((*record, *dataset, value, rest))
}

/// Photoshop's resource of IPTC datasets.
pub(super) const IPTC_RESOURCE: u16 = 0x0404;
/// Photoshop's resource of XMP.
pub(super) const XMP_RESOURCE: u16 = 0x0424;

/// Returns the resource `requested` of a run of Photoshop resources.
pub(super) fn resource(mut bytes: &[u8], requested: u16) -> Option<&[u8]> {
    loop {
        let rest = bytes.strip_prefix(b"8BIM").or_else(|| bytes.strip_prefix(b"PHUT"))?;
        let (&[high, low], rest) = rest.split_first_chunk::<2>()?;
        // The name follows its length, and is padded to an even size.
        let name = usize::from(*rest.first()?) + 1;
        let (size, rest) = rest.get(name.next_multiple_of(2)..)?.split_first_chunk::<4>()?;
        let size = u32::from_be_bytes(*size) as usize;
        if u16::from_be_bytes([high, low]) == requested {
            return rest.get(..size);
        }
        bytes = rest.get(size.checked_next_multiple_of(2)?..)?;
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn dataset(record: u8, number: u8, value: &[u8]) -> Vec<u8> {
        let length = u16::try_from(value.len()).unwrap().to_be_bytes();
        [&[TAG_MARKER, record, number], &length[..], value].concat()
    }

    #[test]
    fn date_and_time_are_read_together() {
        let taken = |time: &[u8]| Iptc::parse(&[dataset(2, 55, b"19980302"), dataset(2, 60, time)].concat()).taken_at();
        let taken_at = taken(b"101112+0100").unwrap();
        assert_eq!((taken_at.local.as_str(), taken_at.offset.as_deref()), ("1998-03-02T10:11:12", Some("+01:00")));
        assert_eq!(taken(b"101112").unwrap().offset, None);
        assert_eq!(taken(b""), None);
        assert_eq!(Iptc::parse(&dataset(2, 55, b"19980302")).taken_at(), None);
    }

    #[test]
    fn both_encodings_are_read() {
        let utf8 = [dataset(1, 90, UTF8), dataset(2, 80, "Jürg".as_bytes()), dataset(2, 80, b"Ann")].concat();
        assert_eq!(Iptc::parse(&utf8).creator().as_deref(), Some("Jürg, Ann"));
        assert_eq!(Iptc::parse(&dataset(2, 116, b"\xA9 J\xFCrg")).copyright().as_deref(), Some("© Jürg"));
    }

    #[test]
    fn extended_lengths_are_read() {
        let caption = [&[TAG_MARKER, 2, 120, 0x80, 4, 0, 0, 0, 3][..], b"abc"].concat();
        assert_eq!(Iptc::parse(&caption).description().as_deref(), Some("abc"));
    }

    #[test]
    fn resources_are_found_behind_named_ones() {
        let run = b"8BIM\x03\xED\x03abc\0\0\0\x01x\08BIM\x04\x04\0\0\0\0\0\x02hi8BIM";
        assert_eq!(resource(run, IPTC_RESOURCE), Some(&b"hi"[..]));
        assert_eq!(resource(run, XMP_RESOURCE), None);
    }

    proptest! {
        #[test]
        fn any_bytes_are_read_without_panic(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
            let _ = Iptc::parse(&[&[TAG_MARKER, 2, 55][..], &bytes].concat()).taken_at();
            let _ = resource(&[b"8BIM", &bytes[..]].concat(), IPTC_RESOURCE);
        }
    }
}
