//! The demo's own photos, for users without a folder: every orientation that cameras write, every accepted format,
//! names that trouble archives.

pub mod camera;
pub mod noise;
mod scene;

use std::io::Cursor;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::Path;

use anyhow::{Context, Result, anyhow};
use image::codecs::png::{CompressionType, FilterType, PngEncoder};
use image::codecs::webp::WebPEncoder;
use image::{ExtendedColorType, ImageEncoder};

use self::camera::{Orientation, Shot};

/// The prefix of EXIF in JPEG's APP1.
const EXIF_MARK: &[u8] = b"Exif\0\0";

/// The quality of cameras and phones at their finer setting.
const JPEG_QUALITY: f32 = 90.0;

/// The format of a photo's file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Format {
    /// JPEG in one scan.
    Baseline,
    /// JPEG in several scans.
    Progressive,
    /// PNG with an `eXIf` chunk.
    Png,
    /// Lossless WebP with an `EXIF` chunk.
    WebP,
    /// Uncompressed TIFF.
    Tiff,
}

/// The recipe of one photo.
#[derive(Clone, Copy, Debug)]
pub struct Recipe {
    /// A folder of its own where two names differ only by case, which some file systems do not separate.
    pub folder: &'static str,
    /// The name of the upload.
    pub filename: &'static str,
    /// Stored width in pixels.
    pub width: u32,
    /// Stored height in pixels.
    pub height: u32,
    /// The rotation that makes the image upright.
    pub orientation: Orientation,
    /// The format.
    pub format: Format,
    /// The camera's settings.
    pub shot: Shot,
}

const R5: Shot = Shot {
    make: "Canon",
    model: "Canon EOS R5",
    lens: "RF24-70mm F2.8 L IS USM",
    iso: 200,
    f_number_tenths: 56,
    exposure: (1, 640),
    focal_length_mm: 35,
    local: "2025:06:14 11:02:37",
    offset: "+02:00",
    gps: Some((43.296_482, 5.369_78, 12)),
};

const Z8: Shot = Shot {
    make: "NIKON CORPORATION",
    model: "NIKON Z 8",
    lens: "NIKKOR Z 85mm f/1.2 S",
    iso: 64,
    f_number_tenths: 14,
    exposure: (1, 2000),
    focal_length_mm: 85,
    local: "2025:06:14 18:41:09",
    offset: "+02:00",
    gps: Some((54.182_9, 7.885_8, 41)),
};

const A7: Shot = Shot {
    make: "SONY",
    model: "ILCE-7M4",
    lens: "FE 35mm F1.4 GM",
    iso: 1600,
    f_number_tenths: 20,
    exposure: (1, 125),
    focal_length_mm: 35,
    local: "2025:04:03 06:15:52",
    offset: "+09:00",
    gps: Some((35.011_6, 135.768_1, 56)),
};

const XT5: Shot = Shot {
    make: "FUJIFILM",
    model: "X-T5",
    lens: "XF23mmF1.4 R LM WR",
    iso: 400,
    f_number_tenths: 80,
    exposure: (1, 30),
    focal_length_mm: 23,
    local: "2024:12:31 23:59:58",
    offset: "-03:00",
    gps: Some((-22.951_9, -43.210_5, 710)),
};

/// All recipes.
pub const RECIPES: [Recipe; 8] = [
    recipe("card-1", "IMG_2041.JPG", (3000, 2000), Orientation::Upright, Format::Baseline, R5),
    recipe("card-2", "img_2041.jpg", (2400, 1600), Orientation::QuarterRight, Format::Baseline, R5),
    recipe("coast", "Große Hochzeit – Küste.jpg", (2700, 1800), Orientation::Upright, Format::Progressive, Z8),
    recipe("kyoto", "花嫁と桜.jpg", (2400, 1600), Orientation::QuarterLeft, Format::Progressive, A7),
    recipe("rio", "DSCF0107.jpg", (2048, 1536), Orientation::UpsideDown, Format::Baseline, XT5),
    recipe("coast", "Été à Marseille.png", (1600, 1200), Orientation::Upright, Format::Png, R5),
    recipe("kyoto", "невеста.webp", (1500, 1000), Orientation::Upright, Format::WebP, A7),
    recipe("scans", "scan 0042.tif", (1400, 1050), Orientation::Upright, Format::Tiff, Shot { gps: None, ..Z8 }),
];

const fn recipe(
    folder: &'static str,
    filename: &'static str,
    (width, height): (u32, u32),
    orientation: Orientation,
    format: Format,
    shot: Shot,
) -> Recipe {
    Recipe { folder, filename, width, height, orientation, format, shot }
}

/// Draws all photos and writes them below `folder`, on as many threads as the machine has processors.
pub fn write_all(folder: &Path) -> Result<()> {
    let threads = std::thread::available_parallelism().map_or(1, usize::from).min(RECIPES.len());
    std::thread::scope(|scope| {
        let workers: Vec<_> = (0..threads)
            .map(|first| {
                scope.spawn(move || RECIPES.iter().skip(first).step_by(threads).try_for_each(|it| it.write(folder)))
            })
            .collect();
        workers
            .into_iter()
            .try_for_each(|worker| worker.join().map_err(|_| anyhow!("Drawing a demo photo panicked"))?)
    })
}

impl Recipe {
    fn write(&self, root: &Path) -> Result<()> {
        let folder = root.join(self.folder);
        let path = folder.join(self.filename);
        let bytes = self.encode()?;
        std::fs::create_dir_all(&folder)
            .and_then(|()| std::fs::write(&path, bytes))
            .with_context(|| format!("Failed to write the demo photo {}", path.display()))
    }

