//! Upper estimates of the duration of jobs. Measurements: `benches/README.md`.

/// An upper estimate, in milliseconds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Estimate(u64);

impl Estimate {
    /// Whole seconds, rounded up.
    pub fn seconds(self) -> u64 {
        self.0.div_ceil(1000)
    }
}

/// Estimates the processing of a photo: startup, and 10 MB of the original per second (a JPEG of 24 megapixels and 10
/// MB takes 0.6 s here).
pub fn photo(bytes: u64) -> Estimate {
    Estimate(2_000 + bytes / 10_000)
}

/// Size in bytes from which S3 copies a photo. Smaller photos pass through the function.
const COPIED_FROM: u64 = 5 << 20;

/// Estimates the archive of photos of these sizes: startup, 8 ms per photo (10,000 of 25 MB take 67 s), and 100 MB of
/// small photos per second.
pub fn archive(sizes: impl Iterator<Item = u64>) -> Estimate {
    let (count, small) = sizes.fold((0, 0), |(count, small): (u64, u64), size| {
        (count + 1, small.saturating_add(if size < COPIED_FROM { size } else { 0 }))
    });
    Estimate(3_000 + 8 * count + small / 100_000)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fifty_photos_are_quick_and_ten_thousand_slow() {
        assert!(archive(std::iter::repeat_n(25_000_000, 50)).seconds() <= 4);
        assert!(archive(std::iter::repeat_n(25_000_000, 10_000)).seconds() > 60);
        assert!(archive(std::iter::repeat_n(4_000_000, 1_000)).seconds() > 25);
        assert!(photo(25_000_000).seconds() <= 5 && photo(256 << 20).seconds() > 25);
    }
}
