//! JPEG: EXIF and XMP in APP1 segments, IPTC in APP13 (EXIF 4.7; XMP specification, part 3).

use super::{Blocks, Context, MAX_BYTES};
use crate::ifd::Structure;

/// `Exif\0`, which one more byte follows: most software writes 0, some 0xFF.
const EXIF: &[u8] = b"Exif\0";
const XMP: &[u8] = b"http://ns.adobe.com/xap/1.0/\0";
/// The prefix of an extension's segments, for properties that do not fit into the packet. An identifier, the size of
/// the whole and the offset of the part follow.
const XMP_EXTENSION: &[u8] = b"http://ns.adobe.com/xmp/extension/\0";
/// The most parts of an extension: 16 MB in segments of 64 KB.
const MAX_PARTS: usize = 256;
const PHOTOSHOP: &[u8] = b"Photoshop 3.0\0";

const SOI: u8 = 0xD8;
const EOI: u8 = 0xD9;
const SOS: u8 = 0xDA;
const APP1: u8 = 0xE1;
const APP13: u8 = 0xED;

pub(crate) fn find<'a>(original: &'a [u8], blocks: &mut Blocks<'a>) {
    let mut photoshop = Vec::new();
    let mut extension = Vec::new();
    for (marker, body) in segments(original) {
        match marker {
            APP1 if body.starts_with(EXIF) => {
                // A first block without fields, or of zeros, does not hide the second.
                let has_fields = |tiff: Structure| tiff.chain().first().is_some_and(|directory| !directory.is_empty());
                if Structure::find(body).is_some_and(has_fields) {
                    blocks.add_exif(Context::Main, body);
                }
            }
            APP1 => {
                if let Some(packet) = body.strip_prefix(XMP) {
                    blocks.add_xmp(packet);
                } else if extension.len() < MAX_PARTS {
                    extension.extend(body.strip_prefix(XMP_EXTENSION).and_then(Part::read));
                }
            }
            // Resources may continue in the next segment.
            APP13 if photoshop.len() + body.len() <= MAX_BYTES => {
                photoshop.extend_from_slice(body.strip_prefix(PHOTOSHOP).unwrap_or_default());
            }
            _ => {}
        }
    }
    if let Some(packet) = blocks.xmp.first()
        && let Some(extension) = joined(extension, packet)
    {
        blocks.add_xmp(extension);
    }
    blocks.add_photoshop(&photoshop);
}

/// A part of an XMP extension.
struct Part<'a> {
    identifier: &'a [u8; 32],
    offset: usize,
    bytes: &'a [u8],
}

impl<'a> Part<'a> {
    fn read(body: &'a [u8]) -> Option<Self> {
        let (identifier, body) = body.split_first_chunk::<32>()?;
        let (_size, body) = body.split_first_chunk::<4>()?;
        let (offset, bytes) = body.split_first_chunk::<4>()?;
        Some(Self { identifier, offset: u32::from_be_bytes(*offset) as usize, bytes })
    }
}

/// Returns the extension that `packet` names, up to the first missing part.
fn joined(mut parts: Vec<Part>, packet: &[u8]) -> Option<Vec<u8>> {
    let identifier = *parts.first()?.identifier;
    if !packet.windows(identifier.len()).any(|bytes| bytes == identifier) {
        return None;
    }
    parts.retain(|part| *part.identifier == identifier);
    parts.sort_by_key(|part| part.offset);
    let mut extension = Vec::new();
    for part in parts {
        if part.offset == extension.len() {
            extension.extend_from_slice(part.bytes);
        }
    }
    Some(extension)
}

/// Returns markers and bodies of the segments before the first scan. Bytes between segments are skipped.
fn segments(original: &[u8]) -> impl Iterator<Item = (u8, &[u8])> {
    let mut rest = original;
    std::iter::from_fn(move || {
        loop {
            rest = rest.get(rest.iter().position(|&byte| byte == 0xFF)?..)?;
            rest = rest.get(rest.iter().position(|&byte| byte != 0xFF)?..)?;
            let (&marker, after) = rest.split_first()?;
            rest = after;
            match marker {
                EOI | SOS => return None,
                // Markers without a length: stuffed zeros, TEM, restarts, SOI.
                0x00 | 0x01 | 0xD0..=SOI => {}
                _ => {
                    let length = usize::from(u16::from_be_bytes(*rest.first_chunk::<2>()?));
                    let (segment, after) = rest.split_at_checked(length)?;
                    rest = after;
                    return Some((marker, segment.get(2..)?));
                }
            }
        }
    })
}
