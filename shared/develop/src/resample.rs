//! Lanczos resampling of interleaved 8-bit samples, in fixed point.
//!
//! Both passes are weighted sums of sixteen samples at a time, which the compiler turns into vector instructions. The
//! vertical pass sums neighbours in a row. The horizontal pass sums samples below one another, which are first placed
//! side by side.
#![expect(clippy::inline_always, reason = "what is not inlined into `with_avx2` is compiled without AVX2")]

mod axis;
mod sixteen;

use self::axis::{Axis, ratio};
pub(super) use self::sixteen::resample_sixteen;

/// Samples that are summed together, and rows that are computed together.
const LANES: usize = 16;
/// The bits after the binary point of stored samples.
const FRACTION: u32 = 7;
/// Neighbours in a row, or samples below one another.
type Lanes = [i16; LANES];

/// Resamples a picture of `channels` samples per pixel from one size to another (width, height).
///
/// Each channel is resampled separately, with the kernel widened by the scale if the picture shrinks.
pub(super) fn resample(samples: &[u8], channels: usize, from: (usize, usize), to: (usize, usize)) -> Vec<u8> {
    let mut resampler = Resampler::new(channels, from, to);
    resampler.out.reserve_exact(to.0 * to.1 * channels);
    // The picture is passed in parts, because a second copy of each part is made.
    samples.chunks(from.0 * channels * LANES).for_each(|rows| resampler.push(rows));
    resampler.out
}

/// A resampler for rows as they are decoded: memory holds the result and the rows for its next rows.
pub(super) struct Resampler {
    channels: usize,
    width: usize,
    columns: Axis,
    rows: Axis,
    /// Rows that are still needed, and the index of the first of them in the picture.
    held: Vec<Lanes>,
    first: usize,
    /// Runs of [`LANES`] samples per stored row.
    runs: usize,
    out: Vec<u8>,
    /// The number of computed rows of `out`.
    made: usize,
    /// Rows between the passes, side by side.
    lanes: Vec<Lanes>,
}

impl Resampler {
    pub(super) fn new(channels: usize, from: (usize, usize), to: (usize, usize)) -> Self {
        Self::by_axes(channels, from.0, Axis::new(from.0, to.0), Axis::new(from.1, to.1))
    }

    /// Creates a resampler for samples that are averages of `averaged` neighbours across and down, as from libjpeg's
    /// scaled decoding. It restores the detail that averaging weakened.
    pub(super) fn of_averages(channels: usize, from: (usize, usize), to: (usize, usize), averaged: u32) -> Self {
        // The loss of an average of n grows with the square of the frequency, in proportion to 1 - 1 / n^2.
        let lost = (1.0 - f64::from(averaged).powi(-2)) / 24.0;
        let axis = |from, to| Axis::sharpened(from, to, ratio(from, to), lost);
        Self::by_axes(channels, from.0, axis(from.0, to.0), axis(from.1, to.1))
    }

    /// Creates a resampler for rows of one channel that are `stride` samples apart, of which `from` belong to the
    /// picture. `scale` is the number of samples that become one: a picture decoded at a fraction of its size ends
    /// within a sample.
    pub(super) fn of_plane(stride: usize, from: (usize, usize), to: (usize, usize), scale: (f64, f64)) -> Self {
        Self::by_axes(1, stride, Axis::scaled(from.0, to.0, scale.0), Axis::scaled(from.1, to.1, scale.1))
    }

    fn by_axes(channels: usize, width: usize, columns: Axis, rows: Axis) -> Self {
        let runs = (width * channels).div_ceil(LANES);
        Self {
            channels,
            width,
            columns,
            rows,
            held: Vec::new(),
            first: 0,
            runs,
            out: Vec::new(),
            made: 0,
            lanes: vec![[0; LANES]; runs * LANES],
        }
    }

    /// Adds complete rows, in order.
    pub(super) fn push(&mut self, rows: &[u8]) {
        let high = self.rows.starts.len();
        for row in rows.chunks_exact(self.width * self.channels) {
            self.held.extend(row.chunks(LANES).map(held));
        }
        while self.made < high {
            let end = (self.made + LANES).min(high);
            let needed = self.rows.starts[end - 1] + self.rows.taps;
            if self.first + self.held.len() / self.runs < needed {
                break;
            }
            strip(self, end);
            self.made = end;
        }
        // Not after every strip: a removal moves the rows behind.
        let begins_at = self.rows.starts.get(self.made).copied().unwrap_or(self.first);
        let passed = (begins_at.saturating_sub(self.first) * self.runs).min(self.held.len());
        if passed > self.held.len() / 2 {
            self.held.drain(..passed);
            self.first = begins_at;
        }
    }

