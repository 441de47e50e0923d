//! The table of formats. A row has a format's media type, signature, metadata reader and decoder.

mod not_a_photo;
mod tiff_based;

use std::fmt;

use super::{
    Decoded, Original, bmp,
    error::Error,
    gif, heif, jpeg, jxl,
    metadata::{BlockReader, blocks},
    png, psd, raw, tiff, video, webp,
};

/// A kind of photo.
pub(super) struct Format {
    /// The media type, as records and responses state it. [`domain::photo::FILE_TYPES`] has its extensions.
    pub(super) content_type: &'static str,
    /// Returns whether a file is of this kind. Rows are tried in their order.
    matches: fn(&Start<'_>) -> bool,
    /// Adds the file's blocks of EXIF, XMP and IPTC.
    pub(super) metadata: BlockReader,
    /// Checks that the file is complete, and decodes its picture if the coding is supported.
    pub(super) decode: fn(&Original<'_>) -> Result<Decoded, Error>,
}

/// All formats. A new one is a row here and a file with its decoder; [`domain::photo::FILE_TYPES`] has its extensions.
pub(super) static FORMATS: [Format; ROWS] = [
    Format {
        content_type: "image/jpeg",
        matches: |start| start.has(b"\xFF\xD8\xFF"),
        metadata: blocks::jpeg,
        decode: jpeg::read,
    },
    Format {
        content_type: "image/png",
        matches: |start| start.has(b"\x89PNG\r\n\x1A\n"),
        metadata: blocks::png,
        decode: png::read,
    },
    Format {
        content_type: "image/webp",
        matches: |start| start.has(b"RIFF") && start.bytes.get(8..12) == Some(b"WEBP"),
        metadata: blocks::webp,
        decode: webp::read,
    },
    Format {
        content_type: "image/gif",
        matches: |start| start.has(b"GIF87a") || start.has(b"GIF89a"),
        metadata: blocks::gif,
        decode: gif::read,
    },
    Format {
        content_type: "image/tiff",
        matches: |start| start.is("image/tiff"),
        metadata: blocks::tiff,
        decode: tiff::read,
    },
    Format {
        content_type: "image/bmp",
        matches: |start| bmp::is_bmp(start.bytes),
        metadata: blocks::none,
        decode: bmp::read,
    },
    Format {
        content_type: "image/jxl",
        matches: |start| start.has(b"\xFF\x0A") || start.has(jxl::SIGNATURE),
        metadata: blocks::jxl,
        decode: jxl::read,
    },
    Format {
        content_type: "image/avif",
        matches: |start| matches!(start.brand(), Some(b"avif" | b"avis")),
        metadata: blocks::heif,
        decode: heif::read,
    },
    Format {
        content_type: "image/heic",
        matches: |start| matches!(start.brand(), Some(b"heic" | b"heix" | b"heim" | b"heis" | b"hevc" | b"hevx")),
        metadata: blocks::heif,
        decode: heif::read,
    },
    Format {
        content_type: "image/heif",
        matches: |start| matches!(start.brand(), Some(b"mif1" | b"msf1")),
        metadata: blocks::heif,
        decode: heif::read,
    },
    Format {
        content_type: "image/x-canon-cr3",
        matches: |start| start.brand() == Some(b"crx "),
        metadata: blocks::cr3,
        decode: raw::read,
    },
    Format {
        content_type: "image/x-fuji-raf",
        matches: |start| start.has(b"FUJIFILMCCD-RAW"),
        metadata: blocks::raf,
        decode: raw::read,
    },
    Format {
        content_type: "image/x-sigma-x3f",
        matches: |start| start.has(b"FOVb"),
        metadata: blocks::x3f,
        decode: raw::read,
    },
    Format {
        content_type: "image/x-minolta-mrw",
        matches: |start| start.has(b"\0MRM"),
        metadata: blocks::mrw,
        decode: raw::read,
    },
    Format {
        content_type: "image/x-canon-crw",
        matches: |start| start.bytes.get(6..14) == Some(b"HEAPCCDR"),
        metadata: blocks::none,
        decode: raw::read,
    },
    tiff_based_raw("image/x-adobe-dng", |start| start.is("image/x-adobe-dng")),
    tiff_based_raw("image/x-canon-cr2", |start| start.is("image/x-canon-cr2")),
    tiff_based_raw("image/x-nikon-nef", |start| start.is("image/x-nikon-nef")),
    tiff_based_raw("image/x-nikon-nrw", |start| start.is("image/x-nikon-nrw")),
    tiff_based_raw("image/x-sony-arw", |start| start.is("image/x-sony-arw")),
    tiff_based_raw("image/x-sony-sr2", |start| start.is("image/x-sony-sr2")),
    tiff_based_raw("image/x-sony-srf", |start| start.is("image/x-sony-srf")),
    tiff_based_raw("image/x-pentax-pef", |start| start.is("image/x-pentax-pef")),
    tiff_based_raw("image/x-samsung-srw", |start| start.is("image/x-samsung-srw")),
    tiff_based_raw("image/x-hasselblad-3fr", |start| start.is("image/x-hasselblad-3fr")),
    tiff_based_raw("image/x-hasselblad-fff", |start| start.is("image/x-hasselblad-fff")),
    tiff_based_raw("image/x-phaseone-iiq", |start| start.is("image/x-phaseone-iiq")),
    tiff_based_raw("image/x-leica-rwl", |start| start.is("image/x-leica-rwl")),
    tiff_based_raw("image/x-epson-erf", |start| start.is("image/x-epson-erf")),
    tiff_based_raw("image/x-mamiya-mef", |start| start.is("image/x-mamiya-mef")),
    tiff_based_raw("image/x-olympus-orf", |start| start.is("image/x-olympus-orf")),
    tiff_based_raw("image/x-panasonic-rw2", |start| start.is("image/x-panasonic-rw2")),
    tiff_based_raw("image/x-leaf-mos", |start| start.is("image/x-leaf-mos")),
    tiff_based_raw("image/x-kodak-dcr", |start| start.is("image/x-kodak-dcr")),
    tiff_based_raw("image/x-kodak-kdc", |start| start.is("image/x-kodak-kdc")),
    // The signature of Kyocera's Contax.
    tiff_based_raw("image/x-dcraw", |start| start.is("image/x-dcraw") || start.bytes.get(25..32) == Some(b"ARECOYK")),
    Format {
        content_type: "image/vnd.adobe.photoshop",
        matches: |start| start.has(b"8BPS\0\x01") || start.has(b"8BPS\0\x02"),
        metadata: blocks::psd,
        decode: psd::read,
    },
    video("video/mp4", |start| start.is_video("video/mp4")),
    video("video/quicktime", |start| start.is_video("video/quicktime")),
    video("video/3gpp", |start| start.is_video("video/3gpp")),
    video("video/x-msvideo", |start| start.is_video("video/x-msvideo")),
    video("video/x-matroska", |start| start.is_video("video/x-matroska")),
    video("video/webm", |start| start.is_video("video/webm")),
    video("video/mp2t", |start| start.is_video("video/mp2t")),
];
const ROWS: usize = 44;

const fn video(content_type: &'static str, matches: fn(&Start<'_>) -> bool) -> Format {
    Format { content_type, matches, metadata: blocks::none, decode: video::read }
}

const fn tiff_based_raw(content_type: &'static str, matches: fn(&Start<'_>) -> bool) -> Format {
    Format { content_type, matches, metadata: blocks::raw, decode: raw::read }
}

