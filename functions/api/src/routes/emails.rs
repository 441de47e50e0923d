//! Mails that a shop asks for.

use axum::{Json, extract::State as Shared};
use http::StatusCode;
use serde::Deserialize;
use serde_json::{Value, json};
use shared::{
    Job,
    email::{Email, Message},
    email_address::EmailAddress,
};
use uuid::Uuid;

use crate::{
    body::{Body, Id, locale},
    identity::Caller,
    problem::{ApiResult, Problem},
    state::State,
};

/// Which template, to whom, about what.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub struct NewEmail {
    template: String,
    to: EmailAddress,
    locale: Option<String>,
    data: Value,
}

const TEMPLATES: [&str; 3] = ["order_confirmation", "download_ready", "download_failed"];

/// POST /emails
pub async fn create(
    Caller(studio): Caller,
    Shared(state): Shared<State>,
    Body(new): Body<NewEmail>,
) -> ApiResult<(StatusCode, Json<Value>)> {
    if !TEMPLATES.contains(&new.template.as_str()) {
        return Err(Problem::invalid("template", format!("It must be one of {}.", TEMPLATES.join(", "))).into());
    }
    let locale = locale("locale", new.locale.as_deref())?;
    let message: Message = serde_json::from_value(json!({ "template": new.template, "data": new.data }))
        .map_err(|error| Problem::invalid("data", error.to_string()))?;
    let known = match &message {
        Message::OrderConfirmation { order_id } => state.orders.get(&studio, *order_id).await?.is_some(),
        Message::DownloadReady { download_id } | Message::DownloadFailed { download_id } => {
            state.downloads.get(&studio, *download_id).await?.is_some()
        }
    };
    if !known {
        return Err(Problem::invalid("data", "It names no order or download of this studio.").into());
    }
    let email = Email::new(studio, Uuid::now_v7(), message, new.to, locale, state.clock.now());
    state.emails.create(&email).await?;
    state.email_queue.send(&Job::SendEmail { studio: email.studio.clone(), email: email.id }).await?;
    Ok((StatusCode::ACCEPTED, Json(json!({ "email": view(&email) }))))
}

/// GET /emails/{id}
pub async fn show(Caller(studio): Caller, Shared(state): Shared<State>, Id(id): Id) -> ApiResult<Json<Value>> {
    let email = state.emails.get(&studio, id).await?.ok_or_else(|| Problem::not_found("mail"))?;
    Ok(Json(view(&email)))
}

fn view(email: &Email) -> Value {
    json!({
        "id": email.id,
        "status": email.status,
        "template": email.message.template(),
        "about": about(&email.message),
        "to": email.to,
        "locale": email.locale,
        "subject": email.subject,
        "provider_message_id": email.provider_message_id,
        "attempts": email.work.attempts,
        "possible_duplicate": email.possible_duplicate,
        "error": email.error,
        "created_at": email.created_at,
        "sent_at": email.sent_at,
    })
}

fn about(message: &Message) -> Uuid {
    match message {
        Message::OrderConfirmation { order_id: id }
        | Message::DownloadReady { download_id: id }
        | Message::DownloadFailed { download_id: id } => *id,
    }
}
