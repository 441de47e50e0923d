//! Objects in an S3 bucket, addressed by typed keys.

mod multipart;

use std::{ops::Range, time::Duration};

use anyhow::{Context as _, Result};
pub use aws_sdk_s3::presigning::PresignedRequest;
use aws_sdk_s3::{
    Client,
    error::{ProvideErrorMetadata, SdkError},
    presigning::PresigningConfig,
    primitives::ByteStream,
    types::{ChecksumMode, ChecksumType, MetadataDirective, TaggingDirective},
};
use base64::{Engine as _, engine::general_purpose::STANDARD};
use bytes::Bytes;
use domain::{
    incoming::{Checksum, Source},
    object_key::ObjectKey,
};
use jiff::Timestamp;

pub use self::multipart::{Completion, StoredPart, UploadCall};
use crate::aws::{broken_off, failed, slow_answer};

/// Longest time of a copy inside S3: 5 GiB at 43 MB/s.
const COPY: Duration = Duration::from_secs(120);

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
    /// Version, of a bucket that has versions.
    pub version: Option<String>,
    /// ETag, with quotes.
    pub etag: String,
    /// Time of the write, in whole seconds.
    pub modified: Option<Timestamp>,
    /// Media type, as stored.
    pub content_type: Option<String>,
    /// CRC-32 of the whole object, if the store has one.
    pub crc32: Option<u32>,
    /// Checksum of the whole object, if the store has one.
    pub checksum: Option<Checksum>,
}

/// An object in a list.
#[derive(Debug, Clone)]
pub struct Listed {
    /// Key.
    pub key: String,
    /// Size in bytes.
    pub size: u64,
    /// Time of the write, in whole seconds.
    pub modified: Timestamp,
}

/// A copy of an object.
#[derive(Debug, Clone)]
pub struct Copied {
    /// ETag of the copy, with quotes.
    pub etag: String,
    /// Checksum of the copy.
    pub checksum: Option<Checksum>,
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

/// Error of looking at, or copying, an object that a client stored.
#[derive(Debug, thiserror::Error)]
pub enum SourceError {
    /// The object does not exist.
    #[error("the object does not exist")]
    Missing,
    /// The object is not the expected one (If-Match).
    #[error("the object was changed")]
    Changed,
    /// The object is in a storage class that must be restored first (`InvalidObjectState`).
    #[error("the object is archived")]
    Archived,
    /// The object can only be read with the key of its owner (SSE-C).
    #[error("the object is encrypted with a customer's key")]
    Encrypted,
    /// S3 denies access: the role lacks a right, or the object has a KMS key of its uploader.
    #[error("access is denied: {0:#}")]
    Denied(anyhow::Error),
    /// Any other error.
    #[error(transparent)]
    Other(#[from] anyhow::Error),
}

/// Headers of the response to a presigned request, instead of those that are stored with the object.
#[derive(Debug, Clone, Copy)]
pub struct ResponseHeaders<'a> {
    /// `Content-Disposition`.
    pub disposition: &'a str,
    /// `Content-Type`.
    pub content_type: &'a str,
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

/// Returns the checksum of a whole object. That of an object uploaded in parts may be one of the parts' checksums, which
/// S3 writes with their number at its end.
fn full_checksum(kind: Option<&ChecksumType>, values: [(&str, Option<&str>); 5]) -> Option<Checksum> {
    if kind == Some(&ChecksumType::Composite) {
        return None;
    }
    let (algorithm, value) = values.into_iter().find_map(|(algorithm, value)| Some((algorithm, value?)))?;
    let (algorithm, value) = (algorithm.to_owned(), value.to_owned());
    Some(Checksum { algorithm, value }).filter(|checksum| !checksum.value.contains('-'))
}

/// Returns key and version of a source for the header `x-amz-copy-source`, percent-encoded.
fn copy_source(source: &Source) -> String {
    // A form writes a space as `+`, which S3 would take for a plus sign.
    let encode =
        |segment: &str| form_urlencoded::byte_serialize(segment.as_bytes()).collect::<String>().replace('+', "%20");
    let key = source.key.split('/').map(encode).collect::<Vec<_>>().join("/");
    let version = source.version.as_ref().map(|version| format!("?versionId={version}")).unwrap_or_default();
    format!("{key}{version}")
}

impl ObjectStore {
    /// Creates a client of the bucket.
    pub fn new(client: Client, bucket: impl Into<String>) -> Self {
        Self { client, bucket: bucket.into() }
    }

    /// Returns the bucket's name.
    pub fn bucket(&self) -> &str {
        &self.bucket
    }

    /// Returns the attributes of the object, or `None` if it does not exist.
    pub async fn head(&self, key: &ObjectKey) -> Result<Option<Head>> {
        match self.head_version(&key.to_string(), None).await {
            Ok(head) => Ok(Some(head)),
            Err(SourceError::Missing) => Ok(None),
            Err(SourceError::Other(error) | SourceError::Denied(error)) => Err(error),
            Err(error) => Err(error.into()),
        }
    }

