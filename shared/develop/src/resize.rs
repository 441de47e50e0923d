//! Shrinking of pictures. A small original is never enlarged.

use super::{
    bitmap::{Bitmap, DecodedBitmap},
    resample::{resample, resample_sixteen},
};

/// Returns the size with the same proportions whose long edge is at most `long_edge`. No side is ever 0.
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

/// Returns the size with the same proportions that fits into a box. No side is ever 0.
pub(super) fn fit_into((width, height): (u32, u32), (most_width, most_height): (u32, u32)) -> (u32, u32) {
    let scaled = |side: u32, most: u32, other: u32| {
        let rounded = (u64::from(side) * u64::from(most) + u64::from(other) / 2) / u64::from(other.max(1));
        u32::try_from(rounded).unwrap_or(u32::MAX).max(1)
    };
    if width <= most_width && height <= most_height {
        (width, height)
    } else if u64::from(width) * u64::from(most_height) >= u64::from(height) * u64::from(most_width) {
        (most_width, scaled(height, most_width, width).min(most_height))
    } else {
        (scaled(width, most_height, height).min(most_width), most_height)
    }
}

/// Resamples with a Lanczos kernel of three lobes, each channel separately (no picture here has alpha).
pub(super) fn resize(bitmap: &Bitmap, width: u32, height: u32) -> Bitmap {
    by(resample, bitmap, width, height)
}

/// Resamples a decoded original at its depth.
pub(super) fn resize_decoded(bitmap: DecodedBitmap, width: u32, height: u32) -> DecodedBitmap {
    match bitmap {
        DecodedBitmap::Eight(bitmap) if (bitmap.width, bitmap.height) == (width, height) => {
            DecodedBitmap::Eight(bitmap)
        }
        DecodedBitmap::Eight(bitmap) => DecodedBitmap::Eight(resize(&bitmap, width, height)),
        DecodedBitmap::Sixteen(bitmap) => DecodedBitmap::Sixteen(by(resample_sixteen, &bitmap, width, height)),
    }
}

/// Samples, channels, size, new size.
type Resample<S> = fn(&[S], usize, (usize, usize), (usize, usize)) -> Vec<S>;

fn by<S: Clone>(resample: Resample<S>, bitmap: &Bitmap<S>, width: u32, height: u32) -> Bitmap<S> {
    let (from, to) = ((bitmap.width, bitmap.height), (width, height));
    let samples = if from == to {
        bitmap.samples.clone()
    } else {
        let sides = |(width, height): (u32, u32)| (width as usize, height as usize);
        resample(&bitmap.samples, bitmap.format.channels(), sides(from), sides(to))
    };
    Bitmap { width, height, format: bitmap.format, samples }
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

    #[test]
    fn picture_fits_into_the_box_by_its_tighter_side() {
        for (size, fitting) in [
            ((800, 400), (800, 400)),
            ((10, 20), (10, 20)),
            ((1600, 400), (800, 200)),
            ((801, 401), (799, 400)),
            ((400, 800), (200, 400)),
            ((65_000, 1), (800, 1)),
            ((1, 65_000), (1, 400)),
        ] {
            assert_eq!(fit_into(size, (800, 400)), fitting, "{size:?}");
        }
    }
}
