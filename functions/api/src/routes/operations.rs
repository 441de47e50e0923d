//! Operations: work on many records that one request started.

use api_types::{OperationStarted, OperationView};
use axum::{Json, extract::State as Shared, response::Response};
use domain::operation::Operation;
use http::{HeaderMap, StatusCode};
use uuid::Version;

use crate::{
    app, etag,
    extract::Id,
    idempotency::IdempotentRequest,
    identity::Caller,
    problem::{ApiResult, Problem},
    state::State,
};

/// Starts the operation and returns its view.
pub async fn begin(
    state: &State,
    operation: Operation,
    request: IdempotentRequest,
) -> ApiResult<(StatusCode, Json<OperationStarted>)> {
    let operation = app::operations::begin(state, operation, request).await?;
    Ok((StatusCode::ACCEPTED, Json(OperationStarted { operation: (&operation).into() })))
}

/// Get an operation
///
/// Returns its progress. Operations are kept for 30 days.
#[utoipa::path(
    get, path = "/operations/{id}", tag = "operations", operation_id = "get_operation",
    params(("id" = Uuid, Path, description = "Id of the operation")),
    responses((status = 200, description = "The operation", body = OperationView)),
)]
pub async fn show(
    Caller(studio): Caller,
    Shared(state): Shared<State>,
    Id(id): Id,
    headers: HeaderMap,
) -> ApiResult<Response> {
    let not_found = || Problem::not_found("operation");
    // Idempotency keys are stored in the same table, under ids of another UUID version.
    if id.get_version() != Some(Version::SortRand) {
        return Err(not_found().into());
    }
    let operation = state.operations.get(&studio, id).await?.ok_or_else(not_found)?;
    let view = OperationView::from(&operation);
    Ok(etag::answer(&headers, &view, [])?.with(view))
}
