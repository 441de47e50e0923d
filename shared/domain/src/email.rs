//! An email: template, recipient, and the result from SES.

mod feedback;
mod message;
mod subject;

use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::{
    download::{Download, DownloadStatus},
    email_address::EmailAddress,
    error::RecordError,
    job::follow_up_id,
    job_state::{AttemptId, Claim, GRACE, JobState, MAX_ATTEMPTS_EMAIL, NotOwner, RestartError},
    order::Order,
    studio::Studio,
};

pub use self::{
    feedback::{Feedback, Reported},
    message::{About, Message},
    subject::EmailSubject,
};

/// Time for which an email whose reply was lost waits for SES's report that it was accepted. EventBridge delivers most reports
/// within seconds.
pub const REPORT_WAIT: SignedDuration = SignedDuration::from_mins(10);

/// Status of an email.
///
/// An email is `queued`, `sending`, and `sent` after SES has accepted it. Reports of SES make it `delivered`, `bounced` or
/// `complained`. It is `failed` if it could not be sent; `error` gives the reason. It is `suppressed` if the record changed
/// before the email was due.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "snake_case")]
pub enum EmailStatus {
    /// Waiting for a worker.
    Queued,
    /// A worker is sending the email; SES may have it already.
    Sending,
    /// SES has accepted the email.
    Sent,
    /// The recipient's server has accepted the email.
    Delivered,
    /// The recipient's server has refused the email.
    Bounced,
    /// The recipient has marked the email as spam.
    Complained,
    /// SES has rejected the email, or all attempts have failed.
    Failed,
    /// Not sent: the record changed before the email was due.
    Suppressed,
}

/// Record of an email.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Email {
    /// Studio of the email.
    pub studio: Studio,
    /// Id of the email: a UUIDv7, or a UUIDv5 derived from the order or download.
    pub id: Uuid,
    /// Status of the email.
    pub status: EmailStatus,
    /// Subject matter of the email.
    #[serde(flatten)]
    pub message: Message,
    /// Address of the recipient.
    pub to: EmailAddress,
    /// Language tag (BCP 47).
    pub locale: String,
    /// Subject as sent.
    pub subject: Option<String>,
    /// Message id that SES assigned.
    pub provider_message_id: Option<String>,
    /// Whether SES may have sent the email twice, because a response was lost and the email was sent again.
    pub possible_duplicate: bool,
    /// Whether the email failed after a response of SES was lost. A retry may then send it twice.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub unheard: bool,
    /// Reason of the failure.
    pub error: Option<RecordError>,
    /// Attempts, owner and lease.
    pub work: JobState,
    /// Time at which the record was created.
    pub created_at: Timestamp,
    /// Time until which SES's report may prove that the last call sent the email.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reports_until: Option<Timestamp>,
    /// Time at which SES accepted the email.
    pub sent_at: Option<Timestamp>,
    /// Reports of SES since.
    #[serde(default, skip_serializing_if = "Reported::is_empty")]
    pub reported: Reported,
    /// Time at which the personal data was erased.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub erased_at: Option<Timestamp>,
}

impl EmailStatus {
    /// Returns the status as written in records and responses.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Queued => "queued",
            Self::Sending => "sending",
            Self::Sent => "sent",
            Self::Delivered => "delivered",
            Self::Bounced => "bounced",
            Self::Complained => "complained",
            Self::Failed => "failed",
            Self::Suppressed => "suppressed",
        }
    }

    /// Returns whether SES has accepted the email.
    pub fn is_accepted(self) -> bool {
        matches!(self, Self::Sent | Self::Delivered | Self::Bounced | Self::Complained)
    }
}

impl Email {
    /// Creates an email to send.
    pub fn new(studio: Studio, id: Uuid, message: Message, to: EmailAddress, locale: String, now: Timestamp) -> Self {
        Self {
            studio,
            id,
            status: EmailStatus::Queued,
            message,
            to,
            locale,
            subject: None,
            provider_message_id: None,
            possible_duplicate: false,
            unheard: false,
            error: None,
            work: JobState::sent(now),
            created_at: now,
            reports_until: None,
            sent_at: None,
            reported: Reported::default(),
            erased_at: None,
        }
    }

