//! Orphans: objects of the photos bucket that belong to no photo. For operators.

use api_types::{OrphanPage, OrphansSettled};
use axum::{
    Json,
    extract::State as Shared,
    response::{IntoResponse, Response},
};
use domain::object_key::ORIGINALS;
use serde::Deserialize;
use utoipa::{IntoParams, ToSchema};

use super::page_of;
use crate::{
    app::orphans::{self, Action, MAX_KEY_BYTES},
    extract::{Body, Query},
    idempotency::{IdempotentRequest, Remember},
    identity::Operator,
    problem::{ApiResult, Problem},
    state::State,
};

/// Largest number of keys in one request.
const MAX_KEYS: usize = 100;

/// Page of the list of orphans.
#[derive(Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct Filter {
    /// Number of orphans on the page.
    #[param(minimum = 1, maximum = 200, default = 50)]
    limit: Option<usize>,
    /// Value of `next_cursor` of the previous page.
    cursor: Option<String>,
}

/// List orphans
///
/// Objects under `originals/` without a photo, of all studios, by key: stored past the API, or left by a restored table.
/// A page can be empty and still have a next one.
#[utoipa::path(
    get, path = "/orphans", tag = "queues", operation_id = "list_orphans", params(Filter),
    responses((status = 200, description = "A page of orphans", body = OrphanPage)),
)]
pub async fn list(
    Operator(_): Operator,
    Shared(state): Shared<State>,
    Query(filter): Query<Filter>,
) -> ApiResult<Json<OrphanPage>> {
    let (after, limit) = page_of::<String>(filter.limit, filter.cursor.as_deref())?;
    let is_key =
        |key: &String| key.starts_with(ORIGINALS) && key.len() <= MAX_KEY_BYTES && !key.chars().any(char::is_control);
    if after.as_ref().is_some_and(|key| !is_key(key)) {
        return Err(Problem::invalid("cursor", "It is not a cursor of this list.").into());
    }
    Ok(Json(orphans::page(&state, after, limit).await?))
}

/// What happens to orphans.
#[derive(Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum OrphanAction {
    /// Moves them to `incoming/` of their studio, whence they become photos.
    TakeIn,
    /// Deletes them. The bucket keeps them as old versions for some days.
    Delete,
}

/// Request body for orphans.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct SettleOrphans {
    /// What happens to them.
    action: OrphanAction,
    /// Keys, as listed.
    #[schema(min_items = 1, max_items = 100)]
    keys: Vec<String>,
}

/// Take in or delete orphans
///
/// An object that belongs to a photo is skipped.
#[utoipa::path(
    post, path = "/orphans", tag = "queues", operation_id = "settle_orphans", request_body = SettleOrphans,
    responses((status = 200, description = "The settled and the skipped objects", body = OrphansSettled)),
)]
pub async fn settle(
    Operator(_): Operator,
    Shared(state): Shared<State>,
    _: IdempotentRequest,
    Body(body): Body<SettleOrphans>,
) -> ApiResult<Response> {
    if !(1..=MAX_KEYS).contains(&body.keys.len()) {
        return Err(Problem::invalid("keys", format!("They must be 1 to {MAX_KEYS}.")).into());
    }
    let action = match body.action {
        OrphanAction::TakeIn => Action::TakeIn,
        OrphanAction::Delete => Action::Delete,
    };
    let settled = Box::pin(orphans::settle(&state, action, &body.keys)).await?;
    let remembered = Remember(serde_json::to_string(&settled).map_err(anyhow::Error::from)?);
    let mut response = Json(settled).into_response();
    response.extensions_mut().insert(remembered);
    Ok(response)
}
