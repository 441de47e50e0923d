//! The calls of S3 that are answered here. All others are answered "NotImplemented" by `s3s`.

#![allow(clippy::wildcard_imports, reason = "every call of S3 has two types of its own; test builds do not lint this")]

use s3s::{
    S3, S3Error, S3Request, S3Response, S3Result, TrailingHeaders, checksum::ChecksumHasher, crypto, dto::*, s3_error,
};

use super::{
    Api, bytes, conditions,
    cors::CorsRule,
    listing::{Page, max_keys},
    multipart::{self, Completion, MAX_PART, MIN_PART, PART_NUMBERS},
    notify::{self, Rule},
    object::{
        self, Attributes, Digests, Object, Part as StoredPart, PartRecord, Record, Segment, UploadRecord, timestamp,
    },
    owed,
};
use crate::stand_ins::{REGION, sqs};

/// S3: what an object has whose uploader named no type.
const DEFAULT_TYPE: &str = "binary/octet-stream";
/// S3: at most 1,024 bytes of key.
const MAX_KEY: usize = 1024;

#[async_trait::async_trait]
impl S3 for Api {
    async fn create_bucket(&self, req: S3Request<CreateBucketInput>) -> S3Result<S3Response<CreateBucketOutput>> {
        self.0.store.create_bucket(&req.input.bucket, sqs::now_ms())?;
        let location = Some(format!("/{}", req.input.bucket));
        Ok(S3Response::new(CreateBucketOutput { location }))
    }

    async fn delete_bucket(&self, req: S3Request<DeleteBucketInput>) -> S3Result<S3Response<DeleteBucketOutput>> {
        self.0.store.delete_bucket(&req.input.bucket)?;
        Ok(S3Response::new(DeleteBucketOutput::default()))
    }

    async fn head_bucket(&self, req: S3Request<HeadBucketInput>) -> S3Result<S3Response<HeadBucketOutput>> {
        self.0.store.index().bucket(&req.input.bucket)?;
        let bucket_region = Some(REGION.to_owned());
        Ok(S3Response::new(HeadBucketOutput { bucket_region, ..HeadBucketOutput::default() }))
    }

    async fn get_bucket_location(
        &self,
        req: S3Request<GetBucketLocationInput>,
    ) -> S3Result<S3Response<GetBucketLocationOutput>> {
        self.0.store.index().bucket(&req.input.bucket)?;
        Ok(S3Response::new(GetBucketLocationOutput::default()))
    }

    async fn list_buckets(&self, _: S3Request<ListBucketsInput>) -> S3Result<S3Response<ListBucketsOutput>> {
        let index = self.0.store.index();
        let buckets = index.buckets.iter().map(|(name, bucket)| Bucket {
            name: Some(name.clone()),
            creation_date: Some(timestamp(bucket.record.created)),
            ..Bucket::default()
        });
        Ok(S3Response::new(ListBucketsOutput { buckets: Some(buckets.collect()), ..ListBucketsOutput::default() }))
    }

