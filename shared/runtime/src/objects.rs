//! Objects in an S3 bucket, addressed by typed keys.

use std::{ops::Range, time::Duration};

use anyhow::{Context as _, Result};
use aws_sdk_s3::{
    Client,
    error::{ProvideErrorMetadata, SdkError},
    presigning::{PresignedRequest, PresigningConfig},
    primitives::ByteStream,
};
use base64::{Engine as _, engine::general_purpose::STANDARD};
use bytes::Bytes;
use domain::object_key::ObjectKey;

use crate::aws::{broken_off, failed};

/// Client of one bucket.
#[derive(Clone)]
pub struct ObjectStore {
    client: Client,
    bucket: String,
}

/// Attributes of an object, from HEAD.
#[derive(Debug, Clone)]
pub struct Head {
    /// Size in bytes.
    pub size: u64,
    /// ETag, with quotes.
    pub etag: String,
    /// Media type, as stored.
    pub content_type: Option<String>,
    /// CRC-32 of the whole object, if the store has one.
    pub crc32: Option<u32>,
}

/// Error of reading an object.
#[derive(Debug, thiserror::Error)]
pub enum GetError {
    /// The object does not exist.
    #[error("the object does not exist")]
    Missing,
    /// The object is not the expected one (If-Match).
    #[error("the object was changed")]
    Changed,
    /// Any other error.
    #[error(transparent)]
    Other(#[from] anyhow::Error),
}

/// Conditions that an upload URL enforces, besides the key.
#[derive(Debug, Clone)]
pub struct UploadTerms<'a> {
    /// Content-Type of the upload.
    pub content_type: &'a str,
    /// Content-Length of the upload in bytes.
    pub size: u64,
    /// SHA-256 of the upload, if the client declared one.
    pub sha256: Option<[u8; 32]>,
}

/// Encodes a CRC-32 as S3 writes it: big-endian, in base64.
pub fn encode_crc32(crc32: u32) -> String {
    STANDARD.encode(crc32.to_be_bytes())
}

/// Decodes a CRC-32 as S3 writes it; `None` if the text is invalid.
pub fn decode_crc32(text: &str) -> Option<u32> {
    STANDARD.decode(text).ok()?.try_into().ok().map(u32::from_be_bytes)
}

/// Returns an error's code and HTTP status; 0 if there was no response.
pub fn code<E: ProvideErrorMetadata>(error: &SdkError<E>) -> (Option<&str>, u16) {
    (error.code(), error.raw_response().map_or(0, |response| response.status().as_u16()))
}

impl ObjectStore {
    /// Creates a client of the bucket.
    pub fn new(client: Client, bucket: impl Into<String>) -> Self {
        Self { client, bucket: bucket.into() }
    }

    /// Returns the attributes of the object, or `None` if it does not exist.
    pub async fn head(&self, key: &ObjectKey) -> Result<Option<Head>> {
        let sent = self
            .client
            .head_object()
            .bucket(&self.bucket)
            .key(key.to_string())
            .checksum_mode(aws_sdk_s3::types::ChecksumMode::Enabled)
            .send()
            .await;
        match sent {
            Ok(head) => Ok(Some(Head {
                size: head.content_length().and_then(|n| u64::try_from(n).ok()).unwrap_or(0),
                etag: head.e_tag().unwrap_or_default().to_owned(),
                content_type: head.content_type().map(str::to_owned),
                crc32: head.checksum_crc32().and_then(decode_crc32),
            })),
            // A HEAD response has no body, so only the status shows that the object is missing.
            Err(error) if code(&error).1 == 404 => Ok(None),
            Err(error) => Err(failed("Failed to look at an object", error)),
        }
    }

    /// Returns the bytes of a small object, or `None` if it does not exist.
    pub async fn get(&self, key: &ObjectKey) -> Result<Option<Bytes>> {
        let sent = self.client.get_object().bucket(&self.bucket).key(key.to_string()).send().await;
        match sent {
            Ok(object) => {
                let body =
                    object.body.collect().await.map_err(|error| broken_off("Failed to read an object", error))?;
                Ok(Some(body.into_bytes()))
            }
            Err(error) if matches!(code(&error), (Some("NoSuchKey"), _) | (_, 404)) => Ok(None),
            Err(error) => Err(failed("Failed to read an object", error)),
        }
    }

