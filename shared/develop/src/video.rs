//! Videos, which are stored and delivered beside photos.

use super::{Decoded, Original, error::Error, truncation};

/// Prefixes of the brands of ISO base media files with films (<https://mp4ra.org/registered-types/brands>).
const MP4: [&[u8]; 10] = [b"iso", b"mp4", b"mp7", b"avc1", b"dash", b"MSNV", b"M4V", b"f4v", b"XAVC", b"NDX"];

/// First boxes of QuickTime files without brands.
const QUICKTIME: [&[u8; 4]; 3] = [b"moov", b"mdat", b"wide"];

/// Prefixes of the major brands of sound. Their compatible brands are those of films.
const SOUND: [&[u8]; 5] = [b"M4A", b"M4B", b"M4P", b"F4A", b"F4B"];

/// Returns the content type of a video by its brands, the major one first. Cameras may write a brand of their own
/// before a common one, such as Casio's `caqv` before `isom`.
pub(super) fn of_brands<'a>(mut brands: impl Iterator<Item = &'a [u8; 4]>) -> Option<&'static str> {
    let major = brands.next()?;
    if SOUND.iter().any(|start| major.starts_with(start)) {
        return None;
    }
    std::iter::once(major).chain(brands).find_map(|brand| match brand {
        b"qt  " => Some("video/quicktime"),
        [b'3', b'g', b'p' | b'g' | b'r' | b's' | b'e', _] => Some("video/3gpp"),
        brand => MP4.iter().any(|start| brand.starts_with(start)).then_some("video/mp4"),
    })
}

/// Returns the content type of a video without brands by its signature.
pub(super) fn without_brands(file: &[u8]) -> Option<&'static str> {
    match file.get(4..8)? {
        kind if QUICKTIME.iter().any(|first| kind == *first) => return Some("video/quicktime"),
        _ => {}
    }
    if file.starts_with(b"RIFF") && file.get(8..12) == Some(b"AVI ") {
        return Some("video/x-msvideo");
    }
    if file.starts_with(b"\x1A\x45\xDF\xA3") {
        let head = &file[..file.len().min(64)];
        let is_webm = memchr::memmem::find(head, b"webm").is_some();
        return Some(if is_webm { "video/webm" } else { "video/x-matroska" });
    }
    is_transport_stream(file).then_some("video/mp2t")
}

/// Returns whether a file is an MPEG transport stream: packets of 188 bytes, each with a byte of synchronization. AVCHD
/// has four more bytes before each.
fn is_transport_stream(file: &[u8]) -> bool {
    /// Packets that are checked.
    const PACKETS: usize = 5;
    [(0, 188), (4, 192)]
        .into_iter()
        .any(|(first, packet)| (0..PACKETS).all(|index| file.get(first + index * packet) == Some(&0x47)))
}

/// Checks that the file is complete, if its boxes show it.
pub(super) fn read(original: &Original<'_>) -> Result<Decoded, Error> {
    if original.bytes.get(4..8).is_some_and(|kind| kind == b"ftyp" || QUICKTIME.iter().any(|first| kind == *first)) {
        truncation::base_media(original.bytes)?;
    }
    Ok(Decoded::unsupported(None))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::limits::Limits;

    #[test]
    fn signatures_identify_videos() {
        let of_brand = |brand| of_brands([brand].into_iter());
        assert_eq!(of_brand(b"isom"), Some("video/mp4"));
        assert_eq!(of_brand(b"mp42"), Some("video/mp4"));
        assert_eq!(of_brand(b"qt  "), Some("video/quicktime"));
        assert_eq!(of_brand(b"3gp5"), Some("video/3gpp"));
        assert_eq!(of_brand(b"M4A "), None);
        assert_eq!(of_brands([b"M4A ", b"mp42", b"isom"].into_iter()), None);
        assert_eq!(of_brands([b"caqv", b"isom"].into_iter()), Some("video/mp4"));
        assert_eq!(of_brand(b"mif1"), None);
        assert_eq!(without_brands(b"\0\0\0\x08wide\0\0\0\0mdat"), Some("video/quicktime"));
        assert_eq!(without_brands(b"RIFF\0\0\0\0AVI LIST"), Some("video/x-msvideo"));
        assert_eq!(without_brands(b"RIFF\0\0\0\0WAVEfmt "), None);
        assert_eq!(without_brands(b"\x1A\x45\xDF\xA3\x93\x42\x82\x84webm"), Some("video/webm"));
        let mut stream = vec![0; 1000];
        assert_eq!(without_brands(&stream), None);
        (4..1000).step_by(192).for_each(|at| stream[at] = 0x47);
        assert_eq!(without_brands(&stream), Some("video/mp2t"));
    }

    #[test]
    fn cut_films_are_truncated() {
        let read = |bytes: &[u8]| crate::develop(bytes, "a", &Limits::default()).map(|_| ());
        for first in ["ftypqt  \0\0\0\0", "wide\0\0\0\0\0\0\0\0"] {
            let film = [b"\0\0\0\x10", first.as_bytes(), b"\0\0\0\x10mdat12345678\0\0\0\x08moov"].concat();
            assert_eq!(read(&film), Ok(()), "{first}");
            assert_eq!(read(&film[..film.len() - 10]), Err(Error::Truncated), "{first}");
        }
    }
}
