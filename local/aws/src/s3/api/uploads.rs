//! Multipart uploads, from creation to completion.

#![allow(clippy::wildcard_imports, reason = "every call of S3 has two types of its own; test builds do not lint this")]

use s3s::{S3Error, S3ErrorCode, S3Result, TrailingHeaders, dto::*, s3_error};

use super::{
    super::{
        Api, bytes, conditions,
        listing::max_keys,
        members,
        multipart::{self, Completion, MAX_PART, MIN_PART, PART_NUMBERS},
        object::{self, Attributes, Digests, Object, Part as StoredPart, PartRecord, Segment, UploadRecord, timestamp},
        owed,
    },
    check_key, encryption,
};
use crate::{identity::CANONICAL_USER, sqs};

impl Api {
    /// Creates an upload.
    pub(super) fn create_upload(&self, input: CreateMultipartUploadInput) -> S3Result<CreateMultipartUploadOutput> {
        check_key(&input.key)?;
        let algorithm = input.checksum_algorithm.as_ref().map(|algorithm| algorithm.as_str().to_owned());
        let kind = input.checksum_type.as_ref().map(|kind| kind.as_str().to_owned());
        if kind.is_some() && algorithm.is_none() {
            return Err(s3_error!(InvalidRequest, "The x-amz-checksum-type header needs a checksum algorithm."));
        }
        if kind.as_deref() == Some(ChecksumType::FULL_OBJECT) && algorithm.as_deref() != Some(ChecksumAlgorithm::CRC32)
        {
            return Err(s3_error!(NotImplemented, "Of the whole object, only CRC32 is kept here."));
        }
        // S3: the default type of a CRC32 is composite.
        let kind = kind.or_else(|| algorithm.is_some().then(|| ChecksumType::COMPOSITE.to_owned()));
        let id = self.0.store.create_upload(UploadRecord {
            bucket: input.bucket.clone(),
            key: input.key.clone(),
            attributes: Attributes {
                content_type: input.content_type,
                content_disposition: input.content_disposition,
                content_encoding: input.content_encoding,
                content_language: input.content_language,
                cache_control: input.cache_control,
                metadata: input.metadata.unwrap_or_default(),
            },
            algorithm,
            kind: kind.clone(),
            initiated: sqs::now_ms(),
        })?;
        Ok(CreateMultipartUploadOutput {
            bucket: Some(input.bucket),
            key: Some(input.key),
            upload_id: Some(id),
            checksum_algorithm: input.checksum_algorithm,
            checksum_type: kind.map(ChecksumType::from),
            server_side_encryption: Some(encryption()),
            ..CreateMultipartUploadOutput::default()
        })
    }

    /// Stores a part; `trailers` follow its body.
    pub(super) async fn take_part(
        &self,
        input: UploadPartInput,
        trailers: Option<TrailingHeaders>,
    ) -> S3Result<UploadPartOutput> {
        let (bucket, key, id) = (&input.bucket, &input.key, &input.upload_id);
        check_part_number(input.part_number)?;
        let has_crc32 = self.0.store.index().upload(bucket, key, id)?.record.algorithm.as_deref() == Some("CRC32");
        let told = Digests {
            crc32: input.checksum_crc32,
            crc32c: input.checksum_crc32c,
            crc64nvme: input.checksum_crc64nvme,
            sha1: input.checksum_sha1,
            sha256: input.checksum_sha256,
            kind: None,
        };
        let written =
            self.take_body(input.body, told, input.checksum_algorithm.as_ref(), trailers, input.content_md5).await?;
        let mut digests = written.digests.clone();
        if has_crc32 {
            digests.crc32 = Some(bytes::crc32_base64(written.crc32));
        }
        let record = self.keep_part(bucket, key, id, input.part_number, written, digests)?;
        Ok(UploadPartOutput {
            e_tag: Some(ETag::Strong(record.md5)),
            checksum_crc32: record.digests.crc32,
            checksum_crc32c: record.digests.crc32c,
            checksum_crc64nvme: record.digests.crc64nvme,
            checksum_sha1: record.digests.sha1,
            checksum_sha256: record.digests.sha256,
            server_side_encryption: Some(encryption()),
            ..UploadPartOutput::default()
        })
    }

