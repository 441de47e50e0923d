//! Events whose deliveries to webhooks were not created.

use std::collections::BTreeMap;

use anyhow::Result;
use domain::{Job, Studio, event::Event, queue_config::QueueName};
use jiff::Timestamp;
use tracing::warn;
use uuid::Uuid;

use super::{AGAIN_AFTER, due};
use crate::state::State;

/// Sends the jobs of overdue events again. An event has no lease, and its job can run twice.
pub async fn sweep(state: &State, paused: &BTreeMap<QueueName, Timestamp>, now: Timestamp) -> Result<()> {
    let paused = paused.get(&QueueName::Webhooks).copied();
    due::each_due(state.events.table(), now, |studio, id| resend(state, paused, (studio, id), now)).await
}

/// Sends the job of an overdue event, unless the queue is paused until `paused`, and postpones its due date. Returns whether
/// the event was due.
async fn resend(
    state: &State,
    paused: Option<Timestamp>,
    (studio, id): (Studio, Uuid),
    now: Timestamp,
) -> Result<bool> {
    let is_due = |event: &Event| event.due_at.is_some_and(|due| due <= now);
    let events = state.events.table();
    // The index lags behind.
    if !events.get(&studio, id).await?.as_ref().is_some_and(is_due) {
        return Ok(false);
    }
    // The messages of a paused queue wait. Others would only be added to them.
    if paused.is_none() {
        let job = Job::PublishEvent { studio: studio.clone(), event: id };
        state.queues.of(QueueName::Webhooks).send(&job).await?;
        warn!(%studio, event.id = %id, "Published an overdue event again");
    }
    let put_off = |event: &mut Event| {
        if !is_due(event) {
            return Err(());
        }
        event.due_at = paused.unwrap_or(now).checked_add(AGAIN_AFTER).ok();
        Ok(())
    };
    events.update(&studio, id, put_off).await?;
    Ok(true)
}
