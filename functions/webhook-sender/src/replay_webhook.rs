//! The job `replay_webhook`: sends a webhook the events of a time again, a page per job.

use std::sync::Arc;

use anyhow::Result;
use domain::{
    Job, JobError, Studio,
    event::{ALL, Event},
    job_state::RestartError,
    record::ListIndex,
    webhook::{Delivery, Webhook},
};
use jiff::Timestamp;
use runtime::{store::Created, worker::PlainJobHandler};
use tracing::info;
use uuid::Uuid;

use crate::state::State;

/// Number of events per job.
const PAGE: usize = 50;

/// Handler of the job `replay_webhook`.
///
/// The next page's job is sent before this one's message is acknowledged. A repetition restarts nothing twice, because a
/// delivery knows the request that restarted it.
pub struct ReplayWebhook(pub Arc<State>);

impl PlainJobHandler for ReplayWebhook {
    const NAME: &'static str = "replay_webhook";
    const IS_SCHEDULED: bool = false;

    async fn run(&self, job: &Job, now: Timestamp) -> Result<(), JobError> {
        let Job::ReplayWebhook { studio, webhook, replay, after, until } = job else {
            return Err(JobError::reject("undecodable", format!("{} names no webhook.", job.name())));
        };
        let state = &self.0;
        let Some(webhook) = state.webhooks.get(studio, *webhook).await?.filter(|found| found.disabled.is_none()) else {
            info!(%studio, webhook.id = %webhook, "The webhook was deleted or disabled");
            return Ok(());
        };
        let wants = |event: &Event| webhook.wants(event.kind);
        let range = (Some(*after), *until);
        let page = state.events.list_oldest(studio, (ListIndex::Events, ALL), range, PAGE, wants).await?;
        for event in &page.items {
            send_again(state, event, &webhook, *replay, now).await?;
        }
        info!(%studio, webhook.id = %webhook.id, events = page.items.len(), more = page.more, "Events are sent again");
        match page.after {
            Some(after) if page.more => {
                let (studio, webhook, replay, until) = (studio.clone(), webhook.id, *replay, *until);
                Ok(state.queue.send(&Job::ReplayWebhook { studio, webhook, replay, after, until }).await?)
            }
            _ => Ok(()),
        }
    }
}

/// Creates or restarts the delivery of the event, and sends its job.
async fn send_again(state: &State, event: &Event, webhook: &Webhook, replay: Uuid, now: Timestamp) -> Result<()> {
    let delivery = Delivery::new(event, webhook, now);
    let (studio, id): (Studio, Uuid) = (delivery.studio.clone(), delivery.id);
    if let Created::Existed(_) = state.deliveries.create(&delivery).await? {
        let restart = |delivery: &mut Delivery| delivery.restart(now, Some(replay));
        match state.deliveries.update(&studio, id, restart).await? {
            None | Some((_, Err(RestartError::Impossible))) => return Ok(()),
            // Its job is on its way, or was lost with the process that sent it.
            Some((_, Ok(()) | Err(RestartError::Repeated | RestartError::UnderWay))) => {}
        }
    }
    state.queue.send(&Job::SendWebhook { studio, delivery: id }).await
}