    /// Opens an object that must have this ETag.
    pub async fn open(&self, key: &ObjectKey, etag: &str) -> Result<ByteStream, GetError> {
        self.open_at(key, etag, None).await
    }

    async fn open_at(&self, key: &ObjectKey, etag: &str, range: Option<String>) -> Result<ByteStream, GetError> {
        let object = self.client.get_object().bucket(&self.bucket).key(key.to_string());
        let sent = object.if_match(etag).set_range(range).send().await;
        match sent {
            Ok(object) => Ok(object.body),
            Err(error) => Err(match code(&error) {
                (Some("NoSuchKey"), _) | (_, 404) => GetError::Missing,
                (_, 412) => GetError::Changed,
                _ => GetError::Other(failed("Failed to read an object", error)),
            }),
        }
    }

    /// Opens a byte range of an object that must have this ETag.
    pub async fn open_range(&self, key: &ObjectKey, etag: &str, range: Range<u64>) -> Result<ByteStream, GetError> {
        self.open_at(key, etag, Some(format!("bytes={}-{}", range.start, range.end.saturating_sub(1)))).await
    }

    /// Stores a small object and returns its ETag.
    pub async fn put(&self, key: &ObjectKey, bytes: Bytes) -> Result<String> {
        let answer = self
            .client
            .put_object()
            .bucket(&self.bucket)
            .key(key.to_string())
            .set_content_type(key.content_type().map(str::to_owned))
            .body(bytes.into())
            .send()
            .await
            .map_err(|error| failed("Failed to store an object", error))?;
        answer.e_tag.context("S3 answered a PUT without an ETag")
    }

    /// Deletes the object. A missing object is not an error.
    pub async fn delete(&self, key: &ObjectKey) -> Result<()> {
        let deleting = self.client.delete_object().bucket(&self.bucket).key(key.to_string());
        deleting.send().await.map_err(|error| failed("Failed to delete an object", error))?;
        Ok(())
    }

    /// Lists objects with this key prefix, at most a thousand. Skips keys that are not Darkroom's.
    pub async fn list(&self, prefix: &str) -> Result<Vec<ObjectKey>> {
        let listing = self.client.list_objects_v2().bucket(&self.bucket).prefix(prefix);
        let listed = listing.send().await.map_err(|error| failed("Failed to list objects", error))?;
        let keys = listed.contents.unwrap_or_default().into_iter().filter_map(|object| object.key);
        Ok(keys.filter_map(|key| ObjectKey::parse(&key)).collect())
    }

    /// Returns a presigned URL for one upload of this key, media type and length, which works only while no object has
    /// the key.
    pub async fn presign_put(
        &self,
        key: &ObjectKey,
        terms: &UploadTerms<'_>,
        lives: Duration,
    ) -> Result<PresignedRequest> {
        self.client
            .put_object()
            .bucket(&self.bucket)
            .key(key.to_string())
            .content_type(terms.content_type)
            .content_length(i64::try_from(terms.size)?)
            .if_none_match("*")
            .set_checksum_sha256(terms.sha256.map(|hash| STANDARD.encode(hash)))
            .presigned(self.presigning(lives)?)
            .await
            .map_err(|error| failed("Failed to sign an upload URL", error))
    }

    /// Returns a presigned URL of the object, with `disposition` as its `Content-Disposition`.
    pub async fn presign_get(&self, key: &ObjectKey, disposition: Option<&str>, lives: Duration) -> Result<String> {
        let request = self
            .client
            .get_object()
            .bucket(&self.bucket)
            .key(key.to_string())
            .set_response_content_disposition(disposition.map(str::to_owned))
            .presigned(self.presigning(lives)?)
            .await
            .map_err(|error| failed("Failed to sign a download URL", error))?;
        Ok(request.uri().to_owned())
    }

    /// Returns the validity of a URL from now on, by the client's clock.
    fn presigning(&self, lives: Duration) -> Result<PresigningConfig> {
        let now = self.client.config().time_source().context("The client has no clock")?.now();
        Ok(PresigningConfig::builder().start_time(now).expires_in(lives).build()?)
    }
}
