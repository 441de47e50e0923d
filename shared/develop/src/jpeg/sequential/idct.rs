//! The inverse transform (ITU-T T.81, annex A.3.3) of sixteen blocks at a time: to 8 x 8 samples, or from the lowest
//! coefficients to 4 x 4, 2 x 2 or 1.
#![expect(clippy::inline_always, reason = "what is not inlined into `with_avx2` is compiled without AVX2")]

use std::f32::consts::{FRAC_1_SQRT_2, SQRT_2};

/// Blocks that are transformed together, one per lane of a vector.
pub(super) const LANES: usize = 16;

/// Zigzag order (figure A.6).
const ZIGZAG: [u8; 64] = [
    0, 1, 8, 16, 9, 2, 3, 10, 17, 24, 32, 25, 18, 11, 4, 5, 12, 19, 26, 33, 40, 48, 41, 34, 27, 20, 13, 6, 7, 14, 21,
    28, 35, 42, 49, 56, 57, 50, 43, 36, 29, 22, 15, 23, 30, 37, 44, 51, 58, 59, 52, 45, 38, 31, 39, 46, 53, 60, 61, 54,
    47, 55, 62, 63,
];

/// The transform of one component to `side` x `side` samples per block: 1, 2, 4 or 8.
pub(super) struct Transform {
    side: usize,
    /// The quantiser's steps, multiplied by the factors that the transform leaves out.
    steps: Vec<f32>,
}

impl Transform {
    /// Creates a transform; `quantiser` is in zigzag order.
    pub(super) fn new(side: usize, quantiser: &[u16; 64]) -> Self {
        let mut steps = vec![0.0; side * side];
        for (&step, position) in quantiser.iter().zip(ZIGZAG) {
            let (row, column) = (usize::from(position / 8), usize::from(position % 8));
            if row < side && column < side {
                steps[row * side + column] = f32::from(step) * factor(side, row) * factor(side, column);
            }
        }
        Self { side, steps }
    }

    /// Returns the number of a block's coefficients that are kept, plus a slot for all others.
    pub(super) fn slots(&self) -> usize {
        self.side * self.side + 1
    }

    /// Returns the slot of each coefficient of a block, by its number in zigzag order.
    pub(super) fn places(&self) -> [u16; 64] {
        let side = self.side;
        ZIGZAG.map(|position| {
            let (row, column) = (usize::from(position / 8), usize::from(position % 8));
            let slot = if row < side && column < side { row * side + column } else { side * side };
            u16::try_from(slot * LANES).unwrap_or(0)
        })
    }

    /// Transforms the blocks of one group into rows of samples, `stride` apart.
    #[inline(always)]
    pub(super) fn group(&self, coefficients: &[i16], rows: &mut [u8], stride: usize) {
        match self.side {
            8 => self.to::<8>(coefficients, rows, stride, eight),
            4 => self.to::<4>(coefficients, rows, stride, four),
            2 => self.to::<2>(coefficients, rows, stride, |[a, b]| [a + b, a - b]),
            _ => self.to::<1>(coefficients, rows, stride, |only| only),
        }
    }

    /// Transforms the columns, then the rows. The compiler turns the innermost loops into vector instructions.
    #[inline(always)]
    fn to<const N: usize>(
        &self,
        coefficients: &[i16],
        rows: &mut [u8],
        stride: usize,
        pass: impl Fn([f32; N]) -> [f32; N],
    ) {
        let (coefficients, _) = coefficients.as_chunks::<LANES>();
        let mut block = [[[0.0_f32; LANES]; N]; N];
        for column in 0..N {
            let lanes: [&[i16; LANES]; N] = std::array::from_fn(|row| &coefficients[row * N + column]);
            let steps: [f32; N] = std::array::from_fn(|row| self.steps[row * N + column]);
            for lane in 0..LANES {
                let done = pass(std::array::from_fn(|row| f32::from(lanes[row][lane]) * steps[row]));
                for row in 0..N {
                    block[row][column][lane] = done[row];
                }
            }
        }
        for (row, samples) in block.iter().zip(rows.chunks_mut(stride)) {
            let (samples, _) = samples.as_chunks_mut::<N>();
            let samples = &mut samples[..LANES];
            for (lane, samples) in samples.iter_mut().enumerate() {
                *samples = pass(std::array::from_fn(|column| row[column][lane])).map(to_sample);
            }
        }
    }
}

/// Compensates for the coefficients beyond the second where only two are kept: 0.07 dB at 100 megapixels.
const SECOND_OF_TWO: f32 = 1.06;

/// Returns the factor of a coefficient before a pass. The pass of eight is that of Arai, Agui and Nakajima.
fn factor(side: usize, coefficient: usize) -> f32 {
    /// 1, and cos(k * pi / 16) * sqrt(2).
    const EIGHT: [f32; 8] = [1.0, 1.387_039_8, 1.306_563, 1.175_875_6, 1.0, 0.785_694_96, 0.541_196_1, 0.275_899_38];
    match (side, coefficient) {
        (8, _) => EIGHT[coefficient] * SQRT_2 / 4.0,
        (_, 0) => SQRT_2 / 4.0,
        // cos(pi / 4) / 2 is the same.
        (2, 1) => SQRT_2 / 4.0 * SECOND_OF_TWO,
        _ => 0.5,
    }
}

