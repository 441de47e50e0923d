//! The eight EXIF orientations (EXIF 2.32, tag 0x0112).

use super::picture::Picture;

/// Turns stored dimensions into upright ones, and back: 5 to 8 lie on their side.
pub(super) fn upright((width, height): (u32, u32), orientation: u8) -> (u32, u32) {
    if (5..=8).contains(&orientation) { (height, width) } else { (width, height) }
}

/// Turns a stored picture upright.
pub(super) fn orient(picture: Picture, orientation: u8) -> Picture {
    if !(2..=8).contains(&orientation) {
        return picture;
    }
    let (width, height) = (picture.width as usize, picture.height as usize);
    let channels = picture.ink.channels();
    let (out_width, out_height) = upright((picture.width, picture.height), orientation);
    let mut samples = Vec::with_capacity(picture.samples.len());
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
            samples.extend_from_slice(&picture.samples[at..at + channels]);
        }
    }
    Picture { width: out_width, height: out_height, ink: picture.ink, samples }
}
