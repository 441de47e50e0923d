//! The reference preview, made without regard to time and memory: all pixels decoded, one Lanczos resize, then sRGB.

use std::path::Path;

use anyhow::{Context as _, Result, anyhow};
use benches::quality::{psnr, ssim};
use image::{DynamicImage, ImageDecoder as _, ImageReader, RgbImage, imageops::FilterType};
use moxcms::{ColorProfile, Layout, TransformOptions};
use mozjpeg::{ColorSpace, Compress};

/// A reference picture.
pub struct Reference(RgbImage);

impl Reference {
    /// Makes the reference in this size, which is the size of a preview.
    pub fn new(original: &Path, (width, height): (u32, u32)) -> Result<Self> {
        let mut reader = ImageReader::open(original)?.with_guessed_format()?;
        reader.no_limits();
        let mut decoder = reader.into_decoder()?;
        let orientation = decoder.orientation()?;
        let profile = decoder.icc_profile()?;
        let image = DynamicImage::from_decoder(decoder)?;
        let lies = (image.width() < image.height()) != (width < height);
        let (across, down) = if lies { (height, width) } else { (width, height) };
        let mut small = image.resize_exact(across, down, FilterType::Lanczos3);
        drop(image);
        small.apply_orientation(orientation);
        let mut rgb = small.into_rgb8();
        if let Some(profile) = profile {
            to_srgb(&mut rgb, &profile)?;
        }
        Ok(Self(rgb))
    }

    /// Returns PSNR and SSIM of the reference as a JPEG of the previews' quality: the loss of the file format.
    pub fn as_jpeg(&self) -> Result<(f64, f64)> {
        let mut encoder = Compress::new(ColorSpace::JCS_RGB);
        encoder.set_size(self.0.width() as usize, self.0.height() as usize);
        encoder.set_fastest_defaults();
        encoder.set_quality(80.0);
        encoder.set_chroma_sampling_pixel_sizes((2, 2), (2, 2));
        let mut started = encoder.start_compress(Vec::new())?;
        started.write_scanlines(&self.0)?;
        let decoded = image::load_from_memory(&started.finish()?)?;
        Ok(self.to(&decoded.into_rgb8()))
    }

    /// Returns PSNR and SSIM of a preview, or an error if its size differs.
    pub fn compare(&self, preview: &Path) -> Result<(f64, f64)> {
        let preview = image::open(preview)?.into_rgb8();
        if preview.dimensions() != self.0.dimensions() {
            return Err(anyhow!("{:?} is not {:?}", preview.dimensions(), self.0.dimensions()));
        }
        Ok(self.to(&preview))
    }

    fn to(&self, other: &RgbImage) -> (f64, f64) {
        (psnr(other, &self.0), ssim(other, &self.0, self.0.width() as usize))
    }
}

fn to_srgb(rgb: &mut RgbImage, profile: &[u8]) -> Result<()> {
    let failed = |error| anyhow!("{error:?}");
    let profile = ColorProfile::new_from_slice(profile).map_err(failed).context("Failed to read a profile")?;
    let transform = profile
        .create_transform_8bit(Layout::Rgb, &ColorProfile::new_srgb(), Layout::Rgb, TransformOptions::default())
        .map_err(failed)?;
    let samples = rgb.to_vec();
    transform.transform(&samples, rgb).map_err(failed)
}
