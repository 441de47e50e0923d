//! The call of a request, derived from its method, path and headers as the services do it.

use std::fmt;

use http::{Method, Uri};

use crate::proxy::Seen;

/// An AWS service.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Service {
    /// DynamoDB.
    DynamoDb,
    /// S3.
    S3,
    /// SES v2.
    Ses,
    /// SQS.
    Sqs,
    /// SSM.
    Ssm,
}

/// One operation of a service.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Call {
    /// The service.
    pub service: Service,
    /// The service's name for the operation, such as `PutItem`.
    pub operation: String,
}

/// The n-th call of an operation by a function, including retries of the SDK.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Site {
    /// The function that calls.
    pub function: String,
    /// The operation that it calls.
    pub call: Call,
    /// The number of the call, counted from 1.
    pub nth: usize,
}

impl fmt::Display for Site {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{:?}.{}#{}", self.function, self.call.service, self.call.operation, self.nth)
    }
}

impl Call {
    /// Derives the call from a request's head.
    pub fn of(seen: &Seen) -> Self {
        let header = |name: &str| seen.headers.get(name).and_then(|value| value.to_str().ok()).unwrap_or_default();
        let call = |service, operation: &str| Self { service, operation: operation.to_owned() };
        // JSON services state version and operation: `DynamoDB_20120810.PutItem`.
        match header("x-amz-target").split_once('.') {
            Some((target, operation)) if target.starts_with("DynamoDB") => call(Service::DynamoDb, operation),
            Some(("AmazonSQS", operation)) => call(Service::Sqs, operation),
            Some((_, operation)) => call(Service::Ssm, operation),
            None if seen.uri.path() == "/v2/email/account" => call(Service::Ses, "GetAccount"),
            None if seen.uri.path().starts_with("/v2/email/") => call(Service::Ses, "SendEmail"),
            None => call(Service::S3, s3_operation(&seen.method, &seen.uri, !header("x-amz-copy-source").is_empty())),
        }
    }
}

fn s3_operation(method: &Method, uri: &Uri, copies: bool) -> &'static str {
    let names = |name: &str| uri.query().unwrap_or_default().split('&').any(|p| p.split('=').next() == Some(name));
    let of_object = uri.path().trim_matches('/').contains('/');
    match *method {
        Method::HEAD => "HeadObject",
        Method::GET if names("uploadId") => "ListParts",
        Method::GET if names("uploads") => "ListMultipartUploads",
        Method::GET if !of_object => "ListObjects",
        Method::GET => "GetObject",
        Method::PUT if names("partNumber") && copies => "UploadPartCopy",
        Method::PUT if names("partNumber") => "UploadPart",
        Method::PUT => "PutObject",
        Method::POST if names("uploads") => "CreateMultipartUpload",
        Method::POST if names("uploadId") => "CompleteMultipartUpload",
        Method::POST => "DeleteObjects",
        Method::DELETE if names("uploadId") => "AbortMultipartUpload",
        _ => "DeleteObject",
    }
}
