//! Scaled decoding. Detail that the preview would drop anyway is left out, and the rest is resampled row by row. Memory
//! holds the result and a band of rows, whatever the size of a baseline file. [`sequential`] decodes what cameras
//! write, libjpeg the rest.

use std::{
    io::{BufRead, Read},
    panic::{AssertUnwindSafe, catch_unwind},
};

use mozjpeg::{ColorSpace, Decompress};

use super::{
    header::Header,
    libjpeg_warnings,
    sequential::{self, Scanned},
};
use crate::{
    Decoded, Original, PREVIEW_LONG_EDGE, Picture,
    bitmap::{Bitmap, DecodedBitmap, PixelFormat},
    colour::Colour,
    error::Error,
    limits::check_working_bytes,
    resample::Resampler,
    resize::fit,
};

/// Decodes a JPEG file.
pub(crate) fn read(original: &Original<'_>) -> Result<Decoded, Error> {
    let header = Header::read(original.bytes)?;
    let size = (header.width, header.height);
    original.limits.check_pixels(size.0, size.1)?;
    Ok(match decode(original.bytes, &header)? {
        Some(picture) => Decoded::of(picture).stated(original.metadata.colour),
        None => Decoded::unsupported(Some(size)),
    })
}

/// Decodes to a picture of at most the preview's size; `None` for unsupported codings.
pub(crate) fn decode(original: &[u8], header: &Header<'_>) -> Result<Option<Picture>, Error> {
    let long_edge = PREVIEW_LONG_EDGE;
    if !header.is_decodable() {
        return Ok(None);
    }
    check_working_bytes(header.width, header.height, header.coefficient_bytes())?;
    let patched = header.with_height(original);
    let original = patched.as_deref().unwrap_or(original);
    let ended_at = |end: usize| match in_order(&original[..end], header, long_edge) {
        Some(Scanned { bitmap, is_exact: true }) => Ok(bitmap),
        _ => caught(original[..end].chain(END_OF_IMAGE), header, long_edge),
    };
    let picture = if header.has_end {
        // Cameras and tools leave bytes between picture and end, which libjpeg reports like any other surplus.
        let leniently = || {
            caught(original, header, long_edge)
                .or_else(|error| header.end_of_picture(original).map_or(Err(error), ended_at))
        };
        match in_order(original, header, long_edge) {
            Some(Scanned { bitmap, is_exact: true }) => Ok(bitmap),
            Some(Scanned { bitmap, is_exact: false }) => leniently().map(|_| bitmap),
            None => leniently(),
        }
    } else {
        let walked = header.scans == 1 && header.scan.is_some();
        let end = if walked { header.end_of_picture(original) } else { Some(header.length) };
        end.and_then(|end| ended_at(end).ok()).ok_or(Error::Truncated)
    }?;
    let colour = Colour::embedded(header.icc_profile());
    Ok(Some(Picture { size: (header.width, header.height), bitmap: DecodedBitmap::Eight(picture), colour }))
}

/// Decodes a file of one scan with this crate's decoder, if libjpeg accepts its header. The picture must end with an
/// end-of-image marker, or where the file was cut.
fn in_order(original: &[u8], header: &Header<'_>, long_edge: u32) -> Option<Scanned> {
    if header.scans != 1 {
        return None;
    }
    // Unwind safety: nothing of the closure is used after it.
    catch_unwind(AssertUnwindSafe(|| {
        Decompress::with_err(libjpeg_warnings::strict()).from_reader(original).ok()?;
        let size = fit((header.width, header.height), long_edge);
        sequential::decode(original, header, eighths(header.width.max(header.height), long_edge), size)
    }))
    .ok()
    .flatten()
}

const END_OF_IMAGE: &[u8] = &[0xFF, 0xD9];

fn caught(original: impl BufRead, header: &Header<'_>, long_edge: u32) -> Result<Bitmap, Error> {
    // Unwind safety: the closure owns what it changes, and the unwinding drops it.
    catch_unwind(AssertUnwindSafe(|| decode_scaled(original, header, long_edge)))
        .unwrap_or_else(|unwound| Err(libjpeg_warnings::to_error(unwound.as_ref())))
}

fn decode_scaled(original: impl BufRead, header: &Header<'_>, long_edge: u32) -> Result<Bitmap, Error> {
    let mut decoder =
        Decompress::with_err(libjpeg_warnings::strict()).from_reader(original).map_err(|_| Error::Damaged)?;
    let eighths = eighths(header.width.max(header.height), long_edge);
    decoder.scale(eighths);
    let (format, space) = match decoder.color_space() {
        ColorSpace::JCS_GRAYSCALE => (PixelFormat::Gray, ColorSpace::JCS_GRAYSCALE),
        ColorSpace::JCS_CMYK | ColorSpace::JCS_YCCK => (PixelFormat::Cmyk, ColorSpace::JCS_CMYK),
        _ => (PixelFormat::Rgb, ColorSpace::JCS_RGB),
    };
    let mut started = decoder.to_colorspace(space).map_err(|_| Error::Damaged)?;
    let from = (started.width(), started.height());
    let (width, height) = fit((header.width, header.height), long_edge);
    let averaged = 8 / u32::from(eighths);
    let mut resampler = Resampler::of_averages(format.channels(), from, (width as usize, height as usize), averaged);
    let mut rows = vec![0; from.0 * format.channels() * ROWS_PER_CALL];
    for first in (0..from.1).step_by(ROWS_PER_CALL) {
        let rows = &mut rows[..from.0 * format.channels() * ROWS_PER_CALL.min(from.1 - first)];
        started.read_scanlines_into(rows).map_err(|_| Error::Damaged)?;
        resampler.push(rows);
    }
    // This reads to the end-of-image marker, so that damage after the last row is found too.
    started.finish().map_err(|_| Error::Damaged)?;
    let mut samples = resampler.finish().ok_or(Error::Damaged)?;
    if format == PixelFormat::Cmyk && header.adobe {
        for sample in &mut samples {
            *sample = u8::MAX - *sample;
        }
    }
    Ok(Bitmap { width, height, format, samples })
}

