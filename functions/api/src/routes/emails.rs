//! Emails that a shop requests.

use api_types::{EmailMade, EmailPage, EmailPreview, EmailView};
use axum::{Json, extract::State as Shared, response::Response};
use domain::{
    Studio,
    download::{Closed, Download},
    email::{About, Email, EmailStatus, Message},
    email_address::EmailAddress,
    language::Language,
    queue_config::QueueName,
    record::ListIndex,
    studio_limits::Taken,
};
use http::{HeaderMap, StatusCode};
use jiff::Timestamp;
use runtime::store::Created;
use serde::Deserialize;
use utoipa::{IntoParams, ToSchema};
use uuid::Uuid;

use crate::{
    app::{self, limits, pauses},
    etag,
    extract::{Body, Id, Query, line, locale, object, text},
    idempotency::IdempotentRequest,
    identity::Caller,
    openapi::Limited,
    problem::{ApiResult, Problem},
    routes::{page, page_of},
    state::State,
};

/// Longest subject of a message in characters.
const MAX_SUBJECT: usize = 150;
/// Longest text of a message in characters.
const MAX_TEXT: usize = 10_000;

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
    /// Subject matter: `order_id` for order_confirmation; `order_id`, `subject` and `text` for message;
    /// `download_id` for the other templates.
    #[serde(deserialize_with = "object")]
    data: Data,
    /// `false`: sends the email before the response (synchronous). Default `true`.
    queue: Option<bool>,
}

/// Templates of emails.
#[derive(Clone, Copy, PartialEq, Eq, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum Template {
    /// Confirms an order.
    OrderConfirmation,
    /// Announces a ready download, with its link.
    DownloadReady,
    /// Reports a failed download.
    DownloadFailed,
    /// Reminds of a download that was never fetched.
    DownloadExpiring,
    /// The studio's own words about an order.
    Message,
}

/// Record that an email is about, by exactly one of the two ids, and the words of a message.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Data {
    /// Id of an order.
    order_id: Option<Uuid>,
    /// Id of a download.
    download_id: Option<Uuid>,
    /// Subject of a message: one line.
    #[schema(
        min_length = 1,
        max_length = 150,
        pattern = r"^[^\x00-\x1f\x7f-\x9f]*[^\x00-\x1f\x7f-\x9f\s][^\x00-\x1f\x7f-\x9f]*$"
    )]
    subject: Option<String>,
    /// Text of a message: plain text, several lines.
    #[schema(
        min_length = 1,
        max_length = 10_000,
        pattern = r"^[^\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f]*[^\x00-\x1f\x7f-\x9f\s][^\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f]*$"
    )]
    text: Option<String>,
}

impl Template {
    /// Returns the name of the template.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::OrderConfirmation => "order_confirmation",
            Self::DownloadReady => "download_ready",
            Self::DownloadFailed => "download_failed",
            Self::DownloadExpiring => "download_expiring",
            Self::Message => "message",
        }
    }
}

