//! GIF: the first frame, by the `image` crate.

use std::io::Cursor;

use image::codecs::gif::GifDecoder;

use super::{Decoded, Original, error::Error, image_crate, truncation};

/// Four of the canvas, one of the indices that it is made of.
const BYTES_PER_PIXEL: u64 = 5;

pub(super) fn read(original: &Original<'_>) -> Result<Decoded, Error> {
    truncation::gif(original.bytes)?;
    image_crate::decode(original, || GifDecoder::new(Cursor::new(original.bytes)), |_| BYTES_PER_PIXEL)
}
