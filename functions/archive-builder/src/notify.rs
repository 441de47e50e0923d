//! The email that follows a build. Its id is derived, so that a repeated step sends no second one.

use domain::{JobError, download::Download, order::Order};
use jiff::Timestamp;
use runtime::notification;

use crate::state::State;

/// Tells the customer how the build ended; again if asked again, at no cost.
pub async fn notify(state: &State, download: &Download, order: &Order, now: Timestamp) -> Result<(), JobError> {
    if !download.notify {
        return Ok(());
    }
    Ok(notification::tell(&state.emails, &state.email_queue, download, order, now).await?)
}
