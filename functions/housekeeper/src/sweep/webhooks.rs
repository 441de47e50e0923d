//! Webhooks that were disabled, of which the studio has not heard.

use std::convert::Infallible;

use anyhow::Result;
use domain::{Studio, email::Email, queue_config::QueueName, webhook::Webhook};
use jiff::Timestamp;
use runtime::notification;
use tracing::info;
use uuid::Uuid;

use super::due;
use crate::state::State;

/// Sends the studio of each webhook that was disabled an email.
pub async fn sweep(state: &State, now: Timestamp) -> Result<()> {
    due::each_due(&state.webhooks, now, |studio, id| tell_studio(state, studio, id, now)).await
}

/// Creates the email, if the studio has an address for replies, and sends its job. Can be repeated without effect. Returns
/// whether the webhook was due.
async fn tell_studio(state: &State, studio: Studio, id: Uuid, now: Timestamp) -> Result<bool> {
    // The index lags behind.
    let found = state.webhooks.get(&studio, id).await?;
    let Some(webhook) = found.filter(|webhook| webhook.due_at.is_some()) else { return Ok(false) };
    let profile = state.studios.profile(&studio).await?;
    let locale = profile.locale.unwrap_or_else(|| "en".to_owned());
    if let Some((to, disabled)) = profile.reply_to.zip(webhook.disabled) {
        let email = Email::about_disabled((&studio, id), disabled.at, to, locale, now);
        info!(%studio, webhook.id = %id, email.id = %email.id, "The studio is told of a disabled webhook");
        notification::send(&state.emails, state.queues.of(QueueName::Emails), email).await?;
    }
    // Last, so that a repeated sweep repeats what is left.
    let told = |current: &mut Webhook| {
        current.studio_told(webhook.disabled);
        Ok::<_, Infallible>(())
    };
    state.webhooks.update(&studio, id, told).await?;
    Ok(true)
}
