//! Bodies of objects and parts: decoded, and compared with what the sender declared.

use base64::{Engine as _, engine::general_purpose::STANDARD};
use bytes::{Bytes, BytesMut};
use http::{HeaderMap, HeaderName, HeaderValue};
use sha2::{Digest as _, Sha256};

use super::{
    checksum::{Algorithm, Checksum, md5},
    refusal::Refusal,
    request::Parsed,
    rope::Rope,
};

/// S3: 5 GiB in one request (userguide, qfacts).
const MAX_BODY: usize = 5 << 30;

/// A verified body.
pub struct Received {
    /// Bytes.
    pub content: Rope,
    /// SHA-256 of the bytes.
    pub sha256: [u8; 32],
    /// Checksum that the sender declared.
    pub checksum: Option<Checksum>,
}

/// Bytes of a body, without its transfer encoding.
pub struct Payload {
    /// Bytes.
    pub bytes: Bytes,
    sha256: [u8; 32],
    /// Headers after the body.
    trailers: HeaderMap,
}

/// Decodes the body and verifies its length and `x-amz-content-sha256`.
///
/// Signatures of chunks are not verified: the declared checksum covers the bytes.
pub fn payload(request: &Parsed<'_>) -> Result<Payload, Refusal> {
    let declared_len = request.header("content-length").map(str::parse);
    if declared_len.is_some_and(|len| len != Ok(request.body().len())) {
        return Err(incomplete());
    }
    let payload = request.header("x-amz-content-sha256").unwrap_or("UNSIGNED-PAYLOAD");
    let mut trailers = HeaderMap::new();
    let (bytes, hash) = match payload {
        "UNSIGNED-PAYLOAD" => (request.body().clone(), None),
        "STREAMING-UNSIGNED-PAYLOAD-TRAILER"
        | "STREAMING-AWS4-HMAC-SHA256-PAYLOAD"
        | "STREAMING-AWS4-HMAC-SHA256-PAYLOAD-TRAILER" => (decode_chunks(request, &mut trailers)?, None),
        hash if hash.len() == 64 && hash.bytes().all(|digit| digit.is_ascii_hexdigit()) => {
            (request.body().clone(), Some(hash))
        }
        _ => {
            let message = "x-amz-content-sha256 must be UNSIGNED-PAYLOAD, STREAMING-AWS4-HMAC-SHA256-PAYLOAD, or a \
                valid sha256 value.";
            return Err(Refusal::argument(message));
        }
    };
    if bytes.len() > MAX_BODY {
        let message = "Your proposed upload exceeds the maximum allowed object size.";
        return Err(Refusal::bad("EntityTooLarge", message));
    }
    let sha256: [u8; 32] = Sha256::digest(&bytes).into();
    if hash.is_some_and(|hash| !hash.eq_ignore_ascii_case(&hex::encode(sha256))) {
        let message = "The provided 'x-amz-content-sha256' header does not match what was computed.";
        return Err(Refusal::bad("XAmzContentSHA256Mismatch", message));
    }
    Ok(Payload { bytes, sha256, trailers })
}

/// Decodes the body of an object or a part, and verifies its length and all declared digests.
pub fn receive(request: &Parsed<'_>) -> Result<Received, Refusal> {
    let Payload { bytes, sha256, trailers } = payload(request)?;
    if let Some(declared) = request.header("content-md5") {
        let declared = STANDARD.decode(declared).ok().filter(|digest| digest.len() == 16);
        let message = "The Content-MD5 you specified was invalid.";
        let declared = declared.ok_or_else(|| Refusal::bad("InvalidDigest", message))?;
        if declared != md5(&bytes) {
            let message = "The Content-MD5 you specified did not match what we received.";
            return Err(Refusal::bad("BadDigest", message));
        }
    }
    let mut checksum = Checksum::declared(request.request.headers())?;
    if let Some(name) = request.header("x-amz-trailer") {
        if !trailers.contains_key(name) {
            let message = "The request contained trailing data that was not well-formed or did not conform to our \
                published schema.";
            return Err(Refusal::bad("MalformedTrailerError", message));
        }
        checksum = Checksum::declared(&trailers)?.or(checksum);
    }
    let content = Rope::from(bytes);
    if let Some(declared) = &checksum {
        let matches = match declared.algorithm {
            Algorithm::Crc32 => *declared == Checksum::of(Algorithm::Crc32, &content),
            Algorithm::Sha256 => declared.value == STANDARD.encode(sha256),
        };
        if !matches {
            return Err(Checksum::mismatch(declared.algorithm));
        }
    }
    Ok(Received { content, sha256, checksum })
}