/// The start of a file, with what its signature depends on.
struct Start<'a> {
    bytes: &'a [u8],
    /// The content type, if the file begins like TIFF.
    tiff_based: Option<&'static str>,
}

impl<'a> Start<'a> {
    fn has(&self, signature: &[u8]) -> bool {
        self.bytes.starts_with(signature)
    }

    /// Returns whether the file has TIFF's signature and is of this content type.
    fn is(&self, content_type: &str) -> bool {
        self.tiff_based == Some(content_type)
    }

    fn is_video(&self, content_type: &str) -> bool {
        let found = match self.brands() {
            Some(brands) => video::of_brands(brands),
            None => video::without_brands(self.bytes),
        };
        found == Some(content_type)
    }

    /// Returns the most specific brand of an ISO base media file: the first brand of a picture's coding, otherwise the
    /// first brand of pictures of any coding, otherwise the major one.
    fn brand(&self) -> Option<&'a [u8; 4]> {
        const CODINGS: [&[u8; 4]; 9] =
            [b"crx ", b"avif", b"avis", b"heic", b"heix", b"heim", b"heis", b"hevc", b"hevx"];
        const ANY_CODING: [&[u8; 4]; 2] = [b"mif1", b"msf1"];
        let first_of = |known: &[&[u8; 4]]| self.brands()?.find(|brand| known.contains(brand));
        first_of(&CODINGS).or_else(|| first_of(&ANY_CODING)).or_else(|| self.brands()?.next())
    }

    /// Returns the major brand of an ISO base media file and its compatible ones (ISO/IEC 14496-12, 4.3).
    fn brands(&self) -> Option<impl Iterator<Item = &'a [u8; 4]> + use<'a>> {
        /// Bytes of the box that are read.
        const MAX_BYTES: usize = 512;
        let size = u32::from_be_bytes(*self.bytes.first_chunk::<4>()?) as usize;
        let body = self.bytes.get(4..size.clamp(12, MAX_BYTES).min(self.bytes.len()))?.strip_prefix(b"ftyp")?;
        let (major, rest) = body.split_first_chunk::<4>()?;
        // The four bytes after the major brand are its version.
        let compatible = rest.get(4..).unwrap_or_default().as_chunks::<4>().0;
        Some(std::iter::once(major).chain(compatible))
    }
}

