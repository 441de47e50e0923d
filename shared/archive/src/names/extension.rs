//! Extensions that say what the bytes of a file are.

use domain::photo::FileType;

/// Longest extension, in bytes without its dot, that is kept when a name is shortened.
const MAX_EXTENSION_BYTES: usize = 16;

/// Content types that phones and browsers show.
const SHOWN: [&str; 9] = [
    "image/jpeg",
    "image/png",
    "image/webp",
    "image/gif",
    "image/heic",
    "image/heif",
    "image/avif",
    "video/mp4",
    "video/quicktime",
];

/// Returns the content type with which a file of this name is served, whatever the content type of the stored object is.
///
/// Firefox replaces the extension of a file that is served with the content type of another one: a RAW file that is TIFF
/// inside becomes `.tiff`, and a PNG that was announced as a JPEG `.jpeg`. So a file has the content type that its
/// extension says if devices show that type, and none in particular otherwise.
pub fn served_content_type(name: &str) -> &'static str {
    match split(name).1 {
        zip if zip.eq_ignore_ascii_case("zip") => "application/zip",
        extension => FileType::of_extension(extension)
            .map(|named| named.content_type)
            .filter(|content_type| SHOWN.contains(content_type))
            .unwrap_or("application/octet-stream"),
    }
}

/// Splits a name into stem and extension without its dot. The extension is empty if the text after the last dot does
/// not look like one.
pub(super) fn split(name: &str) -> (&str, &str) {
    match name.rsplit_once('.') {
        Some((stem, extension))
            if !stem.is_empty()
                && (1..=MAX_EXTENSION_BYTES).contains(&extension.len())
                && extension.bytes().all(|byte| byte.is_ascii_alphanumeric()) =>
        {
            (stem, extension)
        }
        _ => (name, ""),
    }
}

/// Returns stem and extension for a file of this content type.
///
/// An extension of the type stays as it is. That of another type is replaced by the usual one of the type. Anything else
/// that stands after the last dot may belong to the name (`1.5`), and the usual extension follows it. Files of types that
/// are unknown, or have no usual extension, keep what they have.
pub(super) fn corrected<'a>(stem: &'a str, extension: &'a str, content_type: Option<&str>) -> (String, &'a str) {
    let actual = content_type.and_then(FileType::of_content_type);
    let Some((actual, usual)) = actual.and_then(|actual| Some((actual, actual.extensions.first()?))) else {
        return (stem.to_owned(), extension);
    };
    match FileType::of_extension(extension) {
        Some(named) if suits(named, actual) => (stem.to_owned(), extension),
        Some(_) => (stem.to_owned(), usual),
        None if extension.is_empty() => (stem.to_owned(), usual),
        None => (format!("{stem}.{extension}"), usual),
    }
}

/// Returns whether viewers open a file of the type `actual` by an extension of the type `named`. All RAW formats count as
/// one kind, because vendors share extensions, and so do the videos that are ISO base media files. Most RAW formats are
/// TIFF inside, and a RAW file whose maker is unknown is called TIFF.
pub(super) fn suits(named: &FileType, actual: &FileType) -> bool {
    let kind = |file_type: &FileType| match file_type.content_type {
        raw if raw.starts_with("image/x-") => "raw",
        "image/heic" | "image/heif" => "heif",
        "video/mp4" | "video/quicktime" | "video/3gpp" => "base media",
        other => other,
    };
    kind(named) == kind(actual) || actual.content_type == "image/tiff" && kind(named) == "raw"
}
