//! Reduction during decoding: rows in, averages over squares of pixels out.

use super::bitmap::{Bitmap, DecodedBitmap, PixelFormat};

/// Sums of rows of 16-bit samples, which become a bitmap of a whole fraction of the size.
pub(super) struct Reducer {
    size: (u32, u32),
    factor: usize,
    format: PixelFormat,
    samples: Samples,
    /// One sum per sample of an output row. At most 15 x 15 pixels of 16 bits: [`crate::Limits::max_side`].
    sums: Vec<u64>,
    /// The number of rows in `sums`.
    summed: usize,
}

enum Samples {
    Eight(Vec<u8>),
    Sixteen(Vec<u16>),
}

/// The bits per sample of the bitmap.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Depth {
    Eight,
    Sixteen,
}

/// Returns the largest whole factor for which the long edge stays at least twice `long_edge`.
fn factor(size: (u32, u32), long_edge: u32) -> u32 {
    (size.0.max(size.1) / (2 * long_edge)).max(1)
}

impl Reducer {
    pub(super) fn new(size: (u32, u32), long_edge: u32, format: PixelFormat, depth: Depth) -> Self {
        let factor = factor(size, long_edge);
        let line = size.0.div_ceil(factor) as usize * format.channels();
        let all = line * size.1.div_ceil(factor) as usize;
        let samples = match depth {
            Depth::Eight => Samples::Eight(Vec::with_capacity(all)),
            Depth::Sixteen => Samples::Sixteen(Vec::with_capacity(all)),
        };
        let sums = if factor == 1 { Vec::new() } else { vec![0; line] };
        Self { size, factor: factor as usize, format, samples, sums, summed: 0 }
    }

    /// Returns the bytes of the bitmap for a picture of this size.
    pub(super) fn bitmap_bytes(size: (u32, u32), long_edge: u32, format: PixelFormat, depth: Depth) -> u64 {
        let factor = factor(size, long_edge);
        let samples =
            u64::from(size.0.div_ceil(factor)) * u64::from(size.1.div_ceil(factor)) * format.channels() as u64;
        if depth == Depth::Eight { samples } else { 2 * samples }
    }

    /// Adds the next row: `width * channels` samples.
    pub(super) fn push(&mut self, row: &[u16]) {
        if self.factor == 1 {
            match &mut self.samples {
                Samples::Eight(out) => out.extend(row.iter().map(|&sample| to_eight(u64::from(sample)))),
                Samples::Sixteen(out) => out.extend_from_slice(row),
            }
            return;
        }
        let channels = self.format.channels();
        for (square, sums) in row.chunks(self.factor * channels).zip(self.sums.chunks_exact_mut(channels)) {
            for pixel in square.chunks_exact(channels) {
                for (sum, &sample) in sums.iter_mut().zip(pixel) {
                    *sum += u64::from(sample);
                }
            }
        }
        self.summed += 1;
        if self.summed == self.factor {
            self.flush();
        }
    }

    fn flush(&mut self) {
        if self.summed == 0 {
            return;
        }
        let channels = self.format.channels();
        for (square, sums) in self.sums.chunks_exact_mut(channels).enumerate() {
            let wide = (self.size.0 as usize - square * self.factor).min(self.factor);
            let count = (self.summed * wide) as u64;
            for sum in sums {
                match &mut self.samples {
                    Samples::Eight(out) => {
                        let whole = count * 257;
                        out.push(u8::try_from((*sum + whole / 2) / whole).unwrap_or(u8::MAX));
                    }
                    Samples::Sixteen(out) => out.push(u16::try_from((*sum + count / 2) / count).unwrap_or(u16::MAX)),
                }
                *sum = 0;
            }
        }
        self.summed = 0;
    }

    /// Returns the bitmap after all rows were added.
    pub(super) fn finish(mut self) -> DecodedBitmap {
        self.flush();
        let factor = u32::try_from(self.factor).unwrap_or(1);
        let (width, height, format) = (self.size.0.div_ceil(factor), self.size.1.div_ceil(factor), self.format);
        match self.samples {
            Samples::Eight(samples) => DecodedBitmap::Eight(Bitmap { width, height, format, samples }),
            Samples::Sixteen(samples) => DecodedBitmap::Sixteen(Bitmap { width, height, format, samples }),
        }
    }
}

/// Converts 16 bits to 8, rounded.
pub(super) fn to_eight(sample: u64) -> u8 {
    u8::try_from((sample + 128) / 257).unwrap_or(u8::MAX)
}

/// Blends a sample under straight alpha over white. Both are in 0 to 65,535.
pub(super) fn over_white(sample: u16, alpha: u16) -> u16 {
    if alpha == u16::MAX {
        return sample;
    }
    let (sample, alpha) = (u32::from(sample), u32::from(alpha));
    u16::try_from((sample * alpha + 32_767) / 65_535 + (65_535 - alpha)).unwrap_or(u16::MAX)
}

/// Multiplies a sample by its straight alpha. Both are in 0 to 65,535.
pub(super) fn premultiplied(sample: u16, alpha: u16) -> u16 {
    let (sample, alpha) = (u32::from(sample), u32::from(alpha));
    u16::try_from((sample * alpha + 32_767) / 65_535).unwrap_or(u16::MAX)
}

/// Divides a premultiplied sample by its alpha. Both are in 0 to 65,535.
pub(super) fn straight(sample: u16, alpha: u16) -> u16 {
    let (sample, alpha) = (u32::from(sample), u32::from(alpha));
    (sample * 65_535 + alpha / 2).checked_div(alpha).and_then(|sample| u16::try_from(sample).ok()).unwrap_or(u16::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn squares_are_averaged_up_to_the_edges() {
        let mut reducer = Reducer::new((5, 3), 1, PixelFormat::Gray, Depth::Sixteen);
        assert_eq!(reducer.factor, 2);
        for row in [[0, 100, 200, 300, 400], [100, 200, 300, 400, 500], [7, 9, 0, 0, 3]] {
            reducer.push(&row);
        }
        let DecodedBitmap::Sixteen(bitmap) = reducer.finish() else { panic!("16 bits asked for") };
        assert_eq!((bitmap.width, bitmap.height), (3, 2));
        assert_eq!(bitmap.samples, [100, 300, 450, 8, 0, 3]);
    }

    #[test]
    fn premultiplied_samples_are_restored() {
        for alpha in [257, 32_768, u16::MAX] {
            for sample in [0, 1_000, 32_768, u16::MAX] {
                let restored = straight(premultiplied(sample, alpha), alpha);
                assert!(restored.abs_diff(sample) <= 65_535 / alpha, "{sample} under {alpha}: {restored}");
            }
        }
        assert_eq!(straight(0, 0), u16::MAX);
        assert_eq!(straight(9, 3), u16::MAX, "resampling overshoots");
    }

    #[test]
    fn alpha_is_laid_over_white() {
        assert_eq!(over_white(0, 0), u16::MAX);
        assert_eq!(over_white(1234, u16::MAX), 1234);
        assert_eq!(over_white(0, 32_768), 32_767);
    }
}
