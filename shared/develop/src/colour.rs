//! Colour conversion to sRGB, on the reduced bitmap.

mod chunks;
mod lab;
mod space;

use moxcms::{
    ColorProfile, DataColorSpace, Layout, RenderingIntent, Transform8BitExecutor, TransformF32Executor,
    TransformOptions,
};

pub(super) use self::{
    chunks::join_chunks,
    space::{Primaries, SRGB_PRIMARIES, Space, Transfer, coded_primaries},
};
use super::{
    bitmap::{Bitmap, DecodedBitmap, PixelFormat},
    catch_panic::guarded,
    reduce::to_eight,
};

/// The most bytes of an inflated profile. The largest CMYK profiles have about 3 MB.
pub(super) const MAX_PROFILE_BYTES: usize = 16 << 20;

/// The colour space that a camera states without an ICC profile (DCF 2.0).
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) enum DcfColour {
    Srgb,
    AdobeRgb,
    #[default]
    Unknown,
}

/// The colour space of a file, as the file states it.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Colour {
    /// The embedded ICC profile.
    pub(super) icc: Option<Vec<u8>>,
    /// The space of gray and RGB samples without an embedded profile, or with an unusable one.
    pub(super) assumed: Assumed,
}

/// The colour space of samples without a usable profile.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub(super) enum Assumed {
    /// The space that browsers assume.
    #[default]
    Srgb,
    /// Adobe RGB (1998), by DCF's rules.
    AdobeRgb,
    /// Primaries and a transfer function, as PNG states them; and linear light, as in floating-point TIFF.
    Space(Space),
}

impl Colour {
    /// Returns the colours of a file with this profile.
    pub(super) fn embedded(icc: Option<Vec<u8>>) -> Self {
        Self { icc, assumed: Assumed::default() }
    }

    /// Sets the space that a camera states (DCF 2.0), unless the file itself states one.
    pub(super) fn stated(mut self, stated: DcfColour) -> Self {
        if stated == DcfColour::AdobeRgb && self.assumed == Assumed::Srgb {
            self.assumed = Assumed::AdobeRgb;
        }
        self
    }
}

/// Converts by the embedded profile. Without a readable profile for these samples, gray and RGB are in the assumed
/// space, and CMYK is converted without a profile.
pub(super) fn to_srgb(bitmap: DecodedBitmap, colour: &Colour) -> Bitmap {
    let format = match &bitmap {
        DecodedBitmap::Eight(bitmap) => bitmap.format,
        DecodedBitmap::Sixteen(bitmap) => bitmap.format,
    };
    if format == PixelFormat::Lab {
        return lab::to_srgb(bitmap);
    }
    let embedded = colour.icc.as_deref().and_then(|icc| guarded(|| embedded_transform(format, icc)).flatten());
    let transform = embedded.or_else(|| guarded(|| assumed_transform(format, colour.assumed)).flatten());
    match transform.and_then(|transform| guarded(|| transform.apply(&bitmap)).flatten()) {
        Some(converted) => converted,
        None => without_profile(bitmap),
    }
}

fn embedded_transform(format: PixelFormat, icc: &[u8]) -> Option<Transform> {
    let profile = ColorProfile::new_from_slice(icc).ok()?;
    Transform::new(format, &profile)
}

fn assumed_transform(format: PixelFormat, assumed: Assumed) -> Option<Transform> {
    let profile = match (assumed, format) {
        (Assumed::Srgb, _) | (_, PixelFormat::Cmyk | PixelFormat::Lab) | (Assumed::AdobeRgb, PixelFormat::Gray) => {
            return None;
        }
        (Assumed::AdobeRgb, PixelFormat::Rgb) => ColorProfile::new_adobe_rgb(),
        (Assumed::Space(space), PixelFormat::Gray) => space.gray_profile(),
        (Assumed::Space(space), PixelFormat::Rgb) => space.rgb_profile()?,
    };
    Transform::new(format, &profile)
}

/// A conversion to sRGB. 16-bit samples use floating point: fixed point keeps 13 bits, which is visible in the shadows
/// of linear profiles.
struct Transform {
    profile: ColorProfile,
    layout: Layout,
    target: Layout,
}

