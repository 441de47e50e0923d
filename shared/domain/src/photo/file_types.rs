//! File types with their media types and extensions.

/// A type of files that photographers upload.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct FileType {
    /// Media type, such as `image/jpeg`. RAW formats as in the shared MIME-info database.
    pub content_type: &'static str,
    /// Extensions without the dot, in lower case; the usual one first.
    pub extensions: &'static [&'static str],
}

/// All known file types.
pub const FILE_TYPES: &[FileType] = &[
    FileType { content_type: "image/jpeg", extensions: &["jpg", "jpeg", "jpe", "jfif"] },
    FileType { content_type: "image/png", extensions: &["png"] },
    FileType { content_type: "image/webp", extensions: &["webp"] },
    FileType { content_type: "image/tiff", extensions: &["tif", "tiff"] },
    FileType { content_type: "image/gif", extensions: &["gif"] },
    FileType { content_type: "image/bmp", extensions: &["bmp", "dib"] },
    FileType { content_type: "image/vnd.adobe.photoshop", extensions: &["psd", "psb"] },
    FileType { content_type: "image/heic", extensions: &["heic", "hif"] },
    FileType { content_type: "image/heif", extensions: &["heif"] },
    FileType { content_type: "image/jxl", extensions: &["jxl"] },
    FileType { content_type: "image/avif", extensions: &["avif"] },
    FileType { content_type: "image/x-adobe-dng", extensions: &["dng", "gpr"] },
    FileType { content_type: "image/x-canon-cr2", extensions: &["cr2"] },
    FileType { content_type: "image/x-canon-cr3", extensions: &["cr3"] },
    FileType { content_type: "image/x-canon-crw", extensions: &["crw"] },
    // RAW files of other types, with any extension.
    FileType { content_type: "image/x-dcraw", extensions: &[] },
    FileType { content_type: "image/x-epson-erf", extensions: &["erf"] },
    FileType { content_type: "image/x-fuji-raf", extensions: &["raf"] },
    FileType { content_type: "image/x-hasselblad-3fr", extensions: &["3fr"] },
    FileType { content_type: "image/x-hasselblad-fff", extensions: &["fff"] },
    FileType { content_type: "image/x-kodak-dcr", extensions: &["dcr"] },
    FileType { content_type: "image/x-kodak-kdc", extensions: &["kdc"] },
    FileType { content_type: "image/x-leaf-mos", extensions: &["mos"] },
    FileType { content_type: "image/x-leica-rwl", extensions: &["rwl"] },
    FileType { content_type: "image/x-mamiya-mef", extensions: &["mef"] },
    FileType { content_type: "image/x-minolta-mrw", extensions: &["mrw"] },
    FileType { content_type: "image/x-nikon-nef", extensions: &["nef"] },
    FileType { content_type: "image/x-nikon-nrw", extensions: &["nrw"] },
    FileType { content_type: "image/x-olympus-orf", extensions: &["orf", "ori"] },
    FileType { content_type: "image/x-panasonic-rw2", extensions: &["rw2", "raw"] },
    FileType { content_type: "image/x-pentax-pef", extensions: &["pef"] },
    FileType { content_type: "image/x-phaseone-iiq", extensions: &["iiq"] },
    FileType { content_type: "image/x-samsung-srw", extensions: &["srw"] },
    FileType { content_type: "image/x-sigma-x3f", extensions: &["x3f"] },
    FileType { content_type: "image/x-sony-arw", extensions: &["arw"] },
    FileType { content_type: "image/x-sony-sr2", extensions: &["sr2"] },
    FileType { content_type: "image/x-sony-srf", extensions: &["srf"] },
    FileType { content_type: "video/mp4", extensions: &["mp4", "m4v"] },
    FileType { content_type: "video/quicktime", extensions: &["mov", "qt"] },
    FileType { content_type: "video/3gpp", extensions: &["3gp", "3g2"] },
    FileType { content_type: "video/x-msvideo", extensions: &["avi"] },
    FileType { content_type: "video/x-matroska", extensions: &["mkv"] },
    FileType { content_type: "video/webm", extensions: &["webm"] },
    FileType { content_type: "video/mp2t", extensions: &["mts", "m2ts", "m2t", "ts"] },
];

impl FileType {
    /// Finds the file type of a content type, without regard to parameters and case.
    pub fn of_content_type(content_type: &str) -> Option<&'static Self> {
        let essence = content_type.split(';').next().unwrap_or_default().trim();
        FILE_TYPES.iter().find(|known| known.content_type.eq_ignore_ascii_case(essence))
    }

    /// Finds the file type of an extension, without regard to case.
    pub fn of_extension(extension: &str) -> Option<&'static Self> {
        FILE_TYPES.iter().find(|known| known.extensions.iter().any(|known| known.eq_ignore_ascii_case(extension)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parameters_and_case_do_not_matter() {
        let jpeg = FileType::of_content_type("image/jpeg");
        assert!(jpeg.is_some_and(|jpeg| jpeg.extensions.contains(&"jpg")));
        assert_eq!(FileType::of_content_type("IMAGE/JPEG ; quality=1"), jpeg);
        assert_eq!(FileType::of_extension("JPG"), jpeg);
        assert_eq!((FileType::of_content_type("text/html"), FileType::of_extension("html")), (None, None));
    }

    #[test]
    fn each_type_and_extension_is_found() {
        for known in FILE_TYPES {
            assert_eq!(FileType::of_content_type(known.content_type), Some(known), "listed once");
            for extension in known.extensions {
                assert_eq!(FileType::of_extension(extension), Some(known), "{extension} belongs to one type");
            }
        }
    }
}
