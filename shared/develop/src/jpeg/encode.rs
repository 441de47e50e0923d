//! Encoding derivatives.

use std::panic::{AssertUnwindSafe, catch_unwind};

use domain::photo::Exif;
use mozjpeg::{ColorSpace, Compress};

use super::segments::segments;
use crate::{Jpeg, bitmap::Bitmap, error::Error, orient};

/// The quality out of 100, on libjpeg's scale.
const QUALITY: f32 = 80.0;

/// Rows that are rotated and encoded together.
const ROWS_PER_CALL: usize = 16;

/// Encodes a stored sRGB picture upright: baseline, 4:2:0, with its profile and the rights that `exif` states, and no
/// other metadata. Rows are rotated in groups, which avoids a second copy.
pub(crate) fn encode(bitmap: &Bitmap, orientation: u8, exif: &Exif) -> Result<Jpeg, Error> {
    let (width, height) = orient::upright((bitmap.width, bitmap.height), orientation);
    // libjpeg rejects only what the limits have rejected before; an unwinding must still not reach the worker.
    let compressed =
        catch_unwind(AssertUnwindSafe(|| compress(bitmap, orientation, (width as usize, height as usize), exif)));
    let bytes = compressed.ok().and_then(Result::ok).ok_or(Error::Damaged)?;
    let crc32 = crc32fast::hash(&bytes);
    Ok(Jpeg { bytes, width, height, crc32 })
}

fn compress(
    bitmap: &Bitmap,
    orientation: u8,
    (width, height): (usize, usize),
    exif: &Exif,
) -> std::io::Result<Vec<u8>> {
    let mut encoder = Compress::new(ColorSpace::JCS_RGB);
    encoder.set_size(width, height);
    // Trellis quantisation saves a tenth of the bytes and takes three times as long as all other steps together.
    encoder.set_fastest_defaults();
    encoder.set_quality(QUALITY);
    encoder.set_chroma_sampling_pixel_sizes((2, 2), (2, 2));
    // Nearly always enough: a vector that grows by doubling briefly takes three times its size.
    let mut started = encoder.start_compress(Vec::with_capacity(bitmap.samples.len() / 6))?;
    for (marker, body) in segments(exif) {
        started.write_marker(marker, &body);
    }
    let mut rows = Vec::with_capacity(width * 3 * ROWS_PER_CALL);
    for first in (0..height).step_by(ROWS_PER_CALL) {
        rows.clear();
        orient::rows(bitmap, orientation, first..height.min(first + ROWS_PER_CALL), &mut rows);
        started.write_scanlines(&rows)?;
    }
    let mut file = started.finish()?;
    file.shrink_to_fit();
    Ok(file)
}
