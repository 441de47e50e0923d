//! Emails that a shop requests.

use api_types::{EmailMade, EmailView};
use axum::{Json, extract::State as Shared, response::Response};
use domain::{
    Studio,
    download::Closed,
    email::{Email, Message},
    email_address::EmailAddress,
};
use http::{HeaderMap, StatusCode};
use runtime::store::Created;
use serde::Deserialize;
use utoipa::ToSchema;
use uuid::Uuid;

use crate::{
    etag,
    extract::{Body, Id, locale, object},
    idempotency::IdempotentRequest,
    identity::Caller,
    problem::{ApiResult, Problem},
    state::State,
};

/// Template, recipient and subject matter of a new email.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct NewEmail {
    /// Name of the template.
    template: Template,
    /// Address of the recipient, without display name.
    #[schema(value_type = String, format = Email, max_length = 254, example = "eva@example.com")]
    to: EmailAddress,
    /// Language tag (BCP 47), `en` by default. The email is in English, German (`de`) or French (`fr`); other languages
    /// fall back to English.
    #[schema(max_length = 35, pattern = "^[A-Za-z0-9]{1,8}([-_][A-Za-z0-9]{1,8})*$")]
    locale: Option<String>,
    /// Record that the email is about: `order_id` for order_confirmation, `download_id` for the other templates.
    #[serde(deserialize_with = "object")]
    data: About,
    /// `false`: sends the email before the response (synchronous). Default `true`.
    queue: Option<bool>,
}

/// Templates of emails.
#[derive(Clone, Copy, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum Template {
    /// Confirms an order.
    OrderConfirmation,
    /// Announces a ready download, with its link.
    DownloadReady,
    /// Reports a failed download.
    DownloadFailed,
}

/// Record that an email is about. Exactly one field is set.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct About {
    /// Id of an order.
    order_id: Option<Uuid>,
    /// Id of a download.
    download_id: Option<Uuid>,
}

impl NewEmail {
    fn message(&self) -> Result<Message, Problem> {
        match (self.template, self.data.order_id, self.data.download_id) {
            (Template::OrderConfirmation, Some(order_id), None) => Ok(Message::OrderConfirmation { order_id }),
            (Template::DownloadReady, None, Some(download_id)) => Ok(Message::DownloadReady { download_id }),
            (Template::DownloadFailed, None, Some(download_id)) => Ok(Message::DownloadFailed { download_id }),
            _ => Err(Problem::invalid(
                "data",
                "It must be an order_id for order_confirmation, and a download_id for other templates.",
            )),
        }
    }
}

/// Send an email
///
/// Sends a template to one address. Links in it are created when the email is sent.
#[utoipa::path(
    post, path = "/emails", tag = "emails", operation_id = "create_email", request_body = NewEmail,
    responses(
        (status = 201, description = "With `\"queue\": false`: the email was sent, or has failed for good with an error", body = EmailMade),
        (status = 202, description = "The job is on the queue", body = EmailMade),
    ),
)]
pub async fn create(
    Caller(studio): Caller,
    Shared(state): Shared<State>,
    request: IdempotentRequest,
    Body(new): Body<NewEmail>,
) -> ApiResult<(StatusCode, Json<EmailMade>)> {
    let locale = locale("locale", new.locale.as_deref())?;
    let message = new.message()?;
    let made = if request.again { state.emails.get(&studio, request.id).await? } else { None };
    let email = if let Some(made) = request.made(made)? {
        made
    } else {
        refuse_untrue(&state, &studio, &message).await?;
        let email = Email::new(studio, request.id, message, new.to, locale, state.clock.now());
        match state.emails.create(&email).await? {
            Created::New => email,
            Created::Existed(made) => *made,
        }
    };
    if request.answered {
        return Ok((StatusCode::ACCEPTED, Json(EmailMade { email: (&email).into() })));
    }
    let (email, finished) = state.workers.dispatch(&state.emails, email, new.queue == Some(false), request).await?;
    let status = if finished { StatusCode::CREATED } else { StatusCode::ACCEPTED };
    Ok((status, Json(EmailMade { email: (&email).into() })))
}

/// Refuses an email about a record that does not exist or contradicts the email.
async fn refuse_untrue(state: &State, studio: &Studio, message: &Message) -> ApiResult<()> {
    let untrue = match message {
        Message::OrderConfirmation { order_id } => {
            let order = state.orders.get(studio, *order_id).await?;
            match order {
                None => Some(("data.order_id", "There is no such order.")),
                Some(order) if order.is_erased() => Some(("data.order_id", "The order was erased.")),
                Some(_) => None,
            }
        }
        Message::DownloadReady { download_id } | Message::DownloadFailed { download_id } => {
            let download = state.downloads.get(studio, *download_id).await?;
            let opens = download.map(|download| download.opens(state.clock.now()));
            contradiction(message, opens).map(|detail| ("data.download_id", detail))
        }
    };
    match untrue {
        None => Ok(()),
        Some((field, detail)) => Err(Problem::invalid(field, detail).into()),
    }
}

/// Returns why an email about a download contradicts the record. `opens` is `None` if the download does not exist.
fn contradiction(message: &Message, opens: Option<Result<(), Closed>>) -> Option<&'static str> {
    match (message, opens) {
        (Message::DownloadFailed { .. }, Some(Err(Closed::Failed))) | (Message::DownloadReady { .. }, Some(Ok(()))) => {
            None
        }
        (_, None) => Some("There is no such download."),
        (Message::DownloadFailed { .. }, _) => Some("The download has not failed."),
        (_, Some(Err(Closed::Expired))) => Some("The download has expired; a retry makes it anew."),
        (_, Some(Err(Closed::Spent))) => Some("All downloads are used; its link opens nothing any more."),
        (_, Some(Err(Closed::Revoked))) => Some("The download was revoked; its link opens nothing any more."),
        (_, Some(Err(Closed::Failed))) => Some("The download has failed."),
        (_, Some(_)) => Some("The download is not ready."),
    }
}

/// Get an email
#[utoipa::path(
    get, path = "/emails/{id}", tag = "emails", operation_id = "get_email",
    params(("id" = Uuid, Path, description = "Id of the email")),
    responses((status = 200, description = "The email", body = EmailView)),
)]
pub async fn show(
    Caller(studio): Caller,
    Shared(state): Shared<State>,
    Id(id): Id,
    headers: HeaderMap,
) -> ApiResult<Response> {
    let email = state.emails.get(&studio, id).await?.ok_or_else(|| Problem::not_found("email"))?;
    let view = EmailView::from(&email);
    Ok(etag::answer(&headers, &view, [])?.with(view))
}
