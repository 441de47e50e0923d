//! TIFF structures: directories of typed values, with 32-bit or 64-bit (BigTIFF) offsets (TIFF 6.0, section 2).
//! Pictures, camera RAW and EXIF use this reader, so it tolerates common errors of cameras and editors. Nothing is
//! copied: values are slices of the file.

/// A file or block that begins with a TIFF header.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Structure<'a> {
    bytes: &'a [u8],
    order: Order,
    big: bool,
}

/// Byte order.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Order {
    Little,
    Big,
}

impl Order {
    /// Reads an unsigned number of at most eight bytes.
    fn uint(self, bytes: &[u8]) -> u64 {
        let append = |value: u64, &byte: &u8| value << 8 | u64::from(byte);
        if self == Self::Little { bytes.iter().rev().fold(0, append) } else { bytes.iter().fold(0, append) }
    }

    pub(super) fn u16(self, bytes: [u8; 2]) -> u16 {
        if self == Self::Little { u16::from_le_bytes(bytes) } else { u16::from_be_bytes(bytes) }
    }

    pub(super) fn u32(self, bytes: [u8; 4]) -> u32 {
        if self == Self::Little { u32::from_le_bytes(bytes) } else { u32::from_be_bytes(bytes) }
    }

    pub(super) fn u64(self, bytes: [u8; 8]) -> u64 {
        if self == Self::Little { u64::from_le_bytes(bytes) } else { u64::from_be_bytes(bytes) }
    }
}

/// One directory.
#[derive(Debug, Clone)]
pub(crate) struct Directory<'a> {
    fields: Vec<Field<'a>>,
    next: u64,
}

#[derive(Debug, Clone, Copy)]
struct Field<'a> {
    tag: u16,
    values: Values<'a>,
}

/// The values of one field.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Values<'a> {
    kind: u16,
    data: &'a [u8],
    order: Order,
}

/// The most directories of one chain. Files with more pages have the metadata in the first one.
const MAX_CHAIN: usize = 16;
/// The most fields of one directory. TIFF counts them in 16 bits, BigTIFF in 64.
const MAX_FIELDS: usize = 65_535;
/// The bytes before a header in which it is searched: `Exif`, offsets and repeated prefixes may precede it.
const MAX_PREFIX: usize = 32;

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

/// Returns the bytes of one value; `None` for unknown types.
fn size_of_kind(kind: u16) -> Option<usize> {
    Some(match kind {
        BYTE | ASCII | SBYTE | UNDEFINED | UTF8 => 1,
        SHORT | SSHORT => 2,
        LONG | SLONG | FLOAT | IFD => 4,
        RATIONAL | SRATIONAL | DOUBLE | LONG8 | SLONG8 | IFD8 => 8,
        _ => return None,
    })
}

impl<'a> Structure<'a> {
    /// Returns `None` if the bytes do not begin with a TIFF header.
    pub(crate) fn new(bytes: &'a [u8]) -> Option<Self> {
        let (order, big) = match bytes.first_chunk::<4>()? {
            b"II\x2A\0" => (Order::Little, false),
            b"MM\0\x2A" => (Order::Big, false),
            b"II\x2B\0" => (Order::Little, true),
            b"MM\0\x2B" => (Order::Big, true),
            _ => return None,
        };
        Some(Self { bytes, order, big })
    }

    /// Finds the header at the start of `block`, or behind a prefix such as `Exif\0\0`. Accepts headers with a camera's
    /// own number.
    pub(crate) fn find(block: &'a [u8]) -> Option<Self> {
        (0..=MAX_PREFIX.min(block.len())).find_map(|start| {
            let bytes = &block[start..];
            let order = match bytes.first_chunk::<4>()? {
                // Olympus and Panasonic write their own number where TIFF has 42.
                b"IIRO" | b"IIRS" | b"IIU\0" => Order::Little,
                b"MMOR" => Order::Big,
                _ => return Self::new(bytes),
            };
            Some(Self { bytes, order, big: false })
        })
    }

    pub(super) fn order(&self) -> Order {
        self.order
    }

