//! The eight EXIF orientations (EXIF 2.32, tag 0x0112).

use std::ops::Range;

use super::bitmap::Bitmap;

/// Converts stored dimensions to upright ones, and back: orientations 5 to 8 exchange them.
pub(super) fn upright((width, height): (u32, u32), orientation: u8) -> (u32, u32) {
    if (5..=8).contains(&orientation) { (height, width) } else { (width, height) }
}

/// Rotates a stored bitmap upright.
pub(super) fn orient(bitmap: Bitmap, orientation: u8) -> Bitmap {
    if !(2..=8).contains(&orientation) {
        return bitmap;
    }
    let (width, height) = upright((bitmap.width, bitmap.height), orientation);
    let mut samples = Vec::with_capacity(bitmap.samples.len());
    rows(&bitmap, orientation, 0..height as usize, &mut samples);
    Bitmap { width, height, format: bitmap.format, samples }
}

/// Appends upright rows of a stored bitmap.
pub(super) fn rows(bitmap: &Bitmap, orientation: u8, rows: Range<usize>, samples: &mut Vec<u8>) {
    let (width, height) = (bitmap.width.cast_signed() as isize, bitmap.height.cast_signed() as isize);
    let (right, bottom) = (width - 1, (height - 1) * width);
    // The first visible pixel in the stored bitmap, and the steps to the pixels right of it and below it.
    let (first, across, down) = match orientation {
        2 => (right, -1, width),
        3 => (bottom + right, -1, -width),
        4 => (bottom, 1, -width),
        5 => (0, width, 1),
        6 => (bottom, -width, 1),
        7 => (bottom + right, -width, -1),
        8 => (right, width, -1),
        _ => (0, 1, width),
    };
    let channels = bitmap.format.channels();
    let columns = upright((bitmap.width, bitmap.height), orientation).0 as usize;
    for row in rows {
        let mut at = first + down * row.cast_signed();
        if across == 1 {
            let start = at.cast_unsigned() * channels;
            samples.extend_from_slice(&bitmap.samples[start..start + columns * channels]);
            continue;
        }
        for _ in 0..columns {
            let sample = at.cast_unsigned() * channels;
            samples.extend_from_slice(&bitmap.samples[sample..sample + channels]);
            at += across;
        }
    }
}
