//! Repeated processing of one or many photos.

use api_types::{OperationStarted, PhotoView};
use axum::{Json, extract::State as Shared};
use domain::{
    operation::{Operation, Photos, Task},
    queue_config::QueueName,
};
use http::StatusCode;
use serde::Deserialize;
use utoipa::ToSchema;

use super::super::operations;
use crate::{
    app::photos,
    extract::{Body, BodyOrNone, Id, integer},
    idempotency::IdempotentRequest,
    identity::Caller,
    openapi::{Limited, examples},
    problem::{ApiResult, Problem, ProblemView},
    state::State,
    synchronous::HowToRun,
};

/// Process a photo again
///
/// The existing pictures and metadata stay available until the new ones replace them.
#[utoipa::path(
    post, path = "/photos/{id}/process", tag = "photos", operation_id = "process_photo",
    params(("id" = Uuid, Path, description = "Id of the photo")),
    request_body(content = Option<HowToRun>, example = json!({ "queue": false })),
    responses(
        (
            status = 200, description = "The photo is ready, or has failed for good with an error", body = PhotoView,
            example = json!(examples::photo()),
        ),
        (
            status = 202, description = "The job is on the queue", body = PhotoView, example = json!(examples::sent_again()),
        ),
        (status = 409, description = "The photo has no original yet or is being processed, or a request with this Idempotency-Key is under way", body = ProblemView, content_type = "application/problem+json"),
    ),
)]
pub async fn process(
    Caller(studio): Caller,
    Shared(state): Shared<State>,
    Id(id): Id,
    request: IdempotentRequest,
    BodyOrNone(how): BodyOrNone<HowToRun>,
) -> ApiResult<(StatusCode, Json<PhotoView>)> {
    let (photo, finished) = photos::process_again(&state, &studio, id, how.wait(), request).await?;
    let status = if finished { StatusCode::OK } else { StatusCode::ACCEPTED };
    Ok((status, Json((&photo).into())))
}

/// Selection of photos to process again.
#[derive(Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum Which {
    /// All photos that were uploaded.
    All,
    /// Photos that failed.
    Failed,
    /// Photos that a processor older than `processor_version` processed.
    Older,
}

/// Request body for processing many photos.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct ProcessMany {
    /// Selection of the photos.
    which: Which,
    /// With `older`: photos of processors older than this version; the current version by default.
    #[serde(default, deserialize_with = "integer")]
    #[schema(value_type = Option<u64>, minimum = 1, maximum = 4_294_967_295_u32)]
    processor_version: Option<u32>,
}

/// Process many photos again
///
/// An operation sends the jobs page by page and resumes after a crash. `GET /operations/{id}` returns the number of
/// jobs sent.
#[utoipa::path(
    post, path = "/photos/process", tag = "photos", operation_id = "process_photos",
    request_body(content = ProcessMany, example = json!({ "which": "failed" })),
    responses((
        status = 202, description = "The operation was started", body = OperationStarted,
        example = json!(examples::operation_started()),
    ), Limited),
)]
pub async fn process_many(
    Caller(studio): Caller,
    Shared(state): Shared<State>,
    request: IdempotentRequest,
    Body(many): Body<ProcessMany>,
) -> ApiResult<(StatusCode, Json<OperationStarted>)> {
    let which = match (many.which, many.processor_version) {
        (Which::All, None) => Photos::All,
        (Which::Failed, None) => Photos::Failed,
        (Which::Older, version @ (None | Some(1..))) => {
            Photos::Older { processor_version: version.unwrap_or(domain::photo::PROCESSOR_VERSION) }
        }
        _ => {
            return Err(
                Problem::invalid("processor_version", "It must be 1 or more, and is allowed with older only.").into()
            );
        }
    };
    let task = Task::Regenerate { which };
    let operation = Operation::new(studio, request.id, QueueName::Photos, task, state.clock.now());
    operations::begin(&state, operation, request).await
}
