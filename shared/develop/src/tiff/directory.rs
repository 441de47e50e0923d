//! TIFF structures: directories of typed values, with 32-bit or 64-bit (BigTIFF) offsets. Nothing is copied: values
//! stay slices of the file.

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
#[derive(Debug)]
pub(crate) struct Directory<'a> {
    fields: Vec<Field<'a>>,
    /// Offset of the next directory; 0 after the last one.
    pub(super) next: u64,
}

#[derive(Debug)]
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

/// Fields read of one directory. TIFF counts them in 16 bits, BigTIFF in 64.
const MAX_FIELDS: usize = 65_535;

/// Bytes of one value, by type (TIFF 6.0, section 2; BigTIFF for 16 to 18). 0 for unknown types.
const SIZES: [usize; 19] = [0, 1, 1, 2, 4, 8, 1, 1, 2, 4, 8, 4, 8, 4, 0, 0, 8, 8, 8];

impl<'a> Structure<'a> {
    /// `None` if the bytes don't begin with a TIFF header.
    pub(crate) fn new(bytes: &'a [u8]) -> Option<Self> {
        let order = match bytes.get(..2)? {
            b"II" => Order::Little,
            b"MM" => Order::Big,
            _ => return None,
        };
        let big = match order.u16(*bytes.get(2..)?.first_chunk()?) {
            42 => false,
            43 => true,
            _ => return None,
        };
        Some(Self { bytes, order, big })
    }

    pub(super) fn order(&self) -> Order {
        self.order
    }

    pub(super) fn bytes(&self) -> &'a [u8] {
        self.bytes
    }

    /// Offset of the first directory.
    pub(crate) fn first(&self) -> u64 {
        if self.big { self.u64_at(8) } else { self.u32_at(4).map(u64::from) }.unwrap_or(0)
    }

    /// The directory at an offset. `None` if it lies outside of the file. Fields whose values do are left out.
    pub(crate) fn directory(&self, offset: u64) -> Option<Directory<'a>> {
        let start = usize::try_from(offset).ok().filter(|&start| start != 0)?;
        let (count, head, entry) = if self.big {
            (usize::try_from(self.u64_at(start)?).ok()?, 8, 20)
        } else {
            (usize::from(self.u16_at(start)?), 2, 12)
        };
        let table = self.bytes.get(start.checked_add(head)?..)?;
        // A directory cut short keeps the fields that are there.
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
        let size = *SIZES.get(usize::from(kind)).filter(|&&size| size != 0)?;
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
    pub(super) fn values(&self, tag: u16) -> Option<Values<'a>> {
        self.fields.iter().find(|field| field.tag == tag).map(|field| field.values)
    }

    /// The first value of a field of whole numbers.
    pub(crate) fn uint(&self, tag: u16) -> Option<u64> {
        self.values(tag)?.uint(0)
    }

    /// The bytes of a field, whatever its type.
    pub(crate) fn bytes(&self, tag: u16) -> Option<&'a [u8]> {
        self.values(tag).map(|values| values.data)
    }
}

impl Values<'_> {
    pub(super) fn len(&self) -> usize {
        self.data.len() / SIZES[usize::from(self.kind)]
    }

    /// A whole number that is not picture, if the field has one at this place.
    pub(super) fn uint(&self, index: usize) -> Option<u64> {
        let size = SIZES[usize::from(self.kind)];
        let data = self.data.get(index.checked_mul(size)?..)?;
        match self.kind {
            1 | 7 => data.first().map(|&byte| u64::from(byte)),
            3 => Some(u64::from(self.order.u16(*data.first_chunk()?))),
            4 | 13 => Some(u64::from(self.order.u32(*data.first_chunk()?))),
            16 | 18 => Some(self.order.u64(*data.first_chunk()?)),
            _ => None,
        }
    }

    pub(super) fn uints(&self) -> impl Iterator<Item = u64> {
        (0..self.len()).map_while(|index| self.uint(index))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

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