impl Data {
    fn message(&self, template: Template) -> Result<Message, Problem> {
        let Self { order_id, download_id, subject, text: body } = self;
        for (field, given) in [("data.subject", subject), ("data.text", body)] {
            if given.is_some() && template != Template::Message {
                return Err(Problem::invalid(field, "Only a message has a subject and a text."));
            }
        }
        match (template, *order_id, *download_id) {
            (Template::OrderConfirmation, Some(order_id), None) => Ok(Message::OrderConfirmation { order_id }),
            (Template::DownloadReady, None, Some(download_id)) => Ok(Message::DownloadReady { download_id }),
            (Template::DownloadFailed, None, Some(download_id)) => Ok(Message::DownloadFailed { download_id }),
            (Template::DownloadExpiring, None, Some(download_id)) => Ok(Message::DownloadExpiring { download_id }),
            (Template::Message, Some(order_id), None) => {
                let missing = |field: &str| Problem::invalid(format!("data.{field}"), "A message needs it.");
                let subject = subject.as_deref().ok_or_else(|| missing("subject"))?;
                let body = body.as_deref().ok_or_else(|| missing("text"))?;
                let (subject, body) = (line("data.subject", subject, MAX_SUBJECT)?, text("data.text", body, MAX_TEXT)?);
                for (field, given) in [("data.subject", &subject), ("data.text", &body)] {
                    if emails::studio_text(given).is_empty() {
                        return Err(Problem::invalid(field, "It must have visible characters."));
                    }
                }
                Ok(Message::Written { order_id, subject, text: body })
            }
            _ => Err(Problem::invalid(
                "data",
                "It must be an order_id for order_confirmation and message, and a download_id for other templates.",
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
        Limited,
    ),
)]
pub async fn create(
    Caller(studio): Caller,
    Shared(state): Shared<State>,
    request: IdempotentRequest,
    Body(new): Body<NewEmail>,
) -> ApiResult<(StatusCode, Json<EmailMade>)> {
    let locale = locale("locale", new.locale.as_deref())?;
    let message = new.data.message(new.template)?;
    let made = if request.again { state.emails.get(&studio, request.id).await? } else { None };
    let email = if let Some(made) = request.made(made)? {
        made
    } else {
        pauses::refuse_to_wait(&state, QueueName::Emails, new.queue == Some(false)).await?;
        refuse_untrue(&state, &studio, &message).await?;
        limits::take(&state, &studio, Taken::Email).await?;
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
    let untrue = match message.about() {
        About::Order(id) => match state.orders.get(studio, id).await? {
            None => Some(("data.order_id", "There is no such order.")),
            Some(order) if order.is_erased() => Some(("data.order_id", "The order was erased.")),
            Some(_) => None,
        },
        About::Download(id) => {
            let download = state.downloads.get(studio, id).await?;
            contradiction(message, download.as_ref(), state.clock.now()).map(|detail| ("data.download_id", detail))
        }
        // No request names one.
        About::Webhook(_) => None,
    };
    match untrue {
        None => Ok(()),
        Some((field, detail)) => Err(Problem::invalid(field, detail).into()),
    }
}

/// Returns why an email about a download contradicts the record, if it does.
fn contradiction(message: &Message, download: Option<&Download>, now: Timestamp) -> Option<&'static str> {
    let Some(download) = download else { return Some("There is no such download.") };
    if message.is_true_of(download, now) {
        return None;
    }
    Some(match (message, download.opens(now)) {
        (Message::DownloadFailed { .. }, _) => "The download has not failed.",
        (_, Ok(())) => "The customer has fetched files of the download.",
        (_, Err(Closed::Expired)) => "The download has expired; a retry makes it anew.",
        (_, Err(Closed::Spent)) => "All downloads are used; its link opens nothing any more.",
        (_, Err(Closed::Revoked)) => "The download was revoked; its link opens nothing any more.",
        (_, Err(Closed::Failed)) => "The download has failed.",
        (_, Err(_)) => "The download is not ready.",
    })
}

/// Email to preview.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct NewPreview {
    /// Name of the template.
    template: Template,
    /// Language tag (BCP 47), `en` by default.
    #[schema(max_length = 35, pattern = "^[A-Za-z0-9]{1,8}([-_][A-Za-z0-9]{1,8})*$")]
    locale: Option<String>,
    /// Subject matter, as in `POST /emails`. Without it the preview is about an order that does not exist.
    data: Option<Data>,
}

/// Preview an email
///
/// Renders an email with the studio's profile, and sends none. Whether it would be true at this moment is not checked.
#[utoipa::path(
    post, path = "/emails/preview", tag = "emails", operation_id = "preview_email", request_body = NewPreview,
    responses((status = 200, description = "The email", body = EmailPreview)),
)]
pub async fn preview(
    Caller(studio): Caller,
    Shared(state): Shared<State>,
    Body(new): Body<NewPreview>,
) -> ApiResult<Json<EmailPreview>> {
    let locale = locale("locale", new.locale.as_deref())?;
    let message = new.data.map(|data| data.message(new.template)).transpose()?;
    let emails::Rendered { subject, text, html } =
        app::emails::preview(&state, studio, new.template.as_str(), message, Language::of(&locale)).await?;
    Ok(Json(EmailPreview { subject, text, html }))
}

/// Filter of the list of emails: one of `status` and `about`, or both.
#[derive(Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct Filter {
    /// Emails in this state.
    status: Option<EmailStatus>,
    /// Emails about this order or download. Emails about the downloads of an order are not about the order.
    about: Option<Uuid>,
    /// Number of records on the page.
    #[param(minimum = 1, maximum = 200, default = 50)]
    limit: Option<usize>,
    /// Value of `next_cursor` of the previous page.
    #[param(format = Uuid)]
    cursor: Option<String>,
}

/// List emails, newest first
///
/// By state, or by the order or download that they are about. In the first two hours after the update to this release, older
/// emails can be missing.
#[utoipa::path(
    get, path = "/emails", tag = "emails", operation_id = "list_emails", params(Filter),
    responses((status = 200, description = "A page of emails", body = EmailPage)),
)]
pub async fn list(
    Caller(studio): Caller,
    Shared(state): Shared<State>,
    Query(filter): Query<Filter>,
) -> ApiResult<Json<EmailPage>> {
    let (after, limit) = page_of::<Uuid>(filter.limit, filter.cursor.as_deref())?;
    let keep = |email: &Email| {
        filter.status.is_none_or(|status| email.status == status)
            && filter.about.is_none_or(|about| email.message.about().id() == about)
    };
    let about = filter.about.map(|about| about.to_string());
    let by = match (&about, filter.status) {
        (Some(about), _) => (ListIndex::About, about.as_str()),
        (None, Some(status)) => (ListIndex::EmailStatus, status.as_str()),
        (None, None) => return Err(Problem::invalid("status", "Give a status, or what the emails are about.").into()),
    };
    let found = state.emails.list_by(&studio, by, after, limit, keep).await?;
    Ok(Json(page(&found, |email| EmailView::from(email))))
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
