//! The same metadata in each format that files use.

use domain::photo::{Exif, TakenAt};
use image::ImageFormat;

use super::blocks::{
    ASCII, BYTE, Field, IFD, LONG, Place, SHORT, UNDEFINED, UTF8, dataset, deflated, exif, heic_with_item, raw_profile,
    resource, segment, with_chunk, with_riff_chunk, with_segments, xmp,
};
use crate::{
    Error,
    colour::DcfColour,
    content_type,
    metadata::{self, Metadata},
    tests::samples,
};

const APP1: u8 = 0xE1;
const APP13: u8 = 0xED;
const MAKE: u16 = 0x010F;
const ORIENTATION: u16 = 0x0112;
const DATE_TIME: u16 = 0x0132;
const DATE_TIME_ORIGINAL: u16 = 0x9003;
const DATE_TIME_DIGITIZED: u16 = 0x9004;
const OFFSET_TIME: u16 = 0x9010;
const OFFSET_TIME_ORIGINAL: u16 = 0x9011;
const OFFSET_TIME_DIGITIZED: u16 = 0x9012;
const SUB_SEC_TIME_DIGITIZED: u16 = 0x9292;

const TAKEN: Field = (DATE_TIME_ORIGINAL, ASCII, b"2024:06:15 14:30:05\0");

fn read(original: &[u8]) -> Metadata {
    let format = content_type::detect(original, "photo").unwrap();
    metadata::read(format.metadata, original)
}

fn jpeg(segments: &[Vec<u8>]) -> Metadata {
    read(&with_segments(&samples::jpeg(&samples::quarters(16, 16)), segments))
}

/// Returns the metadata of a JPEG with one EXIF block.
fn jpeg_with(main: &[Field], directory: &[Field]) -> Metadata {
    jpeg(&[segment(APP1, &[b"Exif\0\0", &exif(main, directory, LONG)])])
}

/// Returns a block with a make, an orientation of 6 and a date.
fn camera() -> Vec<u8> {
    exif(&[(MAKE, ASCII, b"Maker\0"), (ORIENTATION, SHORT, &[6, 0])], &[TAKEN], LONG)
}

#[track_caller]
fn assert_camera(metadata: &Metadata) {
    assert_eq!(metadata.exif.make.as_deref(), Some("Maker"));
    assert_eq!(metadata.orientation, Some(6));
    assert_eq!(taken_at(&metadata.exif), ("2024-06-15T14:30:05", None));
}

fn taken_at(exif: &Exif) -> (&str, Option<&str>) {
    let TakenAt { local, offset } = exif.taken_at.as_ref().expect("a time");
    (local, offset.as_deref())
}

#[test]
fn every_prefix_of_an_exif_segment_is_read() {
    for prefix in [&b"Exif\0\0"[..], b"Exif\0\xFF", b"Exif\0", b"Exif\0\0Exif\0\0", b"Exif\0\0\0\0\0\0"] {
        assert_camera(&jpeg(&[segment(APP1, &[prefix, &camera()])]));
    }
}

#[test]
fn later_blocks_are_read_after_empty_ones() {
    let empty = exif(&[], &[], LONG);
    for first in [&b"Exif\0\0"[..], &[b"Exif\0\0", &empty[..]].concat(), b"Exif\0\0garbage in place of a block"] {
        assert_camera(&jpeg(&[segment(APP1, &[first]), segment(APP1, &[b"Exif\0\0", &camera()])]));
    }
}

#[test]
fn pointers_of_type_ifd_are_followed() {
    let block = exif(&[(MAKE, ASCII, b"Maker\0"), (ORIENTATION, SHORT, &[6, 0])], &[TAKEN], IFD);
    assert_camera(&jpeg(&[segment(APP1, &[b"Exif\0\0", &block])]));
}

#[test]
fn texts_of_every_type_are_read() {
    for kind in [ASCII, UTF8, BYTE, UNDEFINED] {
        let text = "Ärger 相机\0".as_bytes();
        let metadata = jpeg_with(&[(MAKE, kind, text)], &[(DATE_TIME_ORIGINAL, kind, TAKEN.2)]);
        assert_eq!(metadata.exif.make.as_deref(), Some("Ärger 相机"), "{kind}");
        assert_eq!(taken_at(&metadata.exif).0, "2024-06-15T14:30:05");
    }
}

