//! Files that are built to cost time or memory. Each is refused with a sentence or becomes the right picture, within
//! seconds, and within a share of the function's 1,769 MB that is stated beside it.
//!
//! One test, because the peak of memory is the process's.
#![cfg(target_os = "linux")]

#[expect(clippy::unwrap_used, reason = "what is drawn here is right")]
mod files;

use std::{
    fmt::Write as _,
    time::{Duration, Instant},
};

use develop::{Derivatives, Error, Limits, develop};
use image::ImageFormat;

use self::files::{
    animated_webp, arithmetic_jpeg, bomb, encoded, gif, gif_of_frames, gif_of_large_frame, heic_of_auxiliaries,
    heic_of_items, jpeg, jpeg_in_three_scans, jpeg_of_no_blocks, jpeg_of_profile_parts, jpeg_of_scans,
    jpeg_of_segments, jxl_of_boxes, jxl_of_layers, jxl_of_patches, png_with, raw_of_tiles, tiff_of_changes,
    tiff_of_one_tile, tiff_of_overlapping_strips, tiff_of_pixels, tiff_of_progressive_jpeg, tiff_of_tables,
    tiff_of_tall_jpegs, tiff_of_zstandard, webp_of, webp_of_code_groups, webp_of_transforms,
};

/// Far more than any takes: this machine may be busy with other tests.
const SOON: Duration = Duration::from_secs(60);

