//! Multipart uploads in the downloads bucket, and S3's copies into them.

mod found;
mod parts;

use std::{str::FromStr, time::Duration};

use anyhow::{Context as _, Result};
use aws_sdk_s3::{
    Client,
    error::ProvideErrorMetadata as _,
    types::{ChecksumAlgorithm, ChecksumType, CompletedMultipartUpload, CompletedPart},
};
use bytes::Bytes;
use domain::ObjectKey;
use runtime::{
    aws::{failed, slow_answer},
    objects::{ObjectStore, code, decode_crc32, encode_crc32},
};

pub use self::{
    found::Found,
    parts::{CopyError, CopySource, DonePart},
};

/// Timeout of a completion: S3 may take minutes for an upload of 10,000 parts (API_CompleteMultipartUpload).
const COMPLETION: Duration = Duration::from_secs(300);

/// Checksums that the store supports.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Checksums {
    /// S3: the response contains the CRC-32 of each part, and the completion compares that of the whole object.
    #[default]
    FullObject,
    /// Emulators without checksums: only sizes are compared.
    None,
}

impl FromStr for Checksums {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        match text {
            "full_object" => Ok(Self::FullObject),
            "none" => Ok(Self::None),
            other => Err(format!("{other:?} is neither \"full_object\" nor \"none\"")),
        }
    }
}

/// Error of storing an object.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// The object does not have the expected checksum.
    #[error("the object does not have the checksum that it should have")]
    Mismatch,
    /// Any other error.
    #[error(transparent)]
    Other(#[from] anyhow::Error),
}

/// Expected properties of a stored object.
#[derive(Debug, Clone, Copy)]
pub struct Expected {
    /// Size in bytes.
    pub size: u64,
    /// CRC-32 of the whole; `None` if it is unknown, or the store does not support it.
    pub crc32: Option<u32>,
    /// Whether the object must not exist before.
    pub first: bool,
}

/// Client of the downloads bucket for multipart uploads.
#[derive(Clone)]
pub struct Uploads {
    client: Client,
    bucket: String,
    originals: String,
    checksums: Checksums,
    objects: ObjectStore,
}

impl Uploads {
    /// Creates a client that writes to `bucket` and copies from it and from `originals`.
    pub fn new(client: Client, bucket: impl Into<String>, originals: impl Into<String>, checksums: Checksums) -> Self {
        let bucket = bucket.into();
        let objects = ObjectStore::new(client.clone(), &bucket);
        Self { client, bucket, originals: originals.into(), checksums, objects }
    }

    /// Stores an object in one request. Returns its ETag.
    pub async fn put(&self, key: &ObjectKey, bytes: Bytes, expected: Expected) -> Result<String, StoreError> {
        let crc32 = crc32fast::hash(&bytes);
        if expected.crc32.is_some_and(|expected| expected != crc32) {
            return Err(StoreError::Mismatch);
        }
        let sent = self
            .client
            .put_object()
            .bucket(&self.bucket)
            .key(key.to_string())
            .set_content_type(key.content_type().map(str::to_owned))
            .checksum_crc32(encode_crc32(crc32))
            .set_if_none_match(expected.first.then(|| "*".to_owned()))
            .body(bytes.into())
            .customize()
            .disable_payload_signing() // the checksum is signed and says what the payload is
            .send()
            .await;
        match sent {
            Ok(answer) => Ok(answer.e_tag.context("S3 answered a PUT without an ETag")?),
            Err(error) => {
                let there = if code(&error).1 == 412 { self.already(key, expected).await? } else { None };
                there.ok_or_else(|| failed("Failed to store an object", error).into())
            }
        }
    }

    /// Starts an upload. Returns its id.
    pub async fn begin(&self, key: &ObjectKey) -> Result<String> {
        let checksummed = self.checksums == Checksums::FullObject;
        let answer = self
            .client
            .create_multipart_upload()
            .bucket(&self.bucket)
            .key(key.to_string())
            .set_content_type(key.content_type().map(str::to_owned))
            .set_checksum_algorithm(checksummed.then_some(ChecksumAlgorithm::Crc32))
            .set_checksum_type(checksummed.then_some(ChecksumType::FullObject))
            .send()
            .await
            .map_err(|error| failed("Failed to begin a multipart upload", error))?;
        answer.upload_id.context("S3 began an upload without an id")
    }

    /// Completes an upload if the store finds the expected object. Returns the object's ETag.
    ///
    /// An error can follow a successful completion whose response was lost, or its retry. The existing object is then
    /// compared.
    pub async fn complete(
        &self,
        key: &ObjectKey,
        upload_id: &str,
        parts: &[DonePart],
        expected: Expected,
    ) -> Result<String, StoreError> {
        let checksummed = self.checksums == Checksums::FullObject;
        let crc32 = expected.crc32.filter(|_| checksummed);
        let parts = parts.iter().map(|part| {
            let crc32 = part.crc32.filter(|_| checksummed).map(encode_crc32);
            CompletedPart::builder().part_number(part.number).e_tag(&part.etag).set_checksum_crc32(crc32).build()
        });
        let upload = CompletedMultipartUpload::builder().set_parts(Some(parts.collect())).build();
        let sent = self
            .client
            .complete_multipart_upload()
            .bucket(&self.bucket)
            .key(key.to_string())
            .upload_id(upload_id)
            .multipart_upload(upload)
            .mpu_object_size(i64::try_from(expected.size).context("Larger than S3 can say")?)
            .set_checksum_crc32(crc32.map(encode_crc32))
            .set_checksum_type(crc32.is_some().then_some(ChecksumType::FullObject))
            .set_if_none_match(expected.first.then(|| "*".to_owned()))
            .customize()
            .config_override(slow_answer(&self.client, COMPLETION, COMPLETION))
            .send()
            .await;
        let error = match sent {
            Ok(answer) => {
                let answered = answer.checksum_crc32.as_deref().and_then(decode_crc32);
                if crc32.is_some() && answered != crc32 {
                    return Err(StoreError::Mismatch);
                }
                // S3 can send an error inside a response with status 200, which then has no ETag.
                return Ok(answer.e_tag.context("S3 completed an upload without an ETag")?);
            }
            Err(error) => error,
        };
        if error.code() == Some("BadDigest") {
            return Err(StoreError::Mismatch);
        }
        // If this request fails too, the error of the completion counts.
        if let Ok(Some(etag)) = self.already(key, expected).await {
            // Another upload may have stored the same object, so this one is not needed any more.
            self.abort(key.to_string(), upload_id).await?;
            return Ok(etag);
        }
        Err(failed("Failed to complete a multipart upload", error).into())
    }

    /// Returns the ETag of the object, if it is the expected one.
    pub async fn already(&self, key: &ObjectKey, expected: Expected) -> Result<Option<String>> {
        let Some(head) = self.objects.head(key).await? else { return Ok(None) };
        let proven = self.checksums == Checksums::None || expected.crc32.is_none_or(|crc32| head.crc32 == Some(crc32));
        Ok((head.size == expected.size && proven).then_some(head.etag))
    }

    /// Aborts an upload. A missing upload is not an error.
    pub async fn abort(&self, key: String, upload_id: &str) -> Result<()> {
        let sent = self.client.abort_multipart_upload().bucket(&self.bucket).key(key).upload_id(upload_id).send().await;
        match sent {
            Err(error) if error.code() != Some("NoSuchUpload") => Err(failed("Failed to abort an upload", error)),
            _ => Ok(()),
        }
    }
}