    /// Returns the attributes of a version of the object with this key; `None` is the current version.
    pub async fn head_version(&self, key: &str, version: Option<&str>) -> Result<Head, SourceError> {
        let sent = self
            .client
            .head_object()
            .bucket(&self.bucket)
            .key(key)
            .set_version_id(version.map(str::to_owned))
            .checksum_mode(ChecksumMode::Enabled)
            .send()
            .await;
        match sent {
            Ok(head) => Ok(Head {
                size: head.content_length().and_then(|n| u64::try_from(n).ok()).unwrap_or(0),
                version: head.version_id().map(str::to_owned),
                etag: head.e_tag().unwrap_or_default().to_owned(),
                modified: head.last_modified().and_then(|time| Timestamp::from_second(time.secs()).ok()),
                content_type: head.content_type().map(str::to_owned),
                crc32: head.checksum_crc32().and_then(decode_crc32),
                checksum: full_checksum(
                    head.checksum_type(),
                    [
                        ("SHA256", head.checksum_sha256()),
                        ("CRC64NVME", head.checksum_crc64_nvme()),
                        ("CRC32", head.checksum_crc32()),
                        ("CRC32C", head.checksum_crc32_c()),
                        ("SHA1", head.checksum_sha1()),
                    ],
                ),
            }),
            // A HEAD response has no body, so only the status tells the reason.
            Err(error) => Err(match code(&error).1 {
                404 => SourceError::Missing,
                400 => self.refusal_of_read(key, version).await,
                403 => SourceError::Denied(failed("Failed to look at an object", error)),
                _ => SourceError::Other(failed("Failed to look at an object", error)),
            }),
        }
    }

    /// Returns the reason why S3 answers a HEAD of this object with 400: a GET has it in its body. The key of the bucket may
    /// be unavailable, or the object have a key of its own.
    async fn refusal_of_read(&self, key: &str, version: Option<&str>) -> SourceError {
        let get = self.client.get_object().bucket(&self.bucket).key(key).range("bytes=0-0");
        match get.set_version_id(version.map(str::to_owned)).send().await {
            // What refused the HEAD has passed, such as an outage of KMS that meets some requests.
            Ok(_) => SourceError::Other(broken_off(
                "Failed to look at an object",
                anyhow::anyhow!("S3 refused a HEAD request, then a GET of the same object worked"),
            )),
            Err(error) => match code(&error) {
                (Some("InvalidRequest"), _) => SourceError::Encrypted,
                // No version of this bucket can have the id.
                (Some("InvalidArgument"), _) | (_, 404) => SourceError::Missing,
                _ => SourceError::Other(failed("Failed to look at an object", error)),
            },
        }
    }

    /// Copies an object inside S3 into this bucket, at most 5 GiB. Media type, metadata and tags of the source are not
    /// copied.
    pub async fn copy(&self, source: &Source, to: &ObjectKey, content_type: &str) -> Result<Copied, SourceError> {
        let sent = self
            .client
            .copy_object()
            .bucket(&self.bucket)
            .key(to.to_string())
            .copy_source(format!("{}/{}", source.bucket.as_ref().unwrap_or(&self.bucket), copy_source(source)))
            .copy_source_if_match(&source.etag)
            .metadata_directive(MetadataDirective::Replace)
            .tagging_directive(TaggingDirective::Replace)
            .content_type(content_type)
            .customize()
            .config_override(slow_answer(&self.client, COPY, COPY))
            .send()
            .await;
        let answer = sent.map_err(|error| match code(&error) {
            (Some("NoSuchKey" | "NoSuchVersion"), _) | (_, 404) => SourceError::Missing,
            (_, 412) => SourceError::Changed,
            (Some("InvalidObjectState"), _) => SourceError::Archived,
            (Some("InvalidRequest"), 400) => SourceError::Encrypted,
            _ => SourceError::Other(failed("Failed to copy an object", error)),
        })?;
        let copied = answer.copy_object_result.context("S3 answered a copy without a result")?;
        Ok(Copied {
            checksum: full_checksum(
                copied.checksum_type(),
                [
                    ("SHA256", copied.checksum_sha256()),
                    ("CRC64NVME", copied.checksum_crc64_nvme()),
                    ("CRC32", copied.checksum_crc32()),
                    ("CRC32C", copied.checksum_crc32_c()),
                    ("SHA1", copied.checksum_sha1()),
                ],
            ),
            etag: copied.e_tag.context("S3 answered a copy without an ETag")?,
        })
    }

