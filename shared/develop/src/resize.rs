//! Shrinking. Never enlarging: a small original keeps its pixels.

use super::{picture::Picture, resample::resample};

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
pub(super) fn resize(picture: &Picture, width: u32, height: u32) -> Picture {
    let (from, to) = ((picture.width, picture.height), (width, height));
    let samples = if from == to {
        picture.samples.clone()
    } else {
        let sides = |(width, height): (u32, u32)| (width as usize, height as usize);
        resample(&picture.samples, picture.ink.channels(), sides(from), sides(to))
    };
    Picture { width, height, ink: picture.ink, samples }
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
