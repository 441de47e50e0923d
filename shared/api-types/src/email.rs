//! Emails.

use domain::{
    RecordError,
    email::{Email, EmailStatus},
    ses_event::BounceType,
    suppression::SuppressionReason,
};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use uuid::Uuid;

/// An email.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
#[schema(as = Email)]
pub struct EmailView {
    /// Id of the email: a UUIDv7, or a UUIDv5 derived from the order or download.
    pub id: Uuid,
    /// State of the email.
    pub status: EmailStatus,
    /// Name of the template.
    #[schema(example = "order_confirmation")]
    pub template: String,
    /// Id of the order or download that the email is about.
    pub about: Uuid,
    /// Address of the recipient; `null` after the personal data was erased.
    #[schema(format = Email)]
    pub to: Option<String>,
    /// Language tag (BCP 47).
    pub locale: String,
    /// Subject as sent.
    pub subject: Option<String>,
    /// Message id that SES assigned.
    pub provider_message_id: Option<String>,
    /// Number of attempts so far.
    pub attempts: u32,
    /// Whether SES may have sent the email twice, because a response of SES was lost.
    pub possible_duplicate: bool,
    /// Reason of the failure.
    pub error: Option<RecordError>,
    /// Time of the request.
    #[schema(value_type = String, format = DateTime)]
    pub created_at: Timestamp,
    /// Time at which SES accepted the email.
    #[schema(value_type = Option<String>, format = DateTime)]
    pub sent_at: Option<Timestamp>,
    /// Time at which the recipient's server first postponed the email.
    #[schema(value_type = Option<String>, format = DateTime)]
    pub delayed_at: Option<Timestamp>,
    /// Time at which the recipient's server accepted the email.
    #[schema(value_type = Option<String>, format = DateTime)]
    pub delivered_at: Option<Timestamp>,
    /// Time of the bounce.
    #[schema(value_type = Option<String>, format = DateTime)]
    pub bounced_at: Option<Timestamp>,
    /// Type of the bounce. After a permanent one no email reaches the address; a transient one can follow a delivery, such as
    /// an absence note.
    pub bounce: Option<BounceType>,
    /// Time at which the recipient marked the email as spam.
    #[schema(value_type = Option<String>, format = DateTime)]
    pub complained_at: Option<Timestamp>,
    /// Time at which the personal data was erased.
    #[schema(value_type = Option<String>, format = DateTime)]
    pub erased_at: Option<Timestamp>,
}

/// A requested email.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
pub struct EmailMade {
    /// The email.
    pub email: EmailView,
}

/// A requested email about a download.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
pub struct NotifyMade {
    /// The email; `null` while the download is not ready. It is then sent when the download is.
    pub email: Option<EmailView>,
}

/// A lifted suppression.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
pub struct SuppressionLifted {
    /// Reason why the studio's emails did not go to the address; `null` if they did.
    pub reason: Option<SuppressionReason>,
    /// Time of the report that caused it.
    #[schema(value_type = Option<String>, format = DateTime)]
    pub since: Option<Timestamp>,
    /// Whether the address was on the suppression list of the SES account.
    pub by_ses: bool,
}

/// An email as it would be sent.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
pub struct EmailPreview {
    /// Subject, one line.
    pub subject: String,
    /// Body in plain text.
    pub text: String,
    /// Body in HTML.
    pub html: String,
}

impl From<&Email> for EmailView {
    fn from(email: &Email) -> Self {
        Self {
            id: email.id,
            status: email.status,
            template: email.message.template().to_owned(),
            about: email.message.about().id(),
            to: email.erased_at.is_none().then(|| email.to.as_str().to_owned()),
            locale: email.locale.clone(),
            subject: email.subject.clone(),
            provider_message_id: email.provider_message_id.clone(),
            attempts: email.work.attempts,
            possible_duplicate: email.possible_duplicate,
            error: email.error.clone(),
            created_at: email.created_at,
            sent_at: email.sent_at,
            delayed_at: email.reported.delayed_at,
            delivered_at: email.reported.delivered_at,
            bounced_at: email.reported.bounced_at,
            bounce: email.reported.bounce,
            complained_at: email.reported.complained_at,
            erased_at: email.erased_at,
        }
    }
}
