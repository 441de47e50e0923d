//! The items of a HEIF file: pictures, tiles and metadata. The `meta` box lists them with kind, place, properties and
//! references (ISO/IEC 14496-12, 8.11, and ISO/IEC 23008-12, 9.3).
//!
//! Tables may be of any length, and may refer to each other in circles; all structures here are linear in the size of
//! the box.

use std::{borrow::Cow, collections::BTreeMap};

use crate::{
    bmff::{Fields, boxes},
    error::{Error, Failure},
};

/// The most items and references that are read. A picture of 250 megapixels in tiles of 256 pixels has 3,815.
const MAX_ENTRIES: usize = 1 << 14;
/// The content type of XMP.
const XMP: &[u8] = b"application/rdf+xml";

/// The four characters of a box, an item or a reference.
pub(super) type Kind = [u8; 4];

/// A file's items.
pub(crate) struct Items<'a> {
    file: &'a [u8],
    /// The file's `idat` box.
    item_data: Option<&'a [u8]>,
    /// The item of the file's picture.
    pub(super) primary: Option<u32>,
    kinds: BTreeMap<u32, Info<'a>>,
    places: BTreeMap<u32, Place<'a>>,
    references: Vec<Reference<'a>>,
    /// All properties, in the order of their indices, which begin at 1.
    properties: Vec<(Kind, &'a [u8])>,
    associations: BTreeMap<u32, Associations<'a>>,
}

#[derive(Clone, Copy)]
struct Info<'a> {
    kind: Kind,
    content_type: &'a [u8],
}

/// One kind of reference from an item to others.
struct Reference<'a> {
    kind: Kind,
    from: u32,
    to: Fields<'a>,
    id_size: usize,
}

/// Indices of an item's properties.
#[derive(Clone, Copy)]
struct Associations<'a> {
    entries: &'a [u8],
    /// Bytes per entry: 1 or 2.
    size: usize,
}

/// A property of an item.
pub(super) struct Property<'a> {
    pub(super) kind: Kind,
    pub(super) body: &'a [u8],
    /// Whether readers that do not support the property must ignore the item.
    pub(super) is_essential: bool,
}

impl<'a> Items<'a> {
    /// Reads the tables; `None` without a `meta` box. Missing entries of the tables are missing here too.
    pub(crate) fn read(file: &'a [u8]) -> Option<Self> {
        let mut meta = Fields(boxes(file).find(|found| &found.kind == b"meta")?.body);
        meta.version()?;
        let child = |kind: &Kind| boxes(meta.0).find(|found| &found.kind == kind).map(|found| found.body);
        let properties = child(b"iprp").unwrap_or_default();
        let container = boxes(properties).find(|found| &found.kind == b"ipco").map(|found| found.body);
        let mut associations = BTreeMap::new();
        for found in boxes(properties).filter(|found| &found.kind == b"ipma") {
            read_associations(found.body, &mut associations);
        }
        Some(Self {
            file,
            item_data: child(b"idat"),
            primary: child(b"pitm").and_then(primary_item),
            kinds: child(b"iinf").map(read_infos).unwrap_or_default(),
            places: child(b"iloc").and_then(read_places).unwrap_or_default(),
            references: child(b"iref").and_then(read_references).unwrap_or_default(),
            properties: boxes(container.unwrap_or_default())
                .take(MAX_ENTRIES)
                .map(|found| (found.kind, found.body))
                .collect(),
            associations,
        })
    }

    /// Returns the size of the file in bytes.
    pub(super) fn file_len(&self) -> usize {
        self.file.len()
    }

    /// Returns the kind of an item.
    pub(super) fn kind(&self, id: u32) -> Option<Kind> {
        self.kinds.get(&id).map(|info| info.kind)
    }

    /// Returns items of EXIF and XMP (`mime`) that describe the primary item, or no item in particular.
    pub(crate) fn metadata(&self) -> impl Iterator<Item = (u32, &Kind)> {
        let described = self.primary.map(|primary| self.descriptions(primary)).unwrap_or_default();
        self.kinds
            .iter()
            .filter(|(_, info)| match &info.kind {
                b"Exif" => true,
                b"mime" => info.content_type == XMP,
                _ => false,
            })
            .filter(move |(id, _)| described.get(id) != Some(&false))
            .map(|(&id, info)| (id, &info.kind))
    }

    /// Returns, for each item that describes others, whether `primary` is among them. Files with several pictures have
    /// metadata for each.
    fn descriptions(&self, primary: u32) -> BTreeMap<u32, bool> {
        let mut described = BTreeMap::new();
        for reference in self.references.iter().filter(|reference| &reference.kind == b"cdsc") {
            *described.entry(reference.from).or_insert(false) |= reference.targets().any(|to| to == primary);
        }
        described
    }

    /// Returns the items to which `from` refers.
    pub(super) fn referred(&self, from: u32, kind: &Kind) -> impl Iterator<Item = u32> {
        let found = self.references.iter().find(|reference| reference.from == from && &reference.kind == kind);
        found.into_iter().flat_map(Reference::targets)
    }