    /// Creates a part from an object, or from a range of one.
    pub(super) async fn copy_part(&self, input: UploadPartCopyInput) -> S3Result<UploadPartCopyOutput> {
        let (bucket, key, id) = (&input.bucket, &input.key, &input.upload_id);
        check_part_number(input.part_number)?;
        let has_crc32 = self.0.store.index().upload(bucket, key, id)?.record.algorithm.as_deref() == Some("CRC32");
        let (source, copy_source_version_id) = self.source(&input.copy_source)?;
        conditions::for_copy(input.copy_source_if_match.as_ref(), input.copy_source_if_none_match.as_ref(), &source)?;
        let range = match &input.copy_source_range {
            None => 0..source.size(),
            Some(text) => copy_range(text, source.size())?,
        };
        if range.end - range.start > MAX_PART {
            return Err(s3_error!(
                InvalidRequest,
                "The specified copy source is larger than the maximum allowable size for a copy source: {MAX_PART}"
            ));
        }
        let md5 = copied_md5(&source, &range);
        let segments = object::slice(&source.segments, &range);
        let crc32 = bytes::crc32(segments.clone()).await.map_err(S3Error::internal_error)?;
        let digests = Digests { crc32: has_crc32.then(|| bytes::crc32_base64(crc32)), ..Digests::default() };
        let part = StoredPart {
            record: PartRecord {
                blobs: segments.iter().map(Segment::record).collect(),
                size: range.end - range.start,
                md5,
                crc32,
                modified: sqs::now_ms(),
                digests,
            },
            segments,
        };
        let record = part.record.clone();
        self.0.store.put_part(bucket, key, id, input.part_number, part)?;
        Ok(UploadPartCopyOutput {
            copy_part_result: Some(CopyPartResult {
                e_tag: Some(ETag::Strong(record.md5)),
                last_modified: Some(timestamp(record.modified)),
                checksum_crc32: record.digests.crc32,
                ..CopyPartResult::default()
            }),
            copy_source_version_id,
            server_side_encryption: Some(encryption()),
            ..UploadPartCopyOutput::default()
        })
    }

    /// Returns a page of an upload's parts.
    pub(super) fn parts(&self, input: ListPartsInput) -> S3Result<ListPartsOutput> {
        let after = input.part_number_marker.unwrap_or(0);
        let max = usize::try_from(max_keys(input.max_parts)).unwrap_or_default();
        let index = self.0.store.index();
        let upload = index.upload(&input.bucket, &input.key, &input.upload_id)?;
        let mut rest = upload.parts.range(after.saturating_add(1)..);
        let parts: Vec<Part> = rest
            .by_ref()
            .take(max)
            .map(|(number, part)| Part {
                part_number: Some(*number),
                e_tag: Some(ETag::Strong(part.record.md5.clone())),
                size: i64::try_from(part.record.size).ok(),
                last_modified: Some(timestamp(part.record.modified)),
                checksum_crc32: part.record.digests.crc32.clone(),
                ..Part::default()
            })
            .collect();
        let more = rest.next().is_some();
        Ok(ListPartsOutput {
            bucket: Some(input.bucket),
            key: Some(input.key),
            upload_id: Some(input.upload_id),
            is_truncated: Some(more),
            next_part_number_marker: parts.last().and_then(|part| part.part_number).filter(|_| more),
            part_number_marker: Some(after),
            max_parts: i32::try_from(max).ok(),
            checksum_algorithm: upload.record.algorithm.clone().map(ChecksumAlgorithm::from),
            checksum_type: upload.record.kind.clone().map(ChecksumType::from),
            parts: Some(parts),
            owner: Some(owner()),
            initiator: Some(initiator()),
            storage_class: Some(StorageClass::from_static(StorageClass::STANDARD)),
            ..ListPartsOutput::default()
        })
    }

