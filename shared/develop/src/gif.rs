//! GIF: the first frame, by the `image` crate.

use std::io::Cursor;

use image::codecs::gif::GifDecoder;

use super::{Decoded, Original, error::Error, image_crate, truncation};

/// Four bytes per pixel for the canvas, and one for the indices.
const BYTES_PER_PIXEL: u64 = 5;

pub(super) fn read(original: &Original<'_>) -> Result<Decoded, Error> {
    truncation::gif(original.bytes)?;
    image_crate::decode(original, || GifDecoder::new(Cursor::new(original.bytes)), |_| BYTES_PER_PIXEL)
}
