//! Webhooks: addresses of the shop to which events are sent.

mod deliveries;

use std::collections::BTreeSet;

use api_types::{WebhookPage, WebhookView, WebhookWithSecret};
use axum::{Json, extract::State as Shared, response::Response};
pub use deliveries::*;
use domain::{
    event::EventType,
    webhook::{Webhook, checked_url},
};
use http::{HeaderMap, StatusCode};
use serde::Deserialize;
use utoipa::{IntoParams, ToSchema};
use uuid::Uuid;

use super::{page, page_of};
use crate::{
    app::webhooks,
    etag,
    extract::{Body, Id, Query},
    idempotency::IdempotentRequest,
    identity::Caller,
    problem::{ApiResult, Problem, ProblemView},
    state::State,
};

/// A new webhook.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct NewWebhook {
    /// Address of the shop: `https://`, a public host, no user name. Events are sent there by POST.
    #[schema(max_length = 2000, format = "uri", example = "https://shop.example.com/hooks/darkroom")]
    url: String,
    /// Types of the events to send; all by default.
    #[schema(value_type = Option<Vec<EventType>>, min_items = 1, max_items = 12)]
    types: Option<Vec<EventType>>,
}

/// Part of a list.
#[derive(Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct PageQuery {
    /// Largest number of records.
    #[param(minimum = 1, maximum = 200, default = 50)]
    limit: Option<usize>,
    /// Value of `next_cursor` of the page before.
    #[param(format = Uuid)]
    cursor: Option<String>,
}

/// Create a webhook
///
/// Events that are written from now on are sent to the address, signed by Standard Webhooks. The response has the secret;
/// with the same `Idempotency-Key` it has it again. A studio has up to 10 webhooks.
#[utoipa::path(
    post, path = "/webhooks", tag = "webhooks", operation_id = "create_webhook", request_body = NewWebhook,
    responses(
        (status = 201, description = "The webhook, with its secret", body = WebhookWithSecret),
        (status = 409, description = "The studio has 10 webhooks, or a request with this Idempotency-Key is under way", body = ProblemView, content_type = "application/problem+json"),
    ),
)]
pub async fn create(
    Caller(studio): Caller,
    Shared(state): Shared<State>,
    request: IdempotentRequest,
    Body(new): Body<NewWebhook>,
) -> ApiResult<(StatusCode, Json<WebhookWithSecret>)> {
    let url = checked_url(&new.url, state.webhook_targets);
    let url = url.map_err(|error| Problem::invalid("url", error.to_string()))?;
    let types: BTreeSet<_> = match new.types {
        Some(types) if types.is_empty() => {
            return Err(Problem::invalid("types", "It must name a type. Omit it for all.").into());
        }
        Some(types) if types.len() > EventType::ALL.len() => {
            let most = EventType::ALL.len();
            return Err(Problem::invalid("types", format!("It must name each type once: at most {most}.")).into());
        }
        types => types.into_iter().flatten().collect(),
    };
    let webhook = webhooks::create(&state, studio, request, url, types).await?;
    Ok((StatusCode::CREATED, with_secret(&state, &webhook).await?))
}

/// List webhooks
#[utoipa::path(
    get, path = "/webhooks", tag = "webhooks", operation_id = "list_webhooks", params(PageQuery),
    responses((status = 200, description = "A page of webhooks, newest first", body = WebhookPage)),
)]
pub async fn list(
    Caller(studio): Caller,
    Shared(state): Shared<State>,
    Query(query): Query<PageQuery>,
) -> ApiResult<Json<WebhookPage>> {
    let (after, limit) = page_of::<Uuid>(query.limit, query.cursor.as_deref())?;
    let found = state.webhooks.list(&studio, after, limit, |_| true).await?;
    Ok(Json(page(&found, |webhook| WebhookView::from(webhook))))
}

/// Get a webhook
#[utoipa::path(
    get, path = "/webhooks/{id}", tag = "webhooks", operation_id = "get_webhook",
    params(("id" = Uuid, Path, description = "Id of the webhook")),
    responses((status = 200, description = "The webhook, without its secret", body = WebhookView)),
)]
pub async fn show(
    Caller(studio): Caller,
    Shared(state): Shared<State>,
    Id(id): Id,
    headers: HeaderMap,
) -> ApiResult<Response> {
    let view = WebhookView::from(&webhooks::find(&state, &studio, id).await?);
    Ok(etag::answer(&headers, &view, [])?.with(view))
}

/// Delete a webhook
///
/// Nothing more is sent to it.
#[utoipa::path(
    delete, path = "/webhooks/{id}", tag = "webhooks", operation_id = "delete_webhook",
    params(("id" = Uuid, Path, description = "Id of the webhook")),
    responses((status = 204, description = "The webhook is deleted")),
)]
pub async fn delete(Caller(studio): Caller, Shared(state): Shared<State>, Id(id): Id) -> ApiResult<StatusCode> {
    webhooks::find(&state, &studio, id).await?;
    state.webhooks.delete(&studio, id).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Rotate the secret of a webhook
///
/// The response has the new secret. For 24 hours events have two signatures: by the new secret and by the one before.
#[utoipa::path(
    post, path = "/webhooks/{id}/rotate", tag = "webhooks", operation_id = "rotate_webhook",
    params(("id" = Uuid, Path, description = "Id of the webhook")),
    responses((status = 200, description = "The webhook, with its new secret", body = WebhookWithSecret)),
)]
pub async fn rotate(
    Caller(studio): Caller,
    Shared(state): Shared<State>,
    Id(id): Id,
    request: IdempotentRequest,
) -> ApiResult<Json<WebhookWithSecret>> {
    let webhook = if request.answered {
        webhooks::find(&state, &studio, id).await?
    } else {
        let now = state.clock.now();
        webhooks::change(&state, &studio, id, |webhook| webhook.rotate(now, request.id)).await?
    };
    with_secret(&state, &webhook).await
}

/// Enable a webhook
///
/// After Darkroom has disabled it: the shop has answered 410, or has accepted nothing for five days. Events of the time in
/// between are sent by a replay.
#[utoipa::path(
    post, path = "/webhooks/{id}/enable", tag = "webhooks", operation_id = "enable_webhook",
    params(("id" = Uuid, Path, description = "Id of the webhook")),
    responses((status = 200, description = "The webhook", body = WebhookView)),
)]
pub async fn enable(
    Caller(studio): Caller,
    Shared(state): Shared<State>,
    Id(id): Id,
    request: IdempotentRequest,
) -> ApiResult<Json<WebhookView>> {
    let webhook = if request.answered {
        webhooks::find(&state, &studio, id).await?
    } else {
        webhooks::change(&state, &studio, id, Webhook::enable).await?
    };
    Ok(Json(WebhookView::from(&webhook)))
}

async fn with_secret(state: &State, webhook: &Webhook) -> ApiResult<Json<WebhookWithSecret>> {
    let secret = webhooks::secret(state, webhook).await?.reveal();
    Ok(Json(WebhookWithSecret { webhook: webhook.into(), secret }))
}
