//! Encoding derivatives.

use std::panic::{AssertUnwindSafe, catch_unwind};

use mozjpeg::{ColorSpace, Compress};

use shared::photo::Exif;

use super::segments::segments;
use crate::{Jpeg, bitmap::Bitmap, error::Error};

/// Of 100, on libjpeg's scale.
const QUALITY: f32 = 80.0;

/// Encodes an sRGB picture: baseline, 4:2:0, with its profile and the rights that `exif` states, and no other metadata.
pub(crate) fn encode(bitmap: &Bitmap, exif: &Exif) -> Result<Jpeg, Error> {
    // libjpeg refuses only what the bounds have refused before; an unwinding must still not reach the worker.
    let bytes =
        catch_unwind(AssertUnwindSafe(|| compress(bitmap, exif))).ok().and_then(Result::ok).ok_or(Error::Damaged)?;
    let crc32 = crc32fast::hash(&bytes);
    Ok(Jpeg { bytes, width: bitmap.width, height: bitmap.height, crc32 })
}

fn compress(bitmap: &Bitmap, exif: &Exif) -> std::io::Result<Vec<u8>> {
    let mut encoder = Compress::new(ColorSpace::JCS_RGB);
    encoder.set_size(bitmap.width as usize, bitmap.height as usize);
    // Trellis quantisation saves a tenth of the bytes and costs three times the whole development.
    encoder.set_fastest_defaults();
    encoder.set_quality(QUALITY);
    encoder.set_chroma_sampling_pixel_sizes((2, 2), (2, 2));
    let mut started = encoder.start_compress(Vec::new())?;
    for (marker, body) in segments(exif) {
        started.write_marker(marker, &body);
    }
    started.write_scanlines(&bitmap.samples)?;
    started.finish()
}
