//! Shrinking. Never enlarging: a small original keeps its pixels.

use std::borrow::Cow;

use fast_image_resize::{
    FilterType, PixelType, ResizeAlg, ResizeOptions, Resizer,
    images::{Image, ImageRef},
};

use super::{
    picture::{Ink, Picture},
    refusal::Refusal,
};

/// The size with the same proportions whose long edge is at most `long_edge`. No side is ever 0.
pub(super) fn fit((width, height): (u32, u32), long_edge: u32) -> (u32, u32) {
    let long = width.max(height);
    if long <= long_edge {
        return (width, height);
    }
    let scaled = |side: u32| {
        let rounded = (u64::from(side) * u64::from(long_edge) + u64::from(long) / 2) / u64::from(long);
        u32::try_from(rounded).unwrap_or(long_edge).max(1)
    };
    (scaled(width), scaled(height))
}

/// Lanczos with three lobes, each channel on its own (nothing here has alpha).
pub(super) fn resize(picture: &Picture, width: u32, height: u32) -> Result<Picture, Refusal> {
    let samples = if (picture.width, picture.height) == (width, height) {
        Cow::Borrowed(&picture.samples)
    } else {
        Cow::Owned(convolve(picture, width, height).ok_or(Refusal::Damaged)?)
    };
    Ok(Picture { width, height, ink: picture.ink, samples: samples.into_owned() })
}

/// `None` only if `picture` breaks its own invariant.
fn convolve(picture: &Picture, width: u32, height: u32) -> Option<Vec<u8>> {
    let pixels = match picture.ink {
        Ink::Grey => PixelType::U8,
        Ink::Rgb => PixelType::U8x3,
        Ink::Cmyk => PixelType::U8x4,
    };
    let source = ImageRef::new(picture.width, picture.height, &picture.samples, pixels).ok()?;
    let mut target = Image::new(width, height, pixels);
    let options = ResizeOptions::new().resize_alg(ResizeAlg::Convolution(FilterType::Lanczos3)).use_alpha(false);
    Resizer::new().resize(&source, &mut target, &options).ok()?;
    Some(target.into_vec())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn proportions_are_kept_and_nothing_is_enlarged() {
        assert_eq!(fit((6000, 4000), 2048), (2048, 1365));
        assert_eq!(fit((4000, 6000), 400), (267, 400));
        assert_eq!(fit((300, 200), 400), (300, 200));
        assert_eq!(fit((65_000, 1), 400), (400, 1));
    }
}
