//! Encodings of keys, numbers and times in S3's protocol.

use std::fmt::Write as _;

use base64::{Engine as _, engine::general_purpose::STANDARD};
use jiff::{Timestamp, fmt::strtime};

/// Decodes percent-encoding; `None` if the text is invalid or the bytes are not UTF-8.
pub fn decode(text: &str) -> Option<String> {
    if !text.contains('%') {
        return Some(text.to_owned());
    }
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.bytes();
    while let Some(byte) = rest.next() {
        bytes.push(if byte == b'%' {
            let digits = [rest.next()?, rest.next()?];
            u8::from_str_radix(std::str::from_utf8(&digits).ok()?, 16).ok()?
        } else {
            byte
        });
    }
    String::from_utf8(bytes).ok()
}

/// Appends percent-encoded text. Unreserved characters (RFC 3986) and those in `kept` stay.
pub fn encode_into(encoded: &mut String, text: &str, kept: &[u8]) {
    for byte in text.bytes() {
        if byte.is_ascii_alphanumeric() || b"-._~".contains(&byte) || kept.contains(&byte) {
            encoded.push(char::from(byte));
        } else {
            let _ = write!(encoded, "%{byte:02X}");
        }
    }
}

/// Encodes a key as S3 does in events: like a form field, except slashes.
pub fn form_encode(key: &str) -> String {
    let mut encoded = String::with_capacity(key.len());
    for byte in key.bytes() {
        if byte.is_ascii_alphanumeric() || b"-_.*/".contains(&byte) {
            encoded.push(char::from(byte));
        } else if byte == b' ' {
            encoded.push('+');
        } else {
            let _ = write!(encoded, "%{byte:02X}");
        }
    }
    encoded
}

/// Encodes a CRC-32 as S3 writes it: big-endian, in base64.
pub fn crc32(crc32: u32) -> String {
    STANDARD.encode(crc32.to_be_bytes())
}

/// Returns a time as in XML and events, to the millisecond.
pub fn iso(time: Timestamp) -> String {
    format!("{time:.3}")
}

/// Returns a time as in HTTP headers, to the second.
pub fn http_date(time: Timestamp) -> String {
    strtime::format("%a, %d %b %Y %H:%M:%S GMT", time).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn encodings_follow_s3() {
        assert_eq!(decode("a%20b+%c3%BC").as_deref(), Some("a b+ü"));
        assert_eq!((decode("%"), decode("%zz"), decode("%ff")), (None, None, None));
        let mut encoded = String::new();
        encode_into(&mut encoded, "a b+/ü~", b"/");
        assert_eq!(encoded, "a%20b%2B/%C3%BC~");
        assert_eq!(form_encode("a b/c+d/ü~.jpg"), "a+b/c%2Bd/%C3%BC%7E.jpg");
        assert_eq!(crc32(crc32fast::hash(b"123456789")), "y/Q5Jg==");
    }

    #[test]
    fn times_have_both_formats() {
        let time = Timestamp::from_millisecond(1_767_323_045_006).unwrap();
        assert_eq!(iso(time), "2026-01-02T03:04:05.006Z");
        assert_eq!(http_date(time), "Fri, 02 Jan 2026 03:04:05 GMT");
    }
}
