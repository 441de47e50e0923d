//! Errors of SQS. Clients see the code of the older query protocol, and the type of the JSON protocol.

use bytes::Bytes;
use http::{HeaderValue, Response};
use serde_json::Value;

use crate::services::json::{self, ServiceError};

/// The queue does not exist.
pub const NO_QUEUE: &str = "AWS.SimpleQueueService.NonExistentQueue";
/// A value is out of range.
pub const INVALID_VALUE: &str = "InvalidParameterValue";
/// A required member is missing or empty.
pub const MISSING: &str = "MissingParameter";
/// The body has a character that XML 1.0 does not allow.
pub const INVALID_CONTENTS: &str = "InvalidMessageContents";
/// An attribute of a queue has an unknown name.
pub const INVALID_ATTRIBUTE: &str = "InvalidAttributeName";
/// The receipt handle is malformed, or of another queue.
pub const INVALID_HANDLE: &str = "ReceiptHandleIsInvalid";
/// The message is not in flight.
pub const NOT_IN_FLIGHT: &str = "AWS.SimpleQueueService.MessageNotInflight";
/// A batch has no entries.
pub const EMPTY_BATCH: &str = "AWS.SimpleQueueService.EmptyBatchRequest";
/// A batch has too many entries.
pub const TOO_MANY_ENTRIES: &str = "AWS.SimpleQueueService.TooManyEntriesInBatchRequest";
/// Two entries of a batch have the same id.
pub const SAME_ID: &str = "AWS.SimpleQueueService.BatchEntryIdsNotDistinct";
/// An id of an entry is empty, too long, or has other characters than letters, digits, hyphens and underscores.
pub const INVALID_ID: &str = "AWS.SimpleQueueService.InvalidBatchEntryId";
/// The messages of a batch are too long together.
pub const BATCH_TOO_LONG: &str = "AWS.SimpleQueueService.BatchRequestTooLong";

/// Types of the JSON protocol by code.
const TYPES: [(&str, &str); 12] = [
    (NO_QUEUE, "com.amazonaws.sqs#QueueDoesNotExist"),
    (INVALID_VALUE, "com.amazon.coral.service#InvalidParameterValueException"),
    (MISSING, "com.amazon.coral.service#MissingRequiredParameterException"),
    (INVALID_CONTENTS, "com.amazonaws.sqs#InvalidMessageContents"),
    (INVALID_ATTRIBUTE, "com.amazonaws.sqs#InvalidAttributeName"),
    (INVALID_HANDLE, "com.amazonaws.sqs#ReceiptHandleIsInvalid"),
    (NOT_IN_FLIGHT, "com.amazonaws.sqs#MessageNotInflight"),
    (EMPTY_BATCH, "com.amazonaws.sqs#EmptyBatchRequest"),
    (TOO_MANY_ENTRIES, "com.amazonaws.sqs#TooManyEntriesInBatchRequest"),
    (SAME_ID, "com.amazonaws.sqs#BatchEntryIdsNotDistinct"),
    (INVALID_ID, "com.amazonaws.sqs#InvalidBatchEntryId"),
    (BATCH_TOO_LONG, "com.amazonaws.sqs#BatchRequestTooLong"),
];

/// Creates an error about a value out of range.
pub fn invalid(message: &str) -> ServiceError {
    ServiceError::client(INVALID_VALUE, message)
}

/// Builds a response. Errors have a header with the code, which SDKs prefer to the type.
pub fn response(answer: Result<Value, ServiceError>) -> Response<Bytes> {
    let code = answer.as_ref().err().map(|error| error.code);
    let mut response = json::response(answer.map_err(|error| ServiceError { code: type_of(error.code), ..error }));
    if let Some(code) = code.and_then(|code| HeaderValue::try_from(format!("{code};Sender")).ok()) {
        response.headers_mut().insert("x-amzn-query-error", code);
    }
    response
}

fn type_of(code: &'static str) -> &'static str {
    TYPES.iter().find(|(known, _)| *known == code).map_or(code, |(_, name)| name)
}
