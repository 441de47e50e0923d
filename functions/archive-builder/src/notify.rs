//! The mail that follows a build. Its id is derived, so that a repeated step sends no second one.

use jiff::Timestamp;
use shared::{JobError, download::Download, email::Email, job::Job, order::Order};

use crate::state::State;

/// Tells the customer how the build ended; again if asked again, at no cost.
pub async fn notify(state: &State, download: &Download, now: Timestamp) -> Result<(), JobError> {
    if !download.notify {
        return Ok(());
    }
    let order: Option<Order> = state.orders.get(&download.studio, download.order).await?;
    let Some(email) = order.and_then(|order| Email::telling_of(download, &order, now)) else { return Ok(()) };
    state.emails.create(&email).await?;
    state.email_queue.send(&Job::SendEmail { studio: email.studio, email: email.id }).await?;
    Ok(())
}