impl Transform {
    /// Returns `None` if the profile is for another kind of samples.
    fn new(format: PixelFormat, profile: &ColorProfile) -> Option<Self> {
        // CMYK uses the layout with four channels.
        let (space, layout, target) = match format {
            PixelFormat::Gray => (DataColorSpace::Gray, Layout::Gray, Layout::Rgb),
            PixelFormat::Rgb => (DataColorSpace::Rgb, Layout::Rgb, Layout::Rgb),
            PixelFormat::Cmyk => (DataColorSpace::Cmyk, Layout::Rgba, Layout::Rgb),
            PixelFormat::Lab => return None,
        };
        (profile.color_space == space).then(|| Self { profile: profile.clone(), layout, target })
    }

    fn apply(&self, bitmap: &DecodedBitmap) -> Option<Bitmap> {
        // Relative intent: paper white becomes screen white.
        let options =
            TransformOptions { rendering_intent: RenderingIntent::RelativeColorimetric, ..Default::default() };
        let srgb = ColorProfile::new_srgb();
        let (width, height, samples) = match bitmap {
            DecodedBitmap::Eight(bitmap) => {
                let transform: std::sync::Arc<Transform8BitExecutor> =
                    self.profile.create_transform_8bit(self.layout, &srgb, self.target, options).ok()?;
                let mut samples = vec![0; bitmap.width as usize * bitmap.height as usize * 3];
                transform.transform(&bitmap.samples, &mut samples).ok()?;
                (bitmap.width, bitmap.height, samples)
            }
            DecodedBitmap::Sixteen(bitmap) => {
                let transform: std::sync::Arc<TransformF32Executor> =
                    self.profile.create_transform_f32(self.layout, &srgb, self.target, options).ok()?;
                let samples = in_rows(bitmap, &*transform)?;
                (bitmap.width, bitmap.height, samples)
            }
        };
        Some(Bitmap { width, height, format: PixelFormat::Rgb, samples })
    }
}

/// Converts row by row, which avoids a floating-point copy of the bitmap.
fn in_rows(bitmap: &Bitmap<u16>, transform: &TransformF32Executor) -> Option<Vec<u8>> {
    let stride = bitmap.width as usize * bitmap.format.channels();
    let mut converted = vec![0.0_f32; bitmap.width as usize * 3];
    let mut samples = Vec::with_capacity(bitmap.height as usize * converted.len());
    for row in bitmap.samples.chunks_exact(stride) {
        let floats: Vec<f32> = row.iter().map(|&sample| f32::from(sample) / 65_535.0).collect();
        transform.transform(&floats, &mut converted).ok()?;
        samples.extend(converted.iter().map(|&light| unit_to_eight(light)));
    }
    Some(samples)
}

/// Converts 0.0 to 1.0 to 8 bits, rounded. NaN becomes 0.
#[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "clamped to 0..=255 first")]
fn unit_to_eight(light: f32) -> u8 {
    (light.clamp(0.0, 1.0) * 255.0 + 0.5) as u8
}

fn without_profile(bitmap: DecodedBitmap) -> Bitmap {
    let Bitmap { width, height, format, samples } = match bitmap {
        DecodedBitmap::Eight(bitmap) => bitmap,
        DecodedBitmap::Sixteen(Bitmap { width, height, format, samples }) => {
            let samples = samples.into_iter().map(|sample| to_eight(u64::from(sample))).collect();
            Bitmap { width, height, format, samples }
        }
    };
    let samples = match format {
        PixelFormat::Gray => samples.iter().flat_map(|&gray| [gray; 3]).collect(),
        PixelFormat::Cmyk => samples.chunks_exact(4).flat_map(inks_to_rgb).collect(),
        PixelFormat::Rgb | PixelFormat::Lab => samples,
    };
    Bitmap { width, height, format: PixelFormat::Rgb, samples }
}

/// Converts CMYK without a profile: each ink absorbs its share of one colour, black of all three.
fn inks_to_rgb(cmyk: &[u8]) -> [u8; 3] {
    let light = |ink: u8| u16::from(u8::MAX - ink);
    let mix = |ink: u8| u8::try_from((light(ink) * light(cmyk[3]) + 127) / 255).unwrap_or(u8::MAX);
    [mix(cmyk[0]), mix(cmyk[1]), mix(cmyk[2])]
}
