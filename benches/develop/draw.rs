//! Drawn photos with the properties that cost a decoder time in a camera's photo: detail at every scale, hard edges,
//! and a sensor's noise. The pictures are drawn row by row, so 100 megapixels need little memory.

use std::{
    io,
    panic::{AssertUnwindSafe, catch_unwind},
    path::Path,
};

use anyhow::{Context as _, Result, anyhow};
use demo_photos::{RECIPES, camera::Orientation, noise::hash};
use image::{ExtendedColorType, ImageEncoder as _, codecs::tiff::TiffEncoder};
use mozjpeg::{ColorSpace, Compress, Marker};

/// The prefix of EXIF in JPEG's APP1.
const EXIF_MARK: &[u8] = b"Exif\0\0";
/// The prefix of a profile's chunks in JPEG's APP2.
const ICC_MARK: &[u8] = b"ICC_PROFILE\0";
/// Cells across the picture's width, and amplitude of 255: about as much detail at each scale as in nature.
const OCTAVES: [(f32, f32); 7] =
    [(3.0, 50.0), (11.0, 32.0), (43.0, 20.0), (170.0, 14.0), (670.0, 10.0), (1400.0, 8.0), (2600.0, 6.0)];
/// Standard deviation of the noise in bright parts, of 255: a full-frame camera's JPEG at ISO 800.
const NOISE: f32 = 3.2;

/// The coding of a drawn photo.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Coding {
    /// JPEG in one scan, chroma halved across, as cameras write it.
    Baseline,
    /// JPEG in several scans, chroma halved across, as editors write it.
    Progressive,
    /// JPEG in Display P3, chroma halved both ways, as phones write it.
    Phone,
    /// TIFF of 16 bits per sample, as RAW converters write it.
    SixteenBit,
}

/// Draws a photo of this size into a file.
pub fn draw(
    file: &Path,
    (width, height): (u32, u32),
    orientation: Orientation,
    seed: u32,
    coding: Coding,
) -> Result<()> {
    let bytes = match coding {
        Coding::SixteenBit => tiff(&mut Scene::new(width, height, seed))?,
        _ => catch_unwind(AssertUnwindSafe(|| jpeg(&mut Scene::new(width, height, seed), orientation, coding)))
            .map_err(|_| anyhow!("The JPEG encoder gave up"))??,
    };
    std::fs::write(file, bytes).with_context(|| format!("Failed to write {}", file.display()))
}

fn jpeg(scene: &mut Scene, orientation: Orientation, coding: Coding) -> Result<Vec<u8>> {
    let mut encoder = Compress::new(ColorSpace::JCS_RGB);
    encoder.set_size(scene.width as usize, scene.height as usize);
    encoder.set_fastest_defaults();
    encoder.set_quality(95.0);
    let chroma = if coding == Coding::Phone { (2, 2) } else { (2, 1) };
    encoder.set_chroma_sampling_pixel_sizes(chroma, chroma);
    if coding == Coding::Progressive {
        encoder.set_progressive_mode();
    }
    let exif = RECIPES[0].shot.exif(orientation, scene.width, scene.height)?;
    let mut started = encoder.start_compress(Vec::new())?;
    started.write_marker(Marker::APP(1), &[EXIF_MARK, &exif].concat());
    if coding == Coding::Phone {
        let profile = moxcms::ColorProfile::new_display_p3().encode().map_err(|_| anyhow!("No Display P3 profile"))?;
        // The profile fits into one chunk, numbered 1 of 1.
        started.write_marker(Marker::APP(2), &[ICC_MARK, &[1, 1], &profile].concat());
    }
    let mut row = Vec::new();
    for y in 0..scene.height {
        scene.row(y, &mut row);
        let eight: Vec<u8> = row.iter().map(|&light| to_byte(light)).collect();
        started.write_scanlines(&eight)?;
    }
    Ok(started.finish()?)
}

