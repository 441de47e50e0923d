//! BMP, by the `image` crate.

use std::io::Cursor;

use image::{ImageError, codecs::bmp::BmpDecoder};

use super::{Decoded, Original, error::Error, image_crate, truncation};

/// Returns whether a file begins like BMP: after the signature of two letters, the second header has one of the lengths
/// that were ever defined.
pub(super) fn is_bmp(file: &[u8]) -> bool {
    const OS2: u32 = 12;
    /// Header lengths from OS/2's second version, which may be shortened, to Windows' fifth.
    const LATER: std::ops::RangeInclusive<u32> = 16..=124;
    let Some(length) = file.get(14..).and_then(<[u8]>::first_chunk::<4>) else { return false };
    let length = u32::from_le_bytes(*length);
    file.starts_with(b"BM") && (length == OS2 || LATER.contains(&length))
}

/// Returns width and height; negative heights mean rows from the top.
pub(super) fn size(file: &[u8]) -> Option<(u32, u32)> {
    let short = |at: usize| Some(u32::from(u16::from_le_bytes(*file.get(at..)?.first_chunk()?)));
    let long = |at: usize| Some(i32::from_le_bytes(*file.get(at..)?.first_chunk()?).unsigned_abs());
    if long(14)? == 12 { Some((short(18)?, short(20)?)) } else { Some((long(18)?, long(22)?)) }
}

pub(super) fn read(original: &Original<'_>) -> Result<Decoded, Error> {
    let size = size(original.bytes).ok_or(Error::Truncated)?;
    original.limits.check_pixels(size.0, size.1)?;
    truncation::bmp(original.bytes, size)?;
    let open = || BmpDecoder::new(Cursor::new(original.bytes));
    if let Err(ImageError::Decoding(_) | ImageError::Unsupported(_)) = open() {
        // Rare headers, which the decoder cannot read.
        return Ok(Decoded::unsupported(Some(size)));
    }
    // The decoder allocates no more than the pixels that it returns: at most four bytes each.
    image_crate::decode(original, open, |_| 4)
}
