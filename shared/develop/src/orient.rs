//! The eight EXIF orientations (EXIF 2.32, tag 0x0112).

use super::bitmap::Bitmap;

/// Turns stored dimensions into upright ones, and back: 5 to 8 lie on their side.
pub(super) fn upright((width, height): (u32, u32), orientation: u8) -> (u32, u32) {
    if (5..=8).contains(&orientation) { (height, width) } else { (width, height) }
}

/// Turns a stored bitmap upright.
pub(super) fn orient(bitmap: Bitmap, orientation: u8) -> Bitmap {
    if !(2..=8).contains(&orientation) {
        return bitmap;
    }
    let (width, height) = (bitmap.width as usize, bitmap.height as usize);
    let channels = bitmap.format.channels();
    let (out_width, out_height) = upright((bitmap.width, bitmap.height), orientation);
    let mut samples = Vec::with_capacity(bitmap.samples.len());
    for y in 0..out_height as usize {
        for x in 0..out_width as usize {
            // Which stored pixel is seen at (x, y) when the picture is upright.
            let (from_x, from_y) = match orientation {
                2 => (width - 1 - x, y),
                3 => (width - 1 - x, height - 1 - y),
                4 => (x, height - 1 - y),
                5 => (y, x),
                6 => (y, height - 1 - x),
                7 => (width - 1 - y, height - 1 - x),
                _ => (width - 1 - y, x),
            };
            let at = (from_y * width + from_x) * channels;
            samples.extend_from_slice(&bitmap.samples[at..at + channels]);
        }
    }
    Bitmap { width: out_width, height: out_height, format: bitmap.format, samples }
}
