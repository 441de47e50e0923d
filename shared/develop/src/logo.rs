//! Logos: an uploaded PNG or JPEG in, a small PNG out. Nothing of the file but its pixels is kept.

use std::borrow::Cow;

use domain::studio_profile::{MAX_LOGO_BYTES, MAX_LOGO_HEIGHT, MAX_LOGO_WIDTH};
use png::{BitDepth, ColorType, Compression, Encoder, EncodingError, SrgbRenderingIntent};

use super::{
    Original, Picture, UPRIGHT,
    bitmap::{Bitmap, DecodedBitmap, PixelFormat},
    catch_panic::guarded,
    colour, content_type,
    error::Error,
    jpeg,
    limits::{Limits, MEGAPIXEL},
    metadata, orient, png as png_format,
    reduce::{straight, to_eight},
    resize,
};

/// Largest uploaded logo. Its pixels are fewer than a photo's: 2 MiB of PNG can stand for gigabytes of one colour.
const LIMITS: Limits = Limits { max_bytes: MAX_LOGO_BYTES, max_pixels: 50 * MEGAPIXEL, max_side: 65_000 };

/// A logo as customers see it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Logo {
    /// The file: a PNG in sRGB, without metadata. The same upload always gives the same bytes.
    pub png: Vec<u8>,
    /// Width in pixels, at most [`MAX_LOGO_WIDTH`].
    pub width: u32,
    /// Height in pixels, at most [`MAX_LOGO_HEIGHT`].
    pub height: u32,
}

/// Reasons why a file can't become a logo, with messages for photographers.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum LogoError {
    /// The file is neither PNG nor JPEG.
    #[error("The logo must be a PNG or JPEG file, and this file looks like {looks_like}.")]
    OtherFormat {
        /// The apparent kind, with an article: `a PDF document`.
        looks_like: Cow<'static, str>,
    },
    /// The coding is not supported, such as HDR.
    #[error("This kind of PNG or JPEG can't be read. Please save the logo as an ordinary PNG.")]
    UnsupportedCoding,
    /// The file has no bytes.
    #[error("The file is empty. Please upload it again.")]
    Empty,
    /// The file has more than [`MAX_LOGO_BYTES`].
    #[error("A logo can have up to {} MiB.", MAX_LOGO_BYTES >> 20)]
    TooLarge,
    /// The picture has too many pixels.
    #[error(
        "The logo has {width} x {height} pixels, and up to {} megapixels, {} pixels on a side, are accepted.",
        LIMITS.max_pixels / MEGAPIXEL, LIMITS.max_side
    )]
    TooManyPixels {
        /// Width in pixels, as stored.
        width: u32,
        /// Height in pixels, as stored.
        height: u32,
    },
    /// The file is incomplete or contradicts itself.
    #[error("The file is damaged or incomplete. Please upload another copy of it.")]
    Damaged,
}

impl LogoError {
    /// Returns the stable code for records and interfaces.
    pub fn code(&self) -> &'static str {
        match self {
            Self::OtherFormat { .. } => "not_a_logo",
            Self::UnsupportedCoding => "unsupported_coding",
            Self::Empty => "empty_file",
            Self::TooLarge => "too_large",
            Self::TooManyPixels { .. } => "too_many_pixels",
            Self::Damaged => "damaged",
        }
    }
}

impl From<Error> for LogoError {
    fn from(error: Error) -> Self {
        match error {
            Error::EmptyFile => Self::Empty,
            Error::NotAPhoto { looks_like } => Self::OtherFormat { looks_like: looks_like.into() },
            Error::TooLarge { .. } => Self::TooLarge,
            Error::TooManyPixels { width, height, .. } => Self::TooManyPixels { width, height },
            Error::Truncated | Error::Damaged => Self::Damaged,
        }
    }
}

