//! WebP: the first frame, by the `image` crate.

use std::io::Cursor;

use image::codecs::webp::WebPDecoder;

use super::{Decoded, Original, error::Error, raster, truncation};

pub(super) fn read(original: &Original<'_>) -> Result<Decoded, Error> {
    truncation::webp(original.bytes)?;
    raster::decode(original, || WebPDecoder::new(Cursor::new(original.bytes)))
}
