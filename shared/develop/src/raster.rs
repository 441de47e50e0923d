//! PNG, WebP, TIFF and GIF (its first frame), by the `image` crate.

use std::io::{Cursor, ErrorKind};

use image::{
    ColorType, ImageDecoder, ImageError,
    codecs::{gif::GifDecoder, png::PngDecoder, tiff::TiffDecoder, webp::WebPDecoder},
};

use super::{
    Negative,
    bounds::{Limits, MAX_WORKING_BYTES, check_working_bytes},
    guard::guarded,
    picture::{Ink, Picture},
    refusal::Refusal,
    sniff::Format,
};

/// What decoding came to.
pub(super) enum Outcome {
    /// `size` is the original's, as stored.
    Decoded { size: (u32, u32), negative: Negative },
    /// Whole as far as can be told, in a coding that the decoder does not know.
    Unsupported { size: Option<(u32, u32)> },
}

/// Decodes, and shrinks by a whole factor as long as both edges of the result stay at least twice `long_edge`, so that
/// what is kept while resizing is small.
pub(super) fn decode(format: Format, bytes: &[u8], limits: &Limits, long_edge: u32) -> Result<Outcome, Refusal> {
    guarded(|| {
        let cursor = Cursor::new(bytes);
        let image_limits = image_limits();
        match format {
            Format::Png => run(PngDecoder::with_limits(cursor, image_limits.clone()), limits, image_limits, long_edge),
            Format::WebP => run(WebPDecoder::new(cursor), limits, image_limits, long_edge),
            Format::Tiff => run(TiffDecoder::new(cursor), limits, image_limits, long_edge),
            _ => run(GifDecoder::new(cursor), limits, image_limits, long_edge),
        }
    })
    .unwrap_or(Err(Refusal::Damaged))
}

/// The decoders' own bound, as a second line: the pixels, and as much again for what they keep beside them. Sides are
/// not bounded here, so that [`Limits`] refuses them by name.
fn image_limits() -> image::Limits {
    let mut own = image::Limits::no_limits();
    own.max_alloc = Some(2 * MAX_WORKING_BYTES);
    own
}

fn run<D: ImageDecoder>(
    decoder: Result<D, ImageError>,
    limits: &Limits,
    image_limits: image::Limits,
    long_edge: u32,
) -> Result<Outcome, Refusal> {
    let mut decoder = match decoder {
        Ok(decoder) => decoder,
        Err(ImageError::Unsupported(_)) => return Ok(Outcome::Unsupported { size: None }),
        Err(error) => return Err(refusal(&error)),
    };
    let size @ (width, height) = decoder.dimensions();
    limits.check_pixels(width, height)?;
    check_working_bytes(width, height, decoder.total_bytes())?;
    decoder.set_limits(image_limits).map_err(|error| refusal(&error))?;
    let icc = decoder.icc_profile().ok().flatten();
    let colour = decoder.color_type();
    let mut pixels = vec![0; usize::try_from(decoder.total_bytes()).map_err(|_| Refusal::Damaged)?];
    match decoder.read_image(&mut pixels) {
        Ok(()) => {}
        Err(ImageError::Unsupported(_)) => return Ok(Outcome::Unsupported { size: Some(size) }),
        Err(ImageError::Limits(_)) => {
            return Err(Refusal::TooManyPixels {
                width,
                height,
                max_pixels: limits.max_pixels,
                max_side: limits.max_side,
            });
        }
        Err(error) => return Err(refusal(&error)),
    }
    let factor = (width.max(height) / (2 * long_edge)).max(1);
    match flatten(pixels, colour, size, factor) {
        Some(picture) => Ok(Outcome::Decoded { size, negative: Negative { picture, icc } }),
        None => Ok(Outcome::Unsupported { size: Some(size) }),
    }
}

fn refusal(error: &ImageError) -> Refusal {
    // Decoders wrap the reader's error at different depths.
    let mut cause: Option<&(dyn std::error::Error + 'static)> = Some(error);
    while let Some(error) = cause {
        if error.downcast_ref::<std::io::Error>().is_some_and(|io| io.kind() == ErrorKind::UnexpectedEof) {
            return Refusal::Truncated;
        }
        cause = error.source();
    }
    Refusal::Damaged
}

/// To 8 bits, without alpha (over white), and averaged over squares of `factor` pixels. `None` for a sample type that
/// `image` may add one day.
fn flatten(pixels: Vec<u8>, colour: ColorType, (width, height): (u32, u32), factor: u32) -> Option<Picture> {
    if factor == 1 && matches!(colour, ColorType::L8 | ColorType::Rgb8) {
        let ink = if colour == ColorType::L8 { Ink::Grey } else { Ink::Rgb };
        return Some(Picture { width, height, ink, samples: pixels });
    }
    // All samples in 16 bits: averages of bright 16-bit skies then don't band.
    let read: fn(&[u8]) -> u32 = match colour {
        ColorType::L8 | ColorType::La8 | ColorType::Rgb8 | ColorType::Rgba8 => |bytes| u32::from(bytes[0]) * 257,
        ColorType::L16 | ColorType::La16 | ColorType::Rgb16 | ColorType::Rgba16 => {
            |bytes| u32::from(u16::from_ne_bytes([bytes[0], bytes[1]]))
        }
        ColorType::Rgb32F | ColorType::Rgba32F => |bytes| from_float([bytes[0], bytes[1], bytes[2], bytes[3]]),
        _ => return None,
    };
    let all = usize::from(colour.channel_count());
    let kept = if colour.has_alpha() { all - 1 } else { all };
    let depth = usize::from(colour.bytes_per_pixel()) / all;
    let (out_width, out_height) = (width.div_ceil(factor), height.div_ceil(factor));
    let side = factor as usize;
    let mut samples = Vec::with_capacity(out_width as usize * out_height as usize * kept);
    let row_bytes = width as usize * all * depth;
    let mut sums = vec![0_u64; out_width as usize * kept];
    for rows in pixels.chunks(row_bytes * side) {
        sums.fill(0);
        for row in rows.chunks_exact(row_bytes) {
            for (square, sums) in row.chunks(side * all * depth).zip(sums.chunks_exact_mut(kept)) {
                for pixel in square.chunks_exact(all * depth) {
                    let alpha = if colour.has_alpha() { read(&pixel[kept * depth..]) } else { 65_535 };
                    for (sum, sample) in sums.iter_mut().zip(pixel.chunks_exact(depth)) {
                        *sum += u64::from(over_white(read(sample), alpha));
                    }
                }
            }
        }
        let high = rows.len() / row_bytes;
        for (square, sums) in sums.chunks_exact(kept).enumerate() {
            let wide = (width as usize - square * side).min(side);
            // Back from 16 bits to 8, rounded.
            let whole = (high * wide) as u64 * 257;
            samples.extend(sums.iter().map(|sum| u8::try_from((sum + whole / 2) / whole).unwrap_or(u8::MAX)));
        }
    }
    let ink = if kept == 1 { Ink::Grey } else { Ink::Rgb };
    Some(Picture { width: out_width, height: out_height, ink, samples })
}

/// Both in 0 to 65,535: the product of two fits.
fn over_white(sample: u32, alpha: u32) -> u32 {
    if alpha == 65_535 { sample } else { (sample * alpha + 32_767) / 65_535 + (65_535 - alpha) }
}

#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "clamped to 0..=65535 first; NaN casts to 0"
)]
fn from_float(bytes: [u8; 4]) -> u32 {
    (f32::from_ne_bytes(bytes).clamp(0.0, 1.0) * 65_535.0).round() as u32
}
