//! Webhooks: created up to a limit, rotated, enabled, replayed.

use std::{collections::BTreeSet, convert::Infallible, time::Duration};

use domain::{
    Job, Studio,
    event::{EventType, SETTLED_AFTER},
    job_state::RestartError,
    queue_config::QueueName,
    record::first_position,
    webhook::{Delivery, MAX_WEBHOOKS, Webhook, WebhookSecret},
};
use jiff::Timestamp;
use runtime::{failed_jobs::restart, store::Created};
use uuid::Uuid;

use crate::{
    idempotency::IdempotentRequest,
    problem::{ApiResult, Kind, Problem},
    state::State,
};

/// Creates a webhook, unless the studio has as many as it may.
pub async fn create(
    state: &State,
    studio: Studio,
    request: IdempotentRequest,
    url: String,
    types: BTreeSet<EventType>,
) -> ApiResult<Webhook> {
    let made = if request.again { state.webhooks.get(&studio, request.id).await? } else { None };
    if let Some(made) = request.made(made)? {
        return Ok(made);
    }
    if count(state, &studio).await? >= MAX_WEBHOOKS {
        return Err(too_many().into());
    }
    let webhook = Webhook::new(studio, request.id, url, types, state.clock.now());
    if let Created::Existed(made) = state.webhooks.create(&webhook).await? {
        return Ok(*made);
    }
    // Requests at the same moment all see room for one. A look after the write sees all that were written before.
    if count(state, &webhook.studio).await? > MAX_WEBHOOKS {
        state.webhooks.delete(&webhook.studio, webhook.id).await?;
        return Err(too_many().into());
    }
    Ok(webhook)
}

/// Returns the number of the studio's webhooks, up to one more than it may have.
async fn count(state: &State, studio: &Studio) -> ApiResult<usize> {
    Ok(state.webhooks.list(studio, None, MAX_WEBHOOKS + 1, |_| true).await?.items.len())
}

fn too_many() -> Problem {
    let detail = format!("A studio has at most {MAX_WEBHOOKS} webhooks. Delete one of them.");
    Problem::new(Kind::TooManyWebhooks, detail)
}

/// Returns the webhook.
pub async fn find(state: &State, studio: &Studio, id: Uuid) -> ApiResult<Webhook> {
    Ok(state.webhooks.get(studio, id).await?.ok_or_else(|| Problem::not_found("webhook"))?)
}

/// Returns the current secret of the webhook.
pub async fn secret(state: &State, webhook: &Webhook) -> ApiResult<WebhookSecret> {
    Ok(state.webhook_keys.current().await?.secret(&webhook.studio, webhook.id, webhook.generation))
}

/// Changes the webhook.
pub async fn change(state: &State, studio: &Studio, id: Uuid, change: impl Fn(&mut Webhook)) -> ApiResult<Webhook> {
    let apply = |webhook: &mut Webhook| {
        change(webhook);
        Ok::<_, Infallible>(())
    };
    let changed = state.webhooks.update(studio, id, apply).await?;
    Ok(changed.map(|(webhook, _)| webhook).ok_or_else(|| Problem::not_found("webhook"))?)
}

/// Sends the events since this time again.
pub async fn replay(state: &State, webhook: &Webhook, request: IdempotentRequest, since: Timestamp) -> ApiResult<()> {
    if webhook.disabled.is_some() {
        return Err(Problem::new(Kind::WebhookDisabled, "The webhook is disabled. Enable it first.").into());
    }
    let job = Job::ReplayWebhook {
        studio: webhook.studio.clone(),
        webhook: webhook.id,
        replay: request.id,
        after: Uuid::from_u128(first_position(since).as_u128().saturating_sub(1)),
        until: first_position(state.clock.now()),
    };
    // By then lists contain all events before `until`. One that was written while the webhook was disabled has no delivery.
    let settled = Duration::try_from(SETTLED_AFTER).map_err(anyhow::Error::from)?;
    Ok(state.queues.of(QueueName::Webhooks).send_later(&job, settled).await?)
}

/// Sends the event of a delivery again.
pub async fn retry(state: &State, webhook: &Webhook, id: Uuid, request: IdempotentRequest) -> ApiResult<Delivery> {
    let not_found = || Problem::not_found("delivery");
    let studio = &webhook.studio;
    let found = state.deliveries.get(studio, id).await?.filter(|found| found.webhook == webhook.id);
    let found = found.ok_or_else(not_found)?;
    if request.answered {
        return Ok(found);
    }
    if webhook.disabled.is_some() {
        return Err(Problem::new(Kind::WebhookDisabled, "The webhook is disabled. Enable it first.").into());
    }
    let now = state.clock.now();
    let set = |delivery: &mut Delivery| match delivery.restart(now, Some(request.id)) {
        // Its first attempt is on its way already.
        Err(RestartError::UnderWay) => Err(RestartError::Repeated),
        restarted => restarted,
    };
    restart(&state.deliveries, state.queues.of(QueueName::Webhooks), (studio, id), set).await?;
    Ok(state.deliveries.get(studio, id).await?.ok_or_else(not_found)?)
}
