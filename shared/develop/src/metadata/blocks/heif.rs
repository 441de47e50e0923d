//! HEIF and AVIF: EXIF and XMP are items, which the `meta` box lists by name and place (ISO/IEC 14496-12, 8.11).

use std::{borrow::Cow, collections::BTreeMap};

use super::{Blocks, Context, MAX_BYTES};
use crate::bmff::boxes;

const XMP: &[u8] = b"application/rdf+xml";
/// Items of metadata that are read. Files have one or two.
const MAX_ITEMS: usize = 8;

/// Items of metadata, and references of such items, that are looked at. A file of a hundred pictures has as many.
const MAX_LISTED: usize = 4096;

/// Kinds of items that are read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    Exif,
    Xmp,
}

pub(crate) fn find<'a>(original: &'a [u8], blocks: &mut Blocks<'a>) {
    // `meta` begins with four bytes of version and flags.
    let Some(meta) = boxes(original).find(|found| &found.kind == b"meta").and_then(|found| found.body.get(4..)) else {
        return;
    };
    let child = |kind: &[u8; 4]| boxes(meta).find(|found| &found.kind == kind).map(|found| found.body);
    let (Some(names), Some(places)) = (child(b"iinf"), child(b"iloc")) else { return };
    let mut items = metadata_items(names);
    if let (Some(primary), Some(references)) = (child(b"pitm").and_then(primary_item), child(b"iref")) {
        let described = descriptions(references, primary);
        items.retain(|&(id, _)| described.get(&id) != Some(&false));
    }
    items.truncate(MAX_ITEMS);
    let item_data = child(b"idat");
    let mut budget = MAX_BYTES;
    for item in Places::read(places).into_iter().flatten() {
        let Some(&(_, kind)) = items.iter().find(|&&(id, _)| id == item.id) else { continue };
        let Some(source) = (match item.construction_method {
            0 => Some(original),
            1 => item_data,
            _ => None,
        }) else {
            continue;
        };
        let Some(bytes) = item.bytes(source, &mut budget) else { continue };
        match kind {
            // Four bytes before the block count those before its TIFF header.
            Kind::Exif => blocks.add_exif(Context::Main, bytes),
            Kind::Xmp => blocks.add_xmp(bytes),
        }
    }
}

/// Identifiers of the items that hold metadata, from the `iinf` box.
fn metadata_items(names: &[u8]) -> Vec<(u32, Kind)> {
    let mut names = Fields(names);
    let version = names.unsigned(1);
    names.skip(3);
    names.skip(if version == Some(0) { 2 } else { 4 });
    boxes(names.0)
        .filter(|found| &found.kind == b"infe")
        .filter_map(|found| {
            let mut entry = Fields(found.body);
            let version = entry.unsigned(1)?;
            entry.skip(3);
            let id = entry.unsigned(if version == 2 { 2 } else { 4 })?;
            entry.skip(2);
            // Versions 0 and 1 have no kind.
            let kind = entry.take(4).filter(|_| version >= 2)?;
            let mut texts = entry.0.split(|&byte| byte == 0);
            let (_name, content_type) = (texts.next(), texts.next());
            let kind = match kind {
                b"Exif" => Kind::Exif,
                b"mime" if content_type == Some(XMP) => Kind::Xmp,
                _ => return None,
            };
            Some((u32::try_from(id).ok()?, kind))
        })
        .take(MAX_LISTED)
        .collect()
}

/// The item that is the file's picture, from the `pitm` box.
fn primary_item(body: &[u8]) -> Option<u32> {
    let mut fields = Fields(body);
    let version = fields.unsigned(1)?;
    fields.skip(3);
    u32::try_from(fields.unsigned(if version == 0 { 2 } else { 4 })?).ok()
}

/// For each item that describes others, whether `primary` is among them, from the `iref` box. Files with several
/// pictures have metadata for each.
fn descriptions(references: &[u8], primary: u32) -> BTreeMap<u32, bool> {
    let mut fields = Fields(references);
    let id_size = if fields.unsigned(1) == Some(0) { 2 } else { 4 };
    fields.skip(3);
    let mut described = BTreeMap::new();
    for reference in boxes(fields.0).filter(|found| &found.kind == b"cdsc").take(MAX_LISTED) {
        let mut fields = Fields(reference.body);
        let (Some(from), Some(_count)) = (fields.unsigned(id_size), fields.unsigned(2)) else { continue };
        let Ok(from) = u32::try_from(from) else { continue };
        let of_primary = std::iter::from_fn(|| fields.unsigned(id_size)).any(|to| to == u64::from(primary));
        *described.entry(from).or_insert(false) |= of_primary;
    }
    described
}

/// The entries of an `iloc` box.
struct Places<'a> {
    fields: Fields<'a>,
    version: u64,
    offset_size: usize,
    length_size: usize,
    base_size: usize,
    index_size: usize,
    left: u64,
}

