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

/// The kinds of problems. Their types, `/problems/{slug}`, are stable.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// The body is no JSON.
    MalformedJson,
    /// The body was not received whole.
    UnreadableBody,
    /// The token is missing.
    Unauthorized,
    /// The token names no studio.
    NoStudio,
    /// The token is no operator's.
    OperatorsOnly,
    /// There is no such thing, or it is another studio's.
    NotFound,
    /// The route has other methods.
    MethodNotAllowed,
    /// The photo has its original.
    AlreadyUploaded,
    /// The photo has no original yet.
    NotUploaded,
    /// The photo is in an order.
    PhotoOrdered,
    /// It is being worked on.
    UnderWay,
    /// The download was taken back.
    Revoked,
    /// Photos of the order are not ready.
    PhotosNotReady,
    /// A request with this key is under way.
    RequestInFlight,
    /// What the first request with this key made is gone.
    Gone,
    /// The order was erased.
    Erased,
    /// The body is too large.
    TooLarge,
    /// A field can't be taken.
    InvalidField,
    /// The key was used for another request.
    IdempotencyKeyReused,
    /// The job can't be done.
    Refused,
    /// The job is too large to be waited for.
    TooLargeToWait,
    /// A service behind the API asks for patience.
    Busy,
    /// A failure of the API's own.
    Internal,
}

impl Kind {
    /// All of them, as the documentation lists them.
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

    /// Its status, the stable last part of its type, and when it comes.
    pub fn facts(self) -> (StatusCode, &'static str, &'static str) {
        use StatusCode as S;
        match self {
            Self::MalformedJson => (S::BAD_REQUEST, "malformed-json", "The body is not JSON."),
            Self::UnreadableBody => (S::BAD_REQUEST, "unreadable-body", "The body did not arrive whole."),
            Self::Unauthorized => (S::UNAUTHORIZED, "unauthorized", "A valid bearer token is required."),
            Self::NoStudio => (S::FORBIDDEN, "no-studio", "The token's claim names no studio."),
            Self::OperatorsOnly => {
                (S::FORBIDDEN, "operators-only", "The route is for operators, and the token is none's.")
            }
            Self::NotFound => {
                (S::NOT_FOUND, "not-found", "There is no such record or route, or the record is another studio's.")
            }
            Self::MethodNotAllowed => {
                (S::METHOD_NOT_ALLOWED, "method-not-allowed", "The route knows other methods only: see `Allow`.")
            }
            Self::AlreadyUploaded => (S::CONFLICT, "already-uploaded", "The photo's original is stored already."),
            Self::NotUploaded => (S::CONFLICT, "not-uploaded", "The photo's original has not been uploaded yet."),
            Self::PhotoOrdered => (S::CONFLICT, "photo-ordered", "An order holds the photo (`order_id`)."),
            Self::UnderWay => (S::CONFLICT, "under-way", "It is being worked on; try again when that has ended."),
            Self::Revoked => (S::CONFLICT, "revoked", "The download was taken back."),
            Self::PhotosNotReady => {
                (S::CONFLICT, "photos-not-ready", "Photos of the order are not ready: `photos` names them.")
            }
            Self::RequestInFlight => (
                S::CONFLICT,
                "request-in-flight",
                "A request with this Idempotency-Key is not answered yet: see `Retry-After`.",
            ),
            Self::Gone => (
                S::GONE,
                "gone",
                "The request with this Idempotency-Key was answered, and what it made was deleted since.",
            ),
            Self::Erased => (S::GONE, "erased", "The order was erased, with the personal data in it."),
            Self::TooLarge => (S::PAYLOAD_TOO_LARGE, "too-large", "The body has more than 1 MiB."),
            Self::InvalidField => (
                S::UNPROCESSABLE_ENTITY,
                "invalid-field",
                "A field of the body, query or head can't be taken: `field` names it.",
            ),
            Self::IdempotencyKeyReused => (
                S::UNPROCESSABLE_ENTITY,
                "idempotency-key-reused",
                "The Idempotency-Key was used for a request with another body or route.",
            ),
            Self::Refused => (
                S::UNPROCESSABLE_ENTITY,
                "refused",
                "The job could not be done: `code` says why, as on a failed record.",
            ),
            Self::TooLargeToWait => (
                S::UNPROCESSABLE_ENTITY,
                "too-large-to-wait",
                "With `\"queue\": false` the job would take longer than a request may: leave `queue` out.",
            ),
            Self::Busy => {
                (S::SERVICE_UNAVAILABLE, "busy", "A service behind the API asks for patience: see `Retry-After`.")
            }
            Self::Internal => (S::INTERNAL_SERVER_ERROR, "internal", "A failure of the API's own; it is logged."),
        }
    }
}

/// So much of what is wrong is named in one problem.
const MOST_NAMED: usize = 20;

/// One refusal.
#[derive(Debug)]
pub struct Problem {
    kind: Kind,
    detail: String,
    field: Option<String>,
    /// Members that some kinds have besides.
    more: Map<String, Value>,
    /// Seconds after which it may be tried again.
    retry_after: Option<u64>,
}

/// A refusal as RFC 9457 has it.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = Problem)]
pub struct ProblemView {
    /// What kind of problem it is: stable, for programs.
    #[serde(rename = "type")]
    #[schema(example = "/problems/invalid-field")]
    kind: String,
    /// The status in words.
    title: &'static str,
    /// The HTTP status.
    #[schema(minimum = 400, maximum = 599)]
    status: u16,
    /// What was wrong with this request, for people.
    detail: String,
    /// The part of the request that is wrong.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    field: Option<String>,
    #[serde(flatten)]
    #[schema(ignore)]
    more: Map<String, Value>,
}

/// What a handler fails with.
#[derive(Debug)]
pub enum ApiError {
    /// The caller's doing; they are told.
    Problem(Box<Problem>),
    /// Ours; it is logged, and they are told nothing.
    Internal(anyhow::Error),
}

/// What handlers return.
pub type ApiResult<T> = Result<T, ApiError>;

impl Problem {
    /// Of this kind, with a sentence of its own.
    pub fn new(kind: Kind, detail: impl Into<String>) -> Self {
        Self { kind, detail: detail.into(), field: None, more: Map::new(), retry_after: None }
    }

    /// 422: the field's value can't be taken.
    pub fn invalid(field: impl Into<String>, detail: impl Into<String>) -> Self {
        Self::new(Kind::InvalidField, detail).at(field)
    }

    /// 404: there is no such thing, or it is another studio's, which is the same.
    pub fn not_found(what: &str) -> Self {
        Self::new(Kind::NotFound, format!("There is no such {what}."))
    }

    /// Names the field.
    pub fn at(mut self, field: impl Into<String>) -> Self {
        self.field = Some(field.into());
        self
    }

    /// Adds a member of its own.
    pub fn with(mut self, name: &str, value: impl Serialize) -> Self {
        self.more.insert(name.to_owned(), json!(value));
        self
    }

    /// Adds a list of what is wrong: its first [`MOST_NAMED`], and their number beside it. 2,000 refused photos, each with its
    /// reason, would be more than Lambda can answer (6 MB).
    pub fn naming(self, name: &str, mut list: Vec<impl Serialize>) -> Self {
        let count = list.len();
        list.truncate(MOST_NAMED);
        self.with(name, list).with(&format!("{name}_count"), count)
    }

    /// Says when it may be tried again, in seconds.
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
    /// What a job would be refused for, the request for it is refused for.
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