/// Decoded rows that are passed on together.
const ROWS_PER_CALL: usize = 16;

/// Returns the smallest n of 1, 2, 4 and 8 for which n eighths of an original have enough pixels for the target; 8 if
/// the original is smaller. The odd scales between save no time, and lose 2 dB on real photos against a resize from the
/// next power of two.
fn eighths(long: u32, target: u32) -> u8 {
    let enough = |n: u8, more: f64| f64::from(long) * f64::from(n) / 8.0 >= f64::from(target) * more;
    SPARE.into_iter().find(|&(n, more)| enough(n, more)).map_or(8, |(n, _)| n)
}

/// Factors of the target's pixels that each scale must have. At 1.0, pictures of 45 megapixels lost 0.6 dB against a
/// resize from their full size; at 1.4, those of 100 megapixels lost 0.16 dB.
const SPARE: [(u8, f64); 3] = [(1, 1.4), (2, 1.4), (4, 1.2)];

#[cfg(test)]
mod tests {
    use image::{Rgb, RgbImage};
    use mozjpeg::Compress;

    use super::*;

    fn encoded(space: ColorSpace, chroma: (u8, u8), picture: &RgbImage, samples: &[u8]) -> Vec<u8> {
        let mut encoder = Compress::new(space);
        encoder.set_size(picture.width() as usize, picture.height() as usize);
        encoder.set_fastest_defaults();
        if space == ColorSpace::JCS_RGB {
            encoder.set_chroma_sampling_pixel_sizes(chroma, chroma);
        }
        let mut started = encoder.start_compress(Vec::new()).unwrap();
        started.write_scanlines(samples).unwrap();
        started.finish().unwrap()
    }

    /// Returns the mean difference of both decoders, in steps of 255.
    fn difference(jpeg: &[u8]) -> f64 {
        let header = Header::read(jpeg).unwrap();
        let own = in_order(jpeg, &header, PREVIEW_LONG_EDGE).unwrap();
        let libjpegs = caught(jpeg, &header, PREVIEW_LONG_EDGE).unwrap();
        assert!(own.is_exact);
        assert_eq!((own.bitmap.width, own.bitmap.height), (libjpegs.width, libjpegs.height));
        assert_eq!((own.bitmap.format, own.bitmap.samples.len()), (libjpegs.format, libjpegs.samples.len()));
        let pairs = own.bitmap.samples.iter().zip(&libjpegs.samples);
        let sum: u32 = pairs.map(|(own, libjpegs)| u32::from(own.abs_diff(*libjpegs))).sum();
        f64::from(sum) / f64::from(u32::try_from(libjpegs.samples.len()).unwrap())
    }

    #[test]
    fn both_ways_to_decode_agree() {
        // Sizes for full size, a half, a quarter and an eighth, with parts of units at both edges.
        for (width, height) in [(1, 1), (17, 9), (901, 203), (4101, 211), (8203, 301), (16_401, 77)] {
            let wave = |at: u32| 90.0 + 80.0 * (f64::from(at) / 300.0).sin();
            #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "10 to 170")]
            let picture = RgbImage::from_fn(width, height, |x, y| {
                let (across, down) = (wave(x) as u8, wave(y) as u8);
                Rgb([across, down, across / 2 + down / 2])
            });
            for chroma in [(1, 1), (2, 1), (1, 2), (2, 2)] {
                let off = difference(&encoded(ColorSpace::JCS_RGB, chroma, &picture, picture.as_raw()));
                assert!(off < 2.0, "{width} x {height}, {chroma:?}: {off}");
            }
            let gray: Vec<u8> = picture.pixels().map(|pixel| pixel.0[2]).collect();
            let off = difference(&encoded(ColorSpace::JCS_GRAYSCALE, (1, 1), &picture, &gray));
            assert!(off < 2.0, "{width} x {height}, gray: {off}");
        }
        assert!(difference(include_bytes!("../../cases/jpeg_restart.jpg")) < 2.0);
    }

    #[test]
    fn smallest_sufficient_scale_is_chosen() {
        assert_eq!(eighths(6000, 2048), 4);
        assert_eq!(eighths(4096, 2048), 8);
        assert_eq!(eighths(8192, 2048), 4);
        assert_eq!(eighths(11_648, 2048), 2);
        assert_eq!(eighths(30_000, 2048), 1);
        assert_eq!(eighths(100, 2048), 8);
    }
}
