//! Requests and responses of AWS's JSON protocols.

use bytes::Bytes;
use http::{HeaderValue, Request, Response, header};
use serde_json::{Value, json};

/// Error of a service: HTTP status, code and sentence.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ServiceError {
    /// HTTP status.
    pub status: u16,
    /// Code, such as `ThrottlingException`.
    pub code: &'static str,
    /// Sentence for people.
    pub message: String,
}

impl ServiceError {
    /// Creates an error of a wrong request (status 400).
    pub fn client(code: &'static str, message: impl Into<String>) -> Self {
        Self { status: 400, code, message: message.into() }
    }
}

/// Returns the operation of a request: the part of `x-amz-target` after the dot.
pub fn operation(request: &Request<Bytes>) -> &str {
    let target = request.headers().get("x-amz-target").and_then(|target| target.to_str().ok()).unwrap_or_default();
    target.rsplit('.').next().unwrap_or_default()
}

/// Reads a request's body.
pub fn body<T: serde::de::DeserializeOwned>(request: &Request<Bytes>) -> Result<T, ServiceError> {
    serde_json::from_slice(request.body())
        .map_err(|error| ServiceError::client("SerializationException", error.to_string()))
}

/// Builds a response.
pub fn response(answer: Result<Value, ServiceError>) -> Response<Bytes> {
    let (status, code, body) = match answer {
        Ok(value) => (200, None, value),
        Err(ServiceError { status, code, message }) => {
            (status, Some(code), json!({ "__type": code, "message": message }))
        }
    };
    let mut response = Response::new(Bytes::from(body.to_string()));
    *response.status_mut() = status.try_into().unwrap_or(http::StatusCode::INTERNAL_SERVER_ERROR);
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("application/x-amz-json-1.0"));
    if let Some(code) = code {
        headers.insert("x-amzn-errortype", HeaderValue::from_static(code));
    }
    response
}
