//! JPEGs with further pictures after the photo: gain maps of HDR photos as phones and editors write them, and others.

use ::exif::{Field, In, Tag, Value};

use super::{
    develop_as, made,
    samples::{self, jpeg},
};
use crate::Derivatives;

const APP1: u8 = 0xE1;
const APP2: u8 = 0xE2;
const XMP: &[u8] = b"http://ns.adobe.com/xap/1.0/\0";
const ISO_GAIN_MAP: &[u8] = b"urn:iso:std:iso:ts:21496:-1\0";

fn with_segments(jpeg: &[u8], segments: &[(u8, Vec<u8>)]) -> Vec<u8> {
    let mut file = jpeg[..2].to_vec();
    for (marker, body) in segments {
        file.extend([0xFF, *marker]);
        file.extend(u16::try_from(body.len() + 2).unwrap().to_be_bytes());
        file.extend(body);
    }
    file.extend(&jpeg[2..]);
    file
}

fn xmp(attributes: &str) -> (u8, Vec<u8>) {
    let packet = format!(
        "<x:xmpmeta xmlns:x='adobe:ns:meta/'><rdf:RDF xmlns:rdf='http://www.w3.org/1999/02/22-rdf-syntax-ns#'>\
         <rdf:Description rdf:about='' xmlns:hdrgm='http://ns.adobe.com/hdr-gain-map/1.0/' \
         xmlns:HDRGainMap='http://ns.apple.com/HDRGainMap/1.0/' {attributes}/></rdf:RDF></x:xmpmeta>"
    );
    (APP1, [XMP, packet.as_bytes()].concat())
}

/// Returns `primary` with an index of further pictures, followed by these.
fn multi_picture(primary: &[u8], further: &[&[u8]]) -> Vec<u8> {
    let index = |primary_bytes: usize| {
        let count = u32::try_from(1 + further.len()).unwrap();
        let mut index = b"MPF\0MM\0\x2A\0\0\0\x08\0\x03".to_vec();
        index.extend(b"\xB0\0\0\x07\0\0\0\x040100");
        index.extend([&b"\xB0\x01\0\x04\0\0\0\x01"[..], &count.to_be_bytes()].concat());
        index.extend([&b"\xB0\x02\0\x07"[..], &(16 * count).to_be_bytes(), &[0, 0, 0, 50], &[0; 4]].concat());
        let mut picture = |attributes: u32, bytes: usize, offset: usize| {
            index.extend(attributes.to_be_bytes());
            index.extend(u32::try_from(bytes).unwrap().to_be_bytes());
            index.extend([&u32::try_from(offset).unwrap().to_be_bytes()[..], &[0; 4]].concat());
        };
        picture(0x0003_0000, primary_bytes, 0);
        // Offsets count from the index's header, which follows SOI, marker, length and identifier.
        let mut offset = primary_bytes.saturating_sub(2 + 4 + 4);
        for bytes in further {
            picture(0, bytes.len(), offset);
            offset += bytes.len();
        }
        (APP2, index)
    };
    let length = with_segments(primary, &[index(0)]).len();
    [&[&with_segments(primary, &[index(length)])[..]], further].concat().concat()
}

fn pictures_of(original: &[u8]) -> Derivatives {
    develop_as(original, "a.jpg").unwrap().derivatives
}

#[test]
fn preview_of_hdr_photo_is_its_sdr_picture() {
    let picture = samples::busy(640, 480);
    let primary = jpeg(&picture);
    let (small, full) = (jpeg(&samples::quarters(160, 120)), jpeg(&samples::quarters(640, 480)));
    let version = || xmp("hdrgm:Version='1.0'");
    let parameters = || xmp("hdrgm:Version='1.0' hdrgm:GainMapMax='2.3' hdrgm:HDRCapacityMax='2.3'");
    let iso = |body: &[u8]| (APP2, [ISO_GAIN_MAP, body].concat());
    let apple = xmp("HDRGainMap:HDRGainMapVersion='65536'");
    let files = [
        ("Google", multi_picture(&with_segments(&primary, &[version()]), &[&with_segments(&small, &[parameters()])])),
        ("Adobe", multi_picture(&with_segments(&primary, &[version()]), &[&with_segments(&full, &[parameters()])])),
        ("ISO", {
            let map = with_segments(&small, &[iso(&[0; 61])]);
            multi_picture(&with_segments(&primary, &[iso(&[0; 4])]), &[&map])
        }),
        ("Apple", multi_picture(&primary, &[&with_segments(&small, &[apple]), &small])),
        ("Samsung", {
            let map = with_segments(&small, &[parameters()]);
            [&multi_picture(&with_segments(&primary, &[version()]), &[&map])[..], b"SEFH\x6B\0\0\0SEFT"].concat()
        }),
        ("without an index", [&with_segments(&primary, &[version()])[..], &full].concat()),
    ];
    let expected = pictures_of(&primary);
    for (kind, file) in files {
        assert_eq!(pictures_of(&file), expected, "{kind}");
    }
}

#[test]
fn first_of_several_pictures_is_the_photo() {
    let primary = jpeg(&samples::busy(640, 480));
    let larger = jpeg(&samples::quarters(1600, 1200));
    let file = multi_picture(&primary, &[&larger]);
    let developed = develop_as(&file, "a.jpg").unwrap();
    assert_eq!(developed.dimensions, Some((640, 480)));
    assert_eq!(developed.derivatives, pictures_of(&primary));
    let cut = &file[..file.len() - larger.len() / 2];
    assert_eq!(pictures_of(cut), pictures_of(&primary));
}

#[test]
fn raw_is_not_shown_by_a_gain_map() {
    let field =
        Field { tag: Tag::Make, ifd_num: In::PRIMARY, value: Value::Ascii(vec![b"NIKON CORPORATION".to_vec()]) };
    let exif = samples::exif(&[field]);
    let (preview, map) = (jpeg(&samples::busy(800, 600)), jpeg(&samples::quarters(1200, 900)));
    let preview_of = |raw: &[u8]| {
        let developed = develop_as(raw, "DSC_1.NEF").unwrap();
        let (preview, ..) = made(&developed);
        (preview.width, preview.height)
    };
    let hdr = multi_picture(&preview, &[&map]);
    assert_eq!(preview_of(&[&exif[..], &hdr, &[7; 5000]].concat()), (800, 600));
    assert_eq!(
        preview_of(&[&exif[..], &preview, &map, &[7; 5000]].concat()),
        (1200, 900),
        "no index: a larger preview"
    );
    assert_eq!(preview_of(&[&exif[..], &hdr, &map].concat()), (1200, 900), "a larger preview behind the gain map");
}