    /// Deletes a version of an object for good; `None` is the object of a bucket without versions. A missing version is
    /// not an error.
    pub async fn delete_version(&self, key: &ObjectKey, version: Option<&str>) -> Result<()> {
        let deleting = self.client.delete_object().bucket(&self.bucket).key(key.to_string());
        let sent = deleting.set_version_id(version.map(str::to_owned)).send().await;
        sent.map_err(|error| failed("Failed to delete an object", error))?;
        Ok(())
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
        self.delete_named(&key.to_string()).await
    }

    /// Deletes the object with this key, which may be none of Darkroom's. A missing object is not an error.
    pub async fn delete_named(&self, key: &str) -> Result<()> {
        let deleting = self.client.delete_object().bucket(&self.bucket).key(key);
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

    /// Returns the objects with this prefix whose keys follow `after`, at most `most`, and whether there are more.
    pub async fn page(&self, prefix: &str, after: Option<&str>, most: i32) -> Result<(Vec<Listed>, bool)> {
        let listing = self.client.list_objects_v2().bucket(&self.bucket).prefix(prefix).max_keys(most);
        let listed = listing.set_start_after(after.map(str::to_owned)).send().await;
        let listed = listed.map_err(|error| failed("Failed to list objects", error))?;
        let more = listed.is_truncated().unwrap_or(false);
        let objects = listed.contents.unwrap_or_default().into_iter().filter_map(|object| {
            let modified = object.last_modified.and_then(|time| Timestamp::from_second(time.secs()).ok());
            let size = object.size.and_then(|size| u64::try_from(size).ok()).unwrap_or_default();
            Some(Listed { key: object.key?, size, modified: modified.unwrap_or_default() })
        });
        Ok((objects.collect(), more))
    }

    /// Returns a client of another bucket.
    #[must_use]
    pub fn in_bucket(&self, bucket: &str) -> Self {
        Self { client: self.client.clone(), bucket: bucket.to_owned() }
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

    /// Returns a presigned URL of the object.
    pub async fn presign_get(
        &self,
        key: &ObjectKey,
        headers: Option<ResponseHeaders<'_>>,
        lives: Duration,
    ) -> Result<String> {
        let request = self
            .client
            .get_object()
            .bucket(&self.bucket)
            .key(key.to_string())
            .set_response_content_disposition(headers.map(|headers| headers.disposition.to_owned()))
            .set_response_content_type(headers.map(|headers| headers.content_type.to_owned()))
            .presigned(self.presigning(lives)?)
            .await
            .map_err(|error| failed("Failed to sign a download URL", error))?;
        Ok(request.uri().to_owned())
    }

    /// Returns a presigned URL for a HEAD request of the object.
    pub async fn presign_head(
        &self,
        key: &ObjectKey,
        headers: Option<ResponseHeaders<'_>>,
        lives: Duration,
    ) -> Result<String> {
        let request = self
            .client
            .head_object()
            .bucket(&self.bucket)
            .key(key.to_string())
            .set_response_content_disposition(headers.map(|headers| headers.disposition.to_owned()))
            .set_response_content_type(headers.map(|headers| headers.content_type.to_owned()))
            .presigned(self.presigning(lives)?)
            .await
            .map_err(|error| failed("Failed to sign a URL for a HEAD request", error))?;
        Ok(request.uri().to_owned())
    }

    /// Returns the validity of a URL from now on, by the client's clock.
    fn presigning(&self, lives: Duration) -> Result<PresigningConfig> {
        let now = self.client.config().time_source().context("The client has no clock")?.now();
        Ok(PresigningConfig::builder().start_time(now).expires_in(lives).build()?)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn copy_source_is_encoded_by_segments() {
        let source = |key: &str, version: Option<&str>| Source {
            bucket: None,
            key: key.to_owned(),
            version: version.map(str::to_owned),
            etag: String::new(),
            checksum: None,
            allotment: uuid::Uuid::nil(),
        };
        assert_eq!(
            copy_source(&source("incoming/anna/a b+c%/ü?.jpg", None)),
            "incoming/anna/a%20b%2Bc%25/%C3%BC%3F.jpg"
        );
        assert_eq!(copy_source(&source("incoming/anna/a", Some("v.1_x"))), "incoming/anna/a?versionId=v.1_x");
    }

    #[test]
    fn checksum_of_parts_is_none_of_the_object() {
        let of = |kind: Option<ChecksumType>, crc32: &'static str| {
            full_checksum(
                kind.as_ref(),
                [("SHA256", None), ("CRC64NVME", None), ("CRC32", Some(crc32)), ("CRC32C", None), ("SHA1", None)],
            )
        };
        let whole = Some(Checksum { algorithm: "CRC32".to_owned(), value: "AAAAAA==".to_owned() });
        assert_eq!(of(Some(ChecksumType::FullObject), "AAAAAA=="), whole);
        assert_eq!(of(None, "AAAAAA=="), whole);
        assert_eq!((of(Some(ChecksumType::Composite), "AAAAAA=="), of(None, "AAAAAA==-3")), (None, None));
    }
}
