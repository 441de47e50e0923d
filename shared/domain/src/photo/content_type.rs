//! Media types that clients declare.

/// Largest number of characters of a declared media type.
pub const MAX_CONTENT_TYPE: usize = 100;

/// Checks a declared media type: an image, a video beside the images, or `application/octet-stream` if the client
/// cannot tell. Returns it in lower case, or `None` if it is not the type of a photo.
pub fn declared_content_type(declared: &str) -> Option<String> {
    let declared = declared.to_ascii_lowercase();
    let token = |b: u8| b.is_ascii_alphanumeric() || b"!#$&^_.+-".contains(&b);
    let subtype = declared.strip_prefix("image/").or_else(|| declared.strip_prefix("video/"));
    let is_typed = subtype.is_some_and(|s| !s.is_empty() && s.bytes().all(token));
    let is_valid = (is_typed || declared == "application/octet-stream") && declared.len() <= MAX_CONTENT_TYPE;
    Some(declared).filter(|_| is_valid)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn images_and_videos_are_declared() {
        for declared in ["image/jpeg", "IMAGE/x-nikon-nef", "video/quicktime", "application/octet-stream"] {
            assert_eq!(declared_content_type(declared), Some(declared.to_ascii_lowercase()), "{declared}");
        }
        for declared in ["image/", "video/", "video/a b", "audio/mpeg", "text/plain", ""] {
            assert_eq!(declared_content_type(declared), None, "{declared}");
        }
    }
}
