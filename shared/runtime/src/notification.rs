//! Emails that follow from records: created, and their jobs sent.

use anyhow::Result;
use domain::{download::Download, email::Email, job::Job, order::Order};
use jiff::Timestamp;
use tracing::info;

use crate::{queue::Queue, store::Table};

/// Creates the email about the result of the download and sends its job. Can be repeated without effect. Does nothing
/// if the download needs no email, or its order was erased.
pub async fn tell(
    emails: &Table<Email>,
    queue: &Queue,
    download: &Download,
    order: &Order,
    now: Timestamp,
) -> Result<()> {
    if order.is_erased() {
        return Ok(());
    }
    let Some(email) = Email::telling_of(download, order, now) else { return Ok(()) };
    info!(download.id = %download.id, email.id = %email.id, "Notified the customer");
    send(emails, queue, email).await
}

/// Creates an email with a derived id, and sends its job. Can be repeated without effect.
pub async fn send(emails: &Table<Email>, queue: &Queue, email: Email) -> Result<()> {
    emails.create(&email).await?;
    queue.send(&Job::SendEmail { studio: email.studio, email: email.id }).await
}