/// Decodes `aws-chunked`: chunks of `SIZE[;extensions]\r\nBYTES\r\n`, one of size 0, and trailers.
///
/// <https://docs.aws.amazon.com/AmazonS3/latest/API/sigv4-streaming-trailers.html>
fn decode_chunks(request: &Parsed<'_>, trailers: &mut HeaderMap) -> Result<Bytes, Refusal> {
    let Some(len) = request.header("x-amz-decoded-content-length") else {
        return Err(Refusal::new(
            http::StatusCode::LENGTH_REQUIRED,
            "MissingContentLength",
            "You must provide the Content-Length HTTP header.",
        ));
    };
    let mut rest = request.body().clone();
    let mut pieces = Vec::new();
    loop {
        let head = line(&mut rest).ok_or_else(incomplete)?;
        let size = head.split(';').next().unwrap_or_default();
        let size = usize::from_str_radix(size, 16).map_err(|_| incomplete())?;
        if size == 0 {
            break;
        }
        if rest.len() < size + 2 || rest[size..size + 2] != *b"\r\n" {
            return Err(incomplete());
        }
        pieces.push(rest.split_to(size));
        let _ = rest.split_to(2);
    }
    while let Some(field) = line(&mut rest) {
        let Some((name, value)) = field.split_once(':') else { continue };
        if let (Ok(name), Ok(value)) = (HeaderName::try_from(name.trim()), HeaderValue::try_from(value.trim())) {
            trailers.insert(name, value);
        }
    }
    let whole = match pieces.as_slice() {
        [piece] => piece.clone(),
        pieces => {
            let mut whole = BytesMut::new();
            for piece in pieces {
                whole.extend_from_slice(piece);
            }
            whole.freeze()
        }
    };
    if len.parse() == Ok(whole.len()) { Ok(whole) } else { Err(incomplete()) }
}

/// Removes a line and returns it without its end.
fn line(rest: &mut Bytes) -> Option<String> {
    let end = rest.windows(2).position(|pair| pair == b"\r\n")?;
    let line = rest.split_to(end);
    let _ = rest.split_to(2);
    String::from_utf8(line.to_vec()).ok()
}

fn incomplete() -> Refusal {
    let message = "You did not provide the number of bytes specified by the Content-Length HTTP header";
    Refusal::bad("IncompleteBody", message)
}

#[cfg(test)]
mod tests {
    use http::Request;

    use super::*;

    fn received(headers: &[(&str, &str)], body: &'static str) -> Result<String, &'static str> {
        let mut request = Request::put("http://s3/b/k");
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        let request = request.body(Bytes::from_static(body.as_bytes())).unwrap();
        let received = receive(&Parsed::new(&request).unwrap()).map_err(|refusal| refusal.code())?;
        Ok(String::from_utf8(received.content.to_bytes().to_vec()).unwrap())
    }

    #[test]
    fn chunks_are_decoded_and_their_trailer_verified() {
        let chunked = |trailer: &str, len: &str, body| {
            let payload = "STREAMING-UNSIGNED-PAYLOAD-TRAILER";
            let len = ("x-amz-decoded-content-length", len);
            received(&[("x-amz-content-sha256", payload), ("x-amz-trailer", trailer), len], body)
        };
        let crc32 = "x-amz-checksum-crc32";
        let right = "4\r\n1234\r\n5\r\n56789\r\n0\r\nx-amz-checksum-crc32:y/Q5Jg==\r\n\r\n";
        assert_eq!(chunked(crc32, "9", right), Ok("123456789".to_owned()));
        assert_eq!(chunked(crc32, "8", right), Err("IncompleteBody"));
        assert_eq!(chunked("x-amz-checksum-sha256", "9", right), Err("MalformedTrailerError"));
        let wrong = "9\r\n123456780\r\n0\r\nx-amz-checksum-crc32:y/Q5Jg==\r\n\r\n";
        assert_eq!(chunked(crc32, "9", wrong), Err("BadDigest"));
        assert_eq!(chunked(crc32, "9", "9\r\n1234"), Err("IncompleteBody"));
    }

    #[test]
    fn signed_chunks_are_decoded() {
        let payload = ("x-amz-content-sha256", "STREAMING-AWS4-HMAC-SHA256-PAYLOAD");
        let body = "2;chunk-signature=ab\r\nok\r\n0;chunk-signature=cd\r\n\r\n";
        assert_eq!(received(&[payload, ("x-amz-decoded-content-length", "2")], body), Ok("ok".to_owned()));
        assert_eq!(received(&[payload], body), Err("MissingContentLength"));
    }

    #[test]
    fn declared_digests_and_length_are_verified() {
        let hash = "15e2b0d3c33891ebb0f1ef609ec419420c20e320ce94c65fbc8c3312448eb225";
        assert_eq!(received(&[("x-amz-content-sha256", hash)], "123456789"), Ok("123456789".to_owned()));
        assert_eq!(received(&[("x-amz-content-sha256", hash)], "12345678"), Err("XAmzContentSHA256Mismatch"));
        assert_eq!(received(&[("x-amz-content-sha256", "none")], ""), Err("InvalidArgument"));
        assert_eq!(received(&[("content-md5", "JfnnlDI7RTiF9RgfG2JNCw==")], "123456789"), Ok("123456789".to_owned()));
        assert_eq!(received(&[("content-md5", "JfnnlDI7RTiF9RgfG2JNCw==")], "1"), Err("BadDigest"));
        assert_eq!(received(&[("content-md5", "a")], "1"), Err("InvalidDigest"));
        assert_eq!(received(&[("content-length", "2")], "1"), Err("IncompleteBody"));
    }
}
