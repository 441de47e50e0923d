//! Multipart uploads by clients: S3 begins, lists, completes and aborts them; clients send the parts by presigned URLs.

use std::time::Duration;

use anyhow::{Context as _, Result};
use aws_sdk_s3::{
    error::ProvideErrorMetadata as _,
    presigning::PresignedRequest,
    types::{CompletedMultipartUpload, CompletedPart},
};
use domain::object_key::ObjectKey;
use http::Uri;

use super::{ObjectStore, code};
use crate::aws::{failed, slow_answer};

/// Time for one attempt of a completion by a worker; the API, whose timeouts are shorter, waits 10 s. S3 may take
/// minutes for an upload of 10,000 parts (API_CompleteMultipartUpload); a request that ends earlier is repeated.
const COMPLETION: Duration = Duration::from_secs(170);
/// Header by which S3 refuses a completion whose parts have another size together.
const OBJECT_SIZE: &str = "x-amz-mp-object-size";

/// A part that S3 has stored.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StoredPart {
    /// Number, 1 to 10,000.
    pub number: u16,
    /// Size in bytes.
    pub size: u64,
    /// ETag, with quotes.
    pub etag: String,
}

/// Result of completing an upload.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Completion {
    /// S3 stored the object.
    Stored,
    /// The key has an object already.
    Exists,
    /// The upload was completed or aborted before.
    NoUpload,
    /// S3 refused the parts, with this error code.
    Refused(String),
}

/// A request about one upload that a client sends by a presigned URL.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum UploadCall {
    /// ListParts.
    ListParts,
    /// CompleteMultipartUpload; S3 refuses it if the key has an object, or if the parts have another size together.
    Complete {
        /// Size of the object in bytes.
        size: u64,
    },
    /// AbortMultipartUpload.
    Abort,
}

impl UploadCall {
    fn method(self) -> &'static str {
        match self {
            Self::ListParts => "GET",
            Self::Complete { .. } => "POST",
            Self::Abort => "DELETE",
        }
    }

    fn headers(self) -> Vec<(&'static str, String)> {
        match self {
            Self::Complete { size } => vec![("if-none-match", "*".to_owned()), (OBJECT_SIZE, size.to_string())],
            Self::ListParts | Self::Abort => Vec::new(),
        }
    }
}

impl ObjectStore {
    /// Begins an upload and returns its id.
    ///
    /// The upload names no checksum algorithm: S3 would then demand the checksum of each part at the completion, which
    /// browsers do not send. S3 computes a CRC-64/NVME itself, and the processor checks the declared SHA-256.
    pub async fn begin_multipart(&self, key: &ObjectKey, content_type: &str) -> Result<String> {
        let create = self.client.create_multipart_upload().bucket(&self.bucket).key(key.to_string());
        let sent = create.content_type(content_type).send().await;
        let begun = sent.map_err(|error| failed("Failed to begin a multipart upload", error))?;
        begun.upload_id.context("S3 began an upload without an id")
    }

    /// Returns whether the upload is open.
    pub async fn has_multipart(&self, key: &ObjectKey, upload_id: &str) -> Result<bool> {
        Ok(self.page_of_parts(key, upload_id, None, Some(1)).await?.is_some())
    }

    /// Returns all parts of the upload that S3 has stored, by number; `None` if the upload is not open.
    pub async fn parts(&self, key: &ObjectKey, upload_id: &str) -> Result<Option<Vec<StoredPart>>> {
        let (mut parts, mut after) = (Vec::new(), None);
        loop {
            let Some((page, next)) = self.page_of_parts(key, upload_id, after, None).await? else { return Ok(None) };
            parts.extend(page);
            if next.is_none() {
                return Ok(Some(parts));
            }
            after = next;
        }
    }

    /// Returns the parts after this number, and the number after which the next page begins.
    async fn page_of_parts(
        &self,
        key: &ObjectKey,
        upload_id: &str,
        after: Option<String>,
        most: Option<i32>,
    ) -> Result<Option<(Vec<StoredPart>, Option<String>)>> {
        let list = self.client.list_parts().bucket(&self.bucket).key(key.to_string()).upload_id(upload_id);
        let page = match list.set_part_number_marker(after).set_max_parts(most).send().await {
            Ok(page) => page,
            Err(error) if error.code() == Some("NoSuchUpload") => return Ok(None),
            Err(error) => return Err(failed("Failed to list an upload's parts", error)),
        };
        let next = page.next_part_number_marker.filter(|_| page.is_truncated == Some(true));
        let parts = page.parts.unwrap_or_default().into_iter().map(|part| {
            let number = part.part_number.and_then(|number| u16::try_from(number).ok());
            let size = part.size.and_then(|size| u64::try_from(size).ok());
            Ok(StoredPart {
                number: number.context("S3 listed a part without a number")?,
                size: size.context("S3 listed a part without a size")?,
                etag: part.e_tag.context("S3 listed a part without an ETag")?,
            })
        });
        Ok(Some((parts.collect::<Result<_>>()?, next)))
    }

