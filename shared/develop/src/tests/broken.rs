//! Files that are cut, damaged, too large, misnamed, or not photos; and arbitrary bytes.

use std::time::{Duration, Instant};

use image::{DynamicImage, ImageFormat};
use proptest::prelude::*;

use super::{
    develop_as, made,
    samples::{self, Jpeg},
};
use crate::{Error, Limits, develop};

/// Returns one file of each kind that is decoded.
fn all_kinds() -> Vec<(&'static str, Vec<u8>)> {
    let picture = samples::busy(900, 700);
    let encoded = |format| samples::encoded(picture.clone(), format);
    vec![
        ("baseline", samples::jpeg(&picture)),
        ("progressive", Jpeg { progressive: true, ..Jpeg::default() }.rgb(&picture)),
        ("png", encoded(ImageFormat::Png)),
        ("webp", encoded(ImageFormat::WebP)),
        ("tiff", encoded(ImageFormat::Tiff)),
        ("gif", samples::encoded(DynamicImage::from(samples::busy(200, 150)).to_rgba8(), ImageFormat::Gif)),
    ]
}

#[test]
fn cut_file_is_refused() {
    for (kind, whole) in all_kinds() {
        develop_as(&whole, "a").unwrap();
        for percent in [1, 10, 50, 90, 99] {
            let cut = &whole[..whole.len() * percent / 100];
            let code = develop_as(cut, "a").map(|_| ()).unwrap_err().code();
            assert!(matches!(code, "truncated" | "damaged"), "{kind} at {percent} %: {code}");
        }
    }
}

#[test]
fn gif_without_trailer_has_its_picture() {
    let whole = all_kinds().into_iter().find(|(name, _)| *name == "gif").unwrap().1;
    let cut = develop_as(&whole[..whole.len() - 1], "a").unwrap();
    assert_eq!(cut.derivatives, develop_as(&whole, "a").unwrap().derivatives);
}

#[test]
fn cut_jpeg_with_end_marker_is_refused() {
    for (kind, whole) in all_kinds().into_iter().take(2) {
        for percent in [50, 90, 99] {
            let mut cut = whole[..whole.len() * percent / 100].to_vec();
            cut.extend([0xFF, 0xD9]);
            assert!(develop_as(&cut, "a").is_err(), "{kind} at {percent} %");
        }
    }
}

#[test]
fn damaged_picture_data_is_refused() {
    for (kind, whole) in all_kinds().into_iter().take(2) {
        for percent in [30, 60, 95] {
            let mut damaged = whole.clone();
            let at = whole.len() * percent / 100;
            for (byte, value) in damaged[at..at + 500].iter_mut().zip((0..=250).rev().cycle()) {
                *byte = value;
            }
            let error = develop_as(&damaged, "a").map(|_| ()).unwrap_err();
            assert_eq!(error, Error::Damaged, "{kind} at {percent} %");
        }
    }
}

#[test]
fn bytes_after_end_of_jpeg_are_ignored() {
    let whole = samples::jpeg(&samples::busy(900, 700));
    let expected = develop_as(&whole, "a").unwrap().derivatives;
    let second = samples::jpeg(&samples::quarters(64, 64));
    for trailer in [&second[..], b"SEFH\x6B\0\0\0SEFT", &[0; 4096], &second[..second.len() / 2]] {
        assert_eq!(develop_as(&[&whole, trailer].concat(), "a").unwrap().derivatives, expected);
    }
}

#[test]
fn zeros_before_end_of_jpeg_are_ignored() {
    let whole = samples::jpeg(&samples::busy(900, 700));
    let (body, end) = whole.split_at(whole.len() - 2);
    let padded = [body, &[0; 300], end].concat();
    assert_eq!(develop_as(&padded, "a").unwrap().derivatives, develop_as(&whole, "a").unwrap().derivatives);
}

