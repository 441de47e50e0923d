//! PNG, WebP, TIFF and GIF. The last one and WebP (their first frames) by the `image` crate.

use std::io::{Cursor, ErrorKind};

use image::{
    ColorType, ImageDecoder, ImageError,
    codecs::{gif::GifDecoder, webp::WebPDecoder},
};

use super::{
    Negative,
    bitmap::PixelFormat,
    bounds::{Limits, MAX_WORKING_BYTES, check_working_bytes},
    colour::{Colour, MAX_PROFILE_BYTES},
    guard::guarded,
    png,
    reduce::{Depth, Reducer, over_white},
    refusal::Refusal,
    sniff::Format,
    tiff,
};

/// The result of decoding.
pub(super) enum Outcome {
    /// `size` is the original's, as stored.
    Decoded { size: (u32, u32), negative: Negative },
    /// Whole as far as can be told, in a coding that the decoder does not know.
    Unsupported { size: Option<(u32, u32)> },
}

/// Decodes, and shrinks by a whole factor as long as the long edge of the result stays at least twice `long_edge`, so
/// that what is kept while resizing is small.
pub(super) fn decode(format: Format, bytes: &[u8], limits: &Limits, long_edge: u32) -> Result<Outcome, Refusal> {
    guarded(|| match format {
        Format::Png => png::decode(bytes, limits, long_edge),
        Format::Tiff => tiff::decode(bytes, limits, long_edge),
        Format::WebP => run(WebPDecoder::new(Cursor::new(bytes)), limits, long_edge),
        _ => run(GifDecoder::new(Cursor::new(bytes)), limits, long_edge),
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

fn run<D: ImageDecoder>(decoder: Result<D, ImageError>, limits: &Limits, long_edge: u32) -> Result<Outcome, Refusal> {
    let mut decoder = match decoder {
        Ok(decoder) => decoder,
        Err(ImageError::Unsupported(_)) => return Ok(Outcome::Unsupported { size: None }),
        Err(error) => return Err(refusal(&error)),
    };
    let size @ (width, height) = decoder.dimensions();
    limits.check_pixels(width, height)?;
    check_working_bytes(width, height, decoder.total_bytes())?;
    decoder.set_limits(image_limits()).map_err(|error| refusal(&error))?;
    let icc = decoder.icc_profile().ok().flatten().filter(|icc| icc.len() <= MAX_PROFILE_BYTES);
    let colour = Colour::embedded(icc);
    let (channels, kept) = match decoder.color_type() {
        ColorType::Rgb8 => (3, 3),
        ColorType::Rgba8 => (4, 3),
        _ => return Ok(Outcome::Unsupported { size: Some(size) }),
    };
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
    let mut reducer = Reducer::new(size, long_edge, PixelFormat::Rgb, Depth::Eight);
    let mut samples = Vec::new();
    for row in pixels.chunks_exact(width as usize * channels) {
        samples.clear();
        for pixel in row.chunks_exact(channels) {
            let alpha = pixel.get(kept).map_or(u16::MAX, |&alpha| u16::from(alpha) * 257);
            samples.extend(pixel[..kept].iter().map(|&sample| over_white(u16::from(sample) * 257, alpha)));
        }
        reducer.push(&samples);
    }
    Ok(Outcome::Decoded { size, negative: Negative { size, bitmap: reducer.finish(), colour } })
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
