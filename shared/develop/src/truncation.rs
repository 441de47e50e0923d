//! Checks that a file is complete. Decoders stop after the last pixel they need, so each container is walked here.

use super::{bmff, error::Error};

/// The boxes with a picture or a film and its metadata.
const BASE_MEDIA_BOXES: [&[u8; 4]; 5] = [b"ftyp", b"meta", b"mdat", b"moov", b"idat"];

fn check(is_whole: bool) -> Result<(), Error> {
    if is_whole { Ok(()) } else { Err(Error::Truncated) }
}

/// Checks the boxes of a base media file. Phones append data of their own, which are no boxes.
pub(super) fn base_media(bytes: &[u8]) -> Result<(), Error> {
    check(bmff::boxes(bytes).all(|found| found.whole || !BASE_MEDIA_BOXES.contains(&&found.kind)))
}

/// Checks the chunks of length, type, data and checksum up to IEND (PNG, 5.3).
pub(super) fn png(bytes: &[u8]) -> Result<(), Error> {
    check(png_is_whole(bytes))
}

fn png_is_whole(bytes: &[u8]) -> bool {
    let mut rest = bytes.get(8..).unwrap_or_default();
    while let Some(&[l3, l2, l1, l0, ref kind @ ..]) = rest.first_chunk::<8>() {
        let next = (u32::from_be_bytes([l3, l2, l1, l0]) as usize).saturating_add(12);
        if next > rest.len() {
            return false;
        }
        if kind == b"IEND" {
            return true;
        }
        rest = &rest[next..];
    }
    false
}

/// Checks BMP: rows without compression have the length that the header states, each padded to four bytes. Compressed
/// data has an end of its own.
pub(super) fn bmp(bytes: &[u8], (width, height): (u32, u32)) -> Result<(), Error> {
    let long = |at: usize| Some(u32::from_le_bytes(*bytes.get(at..)?.first_chunk()?));
    let walk = || {
        let is_first_version = long(14)? == 12;
        let (bits, compression) = if is_first_version { (long(22)? >> 16, 0) } else { (long(26)? >> 16, long(30)?) };
        // Plain rows, with or without masks.
        if !matches!(compression, 0 | 3 | 6) {
            return Some(true);
        }
        let row = (u64::from(width) * u64::from(bits)).div_ceil(32) * 4;
        Some(u64::from(long(10)?) + row * u64::from(height) <= bytes.len() as u64)
    };
    check(walk() == Some(true))
}

/// Checks the RIFF header, which states the length of the rest.
pub(super) fn webp(bytes: &[u8]) -> Result<(), Error> {
    let size = bytes.get(4..8).and_then(<[u8]>::first_chunk::<4>);
    check(size.is_some_and(|size| (u32::from_le_bytes(*size) as usize).saturating_add(8) <= bytes.len()))
}

/// Checks blocks of sub-blocks up to the trailer (GIF89a, appendix B), which may be missing behind a picture.
pub(super) fn gif(bytes: &[u8]) -> Result<(), Error> {
    let walk = || {
        let mut at = 13 + colour_table(*bytes.get(10)?);
        let mut has_picture = false;
        loop {
            at = match bytes.get(at) {
                Some(b'!') => sub_blocks(bytes, at + 2)?,
                // Image descriptor, colour table, code size.
                Some(b',') => {
                    has_picture = true;
                    sub_blocks(bytes, at + 11 + colour_table(*bytes.get(at + 9)?))?
                }
                // The trailer, or no block, which the decoder checks.
                Some(_) => return Some(()),
                None => return has_picture.then_some(()),
            };
        }
    };
    check(walk().is_some())
}

/// Returns the bytes of the colour table that `flags` announce.
fn colour_table(flags: u8) -> usize {
    if flags & 0x80 == 0 { 0 } else { 3 << ((flags & 7) + 1) }
}

/// Returns the end of the sub-blocks that start at `at`.
fn sub_blocks(bytes: &[u8], mut at: usize) -> Option<usize> {
    loop {
        let length = usize::from(*bytes.get(at)?);
        at += 1 + length;
        if length == 0 {
            return Some(at);
        }
    }
}
