//! Tests of complete originals: sizes, orientation, formats.

use ::exif::{Field, In, Tag, Value};
use image::{DynamicImage, ImageFormat, RgbImage};
use sha2::{Digest, Sha256};

use super::{
    assert_near, develop_as, made, pixels,
    samples::{self, BLUE, GREEN, Jpeg, RED, YELLOW},
};
use crate::{Derivatives, Limits, develop};

const LOSSLESS: [(ImageFormat, &str); 3] =
    [(ImageFormat::Png, "image/png"), (ImageFormat::WebP, "image/webp"), (ImageFormat::Tiff, "image/tiff")];

fn corners(picture: &RgbImage) -> [[u8; 3]; 4] {
    let (right, bottom) = (picture.width() - 4, picture.height() - 4);
    [(3, 3), (right, 3), (3, bottom), (right, bottom)].map(|(x, y)| picture.get_pixel(x, y).0)
}

#[track_caller]
fn assert_corners(picture: &RgbImage, expected: [[u8; 3]; 4]) {
    for (actual, expected) in corners(picture).into_iter().zip(expected) {
        assert_near(actual, expected, 14);
    }
}

#[test]
fn every_orientation_is_developed_upright() {
    // The visible corners, left to right, top to bottom, of red, green, blue, yellow as stored.
    let seen = [
        [RED, GREEN, BLUE, YELLOW],
        [GREEN, RED, YELLOW, BLUE],
        [YELLOW, BLUE, GREEN, RED],
        [BLUE, YELLOW, RED, GREEN],
        [RED, BLUE, GREEN, YELLOW],
        [BLUE, RED, YELLOW, GREEN],
        [YELLOW, GREEN, BLUE, RED],
        [GREEN, YELLOW, RED, BLUE],
    ];
    for (orientation, expected) in (1_u8..).zip(seen) {
        let value = Value::Short(vec![u16::from(orientation)]);
        let exif = samples::exif(&[Field { tag: Tag::Orientation, ifd_num: In::PRIMARY, value }]);
        let original = Jpeg { exif: Some(&exif), ..Jpeg::default() }.rgb(&samples::quarters(640, 320));
        let developed = develop_as(&original, "a.jpg").unwrap();
        assert_eq!(developed.orientation, orientation);
        let upright = if orientation < 5 { (640, 320) } else { (320, 640) };
        assert_eq!(developed.dimensions, Some(upright));
        let (preview, thumb, _) = made(&developed);
        assert_eq!((preview.width, preview.height), upright);
        assert_eq!(thumb.width.max(thumb.height), 400);
        assert_corners(&pixels(preview), expected);
        assert_corners(&pixels(thumb), expected);
    }
}

#[test]
fn large_originals_shrink_and_small_ones_do_not() {
    for ((width, height), preview_size, thumb_size) in [
        ((5001, 3335), (2048, 1366), (400, 267)),
        ((2049, 40), (2048, 40), (400, 8)),
        ((300, 200), (300, 200), (300, 200)),
        ((1, 1), (1, 1), (1, 1)),
        ((3000, 1), (2048, 1), (400, 1)),
    ] {
        let picture = samples::quarters(width, height);
        for (original, name) in
            [(samples::jpeg(&picture), "jpeg"), (samples::encoded(picture, ImageFormat::Png), "png")]
        {
            let developed = develop_as(&original, "a").unwrap();
            assert_eq!(developed.dimensions, Some((width, height)), "{name}");
            let (preview, thumb, thumbhash) = made(&developed);
            assert_eq!((preview.width, preview.height), preview_size, "{name}");
            assert_eq!((thumb.width, thumb.height), thumb_size, "{name}");
            assert!((5..=40).contains(&thumbhash.len()), "{name}");
        }
    }
}

#[test]
fn large_png_shrinks_without_shifting() {
    let original = samples::encoded(samples::quarters(9001, 4501), ImageFormat::Png);
    let developed = develop_as(&original, "a.png").unwrap();
    let (preview, ..) = made(&developed);
    assert_eq!((preview.width, preview.height), (2048, 1024));
    let preview = pixels(preview);
    assert_corners(&preview, [RED, GREEN, BLUE, YELLOW]);
    assert_near(preview.get_pixel(1024 - 12, 500).0, RED, 14);
    assert_near(preview.get_pixel(1024 + 12, 500).0, GREEN, 14);
}

#[test]
fn each_format_is_recognised_and_developed() {
    let picture = samples::quarters(500, 300);
    for (format, content_type) in LOSSLESS {
        let original = samples::encoded(picture.clone(), format);
        let developed = develop(&original, "a", &Limits::default()).unwrap();
        assert_eq!(developed.content_type, content_type);
        assert_corners(&pixels(made(&developed).0), [RED, GREEN, BLUE, YELLOW]);
    }
    let gif = samples::encoded(DynamicImage::from(picture.clone()).to_rgba8(), ImageFormat::Gif);
    let developed = develop_as(&gif, "a.gif").unwrap();
    assert_eq!(developed.content_type, "image/gif");
    assert_corners(&pixels(made(&developed).0), [RED, GREEN, BLUE, YELLOW]);

    let progressive = Jpeg { progressive: true, ..Jpeg::default() }.rgb(&picture);
    assert_corners(&pixels(made(&develop_as(&progressive, "a").unwrap()).0), [RED, GREEN, BLUE, YELLOW]);
}

