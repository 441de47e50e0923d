//! Checksums that clients send and S3 stores.

use base64::{Engine as _, engine::general_purpose::STANDARD};
use http::{HeaderMap, HeaderValue};

use super::{encoding, refusal::Refusal, rope::Rope, xml::Writer};

/// Headers of algorithms that S3 has and this model does not.
const UNKNOWN: [&str; 3] = ["x-amz-checksum-crc32c", "x-amz-checksum-crc64nvme", "x-amz-checksum-sha1"];

/// Checksum algorithm.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Algorithm {
    /// CRC-32.
    Crc32,
    /// SHA-256.
    Sha256,
}

impl Algorithm {
    /// All algorithms.
    pub const ALL: [Self; 2] = [Self::Crc32, Self::Sha256];

    /// Parses the value of `x-amz-checksum-algorithm`.
    pub fn parse(name: &str) -> Result<Self, Refusal> {
        match name {
            "CRC32" => Ok(Self::Crc32),
            "SHA256" => Ok(Self::Sha256),
            "CRC32C" | "CRC64NVME" | "SHA1" => Err(Refusal::unknown(name)),
            _ => Err(Refusal::bad("InvalidRequest", "Checksum algorithm provided is unsupported.")),
        }
    }

    /// Returns the name in headers and XML values.
    pub fn name(self) -> &'static str {
        match self {
            Self::Crc32 => "CRC32",
            Self::Sha256 => "SHA256",
        }
    }

    /// Returns the header of the checksum.
    pub fn header(self) -> &'static str {
        match self {
            Self::Crc32 => "x-amz-checksum-crc32",
            Self::Sha256 => "x-amz-checksum-sha256",
        }
    }

    /// Returns the XML element of the checksum.
    pub fn element(self) -> &'static str {
        match self {
            Self::Crc32 => "ChecksumCRC32",
            Self::Sha256 => "ChecksumSHA256",
        }
    }

    fn len(self) -> usize {
        match self {
            Self::Crc32 => 4,
            Self::Sha256 => 32,
        }
    }
}

/// Coverage of an object's checksum.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Coverage {
    /// The bytes of the object.
    FullObject,
    /// The checksums of the parts.
    Composite,
}

impl Coverage {
    /// Returns the name in headers and XML.
    pub fn name(self) -> &'static str {
        match self {
            Self::FullObject => "FULL_OBJECT",
            Self::Composite => "COMPOSITE",
        }
    }
}

/// Stored checksum.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Checksum {
    /// Algorithm.
    pub algorithm: Algorithm,
    /// Digest in base64, for composite checksums with the number of parts.
    pub value: String,
    /// Coverage.
    pub coverage: Coverage,
}

impl Checksum {
    /// Computes a checksum of all bytes.
    pub fn of(algorithm: Algorithm, content: &Rope) -> Self {
        let value = match algorithm {
            Algorithm::Crc32 => encoding::crc32(content.crc32()),
            Algorithm::Sha256 => STANDARD.encode(content.sha256()),
        };
        Self { algorithm, value, coverage: Coverage::FullObject }
    }

    /// Returns the checksum in the headers; an error if there are two, or it cannot be one.
    pub fn declared(headers: &HeaderMap) -> Result<Option<Self>, Refusal> {
        if let Some(unknown) = UNKNOWN.iter().find(|name| headers.contains_key(**name)) {
            return Err(Refusal::unknown(unknown));
        }
        let mut declared = Algorithm::ALL.into_iter().filter_map(|algorithm| {
            headers.get(algorithm.header()).map(|value| Self::parse(algorithm, value.to_str().unwrap_or_default()))
        });
        let first = declared.next().transpose()?;
        if declared.next().is_some() {
            let message = "Expecting a single x-amz-checksum- header. Multiple checksum Types are not allowed.";
            return Err(Refusal::bad("InvalidRequest", message));
        }
        Ok(first)
    }

    /// Parses a checksum of all bytes.
    pub fn parse(algorithm: Algorithm, value: &str) -> Result<Self, Refusal> {
        let valid = STANDARD.decode(value).is_ok_and(|digest| digest.len() == algorithm.len());
        if !valid {
            let message = format!("Value for {} header is invalid.", algorithm.header());
            return Err(Refusal::bad("InvalidRequest", message));
        }
        Ok(Self { algorithm, value: value.to_owned(), coverage: Coverage::FullObject })
    }

    /// Returns the error of a checksum that differs from the content's.
    pub fn mismatch(algorithm: Algorithm) -> Refusal {
        let message = format!("The {} you specified did not match the calculated checksum.", algorithm.name());
        Refusal::bad("BadDigest", message)
    }

