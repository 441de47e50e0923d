//! Parts of an upload: sending, copying and listing.

use std::{ops::Range, time::Duration};

use anyhow::{Context as _, Result, bail};
use aws_sdk_s3::error::ProvideErrorMetadata as _;
use bytes::Bytes;
use domain::ObjectKey;
use runtime::{
    aws::{failed, slow_answer},
    objects::{code, decode_crc32, encode_crc32},
};

use super::{Checksums, Uploads};

/// Time until the response to a copy begins. A slower copy is better retried. The size adds a second per
/// [`SLOW_COPY_BYTES_PER_SECOND`] to both limits.
const COPY: Duration = Duration::from_secs(30);
/// Time until the response to a copy ends.
const COPY_ENDS: Duration = Duration::from_secs(240);
const SLOW_COPY_BYTES_PER_SECOND: u64 = 15_000_000;

/// A finished part.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DonePart {
    /// Number, 1 to 10,000.
    pub number: i32,
    /// Size in bytes.
    pub size: u64,
    /// ETag from the response.
    pub etag: String,
    /// CRC-32 from the response; `None` if the store has no checksums.
    pub crc32: Option<u32>,
}

/// Source of a copied part.
#[derive(Debug, Clone)]
pub struct CopySource {
    /// Key of the object.
    pub key: ObjectKey,
    /// ETag of the object. A replaced object does not match it.
    pub etag: String,
    /// Range to copy; `None` for the whole object.
    pub range: Option<Range<u64>>,
    /// Number of bytes to copy.
    pub len: u64,
}

/// Error of copying a part.
#[derive(Debug, thiserror::Error)]
pub enum CopyError {
    /// The source does not exist.
    #[error("the source of a copy does not exist")]
    Missing,
    /// The source was replaced.
    #[error("the source of a copy was replaced")]
    Changed,
    /// Any other error.
    #[error(transparent)]
    Other(#[from] anyhow::Error),
}

impl Uploads {
    /// Uploads a part.
    pub async fn send(&self, key: &ObjectKey, upload_id: &str, number: i32, bytes: Bytes) -> Result<DonePart> {
        let (size, crc32) = (bytes.len() as u64, crc32fast::hash(&bytes));
        let answer = self
            .client
            .upload_part()
            .bucket(&self.bucket)
            .key(key.to_string())
            .upload_id(upload_id)
            .part_number(number)
            .checksum_crc32(encode_crc32(crc32))
            .body(bytes.into())
            .customize()
            .disable_payload_signing() // the checksum is signed and says what the payload is
            .send()
            .await
            .map_err(|error| failed("Failed to upload a part", error))?;
        let etag = answer.e_tag.context("S3 answered a part without an ETag")?;
        let answered = self.proven(answer.checksum_crc32.as_deref())?;
        if answered.is_some_and(|answered| answered != crc32) {
            bail!("S3 answered a part with another checksum than it was sent with");
        }
        Ok(DonePart { number, size, etag, crc32: answered })
    }

    /// Copies a part within S3.
    pub async fn copy(
        &self,
        key: &ObjectKey,
        upload_id: &str,
        number: i32,
        source: CopySource,
    ) -> Result<DonePart, CopyError> {
        let bucket = match source.key {
            ObjectKey::Original { .. } | ObjectKey::Derivative { .. } => &self.originals,
            _ => &self.bucket,
        };
        let slow = Duration::from_secs(source.len / SLOW_COPY_BYTES_PER_SECOND);
        let range = source.range.map(|range| format!("bytes={}-{}", range.start, range.end.saturating_sub(1)));
        let sent = self
            .client
            .upload_part_copy()
            .bucket(&self.bucket)
            .key(key.to_string())
            .upload_id(upload_id)
            .part_number(number)
            .copy_source(format!("{bucket}/{}", source.key)) // our keys have nothing to encode
            .copy_source_if_match(source.etag)
            .set_copy_source_range(range)
            .customize()
            .config_override(slow_answer(&self.client, COPY + slow, COPY_ENDS + slow))
            .send()
            .await;
        let answer = sent.map_err(|error| match code(&error) {
            (Some("NoSuchKey"), _) => CopyError::Missing,
            (_, 412) => CopyError::Changed,
            _ => CopyError::Other(failed("Failed to copy a part", error)),
        })?;
        let part = answer.copy_part_result.context("S3 answered a copy with nothing copied")?;
        let etag = part.e_tag.context("S3 answered a copied part without an ETag")?;
        Ok(DonePart { number, size: source.len, etag, crc32: self.proven(part.checksum_crc32.as_deref())? })
    }

    /// Lists the parts of an upload; `None` if the upload does not exist.
    pub async fn parts(&self, key: &ObjectKey, upload_id: &str) -> Result<Option<Vec<DonePart>>> {
        let (mut parts, mut after) = (Vec::new(), None);
        loop {
            let sent = self
                .client
                .list_parts()
                .bucket(&self.bucket)
                .key(key.to_string())
                .upload_id(upload_id)
                .set_part_number_marker(after)
                .send()
                .await;
            let page = match sent {
                Ok(page) => page,
                Err(error) if error.code() == Some("NoSuchUpload") => return Ok(None),
                Err(error) => return Err(failed("Failed to list an upload's parts", error)),
            };
            for part in page.parts.unwrap_or_default() {
                parts.push(DonePart {
                    number: part.part_number.context("S3 listed a part without a number")?,
                    size: part
                        .size
                        .and_then(|size| u64::try_from(size).ok())
                        .context("S3 listed a part without size")?,
                    etag: part.e_tag.context("S3 listed a part without an ETag")?,
                    crc32: self.proven(part.checksum_crc32.as_deref())?,
                });
            }
            after = page.next_part_number_marker.filter(|_| page.is_truncated == Some(true));
            if after.is_none() {
                return Ok(Some(parts));
            }
        }
    }

    /// Returns a part's checksum. A store without checksums must be configured, so that no part stays unverified by
    /// accident.
    fn proven(&self, answered: Option<&str>) -> Result<Option<u32>> {
        match (self.checksums, answered.and_then(decode_crc32)) {
            (Checksums::None, _) => Ok(None),
            (Checksums::FullObject, None) => {
                bail!("The store answers no CRC-32 for a part; ARCHIVE_CHECKSUMS=none is for emulators that can't")
            }
            (Checksums::FullObject, answered) => Ok(answered),
        }
    }
}
