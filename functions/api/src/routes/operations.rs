//! Operations: work on many records that one request asked for.

use axum::{Json, extract::State as Shared, response::Response};
use domain::{job_record::JobRecord as _, operation::Operation};
use http::{HeaderMap, StatusCode};
use runtime::store::Created;
use uuid::Version;

use crate::{
    etag,
    extract::Id,
    idempotency::Allotted,
    identity::Caller,
    problem::{ApiResult, Problem},
    state::State,
    views::{OperationStarted, OperationView},
};

/// Writes the operation down and sends its job.
pub async fn begin(
    state: &State,
    mut operation: Operation,
    allotted: Allotted,
) -> ApiResult<(StatusCode, Json<OperationStarted>)> {
    let mut is_to_be_sent = true;
    if allotted.answered {
        // One that was given up goes on where it stopped.
        let again = |operation: &mut Operation| operation.restart(state.clock.now(), None);
        let found = state.operations.table.update(&operation.studio, operation.id, again).await?;
        if let Some((found, set_going)) = allotted.made(found)? {
            (operation, is_to_be_sent) = (found, set_going.is_ok());
        }
    } else if let Created::Existed(made) = state.operations.table.create(&operation).await? {
        operation = *made;
    }
    if is_to_be_sent {
        let job = Operation::job(operation.studio.clone(), operation.id);
        state.operations.queue.send(&job).await?;
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
    let not_found = || Problem::not_found("operation");
    // Keys lie in the same table, under ids of another version.
    if id.get_version() != Some(Version::SortRand) {
        return Err(not_found().into());
    }
    let operation = state.operations.table.get(&studio, id).await?.ok_or_else(not_found)?;
    let view = OperationView::from(&operation);
    Ok(etag::answer(&headers, &view, [])?.with(view))
}