    /// Returns the email about the result of a download; `None` if there is no result yet, or no email is requested.
    /// Its id is derived from the download's, so that a repeated step sends no second email.
    pub fn telling_of(download: &Download, order: &Order, now: Timestamp) -> Option<Self> {
        let (id, message) = told_by(download)?;
        Some(Self::about_download(download, order, id, message, now))
    }

    /// Returns the reminder of a download. Its id is derived from the download's, so that a repeated step sends no second one.
    pub fn reminding_of(download: &Download, order: &Order, now: Timestamp) -> Self {
        let message = Message::DownloadExpiring { download_id: download.id };
        let id = follow_up_id(download.id, message.template(), download.build);
        Self::about_download(download, order, id, message, now)
    }

    /// Returns the email that tells the studio of a webhook that was disabled at this time. Its id is derived, so that a
    /// repeated step sends no second one.
    pub fn about_disabled(
        (studio, webhook): (&Studio, Uuid),
        disabled_at: Timestamp,
        to: EmailAddress,
        locale: String,
        now: Timestamp,
    ) -> Self {
        let message = Message::WebhookDisabled { webhook_id: webhook };
        let id = Uuid::new_v5(&webhook, format!("{}/{disabled_at}", message.template()).as_bytes());
        Self::new(studio.clone(), id, message, to, locale, now)
    }

    fn about_download(download: &Download, order: &Order, id: Uuid, message: Message, now: Timestamp) -> Self {
        let (to, locale) = (download.address(order).clone(), order.customer.locale.clone());
        Self::new(download.studio.clone(), id, message, to, locale, now)
    }

    /// Returns the id of the email about the result of a download.
    pub fn id_telling_of(download: &Download) -> Option<Uuid> {
        told_by(download).map(|(id, _)| id)
    }

    /// Returns the ids of all emails that may exist about builds of the download.
    pub fn ids_telling_of_builds(download: &Download) -> impl Iterator<Item = Uuid> {
        let parent = download.id;
        let ids = move |build| {
            ["download_ready", "download_failed", "download_expiring"]
                .map(|template| follow_up_id(parent, template, build))
        };
        (1..=download.build).flat_map(ids)
    }

    /// Claims the email. `Sending` without a lease means that a response of SES was lost: nobody gets the email while
    /// SES's report may still prove that it was sent.
    pub fn claim(&mut self, by: AttemptId, now: Timestamp, lease_until: Timestamp) -> Claim {
        match self.status {
            EmailStatus::Failed if self.work.gave_up => return Claim::Exhausted,
            EmailStatus::Failed | EmailStatus::Suppressed => return Claim::Done,
            accepted if accepted.is_accepted() => return Claim::Done,
            _ if self.work.is_leased_at(now, by) => {
                return Claim::Leased { until: self.work.lease_until.unwrap_or(now) };
            }
            // A report came while the last worker was at work. It proves that the email was sent.
            EmailStatus::Sending if !self.reported.is_empty() => {}
            EmailStatus::Sending if self.reports_until.is_some_and(|until| until > now) => {
                return Claim::Leased { until: self.reports_until.unwrap_or(now) };
            }
            // At most one email is sent again: a second lost response fails the email, rather than risk a third copy.
            EmailStatus::Sending if self.possible_duplicate => return Claim::Exhausted,
            _ if self.work.exhausted(MAX_ATTEMPTS_EMAIL) => return Claim::Exhausted,
            _ => {}
        }
        self.error = None;
        self.work.claim(by, lease_until);
        Claim::Claimed
    }

    /// Marks the email as sending, before SES is called. From here on SES may have the email. If the response of an
    /// earlier call was lost, SES may have it twice. SES's report, which does not tell the subject, may come for `wait`,
    /// usually [`REPORT_WAIT`].
    pub fn begin_sending(
        &mut self,
        by: AttemptId,
        now: Timestamp,
        wait: SignedDuration,
        subject: &str,
    ) -> Result<(), NotOwner> {
        self.work.check(by)?;
        self.subject = Some(subject.to_owned());
        self.possible_duplicate |= self.status == EmailStatus::Sending;
        self.status = EmailStatus::Sending;
        self.reports_until = now.checked_add(wait).ok();
        Ok(())
    }

