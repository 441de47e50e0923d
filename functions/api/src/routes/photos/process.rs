//! Photos developed again: one, or many.

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
    problem::{ApiResult, Problem, ProblemView},
    state::State,
    synchronous::HowToRun,
};

/// Develop a photo again
///
/// Until that is done, what was developed before stays in place.
#[utoipa::path(
    post, path = "/photos/{id}/process", tag = "photos", operation_id = "process_photo",
    params(("id" = Uuid, Path, description = "Of the photo")),
    request_body(content = Option<HowToRun>),
    responses(
        (status = 200, description = "Done; or failed for good, and says why", body = PhotoView),
        (status = 202, description = "On the queue", body = PhotoView),
        (status = 409, description = "It has no original yet, is under way, or a request with this Idempotency-Key is", body = ProblemView, content_type = "application/problem+json"),
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

/// Which photos are to be developed again.
#[derive(Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum Which {
    /// Every one that was uploaded.
    All,
    /// Those that failed.
    Failed,
    /// Those that a processor older than `processor_version` developed.
    Older,
}

/// Which photos are to be developed again.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct ProcessMany {
    /// Which.
    which: Which,
    /// With `older`: older than this; than the present one unless said.
    #[serde(default, deserialize_with = "integer")]
    #[schema(value_type = Option<u64>, minimum = 1, maximum = 4_294_967_295_u32)]
    processor_version: Option<u32>,
}

/// Develop many photos again
///
/// Goes through the queue page by page and survives crashes. `GET /operations/{id}` says how many are on the queue.
#[utoipa::path(
    post, path = "/photos/process", tag = "photos", operation_id = "process_photos", request_body = ProcessMany,
    responses((status = 202, description = "Begun", body = OperationStarted)),
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
                Problem::invalid("processor_version", "It is 1 or more, and belongs to older photos only.").into()
            );
        }
    };
    let task = Task::Regenerate { which };
    let operation = Operation::new(studio, request.id, QueueName::Photos, task, state.clock.now());
    operations::begin(&state, operation, request).await
}
