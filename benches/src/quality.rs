//! Measures of the difference between a picture and a reference.

/// The side of a window of [`ssim`], and the step between windows.
const WINDOW: usize = 8;
const STEP: usize = 4;

/// Returns the peak signal-to-noise ratio in decibels over all samples; infinite for equal pictures.
#[expect(clippy::cast_precision_loss, reason = "far below 2^53 samples")]
pub fn psnr(a: &[u8], b: &[u8]) -> f64 {
    let squares: u64 = a.iter().zip(b).map(|(a, b)| u64::from(a.abs_diff(*b)).pow(2)).sum();
    10.0 * (255.0_f64.powi(2) * a.len() as f64 / squares as f64).log10()
}

/// Returns the structural similarity of the luma of two RGB pictures (Wang et al. 2004), the mean over windows of 8 x 8
/// pixels.
#[expect(clippy::cast_precision_loss, reason = "a few million windows")]
pub fn ssim(a: &[u8], b: &[u8], width: usize) -> f64 {
    let (a, b) = (luma(a), luma(b));
    let height = a.len() / width;
    let starts = |side: usize| (0..=side.saturating_sub(WINDOW)).step_by(STEP);
    let (mut sum, mut windows) = (0.0, 0_usize);
    for top in starts(height) {
        for left in starts(width) {
            let inside = (top..height.min(top + WINDOW))
                .flat_map(|row| (left..width.min(left + WINDOW)).map(move |column| row * width + column));
            sum += of_window(inside.map(|at| (a[at], b[at])));
            windows += 1;
        }
    }
    sum / windows as f64
}

fn of_window(pairs: impl Iterator<Item = (f64, f64)>) -> f64 {
    /// (0.01 * 255)^2 and (0.03 * 255)^2.
    const STABLE: [f64; 2] = [6.5025, 58.5225];
    let (mut count, mut sums) = (0.0, [0.0; 5]);
    for (a, b) in pairs {
        count += 1.0;
        for (sum, value) in sums.iter_mut().zip([a, b, a * a, b * b, a * b]) {
            *sum += value;
        }
    }
    let [mean_a, mean_b, squares_a, squares_b, products] = sums.map(|sum| sum / count);
    let variances = squares_a - mean_a * mean_a + squares_b - mean_b * mean_b;
    let covariance = products - mean_a * mean_b;
    (2.0 * mean_a * mean_b + STABLE[0]) * (2.0 * covariance + STABLE[1])
        / ((mean_a * mean_a + mean_b * mean_b + STABLE[0]) * (variances + STABLE[1]))
}

fn luma(rgb: &[u8]) -> Vec<f64> {
    let (pixels, _) = rgb.as_chunks::<3>();
    pixels.iter().map(|&[r, g, b]| 0.299 * f64::from(r) + 0.587 * f64::from(g) + 0.114 * f64::from(b)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn noise(len: usize, seed: u32) -> Vec<u8> {
        let next = |state: &mut u32| {
            *state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            state.to_be_bytes()[0]
        };
        let mut state = seed;
        (0..len).map(|_| next(&mut state)).collect()
    }

    #[test]
    fn one_step_everywhere_is_48_decibels() {
        assert!((psnr(&[100; 300], &[101; 300]) - 48.13).abs() < 0.01);
        assert!(psnr(&[7; 30], &[7; 30]).is_infinite());
    }

    #[test]
    fn equal_pictures_are_similar_and_noise_is_not() {
        let (a, b) = (noise(3 * 64 * 48, 1), noise(3 * 64 * 48, 2));
        assert!((ssim(&a, &a, 64) - 1.0).abs() < 1e-9);
        assert!(ssim(&a, &b, 64).abs() < 0.1);
    }

    #[test]
    fn plain_pictures_compare_by_their_light_alone() {
        // (2 * 100 * 120 + c) / (100^2 + 120^2 + c)
        let similarity = ssim(&[100; 3 * 64], &[120; 3 * 64], 8);
        assert!((similarity - 24_006.502_5 / 24_406.502_5).abs() < 1e-9, "{similarity}");
    }
}
