//! The operations. What `s3s-fs` does right is delegated; conditions, checksums and events are added.

use crc32fast::Hasher;
use s3s::{S3, S3Error, S3ErrorCode, S3Request, S3Response, S3Result, dto::*};

use super::{
    Objects,
    facts::{PartFacts, UploadFacts, encode},
    refuse,
};

/// S3: no part but the last is smaller.
const MIN_PART: u64 = 5 << 20;
/// S3: parts are numbered up to this.
const MAX_PART_NUMBER: i32 = 10_000;

macro_rules! delegate {
    ($($method:ident $input:ident $output:ident),* $(,)?; $($own:tt)*) => {
        #[async_trait::async_trait]
        impl S3 for Objects {
            $(async fn $method(&self, request: S3Request<$input>) -> S3Result<S3Response<$output>> {
                self.fs.$method(request).await
            })*
            $($own)*
        }
    };
}

delegate! {
    create_bucket CreateBucketInput CreateBucketOutput,
    delete_bucket DeleteBucketInput DeleteBucketOutput,
    get_bucket_location GetBucketLocationInput GetBucketLocationOutput,
    head_bucket HeadBucketInput HeadBucketOutput,
    list_buckets ListBucketsInput ListBucketsOutput,
    list_objects ListObjectsInput ListObjectsOutput,
    list_objects_v2 ListObjectsV2Input ListObjectsV2Output,
    list_parts ListPartsInput ListPartsOutput;

    async fn put_bucket_notification_configuration(
        &self,
        request: S3Request<PutBucketNotificationConfigurationInput>,
    ) -> S3Result<S3Response<PutBucketNotificationConfigurationOutput>> {
        let input = request.input;
        self.notifications.configure(&input.bucket, input.notification_configuration).map_err(S3Error::internal_error)?;
        Ok(S3Response::new(PutBucketNotificationConfigurationOutput::default()))
    }

    async fn put_object(&self, request: S3Request<PutObjectInput>) -> S3Result<S3Response<PutObjectOutput>> {
        let (bucket, key) = (request.input.bucket.clone(), request.input.key.clone());
        self.bucket_exists(&bucket)?;
        let size = request.input.content_length.and_then(|n| u64::try_from(n).ok()).unwrap_or(0);
        let answer = {
            let _one_at_a_time = self.lock(&bucket, &key).await;
            let answer = self.fs.put_object(request).await?;
            self.facts.keep_crc32(&bucket, &key, None).map_err(S3Error::internal_error)?;
            answer
        };
        self.notifications.created("ObjectCreated:Put", &bucket, &key, size, &etag(answer.output.e_tag.as_ref()));
        Ok(answer)
    }

    async fn copy_object(&self, request: S3Request<CopyObjectInput>) -> S3Result<S3Response<CopyObjectOutput>> {
        let (bucket, key) = (request.input.bucket.clone(), request.input.key.clone());
        let answer = {
            let _one_at_a_time = self.lock(&bucket, &key).await;
            let answer = self.fs.copy_object(request).await?;
            self.facts.keep_crc32(&bucket, &key, None).map_err(S3Error::internal_error)?;
            answer
        };
        let copied = answer.output.copy_object_result.as_ref().and_then(|result| result.e_tag.as_ref());
        self.notifications.created("ObjectCreated:Copy", &bucket, &key, 0, &etag(copied));
        Ok(answer)
    }

    async fn delete_object(&self, request: S3Request<DeleteObjectInput>) -> S3Result<S3Response<DeleteObjectOutput>> {
        let (bucket, key) = (request.input.bucket.clone(), request.input.key.clone());
        let _one_at_a_time = self.lock(&bucket, &key).await;
        self.facts.keep_crc32(&bucket, &key, None).map_err(S3Error::internal_error)?;
        match self.fs.delete_object(request).await {
            // S3 deletes what is not there without complaint.
            Err(error) if *error.code() == S3ErrorCode::NoSuchKey => Ok(S3Response::new(DeleteObjectOutput::default())),
            answer => answer,
        }
    }

    async fn delete_objects(&self, request: S3Request<DeleteObjectsInput>) -> S3Result<S3Response<DeleteObjectsOutput>> {
        for object in &request.input.delete.objects {
            self.facts.keep_crc32(&request.input.bucket, &object.key, None).map_err(S3Error::internal_error)?;
        }
        self.fs.delete_objects(request).await
    }

    async fn get_object(&self, request: S3Request<GetObjectInput>) -> S3Result<S3Response<GetObjectOutput>> {
        let input = &request.input;
        self.bucket_exists(&input.bucket)?;
        let (if_match, if_none_match) = (input.if_match.clone(), input.if_none_match.clone());
        let (disposition, content_type) = (input.response_content_disposition.clone(), input.response_content_type.clone());
        let mut answer = self.fs.get_object(request).await?;
        check(answer.output.e_tag.as_ref(), if_match.as_ref(), if_none_match.as_ref())?;
        if disposition.is_some() {
            answer.output.content_disposition = disposition;
        }
        if content_type.is_some() {
            answer.output.content_type = content_type;
        }
        answer.output.accept_ranges = Some("bytes".into());
        Ok(answer)
    }

    async fn head_object(&self, request: S3Request<HeadObjectInput>) -> S3Result<S3Response<HeadObjectOutput>> {
        let input = &request.input;
        let (if_match, if_none_match) = (input.if_match.clone(), input.if_none_match.clone());
        let crc32 = self.facts.crc32(&input.bucket, &input.key);
        let mut answer = self.fs.head_object(request).await?;
        check(answer.output.e_tag.as_ref(), if_match.as_ref(), if_none_match.as_ref())?;
        if let Some(crc32) = crc32 {
            answer.output.checksum_crc32 = Some(encode(crc32));
            answer.output.checksum_type = Some(ChecksumType::from_static(ChecksumType::FULL_OBJECT));
        }
        answer.output.accept_ranges = Some("bytes".into());
        Ok(answer)
    }

    async fn create_multipart_upload(
        &self,
        request: S3Request<CreateMultipartUploadInput>,
    ) -> S3Result<S3Response<CreateMultipartUploadOutput>> {
        self.bucket_exists(&request.input.bucket)?;
        let algorithm = request.input.checksum_algorithm.clone();
        let kind = request.input.checksum_type.clone();
        let mut answer = self.fs.create_multipart_upload(request).await?;
        let checked = algorithm.as_ref().is_some_and(|name| name.as_str() == ChecksumAlgorithm::CRC32);
        let id = answer.output.upload_id.clone().unwrap_or_default();
        self.facts.begin(&id, &UploadFacts { checked }).map_err(S3Error::internal_error)?;
        answer.output.checksum_algorithm = algorithm;
        answer.output.checksum_type = kind;
        Ok(answer)
    }

    async fn upload_part(&self, request: S3Request<UploadPartInput>) -> S3Result<S3Response<UploadPartOutput>> {
        let (id, number) = (request.input.upload_id.clone(), request.input.part_number);
        self.upload_exists(&id, number)?;
        let declared = request.input.checksum_crc32.clone();
        let trailers = request.trailing_headers.clone();
        let mut answer = self.fs.upload_part(request).await?;
        let part = self.part(&id, number, etag(answer.output.e_tag.as_ref())).await?;
        let trailing = trailers.and_then(|t| t.read(|headers| {
            headers.get("x-amz-checksum-crc32").and_then(|value| value.to_str().ok()).map(str::to_owned)
        }).flatten());
        if declared.or(trailing).is_some_and(|declared| declared != encode(part.crc32)) {
            return Err(refuse(S3ErrorCode::BadDigest, "The CRC32 you specified did not match what we received."));
        }
        answer.output.checksum_crc32 = Some(encode(part.crc32));
        Ok(answer)
    }

    async fn upload_part_copy(&self, request: S3Request<UploadPartCopyInput>) -> S3Result<S3Response<UploadPartCopyOutput>> {
        let input = &request.input;
        let (id, number) = (input.upload_id.clone(), input.part_number);
        self.upload_exists(&id, number)?;
        let CopySource::Bucket { bucket, key, .. } = &input.copy_source else {
            return Err(refuse(S3ErrorCode::NotImplemented, "Sources are objects in buckets here."));
        };
        let head = HeadObjectInput { bucket: bucket.to_string(), key: key.to_string(), ..HeadObjectInput::default() };
        let source = self.fs.head_object(request_of(head)).await?.output;
        let size = source.content_length.and_then(|n| u64::try_from(n).ok()).unwrap_or(0);
        if input.copy_source_range.is_some() && size <= MIN_PART {
            let message = "The specified copy source is not supported as a byte-range copy source.";
            return Err(refuse(S3ErrorCode::InvalidRequest, message));
        }
        check(source.e_tag.as_ref(), input.copy_source_if_match.as_ref(), input.copy_source_if_none_match.as_ref())?;
        let mut answer = self.fs.upload_part_copy(request).await?;
        if let Some(result) = &mut answer.output.copy_part_result {
            let part = self.part(&id, number, etag(result.e_tag.as_ref())).await?;
            result.checksum_crc32 = Some(encode(part.crc32));
        }
        Ok(answer)
    }

    async fn complete_multipart_upload(
        &self,
        request: S3Request<CompleteMultipartUploadInput>,
    ) -> S3Result<S3Response<CompleteMultipartUploadOutput>> {
        let input = &request.input;
        let (bucket, key, id) = (input.bucket.clone(), input.key.clone(), input.upload_id.clone());
        let _one_at_a_time = self.lock(&bucket, &key).await;
        let Some(upload) = self.facts.upload_of(&id) else {
            return Err(refuse(S3ErrorCode::NoSuchUpload, "The specified upload does not exist."));
        };
        let named = input.multipart_upload.as_ref().and_then(|upload| upload.parts.clone()).unwrap_or_default();
        let numbers: Vec<_> = named.iter().map(|part| part.part_number.unwrap_or(0)).collect();
        let parts = self.facts.parts(&id, numbers.iter().copied());
        let mut whole = Hasher::new();
        let mut size = 0;
        for (at, part) in named.iter().enumerate() {
            if at > 0 && numbers[at] <= numbers[at - 1] {
                return Err(refuse(S3ErrorCode::InvalidPartOrder, "The list of parts was not in ascending order."));
            }
            let stored = parts.get(&numbers[at]).filter(|stored| etag(part.e_tag.as_ref()) == stored.etag);
            let missing = "One or more of the specified parts could not be found.";
            let stored = stored.ok_or_else(|| refuse(S3ErrorCode::InvalidPart, missing))?;
            if upload.checked && part.checksum_crc32.as_deref() != Some(&encode(stored.crc32)) {
                return Err(refuse(S3ErrorCode::InvalidRequest, "The upload was created using a crc32 checksum. The complete request must include the checksum for each part."));
            }
            if at + 1 < named.len() && stored.size < MIN_PART {
                return Err(refuse(S3ErrorCode::EntityTooSmall, "Your proposed upload is smaller than the minimum allowed size."));
            }
            whole.combine(&Hasher::new_with_initial_len(stored.crc32, stored.size));
            size += stored.size;
        }
        let crc32 = whole.finalize();
        if input.checksum_crc32.as_deref().is_some_and(|declared| declared != encode(crc32)) {
            return Err(refuse(S3ErrorCode::BadDigest, "The CRC32 you specified did not match the calculated checksum."));
        }
        let exists = self.parts.join(&bucket).join(&key).exists();
        if exists && input.if_none_match.as_ref().is_some_and(ETagCondition::is_any) {
            return Err(refuse(S3ErrorCode::PreconditionFailed, "At least one of the pre-conditions you specified did not hold."));
        }
        // Before the object itself: a process killed in between leaves a CRC-32 without object, never the reverse.
        self.facts.keep_crc32(&bucket, &key, upload.checked.then_some(crc32)).map_err(S3Error::internal_error)?;
        let output = match self.fs.complete_multipart_upload(request).await?.output {
            CompleteMultipartUploadOutput { future: Some(finished), .. } => finished.await?,
            finished => finished,
        };
        self.facts.end(&id, numbers.iter().copied()).map_err(S3Error::internal_error)?;
        let e_tag = etag(output.e_tag.as_ref());
        self.notifications.created("ObjectCreated:CompleteMultipartUpload", &bucket, &key, size, &e_tag);
        Ok(S3Response::new(CompleteMultipartUploadOutput {
            checksum_crc32: upload.checked.then(|| encode(crc32)),
            checksum_type: upload.checked.then(|| ChecksumType::from_static(ChecksumType::FULL_OBJECT)),
            ..output
        }))
    }

    async fn abort_multipart_upload(
        &self,
        request: S3Request<AbortMultipartUploadInput>,
    ) -> S3Result<S3Response<AbortMultipartUploadOutput>> {
        let id = request.input.upload_id.clone();
        if self.facts.upload_of(&id).is_none() {
            return Err(refuse(S3ErrorCode::NoSuchUpload, "The specified upload does not exist."));
        }
        let answer = self.fs.abort_multipart_upload(request).await?;
        self.facts.end(&id, 1..=MAX_PART_NUMBER).map_err(S3Error::internal_error)?;
        Ok(answer)
    }
}

