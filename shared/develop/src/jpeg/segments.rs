//! Segments that derivatives contain beside the picture: an sRGB profile, and the photo's copyright notice, creator and
//! credit line.
//!
//! Browsers read the colour space from the profile only; EXIF's `ColorSpace` would be shorter. Firefox converts tagged
//! pictures only, so a preview without a profile is too colourful on a display with a wider gamut.
//!
//! Notice and creator are in EXIF, where most software looks for them. EXIF has no credit line; IPTC's needs fewer
//! bytes than XMP. All texts are UTF-8: IPTC states it, and `ExifTool` and Adobe's XMP Toolkit read EXIF texts as UTF-8
//! where they are valid. Other metadata stays with the original: time and place of a photo are not for everyone who
//! sees its preview.

use domain::photo::Exif;
use mozjpeg::Marker;

use super::srgb_profile::srgb_profile;

const ARTIST: u16 = 0x013B;
const COPYRIGHT: u16 = 0x8298;
/// The type of EXIF's texts.
const ASCII: u16 = 2;

/// Returns the segments of a derivative, in their order. Texts of the record have at most 500 characters, so each
/// segment is far below 64 KB.
pub(super) fn segments(exif: &Exif) -> Vec<(Marker, Vec<u8>)> {
    let texts = [(ARTIST, &exif.creator), (COPYRIGHT, &exif.copyright)];
    let texts: Vec<(u16, &str)> = texts.into_iter().filter_map(|(tag, text)| Some((tag, text.as_deref()?))).collect();
    let mut segments = Vec::new();
    if !texts.is_empty() {
        segments.push((Marker::APP(1), exif_block(&texts)));
    }
    // Chunk 1 of 1. The encoder's own function counts from 0, which libjpeg-turbo does not read.
    segments.push((Marker::APP(2), [b"ICC_PROFILE\0\x01\x01", &srgb_profile()[..]].concat()));
    if let Some(credit) = &exif.credit {
        segments.push((Marker::APP(13), iptc_block(credit)));
    }
    segments
}

/// Returns an EXIF block of one directory. Its tags must ascend.
fn exif_block(texts: &[(u16, &str)]) -> Vec<u8> {
    let header = b"Exif\0\0MM\0\x2A\0\0\0\x08";
    let values_at = 8 + 2 + 12 * texts.len() + 4;
    let (mut entries, mut values) = (Vec::new(), Vec::new());
    for (tag, text) in texts {
        let value = [text.as_bytes(), &[0]].concat();
        entries.extend(tag.to_be_bytes());
        entries.extend(ASCII.to_be_bytes());
        entries.extend(be32(value.len()));
        if value.len() <= 4 {
            entries.extend(&value);
            entries.resize(entries.len() + 4 - value.len(), 0);
        } else {
            entries.extend(be32(values_at + values.len()));
            values.extend(&value);
            // TIFF's values begin at even offsets.
            values.resize(values.len().next_multiple_of(2), 0);
        }
    }
    let next_directory = [0; 4];
    [header, &be16(texts.len())[..], &entries, &next_directory, &values].concat()
}

/// Returns Photoshop's resource of IPTC with two datasets: the encoding, which is UTF-8, and the credit line.
fn iptc_block(credit: &str) -> Vec<u8> {
    let datasets = [b"\x1C\x01\x5A\0\x03\x1B%G\x1C\x02\x6E", &be16(credit.len())[..], credit.as_bytes()].concat();
    let padding = &[0][..datasets.len() % 2];
    [b"Photoshop 3.0\08BIM\x04\x04\0\0", &be32(datasets.len())[..], &datasets, padding].concat()
}

fn be16(number: usize) -> [u8; 2] {
    u16::try_from(number).unwrap_or(u16::MAX).to_be_bytes()
}

fn be32(number: usize) -> [u8; 4] {
    u32::try_from(number).unwrap_or(u32::MAX).to_be_bytes()
}
