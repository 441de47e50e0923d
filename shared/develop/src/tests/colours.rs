//! Colour spaces, depths, alpha and profiles.

use image::{GrayImage, ImageFormat, Luma, Rgb, Rgba, RgbaImage};
use moxcms::ColorProfile;
use mozjpeg::ColorSpace;

use super::{
    assert_near, develop_as, made, pixels,
    samples::{self, Jpeg},
};

pub(super) fn display_p3() -> Vec<u8> {
    ColorProfile::new_display_p3().encode().unwrap()
}

fn middle(original: &[u8]) -> [u8; 3] {
    let developed = develop_as(original, "a").unwrap();
    let preview = pixels(made(&developed).0);
    preview.get_pixel(preview.width() / 2, preview.height() / 2).0
}

/// Display P3 (200, 100, 50) in sRGB, by the published matrices.
const P3_ORANGE: [u8; 3] = [200, 100, 50];
const ORANGE_IN_SRGB: [u8; 3] = [215, 96, 34];

#[test]
fn profiles_are_honoured_in_every_format() {
    use image::ImageEncoder;
    let flat = image::RgbImage::from_pixel(64, 64, Rgb(P3_ORANGE));
    let icc = display_p3();
    assert_near(middle(&Jpeg { icc: Some(&icc), ..Jpeg::default() }.rgb(&flat)), ORANGE_IN_SRGB, 6);

    let mut png = Vec::new();
    let mut encoder = image::codecs::png::PngEncoder::new(&mut png);
    encoder.set_icc_profile(icc.clone()).unwrap();
    encoder.write_image(&flat, 64, 64, image::ExtendedColorType::Rgb8).unwrap();
    assert_near(middle(&png), ORANGE_IN_SRGB, 6);

    let mut webp = Vec::new();
    let mut encoder = image::codecs::webp::WebPEncoder::new_lossless(&mut webp);
    encoder.set_icc_profile(icc).unwrap();
    encoder.write_image(&flat, 64, 64, image::ExtendedColorType::Rgb8).unwrap();
    assert_near(middle(&webp), ORANGE_IN_SRGB, 6);
}

#[test]
fn unusable_profiles_are_ignored() {
    let flat = image::RgbImage::from_pixel(64, 64, Rgb(P3_ORANGE));
    let grey = ColorProfile::new_gray_with_gamma(2.2).encode().unwrap();
    let mut broken = display_p3();
    broken.truncate(200);
    for icc in [&grey[..], &broken, b"not a profile at all"] {
        assert_near(middle(&Jpeg { icc: Some(icc), ..Jpeg::default() }.rgb(&flat)), P3_ORANGE, 6);
    }
}

#[test]
fn adobe_cmyk_is_inverted() {
    // libjpeg writes the Adobe marker with CMYK, under which 255 is no ink. No cyan, half magenta, full yellow.
    let samples = [255, 128, 0, 255].repeat(64 * 64);
    let original = Jpeg::default().write(ColorSpace::JCS_CMYK, 64, 64, &samples);
    assert!(original.windows(5).any(|bytes| bytes == b"Adobe"));
    assert_near(middle(&original), [255, 128, 0], 8);
    let black = Jpeg::default().write(ColorSpace::JCS_CMYK, 64, 64, &[255, 255, 255, 0].repeat(64 * 64));
    assert_near(middle(&black), [0, 0, 0], 4);
}

#[test]
fn gray_samples_keep_their_level() {
    let original = Jpeg::default().write(ColorSpace::JCS_GRAYSCALE, 64, 64, &[90; 64 * 64]);
    assert_near(middle(&original), [90; 3], 3);
    let png = samples::encoded(GrayImage::from_pixel(64, 64, Luma([90])), ImageFormat::Png);
    assert_near(middle(&png), [90; 3], 3);
}

#[test]
fn gray_profile_is_applied() {
    let linear = ColorProfile::new_gray_with_gamma(1.0).encode().unwrap();
    let original =
        Jpeg { icc: Some(&linear), ..Jpeg::default() }.write(ColorSpace::JCS_GRAYSCALE, 64, 64, &[55; 64 * 64]);
    // Linear 0.2157 is sRGB 0.50.
    assert_near(middle(&original), [128; 3], 5);
}

#[test]
fn sixteen_bits_become_eight() {
    let deep = image::ImageBuffer::from_pixel(64, 64, Rgb([51_400_u16, 25_700, 12_850]));
    for format in [ImageFormat::Png, ImageFormat::Tiff] {
        assert_near(middle(&samples::encoded(deep.clone(), format)), [200, 100, 50], 6);
    }
}

#[test]
fn alpha_is_laid_over_white() {
    let clear = RgbaImage::from_pixel(64, 64, Rgba([0, 0, 0, 0]));
    let half = RgbaImage::from_pixel(64, 64, Rgba([0, 0, 0, 128]));
    for format in [ImageFormat::Png, ImageFormat::WebP, ImageFormat::Tiff, ImageFormat::Gif] {
        assert_near(middle(&samples::encoded(clear.clone(), format)), [255; 3], 2);
    }
    assert_near(middle(&samples::encoded(half, ImageFormat::Png)), [127; 3], 3);
}
