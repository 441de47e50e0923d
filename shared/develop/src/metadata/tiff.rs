//! A reader of TIFF directories (TIFF 6.0, section 2), the structure of EXIF, that tolerates what cameras and editors
//! get wrong. Values are slices of the block: nothing is copied.

/// Directories of one chain. Files with more pages have the metadata in the first one.
const MAX_DIRECTORIES: usize = 16;
/// Entries of one directory: the most that a count of 16 bits can state. BigTIFF states 64 bits.
const MAX_ENTRIES: u64 = 65_535;
/// Bytes before the TIFF header in which it is searched: `Exif`, offsets and repeated prefixes stand there.
const MAX_PREFIX: usize = 32;

/// A TIFF structure.
#[derive(Debug, Clone, Copy)]
pub(super) struct Tiff<'a> {
    bytes: &'a [u8],
    little_endian: bool,
    /// BigTIFF: offsets of 64 bits.
    big: bool,
}

/// A directory's entries, in the order of the file.
#[derive(Debug, Clone, Default)]
pub(super) struct Directory<'a>(Vec<Entry<'a>>);

/// A field of a directory whose value lies inside the block.
#[derive(Debug, Clone, Copy)]
pub(super) struct Entry<'a> {
    tag: u16,
    kind: u16,
    little_endian: bool,
    data: &'a [u8],
}

impl<'a> Tiff<'a> {
    /// Finds the structure's header at the start of `block`, or behind a prefix such as `Exif\0\0`.
    pub(super) fn find(block: &'a [u8]) -> Option<Self> {
        (0..=MAX_PREFIX.min(block.len())).find_map(|start| Self::at_start(&block[start..]))
    }

    fn at_start(bytes: &'a [u8]) -> Option<Self> {
        let (little_endian, big) = match bytes.first_chunk::<4>()? {
            // Olympus and Panasonic put a number of their own where TIFF has 42.
            b"II\x2A\0" | b"IIRO" | b"IIRS" | b"IIU\0" => (true, false),
            b"MM\0\x2A" | b"MMOR" => (false, false),
            b"II\x2B\0" => (true, true),
            b"MM\0\x2B" => (false, true),
            _ => return None,
        };
        Some(Self { bytes, little_endian, big })
    }

    /// The directories of the main chain.
    pub(super) fn directories(&self) -> Vec<Directory<'a>> {
        let mut next = if self.big { self.unsigned(8, 8) } else { self.unsigned(4, 4) };
        let mut seen = Vec::new();
        let mut directories = Vec::new();
        while let Some(offset) = next
            && directories.len() < MAX_DIRECTORIES
            // A chain that returns to a directory never ends.
            && !seen.contains(&offset)
            && let Some((directory, following)) = self.read(offset)
        {
            seen.push(offset);
            directories.push(directory);
            next = following;
        }
        directories
    }

    /// The directory that `entry` points to.
    pub(super) fn directory_of(&self, entry: Entry) -> Option<Directory<'a>> {
        self.read(entry.unsigned(0)?).map(|(directory, _)| directory)
    }

    /// The directory at `offset`, and the offset of the next. A directory that runs past the block's end keeps the
    /// entries before it; an entry whose value does is left out.
    fn read(&self, offset: u64) -> Option<(Directory<'a>, Option<u64>)> {
        let offset = usize::try_from(offset).ok()?;
        let (count_size, entry_size, inline) = if self.big { (8, 20, 8) } else { (2, 12, 4) };
        let count = self.unsigned(offset, count_size)?.min(MAX_ENTRIES);
        let start = offset.checked_add(count_size)?;
        let end = start.checked_add(usize::try_from(count).ok()? * entry_size)?;
        let table = self.bytes.get(start..end.min(self.bytes.len()))?;
        let entries = (0..table.len() / entry_size).filter_map(|index| {
            let at = start + index * entry_size;
            let tag = u16::try_from(self.unsigned(at, 2)?).ok()?;
            let kind = u16::try_from(self.unsigned(at + 2, 2)?).ok()?;
            let count = self.unsigned(at + 4, inline)?;
            let size = usize::try_from(count).ok()?.checked_mul(size_of_kind(kind)?)?;
            let value = at + 4 + inline;
            let from = if size <= inline { value } else { usize::try_from(self.unsigned(value, inline)?).ok()? };
            let data = self.bytes.get(from..from.checked_add(size)?)?;
            Some(Entry { tag, kind, little_endian: self.little_endian, data })
        });
        let next = self.unsigned(end, inline).filter(|&next| next != 0);
        Some((Directory(entries.collect()), next))
    }

    fn unsigned(&self, at: usize, size: usize) -> Option<u64> {
        unsigned(self.bytes.get(at..at.checked_add(size)?)?, self.little_endian)
    }
}

impl<'a> Directory<'a> {
    pub(super) fn get(&self, tag: u16) -> Option<Entry<'a>> {
        self.0.iter().find(|entry| entry.tag == tag).copied()
    }

    pub(super) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

