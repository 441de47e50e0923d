//! Emails.

use domain::{
    RecordError,
    email::{Email, EmailStatus, Message},
};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use uuid::Uuid;

/// An email.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
#[schema(as = Email)]
pub struct EmailView {
    /// UUIDv7, or UUIDv5 of what it speaks of.
    pub id: Uuid,
    /// Where it stands.
    pub status: EmailStatus,
    /// What it says.
    #[schema(example = "order_confirmation")]
    pub template: String,
    /// The order or download that it speaks of.
    pub about: Uuid,
    /// The one recipient; `null` once its personal data was erased.
    #[schema(format = Email)]
    pub to: Option<String>,
    /// A language tag (BCP 47).
    pub locale: String,
    /// As sent.
    pub subject: Option<String>,
    /// SES's id for it.
    pub provider_message_id: Option<String>,
    /// Tries so far.
    pub attempts: u32,
    /// SES may have sent it twice: an answer was never heard.
    pub possible_duplicate: bool,
    /// Why it failed.
    pub error: Option<RecordError>,
    /// When it was asked for.
    #[schema(value_type = String, format = DateTime)]
    pub created_at: Timestamp,
    /// When SES took it.
    #[schema(value_type = Option<String>, format = DateTime)]
    pub sent_at: Option<Timestamp>,
    /// When its personal data was erased.
    #[schema(value_type = Option<String>, format = DateTime)]
    pub erased_at: Option<Timestamp>,
}

/// An email that was asked for.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
pub struct EmailMade {
    /// The email.
    pub email: EmailView,
}

impl From<&Email> for EmailView {
    fn from(email: &Email) -> Self {
        let about = match email.message {
            Message::OrderConfirmation { order_id: id }
            | Message::DownloadReady { download_id: id }
            | Message::DownloadFailed { download_id: id } => id,
        };
        Self {
            id: email.id,
            status: email.status,
            template: email.message.template().to_owned(),
            about,
            to: email.erased_at.is_none().then(|| email.to.as_str().to_owned()),
            locale: email.locale.clone(),
            subject: email.subject.clone(),
            provider_message_id: email.provider_message_id.clone(),
            attempts: email.work.attempts,
            possible_duplicate: email.possible_duplicate,
            error: email.error.clone(),
            created_at: email.created_at,
            sent_at: email.sent_at,
            erased_at: email.erased_at,
        }
    }
}
