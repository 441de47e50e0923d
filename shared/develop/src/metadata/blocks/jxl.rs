//! JPEG XL: EXIF and XMP are boxes of the container, which may be compressed (ISO/IEC 18181-2, 9).

use super::{Blocks, Context, MAX_BYTES};
use crate::{bmff::boxes, jxl};

pub(crate) fn find<'a>(original: &'a [u8], blocks: &mut Blocks<'a>) {
    if !original.starts_with(jxl::SIGNATURE) {
        return;
    }
    let mut budget = MAX_BYTES;
    for found in boxes(original) {
        match &found.kind {
            // The first four bytes are the number of bytes before the TIFF header.
            b"Exif" => blocks.add_exif(Context::Main, found.body),
            b"xml " => blocks.add_xmp(found.body),
            b"brob" => {
                let Some((kind @ (b"Exif" | b"xml "), compressed)) = found.body.split_first_chunk::<4>() else {
                    continue;
                };
                // A box that inflates to more has used the time of the whole budget.
                let Some(body) = jxl::inflated(compressed, budget) else { break };
                budget -= body.len();
                if kind == b"Exif" {
                    blocks.add_exif(Context::Main, body);
                } else {
                    blocks.add_xmp(body);
                }
            }
            _ => {}
        }
    }
}