fn tiff(scene: &mut Scene) -> Result<Vec<u8>> {
    let (mut row, mut samples) = (Vec::new(), Vec::with_capacity(scene.width as usize * scene.height as usize * 6));
    for y in 0..scene.height {
        scene.row(y, &mut row);
        samples.extend(row.iter().flat_map(|&light| to_sixteen(light).to_ne_bytes()));
    }
    let mut out = io::Cursor::new(Vec::new());
    TiffEncoder::new(&mut out).write_image(&samples, scene.width, scene.height, ExtendedColorType::Rgb16)?;
    Ok(out.into_inner())
}

struct Scene {
    width: u32,
    height: u32,
    seed: u32,
    /// One row of the detail, and the noise of the previous row.
    detail: Vec<f32>,
    noise: Vec<f32>,
}

impl Scene {
    fn new(width: u32, height: u32, seed: u32) -> Self {
        let row = vec![0.0; width as usize];
        Self { width, height, seed, detail: row.clone(), noise: row }
    }

    /// Draws the next row: red, green, blue, of 255.
    #[expect(clippy::cast_precision_loss, reason = "pixel positions stay far below 2^24, where f32 is exact")]
    fn row(&mut self, y: u32, row: &mut Vec<f32>) {
        self.detail.fill(0.0);
        for (octave, (cells, amplitude)) in OCTAVES.into_iter().enumerate() {
            let salt = self.seed.wrapping_mul(31).wrapping_add(u32::try_from(octave).unwrap_or(0));
            let side = self.width as f32 / cells;
            let (down, part) = cell(y as f32 / side);
            let corner = |across: u32| {
                let (above, below) = (unit(hash(salt, across, down)), unit(hash(salt, across, down + 1)));
                (above + (below - above) * part - 0.5) * amplitude
            };
            let (mut at, mut left, mut right) = (0, corner(0), corner(1));
            for (x, detail) in self.detail.iter_mut().enumerate() {
                let (across, part) = cell(x as f32 / side);
                if across != at {
                    (at, left, right) = (across, corner(across), corner(across + 1));
                }
                *detail += left + (right - left) * part;
            }
        }
        row.clear();
        let horizon = self.height as f32 * 0.45;
        for (x, detail) in (0_u32..).zip(&self.detail) {
            // Roofs, trunks and horizons: edges as sharp as a lens renders them.
            let across = x as f32 / self.width as f32;
            let ridge = horizon + self.height as f32 * 0.1 * ((across * 9.0).sin() + (across * 41.0).sin().abs());
            let post = (across * 23.0).fract() < 0.04 && y as f32 > horizon * 0.7;
            let base = if post {
                [46.0, 40.0, 38.0]
            } else if (y as f32) < ridge {
                [150.0, 176.0, 208.0]
            } else {
                [112.0, 120.0, 74.0]
            };
            // Demosaicing mixes neighbouring pixels, and so their noise.
            let noise = &mut self.noise[x as usize];
            let bits = hash(self.seed ^ 0x9e37, x, y);
            *noise = 0.35 * *noise + gauss(bits) * NOISE;
            let chroma = gauss(bits.rotate_left(11) ^ 0x5bd1) * NOISE * 0.6;
            row.extend([
                base[0] + detail + *noise + chroma,
                base[1] + detail + *noise,
                base[2] + detail + *noise - chroma,
            ]);
        }
    }
}

/// Returns the cell of a grid and the position within it, eased so that the grid is invisible.
#[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "positions are small and not negative")]
fn cell(position: f32) -> (u32, f32) {
    let part = position.fract();
    (position as u32, part * part * (3.0 - 2.0 * part))
}

/// Returns an approximately normally distributed number from four bytes of a hash, with a standard deviation of 1.
fn gauss(bits: u32) -> f32 {
    let sum: f32 = bits.to_ne_bytes().into_iter().map(f32::from).sum();
    (sum - 510.0) / 147.8
}

#[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "clamped first")]
fn to_byte(light: f32) -> u8 {
    (light.clamp(0.0, 255.0) + 0.5) as u8
}

#[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "clamped first")]
fn to_sixteen(light: f32) -> u16 {
    (light.clamp(0.0, 255.0) * 257.0 + 0.5) as u16
}

/// Returns a number in 0..1 from a hash.
fn unit(hash: u32) -> f32 {
    f32::from(u16::try_from(hash >> 16).unwrap_or(u16::MAX)) / 65_536.0
}