/// Cameras and tools leave bytes behind a picture, or omit its end marker.
#[test]
fn surplus_bytes_and_missing_end_marker_are_harmless() {
    let progressive = Jpeg { progressive: true, ..Jpeg::default() };
    for (kind, whole) in [
        ("baseline", samples::jpeg(&samples::busy(900, 700))),
        ("progressive", progressive.rgb(&samples::busy(900, 700))),
    ] {
        let expected = develop_as(&whole, "a").unwrap().derivatives;
        let (body, end) = whole.split_at(whole.len() - 2);
        assert_eq!(develop_as(body, "a").unwrap().derivatives, expected, "{kind}");
        if kind == "progressive" {
            assert_eq!(develop_as(&body[..body.len() - 20], "a"), Err(Error::Truncated));
            continue;
        }
        let noise: Vec<u8> = (0..300_u32).map(|n| u8::try_from(n * 37 % 251).unwrap()).collect();
        for left in [&[7; 300][..], &noise, b"\xFF\xFF", b"\0"] {
            assert_eq!(develop_as(&[body, left, end].concat(), "a").unwrap().derivatives, expected, "{left:?}");
        }
        let trailer = [body, &b"\0\0\x01\x0A\x0E\0\0\0Image_UTC_Data1634567890123SEFH\xFF\xE1k\0SEFT"[..]].concat();
        assert_eq!(develop_as(&trailer, "a").unwrap().derivatives, expected);
        for cut in [3, 50, 5_000] {
            assert_eq!(develop_as(&body[..body.len() - cut], "a"), Err(Error::Truncated), "{cut} bytes less");
        }
    }
}

/// A damaged picture that lost its place ends before its data, and the rest decodes to whole units.
#[test]
fn surplus_units_of_a_jpeg_are_refused() {
    let (tall, low) = (samples::jpeg(&samples::busy(320, 240)), samples::jpeg(&samples::busy(320, 224)));
    let frame = |jpeg: &[u8]| jpeg.windows(2).position(|bytes| bytes == [0xFF, 0xC0]).unwrap() + 5;
    let mut shortened = tall.clone();
    let at = frame(&tall);
    shortened[at..at + 2].copy_from_slice(&low[frame(&low)..frame(&low) + 2]);
    assert_eq!(develop_as(&shortened, "a"), Err(Error::Damaged));
}

/// Bits of the picture's data are flipped one at a time. Most flips make another valid picture, which no decoder can
/// detect. libjpeg detects a quarter, and tolerance of other faults must not hide these.
#[test]
fn quarter_of_flipped_bits_is_refused() {
    let whole = samples::jpeg(&samples::busy(320, 240));
    let from = whole.windows(2).position(|bytes| bytes == [0xFF, 0xDA]).unwrap() + 14;
    let (mut found, mut tried) = (0, 0);
    for at in (from..whole.len() - 2).step_by(97) {
        let mut turned = whole.clone();
        turned[at] ^= 1 << (at % 8);
        tried += 1;
        found += usize::from(develop_as(&turned, "a").is_err());
    }
    assert!(tried > 100 && found * 100 > tried * 25, "{found} of {tried}");
}

#[test]
fn huge_dimensions_are_refused_before_decoding() {
    // Sizes are patched into headers of small files: nothing else must agree, because nothing else may be read.
    let mut jpeg = samples::jpeg(&samples::quarters(64, 64));
    let frame = jpeg.windows(2).position(|bytes| bytes == [0xFF, 0xC0]).unwrap();
    jpeg[frame + 5..frame + 9].copy_from_slice(&[0xFF, 0xDC, 0xFF, 0xDC]);

    let mut png = samples::encoded(samples::quarters(64, 64), ImageFormat::Png);
    png[16..24].copy_from_slice(&[0, 0, 0xFF, 0xDC, 0, 0, 0xFF, 0xDC]);
    let checksum = crc32fast::hash(&png[12..29]).to_be_bytes();
    png[29..33].copy_from_slice(&checksum);

    let mut gif = samples::encoded(DynamicImage::from(samples::quarters(64, 64)).to_rgba8(), ImageFormat::Gif);
    gif[6..10].copy_from_slice(&[0xFF; 4]);

    // Width, height, and rows in the only strip.
    let mut tiff = samples::encoded(samples::quarters(64, 64), ImageFormat::Tiff);
    let directory = u32::from_le_bytes(tiff[4..8].try_into().unwrap()) as usize;
    for entry in 0..usize::from(tiff[directory]) {
        let at = directory + 2 + entry * 12;
        if matches!(u16::from_le_bytes([tiff[at], tiff[at + 1]]), 256 | 257 | 278) {
            tiff[at + 2..at + 4].copy_from_slice(&[4, 0]);
            tiff[at + 8..at + 12].copy_from_slice(&65_500_u32.to_le_bytes());
        }
    }

    // VP8L: 14 bits each of width and height, minus one. 16,383 each, because the decoder reads 16,384 as 0.
    let mut webp = samples::encoded(samples::quarters(64, 64), ImageFormat::WebP);
    let header = webp.windows(4).position(|bytes| bytes == b"VP8L").unwrap();
    webp[header + 9..header + 13].copy_from_slice(&0x0FFF_BFFE_u32.to_le_bytes());

    for (kind, bomb) in [("jpeg", jpeg), ("png", png), ("gif", gif), ("tiff", tiff), ("webp", webp)] {
        let start = Instant::now();
        let code = develop_as(&bomb, "a").map(|_| ()).unwrap_err().code();
        assert_eq!(code, "too_many_pixels", "{kind}");
        assert!(start.elapsed() < Duration::from_millis(200), "{kind} took {:?}", start.elapsed());
    }
}

