//! What a file is, by its first bytes.

use super::refusal::Refusal;

/// A kind of photo.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Format {
    Jpeg,
    Png,
    WebP,
    Tiff,
    Gif,
    /// HEIC, HEIF or AVIF, by content type.
    Heif(&'static str),
    /// Camera RAW, by content type.
    Raw(&'static str),
}

impl Format {
    pub(super) fn content_type(self) -> &'static str {
        match self {
            Self::Jpeg => "image/jpeg",
            Self::Png => "image/png",
            Self::WebP => "image/webp",
            Self::Tiff => "image/tiff",
            Self::Gif => "image/gif",
            Self::Heif(content_type) | Self::Raw(content_type) => content_type,
        }
    }
}

/// Canon's RAW in an ISO base media file; its metadata is laid out differently from the TIFF-based ones.
pub(super) const CR3: &str = "image/x-canon-cr3";
/// Fuji's RAW: a JPEG and sensor data behind a header of its own.
pub(super) const RAF: &str = "image/x-fuji-raf";
const CR2: &str = "image/x-canon-cr2";
const DNG: &str = "image/x-adobe-dng";
const ORF: &str = "image/x-olympus-orf";
const RW2: &str = "image/x-panasonic-rw2";

/// RAW formats with TIFF's signature. Content types as in the shared MIME-info database.
const TIFF_RAWS: [(&str, &str); 16] = [
    ("nef", "image/x-nikon-nef"),
    ("nrw", "image/x-nikon-nrw"),
    ("arw", "image/x-sony-arw"),
    ("sr2", "image/x-sony-sr2"),
    ("srf", "image/x-sony-srf"),
    ("dng", DNG),
    ("cr2", CR2),
    ("pef", "image/x-pentax-pef"),
    ("srw", "image/x-samsung-srw"),
    ("orf", ORF),
    ("3fr", "image/x-hasselblad-3fr"),
    ("fff", "image/x-hasselblad-fff"),
    ("iiq", "image/x-phaseone-iiq"),
    ("rwl", "image/x-leica-rwl"),
    ("erf", "image/x-epson-erf"),
    ("mef", "image/x-mamiya-mef"),
];

/// Says what `bytes` is, or what it looks like instead of a photo.
pub(super) fn sniff(bytes: &[u8], filename: &str) -> Result<Format, Refusal> {
    if bytes.is_empty() {
        return Err(Refusal::EmptyFile);
    }
    match bytes {
        [0xFF, 0xD8, 0xFF, ..] => Ok(Format::Jpeg),
        [0x89, b'P', b'N', b'G', b'\r', b'\n', 0x1A, b'\n', ..] => Ok(Format::Png),
        [b'R', b'I', b'F', b'F', _, _, _, _, b'W', b'E', b'B', b'P', ..] => Ok(Format::WebP),
        [b'G', b'I', b'F', b'8', b'7' | b'9', b'a', ..] => Ok(Format::Gif),
        [b'I', b'I', 0x2A, 0, ..] | [b'M', b'M', 0, 0x2A, ..] => Ok(tiff_or_raw(bytes, filename)),
        // TIFF with 64-bit offsets.
        [b'I', b'I', 0x2B, 0, ..] | [b'M', b'M', 0, 0x2B, ..] => Ok(Format::Tiff),
        [b'I', b'I', b'R', b'O' | b'S', ..] | [b'M', b'M', b'O', b'R', ..] => Ok(Format::Raw(ORF)),
        [b'I', b'I', b'U', 0, ..] => Ok(Format::Raw(RW2)),
        _ if bytes.starts_with(b"FUJIFILMCCD-RAW") => Ok(Format::Raw(RAF)),
        [_, _, _, _, b'f', b't', b'y', b'p', ..] => base_media(bytes),
        _ => Err(Refusal::NotAPhoto { looks_like: looks_like(bytes) }),
    }
}

