//! Refusals, as RFC 9457 problems.

use axum::{
    Json,
    response::{IntoResponse, Response},
};
use domain::{JobError, error::ServiceUnavailable};
use http::{
    HeaderValue, StatusCode,
    header::{CONTENT_TYPE, RETRY_AFTER},
};
use serde::Serialize;
use serde_json::{Map, Value, json};
use tracing::error;
use utoipa::ToSchema;

/// Kinds of problems. Their types, `/problems/{slug}`, are stable.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// The body is not JSON.
    MalformedJson,
    /// The body was not received completely.
    UnreadableBody,
    /// The token is missing.
    Unauthorized,
    /// The token names no studio.
    NoStudio,
    /// The token does not belong to an operator.
    OperatorsOnly,
    /// The record does not exist, or belongs to another studio.
    NotFound,
    /// The route does not support the method.
    MethodNotAllowed,
    /// The photo's original is stored already.
    AlreadyUploaded,
    /// The photo has no original yet.
    NotUploaded,
    /// An order contains the photo.
    PhotoOrdered,
    /// A worker or another request is processing the record.
    UnderWay,
    /// The download was revoked.
    Revoked,
    /// Photos of the order are not ready.
    PhotosNotReady,
    /// A request with this key is under way.
    RequestInFlight,
    /// The record that the first request with this key created was deleted.
    Gone,
    /// The order was erased.
    Erased,
    /// The body is too large.
    TooLarge,
    /// The value of a field is invalid.
    InvalidField,
    /// The key was used for another request.
    IdempotencyKeyReused,
    /// The job cannot be done.
    Refused,
    /// The job takes too long to run synchronously.
    TooLargeToWait,
    /// A dependency is throttling requests.
    Busy,
    /// An internal error.
    Internal,
}

impl Kind {
    /// All kinds, in the order of the documentation.
    pub const ALL: [Self; 23] = [
        Self::MalformedJson,
        Self::UnreadableBody,
        Self::Unauthorized,
        Self::NoStudio,
        Self::OperatorsOnly,
        Self::NotFound,
        Self::MethodNotAllowed,
        Self::AlreadyUploaded,
        Self::NotUploaded,
        Self::PhotoOrdered,
        Self::UnderWay,
        Self::Revoked,
        Self::PhotosNotReady,
        Self::RequestInFlight,
        Self::Gone,
        Self::Erased,
        Self::TooLarge,
        Self::InvalidField,
        Self::IdempotencyKeyReused,
        Self::Refused,
        Self::TooLargeToWait,
        Self::Busy,
        Self::Internal,
    ];

    /// Returns the HTTP status, the stable last part of the type, and a description.
    pub fn facts(self) -> (StatusCode, &'static str, &'static str) {
        use StatusCode as S;
        match self {
            Self::MalformedJson => (S::BAD_REQUEST, "malformed-json", "The body is not JSON."),
            Self::UnreadableBody => (S::BAD_REQUEST, "unreadable-body", "The body was not received completely."),
            Self::Unauthorized => (S::UNAUTHORIZED, "unauthorized", "A valid bearer token is required."),
            Self::NoStudio => (S::FORBIDDEN, "no-studio", "The token's claim names no studio."),
            Self::OperatorsOnly => {
                (S::FORBIDDEN, "operators-only", "The route is for operators, and the token does not belong to one.")
            }
            Self::NotFound => (
                S::NOT_FOUND,
                "not-found",
                "The record or route does not exist, or the record belongs to another studio.",
            ),
            Self::MethodNotAllowed => {
                (S::METHOD_NOT_ALLOWED, "method-not-allowed", "The route does not support the method: see `Allow`.")
            }
            Self::AlreadyUploaded => (S::CONFLICT, "already-uploaded", "The photo's original is stored already."),
            Self::NotUploaded => (S::CONFLICT, "not-uploaded", "The photo's original has not been uploaded yet."),
            Self::PhotoOrdered => (S::CONFLICT, "photo-ordered", "An order (`order_id`) contains the photo."),
            Self::UnderWay => {
                (S::CONFLICT, "under-way", "The record is being processed. Retry after that has finished.")
            }
            Self::Revoked => (S::CONFLICT, "revoked", "The download was revoked."),
            Self::PhotosNotReady => {
                (S::CONFLICT, "photos-not-ready", "Photos of the order are not ready: `photos` names them.")
            }
            Self::RequestInFlight => (
                S::CONFLICT,
                "request-in-flight",
                "A request with this Idempotency-Key is under way: see `Retry-After`.",
            ),
            Self::Gone => {
                (S::GONE, "gone", "The record that the request with this Idempotency-Key created was deleted.")
            }
            Self::Erased => (S::GONE, "erased", "The order and its personal data were erased."),
            Self::TooLarge => (S::PAYLOAD_TOO_LARGE, "too-large", "The body is larger than 1 MiB."),
            Self::InvalidField => (
                S::UNPROCESSABLE_ENTITY,
                "invalid-field",
                "A field of the body, the query or the headers is invalid: `field` names it.",
            ),
            Self::IdempotencyKeyReused => (
                S::UNPROCESSABLE_ENTITY,
                "idempotency-key-reused",
                "The Idempotency-Key was used for a request with another body or route.",
            ),
            Self::Refused => (
                S::UNPROCESSABLE_ENTITY,
                "refused",
                "The job cannot be done: `code` is the error code, as on a failed record.",
            ),
            Self::TooLargeToWait => (
                S::UNPROCESSABLE_ENTITY,
                "too-large-to-wait",
                "With `\"queue\": false` the job would take longer than a request may. Omit `queue`.",
            ),
            Self::Busy => {
                (S::SERVICE_UNAVAILABLE, "busy", "A dependency is throttling requests. Retry after `Retry-After`.")
            }
            Self::Internal => (S::INTERNAL_SERVER_ERROR, "internal", "An internal error. It is logged."),
        }
    }
}

