//! CIE L*a*b* to sRGB (CIE 15:2004, 8.2; sRGB under D50 by Bradford's adaptation).

use super::unit_to_eight;
use crate::bitmap::{Bitmap, DecodedBitmap, PixelFormat};

/// X and Z of D50 relative to Y: the white of the ICC connection space.
const WHITE: [f32; 3] = [0.9642, 1.0, 0.8249];

/// XYZ under D50 to linear sRGB.
const XYZ_TO_RGB: [[f32; 3]; 3] =
    [[3.133_856, -1.616_867, -0.490_615], [-0.978_768, 1.916_142, 0.033_454], [0.071_945, -0.228_991, 1.405_243]];

/// Converts a bitmap of [`PixelFormat::Lab`].
pub(super) fn to_srgb(bitmap: DecodedBitmap) -> Bitmap {
    let (width, height, samples) = match bitmap {
        DecodedBitmap::Sixteen(bitmap) => (bitmap.width, bitmap.height, bitmap.samples),
        DecodedBitmap::Eight(bitmap) => {
            let samples = bitmap.samples.into_iter().map(|sample| u16::from(sample) * 257).collect();
            (bitmap.width, bitmap.height, samples)
        }
    };
    let samples = samples.chunks_exact(3).flat_map(|lab| pixel([lab[0], lab[1], lab[2]])).collect();
    Bitmap { width, height, format: PixelFormat::Rgb, samples }
}

fn pixel([l, a, b]: [u16; 3]) -> [u8; 3] {
    let axis = |sample: u16| (f32::from(sample) - 32_768.0) / 256.0;
    let fy = (f32::from(l) / 655.35 + 16.0) / 116.0;
    let f = [fy + axis(a) / 500.0, fy, fy - axis(b) / 200.0];
    let mut xyz = [0.0; 3];
    for ((value, f), white) in xyz.iter_mut().zip(f).zip(WHITE) {
        *value = white * if f > 6.0 / 29.0 { f * f * f } else { (f - 16.0 / 116.0) * 3.0 * (6.0 / 29.0_f32).powi(2) };
    }
    XYZ_TO_RGB.map(|row| {
        let light: f32 = row.iter().zip(xyz).map(|(weight, value)| weight * value).sum();
        unit_to_eight(encode(light))
    })
}

/// Applies sRGB's transfer function (IEC 61966-2-1).
fn encode(light: f32) -> f32 {
    if light <= 0.003_130_8 { light * 12.92 } else { 1.055 * light.powf(1.0 / 2.4) - 0.055 }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn known_colours_convert() {
        assert_eq!(pixel([65_535, 32_768, 32_768]), [255, 255, 255]);
        assert_eq!(pixel([0, 32_768, 32_768]), [0, 0, 0]);
        // sRGB red is L 54.29, a 80.81, b 69.89 under D50.
        let red = pixel([35_579, 53_455, 50_660]);
        assert!(red[0] >= 254 && red[1] <= 4 && red[2] <= 4, "{red:?}");
    }
}