    /// Returns the items that refer to `to`.
    pub(super) fn referring(&self, to: u32, kind: &Kind) -> impl Iterator<Item = u32> {
        self.references
            .iter()
            .filter(move |reference| &reference.kind == kind && reference.targets().any(|target| target == to))
            .map(|reference| reference.from)
    }

    /// Returns an item's properties, in the order in which they apply.
    pub(super) fn properties(&self, id: u32) -> impl Iterator<Item = Property<'a>> {
        let indices = self.associations.get(&id).into_iter().flat_map(Associations::indices);
        indices.filter_map(|(index, is_essential)| {
            let &(kind, body) = self.properties.get(index.checked_sub(1)?)?;
            Some(Property { kind, body, is_essential })
        })
    }

    /// Returns all properties of the file.
    pub(super) fn all_properties(&self) -> impl Iterator<Item = Property<'a>> {
        self.properties.iter().map(|&(kind, body)| Property { kind, body, is_essential: false })
    }

    /// Returns an item's bytes. `budget` counts the bytes that must be copied, because they are in several pieces.
    pub(crate) fn bytes(&self, id: u32, budget: &mut usize) -> Result<Cow<'a, [u8]>, Failure> {
        let place = self.places.get(&id).ok_or(Error::Damaged)?;
        let source = match place.construction_method {
            0 => self.file,
            1 => self.item_data.ok_or(Error::Damaged)?,
            // The bytes are pieces of other items.
            _ => return Err(Failure::Unsupported),
        };
        place.bytes(source, budget)
    }
}

impl Associations<'_> {
    /// Returns each index, and whether the property is essential, which is the highest bit.
    fn indices(&self) -> impl Iterator<Item = (usize, bool)> {
        self.entries.chunks_exact(self.size).map(|entry| {
            let index = entry.iter().fold(0, |index, &byte| index << 8 | usize::from(byte));
            let mask = (1 << (8 * entry.len() - 1)) - 1;
            (index & mask, index & !mask != 0)
        })
    }
}

impl Reference<'_> {
    fn targets(&self) -> impl Iterator<Item = u32> {
        let (mut fields, size) = (self.to, self.id_size);
        std::iter::from_fn(move || u32::try_from(fields.unsigned(size)?).ok())
    }
}

fn primary_item(body: &[u8]) -> Option<u32> {
    let mut fields = Fields(body);
    let version = fields.version()?;
    u32::try_from(fields.unsigned(if version == 0 { 2 } else { 4 })?).ok()
}

/// Reads the kinds of items from the `iinf` box.
fn read_infos(body: &[u8]) -> BTreeMap<u32, Info<'_>> {
    let mut fields = Fields(body);
    let version = fields.version();
    fields.skip(if version == Some(0) { 2 } else { 4 });
    let entries = boxes(fields.0).filter(|found| &found.kind == b"infe").take(MAX_ENTRIES);
    entries.filter_map(|found| read_info(found.body)).collect()
}

fn read_info(body: &[u8]) -> Option<(u32, Info<'_>)> {
    let mut fields = Fields(body);
    let version = fields.version()?;
    let id = fields.unsigned(if version == 2 { 2 } else { 4 })?;
    fields.skip(2);
    // Versions 0 and 1 have no kind.
    let kind = *fields.take(4).filter(|_| version >= 2)?.first_chunk()?;
    let mut texts = fields.0.split(|&byte| byte == 0);
    let (_name, content_type) = (texts.next(), texts.next());
    Some((u32::try_from(id).ok()?, Info { kind, content_type: content_type.unwrap_or_default() }))
}

/// Reads the references between items from the `iref` box.
fn read_references(body: &[u8]) -> Option<Vec<Reference<'_>>> {
    let mut fields = Fields(body);
    let id_size = if fields.version()? == 0 { 2 } else { 4 };
    let entries = boxes(fields.0).take(MAX_ENTRIES).filter_map(|found| {
        let mut fields = Fields(found.body);
        let from = u32::try_from(fields.unsigned(id_size)?).ok()?;
        let count = usize::from(fields.u16()?);
        let to = fields.0.get(..count * id_size).unwrap_or(fields.0);
        Some(Reference { kind: found.kind, from, to: Fields(to), id_size })
    });
    Some(entries.collect())
}

/// Reads the properties of each item from an `ipma` box. The first of several lists for an item counts.
fn read_associations<'a>(body: &'a [u8], associations: &mut BTreeMap<u32, Associations<'a>>) {
    let mut read = || {
        let mut fields = Fields(body);
        let [version, _, _, flags] = *fields.take(4)?.first_chunk()?;
        let size = if flags & 1 == 0 { 1 } else { 2 };
        for _ in 0..(fields.u32()? as usize).min(MAX_ENTRIES) {
            let id = u32::try_from(fields.unsigned(if version == 0 { 2 } else { 4 })?).ok()?;
            let count = usize::from(fields.u8()?);
            associations.entry(id).or_insert(Associations { entries: fields.take(count * size)?, size });
        }
        Some(())
    };
    // An incomplete table has fewer items.
    let _ = read();
}

