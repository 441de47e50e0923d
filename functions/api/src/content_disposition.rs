//! The `Content-Disposition` header of a file.

use std::fmt::Write as _;

use archive::ascii_name;

/// Longest header that wget reads, in bytes: its buffer has 512 (measured with 1.21.3).
const LONGEST: usize = 511;

/// Returns a `Content-Disposition` header as in RFC 6266: the exact name in UTF-8 (RFC 8187), after a name in ASCII for
/// clients that read no other, such as curl.
///
/// `filename` is a name of the archive crate: it contains nothing that needs a quoted pair, and that clients decode or
/// replace. Chromium and Firefox replace joiners by underscores, though.
///
/// API Gateway limits all headers of a response to 10,240 bytes:
/// <https://docs.aws.amazon.com/apigateway/latest/developerguide/http-api-quotas.html>. A name of 150 bytes takes at most
/// 1,400 bytes of a presigned URL, in which the header is encoded once more.
pub fn attachment(filename: &str) -> String {
    let mut encoded = String::new();
    for byte in filename.bytes() {
        if byte.is_ascii_alphanumeric() || b"!#$&+-.^_`|~".contains(&byte) {
            encoded.push(char::from(byte));
        } else {
            let _ = write!(encoded, "%{byte:02X}");
        }
    }
    let frame = "attachment; filename=\"\"; filename*=UTF-8''".len();
    let plain = ascii_name(filename, LONGEST.saturating_sub(frame + encoded.len()));
    format!("attachment; filename=\"{plain}\"; filename*=UTF-8''{encoded}")
}

#[cfg(test)]
mod tests {
    use archive::{OriginalName, file_name};

    use super::*;

    /// Returns the length of the header in the query of a URL.
    fn in_url(header: &str) -> usize {
        let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-._~".contains(&byte);
        header.bytes().map(|byte| if plain(byte) { 1 } else { 3 }).sum()
    }

    #[test]
    fn hostile_filename_stays_one_header_value() {
        let value = attachment("Köln \"x\"\r\nSet-Cookie: a=b.zip");
        assert!(value.bytes().all(|b| (0x20..0x7f).contains(&b)), "{value}");
        assert!(value.contains("filename*=UTF-8''K%C3%B6ln%20%22x%22%0D%0A"), "{value}");
        assert_eq!(value.matches('"').count(), 2, "{value}");
    }

    #[test]
    fn other_letters_have_a_name_in_ascii() {
        for (filename, expected) in [
            ("A-17 1 of 3.zip", "attachment; filename=\"A-17 1 of 3.zip\"; filename*=UTF-8''A-17%201%20of%203.zip"),
            ("Köln.jpg", "attachment; filename=\"Koln.jpg\"; filename*=UTF-8''K%C3%B6ln.jpg"),
            ("東京.jpg", "attachment; filename=\"download.jpg\"; filename*=UTF-8''%E6%9D%B1%E4%BA%AC.jpg"),
            ("it's (1);.jpg", "attachment; filename=\"it's (1);.jpg\"; filename*=UTF-8''it%27s%20%281%29%3B.jpg"),
        ] {
            assert_eq!(attachment(filename), expected);
        }
    }

    #[test]
    fn longest_names_fit_a_presigned_url() {
        for letter in ["x", "é", "東", "😀", "👨\u{200D}👩", "'", "(", "é'", "ﷺ", "ffi"] {
            let filename = letter.repeat(1_024);
            let name = file_name(OriginalName { filename: &filename, content_type: Some("image/jpeg") });
            let header = attachment(&name);
            assert!(header.len() <= LONGEST && header.contains(".jpg\"; "), "{header}");
            assert!(in_url(&header) <= 1_400, "{}: {}", in_url(&header), name);
        }
    }
}
