//! Rights that derivatives contain beside the picture.

use std::io::Cursor;

use ::exif::{Reader, Tag, Value};

use super::blocks::{ASCII, Field, LONG, RATIONAL, SHORT, dataset, directory, exif, resource, segment, with_segments};
use crate::{
    Jpeg,
    content_type::row,
    metadata,
    tests::{develop_as, made, samples},
};

const ARTIST: u16 = 0x013B;
const COPYRIGHT: u16 = 0x8298;
const GPS_DIRECTORY: u16 = 0x8825;

/// Returns a photo with an EXIF block of these fields, a camera, an orientation and a position, and an IPTC block of
/// these datasets.
fn photo(fields: &[Field], datasets: &[u8]) -> Vec<u8> {
    let camera: [Field; 2] = [(0x0110, ASCII, b"SECRETCAM\0"), (0x0112, SHORT, &[6, 0])];
    let mut main = [&camera[..], fields, &[(GPS_DIRECTORY, LONG, &[0; 4])]].concat();
    main.sort_by_key(|(tag, ..)| *tag);
    let offset = u32::try_from(exif(&main, &[], LONG).len()).unwrap().to_le_bytes();
    for (tag, _, value) in &mut main {
        if *tag == GPS_DIRECTORY {
            *value = &offset;
        }
    }
    let position: [Field; 4] = [
        (1, ASCII, b"N\0"),
        (2, RATIONAL, &[48, 0, 0, 0, 1, 0, 0, 0, 8, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0, 1, 0, 0, 0]),
        (3, ASCII, b"E\0"),
        (4, RATIONAL, &[11, 0, 0, 0, 1, 0, 0, 0, 34, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0, 1, 0, 0, 0]),
    ];
    let mut block = exif(&main, &[], LONG);
    directory(&mut block, &position);
    let segments = [
        segment(0xE1, &[b"Exif\0\0", &block]),
        segment(0xED, &[b"Photoshop 3.0\0", &resource(0x0404, datasets)]),
        segment(0xFE, &[b"SECRET COMMENT"]),
    ];
    with_segments(&samples::jpeg(&samples::busy(600, 400)), &segments)
}

/// Returns the markers before the tables of a JPEG.
fn markers(jpeg: &Jpeg) -> Vec<u8> {
    let mut at = 2;
    let mut markers = Vec::new();
    while matches!(jpeg.bytes[at + 1], 0xE0..=0xEF | 0xFE) {
        markers.push(jpeg.bytes[at + 1]);
        at += 2 + usize::from(u16::from_be_bytes([jpeg.bytes[at + 2], jpeg.bytes[at + 3]]));
    }
    markers
}

#[test]
fn derivatives_carry_rights_and_no_other_metadata() {
    let fields: [Field; 2] =
        [(ARTIST, ASCII, "Jürg Österreicher\0".as_bytes()), (COPYRIGHT, ASCII, "© 2024 相機\0".as_bytes())];
    let iptc =
        [b"\x1C\x01\x5A\0\x03\x1B%G", &dataset(110, "Agentür".as_bytes())[..], &dataset(105, b"SECRET")].concat();
    let developed = develop_as(&photo(&fields, &iptc), "a.jpg").unwrap();
    assert_eq!(developed.exif.model.as_deref(), Some("SECRETCAM"));
    assert!(developed.exif.gps.is_some() && developed.orientation == 6);
    let (preview, thumb, _) = made(&developed);
    for jpeg in [preview, thumb] {
        assert_eq!(markers(jpeg), [0xE0, 0xE1, 0xE2, 0xED]);
        let read = Reader::new().read_from_container(&mut Cursor::new(&jpeg.bytes)).unwrap();
        let text = |tag| read.get_field(tag, ::exif::In::PRIMARY).map(|field| field.value.clone());
        let is = |tag, expected: &str| matches!(text(tag), Some(Value::Ascii(lines)) if lines == [expected.as_bytes()]);
        assert!(is(Tag::Artist, "Jürg Österreicher") && is(Tag::Copyright, "© 2024 相機"));
        assert_eq!(read.fields().count(), 2);
        assert!(!jpeg.bytes.windows(6).any(|bytes| bytes == b"SECRET"));
        let rights = domain::photo::Exif {
            copyright: developed.exif.copyright.clone(),
            creator: developed.exif.creator.clone(),
            credit: Some("Agentür".to_owned()),
            ..Default::default()
        };
        let metadata = metadata::read(row("image/jpeg").metadata, &jpeg.bytes);
        assert_eq!((metadata.exif, metadata.orientation), (rights, None));
    }
}

#[test]
fn photo_without_rights_leaves_only_the_profile() {
    let developed = develop_as(&photo(&[], b""), "a.jpg").unwrap();
    let (preview, thumb, _) = made(&developed);
    for jpeg in [preview, thumb] {
        assert_eq!(markers(jpeg), [0xE0, 0xE2]);
        assert!(!jpeg.bytes.windows(6).any(|bytes| bytes == b"SECRET"));
    }
}

#[test]
fn longest_and_shortest_rights_are_kept_whole() {
    for text in ["相".repeat(500), "©".to_owned(), "abc".to_owned(), "abcd".to_owned()] {
        let value = format!("{text}\0");
        let fields: [Field; 2] = [(ARTIST, ASCII, value.as_bytes()), (COPYRIGHT, ASCII, value.as_bytes())];
        let datasets = [b"\x1C\x01\x5A\0\x03\x1B%G", &dataset(110, text.as_bytes())[..]].concat();
        let developed = develop_as(&photo(&fields, &datasets), "a.jpg").unwrap();
        let preview = metadata::read(row("image/jpeg").metadata, &made(&developed).0.bytes).exif;
        for kept in [preview.copyright, preview.creator, preview.credit] {
            assert_eq!(kept.as_ref(), Some(&text));
        }
    }
}
