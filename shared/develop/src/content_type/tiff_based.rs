//! Formats with TIFF's signature: TIFF itself, and the camera RAW formats that are built on it.

use super::Start;

const CR2: &str = "image/x-canon-cr2";
const DNG: &str = "image/x-adobe-dng";

/// RAW formats that their extension tells from TIFF. Content types as in the shared MIME-info database.
const BY_EXTENSION: [(&str, &str); 16] = [
    ("nef", "image/x-nikon-nef"),
    ("nrw", "image/x-nikon-nrw"),
    ("arw", "image/x-sony-arw"),
    ("sr2", "image/x-sony-sr2"),
    ("srf", "image/x-sony-srf"),
    ("dng", DNG),
    ("cr2", CR2),
    ("pef", "image/x-pentax-pef"),
    ("srw", "image/x-samsung-srw"),
    ("orf", "image/x-olympus-orf"),
    ("3fr", "image/x-hasselblad-3fr"),
    ("fff", "image/x-hasselblad-fff"),
    ("iiq", "image/x-phaseone-iiq"),
    ("rwl", "image/x-leica-rwl"),
    ("erf", "image/x-epson-erf"),
    ("mef", "image/x-mamiya-mef"),
];

/// Returns the content type of a file with TIFF's signature; `None` for any other file.
pub(super) fn content_type(start: &Start<'_>) -> Option<&'static str> {
    match start.bytes {
        [b'I', b'I', 0x2A, 0, ..] | [b'M', b'M', 0, 0x2A, ..] => {}
        // TIFF with 64-bit offsets.
        [b'I', b'I', 0x2B, 0, ..] | [b'M', b'M', 0, 0x2B, ..] => return Some("image/tiff"),
        _ => return None,
    }
    if start.bytes.get(8..10) == Some(b"CR") {
        return Some(CR2);
    }
    if has_tag(start.bytes, DNG_VERSION) {
        return Some(DNG);
    }
    let extension = start.filename.rsplit_once('.').map(|(_, extension)| extension.to_ascii_lowercase());
    let raw = BY_EXTENSION.iter().find(|(raw, _)| extension.as_deref() == Some(raw));
    Some(raw.map_or("image/tiff", |&(_, content_type)| content_type))
}

/// DNG specification 1.6, chapter 4: every DNG has it in its first directory.
const DNG_VERSION: u16 = 50_706;

fn has_tag(bytes: &[u8], wanted: u16) -> bool {
    let little = bytes.first() == Some(&b'I');
    let u16_at = |at: usize| {
        let pair = bytes.get(at..at.checked_add(2)?)?.try_into().ok()?;
        Some(if little { u16::from_le_bytes(pair) } else { u16::from_be_bytes(pair) })
    };
    let search = || {
        let offset: [u8; 4] = bytes.get(4..8)?.try_into().ok()?;
        let offset = if little { u32::from_le_bytes(offset) } else { u32::from_be_bytes(offset) } as usize;
        let entries = usize::from(u16_at(offset)?);
        Some((0..entries).any(|entry| u16_at(offset + 2 + entry * 12) == Some(wanted)))
    };
    search().unwrap_or(false)
}