/// Where an item's bytes are.
struct Item<'a> {
    id: u32,
    construction_method: u64,
    base: usize,
    /// Offset and length of each extent, in fields of the box's sizes.
    extents: Fields<'a>,
    index_size: usize,
    offset_size: usize,
    length_size: usize,
}

impl<'a> Places<'a> {
    fn read(body: &'a [u8]) -> Option<Self> {
        let mut fields = Fields(body);
        let version = fields.unsigned(1)?;
        fields.skip(3);
        let sizes = fields.take(2)?;
        let half = |byte: u8, high: bool| usize::from(if high { byte >> 4 } else { byte & 0x0F });
        let left = fields.unsigned(if version < 2 { 2 } else { 4 })?;
        Some(Self {
            fields,
            version,
            offset_size: half(sizes[0], true),
            length_size: half(sizes[0], false),
            base_size: half(sizes[1], true),
            index_size: if version == 0 { 0 } else { half(sizes[1], false) },
            left,
        })
    }
}

impl<'a> Iterator for Places<'a> {
    type Item = Item<'a>;

    fn next(&mut self) -> Option<Item<'a>> {
        self.left = self.left.checked_sub(1)?;
        let id = u32::try_from(self.fields.unsigned(if self.version < 2 { 2 } else { 4 })?).ok()?;
        let construction_method = if self.version == 0 { 0 } else { self.fields.unsigned(2)? & 0x0F };
        self.fields.take(2)?;
        let base = usize::try_from(self.fields.unsigned(self.base_size)?).ok()?;
        let count = usize::try_from(self.fields.unsigned(2)?).ok()?;
        let size = count * (self.index_size + self.offset_size + self.length_size);
        Some(Item {
            id,
            construction_method,
            base,
            extents: Fields(self.fields.take(size)?),
            index_size: self.index_size,
            offset_size: self.offset_size,
            length_size: self.length_size,
        })
    }
}

impl Item<'_> {
    /// The item's extents one after the other. What `budget` does not allow is not copied; a single extent needs no
    /// copy.
    fn bytes<'a>(mut self, source: &'a [u8], budget: &mut usize) -> Option<Cow<'a, [u8]>> {
        let mut bytes = Cow::Borrowed(&[][..]);
        while !self.extents.0.is_empty() {
            self.extents.skip(self.index_size);
            let offset = usize::try_from(self.extents.unsigned(self.offset_size)?).ok()?;
            let length = usize::try_from(self.extents.unsigned(self.length_size)?).ok()?;
            let extent = source.get(self.base.checked_add(offset)?..)?;
            // Length 0 is the rest of the source.
            let extent = if length == 0 { extent } else { extent.get(..length)? };
            if bytes.is_empty() {
                bytes = Cow::Borrowed(extent);
            } else {
                *budget = budget
                    .checked_sub(extent.len() + if matches!(bytes, Cow::Borrowed(_)) { bytes.len() } else { 0 })?;
                bytes.to_mut().extend_from_slice(extent);
            }
            if self.index_size + self.offset_size + self.length_size == 0 {
                break;
            }
        }
        Some(bytes)
    }
}

/// Big-endian fields, read one after the other.
struct Fields<'a>(&'a [u8]);

impl<'a> Fields<'a> {
    fn take(&mut self, size: usize) -> Option<&'a [u8]> {
        let (field, rest) = self.0.split_at_checked(size)?;
        self.0 = rest;
        Some(field)
    }

    fn skip(&mut self, size: usize) {
        self.0 = self.0.get(size..).unwrap_or_default();
    }

    /// A number of at most eight bytes; 0 of none.
    fn unsigned(&mut self, size: usize) -> Option<u64> {
        let field = self.take(size).filter(|_| size <= 8)?;
        Some(field.iter().fold(0, |number, &byte| number << 8 | u64::from(byte)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn metadata_of_other_pictures_is_told_apart() {
        let reference = |from: u8, to: &[u8]| {
            let mut body = vec![0, from, 0, u8::try_from(to.len()).unwrap()];
            body.extend(to.iter().flat_map(|&to| [0, to]));
            [&[0, 0, 0, u8::try_from(body.len() + 8).unwrap()], &b"cdsc"[..], &body].concat()
        };
        let references = [vec![0; 4], reference(7, &[1]), reference(8, &[2]), reference(9, &[3, 1])].concat();
        let described = descriptions(&references, 1);
        assert_eq!(described.into_iter().collect::<Vec<_>>(), [(7, true), (8, false), (9, true)]);
        assert_eq!(primary_item(&[0, 0, 0, 0, 1, 2]), Some(258));
        assert_eq!(primary_item(&[1, 0, 0, 0, 0, 0, 1, 2]), Some(258));
    }
}
