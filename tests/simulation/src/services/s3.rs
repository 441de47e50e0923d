//! S3.
//!
//! Path-style addressing and Signature Version 4. Reads, writes and lists are strongly consistent. A feature that the
//! model does not have is refused with `NotImplemented`.

mod access;
mod body;
mod bucket;
mod checksum;
mod completion;
mod conditions;
mod encoding;
mod events;
mod listing;
mod objects;
mod refusal;
mod request;
mod rope;
mod signature;
mod uploads;
mod versions;
mod xml;

use std::collections::{BTreeMap, BTreeSet};

use bytes::Bytes;
use http::{HeaderValue, Method, Request, Response, StatusCode, header};
use jiff::SignedDuration;

pub(super) use self::checksum::md5;
pub use self::{
    access::{OpenUpload, Stored},
    events::{Event, Notification},
};
use self::{
    bucket::{Bucket, Stamp, Versioning},
    refusal::Refusal,
    request::Parsed,
    signature::{Terms, Verifier},
};
use crate::services::{Moment, Service};

/// Bytes of a digest in an ETag, as many as an MD5 has.
const ETAG_BYTES: usize = 16;
/// S3: largest difference between the date of a request and the time (ErrorResponses, RequestTimeTooSkewed).
const MAX_SKEW: SignedDuration = SignedDuration::from_mins(15);
/// Region whose buckets can be created again by their owner (API_CreateBucket, BucketAlreadyOwnedByYou).
const LEGACY_REGION: &str = "us-east-1";
/// Fields of operations that the model does not have.
const UNKNOWN: [&str; 12] = [
    "accelerate",
    "acl",
    "attributes",
    "cors",
    "encryption",
    "lifecycle",
    "location",
    "notification",
    "policy",
    "restore",
    "select",
    "tagging",
];

/// Response, or the error.
type Answer = Result<Response<Bytes>, Refusal>;

/// Behaviour of the service.
#[derive(Debug, Clone)]
pub struct Settings {
    /// Region in events.
    pub region: String,
    /// Secrets by access key.
    pub secrets: BTreeMap<String, String>,
    /// New objects that are notified.
    pub notifications: Vec<Notification>,
    /// Buckets that keep replaced and deleted versions from their creation on.
    pub versioned: BTreeSet<String>,
    /// Whether each write has an ETag of its own, as with SSE-KMS.
    pub etag_is_no_digest: bool,
    /// Probability that a valid completion fails with an error inside a response of status 200.
    pub error_inside_200: f64,
    /// Response to a completion that already succeeded.
    pub repeated_completion: RepeatedCompletion,
    /// Largest difference between a request's date and the current time; `None` for any.
    pub max_skew: Option<SignedDuration>,
}

/// Response to a completion that already succeeded. S3 documents the first and was observed to do the second.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum RepeatedCompletion {
    /// The error `NoSuchUpload`.
    #[default]
    NoSuchUpload,
    /// The response of the successful completion.
    SameResponse,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            region: "us-east-1".to_owned(),
            secrets: BTreeMap::from([("test".to_owned(), "test".to_owned())]),
            notifications: Vec::new(),
            versioned: BTreeSet::new(),
            etag_is_no_digest: false,
            error_inside_200: 0.0,
            repeated_completion: RepeatedCompletion::default(),
            max_skew: Some(MAX_SKEW),
        }
    }
}

/// Model of S3.
pub struct S3 {
    /// Behaviour. Changes apply to later requests.
    pub settings: Settings,
    buckets: BTreeMap<String, Bucket>,
    events: Vec<Event>,
    verifier: Verifier,
    /// Number of requests so far.
    requests: u64,
    /// Last number that was given to a write.
    number: u64,
}

impl Service for S3 {
    fn call(&mut self, request: &Request<Bytes>, moment: &mut Moment<'_>) -> Response<Bytes> {
        self.requests += 1;
        let answer = Parsed::new(request).and_then(|parsed| self.answer(&parsed, moment));
        let mut response = answer.unwrap_or_else(|refusal| refusal.respond(request.method()));
        let headers = response.headers_mut();
        headers.insert(header::SERVER, HeaderValue::from_static("AmazonS3"));
        for (name, value) in
            [("x-amz-request-id", format!("{:016X}", self.requests)), ("date", encoding::http_date(moment.now))]
        {
            if let Ok(value) = HeaderValue::try_from(value) {
                headers.insert(name, value);
            }
        }
        if !headers.contains_key(header::CONTENT_TYPE) && response.body().starts_with(b"<?xml") {
            response.headers_mut().insert(header::CONTENT_TYPE, HeaderValue::from_static("application/xml"));
        }
        response
    }
}

