//! Events whose deliveries to webhooks were not created.

use anyhow::Result;
use domain::{Job, Studio, event::Event, queue_config::QueueName};
use jiff::Timestamp;
use runtime::{
    metrics,
    store::{DUE_SHARDS, Unreadable},
};
use tracing::warn;
use uuid::Uuid;

use super::{AGAIN_AFTER, LIMIT};
use crate::state::State;

/// Sends the jobs of overdue events again. An event has no lease, and its job can run twice.
pub async fn sweep(state: &State, now: Timestamp) -> Result<()> {
    let mut first_error = None;
    for shard in 0..DUE_SHARDS {
        let (mut start, mut sent) = (None, 0);
        while sent < LIMIT {
            let (keys, next) = state.events.table().due_page(shard, now, LIMIT, start).await?;
            for (studio, id) in keys {
                match resend(state, &studio, id, now).await {
                    Ok(was_due) => sent += i32::from(was_due),
                    Err(error) if error.downcast_ref::<Unreadable>().is_some() => metrics::unreadable(),
                    Err(error) => {
                        warn!(%studio, event.id = %id, error = format!("{error:#}"), "Could not publish an event again");
                        first_error.get_or_insert(error);
                    }
                }
            }
            start = next;
            if start.is_none() {
                break;
            }
        }
    }
    first_error.map_or(Ok(()), Err)
}

/// Sends the job of an overdue event and postpones its due date. Returns whether the event was due.
async fn resend(state: &State, studio: &Studio, id: Uuid, now: Timestamp) -> Result<bool> {
    let is_due = |event: &Event| event.due_at.is_some_and(|due| due <= now);
    let events = state.events.table();
    // The index lags behind.
    if !events.get(studio, id).await?.as_ref().is_some_and(is_due) {
        return Ok(false);
    }
    let job = Job::PublishEvent { studio: studio.clone(), event: id };
    state.queues.of(QueueName::Webhooks).send(&job).await?;
    warn!(%studio, event.id = %id, "Published an overdue event again");
    let put_off = |event: &mut Event| {
        if !is_due(event) {
            return Err(());
        }
        event.due_at = now.checked_add(AGAIN_AFTER).ok();
        Ok(())
    };
    events.update(studio, id, put_off).await?;
    Ok(true)
}
