//! Pictures decoded by the `image` crate, whose decoders hold all pixels.

use std::io::ErrorKind;

use image::{ColorType, ImageDecoder, ImageError};

use super::{
    Decoded, Original, PREVIEW_LONG_EDGE, Picture,
    bitmap::PixelFormat,
    catch_panic::guarded,
    colour::{Colour, MAX_PROFILE_BYTES},
    error::Error,
    limits::{MAX_WORKING_BYTES, check_working_bytes},
    reduce::{Depth, Reducer, over_white},
};

/// Decodes with the decoder that `open` makes. `bytes_per_pixel` is the memory of that decoder: the returned pixels,
/// and everything besides them.
pub(super) fn decode<D: ImageDecoder>(
    original: &Original<'_>,
    open: impl FnOnce() -> Result<D, ImageError>,
    bytes_per_pixel: impl FnOnce(&D) -> u64,
) -> Result<Decoded, Error> {
    guarded(|| run(open(), original, bytes_per_pixel)).unwrap_or(Err(Error::Damaged))
}

/// Returns the limit of decoders that count their buffers (GIF's, for a frame that does not cover the canvas). Sides
/// are not limited here, so that [`Limits`] names the limit that is exceeded.
fn image_limits(working_bytes: u64) -> image::Limits {
    let mut own = image::Limits::no_limits();
    own.max_alloc = Some(MAX_WORKING_BYTES.saturating_sub(working_bytes));
    own
}

fn run<D: ImageDecoder>(
    decoder: Result<D, ImageError>,
    original: &Original<'_>,
    bytes_per_pixel: impl FnOnce(&D) -> u64,
) -> Result<Decoded, Error> {
    let limits = original.limits;
    let mut decoder = match decoder {
        Ok(decoder) => decoder,
        Err(ImageError::Unsupported(_)) => return Ok(Decoded::unsupported(None)),
        Err(error) => return Err(to_error(&error)),
    };
    let size @ (width, height) = decoder.dimensions();
    limits.check_pixels(width, height)?;
    let bytes_per_pixel = bytes_per_pixel(&decoder);
    let working_bytes = u64::from(width) * u64::from(height) * bytes_per_pixel;
    check_working_bytes(width, height, working_bytes)?;
    decoder.set_limits(image_limits(working_bytes)).map_err(|error| to_error(&error))?;
    let icc = decoder.icc_profile().ok().flatten().filter(|icc| icc.len() <= MAX_PROFILE_BYTES);
    let colour = Colour::embedded(icc).stated(original.metadata.colour);
    let (format, channels) = match decoder.color_type() {
        ColorType::L8 => (PixelFormat::Gray, 1),
        ColorType::Rgb8 => (PixelFormat::Rgb, 3),
        ColorType::Rgba8 => (PixelFormat::Rgb, 4),
        _ => return Ok(Decoded::unsupported(Some(size))),
    };
    let mut pixels = vec![0; usize::try_from(decoder.total_bytes()).map_err(|_| Error::Damaged)?];
    match decoder.read_image(&mut pixels) {
        Ok(()) => {}
        Err(ImageError::Unsupported(_)) => return Ok(Decoded::unsupported(Some(size))),
        Err(ImageError::Limits(_)) => {
            // The frame exceeds the memory that the canvas leaves.
            return Err(Error::TooManyPixels {
                width,
                height,
                max_pixels: MAX_WORKING_BYTES / (2 * bytes_per_pixel),
                max_side: limits.max_side,
            });
        }
        Err(error) => return Err(to_error(&error)),
    }
    let kept = format.channels();
    let mut reducer = Reducer::new(size, PREVIEW_LONG_EDGE, format, Depth::Eight);
    let mut samples = Vec::new();
    for row in pixels.chunks_exact(width as usize * channels) {
        samples.clear();
        for pixel in row.chunks_exact(channels) {
            let alpha = pixel.get(kept).map_or(u16::MAX, |&alpha| u16::from(alpha) * 257);
            samples.extend(pixel[..kept].iter().map(|&sample| over_white(u16::from(sample) * 257, alpha)));
        }
        reducer.push(&samples);
    }
    Ok(Decoded::of(Picture { size, bitmap: reducer.finish(), colour }))
}

fn to_error(error: &ImageError) -> Error {
    // Decoders wrap the reader's error at different depths.
    let mut cause: Option<&(dyn std::error::Error + 'static)> = Some(error);
    while let Some(error) = cause {
        if error.downcast_ref::<std::io::Error>().is_some_and(|io| io.kind() == ErrorKind::UnexpectedEof) {
            return Error::Truncated;
        }
        cause = error.source();
    }
    Error::Damaged
}
