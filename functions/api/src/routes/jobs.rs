//! Jobs across queues, for operators: the story of a record, and the load of studios.

use api_types::{JobStory, OrdersFound, StudioLoads};
use axum::{
    Json,
    extract::{Path, State as Shared},
};
use serde::Deserialize;
use utoipa::IntoParams;

use super::{limits::named, orders::MAX_REFERENCE};
use crate::{
    app::jobs,
    extract::{Query, line},
    identity::Operator,
    problem::{ApiResult, Problem},
    state::State,
};

/// Show the story of a record
///
/// The record may be a photo, an order, a download, an email, a delivery to a webhook or an operation. Returns its job with
/// the last attempts, the records that belong to it, and what happened to all of them in order of time. The story has file
/// names and references, and neither addresses nor pictures.
#[utoipa::path(
    get, path = "/jobs/{studio}/{id}", tag = "queues", operation_id = "get_job",
    params(
        ("studio" = String, Path, description = "Id of the studio", pattern = "^[a-z0-9-]{1,63}$"),
        ("id" = Uuid, Path, description = "Id of the record"),
    ),
    responses((status = 200, description = "The story of the record", body = JobStory)),
)]
pub async fn show(
    Operator(_): Operator,
    Shared(state): Shared<State>,
    Path((studio, id)): Path<(String, String)>,
) -> ApiResult<Json<JobStory>> {
    let id = id.parse().map_err(|_| Problem::not_found("record"))?;
    Ok(Json(jobs::story(&state, &named(&studio)?, id).await?))
}

/// Show the load of studios
///
/// Counts unfinished and failed jobs by studio. Of a queue with more than 200 of them, the numbers are those of the last
/// sweep.
#[utoipa::path(
    get, path = "/studios", tag = "queues", operation_id = "list_studios",
    responses((status = 200, description = "Studios with jobs, most unfinished ones first", body = StudioLoads)),
)]
pub async fn load(Operator(_): Operator, Shared(state): Shared<State>) -> ApiResult<Json<StudioLoads>> {
    Ok(Json(jobs::load(&state).await?))
}

/// Reference to look for.
#[derive(Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct ReferenceFilter {
    /// The shop's reference of the order.
    #[param(
        min_length = 1,
        max_length = 100,
        pattern = r"^[^\x00-\x1f\x7f-\x9f]*[^\x00-\x1f\x7f-\x9f\s][^\x00-\x1f\x7f-\x9f]*$"
    )]
    reference: String,
}

/// Find orders by reference
///
/// Returns the orders of a studio that have this reference.
#[utoipa::path(
    get, path = "/studios/{studio}/orders", tag = "queues", operation_id = "find_orders",
    params(
        ("studio" = String, Path, description = "Id of the studio", pattern = "^[a-z0-9-]{1,63}$"),
        ReferenceFilter,
    ),
    responses((status = 200, description = "The orders, newest first", body = OrdersFound)),
)]
pub async fn find_orders(
    Operator(_): Operator,
    Shared(state): Shared<State>,
    Path(studio): Path<String>,
    Query(filter): Query<ReferenceFilter>,
) -> ApiResult<Json<OrdersFound>> {
    let reference = line("reference", &filter.reference, MAX_REFERENCE)?;
    Ok(Json(jobs::orders_with(&state, &named(&studio)?, &reference).await?))
}