impl Objects {
    fn bucket_exists(&self, bucket: &str) -> S3Result<()> {
        if self.parts.join(bucket).is_dir() {
            Ok(())
        } else {
            Err(refuse(S3ErrorCode::NoSuchBucket, "The specified bucket does not exist."))
        }
    }

    fn upload_exists(&self, id: &str, number: i32) -> S3Result<()> {
        if !(1..=MAX_PART_NUMBER).contains(&number) {
            let message = "Part number must be an integer between 1 and 10000, inclusive.";
            return Err(refuse(S3ErrorCode::InvalidArgument, message));
        }
        if self.facts.upload_of(id).is_none() {
            return Err(refuse(S3ErrorCode::NoSuchUpload, "The specified upload does not exist."));
        }
        Ok(())
    }

    /// Reads a stored part back: its size and CRC-32 are what S3 would have found.
    async fn part(&self, id: &str, number: i32, etag: String) -> S3Result<PartFacts> {
        let path = self.parts.join(format!(".upload_id-{id}.part-{number}"));
        let read = tokio::task::spawn_blocking(move || {
            let mut file = std::io::BufReader::with_capacity(1 << 20, std::fs::File::open(path)?);
            let (mut hasher, mut size) = (Hasher::new(), 0);
            loop {
                let chunk = std::io::BufRead::fill_buf(&mut file)?;
                if chunk.is_empty() {
                    return std::io::Result::Ok((size, hasher.finalize()));
                }
                hasher.update(chunk);
                let len = chunk.len();
                size += len as u64;
                std::io::BufRead::consume(&mut file, len);
            }
        });
        let (size, crc32) = read.await.map_err(S3Error::internal_error)?.map_err(S3Error::internal_error)?;
        let part = PartFacts { etag, size, crc32 };
        self.facts.keep_part(id, number, &part).map_err(S3Error::internal_error)?;
        Ok(part)
    }
}

fn etag(etag: Option<&ETag>) -> String {
    etag.map(|etag| etag.value().to_owned()).unwrap_or_default()
}

/// If-Match and If-None-Match against what is stored.
fn check(stored: Option<&ETag>, matches: Option<&ETagCondition>, differs: Option<&ETagCondition>) -> S3Result<()> {
    let is = |condition: &ETagCondition| {
        condition.is_any() || condition.as_etag().is_some_and(|wanted| Some(wanted.value()) == stored.map(ETag::value))
    };
    if matches.is_some_and(|condition| !is(condition)) {
        return Err(refuse(
            S3ErrorCode::PreconditionFailed,
            "At least one of the pre-conditions you specified did not hold.",
        ));
    }
    if differs.is_some_and(is) {
        return Err(refuse(S3ErrorCode::NotModified, "Not Modified"));
    }
    Ok(())
}

fn request_of<T>(input: T) -> S3Request<T> {
    S3Request {
        input,
        method: http::Method::HEAD,
        uri: http::Uri::default(),
        headers: http::HeaderMap::new(),
        extensions: http::Extensions::new(),
        credentials: None,
        region: None,
        service: None,
        trailing_headers: None,
    }
}