#[test]
fn limits_of_the_caller_are_enforced() {
    let original = samples::jpeg(&samples::quarters(200, 100));
    let code = |limits| develop(&original, "a", &limits).map(|_| ()).unwrap_err().code();
    assert_eq!(code(Limits { max_bytes: 100, ..Limits::default() }), "too_large");
    assert_eq!(code(Limits { max_pixels: 19_999, ..Limits::default() }), "too_many_pixels");
    assert_eq!(code(Limits { max_side: 199, ..Limits::default() }), "too_many_pixels");
    assert!(develop(&original, "a", &Limits { max_pixels: 20_000, ..Limits::default() }).is_ok());
}

#[test]
fn wrong_file_name_does_not_change_content_type() {
    let png = samples::encoded(samples::quarters(64, 64), ImageFormat::Png);
    for name in ["a.jpg", "a.heic", "a.cr2", "a"] {
        assert_eq!(develop_as(&png, name).unwrap().content_type, "image/png", "{name}");
    }
}

#[test]
fn errors_are_one_sentence() {
    for bytes in [&b""[..], b"<html>", b"\xFF\xD8\xFF", &samples::jpeg(&samples::quarters(9, 9))[..99]] {
        let text = develop_as(bytes, "a").unwrap_err().to_string();
        assert!(text.ends_with('.') && text.matches(". ").count() == 0, "{text}");
    }
}

#[test]
fn jpeg_with_thousands_of_scans_is_refused() {
    let whole = Jpeg { progressive: true, ..Jpeg::default() }.rgb(&samples::quarters(64, 64));
    let last = whole.windows(2).rposition(|bytes| bytes == [0xFF, 0xDA]).unwrap();
    let mut endless = whole[..last].to_vec();
    for _ in 0..5000 {
        endless.extend_from_slice(&whole[last..whole.len() - 2]);
    }
    endless.extend([0xFF, 0xD9]);
    assert_eq!(develop_as(&endless, "a"), Err(Error::Damaged));
}

fn small_originals() -> Vec<Vec<u8>> {
    let picture = samples::busy(40, 30);
    let exif = samples::exif(&[exif::Field {
        tag: exif::Tag::Model,
        ifd_num: exif::In::PRIMARY,
        value: exif::Value::Ascii(vec![b"Camera".to_vec()]),
    }]);
    let mut originals = vec![
        Jpeg { exif: Some(&exif), ..Jpeg::default() }.rgb(&picture),
        Jpeg { progressive: true, icc: Some(&super::colours::display_p3()), ..Jpeg::default() }.rgb(&picture),
        samples::encoded(DynamicImage::from(picture.clone()).to_rgba8(), ImageFormat::Gif),
        samples::heic(400, 300, 1),
        exif,
    ];
    originals.extend(HEIFS.map(<[u8]>::to_vec));
    originals.extend(
        [ImageFormat::Png, ImageFormat::WebP, ImageFormat::Tiff]
            .map(|format| samples::encoded(picture.clone(), format)),
    );
    originals
}

/// Grids with crop, rotation and mirroring; alpha; 10 bits.
const HEIFS: [&[u8]; 5] = [
    include_bytes!("../../cases/heic_grid.heic"),
    include_bytes!("../../cases/heic_alpha.heic"),
    include_bytes!("../../cases/heic_ten_bits.heic"),
    include_bytes!("../../cases/avif_grid.avif"),
    include_bytes!("../../cases/avif_alpha.avif"),
];

