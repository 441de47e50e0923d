//! The job `email_event`: a report of SES changes the email, and an undeliverable one its download and its address.
//!
//! EventBridge makes the job of SES's event (`infra/mail_events.tf`). It arrives at least once, and in any order.

use std::{convert::Infallible, sync::Arc};

use domain::{
    Job, JobError,
    download::Download,
    email::{Email, Feedback},
    event::Event,
    suppression::Suppression,
};
use jiff::Timestamp;
use runtime::{store::Created, worker::PlainJobHandler};
use tracing::info;

use crate::state::State;

/// Handler of the job `email_event`.
pub struct EmailEvent(pub Arc<State>);

impl PlainJobHandler for EmailEvent {
    const NAME: &'static str = "email_event";
    const IS_SCHEDULED: bool = false;

    async fn run(&self, job: &Job, now: Timestamp) -> Result<(), JobError> {
        let Job::EmailEvent { studio, email: id, event, time, bounce, message_id } = job else {
            return Err(JobError::reject("undecodable", format!("{} names no event.", job.name())));
        };
        let state = &self.0;
        let feedback = Feedback { event: *event, time: *time, bounce: *bounce, message_id: message_id.clone() };
        let hear = |email: &mut Email| {
            email.hear(&feedback, now);
            Ok::<_, Infallible>(())
        };
        let Some((email, _)) = state.emails.update(studio, *id, hear).await? else {
            info!(%studio, email.id = %id, "SES reports about an email that is unknown");
            return Ok(());
        };
        state.events.publish_all(Event::of_email(&email)).await?;
        info!(%studio, email.id = %id, ?event, ?bounce, template = email.message.template(), "SES reports");
        if let Some(suppression) = Suppression::caused_by(&email) {
            suppress(state, &suppression).await?;
        }
        let undeliverable = email.message.download().filter(|_| email.reported.is_undeliverable());
        if let Some(download) = undeliverable.filter(|_| email.message.is_for_customer()) {
            let mark = |download: &mut Download| {
                download.undelivered(&email.to, *time);
                Ok::<_, Infallible>(())
            };
            if let Some((download, _)) = state.downloads.update(studio, download, mark).await? {
                state.events.publish_all(Event::of_undelivered(&download)).await?;
            }
        }
        Ok(())
    }
}

/// Suppresses the address, if no newer decision of operators says otherwise.
async fn suppress(state: &State, suppression: &Suppression) -> anyhow::Result<()> {
    if let Created::Existed(_) = state.suppressions.create(suppression).await? {
        let add = |known: &mut Suppression| {
            known.add(suppression);
            Ok::<_, Infallible>(())
        };
        state.suppressions.update(&suppression.studio, suppression.id, add).await?;
    }
    Ok(())
}
