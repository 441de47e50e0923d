//! The S3 stand-in. `s3s` implements the protocol and checks signatures; this module implements objects.
//!
//! [`store`] keeps objects on disk, [`multipart`] assembles uploads, [`conditions`] checks preconditions, [`notify`]
//! tells queues about new objects, [`api`] implements the operations, [`listing`] makes the pages of lists, [`bucket`]
//! orders the versions of keys, [`version`] makes their ids, [`access`] checks signed headers, [`members`] completes
//! error responses.

mod access;
mod api;
mod bucket;
mod bytes;
mod conditions;
mod cors;
mod listing;
mod members;
mod multipart;
mod notify;
mod object;
mod store;
mod version;

use std::{path::Path, sync::Arc};

use http::{HeaderMap, HeaderValue, Request, StatusCode, header};
use hyper::body::Body as _;
use s3s::{
    Body, S3Error, S3Result,
    auth::SimpleAuth,
    service::{S3Service, S3ServiceBuilder},
};

use self::{bucket::BucketRecord, cors::CorsRule, object::Object, store::Store};
use super::{
    ACCESS_KEY, SECRET_KEY,
    sqs::{self, Queues},
};

/// S3 behind HTTP.
pub struct ObjectService {
    objects: Arc<Objects>,
    front: S3Service,
}

impl ObjectService {
    /// Opens the objects in `folder`, and sends the events that a killed process did not send.
    pub fn open(folder: &Path, queues: Arc<Queues>) -> anyhow::Result<Self> {
        let objects = Arc::new(Objects { store: Store::open(folder)?, queues });
        objects.announce_owed();
        let mut front = S3ServiceBuilder::new(Api(objects.clone()));
        front.set_auth(SimpleAuth::from_single(ACCESS_KEY, SECRET_KEY));
        front.set_access(access::Signed);
        Ok(Self { objects, front: front.build() })
    }

    /// Handles one request.
    pub async fn answer(&self, request: Request<Body>) -> s3s::HttpResponse {
        let bucket = request.uri().path().trim_start_matches('/').split('/').next().unwrap_or_default().to_owned();
        if cors::is_preflight(request.method(), request.headers()) {
            return cors::preflight(&self.objects.cors(&bucket), request.headers());
        }
        let (method, origin) = (request.method().clone(), request.headers().get(header::ORIGIN).cloned());
        let (waits, is_empty) = (waits_for_continue(request.headers()), request.body().is_end_stream());
        let mut response = match self.front.call(request).await {
            Ok(response) => response,
            Err(error) => {
                tracing::error!(error = ?error, "S3 could not answer");
                let mut response = s3s::HttpResponse::new(s3s::Body::empty());
                *response.status_mut() = StatusCode::INTERNAL_SERVER_ERROR;
                response
            }
        };
        members::write(&mut response);
        if response.status() == StatusCode::NOT_MODIFIED {
            // A 304 has no body. A client that reads one misreads every later response of the connection.
            *response.body_mut() = s3s::Body::empty();
            response.headers_mut().remove(header::CONTENT_TYPE);
            response.headers_mut().remove(header::CONTENT_LENGTH);
        }
        if let Some(origin) = origin {
            cors::decorate(&self.objects.cors(&bucket), &origin, &method, response.headers_mut());
        }
        response.headers_mut().entry(header::SERVER).or_insert(HeaderValue::from_static("AmazonS3"));
        if waits && (is_empty || !response.status().is_success()) {
            response.headers_mut().insert(header::CONNECTION, HeaderValue::from_static("close"));
        }
        response
    }
}

/// Returns whether the client sends its body after `100 Continue`. Where the final response comes instead, the connection
/// must end: botocore, and with it the AWS CLI, takes the status of that response for the one of its next request there,
/// and then waits for a body that never comes.
fn waits_for_continue(headers: &HeaderMap) -> bool {
    headers.get(header::EXPECT).is_some_and(|value| value.as_bytes().eq_ignore_ascii_case(b"100-continue"))
}

/// The operations of S3 on the objects.
struct Api(Arc<Objects>);

/// The objects, and the queues that receive their events.
struct Objects {
    store: Store,
    queues: Arc<Queues>,
}

impl Objects {
    fn cors(&self, bucket: &str) -> Vec<CorsRule> {
        self.store.index().bucket(bucket).map(|bucket| bucket.record.cors.clone()).unwrap_or_default()
    }

    /// Sends the unsent event of a new object. The object's record names the event until it is sent, so a process that
    /// is killed in between sends it after its restart. Without its event, an uploaded photo would never be processed.
    fn announce(&self, bucket: &str, object: &Arc<Object>) -> S3Result<()> {
        let Some(event) = &object.record.unsent else { return Ok(()) };
        let rules = self.store.index().bucket(bucket)?.record.notifications.clone();
        for rule in rules.iter().filter(|rule| rule.matches(event, &object.key)) {
            let message = notify::event(rule, bucket, object, event).to_string();
            let queue = sqs::name_of_arn(&rule.queue_arn);
            if let Err(error) = self.queues.send(queue, message) {
                if error.is_internal() {
                    return Err(S3Error::internal_error(error));
                }
                // As on AWS: the queue existed when the notification was configured, and its loss does not fail the
                // upload.
                tracing::warn!(%error, queue, "An event of a new object could not be sent");
            }
        }
        self.store.announced(bucket, object)
    }

    fn announce_owed(&self) {
        let owed: Vec<(String, Arc<Object>)> = self
            .store
            .index()
            .buckets
            .iter()
            .flat_map(|(name, bucket)| bucket.keys.values().flatten().map(move |object| (name, object)))
            .filter(|(_, object)| object.record.unsent.is_some())
            .map(|(name, object)| (name.clone(), object.clone()))
            .collect();
        for (bucket, object) in owed {
            if let Err(error) = self.announce(&bucket, &object) {
                tracing::warn!(%error, "An event owed since the last run could not be sent");
            }
        }
    }
}

/// Returns the event to send for a new object, if a rule of its bucket matches.
fn owed(bucket: &BucketRecord, event: &str, key: &str) -> Option<String> {
    bucket.notifications.iter().any(|rule| rule.matches(event, key)).then(|| event.to_owned())
}
