//! HEIF and AVIF: EXIF and XMP are items.

use super::{Blocks, Context, MAX_BYTES};
use crate::heif::Items;

/// The most items of metadata. Files have one or two.
const MAX_ITEMS: usize = 8;

pub(crate) fn find<'a>(original: &'a [u8], blocks: &mut Blocks<'a>) {
    let Some(items) = Items::read(original) else { return };
    let mut budget = MAX_BYTES;
    for (id, kind) in items.metadata().take(MAX_ITEMS) {
        let Ok(bytes) = items.bytes(id, &mut budget) else { continue };
        match kind {
            // The first four bytes are the number of bytes before the TIFF header.
            b"Exif" => blocks.add_exif(Context::Main, bytes),
            _ => blocks.add_xmp(bytes),
        }
    }
}