    /// Adds the headers of the checksum to a response.
    pub fn write(&self, headers: &mut HeaderMap) {
        if let Ok(value) = HeaderValue::try_from(&self.value) {
            headers.insert(self.algorithm.header(), value);
        }
        headers.insert("x-amz-checksum-type", HeaderValue::from_static(self.coverage.name()));
    }

    /// Writes the elements of the checksum.
    pub fn write_xml(&self, xml: &mut Writer) {
        xml.text(self.algorithm.element(), &self.value).text("ChecksumType", self.coverage.name());
    }
}

/// Computes an MD5 (RFC 1321), for requests with `Content-MD5` and messages of SQS.
pub fn md5(content: &[u8]) -> [u8; 16] {
    const SHIFTS: [[u32; 4]; 4] = [[7, 12, 17, 22], [5, 9, 14, 20], [4, 11, 16, 23], [6, 10, 15, 21]];
    let mut padded = content.to_vec();
    padded.push(0x80);
    // The last eight bytes of the last block are the length.
    padded.resize((padded.len() + 8).next_multiple_of(64), 0);
    let len = padded.len();
    padded[len - 8..].copy_from_slice(&(content.len() as u64 * 8).to_le_bytes());
    let mut state: [u32; 4] = [0x6745_2301, 0xefcd_ab89, 0x98ba_dcfe, 0x1032_5476];
    for block in padded.chunks_exact(64) {
        let words: Vec<u32> =
            block.chunks_exact(4).map(|word| u32::from_le_bytes([word[0], word[1], word[2], word[3]])).collect();
        let [mut a, mut b, mut c, mut d] = state;
        for step in 0..64 {
            let (mix, word) = match step / 16 {
                0 => ((b & c) | (!b & d), step),
                1 => ((d & b) | (!d & c), (5 * step + 1) % 16),
                2 => (b ^ c ^ d, (3 * step + 5) % 16),
                _ => (c ^ (b | !d), 7 * step % 16),
            };
            let sum = a.wrapping_add(mix).wrapping_add(sine(step)).wrapping_add(words[word]);
            (a, d, c, b) = (d, c, b, b.wrapping_add(sum.rotate_left(SHIFTS[step / 16][step % 4])));
        }
        for (sum, part) in state.iter_mut().zip([a, b, c, d]) {
            *sum = sum.wrapping_add(part);
        }
    }
    let mut digest = [0; 16];
    for (bytes, word) in digest.chunks_exact_mut(4).zip(state) {
        bytes.copy_from_slice(&word.to_le_bytes());
    }
    digest
}

/// Returns the constant of a step of MD5: the sine of its number, as a fraction of 2^32.
#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    clippy::cast_precision_loss,
    reason = "RFC 1321 truncates"
)]
fn sine(step: usize) -> u32 {
    (((step + 1) as f64).sin().abs() * 4_294_967_296.0) as u32
}

#[cfg(test)]
mod tests {
    use bytes::Bytes;

    use super::*;

    #[test]
    fn md5_has_rfc_values() {
        assert_eq!(hex::encode(md5(b"")), "d41d8cd98f00b204e9800998ecf8427e");
        assert_eq!(hex::encode(md5(b"message digest")), "f96b697d7cb7938d525a2f31aaf161d0");
        let digits = "1234567890".repeat(8);
        assert_eq!(hex::encode(md5(digits.as_bytes())), "57edf4a22be3c955ac49da2e2107b67a");
        for len in 54..=66 {
            md5(&vec![0; len]);
        }
    }

    #[test]
    fn declared_checksum_must_be_one_and_valid() {
        let declared = |fields: &[(&'static str, &'static str)]| {
            let mut headers = HeaderMap::new();
            for (name, value) in fields {
                headers.insert(*name, HeaderValue::from_static(value));
            }
            Checksum::declared(&headers).map_err(|refusal| refusal.code())
        };
        let crc32 = ("x-amz-checksum-crc32", "y/Q5Jg==");
        let content = Rope::from(Bytes::from_static(b"123456789"));
        assert_eq!(declared(&[crc32]), Ok(Some(Checksum::of(Algorithm::Crc32, &content))));
        assert_eq!(declared(&[]), Ok(None));
        assert_eq!(declared(&[("x-amz-checksum-crc32", "AAAA")]), Err("InvalidRequest"));
        let sha256 = ("x-amz-checksum-sha256", "47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU=");
        assert_eq!(declared(&[crc32, sha256]), Err("InvalidRequest"));
        assert_eq!(declared(&[("x-amz-checksum-sha1", "")]), Err("NotImplemented"));
    }
}