const SIGNATURES: [&[u8]; 8] = [
    b"\xFF\xD8\xFF\xE1",
    b"\x89PNG\r\n\x1A\n",
    b"II\x2A\0\x08\0\0\0",
    b"MM\0\x2A\0\0\0\x08",
    b"GIF89a",
    b"RIFF\xFF\0\0\0WEBPVP8 ",
    b"\0\0\0\x18ftypcrx ",
    b"FUJIFILMCCD-RAW ",
];

proptest! {
    #![proptest_config(ProptestConfig::with_cases(CASES))]

    #[test]
    fn any_bytes_develop_without_panic(
        signature in 0..SIGNATURES.len(),
        bytes in prop::collection::vec(any::<u8>(), 0..600),
        name in prop::sample::select(vec!["a.jpg", "a.nef", "a.orf", "", "."]),
    ) {
        let _ = develop_as(&bytes, name);
        let _ = develop_as(&[SIGNATURES[signature], &bytes].concat(), name);
    }

    #[test]
    fn changed_files_develop_without_panic(
        kind in 0_usize..13,
        changes in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 1..8),
        cut in any::<prop::sample::Index>(),
        keep in any::<bool>(),
    ) {
        let mut bytes = small_originals().swap_remove(kind);
        for (at, value) in changes {
            let at = at.index(bytes.len());
            bytes[at] = value;
        }
        if !keep {
            bytes.truncate(cut.index(bytes.len()));
        }
        if let Ok(developed) = develop_as(&bytes, "a.bin") {
            let numbers = [developed.exif.f_number, developed.exif.exposure_seconds, developed.exif.focal_length_mm];
            prop_assert!(numbers.into_iter().flatten().all(f64::is_finite));
            if developed.derivatives != crate::Derivatives::UnsupportedFormat {
                let (preview, thumb, _) = made(&developed);
                prop_assert!(preview.width <= 2048 && preview.height <= 2048 && thumb.width <= 400 && thumb.height <= 400);
            }
        }
    }
}

/// Single bytes of the tables and of the coded pictures change; a changed file must still decode quickly.
#[test]
fn any_byte_of_a_heif_may_be_wrong() {
    for whole in HEIFS {
        for at in (0..whole.len()).step_by(3) {
            let mut wrong = whole.to_vec();
            wrong[at] = if at % 2 == 0 { 0xFF } else { wrong[at] ^ 1 << (at % 8) };
            let _ = develop_as(&wrong, "a.heic");
        }
    }
}

#[test]
fn cut_heif_is_refused() {
    for whole in HEIFS {
        develop_as(whole, "a.heic").unwrap();
        for percent in [10, 50, 90, 99] {
            let cut = &whole[..whole.len() * percent / 100];
            assert!(develop_as(cut, "a.heic").is_err(), "{percent} %");
        }
        // The box is shortened as well.
        let mut shortened = whole[..whole.len() - 40].to_vec();
        let mdat = whole.windows(4).rposition(|bytes| bytes == b"mdat").unwrap();
        let size = u32::try_from(shortened.len() - mdat + 4).unwrap();
        shortened[mdat - 4..mdat].copy_from_slice(&size.to_be_bytes());
        assert_eq!(develop_as(&shortened, "a.heic").map(|_| ()), Err(Error::Truncated));
    }
}

#[test]
fn heif_sizes_are_checked_before_decoding() {
    for whole in HEIFS {
        let mut bomb = whole.to_vec();
        for at in 0..whole.len() - 8 {
            if &whole[at..at + 4] == b"ispe" {
                bomb[at + 8..at + 16].copy_from_slice(&[0, 0, 0xFF, 0xDC, 0, 0, 0xFF, 0xDC]);
            }
        }
        let start = Instant::now();
        let code = develop_as(&bomb, "a.heic").map(|_| ()).unwrap_err().code();
        assert!(matches!(code, "too_many_pixels" | "damaged"), "{code}");
        assert!(start.elapsed() < Duration::from_millis(200), "{:?}", start.elapsed());
    }
}

/// Test cases per property.
const CASES: u32 = 400;
