//! The initial inputs of fuzzing: small files of every container, drawn here, and the cases.

use image::{DynamicImage, ImageFormat, imageops};
use moxcms::ColorProfile;
use mozjpeg::ColorSpace;

use super::samples::{self, Jpeg, encoded};

/// An input.
pub(super) struct Seed {
    /// The container's target.
    pub(super) target: &'static str,
    pub(super) name: String,
    pub(super) bytes: Vec<u8>,
}

/// The most bytes of a case that is a seed: mutations of larger ones rarely change a relevant byte.
const MAX_BYTES: usize = 64 << 10;

/// Targets that accept files of every container.
pub(super) const ANY_FILE: [&str; 3] = ["content_type", "metadata", "develop"];

/// Returns all seeds.
pub(super) fn all() -> Vec<Seed> {
    let mut seeds = drawn();
    let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/cases");
    for case in std::fs::read_dir(folder).unwrap().map(Result::unwrap) {
        let name = case.file_name().into_string().unwrap();
        let Some(target) = name.rsplit_once('.').and_then(|(_, extension)| by_extension(extension)) else { continue };
        let bytes = std::fs::read(case.path()).unwrap();
        if bytes.len() <= MAX_BYTES {
            seeds.push(Seed { target, name, bytes });
        }
    }
    seeds.sort_by(|a, b| (a.target, &a.name).cmp(&(b.target, &b.name)));
    seeds
}

fn by_extension(extension: &str) -> Option<&'static str> {
    Some(match extension {
        "jpg" | "jpeg" => "jpeg",
        "png" => "png",
        "tif" | "tiff" => "tiff",
        "webp" => "webp",
        "gif" => "gif",
        "heic" | "heif" | "avif" => "heif",
        "cr3" | "dng" | "mrw" | "nef" | "orf" | "rw2" | "x3f" => "raw",
        "jxl" => "jxl",
        "bmp" => "bmp",
        "psd" => "psd",
        "avi" | "mkv" | "mov" | "mp4" | "mts" => "video",
        _ => return None,
    })
}

fn drawn() -> Vec<Seed> {
    let picture = samples::busy(40, 30);
    let profile = ColorProfile::new_display_p3().encode().unwrap();
    let exif = samples::exif(&[::exif::Field {
        tag: ::exif::Tag::Model,
        ifd_num: ::exif::In::PRIMARY,
        value: ::exif::Value::Ascii(vec![b"Camera".to_vec()]),
    }]);
    let alpha = DynamicImage::from(picture.clone()).to_rgba8();
    let gray = imageops::grayscale(&picture);
    let whole = Jpeg { exif: Some(&exif), icc: Some(&profile), ..Jpeg::default() };
    let progressive = Jpeg { progressive: true, ..Jpeg::default() };
    let large = samples::jpeg(&samples::quarters(720, 480));
    let files: [(&str, &str, Vec<u8>); 22] = [
        ("jpeg", "metadata.jpg", whole.rgb(&picture)),
        ("jpeg", "progressive.jpg", progressive.rgb(&picture)),
        ("jpeg", "gray.jpg", progressive.write(ColorSpace::JCS_GRAYSCALE, 40, 30, gray.as_raw())),
        ("jpeg", "cmyk.jpg", Jpeg::default().write(ColorSpace::JCS_CMYK, 40, 30, alpha.as_raw())),
        ("png", "rgb.png", encoded(picture.clone(), ImageFormat::Png)),
        ("png", "alpha.png", encoded(alpha.clone(), ImageFormat::Png)),
        ("png", "sixteen.png", encoded(DynamicImage::from(picture.clone()).to_rgb16(), ImageFormat::Png)),
        ("tiff", "rgb.tif", encoded(picture.clone(), ImageFormat::Tiff)),
        ("tiff", "float.tif", encoded(DynamicImage::from(picture.clone()).to_rgb32f(), ImageFormat::Tiff)),
        ("webp", "rgb.webp", encoded(picture.clone(), ImageFormat::WebP)),
        ("webp", "alpha.webp", encoded(alpha.clone(), ImageFormat::WebP)),
        ("gif", "alpha.gif", encoded(alpha, ImageFormat::Gif)),
        ("heif", "turned.heic", samples::heic(400, 300, 1)),
        ("raw", "preview.nef", [&exif[..], &large].concat()),
        ("raw", "preview.raf", [&b"FUJIFILMCCD-RAW 0201"[..], &[0; 80], &large].concat()),
        ("raw", "preview.rw2", [&b"IIU\0"[..], &exif[4..], &large].concat()),
        ("raw", "preview.cr3", {
            let canon = samples::base_media_box(*b"CMT1", &exif);
            let uuid = samples::base_media_box(*b"uuid", &[&[9; 16][..], &canon].concat());
            let start = samples::base_media_box(*b"ftyp", b"crx \0\0\0\x01crx isom");
            [start, samples::base_media_box(*b"moov", &uuid), large.clone()].concat()
        }),
        ("profile", "display_p3.icc", profile),
        ("profile", "srgb.icc", ColorProfile::new_srgb().encode().unwrap()),
        ("profile", "gray.icc", ColorProfile::new_gray_with_gamma(2.2).encode().unwrap()),
        ("profile", "bt2020_pq.icc", ColorProfile::new_bt2020_pq().encode().unwrap()),
        ("profile", "prophoto.icc", ColorProfile::new_pro_photo_rgb().encode().unwrap()),
    ];
    files.into_iter().map(|(target, name, bytes)| Seed { target, name: name.to_owned(), bytes }).collect()
}
