//! Lanczos resampling of interleaved 8-bit samples, in fixed point.
//!
//! Both passes are written so that the compiler turns them into vector instructions: the vertical one works on runs of
//! neighbouring samples, the horizontal one on eight rows at a time, whose samples are interleaved first.
#![expect(clippy::inline_always, reason = "what is not inlined into `with_avx2` is compiled without AVX2")]

mod sixteen;

use std::f64::consts::PI;

pub(super) use self::sixteen::resample_sixteen;

/// Lobes of the kernel on each side of its centre.
const LOBES: f64 = 3.0;
/// Bits behind the binary point, at most: sums of 255 times the weights, whose absolute values add up to less than 1.7,
/// fit in 32 bits.
const MAX_SHIFT: u32 = 22;
/// Rows that the horizontal pass works on together.
const LANES: usize = 8;
/// Samples that the vertical pass sums together.
const RUN: usize = 64;

/// Resamples a picture of `channels` samples a pixel from one size to another (width, height).
///
/// Each channel is resampled on its own, with the kernel widened by the scale where the picture shrinks.
pub(super) fn resample(samples: &[u8], channels: usize, from: (usize, usize), to: (usize, usize)) -> Vec<u8> {
    let mut resampler = Resampler::new(channels, from, to);
    resampler.push(samples);
    resampler.out
}

/// The same, row by row as they come: memory holds the result and the rows that the next ones of it are made of.
pub(super) struct Resampler {
    channels: usize,
    width: usize,
    columns: Axis,
    rows: Axis,
    /// Rows that are needed yet, and which row of the picture the first of them is.
    held: Vec<u8>,
    first: usize,
    out: Vec<u8>,
    /// Rows of `out` that are made.
    made: usize,
    strip: Vec<u8>,
    lanes: Vec<[u8; LANES]>,
}

impl Resampler {
    pub(super) fn new(channels: usize, from: (usize, usize), to: (usize, usize)) -> Self {
        let stride = from.0 * channels;
        Self {
            channels,
            width: from.0,
            columns: Axis::new(from.0, to.0),
            rows: Axis::new(from.1, to.1),
            held: Vec::new(),
            first: 0,
            out: vec![0; to.0 * to.1 * channels],
            made: 0,
            strip: vec![0; stride * LANES],
            lanes: vec![[0; LANES]; stride],
        }
    }

    /// Adds rows: whole ones, in order.
    pub(super) fn push(&mut self, rows: &[u8]) {
        let stride = self.width * self.channels;
        let out_stride = self.columns.starts.len() * self.channels;
        let high = self.rows.starts.len();
        self.held.extend_from_slice(rows);
        while self.made < high {
            let end = (self.made + LANES).min(high);
            let needed = self.rows.starts[end - 1] + self.rows.taps;
            if self.first + self.held.len() / stride < needed {
                break;
            }
            match self.channels {
                1 => strip::<1>(self, end, out_stride),
                3 => strip::<3>(self, end, out_stride),
                _ => strip::<4>(self, end, out_stride),
            }
            self.made = end;
        }
        // Seldom, since what stays is moved.
        let begins_at = self.rows.starts.get(self.made).copied().unwrap_or(self.first);
        let passed = (begins_at.saturating_sub(self.first) * stride).min(self.held.len());
        if passed > self.held.len() / 2 {
            self.held.drain(..passed);
            self.first = begins_at;
        }
    }

    /// The result; `None` where rows are missing.
    pub(super) fn finish(self) -> Option<Vec<u8>> {
        (self.made == self.rows.starts.len()).then_some(self.out)
    }
}

/// The weights of one axis.
struct Axis {
    /// Where each output position's window begins in the input.
    starts: Vec<usize>,
    /// Weights of each output position, `taps` of them, the last ones 0 where its window is shorter.
    weights: Vec<i16>,
    /// Length of the longest window.
    taps: usize,
    /// Bits behind the binary point of the weights.
    shift: u32,
}