    /// Returns the rows of the result that were not taken yet.
    pub(super) fn rows(&self) -> &[u8] {
        &self.out
    }

    /// Removes the first of these rows.
    pub(super) fn take(&mut self, samples: usize) {
        self.out.drain(..samples);
    }

    /// Returns the result; `None` if rows are missing.
    pub(super) fn finish(self) -> Option<Vec<u8>> {
        (self.made == self.rows.starts.len()).then_some(self.out)
    }
}

/// Converts samples to their stored form.
fn held(samples: &[u8]) -> Lanes {
    let mut lanes = [0; LANES];
    for (lane, sample) in lanes.iter_mut().zip(samples) {
        *lane = i16::from(*sample) << FRACTION;
    }
    lanes
}

/// Computes the output rows up to `end` with the widest vectors of this machine; NEON is part of every 64-bit ARM.
fn strip(resampler: &mut Resampler, end: usize) {
    #[cfg(target_arch = "x86_64")]
    {
        #[target_feature(enable = "avx2")]
        fn with_avx2(resampler: &mut Resampler, end: usize) {
            strip_of_rows(resampler, end);
        }
        if is_x86_feature_detected!("avx2") {
            #[expect(unsafe_code, reason = "AVX2 was detected")]
            // SAFETY: the function requires only the feature that was just detected.
            unsafe {
                with_avx2(resampler, end);
            }
            return;
        }
    }
    strip_of_rows(resampler, end);
}

/// Computes at most [`LANES`] output rows: first vertically and at full width, then horizontally.
#[inline(always)]
fn strip_of_rows(resampler: &mut Resampler, end: usize) {
    let Resampler { channels, columns, rows, held, runs, first, out, made, lanes, .. } = resampler;
    let mut tile = [[0_i16; LANES]; LANES];
    for (run, lanes) in lanes.as_chunks_mut::<LANES>().0.iter_mut().enumerate() {
        for (line, row) in tile.iter_mut().zip(*made..end) {
            let (start, weights) = rows.window(row);
            let window = held[(start - *first) * *runs + run..].iter().step_by(*runs);
            *line = if rows.is_short() { rows.sums(window, weights) } else { rows.sums_of_many(window, weights) };
        }
        for (column, lanes) in lanes.iter_mut().enumerate() {
            for (lane, line) in lanes.iter_mut().zip(&tile) {
                *lane = line[column];
            }
        }
    }
    let out_stride = columns.starts.len() * *channels;
    let begins_at = out.len();
    out.resize(begins_at + (end - *made) * out_stride, 0);
    let out = &mut out[begins_at..];
    for position in 0..columns.starts.len() {
        let (start, weights) = columns.window(position);
        for channel in 0..*channels {
            let window = lanes[start * *channels + channel..].iter().step_by(*channels);
            let sums =
                if columns.is_short() { columns.sums(window, weights) } else { columns.sums_of_many(window, weights) };
            for (row, sum) in out.chunks_exact_mut(out_stride).zip(sums) {
                row[position * *channels + channel] = clamped(rounded(sum));
            }
        }
    }
}

impl Axis {
    /// Returns the weighted sums of samples, for sixteen rows or columns.
    #[inline(always)]
    fn sums<'a>(&self, window: impl Iterator<Item = &'a Lanes>, weights: &[i16]) -> Lanes {
        let mut sums = [self.half_of_all(); LANES];
        for (lanes, weight) in window.zip(weights) {
            for (sum, sample) in sums.iter_mut().zip(lanes) {
                *sum = sum.wrapping_add(high_half(*weight, *sample));
            }
        }
        sums.map(|sum| sum.clamp(0, self.largest_sum()) << (16 - self.shift))
    }

    /// Returns the weighted sums for windows of many samples, in 32 bits.
    #[inline(always)]
    fn sums_of_many<'a>(&self, window: impl Iterator<Item = &'a Lanes>, weights: &[i16]) -> Lanes {
        let mut sums = [self.half(); LANES];
        for (lanes, weight) in window.zip(weights) {
            for (sum, sample) in sums.iter_mut().zip(lanes) {
                *sum += i32::from(*weight) * rounded(*sample);
            }
        }
        sums.map(|sum| i16::from(clamped(sum >> self.shift)) << FRACTION)
    }
}

