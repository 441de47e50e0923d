//! Operations: work on many records that one request asked for.

use axum::{Json, extract::State as Shared, response::Response};
use http::{HeaderMap, StatusCode};
use shared::{hold::Workable as _, operation::Operation, store::Created, workers::QueueName};

use crate::{
    answers::{OperationStarted, OperationView},
    body::Id,
    etag,
    idempotency::Allotted,
    identity::Caller,
    problem::{ApiResult, Problem},
    state::State,
};

/// Writes the operation down and sends its job.
pub async fn begin(
    state: &State,
    mut operation: Operation,
    allotted: Allotted,
) -> ApiResult<(StatusCode, Json<OperationStarted>)> {
    if allotted.answered {
        let found = state.operations.get(&operation.studio, operation.id).await?;
        operation = allotted.made(found)?.unwrap_or(operation);
    } else {
        if let Created::Existed(made) = state.operations.create(&operation).await? {
            operation = *made;
        }
        let queue = match operation.queue {
            QueueName::Emails => &state.emails.queue,
            QueueName::Photos => &state.photos.queue,
            QueueName::Downloads => &state.downloads.queue,
        };
        queue.send(&Operation::job(operation.studio.clone(), operation.id)).await?;
    }
    Ok((StatusCode::ACCEPTED, Json(OperationStarted { operation: (&operation).into() })))
}

/// One operation
///
/// How far it is. Kept for 30 days.
#[utoipa::path(
    get, path = "/operations/{id}", tag = "operations", operation_id = "get_operation",
    params(("id" = Uuid, Path, description = "Of the operation")),
    responses((status = 200, description = "The operation", body = OperationView)),
)]
pub async fn show(
    Caller(studio): Caller,
    Shared(state): Shared<State>,
    Id(id): Id,
    headers: HeaderMap,
) -> ApiResult<Response> {
    let operation = state.operations.get(&studio, id).await?.ok_or_else(|| Problem::not_found("operation"))?;
    let view = OperationView::from(&operation);
    Ok(etag::answer(&headers, &view, [])?.with(view))
}
