//! Metadata that is crafted to cost time or memory.

use std::time::{Duration, Instant};

use image::ImageFormat;
use proptest::prelude::*;

use super::blocks::{ASCII, LONG, Place, deflated, exif, heic_with_item, segment, with_chunk, with_segments, xmp};
use crate::{
    content_type::{FORMATS, row},
    metadata,
    tests::samples,
};

/// The limit for a debug build.
const SOON: Duration = Duration::from_secs(10);

#[track_caller]
fn assert_soon(work: impl FnOnce()) {
    let started = Instant::now();
    work();
    let elapsed = started.elapsed();
    assert!(elapsed < SOON, "{elapsed:?}");
}

#[test]
fn two_hundred_megabytes_of_segments_take_linear_time() {
    let jpeg = samples::jpeg(&samples::quarters(16, 16));
    let block = exif(&[(0x010F, ASCII, b"Maker\0")], &[], LONG);
    let mut full = vec![0; 65_000];
    full[..block.len()].copy_from_slice(&block);
    for prefix in [&b"Exif\0\0"[..], b"http://ns.adobe.com/xap/1.0/\0", b"http://ns.adobe.com/xmp/extension/\0", b"x"] {
        let one = segment(0xE1, &[prefix, &full]);
        let many = with_segments(&jpeg, &vec![one; 3100]);
        assert_soon(|| {
            metadata::read(row("image/jpeg").metadata, &many);
        });
    }
    let resources = segment(0xED, &[b"Photoshop 3.0\0", &full]);
    let many = with_segments(&jpeg, &vec![resources; 3100]);
    assert_soon(|| {
        metadata::read(row("image/jpeg").metadata, &many);
    });
}

#[test]
fn texts_of_png_inflate_within_a_budget() {
    let png = samples::encoded(samples::quarters(16, 16), ImageFormat::Png);
    let zeros = deflated(&vec![b'0'; 64 << 20]);
    let mut file = png;
    for keyword in ["XML:com.adobe.xmp", "Raw profile type exif"] {
        for _ in 0..20 {
            let chunk = [keyword.as_bytes(), b"\0\x01\0\0\0", &zeros].concat();
            file = with_chunk(&file, *b"iTXt", &chunk);
        }
    }
    assert_soon(|| {
        metadata::read(row("image/png").metadata, &file);
    });
}

#[test]
fn huge_directory_counts_end_with_the_file() {
    let mut block = b"II\x2A\0\x08\0\0\0\xFF\xFF".to_vec();
    // Each entry refers to the EXIF directory at its own start, with the largest count.
    block.extend(b"\x69\x87\x04\0\xFF\xFF\xFF\x3F\x08\0\0\0".repeat(65_535));
    block.extend(b"\x08\0\0\0");
    assert_soon(|| {
        metadata::read(row("image/tiff").metadata, &block);
    });
    let mut big = b"II\x2B\0\x08\0\0\0\x10\0\0\0\0\0\0\0".to_vec();
    big.extend([0xFF; 8]);
    big.extend([0x0F; 4000]);
    metadata::read(row("image/tiff").metadata, &big);
}

#[test]
fn repeated_extents_of_heic_are_bounded() {
    // 4,000 extents, each of which is the whole of a large source.
    let packet = vec![b' '; 4 << 20];
    let mut file = heic_with_item(*b"mime", &packet, Place::File { extents: 4000 });
    let places = file.windows(4).position(|bytes| bytes == b"iloc").unwrap() + 4;
    for extent in 0..4000 {
        let at = places + 20 + extent * 8;
        file[at..at + 4].fill(0);
        file[at + 4..at + 8].copy_from_slice(&(3_u32 << 20).to_be_bytes());
    }
    assert_soon(|| {
        metadata::read(row("image/heic").metadata, &file);
    });
}

#[test]
fn packet_of_markup_takes_linear_time() {
    let inside = "<dc:title><rdf:Alt>".repeat(400_000);
    let jpeg = exif(&[(0x02BC, 1, &xmp(&inside))], &[], LONG);
    assert_soon(|| {
        metadata::read(row("image/tiff").metadata, &jpeg);
    });
}

proptest! {
    #[test]
    fn any_bytes_in_any_format_do_not_panic(
        format in prop::sample::select(FORMATS.iter().collect::<Vec<_>>()),
        bytes in prop::collection::vec(any::<u8>(), 0..300),
    ) {
        metadata::read(format.metadata, &bytes);
    }

    #[test]
    fn damaged_files_are_read_without_panic(
        at in any::<prop::sample::Index>(), byte in any::<u8>(), cut in any::<prop::sample::Index>(),
    ) {
        let item = [b"\0\0\0\x06Exif\0\0", &exif(&[(0x010F, ASCII, b"Maker\0")], &[], LONG)[..]].concat();
        let mut heic = heic_with_item(*b"Exif", &item, Place::File { extents: 2 });
        let at = at.index(heic.len());
        heic[at] = byte;
        let cut = cut.index(heic.len());
        metadata::read(row("image/heic").metadata, &heic);
        metadata::read(row("image/heic").metadata, &heic[..cut]);
    }
}