/// Makes a logo of an uploaded file: upright, in sRGB, shrunk to fit, with its alpha.
pub fn logo(upload: &[u8]) -> Result<Logo, LogoError> {
    LIMITS.check_bytes(upload.len())?;
    let format = content_type::detect(upload, "")?;
    let metadata = metadata::read(format.metadata, upload);
    let original = Original { bytes: upload, limits: &LIMITS, metadata: &metadata };
    let (picture, alpha) = match format.content_type {
        "image/png" => png_format::read_with_alpha(&original, MAX_LOGO_WIDTH)?.ok_or(LogoError::UnsupportedCoding)?,
        "image/jpeg" => (jpeg::read(&original)?.picture.ok_or(LogoError::UnsupportedCoding)?, None),
        other => return Err(LogoError::OtherFormat { looks_like: format!("a file of the type {other}").into() }),
    };
    Ok(draw(picture, alpha, metadata.orientation.unwrap_or(UPRIGHT))?)
}

fn draw(picture: Picture, alpha: Option<DecodedBitmap>, orientation: u8) -> Result<Logo, Error> {
    let upright = orient::upright(picture.size, orientation);
    let fitting = resize::fit_into(upright, (MAX_LOGO_WIDTH, MAX_LOGO_HEIGHT));
    let (width, height) = orient::upright(fitting, orientation);
    let mut colours = resize::resize_decoded(picture.bitmap, width, height);
    let alpha = alpha.map(|alpha| resize::resize_decoded(alpha, width, height));
    if let (DecodedBitmap::Sixteen(colours), Some(DecodedBitmap::Sixteen(alpha))) = (&mut colours, &alpha) {
        let pixels = colours.samples.chunks_exact_mut(colours.format.channels());
        for (pixel, &alpha) in pixels.zip(&alpha.samples) {
            for sample in pixel {
                *sample = straight(*sample, alpha);
            }
        }
    }
    let rgb = orient::orient(colour::to_srgb(colours, &picture.colour), orientation);
    let alpha = alpha.map(|alpha| orient::orient(eight_bits(alpha), orientation));
    let png = guarded(|| encode(&rgb, alpha.as_ref())).and_then(Result::ok).ok_or(Error::Damaged)?;
    Ok(Logo { png, width: rgb.width, height: rgb.height })
}

fn eight_bits(alpha: DecodedBitmap) -> Bitmap {
    match alpha {
        DecodedBitmap::Eight(alpha) => alpha,
        DecodedBitmap::Sixteen(Bitmap { width, height, format, samples }) => {
            let samples = samples.into_iter().map(|sample| to_eight(u64::from(sample))).collect();
            Bitmap { width, height, format, samples }
        }
    }
}

fn encode(rgb: &Bitmap, alpha: Option<&Bitmap>) -> Result<Vec<u8>, EncodingError> {
    debug_assert_eq!(rgb.format, PixelFormat::Rgb);
    let mut png = Vec::new();
    let mut encoder = Encoder::new(&mut png, rgb.width, rgb.height);
    encoder.set_depth(BitDepth::Eight);
    encoder.set_color(if alpha.is_some() { ColorType::Rgba } else { ColorType::Rgb });
    encoder.set_source_srgb(SrgbRenderingIntent::RelativeColorimetric);
    encoder.set_compression(Compression::High);
    let mut writer = encoder.write_header()?;
    match alpha {
        Some(alpha) => {
            let pixels = rgb.samples.chunks_exact(3).zip(&alpha.samples);
            // What lies under transparent pixels is nobody's business.
            let rgba = pixels.flat_map(|(rgb, &alpha)| match alpha {
                0 => [0; 4],
                alpha => [rgb[0], rgb[1], rgb[2], alpha],
            });
            writer.write_image_data(&rgba.collect::<Vec<u8>>())?;
        }
        None => writer.write_image_data(&rgb.samples)?,
    }
    writer.finish()?;
    Ok(png)
}

#[cfg(test)]
mod tests {
    use std::io::Cursor;