    pub(super) fn bytes(&self) -> &'a [u8] {
        self.bytes
    }

    /// Returns the offset of the first directory.
    pub(crate) fn first(&self) -> u64 {
        if self.big { self.u64_at(8) } else { self.u32_at(4).map(u64::from) }.unwrap_or(0)
    }

    /// Returns the directories of the main chain.
    pub(crate) fn chain(&self) -> Vec<Directory<'a>> {
        let mut offset = self.first();
        let mut seen = Vec::new();
        let mut directories = Vec::new();
        while directories.len() < MAX_CHAIN
            // A chain that returns to a directory would never end.
            && !seen.contains(&offset)
            && let Some(directory) = self.directory(offset)
        {
            seen.push(offset);
            offset = directory.next;
            directories.push(directory);
        }
        directories
    }

    /// Returns the directory at an offset; `None` if it is outside of the file. Fields with values outside are left
    /// out.
    pub(crate) fn directory(&self, offset: u64) -> Option<Directory<'a>> {
        let start = usize::try_from(offset).ok().filter(|&start| start != 0)?;
        let (count, head, entry) = if self.big {
            (usize::try_from(self.u64_at(start)?).ok()?, 8, 20)
        } else {
            (usize::from(self.u16_at(start)?), 2, 12)
        };
        let table = self.bytes.get(start.checked_add(head)?..)?;
        // A truncated directory keeps its complete fields.
        let fields =
            table.chunks_exact(entry).take(count.min(MAX_FIELDS)).filter_map(|entry| self.field(entry)).collect();
        let end = count.checked_mul(entry).and_then(|length| length.checked_add(start + head));
        let next = match (end, self.big) {
            (Some(end), true) => self.u64_at(end),
            (Some(end), false) => self.u32_at(end).map(u64::from),
            (None, _) => None,
        };
        Some(Directory { fields, next: next.unwrap_or(0) })
    }

    fn field(&self, entry: &'a [u8]) -> Option<Field<'a>> {
        let tag = self.order.u16(*entry.first_chunk()?);
        let kind = self.order.u16(*entry.get(2..)?.first_chunk()?);
        let size = size_of_kind(kind)?;
        let (count, inline) = if self.big {
            (self.order.u64(*entry.get(4..)?.first_chunk()?), entry.get(12..)?)
        } else {
            (u64::from(self.order.u32(*entry.get(4..)?.first_chunk()?)), entry.get(8..)?)
        };
        let length = usize::try_from(count).ok()?.checked_mul(size)?;
        let data = if length <= inline.len() {
            &inline[..length]
        } else {
            let offset = if self.big {
                self.order.u64(*inline.first_chunk()?)
            } else {
                u64::from(self.order.u32(*inline.first_chunk()?))
            };
            let start = usize::try_from(offset).ok()?;
            self.bytes.get(start..start.checked_add(length)?)?
        };
        Some(Field { tag, values: Values { kind, data, order: self.order } })
    }

    fn u16_at(&self, at: usize) -> Option<u16> {
        Some(self.order.u16(*self.bytes.get(at..)?.first_chunk()?))
    }

    fn u32_at(&self, at: usize) -> Option<u32> {
        Some(self.order.u32(*self.bytes.get(at..)?.first_chunk()?))
    }

    fn u64_at(&self, at: usize) -> Option<u64> {
        Some(self.order.u64(*self.bytes.get(at..)?.first_chunk()?))
    }
}

impl<'a> Directory<'a> {
    pub(crate) fn values(&self, tag: u16) -> Option<Values<'a>> {
        self.fields.iter().find(|field| field.tag == tag).map(|field| field.values)
    }

    /// Returns the first value of a field of whole numbers.
    pub(crate) fn uint(&self, tag: u16) -> Option<u64> {
        self.values(tag)?.uint(0)
    }

    /// Returns the bytes of a field of any type.
    pub(crate) fn bytes(&self, tag: u16) -> Option<&'a [u8]> {
        self.values(tag).map(|values| values.data)
    }

    /// Returns the offset of the next directory; 0 after the last one.
    pub(crate) fn next(&self) -> u64 {
        self.next
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.fields.is_empty()
    }
}

impl<'a> Values<'a> {
    pub(crate) fn len(&self) -> usize {
        size_of_kind(self.kind).map_or(0, |size| self.data.len() / size)
    }

