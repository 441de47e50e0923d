//! Colour spaces described by numbers instead of an ICC profile.

use moxcms::{Chromaticity, ColorPrimaries, ColorProfile, ToneReprCurve, XyY};

/// Chromaticities (CIE 1931 x and y) of white, red, green and blue.
pub(crate) type Primaries = [(f32, f32); 4];

/// BT.709 and sRGB.
pub(crate) const SRGB_PRIMARIES: Primaries = [(0.3127, 0.3290), (0.64, 0.33), (0.30, 0.60), (0.15, 0.06)];

/// White point and RGB primaries by their code points (ITU-T H.273, table 2): BT.709, BT.470 M, BT.470 BG, BT.601, BT.2020,
/// DCI P3, Display P3.
const CODED_PRIMARIES: [(&[u8], Primaries); 7] = [
    (&[1], SRGB_PRIMARIES),
    (&[4], [(0.310, 0.316), (0.67, 0.33), (0.21, 0.71), (0.14, 0.08)]),
    (&[5], [(0.3127, 0.3290), (0.64, 0.33), (0.29, 0.60), (0.15, 0.06)]),
    (&[6, 7], [(0.3127, 0.3290), (0.630, 0.340), (0.310, 0.595), (0.155, 0.070)]),
    (&[9], [(0.3127, 0.3290), (0.708, 0.292), (0.170, 0.797), (0.131, 0.046)]),
    (&[11], [(0.314, 0.351), (0.680, 0.320), (0.265, 0.690), (0.150, 0.060)]),
    (&[12], [(0.3127, 0.3290), (0.680, 0.320), (0.265, 0.690), (0.150, 0.060)]),
];

/// Returns the primaries of an ITU-T H.273 code point, if they are known.
pub(crate) fn coded_primaries(code: u8) -> Option<Primaries> {
    CODED_PRIMARIES.iter().find(|(codes, _)| codes.contains(&code)).map(|&(_, primaries)| primaries)
}

/// An RGB or gray space.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Space {
    pub(crate) primaries: Primaries,
    pub(crate) transfer: Transfer,
}

/// A transfer function from samples to light.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) enum Transfer {
    Srgb,
    /// BT.709, BT.601 and BT.2020.
    Bt709,
    /// The exponent of a sample; 1 is linear.
    Gamma(f32),
}

impl Space {
    /// Linear light with sRGB's primaries: floating-point TIFF without a profile.
    pub(crate) const LINEAR: Self = Self { primaries: SRGB_PRIMARIES, transfer: Transfer::Gamma(1.0) };

    pub(super) fn gray_profile(&self) -> ColorProfile {
        let mut profile = ColorProfile::new_gray_with_gamma(1.0);
        profile.gray_trc = Some(self.transfer.curve());
        profile
    }

    /// Returns `None` for primaries that span no space.
    pub(super) fn rgb_profile(&self) -> Option<ColorProfile> {
        let [white, red, green, blue] = self.primaries;
        let area = (green.0 - red.0) * (blue.1 - red.1) - (blue.0 - red.0) * (green.1 - red.1);
        if area.abs() < 1e-4 || self.primaries.iter().any(|&(_, y)| y < 1e-4 && y != 0.0) || white.1 < 1e-4 {
            return None;
        }
        let mut profile = ColorProfile::new_srgb();
        let chromaticity = |(x, y)| Chromaticity { x, y };
        profile.update_rgb_colorimetry(
            XyY { x: f64::from(white.0), y: f64::from(white.1), yb: 1.0 },
            ColorPrimaries { red: chromaticity(red), green: chromaticity(green), blue: chromaticity(blue) },
        );
        let colorants = [profile.red_colorant, profile.green_colorant, profile.blue_colorant];
        if !colorants.iter().all(|c| c.x.is_finite() && c.y.is_finite() && c.z.is_finite()) {
            return None;
        }
        let curve = self.transfer.curve();
        profile.red_trc = Some(curve.clone());
        profile.green_trc = Some(curve.clone());
        profile.blue_trc = Some(curve);
        Some(profile)
    }
}

impl Transfer {
    /// Returns the parameters of ICC.1:2022, 10.18: g, a, b, c, d.
    fn curve(self) -> ToneReprCurve {
        ToneReprCurve::Parametric(match self {
            Self::Srgb => vec![2.4, 1.0 / 1.055, 0.055 / 1.055, 1.0 / 12.92, 0.04045],
            Self::Bt709 => vec![1.0 / 0.45, 1.0 / 1.099, 0.099 / 1.099, 1.0 / 4.5, 0.081],
            Self::Gamma(gamma) => vec![gamma],
        })
    }
}