#[test]
fn integers_of_every_type_turn_the_picture() {
    for (kind, value) in [(BYTE, &[6][..]), (SHORT, &[6, 0]), (LONG, &[6, 0, 0, 0])] {
        assert_eq!(jpeg_with(&[(ORIENTATION, kind, value)], &[]).orientation, Some(6), "{kind}");
    }
    assert_eq!(jpeg_with(&[(ORIENTATION, ASCII, b"6\0")], &[]).orientation, None);
}

#[test]
fn original_date_is_preferred_to_digitized() {
    let digitized: [Field; 3] = [
        (DATE_TIME_DIGITIZED, ASCII, b"2024:06:16 10:00:00\0"),
        (SUB_SEC_TIME_DIGITIZED, ASCII, b"42 \0"),
        (OFFSET_TIME_DIGITIZED, ASCII, b"+0530\0"),
    ];
    assert_eq!(taken_at(&jpeg_with(&[], &digitized).exif), ("2024-06-16T10:00:00.42", Some("+05:30")));
    let both = [&digitized[..], &[TAKEN]].concat();
    assert_eq!(taken_at(&jpeg_with(&[], &both).exif), ("2024-06-15T14:30:05", None));
    let blank = [&digitized[..], &[(DATE_TIME_ORIGINAL, ASCII, b"0000:00:00 00:00:00\0")]].concat();
    assert_eq!(taken_at(&jpeg_with(&[], &blank).exif).0, "2024-06-16T10:00:00.42");
    assert_eq!(taken_at(&jpeg_with(&[TAKEN], &[]).exif).0, "2024-06-15T14:30:05");
    assert_eq!(jpeg_with(&[(DATE_TIME, ASCII, TAKEN.2)], &[]).exif.taken_at, None);
}

#[test]
fn offset_of_equal_modify_date_is_used() {
    let offset: Field = (OFFSET_TIME, ASCII, b"+02:00\0");
    let changed = |date| jpeg_with(&[(DATE_TIME, ASCII, date)], &[TAKEN, offset]);
    assert_eq!(taken_at(&changed(b"2024:06:15 14:30:05\0").exif).1, Some("+02:00"));
    assert_eq!(taken_at(&changed(b"2025:06:15 14:30:05\0").exif).1, None);
    assert_eq!(taken_at(&jpeg_with(&[], &[TAKEN, offset]).exif).1, Some("+02:00"));
    let own: Field = (OFFSET_TIME_ORIGINAL, ASCII, b"Z\0");
    assert_eq!(taken_at(&jpeg_with(&[], &[TAKEN, offset, own]).exif).1, Some("+00:00"));
}

#[test]
fn xmp_and_iptc_fill_what_exif_lacks() {
    let packet = xmp("<xmp:Rating>4</xmp:Rating><photoshop:DateCreated>2001-07-04T12:30:00Z</photoshop:DateCreated>\
         <dc:rights><rdf:Alt><rdf:li xml:lang='x-default'>© X</rdf:li></rdf:Alt></dc:rights><tiff:Make>Other</tiff:Make>");
    let iptc = [dataset(5, b"Title"), dataset(110, b"Agency"), dataset(116, b"I"), dataset(80, b"Ann")].concat();
    let packet = segment(APP1, &[b"http://ns.adobe.com/xap/1.0/\0", &packet]);
    let iptc = segment(APP13, &[b"Photoshop 3.0\0", &resource(0x0404, &iptc)]);
    let exif = jpeg(&[packet.clone(), iptc.clone()]).exif;
    assert_eq!(taken_at(&exif), ("2001-07-04T12:30:00", Some("+00:00")));
    assert_eq!((exif.rating, exif.make.as_deref(), exif.copyright.as_deref()), (Some(4), Some("Other"), Some("© X")));
    assert_eq!((exif.title.as_deref(), exif.credit.as_deref()), (Some("Title"), Some("Agency")));
    assert_eq!(exif.creator.as_deref(), Some("Ann"));
    assert_camera(&jpeg(&[packet, iptc, segment(APP1, &[b"Exif\0\0", &camera()])]));
}

