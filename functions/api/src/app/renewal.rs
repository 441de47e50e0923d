//! Renewal of a link that a customer asks for.

use domain::{
    download::{Closed, Download, DownloadKind},
    email::{Email, Message},
    job::follow_up_id,
    queue_config::QueueName,
    studio_profile::{Renewal, StudioProfile},
};
use jiff::Timestamp;
use runtime::notification;

use super::{
    delivery::Opened,
    downloads::{Rebuild, publish_activity, rebuild, send, tell},
};
use crate::{
    problem::{ApiError, ApiResult},
    state::State,
};

const DAY_SECONDS: i64 = 24 * 3600;

/// Consequence of the request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Asked {
    /// The download is built again. An email to the address on record has its link.
    Renewed,
    /// The studio decides.
    Studio,
}

/// Returns whether the customer can ask for a new link now.
pub fn can_ask(opened: &Opened, now: Timestamp) -> bool {
    is_over(opened, now) && opened.download.clone().ask_for_renewal(now)
}

/// Returns whether the link has ended, but can be renewed. That of a revoked download or an erased order can't.
fn is_over(opened: &Opened, now: Timestamp) -> bool {
    matches!(opened.opens(now), Err(Closed::Expired | Closed::Spent))
}

/// Renews the link, or tells the studio, as the studio's profile says. A repetition within a day does nothing; `None` if
/// the link can't be renewed.
///
/// Whatever the customer sends, the answer goes to the order's address only.
pub async fn ask(state: &State, opened: &Opened, profile: &StudioProfile) -> ApiResult<Option<Asked>> {
    let now = state.clock.now();
    if !is_over(opened, now) {
        return Ok(None);
    }
    let asked = match profile.renewal {
        Renewal::Automatic => Asked::Renewed,
        Renewal::Studio => Asked::Studio,
    };
    if !can_ask(opened, now) {
        // This is a repetition.
        return Ok(Some(Asked::Studio));
    }
    if asked == Asked::Renewed {
        match renew(state, opened, now).await {
            Ok(()) => return Ok(Some(asked)),
            // Photos of the order can't be delivered any more: the studio must know.
            Err(ApiError::Problem(_)) => {}
            Err(error) => return Err(error),
        }
    }
    tell_studio(state, &opened.download, profile, now).await?;
    // Written last: if this process ends before, the customer's next try sends the same email.
    let mark = |download: &mut Download| if download.ask_for_renewal(now) { Ok(()) } else { Err(()) };
    let marked = state.downloads.update(&opened.download.studio, opened.download.id, mark).await?;
    if let Some((download, Ok(()))) = marked {
        publish_activity(state, &download).await;
    }
    Ok(Some(Asked::Studio))
}

async fn renew(state: &State, opened: &Opened, now: Timestamp) -> ApiResult<()> {
    let found = opened.download.clone();
    let by = follow_up_id(found.id, "renewal", day(now));
    let download = rebuild(state, &opened.order, found, by, Rebuild::AskedFor, false).await?;
    publish_activity(state, &download).await;
    if download.kind == DownloadKind::Single {
        return tell(state, &opened.order, &download).await;
    }
    send(state, &download).await
}

/// Sends the studio an email, if it has an address. The record has the request in any case.
async fn tell_studio(state: &State, download: &Download, profile: &StudioProfile, now: Timestamp) -> ApiResult<()> {
    let Some(to) = profile.reply_to.clone() else { return Ok(()) };
    let id = follow_up_id(download.id, "renewal_requested", day(now));
    let message = Message::RenewalRequested { download_id: download.id };
    let locale = profile.locale.clone().unwrap_or_else(|| "en".to_owned());
    let email = Email::new(download.studio.clone(), id, message, to, locale, now);
    Ok(notification::send(&state.emails, state.queues.of(QueueName::Emails), email).await?)
}

/// Returns the number of the day, from 1970.
fn day(now: Timestamp) -> u32 {
    u32::try_from(now.as_second() / DAY_SECONDS).unwrap_or_default()
}
