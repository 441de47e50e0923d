//! GIF: the first frame, by the `image` crate.

use std::io::Cursor;

use image::codecs::gif::GifDecoder;

use super::{Decoded, Original, error::Error, raster, truncation};

pub(super) fn read(original: &Original<'_>) -> Result<Decoded, Error> {
    truncation::gif(original.bytes)?;
    raster::decode(original, || GifDecoder::new(Cursor::new(original.bytes)))
}
