//! Refusals, as RFC 9457 problems.

use axum::{
    Json,
    response::{IntoResponse, Response},
};
use http::{HeaderValue, StatusCode, header::CONTENT_TYPE};
use serde::Serialize;
use serde_json::{Map, Value, json};
use shared::{JobError, error::ServiceThrottled};
use tracing::error;

/// One refusal. `field` names the part of the request that is wrong.
#[derive(Debug, Serialize)]
pub struct Problem {
    #[serde(rename = "type")]
    kind: String,
    title: &'static str,
    status: u16,
    detail: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    field: Option<String>,
    #[serde(flatten)]
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
    /// `slug` is the stable last part of the problem's type.
    pub fn new(status: StatusCode, slug: &str, detail: impl Into<String>) -> Self {
        Self {
            kind: format!("/problems/{slug}"),
            title: status.canonical_reason().unwrap_or("Error"),
            status: status.as_u16(),
            detail: detail.into(),
            field: None,
            more: Map::new(),
        }
    }

    /// 422: the field's value can't be taken.
    pub fn invalid(field: impl Into<String>, detail: impl Into<String>) -> Self {
        Self::new(StatusCode::UNPROCESSABLE_ENTITY, "invalid-field", detail).at(field)
    }

    /// 404: there is no such thing, or it is another studio's, which is the same.
    pub fn not_found(what: &str) -> Self {
        Self::new(StatusCode::NOT_FOUND, "not-found", format!("There is no such {what}."))
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
            JobError::Reject(reason) => {
                Problem::new(StatusCode::UNPROCESSABLE_ENTITY, &reason.code.replace('_', "-"), reason.message).into()
            }
            JobError::Retry(error) | JobError::Throttled(error) => Self::Internal(error),
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
        let status = StatusCode::from_u16(self.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
        let mut response = (status, Json(self)).into_response();
        response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static("application/problem+json"));
        response
    }
}

impl IntoResponse for ApiError {
    fn into_response(self) -> Response {
        match self {
            Self::Problem(problem) => problem.into_response(),
            Self::Internal(cause) => {
                error!(error = format!("{cause:#}"), "A request failed");
                let busy = cause.downcast_ref::<ServiceThrottled>().is_some();
                let (status, slug) = if busy {
                    (StatusCode::SERVICE_UNAVAILABLE, "busy")
                } else {
                    (StatusCode::INTERNAL_SERVER_ERROR, "internal")
                };
                Problem::new(status, slug, "Something went wrong on our side. Please try again.").into_response()
            }
        }
    }
}
