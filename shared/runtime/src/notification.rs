//! What follows a download that is done, one way or the other: the customer is told.

use anyhow::Result;
use domain::{download::Download, email::Email, job::Job, order::Order};
use jiff::Timestamp;
use tracing::info;

use crate::{queue::Queue, store::Table};

/// Writes the email down that tells how the download ended, and sends its job; again if asked again, at no cost. Nothing where
/// nobody is to be told, or the order was erased.
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
    emails.create(&email).await?;
    info!(download.id = %download.id, email.id = %email.id, "The customer is told");
    queue.send(&Job::SendEmail { studio: email.studio, email: email.id }).await
}
