//! Deliveries of a webhook: log, retry and replay.

use api_types::{DeliveryPage, DeliveryView, ReplayStarted};
use axum::{
    Json,
    extract::{Path, State as Shared},
};
use domain::{record::ListIndex, webhook::Delivery};
use http::StatusCode;
use jiff::Timestamp;
use serde::Deserialize;
use utoipa::ToSchema;
use uuid::Uuid;

use super::PageQuery;
use crate::{
    app::webhooks,
    extract::{Body, Id, Query},
    idempotency::IdempotentRequest,
    identity::Caller,
    problem::{ApiResult, Problem, ProblemView},
    routes::{page, page_of},
    state::State,
};

/// List the deliveries of a webhook
///
/// Each event with its state, number of attempts and last answer, newest first. Bodies are not kept. Deliveries are kept
/// for 30 days.
#[utoipa::path(
    get, path = "/webhooks/{id}/deliveries", tag = "webhooks", operation_id = "list_deliveries",
    params(("id" = Uuid, Path, description = "Id of the webhook"), PageQuery),
    responses((status = 200, description = "A page of deliveries", body = DeliveryPage)),
)]
pub async fn list_deliveries(
    Caller(studio): Caller,
    Shared(state): Shared<State>,
    Id(id): Id,
    Query(query): Query<PageQuery>,
) -> ApiResult<Json<DeliveryPage>> {
    let (after, limit) = page_of::<Uuid>(query.limit, query.cursor.as_deref())?;
    webhooks::find(&state, &studio, id).await?;
    let value = id.to_string();
    let keep = |delivery: &Delivery| delivery.webhook == id;
    let found = state.deliveries.list_by(&studio, (ListIndex::Webhook, &value), after, limit, keep).await?;
    Ok(Json(page(&found, |delivery| DeliveryView::from(delivery))))
}

/// Send the event of a delivery again
///
/// Also one that was delivered. It has the same `webhook-id` as before.
#[utoipa::path(
    post, path = "/webhooks/{id}/deliveries/{delivery}/retry", tag = "webhooks", operation_id = "retry_delivery",
    params(
        ("id" = Uuid, Path, description = "Id of the webhook"),
        ("delivery" = Uuid, Path, description = "Id of the delivery"),
    ),
    responses(
        (status = 202, description = "The job is on the queue", body = DeliveryView),
        (status = 409, description = "The webhook is disabled, or a request with this Idempotency-Key is under way", body = ProblemView, content_type = "application/problem+json"),
    ),
)]
pub async fn retry_delivery(
    Caller(studio): Caller,
    Shared(state): Shared<State>,
    path: Result<Path<(Uuid, Uuid)>, axum::extract::rejection::PathRejection>,
    request: IdempotentRequest,
) -> ApiResult<(StatusCode, Json<DeliveryView>)> {
    let Path((webhook, delivery)) = path.map_err(|_| Problem::not_found("thing"))?;
    let webhook = webhooks::find(&state, &studio, webhook).await?;
    let delivery = webhooks::retry(&state, &webhook, delivery, request).await?;
    Ok((StatusCode::ACCEPTED, Json(DeliveryView::from(&delivery))))
}

/// Events to send again.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct NewReplay {
    /// Time of the first event.
    #[schema(value_type = String, format = DateTime, example = "2026-07-18T00:00:00Z")]
    since: Timestamp,
}

/// Send events to a webhook again
///
/// All events since this time that the webhook wants, also those that were delivered, in the order of the list. They have
/// the same `webhook-id` as before.
#[utoipa::path(
    post, path = "/webhooks/{id}/replay", tag = "webhooks", operation_id = "replay_webhook",
    params(("id" = Uuid, Path, description = "Id of the webhook")),
    request_body = NewReplay,
    responses(
        (status = 202, description = "The job is on the queue", body = ReplayStarted),
        (status = 409, description = "The webhook is disabled, or a request with this Idempotency-Key is under way", body = ProblemView, content_type = "application/problem+json"),
    ),
)]
pub async fn replay(
    Caller(studio): Caller,
    Shared(state): Shared<State>,
    Id(id): Id,
    request: IdempotentRequest,
    Body(new): Body<NewReplay>,
) -> ApiResult<(StatusCode, Json<ReplayStarted>)> {
    let webhook = webhooks::find(&state, &studio, id).await?;
    if !request.answered {
        webhooks::replay(&state, &webhook, request, new.since).await?;
    }
    Ok((StatusCode::ACCEPTED, Json(ReplayStarted { since: new.since })))
}
