//! Blocks of metadata in files, written byte by byte.

use std::io::Write as _;

use flate2::{Compression, write::ZlibEncoder};

use crate::tests::samples::base_media_box;

/// Types of TIFF fields.
pub(super) const BYTE: u16 = 1;
pub(super) const ASCII: u16 = 2;
pub(super) const SHORT: u16 = 3;
pub(super) const LONG: u16 = 4;
pub(super) const RATIONAL: u16 = 5;
pub(super) const UNDEFINED: u16 = 7;
pub(super) const IFD: u16 = 13;
pub(super) const UTF8: u16 = 129;

/// A field: tag, type, value in little-endian bytes.
pub(super) type Field<'a> = (u16, u16, &'a [u8]);

const EXIF_DIRECTORY: u16 = 0x8769;

/// Returns a TIFF structure of IFD0 and, unless it has no fields, an EXIF directory behind a pointer of this type.
pub(super) fn exif(main: &[Field], exif: &[Field], pointer: u16) -> Vec<u8> {
    let mut block = b"II\x2A\0\x08\0\0\0".to_vec();
    if exif.is_empty() {
        directory(&mut block, main);
        return block;
    }
    // Written twice: the offset of the second directory is known only after the first.
    let mut with_pointer = main.to_vec();
    with_pointer.push((EXIF_DIRECTORY, pointer, &[0; 4]));
    let mut measured = block.clone();
    directory(&mut measured, &with_pointer);
    let offset = u32::try_from(measured.len()).unwrap().to_le_bytes();
    with_pointer.pop();
    with_pointer.push((EXIF_DIRECTORY, pointer, &offset));
    directory(&mut block, &with_pointer);
    directory(&mut block, exif);
    block
}

pub(super) fn directory(block: &mut Vec<u8>, fields: &[Field]) {
    let mut values_at = block.len() + 2 + 12 * fields.len() + 4;
    let mut values = Vec::new();
    block.extend(u16::try_from(fields.len()).unwrap().to_le_bytes());
    for (tag, kind, value) in fields {
        let size = match *kind {
            SHORT => 2,
            LONG | IFD => 4,
            RATIONAL => 8,
            _ => 1,
        };
        block.extend(tag.to_le_bytes());
        block.extend(kind.to_le_bytes());
        block.extend(u32::try_from(value.len() / size).unwrap().to_le_bytes());
        if value.len() <= 4 {
            let mut inline = value.to_vec();
            inline.resize(4, 0);
            block.extend(inline);
        } else {
            block.extend(u32::try_from(values_at).unwrap().to_le_bytes());
            values.extend_from_slice(value);
            values_at += value.len();
        }
    }
    block.extend([0; 4]);
    block.extend(values);
}

/// Returns an XMP packet with `inside` in its only description.
pub(super) fn xmp(inside: &str) -> Vec<u8> {
    format!(
        "<x:xmpmeta xmlns:x='adobe:ns:meta/'><rdf:RDF xmlns:rdf='http://www.w3.org/1999/02/22-rdf-syntax-ns#'>\
         <rdf:Description rdf:about=''>{inside}</rdf:Description></rdf:RDF></x:xmpmeta>"
    )
    .into_bytes()
}

/// Returns a JPEG segment.
pub(super) fn segment(marker: u8, body: &[&[u8]]) -> Vec<u8> {
    let body = body.concat();
    let length = u16::try_from(body.len() + 2).unwrap().to_be_bytes();
    [&[0xFF, marker], &length[..], &body].concat()
}

/// Returns the JPEG with these segments before its own.
pub(super) fn with_segments(jpeg: &[u8], segments: &[Vec<u8>]) -> Vec<u8> {
    [&jpeg[..2], &segments.concat(), &jpeg[2..]].concat()
}

/// Returns a Photoshop resource.
pub(super) fn resource(id: u16, body: &[u8]) -> Vec<u8> {
    let size = u32::try_from(body.len()).unwrap().to_be_bytes();
    let padding = &[0][..body.len() % 2];
    [b"8BIM", &id.to_be_bytes()[..], &[0, 0], &size, body, padding].concat()
}