/// The place of an item's bytes.
struct Place<'a> {
    construction_method: u64,
    base: usize,
    /// Index, offset and length of each extent, in fields of these sizes.
    extents: Fields<'a>,
    index_size: usize,
    offset_size: usize,
    length_size: usize,
}

/// Reads the places of items from the `iloc` box.
fn read_places(body: &[u8]) -> Option<BTreeMap<u32, Place<'_>>> {
    let mut fields = Fields(body);
    let version = fields.version()?;
    let sizes = fields.take(2)?;
    let [offset_size, length_size, base_size, index_size] =
        [sizes[0] >> 4, sizes[0] & 0x0F, sizes[1] >> 4, sizes[1] & 0x0F].map(usize::from);
    let index_size = if version == 0 { 0 } else { index_size };
    let id_size = if version < 2 { 2 } else { 4 };
    let count = usize::try_from(fields.unsigned(id_size)?).ok()?;
    let mut next = || {
        let id = u32::try_from(fields.unsigned(id_size)?).ok()?;
        let construction_method = if version == 0 { 0 } else { fields.unsigned(2)? & 0x0F };
        // The reference to another file is ignored: data is always read from this one.
        fields.take(2)?;
        let base = usize::try_from(fields.unsigned(base_size)?).ok()?;
        let count = usize::from(fields.u16()?);
        let extents = Fields(fields.take(count * (index_size + offset_size + length_size))?);
        Some((id, Place { construction_method, base, extents, index_size, offset_size, length_size }))
    };
    Some((0..count.min(MAX_ENTRIES)).map_while(|_| next()).collect())
}

impl Place<'_> {
    /// Returns the extents one after the other. A single one needs no copy.
    fn bytes<'a>(&self, source: &'a [u8], budget: &mut usize) -> Result<Cow<'a, [u8]>, Failure> {
        let mut extents = self.extents;
        let mut number =
            |size: usize| usize::try_from(extents.unsigned(size).ok_or(Error::Damaged)?).map_err(|_| Error::Damaged);
        let each = self.index_size + self.offset_size + self.length_size;
        let count = self.extents.0.len().checked_div(each).unwrap_or(1);
        let mut bytes = Cow::Borrowed(&[][..]);
        for _ in 0..count {
            number(self.index_size)?;
            let start = self.base.checked_add(number(self.offset_size)?).ok_or(Error::Damaged)?;
            let length = number(self.length_size)?;
            let extent = source.get(start..).ok_or(Error::Truncated)?;
            // Length 0 means the rest of the source.
            let extent = if length == 0 { extent } else { extent.get(..length).ok_or(Error::Truncated)? };
            if bytes.is_empty() {
                bytes = Cow::Borrowed(extent);
            } else {
                let copied = extent.len() + if matches!(bytes, Cow::Borrowed(_)) { bytes.len() } else { 0 };
                *budget = budget.checked_sub(copied).ok_or(Error::Damaged)?;
                bytes.to_mut().extend_from_slice(extent);
            }
        }
        Ok(bytes)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn metadata_of_other_pictures_is_distinguished() {
        let reference = |from: u8, to: &[u8]| {
            let mut body = vec![0, from, 0, u8::try_from(to.len()).unwrap()];
            body.extend(to.iter().flat_map(|&to| [0, to]));
            [&[0, 0, 0, u8::try_from(body.len() + 8).unwrap()], &b"cdsc"[..], &body].concat()
        };
        let references = [vec![0; 4], reference(7, &[1]), reference(8, &[2]), reference(9, &[3, 1])].concat();
        let items = Items {
            file: &[],
            item_data: None,
            primary: Some(1),
            kinds: BTreeMap::new(),
            places: BTreeMap::new(),
            references: read_references(&references).unwrap(),
            properties: Vec::new(),
            associations: BTreeMap::new(),
        };
        let described = items.descriptions(1);
        assert_eq!(described.into_iter().collect::<Vec<_>>(), [(7, true), (8, false), (9, true)]);
        assert_eq!(primary_item(&[0, 0, 0, 0, 1, 2]), Some(258));
        assert_eq!(primary_item(&[1, 0, 0, 0, 0, 0, 1, 2]), Some(258));
    }

    #[test]
    fn indices_of_properties_have_7_or_15_bits() {
        for (table, expected) in [
            (&[0, 0, 0, 0, 0, 0, 0, 1, 0, 5, 2, 0x81, 0x02][..], [(1, true), (2, false)]),
            (&[1, 0, 0, 1, 0, 0, 0, 1, 0, 0, 0, 5, 2, 0x80, 0x01, 0x00, 0x02], [(1, true), (2, false)]),
        ] {
            let mut associations = BTreeMap::new();
            read_associations(table, &mut associations);
            let found: Vec<_> = associations[&5].indices().collect();
            assert_eq!(found, expected);
        }
    }
}