#[test]
fn hashes_are_of_original_and_preview() {
    let original = samples::jpeg(&samples::busy(200, 100));
    let developed = develop_as(&original, "a.jpg").unwrap();
    assert_eq!(developed.sha256, <[u8; 32]>::from(Sha256::digest(&original)));
    assert_eq!(developed.crc32, crc32fast::hash(&original));
    let (preview, ..) = made(&developed);
    assert_eq!(preview.crc32, crc32fast::hash(&preview.bytes));
    assert_eq!(developed, develop_as(&original, "a.jpg").unwrap(), "the same original makes the same pictures");
}

#[test]
fn heic_is_kept_and_measured() {
    let developed = develop_as(&samples::heic(4032, 3024, 3), "IMG_1.HEIC").unwrap();
    assert_eq!(developed.content_type, "image/heic");
    assert_eq!(developed.dimensions, Some((3024, 4032)));
    assert_eq!(developed.derivatives, Derivatives::UnsupportedFormat);
}

#[test]
fn raw_is_kept_with_its_metadata() {
    let fields = [
        (Tag::Make, Value::Ascii(vec![b"NIKON CORPORATION".to_vec()])),
        (Tag::Orientation, Value::Short(vec![8])),
        (Tag::PixelXDimension, Value::Long(vec![6048])),
        (Tag::PixelYDimension, Value::Long(vec![4024])),
    ]
    .map(|(tag, value)| Field { tag, ifd_num: In::PRIMARY, value });
    let developed = develop(&samples::exif(&fields), "DSC_1.NEF", &Limits::default()).unwrap();
    assert_eq!(developed.content_type, "image/x-nikon-nef");
    assert_eq!(developed.exif.make.as_deref(), Some("NIKON CORPORATION"));
    assert_eq!(developed.dimensions, Some((4024, 6048)));
    assert_eq!(developed.derivatives, Derivatives::UnsupportedFormat);
}

#[test]
fn raw_is_shown_by_its_largest_jpeg_upright() {
    let fields = [
        (Tag::Make, Value::Ascii(vec![b"NIKON CORPORATION".to_vec()])),
        (Tag::Orientation, Value::Short(vec![6])),
        (Tag::PixelXDimension, Value::Long(vec![6048])),
        (Tag::PixelYDimension, Value::Long(vec![4024])),
    ]
    .map(|(tag, value)| Field { tag, ifd_num: In::PRIMARY, value });
    let thumbnail = samples::jpeg(&samples::busy(160, 120));
    let (medium, large) = (samples::jpeg(&samples::busy(700, 400)), samples::jpeg(&samples::quarters(1200, 800)));
    let sensor: Vec<u8> = (0..100_000_u32).map(|n| u8::try_from(n * 7919 % 256).unwrap()).collect();
    let raw = [&samples::exif(&fields)[..], &thumbnail, &medium, b"\xFF\xD8\xFF", &sensor, &large, &sensor].concat();
    let developed = develop(&raw, "DSC_1.NEF", &Limits::default()).unwrap();
    assert_eq!((developed.dimensions, developed.orientation), (Some((4024, 6048)), 6));
    let (preview, ..) = made(&developed);
    assert_eq!((preview.width, preview.height), (800, 1200));
    assert_corners(&pixels(preview), [BLUE, RED, YELLOW, GREEN]);
    // A JPEG that is cut off, and no other that is large enough.
    let raw = [&samples::exif(&fields)[..], &thumbnail, &sensor, &large[..large.len() / 2]].concat();
    let developed = develop(&raw, "DSC_1.NEF", &Limits::default()).unwrap();
    assert_eq!(developed.derivatives, Derivatives::UnsupportedFormat);
}

#[test]
fn exif_in_boxes_of_cr3_is_read() {
    let main = samples::exif(&[Field {
        tag: Tag::Model,
        ifd_num: In::PRIMARY,
        value: Value::Ascii(vec![b"Canon EOS R5".to_vec()]),
    }]);
    // Exposure time, type rational, 1/250, as the only entry of a first directory.
    let exif = b"MM\0\x2A\0\0\0\x08\0\x01\x82\x9A\0\x05\0\0\0\x01\0\0\0\x1A\0\0\0\0\0\0\0\x01\0\0\0\xFA";
    let boxes = [samples::base_media_box(*b"CMT1", &main), samples::base_media_box(*b"CMT2", exif)].concat();
    let uuid = samples::base_media_box(*b"uuid", &[&[9; 16][..], &boxes].concat());
    let original =
        [samples::base_media_box(*b"ftyp", b"crx \0\0\0\x01crx isom"), samples::base_media_box(*b"moov", &uuid)]
            .concat();
    let developed = develop_as(&original, "a.cr3").unwrap();
    assert_eq!(developed.content_type, "image/x-canon-cr3");
    assert_eq!(developed.exif.model.as_deref(), Some("Canon EOS R5"));
    assert_eq!(developed.exif.exposure_seconds, Some(0.004));
}
