//! Operations on whole objects: put, get, head, copy.

#![allow(clippy::wildcard_imports, reason = "every call of S3 has two types of its own; test builds do not lint this")]

use s3s::{S3Result, TrailingHeaders, dto::*, s3_error};

use super::{
    super::{
        Api, bytes, conditions,
        object::{Attributes, Digests, Object, Record, Segment},
        owed,
    },
    body, check_key, encryption,
};
use crate::sqs;

/// S3: the content type of an object whose uploader stated none.
const DEFAULT_TYPE: &str = "binary/octet-stream";

impl Api {
    /// Stores an object; `trailers` follow its body.
    pub(super) async fn put(
        &self,
        input: PutObjectInput,
        trailers: Option<TrailingHeaders>,
    ) -> S3Result<PutObjectOutput> {
        check_key(&input.key)?;
        // The precondition is checked before the body too, so that a refusal does not cost an upload.
        let record = {
            let index = self.0.store.index();
            let bucket = index.bucket(&input.bucket)?;
            let old = bucket.current(&input.key).map(AsRef::as_ref);
            conditions::for_write(&input.key, input.if_match.as_ref(), input.if_none_match.as_ref(), old)?;
            bucket.record.clone()
        };
        let told = Digests {
            crc32: input.checksum_crc32,
            crc32c: input.checksum_crc32c,
            crc64nvme: input.checksum_crc64nvme,
            sha1: input.checksum_sha1,
            sha256: input.checksum_sha256,
            kind: None,
        };
        let algorithm = input.checksum_algorithm.or_else(|| {
            let names_none = told == Digests::default() && trailers.is_none();
            names_none.then(body::default_algorithm)
        });
        let written = self.take_body(input.body, told, algorithm.as_ref(), trailers, input.content_md5).await?;
        let e_tag = hex::encode(written.md5);
        let mut digests = written.digests;
        digests.kind = (digests != Digests::default()).then(|| ChecksumType::FULL_OBJECT.to_owned());
        let object = Object {
            key: input.key.clone(),
            segments: vec![Segment::whole(written.blob, written.size)],
            record: Record {
                size: written.size,
                e_tag: e_tag.clone(),
                modified: sqs::now_ms(),
                attributes: Attributes {
                    content_type: input.content_type,
                    content_disposition: input.content_disposition,
                    content_encoding: input.content_encoding.as_deref().and_then(without_chunking),
                    content_language: input.content_language,
                    cache_control: input.cache_control,
                    metadata: input.metadata.unwrap_or_default(),
                },
                digests: digests.clone(),
                unsent: owed(&record, "ObjectCreated:Put", &input.key),
                ..Record::default()
            },
        };
        let object = self.0.store.put(&input.bucket, object, |old| {
            conditions::for_write(&input.key, input.if_match.as_ref(), input.if_none_match.as_ref(), old)
        })?;
        self.0.announce(&input.bucket, &object)?;
        Ok(PutObjectOutput {
            e_tag: Some(ETag::Strong(e_tag)),
            checksum_crc32: digests.crc32,
            checksum_crc32c: digests.crc32c,
            checksum_crc64nvme: digests.crc64nvme,
            checksum_sha1: digests.sha1,
            checksum_sha256: digests.sha256,
            checksum_type: digests.kind.map(ChecksumType::from),
            server_side_encryption: Some(encryption()),
            version_id: object.record.version.clone(),
            ..PutObjectOutput::default()
        })
    }

    /// Returns an object, or a range of one.
    pub(super) fn get(&self, input: GetObjectInput) -> S3Result<GetObjectOutput> {
        let (object, version_id) = self.object(&input.bucket, &input.key, input.version_id.as_deref())?;
        conditions::for_read(input.if_match.as_ref(), input.if_none_match.as_ref(), &object)?;
        let range = match &input.range {
            None => 0..object.size(),
            Some(range) => range.check(object.size())?,
        };
        let content_range = input
            .range
            .is_some()
            .then(|| format!("bytes {}-{}/{}", range.start, range.end.saturating_sub(1), object.size()));
        let wants_digests = input.checksum_mode.is_some() && content_range.is_none();
        let digests = if wants_digests { object.record.digests.clone() } else { Digests::default() };
        let Attributes {
            content_type,
            content_disposition,
            content_encoding,
            content_language,
            cache_control,
            metadata,
        } = object.record.attributes.clone();
        Ok(GetObjectOutput {
            accept_ranges: Some("bytes".to_owned()),
            content_length: i64::try_from(range.end - range.start).ok(),
            content_range,
            body: Some(StreamingBlob::wrap(bytes::read(&object, range))),
            e_tag: Some(object.e_tag()),
            last_modified: Some(object.modified()),
            cache_control: input.response_cache_control.or(cache_control),
            content_type: input.response_content_type.or(content_type).or_else(|| Some(DEFAULT_TYPE.to_owned())),
            content_disposition: input.response_content_disposition.or(content_disposition),
            content_encoding: input.response_content_encoding.or(content_encoding),
            content_language: input.response_content_language.or(content_language),
            metadata: (!metadata.is_empty()).then_some(metadata),
            checksum_crc32: digests.crc32,
            checksum_crc32c: digests.crc32c,
            checksum_crc64nvme: digests.crc64nvme,
            checksum_sha1: digests.sha1,
            checksum_sha256: digests.sha256,
            checksum_type: digests.kind.map(ChecksumType::from),
            server_side_encryption: Some(encryption()),
            version_id,
            ..GetObjectOutput::default()
        })
    }