/// Returns the format of `bytes`; the error names the format that they seem to have instead.
///
/// `filename` separates RAW formats with a common signature.
pub(super) fn detect(bytes: &[u8], filename: &str) -> Result<&'static Format, Error> {
    if bytes.is_empty() {
        return Err(Error::EmptyFile);
    }
    let start = Start { bytes, tiff_based: tiff_based::content_type(bytes, filename) };
    let format = FORMATS.iter().find(|format| (format.matches)(&start));
    format.ok_or_else(|| Error::NotAPhoto { looks_like: not_a_photo::looks_like(bytes) })
}

impl fmt::Debug for Format {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Format").field(&self.content_type).finish()
    }
}

/// Returns the row of a content type.
#[cfg(test)]
pub(super) fn row(content_type: &str) -> &'static Format {
    FORMATS.iter().find(|format| format.content_type == content_type).expect("a row")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn content_type(bytes: &[u8], filename: &str) -> Result<&'static str, Error> {
        detect(bytes, filename).map(|format| format.content_type)
    }

    fn refused(bytes: &[u8]) -> String {
        detect(bytes, "photo.jpg").unwrap_err().to_string()
    }

    #[test]
    fn other_files_are_refused_by_name() {
        assert_eq!(detect(b"", "a.jpg").unwrap_err().code(), "empty_file");
        assert!(refused(b"%PDF-1.7").contains("PDF"));
        assert!(refused(b"PK\x03\x04....").contains("ZIP"));
        assert!(refused(b"MZ\x90\0").contains("Windows program"));
        assert!(refused(b"  <!DOCTYPE html><p>").contains("web page"));
        assert!(refused("Gr\u{fc}\u{df}e".as_bytes()).contains("text"));
        assert!(refused(&[0; 40]).contains("zeros"));
        assert!(refused(b"\0\0\0\x18ftypM4A \0\0\0\0M4A mp42isom").contains("sound"));
        assert!(refused(b"RIFF\x24\0\0\0WAVEfmt ").contains("sound"));
    }

    #[test]
    fn raw_and_tiff_are_distinguished() {
        let tiff = b"II\x2A\0\x08\0\0\0\0\0\0\0\0\0";
        assert_eq!(content_type(tiff, "scan.tif"), Ok("image/tiff"));
        assert_eq!(content_type(b"II\x2A\0\x10\0\0\0CR\x02\0", "x.tif"), Ok("image/x-canon-cr2"));
        let dng = b"II\x2A\0\x08\0\0\0\x01\0\x12\xC6\x01\0\x04\0\0\0\x01\x04\0\0\0\0\0\0";
        assert_eq!(content_type(dng, "x.tif"), Ok("image/x-adobe-dng"));
        assert_eq!(content_type(b"FUJIFILMCCD-RAW 0201", "x"), Ok("image/x-fuji-raf"));
    }

    #[test]
    fn brands_decide_among_base_media_files() {
        let file = |brands: &[u8]| {
            let size = u32::try_from(8 + brands.len()).unwrap().to_be_bytes();
            content_type(&[&size[..], b"ftyp", brands].concat(), "x")
        };
        assert_eq!(file(b"heic\0\0\0\0mif1heic"), Ok("image/heic"));
        assert_eq!(file(b"mif1\0\0\0\0mif1heic"), Ok("image/heic"));
        assert_eq!(file(b"avif\0\0\0\0mif1"), Ok("image/avif"));
        assert_eq!(file(b"mif1\0\0\0\0miaf"), Ok("image/heif"));
        assert_eq!(file(b"crx \0\0\0\x01crx isom"), Ok("image/x-canon-cr3"));
    }

    #[test]
    fn each_format_has_extensions() {
        for format in &FORMATS {
            let named = domain::photo::FILE_TYPES.iter().any(|known| known.content_type == format.content_type);
            assert!(named, "{} has no row in FILE_TYPES", format.content_type);
        }
    }
}