/// Largest number of items that one problem names.
const MOST_NAMED: usize = 20;

/// A refusal, as the response describes it.
#[derive(Debug)]
pub struct Problem {
    kind: Kind,
    detail: String,
    field: Option<String>,
    /// Additional members of some kinds.
    more: Map<String, Value>,
    /// Seconds after which the request can be retried.
    retry_after: Option<u64>,
}

/// Problem details as in RFC 9457.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = Problem)]
pub struct ProblemView {
    /// Type of the problem: stable, for programs.
    #[serde(rename = "type")]
    #[schema(example = "/problems/invalid-field")]
    kind: String,
    /// Title of the HTTP status.
    title: &'static str,
    /// HTTP status.
    #[schema(minimum = 400, maximum = 599)]
    status: u16,
    /// Explanation of this occurrence, for people.
    detail: String,
    /// Part of the request that is invalid.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    field: Option<String>,
    #[serde(flatten)]
    #[schema(ignore)]
    more: Map<String, Value>,
}

/// Error of a handler.
#[derive(Debug)]
pub enum ApiError {
    /// A problem that the caller can fix. The response describes it.
    Problem(Box<Problem>),
    /// An internal error. It is logged, and the response does not describe it.
    Internal(anyhow::Error),
}

/// Result of a handler.
pub type ApiResult<T> = Result<T, ApiError>;

impl Problem {
    /// Creates a problem of this kind.
    pub fn new(kind: Kind, detail: impl Into<String>) -> Self {
        Self { kind, detail: detail.into(), field: None, more: Map::new(), retry_after: None }
    }

    /// Creates a 422 problem: the value of the field is invalid.
    pub fn invalid(field: impl Into<String>, detail: impl Into<String>) -> Self {
        Self::new(Kind::InvalidField, detail).at(field)
    }

    /// Creates a 404 problem: the record does not exist or belongs to another studio. The response does not distinguish
    /// the two.
    pub fn not_found(what: &str) -> Self {
        Self::new(Kind::NotFound, format!("There is no such {what}."))
    }

    /// Names the field.
    pub fn at(mut self, field: impl Into<String>) -> Self {
        self.field = Some(field.into());
        self
    }

    /// Adds a member.
    pub fn with(mut self, name: &str, value: impl Serialize) -> Self {
        self.more.insert(name.to_owned(), json!(value));
        self
    }

    /// Adds a list and, beside it, the list's length. Only the first [`MOST_NAMED`] items are kept: 2,000 refused
    /// photos with their reasons would exceed Lambda's response limit of 6 MB.
    pub fn naming(self, name: &str, mut list: Vec<impl Serialize>) -> Self {
        let count = list.len();
        list.truncate(MOST_NAMED);
        self.with(name, list).with(&format!("{name}_count"), count)
    }

    /// Sets `Retry-After`, in seconds.
    pub fn retry_after(mut self, seconds: u64) -> Self {
        self.retry_after = Some(seconds);
        self
    }
}

impl From<Problem> for ApiError {
    fn from(problem: Problem) -> Self {
        Self::Problem(Box::new(problem))
    }
}

impl From<JobError> for ApiError {
    /// Refuses a request for the reason for which its job would be rejected.
    fn from(error: JobError) -> Self {
        match error {
            JobError::Reject(reason) => Problem::new(Kind::Refused, reason.message).with("code", reason.code).into(),
            JobError::Retry(error) | JobError::Unavailable(error) => Self::Internal(error),
            JobError::Paused => Self::Internal(anyhow::anyhow!("A request can't pause")),
        }
    }
}

impl From<anyhow::Error> for ApiError {
    fn from(error: anyhow::Error) -> Self {
        Self::Internal(error)
    }
}

impl IntoResponse for Problem {
    fn into_response(self) -> Response {
        let (status, slug, _) = self.kind.facts();
        let view = ProblemView {
            kind: format!("/problems/{slug}"),
            title: status.canonical_reason().unwrap_or("Error"),
            status: status.as_u16(),
            detail: self.detail,
            field: self.field,
            more: self.more,
        };
        let mut response = (status, Json(view)).into_response();
        response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static("application/problem+json"));
        if let Some(seconds) = self.retry_after {
            response.headers_mut().insert(RETRY_AFTER, seconds.into());
        }
        response
    }
}

impl IntoResponse for ApiError {
    fn into_response(self) -> Response {
        match self {
            Self::Problem(problem) => problem.into_response(),
            Self::Internal(cause) => {
                error!(error = format!("{cause:#}"), "A request failed");
                let busy = cause.downcast_ref::<ServiceUnavailable>().is_some();
                let detail = "Something went wrong on our side. Please try again.";
                if busy {
                    Problem::new(Kind::Busy, detail).retry_after(1).into_response()
                } else {
                    Problem::new(Kind::Internal, detail).into_response()
                }
            }
        }
    }
}
