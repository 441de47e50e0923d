//! Names for files that are no photo.

/// Returns what `bytes` seems to be, with an article: `a PDF document`.
pub(super) fn looks_like(bytes: &[u8]) -> &'static str {
    const SIGNATURES: [(&[u8], &str); 12] = [
        (b"%PDF", "a PDF document"),
        (b"PK\x03\x04", "a ZIP archive or office document"),
        (b"PK\x05\x06", "an empty ZIP archive"),
        (b"Rar!", "a RAR archive"),
        (b"7z\xBC\xAF\x27\x1C", "a 7-Zip archive"),
        (b"\x1F\x8B", "a compressed archive"),
        (b"MZ", "a Windows program"),
        (b"\x7FELF", "a program"),
        (b"\xCF\xFA\xED\xFE", "a program"),
        (b"\0\0\0\x0CjP  ", "a JPEG 2000 image"),
        (b"RIFF", "a sound file"),
        (b"ID3", "a sound file"),
    ];
    if let Some((_, name)) = SIGNATURES.iter().find(|(signature, _)| bytes.starts_with(signature)) {
        return name;
    }
    if bytes.get(4..8) == Some(b"ftyp") {
        return if matches!(bytes.get(8..11), Some(b"M4A" | b"M4B" | b"F4A")) {
            "a sound file"
        } else {
            "a media file of an unknown kind"
        };
    }
    let start = &bytes[..bytes.len().min(512)];
    if start.iter().all(|&byte| byte == 0) {
        return "a file of nothing but zeros";
    }
    // A cut inside a multi-byte character is still text.
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