impl<'a> Entry<'a> {
    /// The value's bytes, whatever their type.
    pub(super) fn raw(&self) -> &'a [u8] {
        self.data
    }

    /// The bytes of a text: of type ASCII or UTF-8, or of type BYTE or UNDEFINED as some software writes.
    pub(super) fn text(&self) -> Option<&'a [u8]> {
        matches!(self.kind, BYTE | ASCII | UNDEFINED | UTF8).then_some(self.data)
    }

    /// An integer of any type, if it is not picture.
    pub(super) fn unsigned(&self, index: usize) -> Option<u64> {
        match self.kind {
            BYTE | SHORT | LONG | IFD | LONG8 | IFD8 => unsigned(self.element(index)?, self.little_endian),
            SBYTE | SSHORT | SLONG | SLONG8 => u64::try_from(self.signed(index)?).ok(),
            _ => None,
        }
    }

    /// A number of any type, if it is finite: 0/0 and 1/0 are how cameras write "unknown".
    #[expect(clippy::cast_precision_loss, reason = "numbers beyond 2^53 are no measurements")]
    pub(super) fn number(&self, index: usize) -> Option<f64> {
        let number = match self.kind {
            RATIONAL | SRATIONAL => {
                let (numerator, denominator) = self.element(index)?.split_at(4);
                let part = |bytes: &[u8]| {
                    let value = i64::try_from(unsigned(bytes, self.little_endian)?).ok()?;
                    Some(if self.kind == SRATIONAL { sign_extended(value, 4) } else { value } as f64)
                };
                part(numerator)? / part(denominator)?
            }
            FLOAT => {
                f64::from(f32::from_bits(u32::try_from(unsigned(self.element(index)?, self.little_endian)?).ok()?))
            }
            DOUBLE => f64::from_bits(unsigned(self.element(index)?, self.little_endian)?),
            SBYTE | SSHORT | SLONG | SLONG8 => self.signed(index)? as f64,
            _ => self.unsigned(index)? as f64,
        };
        number.is_finite().then_some(number)
    }

    fn signed(&self, index: usize) -> Option<i64> {
        let element = self.element(index)?;
        Some(sign_extended(unsigned(element, self.little_endian)?.cast_signed(), element.len()))
    }

    fn element(&self, index: usize) -> Option<&'a [u8]> {
        let size = size_of_kind(self.kind)?;
        let start = index.checked_mul(size)?;
        self.data.get(start..start.checked_add(size)?)
    }
}

const BYTE: u16 = 1;
const ASCII: u16 = 2;
const SHORT: u16 = 3;
const LONG: u16 = 4;
const RATIONAL: u16 = 5;
const SBYTE: u16 = 6;
const UNDEFINED: u16 = 7;
const SSHORT: u16 = 8;
const SLONG: u16 = 9;
const SRATIONAL: u16 = 10;
const FLOAT: u16 = 11;
const DOUBLE: u16 = 12;
/// TIFF Technical Note 1.
const IFD: u16 = 13;
/// BigTIFF.
const LONG8: u16 = 16;
const SLONG8: u16 = 17;
const IFD8: u16 = 18;
/// EXIF 3.0.
const UTF8: u16 = 129;

fn size_of_kind(kind: u16) -> Option<usize> {
    Some(match kind {
        BYTE | ASCII | SBYTE | UNDEFINED | UTF8 => 1,
        SHORT | SSHORT => 2,
        LONG | SLONG | FLOAT | IFD => 4,
        RATIONAL | SRATIONAL | DOUBLE | LONG8 | SLONG8 | IFD8 => 8,
        _ => return None,
    })
}

/// An unsigned number of at most eight bytes.
fn unsigned(bytes: &[u8], little_endian: bool) -> Option<u64> {
    let append = |value: u64, &byte: &u8| value << 8 | u64::from(byte);
    (bytes.len() <= 8)
        .then(|| if little_endian { bytes.iter().rev().fold(0, append) } else { bytes.iter().fold(0, append) })
}

/// The number whose two's complement of `size` bytes are the low bits of `value`.
fn sign_extended(value: i64, size: usize) -> i64 {
    let unused = 64 - 8 * size.min(8);
    value << unused >> unused
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn walk(block: &[u8]) -> usize {
        let Some(tiff) = Tiff::find(block) else { return 0 };
        let directories = tiff.directories();
        for entry in directories.iter().flat_map(|directory| &directory.0) {
            let _ = (entry.text(), entry.unsigned(0), entry.unsigned(7), entry.number(0), entry.number(usize::MAX));
            let _ = tiff.directory_of(*entry).map(|inner| inner.is_empty());
        }
        directories.len()
    }

    #[test]
    fn chain_that_returns_to_itself_ends() {
        let one = b"II\x2A\0\x08\0\0\0\x01\0\x12\x01\x03\0\x01\0\0\0\x06\0\0\0\x08\0\0\0";
        assert_eq!(walk(one), 1);
        assert_eq!(walk(&[&b"Exif\0\0Exif\0\0"[..], one].concat()), 1);
    }

    #[test]
    fn signed_and_fractional_types_are_read() {
        let entry = |kind, data| Entry { tag: 0, kind, little_endian: false, data };
        assert_eq!(entry(SSHORT, &[0xFF, 0xFE]).number(0), Some(-2.0));
        assert_eq!(entry(SSHORT, &[0xFF, 0xFE]).unsigned(0), None);
        assert_eq!(entry(SRATIONAL, &[0xFF, 0xFF, 0xFF, 0xFD, 0, 0, 0, 2]).number(0), Some(-1.5));
        assert_eq!(entry(RATIONAL, &[0xFF, 0xFF, 0xFF, 0xFF, 0, 0, 0, 1]).number(0), Some(4_294_967_295.0));
        assert_eq!(entry(RATIONAL, &[0; 8]).number(0), None);
        assert_eq!(entry(FLOAT, &[0x3F, 0xC0, 0, 0]).number(0), Some(1.5));
        assert_eq!(entry(IFD, &[0, 0, 0, 9]).unsigned(0), Some(9));
    }

    proptest! {
        #[test]
        fn any_bytes_are_read_without_panic(
            head in prop::sample::select(vec![&b"II\x2A\0"[..], b"MM\0\x2A", b"II\x2B\0", b"MM\0\x2B", b"IIU\0"]),
            rest in prop::collection::vec(prop_oneof![Just(0_u8), 0..20_u8, any::<u8>()], 0..400),
        ) {
            walk(&[head, &rest].concat());
        }
    }
}
