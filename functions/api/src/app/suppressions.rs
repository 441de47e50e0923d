//! Lifting of suppressions: ours, and the account's at SES.

use api_types::SuppressionLifted;
use domain::{Studio, email_address::EmailAddress, suppression::Suppression};
use runtime::aws::broken_off;
use tracing::info;

use crate::{problem::ApiResult, state::State};

/// Lifts the suppression of an address. SES comes first: while it suppresses the address, each email to it causes a report
/// that suppresses it here again.
pub async fn lift(state: &State, studio: &Studio, address: &EmailAddress) -> ApiResult<SuppressionLifted> {
    let asked = state.ses.unsuppress(address).await;
    let by_ses = asked.map_err(|error| broken_off("Failed to change the suppression list of SES", error))?;
    let (id, now) = (Suppression::id_of(studio, address), state.clock.now());
    let lift = |suppression: &mut Suppression| {
        let was_in_force = suppression.lifted_at.is_none();
        suppression.lift(now);
        Ok::<_, std::convert::Infallible>(was_in_force)
    };
    let lifted = state.suppressions.update(studio, id, lift).await?;
    let (reason, since) = match lifted {
        Some((suppression, Ok(true))) => (Some(suppression.reason), Some(suppression.since)),
        _ => (None, None),
    };
    info!(%studio, to = address.masked(), by_ses, by_studio = reason.is_some(), "Lifted the suppression of an address");
    Ok(SuppressionLifted { reason, since, by_ses })
}
