//! The job `give_notice`: reminds a customer who has fetched nothing, two days before the link expires, and tells the shop when
//! it has expired, or of a fetch or request whose own event was not written. The sweep sends it when the download is due.

use std::{convert::Infallible, sync::Arc};

use domain::{
    Job, JobError,
    download::{Download, Notice},
    email::Email,
    event::Event,
    queue_config::QueueName,
};
use jiff::{SignedDuration, Timestamp};
use runtime::{notification, worker::PlainJobHandler};
use tracing::info;

use crate::state::State;

/// Time for which an expiry is news: as long as deliveries of events are retried.
const NEWS_FOR: SignedDuration = SignedDuration::from_hours(72);

/// Handler of the job `give_notice`.
pub struct GiveNotice(pub Arc<State>);

impl PlainJobHandler for GiveNotice {
    const NAME: &'static str = "give_notice";
    const IS_SCHEDULED: bool = false;
    const IS_SWEPT: bool = true;

    async fn run(&self, job: &Job, now: Timestamp) -> Result<(), JobError> {
        let Job::GiveNotice { studio, download: id } = job else {
            return Err(JobError::reject("undecodable", format!("{} names no download.", job.name())));
        };
        let state = &self.0;
        let Some(download) = state.downloads.get(studio, *id).await? else { return Ok(()) };
        let Some((notice, at)) = download.notice_due(now) else { return Ok(()) };
        match notice {
            Notice::Reminder => remind(state, &download, now).await?,
            Notice::Expiry => announce_expiry(state, &download, now).await?,
            Notice::Activity => state.events.publish_all(Event::of_activity(&download)).await?,
        }
        // Last, so that a repeated job repeats what is left.
        let noticed = |download: &mut Download| {
            download.noticed(notice, at);
            Ok::<_, Infallible>(())
        };
        state.downloads.update(studio, *id, noticed).await?;
        info!(%studio, download.id = %id, ?notice, "Notice given");
        Ok(())
    }
}

/// Publishes the expiry, unless it was long ago: downloads of earlier releases get their due date late.
async fn announce_expiry(state: &State, download: &Download, now: Timestamp) -> Result<(), JobError> {
    let is_news = download.expires_at.is_some_and(|at| now.duration_since(at) < NEWS_FOR);
    Ok(state.events.publish_all(Event::of_expiry(download).filter(|_| is_news)).await?)
}

/// Creates the reminder and sends its job. Can be repeated without effect. Whether it is true is checked once more when the
/// email is sent.
async fn remind(state: &State, download: &Download, now: Timestamp) -> Result<(), JobError> {
    let order = state.orders.get(&download.studio, download.order).await?;
    let Some(order) = order.filter(|order| !order.is_erased()) else { return Ok(()) };
    let email = Email::reminding_of(download, &order, now);
    Ok(notification::send(&state.emails, state.queues.of(QueueName::Emails), email).await?)
}
