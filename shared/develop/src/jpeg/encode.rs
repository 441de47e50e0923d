//! Encoding derivatives.

use std::panic::{AssertUnwindSafe, catch_unwind};

use mozjpeg::{ColorSpace, Compress};

use crate::{Jpeg, picture::Picture, refusal::Refusal};

/// Of 100, on libjpeg's scale.
const QUALITY: f32 = 80.0;

/// Encodes an sRGB picture: baseline, 4:2:0, no metadata, no profile (sRGB is what readers assume).
pub(crate) fn encode(picture: &Picture) -> Result<Jpeg, Refusal> {
    // libjpeg refuses only what the bounds have refused before; an unwinding must still not reach the worker.
    let bytes =
        catch_unwind(AssertUnwindSafe(|| compress(picture))).ok().and_then(Result::ok).ok_or(Refusal::Damaged)?;
    let crc32 = crc32fast::hash(&bytes);
    Ok(Jpeg { bytes, width: picture.width, height: picture.height, crc32 })
}

fn compress(picture: &Picture) -> std::io::Result<Vec<u8>> {
    let mut encoder = Compress::new(ColorSpace::JCS_RGB);
    encoder.set_size(picture.width as usize, picture.height as usize);
    // Trellis quantisation saves a tenth of the bytes and costs three times the whole development.
    encoder.set_fastest_defaults();
    encoder.set_quality(QUALITY);
    encoder.set_chroma_sampling_pixel_sizes((2, 2), (2, 2));
    let mut started = encoder.start_compress(Vec::new())?;
    started.write_scanlines(&picture.samples)?;
    started.finish()
}