    /// Releases the email for another attempt. One whose reply was lost is not due before SES's report may have come.
    pub fn release(&mut self) {
        let is_awaited = self.status == EmailStatus::Sending && self.reported.is_empty();
        let until = self.reports_until.filter(|_| is_awaited);
        let due_at = until.and_then(|until| until.checked_add(GRACE).ok());
        self.work.due_at = self.work.due_at.max(due_at);
    }

    /// Marks the email as not sent, because SES rejected it.
    pub fn not_sent(&mut self, by: AttemptId) -> Result<(), NotOwner> {
        self.work.check(by)?;
        self.status = EmailStatus::Queued;
        self.subject = None;
        Ok(())
    }

    /// Suppresses the email because the record has changed. One whose reply was lost stays marked as `unheard`: SES's report
    /// may still prove that it was sent.
    pub fn suppress(&mut self, by: AttemptId, reason: RecordError) -> Result<(), NotOwner> {
        self.work.check(by)?;
        self.unheard |= self.status == EmailStatus::Sending;
        self.status = EmailStatus::Suppressed;
        self.error = Some(reason);
        self.work.succeed();
        Ok(())
    }

    /// Marks the email as accepted by SES.
    pub fn complete(&mut self, by: AttemptId, now: Timestamp, message_id: String) -> Result<(), NotOwner> {
        self.work.check(by)?;
        self.provider_message_id = Some(message_id);
        self.sent_at = Some(now);
        self.work.succeed();
        // Reports may have come before the reply.
        self.settle_reported();
        Ok(())
    }

    /// Removes the personal data. An unsent email is suppressed; one that SES may have stays marked as `unheard`.
    pub fn erase(&mut self, now: Timestamp) {
        if self.erased_at.is_some() {
            return;
        }
        self.unheard |= self.status == EmailStatus::Sending;
        match self.status {
            EmailStatus::Queued | EmailStatus::Sending | EmailStatus::Failed => {
                self.status = EmailStatus::Suppressed;
                self.error =
                    Some(RecordError::new("erased", "The email's personal data was erased before it was sent."));
            }
            _ => {}
        }
        self.to = EmailAddress::erased();
        self.subject = None;
        self.message.erase();
        self.provider_message_id = None;
        self.work.settle();
        self.work.gave_up = false;
        self.work.erase();
        self.erased_at = Some(now);
    }

    /// Marks the email as failed for good.
    pub fn fail(&mut self) {
        self.unheard = self.status == EmailStatus::Sending;
        self.status = EmailStatus::Failed;
    }

    /// Restarts a failed email. `possible_duplicate` marks one that SES may already have.
    pub fn restart(&mut self, now: Timestamp, requested_by: Option<Uuid>) -> Result<(), RestartError> {
        let work = self.work.restarted(now, requested_by)?;
        match self.status {
            EmailStatus::Queued | EmailStatus::Sending => return Err(RestartError::UnderWay),
            EmailStatus::Failed if self.reported.rejected_at.is_none() => {}
            _ => return Err(RestartError::Impossible),
        }
        self.work = work;
        self.status = EmailStatus::Queued;
        self.possible_duplicate |= std::mem::take(&mut self.unheard);
        self.error = None;
        Ok(())
    }
}

/// Returns the message about a download and the email's id; `None` if there is no result yet, or no email is requested.
fn told_by(download: &Download) -> Option<(Uuid, Message)> {
    let (message, build) = match download.status {
        DownloadStatus::Ready => (Message::DownloadReady { download_id: download.id }, download.build),
        // Of consecutive failed builds, only the first causes an email.
        DownloadStatus::Failed => {
            (Message::DownloadFailed { download_id: download.id }, download.failure_told.unwrap_or(download.build))
        }
        _ => return None,
    };
    let id = follow_up_id(download.id, message.template(), build);
    download.notify.then_some((id, message))
}

#[cfg(test)]
mod tests;
