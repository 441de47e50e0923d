//! The mail that follows a build. Its id is derived, so that a repeated step sends no second one.

use jiff::Timestamp;
use shared::{
    JobError,
    download::{Download, DownloadStatus},
    email::{Email, Message},
    job::{Job, follow_up_id},
    order::Order,
};

use crate::state::State;

/// Tells the customer how the build ended; again if asked again, at no cost.
pub async fn notify(state: &State, download: &Download, now: Timestamp) -> Result<(), JobError> {
    let message = match download.status {
        DownloadStatus::Ready => Message::DownloadReady { download_id: download.id },
        DownloadStatus::Failed => Message::DownloadFailed { download_id: download.id },
        _ => return Ok(()),
    };
    if !download.notify {
        return Ok(());
    }
    let order: Option<Order> = state.orders.get(&download.studio, download.order).await?;
    let Some(order) = order else { return Ok(()) };
    let email = Email::new(
        download.studio.clone(),
        follow_up_id(download.id, message.template(), download.build),
        message,
        order.customer.email,
        order.customer.locale,
        now,
    );
    state.emails.create(&email).await?;
    state.email_queue.send(&Job::SendEmail { studio: email.studio, email: email.id }).await?;
    Ok(())
}