    async fn put_object(&self, req: S3Request<PutObjectInput>) -> S3Result<S3Response<PutObjectOutput>> {
        let input = req.input;
        check_key(&input.key)?;
        // Looked at before the body is read as well, so that a refusal doesn't cost an upload.
        let record = {
            let index = self.0.store.index();
            let bucket = index.bucket(&input.bucket)?;
            let old = bucket.objects.get(&input.key).map(AsRef::as_ref);
            conditions::for_write(input.if_match.as_ref(), input.if_none_match.as_ref(), old)?;
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
        let written = self
            .take_body(input.body, told, input.checksum_algorithm.as_ref(), req.trailing_headers, input.content_md5)
            .await?;
        let e_tag = hex::encode(written.md5);
        let mut digests = written.digests;
        digests.kind = has_digest(&digests).then(|| ChecksumType::FULL_OBJECT.to_owned());
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
            conditions::for_write(input.if_match.as_ref(), input.if_none_match.as_ref(), old)
        })?;
        self.0.announce(&input.bucket, &object)?;
        Ok(S3Response::new(PutObjectOutput {
            e_tag: Some(ETag::Strong(e_tag)),
            checksum_crc32: digests.crc32,
            checksum_crc32c: digests.crc32c,
            checksum_crc64nvme: digests.crc64nvme,
            checksum_sha1: digests.sha1,
            checksum_sha256: digests.sha256,
            checksum_type: digests.kind.map(ChecksumType::from),
            ..PutObjectOutput::default()
        }))
    }

    async fn get_object(&self, req: S3Request<GetObjectInput>) -> S3Result<S3Response<GetObjectOutput>> {
        let input = req.input;
        let object = self.0.store.index().object(&input.bucket, &input.key)?;
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
        let output = GetObjectOutput {
            accept_ranges: Some("bytes".to_owned()),
            content_length: i64::try_from(range.end - range.start).ok(),
            content_range: content_range.clone(),
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
            ..GetObjectOutput::default()
        };
        let mut response = S3Response::new(output);
        if content_range.is_some() {
            response.status = Some(http::StatusCode::PARTIAL_CONTENT);
        }
        Ok(response)
    }

    async fn head_object(&self, req: S3Request<HeadObjectInput>) -> S3Result<S3Response<HeadObjectOutput>> {
        let input = req.input;
        let object = self.0.store.index().object(&input.bucket, &input.key)?;
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
        Ok(S3Response::new(HeadObjectOutput {
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
            ..HeadObjectOutput::default()
        }))
    }

    async fn copy_object(&self, req: S3Request<CopyObjectInput>) -> S3Result<S3Response<CopyObjectOutput>> {
        let input = req.input;
        check_key(&input.key)?;
        let source = self.source(&input.copy_source)?;
        conditions::for_copy(input.copy_source_if_match.as_ref(), input.copy_source_if_none_match.as_ref(), &source)?;
        let replaces = input.metadata_directive.is_some_and(|told| told.as_str() == MetadataDirective::REPLACE);
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
        let stream = bytes::read(&source, 0..source.size());
        let written = bytes::write(self.0.store.new_blob(), stream, ChecksumHasher::default()).await?;
        let record = self.0.store.index().bucket(&input.bucket)?.record.clone();
        let object = Object {
            key: input.key.clone(),
            segments: vec![Segment::whole(written.blob, written.size)],
            record: Record {
                size: written.size,
                e_tag: hex::encode(written.md5),
                modified: sqs::now_ms(),
                attributes,
                unsent: owed(&record, "ObjectCreated:Copy", &input.key),
                ..Record::default()
            },
        };
        let object = self.0.store.put(&input.bucket, object, |_| Ok(()))?;
        self.0.announce(&input.bucket, &object)?;
        Ok(S3Response::new(CopyObjectOutput {
            copy_object_result: Some(CopyObjectResult {
                e_tag: Some(object.e_tag()),
                last_modified: Some(object.modified()),
                ..CopyObjectResult::default()
            }),
            ..CopyObjectOutput::default()
        }))
    }

    async fn delete_object(&self, req: S3Request<DeleteObjectInput>) -> S3Result<S3Response<DeleteObjectOutput>> {
        self.0.store.delete(&req.input.bucket, &req.input.key)?;
        Ok(S3Response::new(DeleteObjectOutput::default()))
    }

    async fn delete_objects(&self, req: S3Request<DeleteObjectsInput>) -> S3Result<S3Response<DeleteObjectsOutput>> {
        let Delete { objects, quiet } = req.input.delete;
        // S3: at most 1,000 keys a request.
        if objects.len() > 1000 {
            return Err(s3_error!(MalformedXML, "More than 1000 keys."));
        }
        let (mut deleted, mut errors) = (Vec::new(), Vec::new());
        for ObjectIdentifier { key, .. } in objects {
            match self.0.store.delete(&req.input.bucket, &key) {
                Ok(()) => deleted.push(DeletedObject { key: Some(key), ..DeletedObject::default() }),
                Err(error) => errors.push(Error {
                    code: Some(error.code().as_str().to_owned()),
                    key: Some(key),
                    message: error.message().map(str::to_owned),
                    ..Error::default()
                }),
            }
        }
        Ok(S3Response::new(DeleteObjectsOutput {
            deleted: (!quiet.unwrap_or(false)).then_some(deleted),
            errors: (!errors.is_empty()).then_some(errors),
            ..DeleteObjectsOutput::default()
        }))
    }

    async fn list_objects(&self, req: S3Request<ListObjectsInput>) -> S3Result<S3Response<ListObjectsOutput>> {
        let input = req.input;
        let (prefix, max) = (input.prefix.unwrap_or_default(), max_keys(input.max_keys));
        let index = self.0.store.index();
        let objects = &index.bucket(&input.bucket)?.objects;
        let page = Page::of(objects, &prefix, input.delimiter.as_deref(), input.marker.as_deref(), max);
        Ok(S3Response::new(ListObjectsOutput {
            name: Some(input.bucket),
            contents: Some(page.contents()),
            common_prefixes: Some(page.common_prefixes()),
            is_truncated: Some(page.next.is_some()),
            next_marker: page.next,
            prefix: Some(prefix),
            delimiter: input.delimiter,
            marker: input.marker,
            max_keys: Some(max),
            ..ListObjectsOutput::default()
        }))
    }

    async fn list_objects_v2(&self, req: S3Request<ListObjectsV2Input>) -> S3Result<S3Response<ListObjectsV2Output>> {
        let input = req.input;
        let (prefix, max) = (input.prefix.unwrap_or_default(), max_keys(input.max_keys));
        let index = self.0.store.index();
        let objects = &index.bucket(&input.bucket)?.objects;
        let token = match &input.continuation_token {
            Some(token) => Some(
                hex::decode(token)
                    .ok()
                    .and_then(|bytes| String::from_utf8(bytes).ok())
                    .ok_or_else(|| s3_error!(InvalidArgument, "The continuation token provided is incorrect"))?,
            ),
            None => None,
        };
        let after = token.as_deref().or(input.start_after.as_deref());
        let page = Page::of(objects, &prefix, input.delimiter.as_deref(), after, max);
        Ok(S3Response::new(ListObjectsV2Output {
            name: Some(input.bucket),
            contents: Some(page.contents()),
            common_prefixes: Some(page.common_prefixes()),
            key_count: Some(page.len()),
            is_truncated: Some(page.next.is_some()),
            next_continuation_token: page.next.map(hex::encode),
            continuation_token: input.continuation_token,
            prefix: Some(prefix),
            delimiter: input.delimiter,
            start_after: input.start_after,
            max_keys: Some(max),
            ..ListObjectsV2Output::default()
        }))
    }

    async fn create_multipart_upload(
        &self,
        req: S3Request<CreateMultipartUploadInput>,
    ) -> S3Result<S3Response<CreateMultipartUploadOutput>> {
        let input = req.input;
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
        // S3: CRC32 is of the parts' checksums unless told otherwise.
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
        Ok(S3Response::new(CreateMultipartUploadOutput {
            bucket: Some(input.bucket),
            key: Some(input.key),
            upload_id: Some(id),
            checksum_algorithm: input.checksum_algorithm,
            checksum_type: kind.map(ChecksumType::from),
            ..CreateMultipartUploadOutput::default()
        }))
    }

    async fn upload_part(&self, req: S3Request<UploadPartInput>) -> S3Result<S3Response<UploadPartOutput>> {
        let input = req.input;
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
        let written = self
            .take_body(input.body, told, input.checksum_algorithm.as_ref(), req.trailing_headers, input.content_md5)
            .await?;
        let mut digests = written.digests.clone();
        if has_crc32 {
            digests.crc32 = Some(bytes::crc32_base64(written.crc32));
        }
        let record = self.keep_part(bucket, key, id, input.part_number, written, digests)?;
        Ok(S3Response::new(UploadPartOutput {
            e_tag: Some(ETag::Strong(record.md5)),
            checksum_crc32: record.digests.crc32,
            checksum_crc32c: record.digests.crc32c,
            checksum_crc64nvme: record.digests.crc64nvme,
            checksum_sha1: record.digests.sha1,
            checksum_sha256: record.digests.sha256,
            ..UploadPartOutput::default()
        }))
    }

    async fn upload_part_copy(
        &self,
        req: S3Request<UploadPartCopyInput>,
    ) -> S3Result<S3Response<UploadPartCopyOutput>> {
        let input = req.input;
        let (bucket, key, id) = (&input.bucket, &input.key, &input.upload_id);
        check_part_number(input.part_number)?;
        let has_crc32 = self.0.store.index().upload(bucket, key, id)?.record.algorithm.as_deref() == Some("CRC32");
        let source = self.source(&input.copy_source)?;
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
        Ok(S3Response::new(UploadPartCopyOutput {
            copy_part_result: Some(CopyPartResult {
                e_tag: Some(ETag::Strong(record.md5)),
                last_modified: Some(timestamp(record.modified)),
                checksum_crc32: record.digests.crc32,
                ..CopyPartResult::default()
            }),
            ..UploadPartCopyOutput::default()
        }))
    }

    async fn list_parts(&self, req: S3Request<ListPartsInput>) -> S3Result<S3Response<ListPartsOutput>> {
        let input = req.input;
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
        Ok(S3Response::new(ListPartsOutput {
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
            ..ListPartsOutput::default()
        }))
    }

    async fn list_multipart_uploads(
        &self,
        req: S3Request<ListMultipartUploadsInput>,
    ) -> S3Result<S3Response<ListMultipartUploadsOutput>> {
        let input = req.input;
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
                ..MultipartUpload::default()
            })
            .collect();
        uploads.sort_by(|a, b| (&a.key, &a.upload_id).cmp(&(&b.key, &b.upload_id)));
        if let Some(key) = input.key_marker {
            // S3: without an upload id, all of the marker's key are behind us.
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
        Ok(S3Response::new(ListMultipartUploadsOutput {
            bucket: Some(input.bucket),
            prefix: Some(prefix),
            is_truncated: Some(truncated),
            next_key_marker: next.and_then(|upload| upload.key.clone()),
            next_upload_id_marker: next.and_then(|upload| upload.upload_id.clone()),
            uploads: Some(uploads),
            ..ListMultipartUploadsOutput::default()
        }))
    }

    async fn complete_multipart_upload(
        &self,
        req: S3Request<CompleteMultipartUploadInput>,
    ) -> S3Result<S3Response<CompleteMultipartUploadOutput>> {
        let input = req.input;
        let completion = Completion {
            parts: input.multipart_upload.and_then(|upload| upload.parts).unwrap_or_default(),
            crc32: input.checksum_crc32,
            kind: input.checksum_type.as_ref().map(|kind| kind.as_str().to_owned()),
            size: input.mpu_object_size.and_then(|size| u64::try_from(size).ok()),
        };
        let now = sqs::now_ms();
        let (bucket, key) = (&input.bucket, &input.key);
        let object = self.0.store.complete_upload(bucket, key, &input.upload_id, |upload, record, old| {
            let mut object = multipart::assemble(upload, &completion, now)?;
            conditions::for_write(input.if_match.as_ref(), input.if_none_match.as_ref(), old)?;
            object.record.unsent = owed(record, "ObjectCreated:CompleteMultipartUpload", key);
            Ok(object)
        })?;
        self.0.announce(bucket, &object)?;
        let Digests { crc32, kind, .. } = object.record.digests.clone();
        Ok(S3Response::new(CompleteMultipartUploadOutput {
            location: Some(format!("/{bucket}/{key}")),
            bucket: Some(input.bucket),
            key: Some(input.key),
            e_tag: Some(object.e_tag()),
            checksum_crc32: crc32,
            checksum_type: kind.map(ChecksumType::from),
            ..CompleteMultipartUploadOutput::default()
        }))
    }

    async fn abort_multipart_upload(
        &self,
        req: S3Request<AbortMultipartUploadInput>,
    ) -> S3Result<S3Response<AbortMultipartUploadOutput>> {
        self.0.store.abort_upload(&req.input.bucket, &req.input.key, &req.input.upload_id)?;
        Ok(S3Response::new(AbortMultipartUploadOutput::default()))
    }

    async fn put_bucket_notification_configuration(
        &self,
        req: S3Request<PutBucketNotificationConfigurationInput>,
    ) -> S3Result<S3Response<PutBucketNotificationConfigurationOutput>> {
        let bucket = req.input.bucket;
        let configurations = req.input.notification_configuration.queue_configurations.unwrap_or_default();
        let rules: Vec<Rule> =
            configurations.into_iter().enumerate().map(|(number, rule)| Rule::of(rule, number)).collect();
        let known = self.0.queues.names();
        if rules.iter().any(|rule| !known.iter().any(|name| name == sqs::name_of_arn(&rule.queue_arn))) {
            return Err(s3_error!(InvalidArgument, "Unable to validate the following destination configurations"));
        }
        let old = self.0.store.index().bucket(&bucket)?.record.notifications.clone();
        let mut fresh: Vec<&str> = rules
            .iter()
            .map(|rule| rule.queue_arn.as_str())
            .filter(|arn| !old.iter().any(|old| old.queue_arn == *arn))
            .collect();
        fresh.sort_unstable();
        fresh.dedup();
        for arn in fresh {
            let message = notify::test_event(&bucket).to_string();
            self.0.queues.send(sqs::name_of_arn(arn), message).map_err(S3Error::internal_error)?;
        }
        self.0.store.configure(&bucket, |record| record.notifications = rules)?;
        Ok(S3Response::new(PutBucketNotificationConfigurationOutput::default()))
    }

    async fn get_bucket_notification_configuration(
        &self,
        req: S3Request<GetBucketNotificationConfigurationInput>,
    ) -> S3Result<S3Response<GetBucketNotificationConfigurationOutput>> {
        let index = self.0.store.index();
        let rules = &index.bucket(&req.input.bucket)?.record.notifications;
        Ok(S3Response::new(GetBucketNotificationConfigurationOutput {
            queue_configurations: Some(rules.iter().map(Rule::to_configuration).collect()),
            ..GetBucketNotificationConfigurationOutput::default()
        }))
    }

    async fn put_bucket_cors(&self, req: S3Request<PutBucketCorsInput>) -> S3Result<S3Response<PutBucketCorsOutput>> {
        let rules = req.input.cors_configuration.cors_rules.into_iter().map(CorsRule::of).collect();
        self.0.store.configure(&req.input.bucket, |record| record.cors = rules)?;
        Ok(S3Response::new(PutBucketCorsOutput::default()))
    }

    async fn get_bucket_cors(&self, req: S3Request<GetBucketCorsInput>) -> S3Result<S3Response<GetBucketCorsOutput>> {
        let index = self.0.store.index();
        let rules = &index.bucket(&req.input.bucket)?.record.cors;
        if rules.is_empty() {
            return Err(s3_error!(NoSuchCORSConfiguration, "The CORS configuration does not exist"));
        }
        let cors_rules = Some(rules.iter().map(CorsRule::to_rule).collect());
        Ok(S3Response::new(GetBucketCorsOutput { cors_rules }))
    }

    async fn delete_bucket_cors(
        &self,
        req: S3Request<DeleteBucketCorsInput>,
    ) -> S3Result<S3Response<DeleteBucketCorsOutput>> {
        self.0.store.configure(&req.input.bucket, |record| record.cors.clear())?;
        Ok(S3Response::new(DeleteBucketCorsOutput::default()))
    }
}

