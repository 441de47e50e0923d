//! Emails about a download that a shop requests, possibly to another address.

use domain::{
    Studio,
    download::{Closed, Download},
    email::{Email, Message},
    email_address::EmailAddress,
    studio_limits::Taken,
};
use jiff::Timestamp;
use runtime::store::Created;
use uuid::Uuid;

use super::{limits, ordering};
use crate::{
    idempotency::IdempotentRequest,
    problem::{ApiResult, Kind, Problem},
    state::State,
};

/// Time of the email.
pub enum Told {
    /// The email was created.
    Now(Box<Email>),
    /// The email is created when the download is ready.
    Later,
}

/// Replaces the address that emails about the download go to, and creates an email with its link.
pub async fn notify(
    state: &State,
    studio: &Studio,
    id: Uuid,
    request: IdempotentRequest,
    to: Option<EmailAddress>,
) -> ApiResult<Told> {
    let made = if request.again { state.emails.get(studio, request.id).await? } else { None };
    if let Some(made) = made {
        return Ok(Told::Now(Box::new(made)));
    }
    let found = state.downloads.get(studio, id).await?.ok_or_else(|| Problem::not_found("download"))?;
    let order = ordering::find(state, studio, found.order).await?;
    let now = state.clock.now();
    let is_ready = opens(&found, now)?;
    if is_ready {
        limits::take(state, studio, Taken::Email).await?;
    }
    let address = |download: &mut Download| {
        // The download may have become ready, or closed, since.
        if opens(download, now).ok() != Some(is_ready) {
            return Err(());
        }
        download.notify |= !is_ready;
        download.address_to(to.clone(), now);
        Ok(())
    };
    let updated = state.downloads.update(studio, id, address).await?;
    let (download, addressed) = updated.ok_or_else(|| Problem::not_found("download"))?;
    if addressed.is_err() {
        return Err(Problem::new(Kind::UnderWay, "The download has changed meanwhile. Try again.").into());
    }
    if !is_ready {
        return Ok(Told::Later);
    }
    let (message, to) = (Message::DownloadReady { download_id: id }, download.address(&order).clone());
    let email = Email::new(studio.clone(), request.id, message, to, order.customer.locale.clone(), now);
    Ok(Told::Now(match state.emails.create(&email).await? {
        Created::New => Box::new(email),
        Created::Existed(made) => made,
    }))
}

/// Returns whether the link opens, or `false` if it will. The error says why it never does.
fn opens(download: &Download, now: Timestamp) -> Result<bool, Problem> {
    let closed = |detail| Err(Problem::new(Kind::LinkClosed, detail));
    match download.opens(now) {
        Ok(()) => Ok(true),
        Err(Closed::Revoked) => Err(Problem::new(Kind::Revoked, "The download was revoked.")),
        Err(Closed::Failed) => closed("The download has failed; a retry builds it again."),
        Err(Closed::Expired) => closed("The link has expired; `renew` makes it work again."),
        Err(Closed::Spent) => closed("All downloads are used up; `renew` makes the link work again."),
        Err(_) => Ok(false),
    }
}