    /// Returns the bytes of any type.
    pub(crate) fn bytes(&self) -> &'a [u8] {
        self.data
    }

    /// Returns the bytes of a text: of type ASCII or UTF-8, or of type BYTE or UNDEFINED, as some software writes.
    pub(crate) fn text(&self) -> Option<&'a [u8]> {
        matches!(self.kind, BYTE | ASCII | UNDEFINED | UTF8).then_some(self.data)
    }

    /// Returns a whole number of any type, if the field has a non-negative one at this index.
    pub(crate) fn uint(&self, index: usize) -> Option<u64> {
        match self.kind {
            BYTE | UNDEFINED | SHORT | LONG | IFD | LONG8 | IFD8 => Some(self.order.uint(self.element(index)?)),
            SBYTE | SSHORT | SLONG | SLONG8 => u64::try_from(self.int(index)?).ok(),
            _ => None,
        }
    }

    pub(crate) fn uints(&self) -> impl Iterator<Item = u64> {
        (0..self.len()).map_while(|index| self.uint(index))
    }

    /// Returns a number of any type, if it is finite: cameras write 0/0 and 1/0 for "unknown".
    #[expect(clippy::cast_precision_loss, reason = "numbers beyond 2^53 are no measurements")]
    pub(crate) fn number(&self, index: usize) -> Option<f64> {
        let number = match self.kind {
            RATIONAL | SRATIONAL => {
                let (numerator, denominator) = self.element(index)?.split_at(4);
                let part = |bytes: &[u8]| {
                    let value = self.order.uint(bytes).cast_signed();
                    (if self.kind == SRATIONAL { sign_extended(value, 4) } else { value }) as f64
                };
                part(numerator) / part(denominator)
            }
            FLOAT => f64::from(f32::from_bits(u32::try_from(self.order.uint(self.element(index)?)).ok()?)),
            DOUBLE => f64::from_bits(self.order.uint(self.element(index)?)),
            SBYTE | SSHORT | SLONG | SLONG8 => self.int(index)? as f64,
            _ => self.uint(index)? as f64,
        };
        number.is_finite().then_some(number)
    }

    fn int(&self, index: usize) -> Option<i64> {
        let element = self.element(index)?;
        Some(sign_extended(self.order.uint(element).cast_signed(), element.len()))
    }

    fn element(&self, index: usize) -> Option<&'a [u8]> {
        let size = size_of_kind(self.kind)?;
        let start = index.checked_mul(size)?;
        self.data.get(start..start.checked_add(size)?)
    }
}

/// Returns the number whose two's complement of `size` bytes is in the low bits of `value`.
fn sign_extended(value: i64, size: usize) -> i64 {
    let unused = 64 - 8 * size.min(8);
    value << unused >> unused
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn walk(block: &[u8]) -> usize {
        let Some(structure) = Structure::find(block) else { return 0 };
        let chain = structure.chain();
        for values in chain.iter().flat_map(|directory| &directory.fields).map(|field| field.values) {
            let _ = (values.text(), values.uint(0), values.uint(7), values.number(0), values.number(usize::MAX));
            let _ = values.uint(0).and_then(|offset| structure.directory(offset)).map(|inner| inner.is_empty());
        }
        chain.len()
    }

    #[test]
    fn chain_that_returns_to_itself_ends() {
        let one = b"II\x2A\0\x08\0\0\0\x01\0\x12\x01\x03\0\x01\0\0\0\x06\0\0\0\x08\0\0\0";
        assert_eq!(walk(one), 1);
        assert_eq!(walk(&[&b"Exif\0\0Exif\0\0"[..], one].concat()), 1);
    }

    #[test]
    fn signed_and_fractional_types_are_read() {
        let values = |kind, data| Values { kind, order: Order::Big, data };
        assert_eq!(values(SSHORT, &[0xFF, 0xFE]).number(0), Some(-2.0));
        assert_eq!(values(SSHORT, &[0xFF, 0xFE]).uint(0), None);
        assert_eq!(values(SRATIONAL, &[0xFF, 0xFF, 0xFF, 0xFD, 0, 0, 0, 2]).number(0), Some(-1.5));
        assert_eq!(values(RATIONAL, &[0xFF, 0xFF, 0xFF, 0xFF, 0, 0, 0, 1]).number(0), Some(4_294_967_295.0));
        assert_eq!(values(RATIONAL, &[0; 8]).number(0), None);
        assert_eq!(values(FLOAT, &[0x3F, 0xC0, 0, 0]).number(0), Some(1.5));
        assert_eq!(values(IFD, &[0, 0, 0, 9]).uint(0), Some(9));
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

    #[test]
    fn directories_outside_of_the_file_are_none() {
        let file = b"II\x2A\0\x08\0\0\0\x01\0\0\x01\x04\0\x02\0\0\0\xFF\xFF\xFF\xFF\x08\0\0\0";
        let structure = Structure::new(file).unwrap();
        let directory = structure.directory(structure.first()).unwrap();
        assert_eq!(directory.uint(256), None, "the values lie outside");
        assert_eq!(directory.next, 8);
        assert!(structure.directory(0).is_none());
        assert!(structure.directory(u64::MAX).is_none());
    }

    #[test]
    fn both_orders_and_offset_sizes_are_read() {
        let little = b"II\x2A\0\x08\0\0\0\x01\0\0\x01\x03\0\x01\0\0\0\x2C\x01\0\0\0\0\0\0";
        let big =
            b"MM\0\x2B\0\x08\0\0\0\0\0\0\0\0\0\x10\0\0\0\0\0\0\0\x01\x01\0\0\x03\0\0\0\0\0\0\0\x01\x01\x2C\0\0\0\0\0\0";
        for file in [&little[..], big] {
            let structure = Structure::new(file).unwrap();
            assert_eq!(structure.directory(structure.first()).unwrap().uint(256), Some(300));
        }
    }
}
