//! Refusals, as RFC 9457 problems.

mod kind;

use axum::{
    Json,
    response::{IntoResponse, Response},
};
use domain::{
    JobError,
    error::{RecordError, ServiceUnavailable},
    photo::{Photo, PhotoStatus},
    studio_limits::LimitName,
};
use http::{
    HeaderValue,
    header::{CONTENT_TYPE, RETRY_AFTER},
};
use serde::Serialize;
use tracing::error;
use utoipa::ToSchema;
use uuid::Uuid;

pub use self::kind::Kind;

/// Largest number of items that one problem names.
const MOST_NAMED: usize = 20;

/// A refusal, as the response describes it.
#[derive(Debug)]
pub struct Problem {
    kind: Kind,
    view: Box<ProblemView>,
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
    /// With `refused`: the error code, as in a record's error.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    code: Option<String>,
    /// With `limit-reached`: name of the limit.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false, example = "emails_a_day")]
    limit: Option<&'static str>,
    /// With `photo-ordered`: id of the order.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    order_id: Option<Uuid>,
    /// With `invalid-field`: photos named twice.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    photo_ids: Option<Vec<Uuid>>,
    /// With `photo_ids`: number of photos named twice, also of those that are omitted there.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    photo_ids_count: Option<usize>,
    /// With `photos-not-ready` and `invalid-field`: the refused photos, each with its `status` or a `reason`.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(inline, nullable = false)]
    photos: Option<Vec<RefusedPhoto>>,
    /// With `photos`: number of refused photos, also of those that are omitted there.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    photos_count: Option<usize>,
}

/// A photo that a problem names.
#[derive(Debug, Serialize, ToSchema)]
#[expect(clippy::option_option, reason = "a member that is null is told from one that is absent")]
pub struct RefusedPhoto {
    id: Uuid,
    /// Status of the photo; null if it does not exist.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>)]
    status: Option<Option<PhotoStatus>>,
    /// `unknown`, or `failed`: the photo could not be processed.
    #[serde(skip_serializing_if = "Option::is_none")]
    reason: Option<&'static str>,
    /// With `failed`: file name of the photo.
    #[serde(skip_serializing_if = "Option::is_none")]
    filename: Option<String>,
    /// With `failed`: reason of the failure, for people.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>)]
    detail: Option<Option<String>>,
}

impl RefusedPhoto {
    /// Creates a refusal of a photo in this state; `None` stands for a photo that does not exist.
    pub fn not_ready(id: Uuid, status: Option<PhotoStatus>) -> Self {
        Self { id, status: Some(status), reason: None, filename: None, detail: None }
    }

    /// Creates a refusal of a photo that does not exist or belongs to another studio.
    pub fn unknown(id: Uuid) -> Self {
        Self { id, status: None, reason: Some("unknown"), filename: None, detail: None }
    }

    /// Creates a refusal of a photo that could not be processed.
    pub fn failed(photo: &Photo) -> Self {
        let detail = photo.error.as_ref().map(|error| error.message.clone());
        let filename = Some(photo.filename.clone());
        Self { id: photo.id, status: None, reason: Some("failed"), filename, detail: Some(detail) }
    }
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
        let (status, slug, _) = kind.facts();
        let view = ProblemView {
            kind: format!("/problems/{slug}"),
            title: status.canonical_reason().unwrap_or("Error"),
            status: status.as_u16(),
            detail: detail.into(),
            field: None,
            code: None,
            limit: None,
            order_id: None,
            photo_ids: None,
            photo_ids_count: None,
            photos: None,
            photos_count: None,
        };
        Self { kind, view: Box::new(view), retry_after: None }
    }

    /// Creates a 422 problem: the job cannot be done, for this reason.
    pub fn refused(reason: RecordError) -> Self {
        let mut problem = Self::new(Kind::Refused, reason.message);
        problem.view.code = Some(reason.code);
        problem
    }

    /// Creates a 429 problem: this limit of the studio is reached.
    pub fn limit_reached(name: LimitName, detail: impl Into<String>) -> Self {
        let mut problem = Self::new(Kind::LimitReached, detail);
        problem.view.limit = Some(name.as_str());
        problem
    }

    /// Creates a 409 problem: this order contains the photo.
    pub fn photo_ordered(order: Uuid) -> Self {
        let mut problem = Self::new(Kind::PhotoOrdered, "An order contains the photo.");
        problem.view.order_id = Some(order);
        problem
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

    /// Returns the body of the response.
    #[cfg(test)]
    pub fn view(&self) -> &ProblemView {
        &self.view
    }

    /// Names the field.
    pub fn at(mut self, field: impl Into<String>) -> Self {
        self.view.field = Some(field.into());
        self
    }

    /// Names the item of a list to which the field belongs, such as `photos[3]`.
    pub fn within(mut self, item: &str) -> Self {
        self.view.field = Some(self.view.field.map_or_else(|| item.to_owned(), |field| format!("{item}.{field}")));
        self
    }

    /// Names photos that are listed twice.
    pub fn naming_twice(mut self, ids: Vec<Uuid>) -> Self {
        let (ids, count) = first(ids);
        (self.view.photo_ids, self.view.photo_ids_count) = (Some(ids), Some(count));
        self
    }

    /// Names the refused photos.
    pub fn naming(mut self, photos: Vec<RefusedPhoto>) -> Self {
        let (photos, count) = first(photos);
        (self.view.photos, self.view.photos_count) = (Some(photos), Some(count));
        self
    }

    /// Sets `Retry-After`, in seconds.
    pub fn retry_after(mut self, seconds: u64) -> Self {
        self.retry_after = Some(seconds);
        self
    }
}