#[test]
fn resources_continue_in_the_next_segment() {
    let resources = resource(0x0404, &dataset(120, &[b'c'; 300]));
    let (first, second) = resources.split_at(100);
    let segments = [first, second].map(|part| segment(APP13, &[b"Photoshop 3.0\0", part]));
    assert_eq!(jpeg(&segments).exif.description.map(|text| text.len()), Some(300));
}

#[test]
fn extended_xmp_is_joined_in_order() {
    let identifier = b"0123456789ABCDEF0123456789ABCDEF";
    let packet = xmp("<xmpNote:HasExtendedXMP>0123456789ABCDEF0123456789ABCDEF</xmpNote:HasExtendedXMP>");
    let extension = xmp("<photoshop:Credit>Agency</photoshop:Credit>");
    let (first, second) = extension.split_at(90);
    let part = |offset: u32, bytes| {
        let head = [&identifier[..], &[0; 4], &offset.to_be_bytes()].concat();
        segment(APP1, &[b"http://ns.adobe.com/xmp/extension/\0", &head, bytes])
    };
    let packet = segment(APP1, &[b"http://ns.adobe.com/xap/1.0/\0", &packet]);
    let exif = jpeg(&[packet, part(90, second), part(0, first)]).exif;
    assert_eq!(exif.credit.as_deref(), Some("Agency"));
}

#[test]
fn texts_are_cut_and_cleaned() {
    let title = "é".repeat(300);
    let packet = xmp(&format!("<dc:title>{title}</dc:title><dc:description>a&#10;b&#x1;c</dc:description>"));
    let exif = jpeg(&[segment(APP1, &[b"http://ns.adobe.com/xap/1.0/\0", &packet])]).exif;
    assert_eq!(exif.title.map(|title| title.chars().count()), Some(256));
    assert_eq!(exif.description.as_deref(), Some("a bc"));
}

#[test]
fn ratings_out_of_range_are_none() {
    let rated = |rating: &str| {
        let packet = xmp(&format!("<xmp:Rating>{rating}</xmp:Rating>"));
        jpeg(&[segment(APP1, &[b"http://ns.adobe.com/xap/1.0/\0", &packet])]).exif.rating
    };
    assert_eq!(
        ["-1", "0", "5", "3.0", "6", "-2", "x", "NaN"].map(rated),
        [Some(-1), Some(0), Some(5), Some(3), None, None, None, None]
    );
}

#[test]
fn colour_follows_dcf() {
    let colour = |space: &[u8]| jpeg_with(&[], &[(0xA001, SHORT, space)]).colour;
    assert_eq!(colour(&[1, 0]), DcfColour::Srgb);
    assert_eq!(colour(&[2, 0]), DcfColour::AdobeRgb);
    assert_eq!(colour(&[0xFF, 0xFF]), DcfColour::Unknown);
    let by_interoperability_index = include_bytes!("../../../cases/adobergb_dcf_r03.jpg");
    assert_eq!(read(by_interoperability_index).colour, DcfColour::AdobeRgb);
}

#[test]
fn every_chunk_of_png_is_read() {
    let png = samples::encoded(samples::quarters(16, 16), ImageFormat::Png);
    let text = |keyword: &str, rest: &[u8]| [keyword.as_bytes(), b"\0", rest].concat();
    assert_camera(&read(&with_chunk(&png, *b"eXIf", &camera())));
    for (keyword, kind) in [("exif", "exif"), ("APP1", "generic profile")] {
        let keyword = format!("Raw profile type {keyword}");
        let profile = raw_profile(kind, &[b"Exif\0\0", &camera()[..]].concat());
        let compressed = deflated(&profile);
        assert_camera(&read(&with_chunk(&png, *b"tEXt", &text(&keyword, &profile))));
        assert_camera(&read(&with_chunk(&png, *b"zTXt", &text(&keyword, &[b"\0", &compressed[..]].concat()))));
        assert_camera(&read(&with_chunk(&png, *b"iTXt", &text(&keyword, &[b"\0\0en\0\0", &profile[..]].concat()))));
        assert_camera(&read(&with_chunk(&png, *b"iTXt", &text(&keyword, &[b"\x01\0\0\0", &compressed[..]].concat()))));
    }
    let packet = text("XML:com.adobe.xmp", &[b"\0\0\0\0", &xmp("<tiff:Make>Maker</tiff:Make>")[..]].concat());
    assert_eq!(read(&with_chunk(&png, *b"iTXt", &packet)).exif.make.as_deref(), Some("Maker"));
    let iptc = raw_profile("iptc", &resource(0x0404, &dataset(116, b"(c) Ann")));
    let iptc = with_chunk(&png, *b"tEXt", &text("Raw profile type iptc", &iptc));
    assert_eq!(read(&iptc).exif.copyright.as_deref(), Some("(c) Ann"));
}