impl Api {
    fn source(&self, source: &CopySource) -> S3Result<std::sync::Arc<Object>> {
        let CopySource::Bucket { bucket, key, .. } = source else {
            return Err(s3_error!(NotImplemented, "Access points are not kept here."));
        };
        self.0.store.index().object(bucket, key)
    }

    /// Writes a body to a blob, and refuses it if it is not what the caller says it is.
    async fn take_body(
        &self,
        body: Option<StreamingBlob>,
        mut told: Digests,
        algorithm: Option<&ChecksumAlgorithm>,
        trailers: Option<TrailingHeaders>,
        content_md5: Option<String>,
    ) -> S3Result<bytes::Written> {
        let mut hasher = ChecksumHasher::default();
        let named = |name: &str| algorithm.is_some_and(|algorithm| algorithm.as_str().eq_ignore_ascii_case(name));
        if told.crc32.is_some() || named(ChecksumAlgorithm::CRC32) {
            hasher.crc32 = Some(crypto::Crc32::default());
        }
        if told.crc32c.is_some() || named(ChecksumAlgorithm::CRC32C) {
            hasher.crc32c = Some(crypto::Crc32c::default());
        }
        if told.crc64nvme.is_some() || named(ChecksumAlgorithm::CRC64NVME) {
            hasher.crc64nvme = Some(crypto::Crc64Nvme::default());
        }
        if told.sha1.is_some() || named(ChecksumAlgorithm::SHA1) {
            hasher.sha1 = Some(crypto::Sha1::default());
        }
        if told.sha256.is_some() || named(ChecksumAlgorithm::SHA256) {
            hasher.sha256 = Some(crypto::Sha256::default());
        }
        let blob = self.0.store.new_blob();
        let written = if let Some(body) = body {
            bytes::write(blob, body, hasher).await?
        } else {
            let nothing = futures::stream::empty::<Result<_, std::io::Error>>();
            bytes::write(blob, nothing, hasher).await?
        };
        // Trailers come after the body; a checksum in one is as good as in a header.
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

/// What a copied part's ETag is made of: the source's own MD5 where it is copied whole, else where the bytes lie.
fn copied_md5(source: &Object, range: &std::ops::Range<u64>) -> String {
    let is_md5 = !source.record.e_tag.contains('-');
    if *range == (0..source.size()) && is_md5 {
        return source.record.e_tag.clone();
    }
    sqs::md5_hex(format!("{} {range:?}", source.record.e_tag).as_bytes())
}

/// `bytes=first-last`, both needed, of a source that is long enough to be copied in ranges.
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

fn check_key(key: &str) -> S3Result<()> {
    if key.len() > MAX_KEY { Err(s3_error!(KeyTooLongError, "Your key is too long")) } else { Ok(()) }
}

fn check_part_number(number: i32) -> S3Result<()> {
    if PART_NUMBERS.contains(&number) {
        return Ok(());
    }
    Err(s3_error!(InvalidArgument, "Part number must be an integer between 1 and 10000, inclusive"))
}

/// `aws-chunked` is how the body travelled, not what the object is.
fn without_chunking(encoding: &str) -> Option<String> {
    let kept: Vec<&str> =
        encoding.split(',').map(str::trim).filter(|part| !part.is_empty() && *part != "aws-chunked").collect();
    (!kept.is_empty()).then(|| kept.join(","))
}

fn has_digest(digests: &Digests) -> bool {
    *digests != Digests::default()
}
