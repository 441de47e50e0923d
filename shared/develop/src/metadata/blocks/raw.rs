//! Camera RAW: TIFF structures, and an embedded JPEG with the metadata that they lack.

use memchr::memmem;

use super::{Blocks, Context, jpeg};
use crate::{bmff, ifd::Structure, mrw};

/// Panasonic's `JpgFromRaw`.
const PANASONIC_JPEG: u16 = 0x002E;

/// Identifier of the `uuid` box with XMP (XMP specification, part 3, 1.1.3).
const XMP_UUID: [u8; 16] = *b"\xBE\x7A\xCF\xCB\x97\xA9\x42\xE8\x9C\x71\x99\x94\x91\xE3\xAF\xAC";

/// Reads CR3, a base media file in which each directory is a structure of its own.
pub(crate) fn find_in_cr3<'a>(original: &'a [u8], blocks: &mut Blocks<'a>) {
    let contexts = [Context::Main, Context::Exif, Context::Gps];
    for (block, context) in bmff::canon_metadata(original).into_iter().zip(contexts) {
        if let Some(block) = block {
            blocks.add_exif(context, block);
        }
    }
    let packets = bmff::boxes(original).filter(|found| &found.kind == b"uuid");
    for packet in packets.filter_map(|found| found.body.strip_prefix(&XMP_UUID)) {
        blocks.add_xmp(packet);
    }
}

/// Reads RAF, whose header has the offset and length of its JPEG at 84 and 88, big-endian.
pub(crate) fn find_in_raf<'a>(original: &'a [u8], blocks: &mut Blocks<'a>) {
    let number = |at: usize| Some(u32::from_be_bytes(*original.get(at..)?.first_chunk::<4>()?) as usize);
    let inner = || {
        let start = number(84)?;
        original.get(start..start.checked_add(number(88)?)?)
    };
    if let Some(inner) = inner() {
        jpeg::find(inner, blocks);
    }
}

/// Reads X3F: Sigma stores EXIF in the embedded JPEG.
pub(crate) fn find_in_x3f<'a>(original: &'a [u8], blocks: &mut Blocks<'a>) {
    if let Some(start) = memmem::find(original, b"\xFF\xD8\xFF\xE1") {
        jpeg::find(&original[start..], blocks);
    }
}

/// Reads MRW, which has a TIFF structure in one of its blocks.
pub(crate) fn find_in_mrw<'a>(original: &'a [u8], blocks: &mut Blocks<'a>) {
    if let Some(block) = mrw::block(original, *b"\0TTW") {
        blocks.add_exif(Context::Main, block);
    }
}

/// Reads RAW files that are a TIFF structure. Panasonic stores most fields in the embedded JPEG.
pub(crate) fn find_in_tiff<'a>(original: &'a [u8], blocks: &mut Blocks<'a>) {
    blocks.add_exif(Context::Main, original);
    let main = Structure::find(original).and_then(|tiff| tiff.directory(tiff.first()));
    if let Some(inner) = main.and_then(|main| main.bytes(PANASONIC_JPEG)) {
        jpeg::find(inner, blocks);
    }
}