#[test]
fn both_chunks_of_webp_are_read() {
    let webp = samples::encoded(samples::quarters(16, 16), ImageFormat::WebP);
    for prefix in [&b""[..], b"Exif\0\0"] {
        assert_camera(&read(&with_riff_chunk(&webp, *b"EXIF", &[prefix, &camera()].concat())));
    }
    let file = with_riff_chunk(&webp, *b"XMP ", &xmp("<xmp:Rating>5</xmp:Rating>"));
    assert_eq!(read(&file).exif.rating, Some(5));
}

#[test]
fn xmp_of_gif_is_read() {
    let gif = samples::encoded(samples::quarters(16, 16), ImageFormat::Gif);
    let trailer: Vec<u8> = [1].into_iter().chain((0..=255).rev()).chain([0]).collect();
    let extension = [b"!\xFF\x0BXMP DataXMP", &xmp("<xmp:Rating>2</xmp:Rating>")[..], &trailer].concat();
    let file = [&gif[..gif.len() - 1], &extension, b";"].concat();
    assert_eq!(read(&file).exif.rating, Some(2));
}

#[test]
fn blocks_in_fields_of_tiff_are_read() {
    let packet = xmp("<xmp:Rating>3</xmp:Rating>");
    let resources = resource(0x0404, &dataset(110, b"Agency"));
    for fields in [
        [(0x02BC_u16, BYTE, &packet[..]), (0x83BB, UNDEFINED, &dataset(110, b"Agency")[..])],
        [(0x02BC, UNDEFINED, &packet), (0x8649, BYTE, &resources)],
    ] {
        let exif = read(&exif(&fields, &[], LONG)).exif;
        assert_eq!((exif.rating, exif.credit.as_deref()), (Some(3), Some("Agency")));
    }
}

#[test]
fn heic_items_are_read_from_any_place() {
    let long = exif(&[(MAKE, ASCII, b"Maker\0"), (0x927C, UNDEFINED, &vec![7; 300_000])], &[TAKEN], LONG);
    for place in [Place::File { extents: 1 }, Place::File { extents: 3 }, Place::Idat] {
        for block in [&long, &camera()] {
            let item = [b"\0\0\0\x06Exif\0\0", &block[..]].concat();
            let exif = read(&heic_with_item(*b"Exif", &item, place)).exif;
            assert_eq!(exif.make.as_deref(), Some("Maker"), "{place:?}");
            assert_eq!(taken_at(&exif).0, "2024-06-15T14:30:05");
        }
        let packet = xmp("<xmp:Rating>1</xmp:Rating>");
        assert_eq!(read(&heic_with_item(*b"mime", &packet, place)).exif.rating, Some(1));
    }
}

#[test]
fn orientation_of_heic_is_its_own() {
    let item = [b"\0\0\0\0", &camera()[..]].concat();
    let file = heic_with_item(*b"Exif", &item, Place::Idat);
    assert_eq!(read(&file).orientation, Some(6));
    assert_eq!(crate::tests::develop_as(&file, "a.heic").unwrap().orientation, 1);
}

#[test]
fn read_metadata_refuses_empty_file() {
    assert_eq!(crate::read_metadata(b"", "a.jpg"), Err(Error::EmptyFile));
}