/// Returns the first [`MOST_NAMED`] items, and the number of all: 2,000 refused photos with their reasons would exceed
/// Lambda's response limit of 6 MB.
fn first<T>(mut list: Vec<T>) -> (Vec<T>, usize) {
    let count = list.len();
    list.truncate(MOST_NAMED);
    (list, count)
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
            JobError::Reject(reason) => Problem::refused(reason).into(),
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
        let (status, ..) = self.kind.facts();
        let mut response = (status, Json(self.view)).into_response();
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

#[cfg(test)]
mod tests {
    use insta::assert_json_snapshot;

    use super::*;

    #[test]
    fn problem_has_only_the_members_of_its_kind() {
        assert_json_snapshot!(Problem::invalid("limit", "It must be 1 to 200.").view, @r#"
        {
          "type": "/problems/invalid-field",
          "title": "Unprocessable Entity",
          "status": 422,
          "detail": "It must be 1 to 200.",
          "field": "limit"
        }
        "#);
        let problem = Problem::refused(RecordError::new("too_large", "The archive is too large."));
        assert_json_snapshot!(problem.view, @r#"
        {
          "type": "/problems/refused",
          "title": "Unprocessable Entity",
          "status": 422,
          "detail": "The archive is too large.",
          "code": "too_large"
        }
        "#);
        assert_json_snapshot!(Problem::photo_ordered(Uuid::from_u128(1)).view, @r#"
        {
          "type": "/problems/photo-ordered",
          "title": "Conflict",
          "status": 409,
          "detail": "An order contains the photo.",
          "order_id": "00000000-0000-0000-0000-000000000001"
        }
        "#);
    }

    #[test]
    fn refused_photo_without_a_record_has_status_null() {
        let photos = vec![
            RefusedPhoto::not_ready(Uuid::from_u128(1), Some(PhotoStatus::AwaitingUpload)),
            RefusedPhoto::not_ready(Uuid::from_u128(2), None),
            RefusedPhoto::unknown(Uuid::from_u128(3)),
        ];
        let problem = Problem::new(Kind::PhotosNotReady, "Not all photos of the order are ready yet.").naming(photos);
        assert_json_snapshot!(problem.view, @r#"
        {
          "type": "/problems/photos-not-ready",
          "title": "Conflict",
          "status": 409,
          "detail": "Not all photos of the order are ready yet.",
          "photos": [
            {
              "id": "00000000-0000-0000-0000-000000000001",
              "status": "awaiting_upload"
            },
            {
              "id": "00000000-0000-0000-0000-000000000002",
              "status": null
            },
            {
              "id": "00000000-0000-0000-0000-000000000003",
              "reason": "unknown"
            }
          ],
          "photos_count": 3
        }
        "#);
    }

    #[test]
    fn problem_names_the_first_of_many_photos() {
        let ids = (0..50).map(Uuid::from_u128).collect();
        let view = Problem::invalid("photo_ids", "A photo is listed twice.").naming_twice(ids).view;
        assert_eq!((view.photo_ids.map(|ids| ids.len()), view.photo_ids_count), (Some(MOST_NAMED), Some(50)));
    }
}