/// Returns a dataset of IPTC's record 2.
pub(super) fn dataset(number: u8, value: &[u8]) -> Vec<u8> {
    [&[0x1C, 2, number], &u16::try_from(value.len()).unwrap().to_be_bytes()[..], value].concat()
}

/// Returns the PNG with this chunk before its end.
pub(super) fn with_chunk(png: &[u8], kind: [u8; 4], body: &[u8]) -> Vec<u8> {
    let (before, end) = png.split_at(png.len() - 12);
    let checked = [&kind[..], body].concat();
    let length = u32::try_from(body.len()).unwrap().to_be_bytes();
    [before, &length, &checked, &crc32fast::hash(&checked).to_be_bytes(), end].concat()
}

pub(super) fn deflated(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = ZlibEncoder::new(Vec::new(), Compression::fast());
    encoder.write_all(bytes).unwrap();
    encoder.finish().unwrap()
}

/// Returns a raw profile as ImageMagick writes it.
pub(super) fn raw_profile(kind: &str, bytes: &[u8]) -> Vec<u8> {
    let lines: Vec<String> = bytes.chunks(36).map(hex::encode).collect();
    format!("\n{kind}\n{:8}\n{}\n", bytes.len(), lines.join("\n")).into_bytes()
}

/// Returns the WebP with this chunk after its own.
pub(super) fn with_riff_chunk(webp: &[u8], kind: [u8; 4], body: &[u8]) -> Vec<u8> {
    let padding = &[0][..body.len() % 2];
    let size = u32::try_from(body.len()).unwrap().to_le_bytes();
    let mut file = [webp, &kind, &size, body, padding].concat();
    let size = u32::try_from(file.len() - 8).unwrap().to_le_bytes();
    file[4..8].copy_from_slice(&size);
    file
}

/// The place of a HEIF item's bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Place {
    /// In the file, in this number of extents, in reverse order.
    File { extents: usize },
    /// In the `idat` box.
    Idat,
}

/// Returns a HEIC file without a picture, with one item: `Exif`, or `mime` with XMP.
pub(super) fn heic_with_item(kind: [u8; 4], item: &[u8], place: Place) -> Vec<u8> {
    let content_type: &[u8] = if &kind == b"mime" { b"application/rdf+xml\0" } else { b"" };
    let entry = [&[2, 0, 0, 0, 0, 7, 0, 0][..], &kind, b"\0", content_type].concat();
    let names = [&[0, 0, 0, 0, 0, 1][..], &base_media_box(*b"infe", &entry)].concat();
    let names = base_media_box(*b"iinf", &names);
    let file_type = base_media_box(*b"ftyp", b"heic\0\0\0\0mif1heic");
    let built = |data_at: usize| {
        let (method, extents) = match place {
            Place::File { extents } => (0_u16, item.chunks(item.len().div_ceil(extents)).collect::<Vec<_>>()),
            Place::Idat => (1, vec![item]),
        };
        // Version 1; sizes of offset, length, base and index: 4, 4, 4 and 0.
        let mut places = vec![1, 0, 0, 0, 0x44, 0x40, 0, 1, 0, 7];
        places.extend(method.to_be_bytes());
        places.extend([0, 0]);
        places.extend(u32::try_from(data_at).unwrap().to_be_bytes());
        places.extend(u16::try_from(extents.len()).unwrap().to_be_bytes());
        let mut data: Vec<u8> = Vec::new();
        let mut at = item.len();
        for extent in &extents {
            at -= extent.len();
            places.extend(u32::try_from(at).unwrap().to_be_bytes());
            places.extend(u32::try_from(extent.len()).unwrap().to_be_bytes());
        }
        data.extend(extents.iter().rev().copied().flatten());
        let places = base_media_box(*b"iloc", &places);
        let idat = if place == Place::Idat { base_media_box(*b"idat", item) } else { Vec::new() };
        let meta = base_media_box(*b"meta", &[&[0; 4][..], &names, &places, &idat].concat());
        let data = if place == Place::Idat { Vec::new() } else { data };
        let head = [file_type.clone(), meta].concat();
        let data_at = if place == Place::Idat { 0 } else { head.len() + 8 };
        ([head, base_media_box(*b"mdat", &data)].concat(), data_at)
    };
    built(built(0).1).0
}