    /// Returns a page of the uploads in progress.
    pub(super) fn uploads(&self, input: ListMultipartUploadsInput) -> S3Result<ListMultipartUploadsOutput> {
        let prefix = input.prefix.unwrap_or_default();
        let index = self.0.store.index();
        index.bucket(&input.bucket)?;
        let mut uploads: Vec<MultipartUpload> = index
            .uploads
            .iter()
            .filter(|(_, upload)| upload.record.bucket == input.bucket && upload.record.key.starts_with(&prefix))
            .map(|(id, upload)| MultipartUpload {
                key: Some(upload.record.key.clone()),
                upload_id: Some(id.clone()),
                initiated: Some(timestamp(upload.record.initiated)),
                owner: Some(owner()),
                initiator: Some(initiator()),
                storage_class: Some(StorageClass::from_static(StorageClass::STANDARD)),
                checksum_algorithm: upload.record.algorithm.clone().map(ChecksumAlgorithm::from),
                checksum_type: upload.record.kind.clone().map(ChecksumType::from),
            })
            .collect();
        uploads.sort_by(|a, b| (&a.key, &a.upload_id).cmp(&(&b.key, &b.upload_id)));
        if let Some(key) = input.key_marker {
            // S3: without an upload id, the page starts after all uploads of the marker's key.
            let id = input.upload_id_marker;
            uploads.retain(|upload| match upload.key.as_ref().cmp(&Some(&key)) {
                std::cmp::Ordering::Equal => id.is_some() && upload.upload_id > id,
                order => order.is_gt(),
            });
        }
        let max = usize::try_from(max_keys(input.max_uploads)).unwrap_or_default();
        let truncated = uploads.len() > max;
        uploads.truncate(max);
        let next = uploads.last().filter(|_| truncated);
        Ok(ListMultipartUploadsOutput {
            bucket: Some(input.bucket),
            prefix: Some(prefix),
            is_truncated: Some(truncated),
            next_key_marker: next.and_then(|upload| upload.key.clone()),
            next_upload_id_marker: next.and_then(|upload| upload.upload_id.clone()),
            uploads: Some(uploads),
            ..ListMultipartUploadsOutput::default()
        })
    }

    /// Creates an object from the listed parts.
    pub(super) fn complete_upload(
        &self,
        input: CompleteMultipartUploadInput,
    ) -> S3Result<CompleteMultipartUploadOutput> {
        let completion = Completion {
            parts: input.multipart_upload.and_then(|upload| upload.parts).unwrap_or_default(),
            crc32: input.checksum_crc32,
            kind: input.checksum_type.as_ref().map(|kind| kind.as_str().to_owned()),
            size: input.mpu_object_size.and_then(|size| u64::try_from(size).ok()),
        };
        let now = sqs::now_ms();
        let (bucket, key) = (&input.bucket, &input.key);
        let object = self.0.store.complete_upload(bucket, key, &input.upload_id, |upload, record, old| {
            let mut object =
                multipart::assemble(upload, &completion, now).map_err(|error| of_upload(error, &input.upload_id))?;
            conditions::for_write(key, input.if_match.as_ref(), input.if_none_match.as_ref(), old)?;
            object.record.unsent = owed(record, "ObjectCreated:CompleteMultipartUpload", key);
            Ok(object)
        })?;
        self.0.announce(bucket, &object)?;
        let Digests { crc32, kind, .. } = object.record.digests.clone();
        Ok(CompleteMultipartUploadOutput {
            location: Some(format!("/{bucket}/{key}")),
            bucket: Some(input.bucket),
            key: Some(input.key),
            e_tag: Some(object.e_tag()),
            checksum_crc32: crc32,
            checksum_type: kind.map(ChecksumType::from),
            server_side_encryption: Some(encryption()),
            version_id: object.record.version.clone(),
            ..CompleteMultipartUploadOutput::default()
        })
    }

