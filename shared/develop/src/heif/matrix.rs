//! Conversion of luma and chroma to RGB (ITU-T H.273, 8.3), 16 bits per sample.

use super::{
    frame::{Chroma, Coding},
    plan::CodePoints,
};

/// Full scale of the result.
const FULL: f32 = 65_535.0;

/// Offsets and factors for the samples of one coding.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Matrix {
    /// The codes of black, and of no chroma.
    offsets: [f32; 2],
    /// Factors of luma and both chroma samples for red, green and blue.
    factors: [[f32; 3]; 3],
}

impl Matrix {
    /// Returns `None` for an unsupported matrix. Code points of the file take precedence over those of the bitstream.
    pub(super) fn new(coding: Coding, code_points: CodePoints) -> Option<Self> {
        let identity = code_points.matrix == 0 && coding.chroma != Chroma::None;
        if identity && coding.chroma != Chroma::Full {
            return None;
        }
        let [luma_bits, chroma_bits] = coding.depth;
        let (black, luma) = scale(luma_bits, code_points.full_range, 219.0);
        if identity {
            // The planes are green, blue and red.
            let factors = [[0.0, 0.0, luma], [luma, 0.0, 0.0], [0.0, luma, 0.0]];
            return Some(Self { offsets: [black, black], factors });
        }
        let (_, chroma) = scale(chroma_bits, code_points.full_range, 224.0);
        let weights = if coding.chroma == Chroma::None { [[0.0; 2]; 3] } else { chroma_weights(code_points)? };
        let factors = weights.map(|[blue, red]| [luma, blue * chroma, red * chroma]);
        Some(Self { offsets: [black, f32::from(1_u16 << (chroma_bits - 1))], factors })
    }

    /// Converts luma without chroma.
    pub(super) fn gray(&self, luma: &[u16], out: &mut [u16]) {
        let (offset, factor) = (self.offsets[0], self.factors[0][0]);
        for (out, &luma) in out.iter_mut().zip(luma) {
            *out = rounded((f32::from(luma) - offset) * factor);
        }
    }

    /// Converts a row to interleaved RGB; chroma has a sample for each luma sample.
    pub(super) fn rgb(&self, luma: &[u16], chroma: [&[f32]; 2], out: &mut [u16]) {
        let [black, neutral] = self.offsets;
        let [red, green, blue] = self.factors;
        let mix = |factors: [f32; 3], y: f32, u: f32, v: f32| rounded(factors[0] * y + factors[1] * u + factors[2] * v);
        for (((out, &luma), &u), &v) in out.as_chunks_mut::<3>().0.iter_mut().zip(luma).zip(chroma[0]).zip(chroma[1]) {
            let (y, u, v) = (f32::from(luma) - black, u - neutral, v - neutral);
            *out = [mix(red, y, u, v), mix(green, y, u, v), mix(blue, y, u, v)];
        }
    }
}

/// Returns black, and the factor to [`FULL`], for samples of `bits` bits; `range` is that of limited samples of 8 bits.
fn scale(bits: u8, full_range: bool, range: f32) -> (f32, f32) {
    let unit = f32::from(1_u16 << (bits - 8));
    if full_range { (0.0, FULL / (256.0 * unit - 1.0)) } else { (16.0 * unit, FULL / (range * unit)) }
}

/// Returns the weights of both chroma samples for red, green and blue.
fn chroma_weights(code_points: CodePoints) -> Option<[[f32; 2]; 3]> {
    let (red, blue) = match (code_points.matrix, code_points.primaries) {
        (1, _) | (12, 1) => (0.2126, 0.0722),
        // Without a statement, decoders assume BT.601, as JPEG does.
        (2 | 5 | 6, _) => (0.299, 0.114),
        (4, _) => (0.30, 0.11),
        (7, _) => (0.212, 0.087),
        // YCgCo.
        (8, _) => return Some([[-1.0, 1.0], [1.0, 0.0], [-1.0, -1.0]]),
        (9, _) | (12, 9) => (0.2627, 0.0593),
        _ => return None,
    };
    let green = 1.0 - red - blue;
    let (of_blue, of_red): (f32, f32) = (2.0 * (1.0 - blue), 2.0 * (1.0 - red));
    Some([[0.0, of_red], [-of_blue * blue / green, -of_red * red / green], [of_blue, 0.0]])
}

/// Rounds to the nearest of 0 to 65,535: at 2^23, the lowest bit of a float counts ones.
#[expect(clippy::cast_possible_truncation, reason = "clamped to 16 bits")]
fn rounded(value: f32) -> u16 {
    (value.clamp(0.0, FULL) + 8_388_608.0).to_bits() as u16
}

#[cfg(test)]
mod tests {
    use super::*;

    fn matrix(depth: u8, matrix: u8, full_range: bool) -> Matrix {
        let code_points = CodePoints { primaries: 2, transfer: 2, matrix, full_range };
        Matrix::new(Coding { chroma: Chroma::Full, depth: [depth; 2], code_points }, code_points).unwrap()
    }

    fn converted(matrix: Matrix, [y, u, v]: [u16; 3]) -> [u8; 3] {
        let mut out = [0; 3];
        matrix.rgb(&[y], [&[f32::from(u)], &[f32::from(v)]], &mut out);
        out.map(|sample| u8::try_from((u32::from(sample) + 128) / 257).unwrap())
    }

    #[test]
    fn black_white_and_red_match_the_standard() {
        for (depth, code, full_range, samples, expected) in [
            (8, 6, true, [0, 128, 128], [0; 3]),
            (8, 6, true, [255, 128, 128], [255; 3]),
            (8, 6, true, [76, 85, 255], [254, 0, 0]),
            (8, 1, false, [16, 128, 128], [0; 3]),
            (8, 1, false, [235, 128, 128], [255; 3]),
            (8, 1, false, [63, 102, 240], [255, 1, 0]),
            (10, 9, false, [940, 512, 512], [255; 3]),
            (12, 6, true, [4095, 2048, 2048], [255; 3]),
            (8, 0, true, [10, 20, 30], [30, 10, 20]),
            (8, 8, true, [100, 138, 118], [80, 110, 100]),
        ] {
            assert_eq!(converted(matrix(depth, code, full_range), samples), expected, "{code} {samples:?}");
        }
    }

    #[test]
    fn constant_luminance_is_not_guessed() {
        let code_points = CodePoints { primaries: 9, transfer: 14, matrix: 10, full_range: false };
        let coding = Coding { chroma: Chroma::Full, depth: [8; 2], code_points };
        assert_eq!(Matrix::new(coding, code_points), None);
    }
}
