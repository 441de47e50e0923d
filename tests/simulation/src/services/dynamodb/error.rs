//! Error responses.

use std::sync::Arc;

use bytes::Bytes;
use http::{Response, StatusCode, header::CONTENT_TYPE};
use serde::Serialize;

use super::value::{INVALID, Item};

/// Media type of requests and responses.
pub const JSON: &str = "application/x-amz-json-1.0";

/// Refusal of a request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Error {
    kind: &'static str,
    message: String,
    item: Option<Arc<Item>>,
}

#[derive(Serialize)]
struct Body<'a> {
    #[serde(rename = "__type")]
    kind: &'static str,
    message: &'a str,
    #[serde(rename = "Item", skip_serializing_if = "Option::is_none")]
    item: Option<&'a Item>,
}

impl Error {
    fn new(kind: &'static str, message: impl Into<String>) -> Self {
        Self { kind, message: message.into(), item: None }
    }

    /// Invalid request.
    pub fn validation(message: impl Into<String>) -> Self {
        Self::new("com.amazon.coral.validate#ValidationException", message)
    }

    /// Invalid request: a parameter value does not fit the table.
    pub fn parameter(message: impl std::fmt::Display) -> Self {
        Self::validation(format!("One or more parameter values were invalid: {message}"))
    }

    /// Request that the model does not support although DynamoDB may.
    pub fn unsupported(message: impl std::fmt::Display) -> Self {
        Self::validation(format!("The model does not support this request: {message}"))
    }

    /// Unknown operation.
    pub fn unknown_operation() -> Self {
        Self::new("com.amazon.coral.service#UnknownOperationException", "")
    }

    /// Unknown table.
    pub fn no_table() -> Self {
        Self::new("com.amazonaws.dynamodb.v20120810#ResourceNotFoundException", "Requested resource not found")
    }

    /// Table that exists already.
    pub fn table_exists(name: &str) -> Self {
        let message = format!("Table already exists: {name}");
        Self::new("com.amazonaws.dynamodb.v20120810#ResourceInUseException", message)
    }

    /// Condition that the current item does not meet. `item`: the current item, if the request asks for it.
    pub fn condition(item: Option<Arc<Item>>) -> Self {
        let message = "The conditional request failed";
        let error = Self::new("com.amazonaws.dynamodb.v20120810#ConditionalCheckFailedException", message);
        Self { item, ..error }
    }

    /// Body that cannot be read.
    pub fn unreadable(error: &serde_json::Error) -> Self {
        let message = error.to_string();
        let message = message.rfind(" at line ").map_or(message.as_str(), |end| &message[..end]);
        if let Some(message) = message.strip_prefix(INVALID) {
            return Self::validation(message);
        }
        if message.starts_with("unknown field") {
            return Self::unsupported(message);
        }
        Self::new("com.amazon.coral.service#SerializationException", message)
    }

    /// Returns the response.
    pub fn response(&self) -> Response<Bytes> {
        let body = Body { kind: self.kind, message: &self.message, item: self.item.as_deref() };
        respond(StatusCode::BAD_REQUEST, serde_json::to_vec(&body).unwrap_or_default())
    }
}

/// Returns a response with this JSON body.
pub fn respond(status: StatusCode, body: Vec<u8>) -> Response<Bytes> {
    let mut response = Response::new(Bytes::from(body));
    *response.status_mut() = status;
    response.headers_mut().insert(CONTENT_TYPE, http::HeaderValue::from_static(JSON));
    response
}
