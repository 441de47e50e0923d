//! The mail that follows a build. Its id is derived, so that a repeated step sends no second one.

use jiff::Timestamp;
use shared::{JobError, download::Download, follow_up, order::Order};

use crate::state::State;

/// Tells the customer how the build ended; again if asked again, at no cost.
pub async fn notify(state: &State, download: &Download, now: Timestamp) -> Result<(), JobError> {
    if !download.notify {
        return Ok(());
    }
    let order: Option<Order> = state.orders.get(&download.studio, download.order).await?;
    if let Some(order) = order {
        follow_up::tell(&state.emails, &state.email_queue, download, &order, now).await?;
    }
    Ok(())
}