    /// Returns the metadata of an object.
    pub(super) fn head(&self, input: &HeadObjectInput) -> S3Result<HeadObjectOutput> {
        let (object, version_id) = self.object(&input.bucket, &input.key, input.version_id.as_deref())?;
        conditions::for_read(input.if_match.as_ref(), input.if_none_match.as_ref(), &object)?;
        let digests = if input.checksum_mode.is_some() { object.record.digests.clone() } else { Digests::default() };
        let Attributes {
            content_type,
            content_disposition,
            content_encoding,
            content_language,
            cache_control,
            metadata,
        } = object.record.attributes.clone();
        Ok(HeadObjectOutput {
            accept_ranges: Some("bytes".to_owned()),
            content_length: i64::try_from(object.size()).ok(),
            e_tag: Some(object.e_tag()),
            last_modified: Some(object.modified()),
            cache_control,
            content_type: content_type.or_else(|| Some(DEFAULT_TYPE.to_owned())),
            content_disposition,
            content_encoding,
            content_language,
            metadata: (!metadata.is_empty()).then_some(metadata),
            checksum_crc32: digests.crc32,
            checksum_crc32c: digests.crc32c,
            checksum_crc64nvme: digests.crc64nvme,
            checksum_sha1: digests.sha1,
            checksum_sha256: digests.sha256,
            checksum_type: digests.kind.map(ChecksumType::from),
            server_side_encryption: Some(encryption()),
            version_id,
            ..HeadObjectOutput::default()
        })
    }

    /// Copies a whole object.
    pub(super) async fn copy(&self, input: CopyObjectInput) -> S3Result<CopyObjectOutput> {
        check_key(&input.key)?;
        let (source, copy_source_version_id) = self.source(&input.copy_source)?;
        conditions::for_copy(input.copy_source_if_match.as_ref(), input.copy_source_if_none_match.as_ref(), &source)?;
        let replaces =
            input.metadata_directive.as_ref().is_some_and(|told| told.as_str() == MetadataDirective::REPLACE);
        if !replaces && changes_nothing(&input) {
            return Err(s3_error!(
                InvalidRequest,
                "This copy request is illegal because it is trying to copy an object to itself without changing the \
                 object's metadata, storage class, website redirect location or encryption attributes."
            ));
        }
        let attributes = if replaces {
            Attributes {
                content_type: input.content_type,
                content_disposition: input.content_disposition,
                content_encoding: input.content_encoding,
                content_language: input.content_language,
                cache_control: input.cache_control,
                metadata: input.metadata.unwrap_or_default(),
            }
        } else {
            source.record.attributes.clone()
        };
        // S3: a copy has a checksum of all its bytes, of the requested algorithm or the source's.
        let named = |name: &str| match &input.checksum_algorithm {
            Some(algorithm) => algorithm.as_str().eq_ignore_ascii_case(name),
            None if source.record.digests == Digests::default() => name == body::default_algorithm().as_str(),
            None => source.record.digests.has(name),
        };
        let stream = bytes::read(&source, 0..source.size());
        let written = bytes::write(self.0.store.new_blob(), stream, body::hasher(named)).await?;
        let record = self.0.store.index().bucket(&input.bucket)?.record.clone();
        let object = Object {
            key: input.key.clone(),
            segments: vec![Segment::whole(written.blob, written.size)],
            record: Record {
                size: written.size,
                e_tag: hex::encode(written.md5),
                modified: sqs::now_ms(),
                attributes,
                digests: Digests { kind: Some(ChecksumType::FULL_OBJECT.to_owned()), ..written.digests },
                unsent: owed(&record, "ObjectCreated:Copy", &input.key),
                ..Record::default()
            },
        };
        let object = self.0.store.put(&input.bucket, object, |_| Ok(()))?;
        self.0.announce(&input.bucket, &object)?;
        let digests = object.record.digests.clone();
        Ok(CopyObjectOutput {
            copy_object_result: Some(CopyObjectResult {
                e_tag: Some(object.e_tag()),
                last_modified: Some(object.modified()),
                checksum_crc32: digests.crc32,
                checksum_crc32c: digests.crc32c,
                checksum_crc64nvme: digests.crc64nvme,
                checksum_sha1: digests.sha1,
                checksum_sha256: digests.sha256,
                checksum_type: digests.kind.map(ChecksumType::from),
            }),
            copy_source_version_id,
            server_side_encryption: Some(encryption()),
            version_id: object.record.version.clone(),
            ..CopyObjectOutput::default()
        })
    }
}

/// Returns whether a copy that keeps the metadata would replace an object with itself. A copy of an older version to
/// its own key restores it.
fn changes_nothing(input: &CopyObjectInput) -> bool {
    let is_same = match &input.copy_source {
        CopySource::Bucket { bucket, key, version_id: None } => **bucket == *input.bucket && **key == *input.key,
        _ => false,
    };
    is_same
        && input.storage_class.is_none()
        && input.website_redirect_location.is_none()
        && input.server_side_encryption.is_none()
}

/// Removes `aws-chunked` from an encoding: it describes the transfer, not the object.
fn without_chunking(encoding: &str) -> Option<String> {
    let kept: Vec<&str> =
        encoding.split(',').map(str::trim).filter(|part| !part.is_empty() && *part != "aws-chunked").collect();
    (!kept.is_empty()).then(|| kept.join(","))
}