    fn keep_part(
        &self,
        bucket: &str,
        key: &str,
        id: &str,
        number: i32,
        written: bytes::Written,
        digests: Digests,
    ) -> S3Result<PartRecord> {
        if written.size > MAX_PART {
            return Err(s3_error!(EntityTooLarge, "Your proposed upload exceeds the maximum allowed object size."));
        }
        let segments = vec![Segment::whole(written.blob, written.size)];
        let record = PartRecord {
            blobs: segments.iter().map(Segment::record).collect(),
            size: written.size,
            md5: hex::encode(written.md5),
            crc32: written.crc32,
            modified: sqs::now_ms(),
            digests,
        };
        let part = StoredPart { segments, record: record.clone() };
        self.0.store.put_part(bucket, key, id, number, part)?;
        Ok(record)
    }
}

/// Adds the upload's id to an error about its parts.
fn of_upload(error: S3Error, id: &str) -> S3Error {
    match error.code() {
        S3ErrorCode::InvalidPart | S3ErrorCode::InvalidPartOrder => members::with(error, "UploadId", id),
        _ => error,
    }
}

/// Returns the owner of all objects. S3 names accounts by canonical user ids, and no longer by display names.
/// <https://docs.aws.amazon.com/AmazonS3/latest/API/API_Owner.html>
fn owner() -> Owner {
    Owner { id: Some(CANONICAL_USER.to_owned()), ..Owner::default() }
}

/// Returns the initiator of all uploads: the account itself, since the stand-ins have no other principals.
fn initiator() -> Initiator {
    Initiator { id: Some(CANONICAL_USER.to_owned()), ..Initiator::default() }
}

/// Returns the input of a copied part's ETag: the source's MD5 for a whole object, else a digest of the range's
/// position.
fn copied_md5(source: &Object, range: &std::ops::Range<u64>) -> String {
    let is_md5 = !source.record.e_tag.contains('-');
    if *range == (0..source.size()) && is_md5 {
        return source.record.e_tag.clone();
    }
    sqs::md5_hex(format!("{} {range:?}", source.record.e_tag).as_bytes())
}

/// Parses `bytes=first-last`. Both numbers are required, and the source must be large enough for copies of ranges.
fn copy_range(text: &str, size: u64) -> S3Result<std::ops::Range<u64>> {
    let parse = || {
        let (first, last) = text.strip_prefix("bytes=")?.split_once('-')?;
        Some((first.parse::<u64>().ok()?, last.parse::<u64>().ok()?))
    };
    let malformed = || {
        s3_error!(
            InvalidArgument,
            "The x-amz-copy-source-range value must be of the form bytes=first-last where first and last are the \
             zero-based offsets of the first and last bytes to copy"
        )
    };
    let (first, last) = parse().filter(|(first, last)| first <= last).ok_or_else(malformed)?;
    if last >= size {
        return Err(s3_error!(InvalidArgument, "Range specified is not valid for source object of size: {size}"));
    }
    // S3: "You can copy a range only if the source object is greater than 5 MB."
    // <https://docs.aws.amazon.com/AmazonS3/latest/API/API_UploadPartCopy.html>
    if size <= MIN_PART {
        return Err(s3_error!(
            InvalidRequest,
            "The specified copy source is not supported as a byte-range copy source"
        ));
    }
    Ok(first..last + 1)
}

fn check_part_number(number: i32) -> S3Result<()> {
    if PART_NUMBERS.contains(&number) {
        return Ok(());
    }
    Err(s3_error!(InvalidArgument, "Part number must be an integer between 1 and 10000, inclusive"))
}