#[derive(Clone, Copy)]
enum Outcome {
    /// A preview of this size.
    Made(u32, u32),
    Unsupported,
    Refused(&'static str),
    /// A damaged or truncated file, or one of an unknown coding: decoders differ in where they notice.
    NotMade,
}

use Outcome::{Made, NotMade, Refused, Unsupported};

/// Files, what becomes of them, and MB beside the file.
type Case = (&'static str, fn() -> Vec<u8>, Outcome, u64);

const CASES: [Case; 41] = [
    // JPEG.
    ("units without blocks", jpeg_of_no_blocks, Refused("damaged"), 20),
    ("250 megapixels in a scan for each component", jpeg_in_three_scans, Refused("too_many_pixels"), 20),
    ("arithmetic coding", arithmetic_jpeg, Unsupported, 20),
    ("four million parts of a profile", jpeg_of_profile_parts, Made(64, 64), 40),
    ("200 MB of APP segments", jpeg_of_segments, Made(64, 64), 60),
    ("a thousand scans", jpeg_of_scans, Refused("damaged"), 20),
    ("1 x 60,000", || jpeg(1, 60_000), Made(1, 2048), 40),
    ("60,000 x 1", || jpeg(60_000, 1), Made(2048, 1), 40),
    // PNG.
    ("256 MB of profile", || png_with(*b"iCCP", &[b"p\0\0", &bomb(256 << 20)[..]].concat()), Made(64, 64), 80),
    (
        "256 MB of text",
        || png_with(*b"zTXt", &[b"Raw profile type exif\0\0", &bomb(256 << 20)[..]].concat()),
        Made(64, 64),
        80,
    ),
    (
        "256 MB of XMP",
        || png_with(*b"iTXt", &[b"XML:com.adobe.xmp\0\x01\0\0\0", &bomb(256 << 20)[..]].concat()),
        Made(64, 64),
        120,
    ),
    ("100 MB of EXIF", || png_with(*b"eXIf", &vec![b'I'; 100 << 20]), Made(64, 64), 240),
    ("1 x 60,000", || encoded(1, 60_000, ImageFormat::Png), Made(1, 2048), 40),
    ("60,000 x 1", || encoded(60_000, 1, ImageFormat::Png), Made(2048, 1), 40),
    (
        "a ZIP archive behind the picture",
        || [encoded(64, 64, ImageFormat::Png), b"PK\x03\x04".repeat(99)].concat(),
        Made(64, 64),
        20,
    ),
    // TIFF.
    ("16 million tiles of one pixel", tiff_of_pixels, Unsupported, 20),
    ("60,000 strips that are all the file", tiff_of_overlapping_strips, Refused("damaged"), 20),
    ("60,000 strips that share tables", tiff_of_tables, Refused("damaged"), 80),
    ("a progressive strip of 65,000 rows", tiff_of_progressive_jpeg, Refused("too_many_pixels"), 20),
    ("a tile that is the page", tiff_of_one_tile, Refused("too_many_pixels"), 20),
    ("strips whose JPEGs are 640 times as high", tiff_of_tall_jpegs, Unsupported, 20),
    ("RAW of 64 million tiles", raw_of_tiles, Unsupported, 20),
    ("a window of 2 TB", tiff_of_zstandard, Refused("too_many_pixels"), 20),
    ("changes that go backwards", tiff_of_changes, Refused("damaged"), 20),
    ("1 x 60,000", || encoded(1, 60_000, ImageFormat::Tiff), Made(1, 2048), 40),
    ("60,000 x 1", || encoded(60_000, 1, ImageFormat::Tiff), Made(2048, 1), 40),
    // GIF.
    ("a frame larger than its canvas", gif_of_large_frame, Refused("too_many_pixels"), 20),
    ("250 megapixels of canvas", || gif(15_800, 15_800), Refused("too_many_pixels"), 20),
    ("100,000 frames", gif_of_frames, Made(64, 64), 40),
    // WebP.
    ("260 megapixels, lossless", || webp_of(16_000, 15_600), Refused("too_many_pixels"), 20),
    ("an animation of 144 megapixels", animated_webp, Refused("too_many_pixels"), 20),
    ("8,000 transforms", webp_of_transforms, Refused("too_many_pixels"), 20),
    ("65,536 groups of codes", webp_of_code_groups, Refused("damaged"), 20),
    ("16,000 x 1", || encoded(16_000, 1, ImageFormat::WebP), Made(2048, 1), 40),
    // HEIF.
    ("three million items and references", heic_of_items, NotMade, 20),
    ("60,000 auxiliary items of a kind of 4 MB", heic_of_auxiliaries, NotMade, 60),
    // JPEG XL.
    ("layers of 450 megapixels", || jxl_of_layers(15_000, 2), Unsupported, 20),
    ("a frame with patches", jxl_of_patches, Unsupported, 20),
    ("20,000 boxes of 17 MB", jxl_of_boxes, Made(480, 320), 80),
    ("a frame larger than its canvas", || jxl_of_layers(30_000, 1), Refused("too_many_pixels"), 20),
    (
        "a document that begins with a picture's name",
        || [b"%PDF-1.7 ", &jpeg(64, 64)[..]].concat(),
        Refused("not_a_photo"),
        20,
    ),
];

#[test]
fn hostile_files_cost_neither_time_nor_memory() {
    let mut wrong = String::new();
    for (name, file, outcome, megabytes) in CASES {
        let file = file();
        let before = megabytes_now("VmRSS");
        // Sets the peak back to the present size (proc(5)).
        std::fs::write("/proc/self/clear_refs", "5").expect("a process may");
        let started = Instant::now();
        let found = develop(&file, "a", &Limits::default());
        let (took, used) = (started.elapsed(), megabytes_now("VmHWM").saturating_sub(before));
        let as_expected = match (&found, outcome) {
            (Ok(developed), Made(width, height)) => matches!(&developed.derivatives,
                Derivatives::Made { preview, .. } if (preview.width, preview.height) == (width, height)),
            (Ok(developed), Unsupported | NotMade) => developed.derivatives == Derivatives::UnsupportedFormat,
            (Err(error), Refused(code)) => error.code() == code,
            (Err(error), NotMade) => matches!(error, Error::Damaged | Error::Truncated),
            _ => false,
        };
        let found = found.map(|developed| developed.dimensions);
        // Shown where the test fails, and by `--nocapture`.
        eprintln!("{name}: {used} of {megabytes} MB, {took:.1?}, {found:?}");
        if !as_expected || took > SOON || used > megabytes {
            let _ = writeln!(wrong, "{name}: {used} of {megabytes} MB, {took:.1?}, {found:?}");
        }
    }
    assert!(wrong.is_empty(), "\n{wrong}");
}

fn megabytes_now(field: &str) -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").expect("Linux has it");
    let line = status.lines().find(|line| line.starts_with(field)).expect("it is there");
    line.split_whitespace().nth(1).and_then(|kilobytes| kilobytes.parse::<u64>().ok()).expect("a number") >> 10
}