/// Returns the upper 16 bits of a product.
#[inline(always)]
fn high_half(weight: i16, sample: i16) -> i16 {
    ((i32::from(weight) * i32::from(sample)) >> 16) as i16
}

/// Rounds to an integer.
#[inline(always)]
fn rounded(sample: i16) -> i32 {
    (i32::from(sample) + (1 << (FRACTION - 1))) >> FRACTION
}

#[inline(always)]
#[expect(clippy::cast_sign_loss, reason = "clamped first")]
fn clamped(sum: i32) -> u8 {
    sum.clamp(0, 255) as u8
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::{axis::lanczos, *};

    /// Resamples by the definition, with real numbers and one pixel at a time.
    #[expect(clippy::cast_precision_loss, reason = "sides of small pictures")]
    fn reference(samples: &[u8], channels: usize, (width, height): (usize, usize), (w, h): (usize, usize)) -> Vec<f64> {
        let weights = |from: usize, to: usize, position: usize| {
            let scale = from as f64 / to as f64;
            let (centre, widened) = ((position as f64 + 0.5) * scale, scale.max(1.0));
            let weights: Vec<_> = (0..from).map(|at| lanczos((at as f64 + 0.5 - centre) / widened)).collect();
            let sum: f64 = weights.iter().sum();
            weights.into_iter().map(|weight| weight / sum).collect::<Vec<_>>()
        };
        let mut out = Vec::new();
        for y in 0..h {
            for x in 0..w {
                let (rows, columns) = (weights(height, h, y), weights(width, w, x));
                for channel in 0..channels {
                    // Values out of range are clipped between the passes, as in every resampler of 8-bit pictures.
                    let column = |at: usize| {
                        let sum = (0..height)
                            .map(|row| rows[row] * f64::from(samples[(row * width + at) * channels + channel]));
                        sum.sum::<f64>().clamp(0.0, 255.0)
                    };
                    out.push((0..width).map(|at| columns[at] * column(at)).sum::<f64>().clamp(0.0, 255.0));
                }
            }
        }
        out
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(40))]

        #[test]
        fn samples_are_within_two_steps_of_exact_values(
            size in (1_usize..90, 1_usize..30),
            part in (1_usize..100, 1_usize..100),
            channels in prop::sample::select(vec![1_usize, 3, 4]),
            rows_at_once in 1_usize..9,
            seed in 0_u32..,
        ) {
            let to = ((size.0 * part.0 / 100).max(1), (size.1 * part.1 / 100).max(1));
            let mut state = seed;
            let samples: Vec<u8> = (0..size.0 * size.1 * channels)
                .map(|_| {
                    state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
                    // Hard edges: black, white and values between them.
                    u8::try_from((state >> 24).saturating_mul(3).saturating_sub(256).min(255)).unwrap()
                })
                .collect();
            let ours = resample(&samples, channels, size, to);
            let mut in_parts = Resampler::new(channels, size, to);
            for rows in samples.chunks(size.0 * channels * rows_at_once) {
                in_parts.push(rows);
            }
            let in_parts = in_parts.finish();
            prop_assert_eq!(in_parts.as_ref(), Some(&ours));
            let mut sum = 0.0;
            for (ours, exact) in ours.iter().zip(reference(&samples, channels, size, to)) {
                let off = (f64::from(*ours) - exact).abs();
                // Weights of 14 bits may make the first pass round differently close to a tie: at most a step for each
                // of the taps of the second pass, whose weights without their signs sum up to 1.4; and half a step of
                // its own.
                prop_assert!(off <= 2.0, "{ours} for {exact}");
                sum += off;
            }
            // A picture of one sample may be between two steps.
            prop_assert!(sum <= 0.5 * f64::from(u32::try_from(ours.len()).unwrap()) + 0.25, "{sum} of {}", ours.len());
        }
    }

    #[test]
    fn plain_picture_and_equal_size_stay_unchanged() {
        for (from, to) in [((3000, 40), (2048, 27)), ((65_000, 1), (400, 1)), ((1, 500), (1, 3))] {
            for value in [0, 1, 128, 255] {
                let out = resample(&vec![value; from.0 * from.1 * 3], 3, from, to);
                assert!(out.len() == to.0 * to.1 * 3 && out.iter().all(|sample| *sample == value), "{from:?} {value}");
            }
        }
        let noise: Vec<u8> = (0..70 * 9_u32).map(|n| u8::try_from(n * n * 7 % 251).unwrap()).collect();
        assert_eq!(resample(&noise, 1, (70, 9), (70, 9)), noise);
    }
}