fn tiff_or_raw(bytes: &[u8], filename: &str) -> Format {
    if bytes.get(8..10) == Some(b"CR") {
        return Format::Raw(CR2);
    }
    if has_tag(bytes, DNG_VERSION) {
        return Format::Raw(DNG);
    }
    let extension = filename.rsplit_once('.').map(|(_, extension)| extension.to_ascii_lowercase());
    TIFF_RAWS
        .iter()
        .find(|(raw, _)| extension.as_deref() == Some(raw))
        .map_or(Format::Tiff, |&(_, content_type)| Format::Raw(content_type))
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

/// Brands of the `ftyp` box: the major one, then the compatible ones (ISO/IEC 14496-12, 4.3).
fn base_media(bytes: &[u8]) -> Result<Format, Refusal> {
    let size = bytes.first_chunk::<4>().map_or(0, |size| u32::from_be_bytes(*size) as usize);
    let brands = bytes.get(8..size.clamp(12, 512).min(bytes.len())).unwrap_or_default();
    // The major brand decides; the four bytes after it are its version.
    let major = brands.get(..4).unwrap_or_default();
    let compatible = brands.get(8..).unwrap_or_default();
    for brand in std::iter::once(major).chain(compatible.chunks_exact(4)) {
        match brand {
            b"crx " => return Ok(Format::Raw(CR3)),
            b"avif" | b"avis" => return Ok(Format::Heif("image/avif")),
            b"heic" | b"heix" | b"heim" | b"heis" | b"hevc" | b"hevx" => return Ok(Format::Heif("image/heic")),
            _ => {}
        }
    }
    if matches!(major, b"mif1" | b"msf1") {
        return Ok(Format::Heif("image/heif"));
    }
    Err(Refusal::NotAPhoto { looks_like: "a video" })
}

fn looks_like(bytes: &[u8]) -> &'static str {
    const SIGNATURES: [(&[u8], &str); 16] = [
        (b"%PDF", "a PDF document"),
        (b"PK\x03\x04", "a ZIP archive or office document"),
        (b"PK\x05\x06", "an empty ZIP archive"),
        (b"Rar!", "a RAR archive"),
        (b"7z\xBC\xAF\x27\x1C", "a 7-Zip archive"),
        (b"\x1F\x8B", "a compressed archive"),
        (b"MZ", "a Windows program"),
        (b"\x7FELF", "a program"),
        (b"\xCF\xFA\xED\xFE", "a program"),
        (b"8BPS", "a Photoshop document"),
        (b"BM", "a BMP image"),
        (b"\xFF\x0A", "a JPEG XL image"),
        (b"\0\0\0\x0CJXL ", "a JPEG XL image"),
        (b"\0\0\0\x0CjP  ", "a JPEG 2000 image"),
        (b"\x1A\x45\xDF\xA3", "a video"),
        (b"RIFF", "a video or sound file"),
    ];
    if let Some((_, name)) = SIGNATURES.iter().find(|(signature, _)| bytes.starts_with(signature)) {
        return name;
    }
    let start = &bytes[..bytes.len().min(512)];
    if start.iter().all(|&byte| byte == 0) {
        return "a file of nothing but zeros";
    }
    // A cut through a multi-byte character is still text.
    let text = match std::str::from_utf8(start) {
        Ok(text) => text,
        Err(error) if error.error_len().is_none() => {
            std::str::from_utf8(&start[..error.valid_up_to()]).unwrap_or_default()
        }
        Err(_) => return "a file of another kind",
    };
    let text = text.trim_start_matches('\u{feff}').trim_start().to_ascii_lowercase();
    if text.starts_with("<!doctype html") || text.starts_with("<html") {
        "a web page"
    } else if text.contains("<svg") {
        "an SVG drawing"
    } else if text.starts_with("<?xml") {
        "an XML document"
    } else if text.chars().all(|c| !c.is_control() || c.is_whitespace()) {
        "a text document"
    } else {
        "a file of another kind"
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refused(bytes: &[u8]) -> String {
        sniff(bytes, "photo.jpg").unwrap_err().to_string()
    }

    #[test]
    fn what_is_no_photo_is_named() {
        assert_eq!(sniff(b"", "a.jpg").unwrap_err().code(), "empty_file");
        assert!(refused(b"%PDF-1.7").contains("PDF"));
        assert!(refused(b"PK\x03\x04....").contains("ZIP"));
        assert!(refused(b"MZ\x90\0").contains("Windows program"));
        assert!(refused(b"  <!DOCTYPE html><p>").contains("web page"));
        assert!(refused("Gr\u{fc}\u{df}e".as_bytes()).contains("text"));
        assert!(refused(&[0; 40]).contains("zeros"));
        assert!(refused(b"\0\0\0\x18ftypmp42\0\0\0\0mp42isom").contains("video"));
    }

    #[test]
    fn raw_is_told_from_tiff() {
        let tiff = b"II\x2A\0\x08\0\0\0\0\0\0\0\0\0";
        assert_eq!(sniff(tiff, "scan.tif"), Ok(Format::Tiff));
        assert_eq!(sniff(tiff, "DSC_1.NEF"), Ok(Format::Raw("image/x-nikon-nef")));
        assert_eq!(sniff(b"II\x2A\0\x10\0\0\0CR\x02\0", "x.tif"), Ok(Format::Raw(CR2)));
        let dng = b"II\x2A\0\x08\0\0\0\x01\0\x12\xC6\x01\0\x04\0\0\0\x01\x04\0\0\0\0\0\0";
        assert_eq!(sniff(dng, "x.tif"), Ok(Format::Raw(DNG)));
        assert_eq!(sniff(b"FUJIFILMCCD-RAW 0201", "x"), Ok(Format::Raw(RAF)));
    }

    #[test]
    fn brands_decide_among_base_media_files() {
        let file = |brands: &[u8]| {
            let size = u32::try_from(8 + brands.len()).unwrap().to_be_bytes();
            sniff(&[&size[..], b"ftyp", brands].concat(), "x").map(Format::content_type)
        };
        assert_eq!(file(b"heic\0\0\0\0mif1heic"), Ok("image/heic"));
        assert_eq!(file(b"mif1\0\0\0\0mif1heic"), Ok("image/heic"));
        assert_eq!(file(b"avif\0\0\0\0mif1"), Ok("image/avif"));
        assert_eq!(file(b"mif1\0\0\0\0miaf"), Ok("image/heif"));
        assert_eq!(file(b"crx \0\0\0\x01crx isom"), Ok(CR3));
    }
}
