//! The job `send_webhook`: claim, load webhook and event, sign, post once, record the shop's answer.
//!
//! A shop that does not accept an event is no failure of this job. The delivery stores the answer and the time of the next
//! attempt, and the webhook the beginning of its failures.

use std::{convert::Infallible, sync::Arc, time::Duration};

use anyhow::{Context as _, Result};
use api_types::EventView;
use domain::{
    Job, JobError, RecordError, Studio,
    event::Event,
    job_state::NotOwner,
    webhook::{Answer, Delivery, DisabledReason, Webhook, checked_url},
};
use jiff::Timestamp;
use runtime::{lease::Lease, store::Table, worker::JobHandler};
use tracing::{Span, info, info_span, warn};
use uuid::Uuid;

use crate::state::State;

/// Handler of the job `send_webhook`.
pub struct SendWebhook(pub Arc<State>);

impl JobHandler for SendWebhook {
    const NAME: &'static str = "send_webhook";
    type Record = Delivery;
    type Prepared = ();

    fn table(&self) -> &Arc<Table<Delivery>> {
        &self.0.deliveries
    }

    fn span(studio: &Studio, id: Uuid) -> Span {
        info_span!("send_webhook", %studio, delivery.id = %id)
    }

    async fn run(&self, lease: Arc<Lease<Delivery>>, (): &()) -> Result<Delivery, JobError> {
        send(&self.0, &lease).await
    }
}

async fn send(state: &State, lease: &Lease<Delivery>) -> Result<Delivery, JobError> {
    let delivery = &lease.record;
    let webhook = state.webhooks.get(&delivery.studio, delivery.webhook).await?;
    let event = state.events.get(&delivery.studio, delivery.event).await?;
    let (webhook, event) = match (webhook, event) {
        (Some(webhook), Some(event)) if webhook.disabled.is_none() => (webhook, event),
        (None, _) => return cancel(lease, "webhook_deleted", "The webhook was deleted.").await,
        (Some(webhook), _) if webhook.disabled.is_some() => {
            return cancel(lease, "webhook_disabled", "The webhook is disabled.").await;
        }
        _ => return cancel(lease, "event_gone", "The event is older than 30 days, and was deleted.").await,
    };
    let answer = post(state, lease, &webhook, &event).await?;
    record_success_or_failure(state, &webhook, &answer, lease.now()).await?;
    let (now, jitter) = (lease.now(), lease.world().jitter());
    let attempted = |delivery: &mut Delivery| delivery.attempted(lease.by, now, &answer, jitter);
    send_next(state, lease, attempted).await;
    let delivery = lease.change(attempted).await?;
    info!(
        webhook.id = %webhook.id,
        event.id = %event.id,
        kind = %event.kind,
        status = answer.status,
        error = answer.error.as_ref().map(|error| error.code.as_str()),
        attempt = delivery.tries,
        delivery = delivery.status.as_str(),
        "Webhook sent"
    );
    Ok(delivery)
}

/// Sends the job of the next attempt, if SQS can delay it so long. The sweep sends that of a later one, or of one that
/// could not be sent.
///
/// The job is sent before the record tells of the next attempt: the message of a worker that dies in between is void if it comes
/// back before that attempt is due.
async fn send_next(
    state: &State,
    lease: &Lease<Delivery>,
    attempted: impl FnOnce(&mut Delivery) -> Result<(), NotOwner>,
) {
    let mut delivery = lease.record.clone();
    let wait = attempted(&mut delivery).ok().and_then(|()| delivery.delay(lease.now()));
    let Some(wait) = wait.and_then(|wait| Duration::try_from(wait).ok()) else { return };
    let job = Job::SendWebhook { studio: delivery.studio, delivery: delivery.id };
    if let Err(error) = state.queue.send_later(&job, wait).await {
        warn!(error = format!("{error:#}"), "Could not send the job of the next attempt");
    }
}

async fn cancel(lease: &Lease<Delivery>, code: &str, message: &str) -> Result<Delivery, JobError> {
    info!(code, "A delivery was given up");
    let (now, reason) = (lease.now(), RecordError::new(code, message));
    lease.change(|delivery| delivery.cancel(lease.by, now, reason.clone())).await
}

/// Signs the event with each valid secret, and posts it.
async fn post(state: &State, lease: &Lease<Delivery>, webhook: &Webhook, event: &Event) -> Result<Answer> {
    // Checked again: rules may have become stricter since the record was written.
    let Ok(url) = checked_url(&webhook.url, state.targets) else {
        return Ok(Answer::missing("address_refused", "The address of the webhook is not a public one with https."));
    };
    let (id, now) = (event.id.to_string(), lease.now());
    let body = serde_json::to_string(&EventView::from(event)).context("An event can't be written")?;
    let key = state.keys.current().await?;
    let signatures = webhook.generations(now).map(|generation| {
        let secret = key.secret(&webhook.studio, webhook.id, generation);
        secret.sign(&id, now, &body)
    });
    let headers = [
        ("content-type", "application/json".to_owned()),
        ("user-agent", "Darkroom-Webhooks/1".to_owned()),
        ("webhook-id", id.clone()),
        ("webhook-timestamp", now.as_second().to_string()),
        ("webhook-signature", signatures.collect::<Vec<_>>().join(" ")),
    ];
    Ok(state.shops.post(&url, &headers, body).await)
}

/// Changes the webhook, if the answer says something new about it.
async fn record_success_or_failure(state: &State, webhook: &Webhook, answer: &Answer, now: Timestamp) -> Result<()> {
    let change = |webhook: &mut Webhook| {
        if answer.is_success() {
            webhook.succeeded();
        } else if answer.is_gone() {
            webhook.disable(now, DisabledReason::Gone);
        } else {
            webhook.failed(now);
        }
        Ok::<_, Infallible>(())
    };
    // Most attempts change nothing.
    let mut changed = webhook.clone();
    let Ok(()) = change(&mut changed);
    if changed == *webhook {
        return Ok(());
    }
    let updated = state.webhooks.update(&webhook.studio, webhook.id, change).await?;
    if updated.is_some_and(|(webhook, _)| webhook.disabled.is_some()) {
        info!(webhook.id = %webhook.id, "The webhook is disabled");
    }
    Ok(())
}
