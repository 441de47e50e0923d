//! Modification times of entries, in the forms of ZIP.

use jiff::{Timestamp, civil, tz::Offset};

/// Length in bytes of the extended timestamp extra field, in the local header and in the central directory.
pub(super) const EXTENDED_TIMESTAMP_LEN: u16 = 9;

/// Id of the extra field, registered by Info-ZIP: `UT` (APPNOTE 4.6.1).
const EXTENDED_TIMESTAMP_ID: u16 = 0x5455;

/// Flag for a modification time and no other (Info-ZIP's `proginfo/extrafld.txt`).
const HAS_MODIFICATION_TIME: u8 = 1;

/// Modification time of an entry, in both forms of ZIP.
///
/// The MS-DOS form (APPNOTE 4.4.6) is local time without time zone, in steps of two seconds from 1980 to 2107; older
/// extractors read only this form. The extended form is the instant in whole seconds UTC. It is present only if an
/// instant is known, because an assumed offset of a camera's clock could be wrong by hours.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Modified {
    dos_date: u16,
    dos_time: u16,
    unix: Option<i32>,
}

impl Modified {
    /// Creates the time of an instant, with UTC as local time.
    pub fn at(instant: Timestamp) -> Self {
        Self::new(Offset::UTC.to_datetime(instant), Some(instant))
    }

    /// Creates the time of a camera's clock: local time in ISO 8601 (`2024-06-15T14:30:05.12`), and the offset
    /// (`+02:00`) if the camera wrote one. Returns `None` if the text is not a time.
    pub fn taken(local: &str, offset: Option<&str>) -> Option<Self> {
        let wall: civil::DateTime = local.parse().ok()?;
        let instant = offset.and_then(|offset| format!("{local}{offset}").parse().ok());
        Some(Self::new(wall, instant))
    }

    fn new(wall: civil::DateTime, instant: Option<Timestamp>) -> Self {
        // Times outside the format's range become the nearest time in it.
        let wall = wall.clamp(civil::datetime(1980, 1, 1, 0, 0, 0, 0), civil::datetime(2107, 12, 31, 23, 59, 58, 0));
        let [year, month, day, hour, minute, second] = [
            wall.year() - 1980,
            wall.month().into(),
            wall.day().into(),
            wall.hour().into(),
            wall.minute().into(),
            wall.second().into(),
        ]
        .map(i16::cast_unsigned);
        Self {
            dos_date: year << 9 | month << 5 | day,
            dos_time: hour << 11 | minute << 5 | (second / 2),
            // Extractors disagree whether the 32 bits are signed, so only times that both interpretations share are
            // written.
            unix: instant.and_then(|instant| i32::try_from(instant.as_second()).ok()).filter(|&second| second >= 0),
        }
    }

    /// Returns time and date in MS-DOS format, in the order of the headers.
    pub(super) fn dos(self) -> (u16, u16) {
        (self.dos_time, self.dos_date)
    }

    /// Returns the length of the extra field in bytes: 9, or 0 if no instant is known.
    pub(super) fn extra_len(self) -> u16 {
        if self.unix.is_some() { EXTENDED_TIMESTAMP_LEN } else { 0 }
    }

    /// Writes the extra field. It contains only the modification time, so it is the same in both headers.
    pub(super) fn write_extra(self, out: &mut Vec<u8>) {
        if let Some(second) = self.unix {
            out.extend(EXTENDED_TIMESTAMP_ID.to_le_bytes());
            out.extend((EXTENDED_TIMESTAMP_LEN - 4).to_le_bytes());
            out.push(HAS_MODIFICATION_TIME);
            out.extend(second.to_le_bytes());
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn extra(modified: Modified) -> Vec<u8> {
        let mut out = Vec::new();
        modified.write_extra(&mut out);
        assert_eq!(out.len(), usize::from(modified.extra_len()));
        out
    }

    #[test]
    fn instant_is_written_in_both_forms() {
        let modified = Modified::at("2024-06-15T12:30:05Z".parse().expect("a time"));
        // 0x58CF = (2024 - 1980) << 9 | 6 << 5 | 15; 0x63C2 = 12 << 11 | 30 << 5 | 5 / 2.
        assert_eq!(modified.dos(), (0x63C2, 0x58CF));
        // 1718454605 = 0x666D894D.
        assert_eq!(extra(modified), [0x55, 0x54, 5, 0, 1, 0x4D, 0x89, 0x6D, 0x66]);
    }

    #[test]
    fn camera_time_with_offset_gives_the_instant() {
        let there = Modified::taken("2024-06-15T14:30:05.12", Some("+02:00")).expect("a time");
        assert_eq!(there.dos(), (14 << 11 | 30 << 5 | 2, 0x58CF));
        assert_eq!(extra(there), extra(Modified::at("2024-06-15T12:30:05Z".parse().expect("a time"))));
    }

    #[test]
    fn camera_time_without_offset_gives_no_instant() {
        let modified = Modified::taken("2024-06-15T14:30:05", None).expect("a time");
        assert_eq!(modified.dos(), (14 << 11 | 30 << 5 | 2, 0x58CF));
        assert!(extra(modified).is_empty());
        assert_eq!(Modified::taken("2024-06-15T14:30:05", Some("nonsense")), Some(modified));
        assert_eq!(Modified::taken("0000:00:00 00:00:00", None), None);
    }

    #[test]
    fn times_out_of_range_become_the_nearest() {
        let early = Modified::at("1969-12-31T23:59:59Z".parse().expect("a time"));
        assert_eq!((early.dos(), early.unix), ((0, 1 << 5 | 1), None));
        let late = Modified::at("2200-01-01T00:00:00Z".parse().expect("a time"));
        assert_eq!((late.dos(), late.unix), ((0xBF7D, 0xFF9F), None));
        let seventies = Modified::at("1975-01-01T00:00:00Z".parse().expect("a time"));
        assert_eq!((seventies.dos(), seventies.unix), ((0, 1 << 5 | 1), Some(157_766_400)));
    }
}
