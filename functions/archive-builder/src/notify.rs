//! Email after a build. Its id is derived, so that a repeated step sends no second email.

use domain::{JobError, download::Download, order::Order};
use jiff::Timestamp;
use runtime::notification;

use crate::state::State;

/// Notifies the customer about the result of the build. Can be repeated without effect.
pub async fn notify(state: &State, download: &Download, order: &Order, now: Timestamp) -> Result<(), JobError> {
    if !download.notify {
        return Ok(());
    }
    Ok(notification::tell(&state.emails, &state.email_queue, download, order, now).await?)
}