    /// Returns the bytes of the file.
    pub fn encode(&self) -> Result<Vec<u8>> {
        let seed = crc32fast::hash(self.filename.as_bytes());
        let pixels = scene::draw(self.width, self.height, self.orientation, seed);
        let exif = self.shot.exif(self.orientation, self.width, self.height)?;
        match self.format {
            Format::Baseline | Format::Progressive => self.jpeg(&pixels, &exif),
            Format::Png => {
                let mut out = Cursor::new(Vec::new());
                let mut encoder = PngEncoder::new_with_quality(&mut out, CompressionType::Fast, FilterType::Adaptive);
                encoder.set_exif_metadata(exif).context("PNG takes no EXIF")?;
                encoder.write_image(&pixels, self.width, self.height, ExtendedColorType::Rgb8)?;
                Ok(out.into_inner())
            }
            Format::WebP => {
                let mut out = Cursor::new(Vec::new());
                let mut encoder = WebPEncoder::new_lossless(&mut out);
                encoder.set_exif_metadata(exif).context("WebP takes no EXIF")?;
                encoder.write_image(&pixels, self.width, self.height, ExtendedColorType::Rgb8)?;
                Ok(out.into_inner())
            }
            Format::Tiff => self.shot.tiff(self.orientation, self.width, self.height, &pixels),
        }
    }

    fn jpeg(&self, pixels: &[u8], exif: &[u8]) -> Result<Vec<u8>> {
        // mozjpeg reports its errors by unwinding.
        catch_unwind(AssertUnwindSafe(|| {
            let mut encoder = mozjpeg::Compress::new(mozjpeg::ColorSpace::JCS_RGB);
            encoder.set_size(self.width as usize, self.height as usize);
            encoder.set_fastest_defaults();
            encoder.set_quality(JPEG_QUALITY);
            if self.format == Format::Progressive {
                encoder.set_progressive_mode();
            }
            let mut started = encoder.start_compress(Vec::new())?;
            started.write_marker(mozjpeg::Marker::APP(1), &[EXIF_MARK, exif].concat());
            started.write_scanlines(pixels)?;
            started.finish()
        }))
        .map_err(|_| anyhow!("The JPEG encoder gave up"))?
        .context("Failed to encode a demo photo as JPEG")
    }
}

#[cfg(test)]
mod tests {
    use exif::{In, Tag};

    use super::*;

    /// Returns the recipe at a size that a debug build draws quickly.
    fn small(recipe: &Recipe) -> Recipe {
        Recipe { width: recipe.width / 20, height: recipe.height / 20, ..*recipe }
    }

    #[test]
    fn each_photo_decodes_to_its_size() {
        for recipe in RECIPES.iter().map(small) {
            let bytes = recipe.encode().unwrap();
            let size = if matches!(recipe.format, Format::Baseline | Format::Progressive) {
                let decoder = mozjpeg::Decompress::new_mem(&bytes).unwrap();
                (u32::try_from(decoder.width()).unwrap(), u32::try_from(decoder.height()).unwrap())
            } else {
                let image = image::load_from_memory(&bytes).unwrap();
                (image.width(), image.height())
            };
            assert_eq!(size, (recipe.width, recipe.height), "{}", recipe.filename);
        }
    }

    #[test]
    fn lossless_photos_contain_the_drawn_pixels() {
        for recipe in RECIPES.iter().map(small) {
            if matches!(recipe.format, Format::Png | Format::WebP | Format::Tiff) {
                let seed = crc32fast::hash(recipe.filename.as_bytes());
                let drawn = scene::draw(recipe.width, recipe.height, recipe.orientation, seed);
                let read = image::load_from_memory(&recipe.encode().unwrap()).unwrap().to_rgb8().into_raw();
                assert!(drawn == read, "{}", recipe.filename);
            }
        }
    }

    #[test]
    fn each_photo_states_its_camera_time_and_place() {
        for recipe in RECIPES.iter().map(small) {
            let bytes = recipe.encode().unwrap();
            let exif = exif::Reader::new().read_from_container(&mut Cursor::new(&bytes)).unwrap();
            let show = |tag| exif.get_field(tag, In::PRIMARY).map(|it| it.display_value().to_string());
            let text = |tag| match exif.get_field(tag, In::PRIMARY).map(|it| it.value.clone()) {
                Some(exif::Value::Ascii(parts)) => String::from_utf8(parts.concat()).unwrap(),
                other => panic!("{tag} of {} is {other:?}", recipe.filename),
            };
            let orientation = exif.get_field(Tag::Orientation, In::PRIMARY).and_then(|it| it.value.get_uint(0));
            assert_eq!(orientation, Some(u32::from(recipe.orientation.number())));
            assert_eq!(text(Tag::Make), recipe.shot.make);
            assert_eq!(text(Tag::Model), recipe.shot.model);
            assert_eq!(text(Tag::LensModel), recipe.shot.lens);
            assert_eq!(text(Tag::DateTimeOriginal), recipe.shot.local);
            assert_eq!(text(Tag::OffsetTimeOriginal), recipe.shot.offset);
            assert_eq!(show(Tag::PhotographicSensitivity), Some(recipe.shot.iso.to_string()));
            assert_eq!(exif.get_field(Tag::GPSLatitude, In::PRIMARY).is_some(), recipe.shot.gps.is_some());
        }
    }

    #[test]
    fn both_kinds_of_jpeg_are_there() {
        for recipe in RECIPES.iter().map(small) {
            let frame = match recipe.format {
                Format::Baseline => 0xC0,
                Format::Progressive => 0xC2,
                _ => continue,
            };
            let bytes = recipe.encode().unwrap();
            assert!(bytes.windows(4).any(|it| it == [0xFF, frame, 0, 17]), "{}", recipe.filename);
        }
    }
}