/// Transforms four points.
#[inline(always)]
fn four([a, b, c, d]: [f32; 4]) -> [f32; 4] {
    /// cos(pi / 8), cos(3 * pi / 8).
    const COS: [f32; 2] = [0.923_879_5, 0.382_683_43];
    let middle = c * FRAC_1_SQRT_2;
    let (outer, inner) = (a + middle, a - middle);
    let (odd_outer, odd_inner) = (b * COS[0] + d * COS[1], b * COS[1] - d * COS[0]);
    [outer + odd_outer, inner + odd_inner, inner - odd_inner, outer - odd_outer]
}

/// Transforms eight points in five multiplications (Arai, Agui and Nakajima, as in libjpeg's floating-point transform).
#[inline(always)]
fn eight(x: [f32; 8]) -> [f32; 8] {
    let (sum, difference) = (x[0] + x[4], x[0] - x[4]);
    let even = x[2] + x[6];
    let even_difference = (x[2] - x[6]) * SQRT_2 - even;
    let (t0, t3) = (sum + even, sum - even);
    let (t1, t2) = (difference + even_difference, difference - even_difference);

    let (z13, z10) = (x[5] + x[3], x[5] - x[3]);
    let (z11, z12) = (x[1] + x[7], x[1] - x[7]);
    let z5 = (z10 + z12) * 1.847_759_1;
    let t7 = z11 + z13;
    let t6 = z5 - z10 * 2.613_126 - t7;
    let t5 = (z11 - z13) * SQRT_2 - t6;
    let t4 = z5 - z12 * 1.082_392_2 - t5;
    [t0 + t7, t1 + t6, t2 + t5, t3 + t4, t3 - t4, t2 - t5, t1 - t6, t0 - t7]
}

/// Rounds, and shifts from around 0 to 0..=255. Adding 1.5 * 2^23 leaves an integer in a float's lowest bits.
#[inline(always)]
#[expect(clippy::cast_sign_loss, clippy::cast_possible_wrap, reason = "clamped, and far from the sign")]
fn to_sample(light: f32) -> u8 {
    const SHIFT: f32 = 12_582_912.0;
    let rounded = (light + SHIFT).to_bits() as i32 - SHIFT.to_bits() as i32;
    (rounded + 128).clamp(0, 255) as u8
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Computes a sample by the definition of the transform (annex A.3.3), from the lowest coefficients.
    #[expect(clippy::cast_precision_loss, reason = "small numbers")]
    fn by_definition(coefficients: &[f64; 64], side: usize, x: usize, y: usize) -> f64 {
        let wave = |frequency: usize, at: usize| {
            let angle = (2 * at + 1) as f64 * frequency as f64 * std::f64::consts::PI / (2 * side) as f64;
            let factor = match (side, frequency) {
                (_, 0) => 0.5_f64.sqrt(),
                (2, _) => f64::from(SECOND_OF_TWO),
                _ => 1.0,
            };
            angle.cos() * factor / 2.0
        };
        let all = (0..side * side).map(|at| (at / side, at % side));
        all.map(|(v, u)| coefficients[v * 8 + u] * wave(u, x) * wave(v, y)).sum()
    }

    #[test]
    fn each_size_agrees_with_the_definition() {
        for side in [1, 2, 4, 8] {
            let quantiser: [u16; 64] = std::array::from_fn(|at| u16::try_from(at % 7 + 1).unwrap());
            let transform = Transform::new(side, &quantiser);
            let mut group = vec![0_i16; transform.slots() * LANES];
            let mut exact = vec![[0.0_f64; 64]; LANES];
            for (lane, exact) in exact.iter_mut().enumerate() {
                for (number, place) in transform.places().into_iter().enumerate() {
                    let value = i16::try_from((lane * 31 + number * 17) % 41).unwrap() - 20;
                    group[usize::from(place) + lane] = value;
                    exact[usize::from(ZIGZAG[number])] = f64::from(value) * f64::from(quantiser[number]);
                }
            }
            let stride = side * LANES + 3;
            let mut rows = vec![0_u8; stride * side];
            transform.group(&group, &mut rows, stride);
            for (lane, exact) in exact.iter().enumerate() {
                for (x, y) in (0..side * side).map(|at| (at % side, at / side)) {
                    let sample = f64::from(rows[y * stride + lane * side + x]);
                    let expected = (by_definition(exact, side, x, y) + 128.0).clamp(0.0, 255.0);
                    assert!((sample - expected).abs() <= 0.51, "{side} {lane} {x},{y}: {sample} for {expected}");
                }
            }
        }
    }
}
