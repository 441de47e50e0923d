//! From the original's colours to sRGB, on the small picture.

use moxcms::{ColorProfile, DataColorSpace, Layout, RenderingIntent, TransformOptions};

use super::{
    guard::guarded,
    picture::{Ink, Picture},
};

/// Converts by the embedded ICC profile. Without one, or with one that does not fit or can't be read, grey and RGB are
/// taken as sRGB, which is what browsers do, and CMYK is converted without a profile.
pub(super) fn to_srgb(picture: Picture, icc: Option<&[u8]>) -> Picture {
    let converted = icc.and_then(|icc| guarded(|| by_profile(&picture, icc)).flatten());
    let samples = match (converted, picture.ink) {
        (Some(samples), _) => samples,
        (None, Ink::Rgb) => return picture,
        (None, Ink::Grey) => picture.samples.iter().flat_map(|&grey| [grey; 3]).collect(),
        (None, Ink::Cmyk) => picture.samples.chunks_exact(4).flat_map(without_profile).collect(),
    };
    Picture { width: picture.width, height: picture.height, ink: Ink::Rgb, samples }
}

fn by_profile(picture: &Picture, icc: &[u8]) -> Option<Vec<u8>> {
    let profile = ColorProfile::new_from_slice(icc).ok()?;
    // CMYK travels in the four-channel layout.
    let (space, layout) = match picture.ink {
        Ink::Grey => (DataColorSpace::Gray, Layout::Gray),
        Ink::Rgb => (DataColorSpace::Rgb, Layout::Rgb),
        Ink::Cmyk => (DataColorSpace::Cmyk, Layout::Rgba),
    };
    if profile.color_space != space {
        return None;
    }
    // Relative: paper white becomes screen white.
    let options = TransformOptions { rendering_intent: RenderingIntent::RelativeColorimetric, ..Default::default() };
    let transform = profile.create_transform_8bit(layout, &ColorProfile::new_srgb(), Layout::Rgb, options).ok()?;
    let mut samples = vec![0; picture.width as usize * picture.height as usize * 3];
    transform.transform(&picture.samples, &mut samples).ok()?;
    Some(samples)
}

/// Each ink takes its share of the light, black takes from all three.
fn without_profile(cmyk: &[u8]) -> [u8; 3] {
    let light = |ink: u8| u16::from(u8::MAX - ink);
    let mix = |ink: u8| u8::try_from((light(ink) * light(cmyk[3]) + 127) / 255).unwrap_or(u8::MAX);
    [mix(cmyk[0]), mix(cmyk[1]), mix(cmyk[2])]
}
