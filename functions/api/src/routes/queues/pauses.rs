//! Pausing and resuming of queues.

use api_types::QueueSwitched;
use axum::{
    Json,
    extract::{Path, State as Shared},
};
use domain::queue_config::QueueName;

use super::job_id::queue_named;
use crate::{
    app::pauses,
    identity::Operator,
    problem::{ApiResult, ProblemView},
    state::State,
};

/// Pause a queue
///
/// No more jobs of the queue begin; those that run come to their end, and new ones wait. The queue resumes by itself after
/// three days. A request with `"queue": false` to a paused queue is refused. The default queue can't be paused.
#[utoipa::path(
    post, path = "/queues/{queue}/pause", tag = "queues", operation_id = "pause_queue",
    params(("queue" = QueueName, Path, description = "Name of the queue")),
    responses(
        (status = 200, description = "The queue is paused", body = QueueSwitched),
        (status = 409, description = "The queue can't be paused, or a request with this Idempotency-Key is under way", body = ProblemView, content_type = "application/problem+json"),
    ),
)]
pub async fn pause(
    Operator(operator): Operator,
    Shared(state): Shared<State>,
    Path(queue): Path<String>,
) -> ApiResult<Json<QueueSwitched>> {
    Ok(Json(pauses::pause(&state, queue_named(&queue)?, &operator).await?))
}

/// Resume a queue
///
/// Jobs of the queue begin again, within a minute.
#[utoipa::path(
    post, path = "/queues/{queue}/resume", tag = "queues", operation_id = "resume_queue",
    params(("queue" = QueueName, Path, description = "Name of the queue")),
    responses(
        (status = 200, description = "The queue is worked on", body = QueueSwitched),
        (status = 409, description = "The queue can't be paused, or a request with this Idempotency-Key is under way", body = ProblemView, content_type = "application/problem+json"),
    ),
)]
pub async fn resume(
    Operator(_): Operator,
    Shared(state): Shared<State>,
    Path(queue): Path<String>,
) -> ApiResult<Json<QueueSwitched>> {
    Ok(Json(pauses::resume(&state, queue_named(&queue)?).await?))
}
