//! Limits of an original's size, checked on its header before anything is allocated for it.

use super::error::Error;

/// One megapixel in pixels.
pub(super) const MEGAPIXEL: u64 = 1_000_000;

/// The most bytes of one decoder: a WebP's or a GIF's bytes for each pixel, all pixels of an interlaced PNG, the
/// reduced bitmap and a row of tiles of a TIFF, two rows of tiles of a HEIF, or all coefficients of a JPEG in more than
/// one scan. This suffices for 250 megapixels of progressive 4:2:0, 178 of 4:4:4, 134 of interlaced 16-bit RGBA, 214 of
/// GIF, and 153 of opaque, 97 of transparent and 71 of animated WebP.
pub(super) const MAX_WORKING_BYTES: u64 = 1 << 30;

/// The largest accepted original. The defaults are well above any camera: the largest single-shot back sold has 151
/// megapixels.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// Bytes of the original. Default 256 MiB: a 16-bit TIFF of 44 megapixels.
    pub max_bytes: u64,
    /// Width times height. Default 250 megapixels: two and a half times a 100-megapixel back, which leaves room for
    /// panoramas.
    pub max_pixels: u64,
    /// Pixels of the longer side. Default 65,000: just under what JPEG (65,535) and libjpeg (65,500) can express.
    pub max_side: u32,
}

impl Default for Limits {
    fn default() -> Self {
        Self { max_bytes: 256 << 20, max_pixels: 250 * MEGAPIXEL, max_side: 65_000 }
    }
}

impl Limits {
    pub(super) fn check_bytes(&self, len: usize) -> Result<(), Error> {
        let bytes = len as u64;
        if bytes > self.max_bytes {
            return Err(Error::TooLarge { bytes, max_bytes: self.max_bytes });
        }
        Ok(())
    }

    pub(super) fn check_pixels(&self, width: u32, height: u32) -> Result<(), Error> {
        if width == 0 || height == 0 {
            return Err(Error::Damaged);
        }
        let pixels = u64::from(width) * u64::from(height);
        if pixels > self.max_pixels || width.max(height) > self.max_side {
            return Err(Error::TooManyPixels { width, height, max_pixels: self.max_pixels, max_side: self.max_side });
        }
        Ok(())
    }
}

/// Returns an error for more than [`MAX_WORKING_BYTES`], with the number of pixels that such a file may have.
pub(super) fn check_working_bytes(width: u32, height: u32, bytes: u64) -> Result<(), Error> {
    if bytes <= MAX_WORKING_BYTES {
        return Ok(());
    }
    let pixels = u64::from(width) * u64::from(height);
    let bytes_per_pixel = bytes.div_ceil(pixels.max(1)).max(1);
    Err(Error::TooManyPixels {
        width,
        height,
        max_pixels: MAX_WORKING_BYTES / bytes_per_pixel,
        max_side: width.max(height),
    })
}
