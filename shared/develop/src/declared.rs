//! What the upload said it was, against what it is.

use super::{
    refusal::Refusal,
    sniff::{Family, Format},
};

/// Refuses a photo that was declared as a photo of another family. Anything else that browsers send (nothing, a
/// generic type, a type nobody knows) says nothing about the file and is ignored.
pub(super) fn check(declared: Option<&str>, format: Format) -> Result<(), Refusal> {
    let Some(declared) = declared.and_then(family) else { return Ok(()) };
    let actual = format.family();
    // Operating systems call RAW files TIFF, by vendor types, or not at all.
    if declared == actual || declared == Family::Raw || actual == Family::Raw {
        return Ok(());
    }
    Err(Refusal::Disguised { declared: declared.name(), actual: actual.name() })
}

fn family(content_type: &str) -> Option<Family> {
    let essence = content_type.split(';').next().unwrap_or_default().trim().to_ascii_lowercase();
    Some(match essence.as_str() {
        "image/jpeg" | "image/jpg" | "image/pjpeg" | "image/jfif" => Family::Jpeg,
        "image/png" | "image/x-png" | "image/apng" => Family::Png,
        "image/webp" => Family::WebP,
        "image/tiff" | "image/tif" | "image/x-tiff" => Family::Tiff,
        "image/gif" => Family::Gif,
        "image/heic" | "image/heif" | "image/heic-sequence" | "image/heif-sequence" | "image/avif" => Family::Heif,
        "image/dng" | "image/raw" => Family::Raw,
        vendor if RAW_VENDORS.iter().any(|prefix| vendor.starts_with(prefix)) => Family::Raw,
        _ => return None,
    })
}

/// As in the shared MIME-info database.
const RAW_VENDORS: [&str; 10] = [
    "image/x-canon-",
    "image/x-nikon-",
    "image/x-sony-",
    "image/x-adobe-",
    "image/x-fuji-",
    "image/x-olympus-",
    "image/x-panasonic-",
    "image/x-pentax-",
    "image/x-dcraw",
    "image/x-raw",
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn spelling_does_not_matter() {
        for declared in ["image/jpg", "IMAGE/JPEG", " image/jpeg ; q=1", "application/octet-stream", "", "nonsense"] {
            assert_eq!(check(Some(declared), Format::Jpeg), Ok(()), "{declared}");
        }
        assert_eq!(check(None, Format::Png), Ok(()));
    }

    #[test]
    fn both_kinds_are_named() {
        let refusal = check(Some("image/png"), Format::Jpeg).unwrap_err();
        assert_eq!(refusal.code(), "disguised");
        let text = refusal.to_string();
        assert!(text.contains("PNG") && text.contains("JPEG"), "{text}");
    }

    #[test]
    fn raw_is_anything_it_likes() {
        assert_eq!(check(Some("image/tiff"), Format::Raw("image/x-nikon-nef")), Ok(()));
        assert_eq!(check(Some("image/x-canon-cr2"), Format::Tiff), Ok(()));
    }
}