impl S3 {
    /// Creates a service without buckets.
    pub fn new(settings: Settings) -> Self {
        Self {
            settings,
            buckets: BTreeMap::new(),
            events: Vec::new(),
            verifier: Verifier::default(),
            requests: 0,
            number: 0,
        }
    }

    fn answer(&mut self, request: &Parsed<'_>, moment: &mut Moment<'_>) -> Answer {
        let Settings { secrets, max_skew, .. } = &self.settings;
        self.verifier.check(request, &Terms { secrets, max_skew: *max_skew, now: moment.now })?;
        request.refuse(&UNKNOWN, &[])?;
        let has = |name: &str| request.field(name).is_some();
        let copies = request.header("x-amz-copy-source").is_some();
        if request.key.is_empty() {
            return match *request.method() {
                Method::PUT if has("versioning") => self.set_versioning(request),
                Method::GET if has("versioning") => self.get_versioning(request),
                Method::GET if has("versions") => self.list_versions(request),
                Method::PUT => self.answer_create_bucket(request),
                Method::HEAD => self.bucket(&request.bucket).map(|_| Response::default()),
                Method::GET if has("uploads") => self.list_uploads(request),
                Method::GET if request.field("list-type") == Some("2") => self.list_objects(request),
                Method::POST if has("delete") => self.delete_objects(request, moment),
                _ => Err(Refusal::unknown("this request to a bucket")),
            };
        }
        match *request.method() {
            Method::PUT if has("uploadId") && copies => self.copy_part(request, moment),
            Method::PUT if has("uploadId") => self.upload_part(request, moment),
            Method::PUT if copies => self.copy_object(request, moment),
            Method::PUT => self.put_object(request, moment),
            Method::GET if has("uploadId") => self.list_parts(request),
            Method::GET | Method::HEAD => self.get_object(request),
            Method::POST if has("uploads") => self.create_upload(request, moment),
            Method::POST if has("uploadId") => self.complete_upload(request, moment),
            Method::DELETE if has("uploadId") => self.abort_upload(request),
            Method::DELETE => self.delete_object(request, moment),
            _ => Err(Refusal::unknown("this request to an object")),
        }
    }

    fn answer_create_bucket(&mut self, request: &Parsed<'_>) -> Answer {
        if self.buckets.contains_key(&request.bucket) && self.settings.region != LEGACY_REGION {
            let message = "Your previous request to create the named bucket succeeded and you already own it.";
            let refusal = Refusal::new(StatusCode::CONFLICT, "BucketAlreadyOwnedByYou", message);
            return Err(refusal.with("BucketName", &request.bucket));
        }
        self.create_bucket(&request.bucket);
        let mut response = Response::new(Bytes::new());
        if let Ok(location) = HeaderValue::try_from(format!("/{}", request.bucket)) {
            response.headers_mut().insert(header::LOCATION, location);
        }
        Ok(response)
    }

    fn bucket(&self, name: &str) -> Result<&Bucket, Refusal> {
        self.buckets.get(name).ok_or_else(|| Refusal::no_bucket(name))
    }

    fn bucket_mut(&mut self, name: &str) -> Result<&mut Bucket, Refusal> {
        self.buckets.get_mut(name).ok_or_else(|| Refusal::no_bucket(name))
    }

    /// Returns an ETag without quotes: of the content, or of this write alone.
    fn etag(&self, sha256: &[u8; 32], random: &mut fastrand::Rng) -> String {
        if self.settings.etag_is_no_digest {
            format!("{:032x}", random.u128(..))
        } else {
            hex::encode(&sha256[..ETAG_BYTES])
        }
    }

    /// Returns the identity of a new version.
    fn stamp(&mut self, bucket: &str, random: &mut fastrand::Rng) -> Stamp {
        let bucket = self.buckets.get(bucket);
        let versioned = bucket.is_some_and(|bucket| bucket.versioning == Versioning::Enabled);
        Stamp::new(self.next_number(), if versioned { random.u64(..) } else { 0 })
    }

    /// Returns the header value of the encryption, which each response about an object has.
    fn encryption(&self) -> HeaderValue {
        HeaderValue::from_static(if self.settings.etag_is_no_digest { "aws:kms" } else { "AES256" })
    }

    fn next_number(&mut self) -> u64 {
        self.number += 1;
        self.number
    }
}