    use image::{DynamicImage, ImageFormat, Rgba, RgbaImage};
    use proptest::prelude::*;

    use super::*;
    use crate::tests::samples::{Jpeg, quarters};

    fn encoded(picture: &DynamicImage, format: ImageFormat) -> Vec<u8> {
        let mut bytes = Cursor::new(Vec::new());
        picture.write_to(&mut bytes, format).unwrap();
        bytes.into_inner()
    }

    fn png(picture: RgbaImage) -> Vec<u8> {
        encoded(&picture.into(), ImageFormat::Png)
    }

    fn pixels(logo: &Logo) -> RgbaImage {
        let picture = image::load_from_memory_with_format(&logo.png, ImageFormat::Png).unwrap();
        assert_eq!((picture.width(), picture.height()), (logo.width, logo.height));
        picture.to_rgba8()
    }

    #[test]
    fn small_png_keeps_colours_and_alpha() {
        let picture = RgbaImage::from_fn(40, 20, |x, y| match (x < 20, y < 10) {
            (true, true) => Rgba([200, 30, 10, 255]),
            (false, true) => Rgba([200, 30, 10, 128]),
            (true, false) => Rgba([0, 90, 200, 10]),
            (false, false) => Rgba([255, 255, 255, 0]),
        });
        let made = pixels(&logo(&png(picture.clone())).unwrap());
        for (made, uploaded) in made.pixels().zip(picture.pixels()) {
            assert_eq!(made[3], uploaded[3]);
            let near = made.0[..3].iter().zip(&uploaded.0[..3]).all(|(a, b)| a.abs_diff(*b) <= 1);
            assert!(near || uploaded[3] == 0, "{made:?} {uploaded:?}");
        }
    }

    #[test]
    fn shrunk_edges_have_no_dark_seam() {
        // Transparent black beside opaque white: averaged without alpha, the edge would be gray.
        let picture =
            RgbaImage::from_fn(
                3000,
                300,
                |x, _| {
                    if x < 1501 { Rgba([255, 255, 255, 255]) } else { Rgba([0, 0, 0, 0]) }
                },
            );
        let made = logo(&png(picture)).unwrap();
        assert_eq!((made.width, made.height), (800, 80));
        let made = pixels(&made);
        assert!(made.pixels().any(|pixel| (1..255).contains(&pixel[3])), "the edge is blended");
        for pixel in made.pixels().filter(|pixel| pixel[3] > 8) {
            assert!(pixel.0[..3].iter().all(|&level| level >= 250), "{pixel:?}");
        }
    }

    #[test]
    fn jpeg_becomes_an_opaque_png() {
        let made = logo(&Jpeg::default().rgb(&quarters(1200, 900))).unwrap();
        assert_eq!((made.width, made.height), (533, 400));
        assert!(made.png.starts_with(b"\x89PNG"));
        assert!(pixels(&made).pixels().all(|pixel| pixel[3] == 255));
        let corner = pixels(&made).get_pixel(20, 20).0;
        assert!(corner[0] > 200 && corner[1] < 60, "red is above left: {corner:?}");
    }

    #[test]
    fn metadata_and_hidden_bytes_are_left_out() {
        let mut uploaded = Jpeg::default().rgb(&quarters(60, 40));
        uploaded.extend_from_slice(b"<script>alert(1)</script>");
        let made = logo(&uploaded).unwrap();
        assert!(!made.png.windows(8).any(|bytes| bytes == b"<script>"));
        let hidden = RgbaImage::from_pixel(8, 8, Rgba([77, 78, 79, 0]));
        assert!(pixels(&logo(&png(hidden)).unwrap()).pixels().all(|pixel| pixel.0 == [0; 4]));
        assert_eq!(logo(&uploaded), logo(&uploaded), "the same upload has the same hash");
    }

