//! HEIF and AVIF: EXIF and XMP are items.

use super::{Blocks, Context, MAX_BYTES};
use crate::heif::Items;

/// Items of metadata that are read. Files have one or two.
const MAX_ITEMS: usize = 8;

pub(crate) fn find<'a>(original: &'a [u8], blocks: &mut Blocks<'a>) {
    let Some(items) = Items::read(original) else { return };
    let mut budget = MAX_BYTES;
    for (id, kind) in items.metadata().take(MAX_ITEMS) {
        let Ok(bytes) = items.bytes(id, &mut budget) else { continue };
        match kind {
            // Four bytes before the block count those before its TIFF header.
            b"Exif" => blocks.add_exif(Context::Main, bytes),
            _ => blocks.add_xmp(bytes),
        }
    }
}
