//! The body of an object or a part, checked against the sender's length and checksums.

use s3s::{
    S3Result, TrailingHeaders,
    checksum::ChecksumHasher,
    crypto,
    dto::{ChecksumAlgorithm, StreamingBlob},
    s3_error,
};

use super::super::{Api, bytes, object::Digests};

/// Returns the algorithm of the checksum that S3 computes of an object if its uploader names none.
/// <https://docs.aws.amazon.com/AmazonS3/latest/userguide/checking-object-integrity.html>
pub(super) fn default_algorithm() -> ChecksumAlgorithm {
    ChecksumAlgorithm::from_static(ChecksumAlgorithm::CRC64NVME)
}

/// Returns a hasher of the named algorithms.
pub(super) fn hasher(named: impl Fn(&str) -> bool) -> ChecksumHasher {
    ChecksumHasher {
        crc32: named(ChecksumAlgorithm::CRC32).then(crypto::Crc32::default),
        crc32c: named(ChecksumAlgorithm::CRC32C).then(crypto::Crc32c::default),
        crc64nvme: named(ChecksumAlgorithm::CRC64NVME).then(crypto::Crc64Nvme::default),
        sha1: named(ChecksumAlgorithm::SHA1).then(crypto::Sha1::default),
        sha256: named(ChecksumAlgorithm::SHA256).then(crypto::Sha256::default),
    }
}

impl Api {
    /// Writes a body to a blob. Returns an error if its length or a checksum differs from what the sender stated.
    pub(super) async fn take_body(
        &self,
        body: Option<StreamingBlob>,
        mut told: Digests,
        algorithm: Option<&ChecksumAlgorithm>,
        trailers: Option<TrailingHeaders>,
        content_md5: Option<String>,
    ) -> S3Result<bytes::Written> {
        let named = |name: &str| algorithm.is_some_and(|algorithm| algorithm.as_str().eq_ignore_ascii_case(name));
        let hasher = hasher(|name| told.has(name) || named(name));
        let blob = self.0.store.new_blob();
        let written = if let Some(body) = body {
            bytes::write(blob, body, hasher).await?
        } else {
            let nothing = futures::stream::empty::<Result<_, std::io::Error>>();
            bytes::write(blob, nothing, hasher).await?
        };
        // Trailers follow the body. A checksum in a trailer counts like one in a header.
        if let Some(trailers) = trailers.and_then(|trailers| trailers.take()) {
            let trailer = |name: &str| trailers.get(name).and_then(|value| value.to_str().ok()).map(str::to_owned);
            told.crc32 = trailer("x-amz-checksum-crc32").or(told.crc32);
            told.crc32c = trailer("x-amz-checksum-crc32c").or(told.crc32c);
            told.crc64nvme = trailer("x-amz-checksum-crc64nvme").or(told.crc64nvme);
            told.sha1 = trailer("x-amz-checksum-sha1").or(told.sha1);
            told.sha256 = trailer("x-amz-checksum-sha256").or(told.sha256);
        }
        let crc32 = Some(bytes::crc32_base64(written.crc32));
        let found = &written.digests;
        let differs =
            |told: &Option<String>, found: &Option<String>| told.is_some() && found.is_some() && told != found;
        if (told.crc32.is_some() && told.crc32 != crc32)
            || differs(&told.crc32c, &found.crc32c)
            || differs(&told.crc64nvme, &found.crc64nvme)
            || differs(&told.sha1, &found.sha1)
            || differs(&told.sha256, &found.sha256)
        {
            return Err(s3_error!(BadDigest, "The checksum you specified did not match the calculated checksum."));
        }
        if let Some(told) = content_md5 {
            use base64::{Engine, prelude::BASE64_STANDARD};
            let told = BASE64_STANDARD.decode(told).map_err(|_| s3_error!(InvalidDigest))?;
            if told != written.md5 {
                return Err(s3_error!(BadDigest, "The Content-MD5 you specified did not match what we received."));
            }
        }
        Ok(written)
    }
}
