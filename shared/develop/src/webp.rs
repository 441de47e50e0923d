//! WebP: the first frame, by the `image` crate.

use std::io::Cursor;

use image::{ColorType, ImageDecoder, codecs::webp::WebPDecoder};

use super::{Decoded, Original, error::Error, raster, truncation};

/// A frame of an animation with alpha, and the canvas that it is laid on: 4 + 1 for the alpha, 1.5 for YCbCr, 4 each for
/// frame, canvas and pixels.
const OF_ANIMATION: u64 = 15;
/// Lossy with alpha, which is decoded to four bytes first: 4 + 1, 1.5 for YCbCr, 4 for the pixels.
const WITH_ALPHA: u64 = 11;
/// Lossless without alpha, which is decoded with it first: 4, and 3 for the pixels. Lossy takes 4.5.
const OPAQUE: u64 = 7;

pub(super) fn read(original: &Original<'_>) -> Result<Decoded, Error> {
    truncation::webp(original.bytes)?;
    let bytes_per_pixel = |decoder: &WebPDecoder<_>| match decoder.color_type() {
        _ if decoder.has_animation() => OF_ANIMATION,
        ColorType::Rgb8 => OPAQUE,
        _ => WITH_ALPHA,
    };
    raster::decode(original, || WebPDecoder::new(Cursor::new(original.bytes)), bytes_per_pixel)
}
