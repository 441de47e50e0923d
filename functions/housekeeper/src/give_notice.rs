//! The job `give_notice`: reminds a customer who has fetched nothing, two days before the link expires. The sweep sends it when
//! the download is due.

use std::{convert::Infallible, sync::Arc};

use domain::{
    Job, JobError,
    download::{Download, Notice},
    email::Email,
    queue_config::QueueName,
};
use jiff::Timestamp;
use runtime::worker::PlainJobHandler;
use tracing::info;

use crate::state::State;

/// Handler of the job `give_notice`.
pub struct GiveNotice(pub Arc<State>);

impl PlainJobHandler for GiveNotice {
    const NAME: &'static str = "give_notice";
    const IS_SCHEDULED: bool = false;

    async fn run(&self, job: &Job, now: Timestamp) -> Result<(), JobError> {
        let Job::GiveNotice { studio, download: id } = job else {
            return Err(JobError::reject("undecodable", format!("{} names no download.", job.name())));
        };
        let state = &self.0;
        let Some(download) = state.downloads.get(studio, *id).await? else { return Ok(()) };
        let Some((notice, at)) = download.notice_due(now) else { return Ok(()) };
        match notice {
            Notice::Reminder => remind(state, &download, now).await?,
            Notice::Expiry => {}
        }
        // Last, so that a repeated job repeats what is left.
        let noticed = |download: &mut Download| {
            download.noticed(at);
            Ok::<_, Infallible>(())
        };
        state.downloads.update(studio, *id, noticed).await?;
        info!(%studio, download.id = %id, ?notice, "Notice given");
        Ok(())
    }
}

/// Creates the reminder and sends its job. Can be repeated without effect. Whether it is true is checked once more when the
/// email is sent.
async fn remind(state: &State, download: &Download, now: Timestamp) -> Result<(), JobError> {
    let order = state.orders.get(&download.studio, download.order).await?;
    let Some(order) = order.filter(|order| !order.is_erased()) else { return Ok(()) };
    let email = Email::reminding_of(download, &order, now);
    state.emails.create(&email).await?;
    let job = Job::SendEmail { studio: email.studio, email: email.id };
    Ok(state.queues.of(QueueName::Emails).send(&job).await?)
}