    /// Completes an upload with these parts (number and ETag, in ascending order), unless the key has an object.
    ///
    /// An error can follow a successful completion whose response was lost: the caller looks at the object.
    pub async fn complete_multipart(
        &self,
        key: &ObjectKey,
        upload_id: &str,
        parts: &[(u16, String)],
        size: u64,
    ) -> Result<Completion> {
        let parts = parts
            .iter()
            .map(|(number, etag)| CompletedPart::builder().part_number((*number).into()).e_tag(etag).build());
        let upload = CompletedMultipartUpload::builder().set_parts(Some(parts.collect())).build();
        let sent = self
            .client
            .complete_multipart_upload()
            .bucket(&self.bucket)
            .key(key.to_string())
            .upload_id(upload_id)
            .multipart_upload(upload)
            .mpu_object_size(i64::try_from(size)?)
            .if_none_match("*")
            .customize()
            .config_override(slow_answer(&self.client, COMPLETION, COMPLETION))
            .send()
            .await;
        let Err(error) = sent else { return Ok(Completion::Stored) };
        match code(&error) {
            (_, 412) => Ok(Completion::Exists),
            (Some("NoSuchUpload"), _) => Ok(Completion::NoUpload),
            (
                Some(
                    refused @ ("InvalidPart" | "InvalidPartOrder" | "EntityTooSmall" | "InvalidRequest"
                    | "InvalidArgument" | "MalformedXML"),
                ),
                400,
            ) => Ok(Completion::Refused(refused.to_owned())),
            _ => Err(failed("Failed to complete a multipart upload", error)),
        }
    }

    /// Aborts an upload; S3 deletes its parts. An upload that is not open is not an error.
    pub async fn abort_multipart(&self, key: &ObjectKey, upload_id: &str) -> Result<()> {
        let abort = self.client.abort_multipart_upload().bucket(&self.bucket).key(key.to_string()).upload_id(upload_id);
        match abort.send().await {
            Err(error) if error.code() != Some("NoSuchUpload") => Err(failed("Failed to abort an upload", error)),
            _ => Ok(()),
        }
    }

    /// Returns a presigned URL for one part of an upload.
    ///
    /// It binds no length: clients cut files in their own way, and the completion binds the length of the whole.
    pub async fn presign_part(
        &self,
        key: &ObjectKey,
        upload_id: &str,
        number: u16,
        lives: Duration,
    ) -> Result<PresignedRequest> {
        let part = self.client.upload_part().bucket(&self.bucket).key(key.to_string()).upload_id(upload_id);
        let signed = part.part_number(number.into()).presigned(self.presigning(lives)?).await;
        signed.map_err(|error| failed("Failed to sign the URL of a part", error))
    }

    /// Returns a presigned URL for a request about an upload.
    ///
    /// The SDK signs URLs of few operations, and these are not among them: the URL of a part becomes theirs before it is
    /// signed.
    pub async fn presign_upload_call(
        &self,
        key: &ObjectKey,
        upload_id: &str,
        call: UploadCall,
        lives: Duration,
    ) -> Result<PresignedRequest> {
        let part = self.client.upload_part().bucket(&self.bucket).key(key.to_string()).upload_id(upload_id);
        let signed = part
            .part_number(1)
            .customize()
            .mutate_request(move |request| {
                let _ = request.set_method(call.method());
                if let Some(uri) = without_part(request.uri()) {
                    let _ = request.set_uri(uri);
                }
                for (name, value) in call.headers() {
                    request.headers_mut().insert(name, value);
                }
            })
            .presigned(self.presigning(lives)?)
            .await
            .map_err(|error| failed("Failed to sign the URL of an upload", error))?;
        anyhow::ensure!(
            signed.method() == call.method() && !signed.uri().contains("partNumber"),
            "The URL of a part was not changed before it was signed"
        );
        Ok(signed)
    }
}

/// Returns the URI of a part without the fields that make it one.
fn without_part(uri: &str) -> Option<Uri> {
    let (path, query) = uri.split_once('?')?;
    let kept: Vec<&str> = query.split('&').filter(|field| field.starts_with("uploadId=")).collect();
    format!("{path}?{}", kept.join("&")).parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn uri_of_a_part_becomes_that_of_its_upload() {
        let uri = without_part("http://s3/photos/originals/anna/1?x-id=UploadPart&partNumber=1&uploadId=a%2Fb");
        assert_eq!(uri.expect("a URI").to_string(), "http://s3/photos/originals/anna/1?uploadId=a%2Fb");
    }
}
