//! The job `publish_event`: creates a delivery for each webhook that wants the event, and sends their jobs.

use std::{convert::Infallible, sync::Arc};

use anyhow::Result;
use domain::{
    Job, JobError,
    event::Event,
    webhook::{Delivery, DeliveryStatus, MAX_WEBHOOKS, Webhook},
};
use jiff::Timestamp;
use runtime::{store::Created, worker::PlainJobHandler};
use tracing::info;

use crate::state::State;

/// Handler of the job `publish_event`.
pub struct PublishEvent(pub Arc<State>);

impl PlainJobHandler for PublishEvent {
    const NAME: &'static str = "publish_event";
    const IS_SCHEDULED: bool = false;
    const IS_SWEPT: bool = true;

    async fn run(&self, job: &Job, now: Timestamp) -> Result<(), JobError> {
        let Job::PublishEvent { studio, event: id } = job else {
            return Err(JobError::reject("undecodable", format!("{} names no event.", job.name())));
        };
        let state = &self.0;
        let Some(event) = state.events.get(studio, *id).await? else {
            info!(%studio, event.id = %id, "The event does not exist any more");
            return Ok(());
        };
        if event.due_at.is_none() {
            return Ok(());
        }
        // Requests that run at the same time can create some more than the limit.
        let webhooks = state.webhooks.list(studio, None, MAX_WEBHOOKS * 10, |webhook| wants(webhook, &event)).await?;
        for webhook in &webhooks.items {
            deliver(state, &event, webhook, now).await?;
        }
        let done = |event: &mut Event| {
            event.due_at = None;
            Ok::<_, Infallible>(())
        };
        state.events.update(studio, *id, done).await?;
        info!(%studio, event.id = %id, kind = %event.kind, webhooks = webhooks.items.len(), "Deliveries exist");
        Ok(())
    }
}

/// Returns whether the event is sent to the webhook. A webhook gets no events from before its creation, except by a replay.
fn wants(webhook: &Webhook, event: &Event) -> bool {
    webhook.disabled.is_none() && webhook.wants(event.kind) && webhook.created_at <= event.created_at
}

/// Creates the delivery unless it exists, and sends its job.
async fn deliver(state: &State, event: &Event, webhook: &Webhook, now: Timestamp) -> Result<()> {
    let delivery = Delivery::new(event, webhook, now);
    if let Created::Existed(known) = state.deliveries.create(&delivery).await?
        && known.status != DeliveryStatus::Pending
    {
        return Ok(());
    }
    state.queue.send(&Job::SendWebhook { studio: delivery.studio, delivery: delivery.id }).await
}