impl Axis {
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        clippy::cast_precision_loss,
        reason = "sides of a picture, and weights that are bounded by the shift"
    )]
    fn new(from: usize, to: usize) -> Self {
        let scale = from as f64 / to as f64;
        let widened = scale.max(1.0);
        let support = LOBES * widened;
        let windows: Vec<(usize, Vec<f64>)> = (0..to)
            .map(|position| {
                let centre = (position as f64 + 0.5) * scale;
                let start = (centre - support + 0.5).max(0.0) as usize;
                let end = ((centre + support + 0.5) as usize).min(from);
                let weights = (start..end).map(|at| lanczos((at as f64 + 0.5 - centre) / widened));
                let weights: Vec<_> = weights.collect();
                let sum: f64 = weights.iter().sum();
                (start, weights.into_iter().map(|weight| weight / sum).collect())
            })
            .collect();
        let taps = windows.iter().map(|(_, weights)| weights.len()).max().unwrap_or(0).min(from);
        let largest = windows.iter().flat_map(|(_, weights)| weights).fold(0.0_f64, |most, weight| most.max(*weight));
        let fits = |shift: &u32| largest * f64::from(1_u32 << shift) <= f64::from(i16::MAX);
        let shift = (1..=MAX_SHIFT).rev().find(fits).unwrap_or(1);
        let mut starts = Vec::with_capacity(to);
        let mut all = Vec::with_capacity(to * taps);
        for (start, weights) in windows {
            // The window is moved to the left where the longest one would reach beyond the input.
            let moved = start.min(from - taps);
            let mut line = vec![0_i16; taps];
            let (mut exact, mut given) = (0.0, 0);
            for (tap, weight) in line[start - moved..].iter_mut().zip(weights) {
                // What rounding takes from one weight, the next one gets: their sum is exactly 1.
                exact += weight * f64::from(1_u32 << shift);
                *tap = (exact.round() as i32 - given).clamp(i32::from(i16::MIN), i32::from(i16::MAX)) as i16;
                given += i32::from(*tap);
            }
            starts.push(moved);
            all.extend(line);
        }
        Self { starts, weights: all, taps, shift }
    }

    /// Where the window of an output position begins, and its weights.
    fn window(&self, position: usize) -> (usize, &[i16]) {
        (self.starts[position], &self.weights[position * self.taps..][..self.taps])
    }

    /// Half of the last kept bit, so that the shift rounds.
    fn half(&self) -> i32 {
        1 << (self.shift - 1)
    }
}

/// Lanczos' kernel: a sinc, windowed by a sinc three times as wide.
fn lanczos(x: f64) -> f64 {
    if x == 0.0 {
        return 1.0;
    }
    if x.abs() >= LOBES {
        return 0.0;
    }
    let x = x * PI;
    LOBES * x.sin() * (x / LOBES).sin() / (x * x)
}

/// Makes the output rows up to `end`, compiled for the widest vectors of this machine; NEON is part of every 64-bit ARM.
fn strip<const C: usize>(resampler: &mut Resampler, end: usize, out_stride: usize) {
    #[cfg(target_arch = "x86_64")]
    {
        #[target_feature(enable = "avx2")]
        fn with_avx2<const C: usize>(resampler: &mut Resampler, end: usize, out_stride: usize) {
            strip_of_rows::<C>(resampler, end, out_stride);
        }
        if is_x86_feature_detected!("avx2") {
            #[expect(unsafe_code, reason = "AVX2 was detected")]
            // SAFETY: the only requirement of the function is the feature that was just detected.
            unsafe {
                with_avx2::<C>(resampler, end, out_stride);
            }
            return;
        }
    }
    strip_of_rows::<C>(resampler, end, out_stride);
}

/// [`LANES`] output rows at most: first vertically and at full width, then horizontally.
#[inline(always)]
fn strip_of_rows<const C: usize>(resampler: &mut Resampler, end: usize, out_stride: usize) {
    let Resampler { width, columns, rows, held, first, out, made, strip, lanes, .. } = resampler;
    let stride = *width * C;
    for (line, row) in strip.chunks_exact_mut(stride).zip(*made..end) {
        let (start, weights) = rows.window(row);
        vertical(&held[(start - *first) * stride..], stride, weights, rows, line);
    }
    interleave(strip, stride, lanes);
    horizontal::<C>(lanes, columns, &mut out[*made * out_stride..end * out_stride], out_stride);
}