    #[test]
    fn gray_and_palette_are_read() {
        let gray = image::GrayImage::from_fn(30, 10, |x, _| image::Luma([u8::try_from(x * 8).unwrap()]));
        let made = pixels(&logo(&encoded(&gray.clone().into(), ImageFormat::Png)).unwrap());
        for (made, gray) in made.pixels().zip(gray.pixels()) {
            assert_eq!(made.0, [gray[0], gray[0], gray[0], 255]);
        }
        let alpha = image::GrayAlphaImage::from_pixel(4, 4, image::LumaA([90, 70]));
        let made = pixels(&logo(&encoded(&alpha.into(), ImageFormat::Png)).unwrap());
        assert!(made.pixels().all(|pixel| pixel[3] == 70 && pixel[0].abs_diff(90) <= 1));
    }

    #[test]
    fn other_files_are_refused_with_a_reason() {
        let whole = png(RgbaImage::from_pixel(100, 100, Rgba([1, 2, 3, 4])));
        let webp = encoded(&quarters(20, 20).into(), ImageFormat::WebP);
        let cut = &whole[..whole.len() / 2];
        let large = [whole.as_slice(), &vec![0; usize::try_from(MAX_LOGO_BYTES).unwrap()]].concat();
        for (bytes, code, word) in [
            (b"".as_slice(), "empty_file", "empty"),
            (b"PK\x03\x04 and more", "not_a_logo", "ZIP"),
            (b"<svg xmlns='http://www.w3.org/2000/svg'/>", "not_a_logo", "SVG"),
            (&webp, "not_a_logo", "image/webp"),
            (cut, "damaged", "incomplete"),
            (&large, "too_large", "2 MiB"),
        ] {
            let refused = logo(bytes).unwrap_err();
            assert_eq!(refused.code(), code);
            assert!(refused.to_string().contains(word), "{refused}");
        }
    }

    #[test]
    fn bomb_is_refused_by_its_header() {
        // 40,000 x 40,000 pixels in some bytes: only the header is read.
        let mut bomb = png(RgbaImage::from_pixel(1, 1, Rgba([0; 4])));
        let side = 40_000_u32.to_be_bytes();
        bomb[16..20].copy_from_slice(&side);
        bomb[20..24].copy_from_slice(&side);
        let checksum = crc32fast::hash(&bomb[12..29]).to_be_bytes();
        bomb[29..33].copy_from_slice(&checksum);
        assert_eq!(logo(&bomb), Err(LogoError::TooManyPixels { width: 40_000, height: 40_000 }));
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(24))]

        #[test]
        fn every_logo_fits_and_keeps_its_proportions(width in 1_u32..1300, height in 1_u32..900, alpha in any::<u8>()) {
            let made = logo(&png(RgbaImage::from_pixel(width, height, Rgba([9, 99, 199, alpha])))).unwrap();
            prop_assert!(made.width <= MAX_LOGO_WIDTH && made.height <= MAX_LOGO_HEIGHT);
            let (across, down) = (f64::from(made.width) / f64::from(width), f64::from(made.height) / f64::from(height));
            prop_assert!((across - down).abs() <= 1.0 / f64::from(width.min(height)), "{across} {down}");
            prop_assert!(across <= 1.0 && pixels(&made).pixels().all(|pixel| pixel[3] == alpha));
        }

        #[test]
        fn damaged_png_never_panics(at in 8_usize..400, byte in any::<u8>()) {
            let mut bytes = png(quarters_with_alpha());
            let at = at % bytes.len();
            bytes[at] = byte;
            if let Ok(made) = logo(&bytes) {
                prop_assert!(made.width > 0 && made.height > 0);
            }
        }
    }

    fn quarters_with_alpha() -> RgbaImage {
        RgbaImage::from_fn(32, 32, |x, y| Rgba([u8::try_from(x * 8).unwrap(), u8::try_from(y * 8).unwrap(), 99, 200]))
    }
}
