//! The same resampling for 16-bit samples, in floating point: their products do not fit in 32 bits.

use super::axis::Axis;

/// Resamples 16-bit samples as [`super::resample`] does 8-bit ones.
pub(crate) fn resample_sixteen(samples: &[u16], channels: usize, from: (usize, usize), to: (usize, usize)) -> Vec<u16> {
    let (columns, rows) = (Axis::new(from.0, to.0), Axis::new(from.1, to.1));
    let (column_weights, row_weights) = (columns.floats(), rows.floats());
    let stride = from.0 * channels;
    let mut line = vec![0.0_f32; stride];
    let mut out = Vec::with_capacity(to.0 * to.1 * channels);
    for (start, weights) in rows.starts.iter().zip(row_weights.chunks_exact(rows.taps)) {
        line.fill(0.0);
        for (row, weight) in samples[start * stride..].chunks_exact(stride).zip(weights) {
            for (sum, &sample) in line.iter_mut().zip(row) {
                *sum += weight * f32::from(sample);
            }
        }
        for (start, weights) in columns.starts.iter().zip(column_weights.chunks_exact(columns.taps)) {
            let window = &line[start * channels..];
            for channel in 0..channels {
                let column = window[channel..].iter().step_by(channels);
                let sum: f32 = weights.iter().zip(column).map(|(weight, sample)| weight * sample).sum();
                out.push(rounded(sum));
            }
        }
    }
    out
}

#[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "clamped to 0..=65535 first")]
fn rounded(sample: f32) -> u16 {
    (sample.clamp(0.0, 65_535.0) + 0.5) as u16
}

impl Axis {
    fn floats(&self) -> Vec<f32> {
        let one = 2.0_f32.powi(i32::try_from(self.shift).unwrap_or(0));
        self.weights.iter().map(|&weight| f32::from(weight) / one).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sixteen_bits_resample_like_eight() {
        let eight: Vec<u8> = (0..90 * 60 * 3_u32).map(|n| u8::try_from(n * n % 251).unwrap()).collect();
        let sixteen: Vec<u16> = eight.iter().map(|&sample| u16::from(sample) * 257).collect();
        let expected = super::super::resample(&eight, 3, (90, 60), (41, 27));
        let actual = resample_sixteen(&sixteen, 3, (90, 60), (41, 27));
        for (actual, expected) in actual.into_iter().zip(expected) {
            assert!(actual.abs_diff(u16::from(expected) * 257) <= 400, "{actual} is not near {expected}");
        }
    }
}