/// One output row: the weighted sum of the input rows, whose first is at the beginning of `samples`.
#[inline(always)]
fn vertical(samples: &[u8], stride: usize, weights: &[i16], axis: &Axis, line: &mut [u8]) {
    let mut runs = line.chunks_exact_mut(RUN);
    let mut at = 0;
    for run in &mut runs {
        let mut sums = [axis.half(); RUN];
        for (row, weight) in weights.iter().enumerate() {
            for (sum, sample) in sums.iter_mut().zip(&samples[row * stride + at..][..RUN]) {
                *sum += i32::from(*weight) * i32::from(*sample);
            }
        }
        for (sample, sum) in run.iter_mut().zip(sums) {
            *sample = clamped(sum >> axis.shift);
        }
        at += RUN;
    }
    for sample in runs.into_remainder() {
        let column = samples[at..].iter().step_by(stride);
        let sum: i32 = weights.iter().zip(column).map(|(weight, sample)| i32::from(*weight) * i32::from(*sample)).sum();
        *sample = clamped((sum + axis.half()) >> axis.shift);
        at += 1;
    }
}

/// Puts what lies below one another in a strip beside one another.
#[inline(always)]
fn interleave(strip: &[u8], stride: usize, lanes: &mut [[u8; LANES]]) {
    for (at, lanes) in lanes.iter_mut().enumerate() {
        for (lane, sample) in lanes.iter_mut().enumerate() {
            *sample = strip[lane * stride + at];
        }
    }
}

/// Output rows: each pixel the weighted sum of its row's pixels.
#[inline(always)]
fn horizontal<const C: usize>(lanes: &[[u8; LANES]], axis: &Axis, out: &mut [u8], out_stride: usize) {
    for position in 0..axis.starts.len() {
        let (start, weights) = axis.window(position);
        let mut sums = [[axis.half(); LANES]; C];
        for (pixel, weight) in lanes[start * C..].chunks_exact(C).zip(weights) {
            for (sums, samples) in sums.iter_mut().zip(pixel) {
                for (sum, sample) in sums.iter_mut().zip(samples) {
                    *sum += i32::from(*weight) * i32::from(*sample);
                }
            }
        }
        for (channel, sums) in sums.iter().enumerate() {
            for (row, sum) in out.chunks_exact_mut(out_stride).zip(sums) {
                row[position * C + channel] = clamped(sum >> axis.shift);
            }
        }
    }
}

#[inline(always)]
#[expect(clippy::cast_sign_loss, reason = "clamped first")]
fn clamped(sum: i32) -> u8 {
    sum.clamp(0, 255) as u8
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// The same by the textbook: real numbers, one pixel at a time.
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
                    // The rows' pass keeps 8 bits in between, as every resampler of 8-bit pictures does.
                    let column = |at: usize| {
                        let sum = (0..height)
                            .map(|row| rows[row] * f64::from(samples[(row * width + at) * channels + channel]));
                        sum.sum::<f64>().clamp(0.0, 255.0).round()
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
        fn samples_are_within_two_steps_of_the_textbooks_and_within_half_a_step_on_average(
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
                    // Hard edges: black, white and what is between.
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
                // Weights of 14 bits let the first pass round the other way where it is close to a tie: at most a step for
                // each of the taps of the second pass, whose weights without their signs sum up to 1.4; and half a step of its own.
                prop_assert!(off <= 2.0, "{ours} for {exact}");
                sum += off;
            }
            prop_assert!(sum <= 0.5 * f64::from(u32::try_from(ours.len()).unwrap()), "{sum} of {}", ours.len());
        }
    }

    #[test]
    fn a_plain_picture_stays_plain_and_the_same_size_is_the_same_picture() {
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
