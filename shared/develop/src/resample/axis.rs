//! Weights of one axis: the kernel at each output position, in fixed point.

use std::f64::consts::PI;

/// Lobes of the kernel on each side of its centre.
const LOBES: f64 = 3.0;
/// The most bits after the binary point: sums of 255 times the weights, whose absolute values add up to less than 1.7,
/// fit in 32 bits.
const MAX_SHIFT: u32 = 22;
/// The most samples of a window that is summed in 16 bits. The sum takes the upper halves of the products, each of
/// which loses half a 64th of a step on average. This loss is added before.
const SHORT_TAPS: usize = 48;
/// The most bits after the binary point of such a window's weights: sums of them stay below 1.4 times the largest
/// sample.
const SHORT_SHIFT: u32 = 15;

/// The weights of one axis.
pub(super) struct Axis {
    /// The start of each output position's window in the input.
    pub(super) starts: Vec<usize>,
    /// Weights of each output position, `taps` of them; the last ones are 0 if its window is shorter.
    pub(super) weights: Vec<i16>,
    /// The length of the longest window.
    pub(super) taps: usize,
    /// The bits after the binary point of the weights.
    pub(super) shift: u32,
}

impl Axis {
    pub(super) fn new(from: usize, to: usize) -> Self {
        Self::scaled(from, to, ratio(from, to))
    }

    pub(super) fn scaled(from: usize, to: usize, scale: f64) -> Self {
        Self::sharpened(from, to, scale, 0.0)
    }

    /// Computes the kernel. Before it, a sharpening kernel subtracts the part `sharper` of each neighbour from a
    /// sample, and adds it twice to the sample itself.
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        clippy::cast_precision_loss,
        reason = "sides of a picture, and weights that are bounded by the shift"
    )]
    pub(super) fn sharpened(from: usize, to: usize, scale: f64, sharper: f64) -> Self {
        let widened = scale.max(1.0);
        let support = LOBES * widened;
        let windows: Vec<(usize, Vec<f64>)> = (0..to)
            .map(|position| {
                let centre = (position as f64 + 0.5) * scale;
                let reach = support + if sharper > 0.0 { 1.0 } else { 0.0 };
                let start = (centre - reach + 0.5).max(0.0) as usize;
                let end = ((centre + reach + 0.5) as usize).min(from);
                let kernel = |at: f64| lanczos((at + 0.5 - centre) / widened);
                let weights = (start..end).map(|at| at as f64).map(|at| {
                    let neighbours = if sharper > 0.0 { kernel(at - 1.0) + kernel(at + 1.0) } else { 0.0 };
                    kernel(at) * (1.0 + 2.0 * sharper) - neighbours * sharper
                });
                let weights: Vec<_> = weights.collect();
                let sum: f64 = weights.iter().sum();
                (start, weights.into_iter().map(|weight| weight / sum).collect())
            })
            .collect();
        let taps = windows.iter().map(|(_, weights)| weights.len()).max().unwrap_or(0).min(from);
        let largest = windows.iter().flat_map(|(_, weights)| weights).fold(0.0_f64, |most, weight| most.max(*weight));
        let fits = |shift: &u32| largest * f64::from(1_u32 << shift) <= f64::from(i16::MAX);
        let most = if taps <= SHORT_TAPS { SHORT_SHIFT } else { MAX_SHIFT };
        let shift = (1..=most).rev().find(fits).unwrap_or(1);
        let mut starts = Vec::with_capacity(to);
        let mut all = Vec::with_capacity(to * taps);
        for (start, weights) in windows {
            // The window moves to the left if the longest one would exceed the input.
            let moved = start.min(from - taps);
            let mut line = vec![0_i16; taps];
            let (mut exact, mut given) = (0.0, 0);
            for (tap, weight) in line[start - moved..].iter_mut().zip(weights) {
                // The rounding error of one weight is added to the next one, so that the sum is exactly 1.
                exact += weight * f64::from(1_u32 << shift);
                *tap = (exact.round() as i32 - given).clamp(i32::from(i16::MIN), i32::from(i16::MAX)) as i16;
                given += i32::from(*tap);
            }
            starts.push(moved);
            all.extend(line);
        }
        Self { starts, weights: all, taps, shift }
    }

    /// Returns the start of an output position's window, and its weights.
    pub(super) fn window(&self, position: usize) -> (usize, &[i16]) {
        (self.starts[position], &self.weights[position * self.taps..][..self.taps])
    }

    pub(super) fn is_short(&self) -> bool {
        self.taps <= SHORT_TAPS
    }

    /// Returns half of the last kept bit for each weight of a short window.
    pub(super) fn half_of_all(&self) -> i16 {
        i16::try_from(self.taps / 2).unwrap_or(0)
    }

    /// Returns the sum of a short window over white.
    pub(super) fn largest_sum(&self) -> i16 {
        255 << (self.shift - 9)
    }

    /// Returns half of the last kept bit, so that the shift rounds.
    pub(super) fn half(&self) -> i32 {
        1 << (self.shift - 1)
    }
}

#[expect(clippy::cast_precision_loss, reason = "sides of a picture")]
pub(super) fn ratio(from: usize, to: usize) -> f64 {
    from as f64 / to as f64
}

/// Lanczos' kernel: a sinc, windowed by a sinc three times as wide.
pub(super) fn lanczos(x: f64) -> f64 {
    if x == 0.0 {
        return 1.0;
    }
    if x.abs() >= LOBES {
        return 0.0;
    }
    let x = x * PI;
    LOBES * x.sin() * (x / LOBES).sin() / (x * x)
}
