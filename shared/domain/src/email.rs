//! An email: what it says, to whom, and what SES answered.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::{
    download::{Download, DownloadStatus},
    email_address::EmailAddress,
    error::RecordError,
    job::follow_up_id,
    job_state::{Claim, JobState, MAX_TRIES_EMAIL, NotAgain, NotOwner, TryId},
    order::{Customer, Order},
    studio::Studio,
};

/// What an email speaks of. It holds ids, not text: what it says is read from the records at sending, when it is true.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "template", content = "data", rename_all = "snake_case", deny_unknown_fields)]
pub enum Message {
    /// Thanks for the order.
    OrderConfirmation {
        /// Of which order.
        order_id: Uuid,
    },
    /// The archive is ready, here is the link.
    DownloadReady {
        /// Of which download.
        download_id: Uuid,
    },
    /// The archive could not be made.
    DownloadFailed {
        /// Of which download.
        download_id: Uuid,
    },
}

impl Message {
    /// The order that it names, if it names one itself.
    pub fn order(&self) -> Option<Uuid> {
        if let Self::OrderConfirmation { order_id } = self { Some(*order_id) } else { None }
    }

    /// The download that it names.
    pub fn download(&self) -> Option<Uuid> {
        match self {
            Self::OrderConfirmation { .. } => None,
            Self::DownloadReady { download_id } | Self::DownloadFailed { download_id } => Some(*download_id),
        }
    }

    /// The template's name.
    pub fn template(&self) -> &'static str {
        match self {
            Self::OrderConfirmation { .. } => "order_confirmation",
            Self::DownloadReady { .. } => "download_ready",
            Self::DownloadFailed { .. } => "download_failed",
        }
    }
}

/// Where an email stands: `queued`, `sending`, then `sent` once SES took it; `failed`, and `error` says why; `suppressed` where
/// what it was to say was no longer so.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "snake_case")]
pub enum EmailStatus {
    /// To be sent.
    Queued,
    /// A worker holds it, and SES may have it already.
    Sending,
    /// SES took it.
    Sent,
    /// SES refused it, or the tries are spent.
    Failed,
    /// What it was to say was no longer so when it was its turn: not sent.
    Suppressed,
}

/// The record.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Email {
    /// Owner.
    pub studio: Studio,
    /// UUIDv7, or UUIDv5 of what it speaks of.
    pub id: Uuid,
    /// Where it stands.
    pub status: EmailStatus,
    /// What it speaks of.
    #[serde(flatten)]
    pub message: Message,
    /// The one recipient.
    pub to: EmailAddress,
    /// BCP 47.
    pub locale: String,
    /// As sent.
    pub subject: Option<String>,
    /// SES's id for it.
    pub provider_message_id: Option<String>,
    /// SES may have sent it twice: a reply never came, and it was sent once more.
    pub possible_duplicate: bool,
    /// It failed while nobody had heard whether SES took it: tried again, it may arrive twice.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub unheard: bool,
    /// Why it failed.
    pub error: Option<RecordError>,
    /// Tries, owner, lease.
    pub work: JobState,
    /// When the record was made.
    pub created_at: Timestamp,
    /// When SES took it.
    pub sent_at: Option<Timestamp>,
    /// When its personal data was erased.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub erased_at: Option<Timestamp>,
}

impl Email {
    /// An email to be sent.
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
            sent_at: None,
            erased_at: None,
        }
    }

    /// The email that tells how a download ended; `None` where there is nothing to tell, or nobody is to be told. Its id
    /// follows from the download's, so that a repeated step sends no second one.
    pub fn telling_of(download: &Download, order: &Order, now: Timestamp) -> Option<Self> {
        let (id, message) = told_by(download)?;
        let Customer { email, locale, .. } = order.customer.clone();
        Some(Self::new(download.studio.clone(), id, message, email, locale, now))
    }

    /// The id of that email.
    pub fn id_telling_of(download: &Download) -> Option<Uuid> {
        told_by(download).map(|(id, _)| id)
    }

    /// The ids of all emails that can have told how a build of the download ended.
    pub fn ids_telling_of_builds(download: &Download) -> impl Iterator<Item = Uuid> {
        let parent = download.id;
        let ids =
            move |build| ["download_ready", "download_failed"].map(|template| follow_up_id(parent, template, build));
        (1..=download.build).flat_map(ids)
    }

    /// A worker asks for it. Finding it `Sending` with nobody holding it means that SES's answer was never heard.
    pub fn claim(&mut self, by: TryId, now: Timestamp, lease_until: Timestamp) -> Claim {
        match self.status {
            EmailStatus::Failed if self.work.gave_up => return Claim::Exhausted,
            EmailStatus::Sent | EmailStatus::Failed | EmailStatus::Suppressed => {
                return Claim::Done;
            }
            _ if self.work.held_at(now, by) => {
                return Claim::Held { until: self.work.lease_until.unwrap_or(now) };
            }
            // One resend at most: a second unheard answer fails the email rather than risk a third copy.
            EmailStatus::Sending if self.possible_duplicate => return Claim::Exhausted,
            _ if self.work.exhausted(MAX_TRIES_EMAIL) => return Claim::Exhausted,
            EmailStatus::Sending | EmailStatus::Queued => {}
        }
        self.error = None;
        self.work.claim(by, lease_until);
        Claim::Claimed
    }

    /// Written before SES is called: from here on SES may have it. Where nobody heard what became of an earlier call, it
    /// may have it twice.
    pub fn begin_sending(&mut self, by: TryId) -> Result<(), NotOwner> {
        self.work.check(by)?;
        self.possible_duplicate |= self.status == EmailStatus::Sending;
        self.status = EmailStatus::Sending;
        Ok(())
    }

    /// SES said that it did not take it.
    pub fn not_sent(&mut self, by: TryId) -> Result<(), NotOwner> {
        self.work.check(by)?;
        self.status = EmailStatus::Queued;
        Ok(())
    }

    /// What it says is no longer so, and nobody is to be told.
    pub fn suppress(&mut self, by: TryId, reason: RecordError) -> Result<(), NotOwner> {
        self.work.check(by)?;
        self.status = EmailStatus::Suppressed;
        self.error = Some(reason);
        self.work.succeed();
        Ok(())
    }

    /// SES took it.
    pub fn complete(&mut self, by: TryId, now: Timestamp, subject: String, message_id: String) -> Result<(), NotOwner> {
        self.work.check(by)?;
        self.status = EmailStatus::Sent;
        self.subject = Some(subject);
        self.provider_message_id = Some(message_id);
        self.sent_at = Some(now);
        self.work.succeed();
        Ok(())
    }

    /// Removes the personal data. An email that was not sent yet is suppressed; one that SES may have stays marked as `unheard`.
    pub fn erase(&mut self, now: Timestamp) {
        if self.erased_at.is_some() {
            return;
        }
        self.unheard |= self.status == EmailStatus::Sending;
        match self.status {
            EmailStatus::Queued | EmailStatus::Sending | EmailStatus::Failed => {
                self.status = EmailStatus::Suppressed;
                self.error = Some(RecordError::new("erased", "Its personal data was erased before it was sent."));
            }
            EmailStatus::Sent | EmailStatus::Suppressed => {}
        }
        self.to = EmailAddress::erased();
        self.subject = None;
        self.provider_message_id = None;
        self.work.settle();
        self.work.cause = None;
        self.erased_at = Some(now);
    }

    /// It has failed for good.
    pub fn fail(&mut self) {
        self.unheard = self.status == EmailStatus::Sending;
        self.status = EmailStatus::Failed;
    }

    /// It failed, and is to be sent all the same. What SES may have already is flagged.
    pub fn restart(&mut self, now: Timestamp, ordered_by: Option<Uuid>) -> Result<(), NotAgain> {
        let work = self.work.sent_again(now, ordered_by)?;
        match self.status {
            EmailStatus::Queued | EmailStatus::Sending => return Err(NotAgain::UnderWay),
            EmailStatus::Sent | EmailStatus::Suppressed => return Err(NotAgain::Impossible),
            EmailStatus::Failed => {}
        }
        self.work = work;
        self.status = EmailStatus::Queued;
        self.possible_duplicate |= std::mem::take(&mut self.unheard);
        self.error = None;
        Ok(())
    }
}

/// What an email tells of a download, and its id; `None` while there is nothing to tell, or where nobody is to be told.
fn told_by(download: &Download) -> Option<(Uuid, Message)> {
    let (message, build) = match download.status {
        DownloadStatus::Ready => (Message::DownloadReady { download_id: download.id }, download.build),
        // However often operators try: of builds that fail one after another the first is told.
        DownloadStatus::Failed => {
            (Message::DownloadFailed { download_id: download.id }, download.failure_told.unwrap_or(download.build))
        }
        _ => return None,
    };
    let id = follow_up_id(download.id, message.template(), build);
    download.notify.then_some((id, message))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{job_record::JobRecord as _, job_state::Fate};

    fn queued() -> Email {
        let message = Message::OrderConfirmation { order_id: Uuid::nil() };
        let (studio, to) = ("anna".parse().expect("valid"), "eva@example.com".parse().expect("valid"));
        Email::new(studio, Uuid::nil(), message, to, "en".into(), Timestamp::UNIX_EPOCH)
    }

    #[test]
    fn erased_email_keeps_no_address_and_is_not_sent() {
        let at = |second| Timestamp::from_second(second).expect("in range");
        let mut queued = queued();
        let by = TryId(Uuid::from_u128(3));
        assert_eq!(queued.claim(by, at(0), at(60)), Claim::Claimed);
        let mut sent = queued.clone();
        sent.begin_sending(by).expect("its own");
        let mut sending = sent.clone();
        sent.complete(by, at(1), "Order 2026-1017".into(), "ses-id".into()).expect("its own");
        let mut failed = queued.clone();
        failed
            .record_failure(by, at(1), Fate::GaveUp, Some(RecordError::new("tries_exhausted", "x")))
            .expect("its own");
        failed.work.cause = Some("SES refused it".into());
        for (email, status) in [
            (&mut queued, EmailStatus::Suppressed),
            (&mut sending, EmailStatus::Suppressed),
            (&mut failed, EmailStatus::Suppressed),
            (&mut sent, EmailStatus::Sent),
        ] {
            email.erase(at(2));
            assert_eq!((email.status, email.erased_at), (status, Some(at(2))));
            let json = serde_json::to_string(email).expect("serializes");
            for personal in ["eva", "example.com", "2026-1017", "ses-id", "SES refused"] {
                assert!(!json.contains(personal), "{json}");
            }
            assert_eq!(email.claim(TryId(Uuid::from_u128(4)), at(3), at(60)), Claim::Done);
            assert_eq!(email.restart(at(3), None), Err(NotAgain::Impossible));
            assert_eq!(
                email.complete(by, at(3), "late".into(), "late".into()),
                Err(NotOwner),
                "a late sender is fenced off"
            );
        }
        assert!(sending.unheard && !queued.unheard);
    }

    #[test]
    fn the_one_more_time_that_an_unheard_email_is_sent_is_spent_by_sending() {
        let at = |second| Timestamp::from_second(second).expect("in range");
        let again = |counted| if counted { Fate::Again { due_at: at(50) } } else { Fate::Waits { due_at: at(50) } };
        let mut email = queued();
        let claim = |email: &mut Email| {
            let by = TryId(Uuid::from_u128(5));
            (by, email.claim(by, at(0), at(60)))
        };
        let (by, _) = claim(&mut email);
        email.begin_sending(by).expect("its own");
        email.record_failure(by, at(1), again(true), None).expect("its own");
        assert!(!email.possible_duplicate, "only one was sent");

        // The second try comes to nothing before SES is called.
        let (by, claimed) = claim(&mut email);
        assert_eq!(claimed, Claim::Claimed);
        email.record_failure(by, at(2), again(false), None).expect("its own");

        let (by, claimed) = claim(&mut email);
        assert_eq!(claimed, Claim::Claimed);
        email.begin_sending(by).expect("its own");
        assert!(email.possible_duplicate);
        email.record_failure(by, at(3), again(false), None).expect("its own");
        assert_eq!(claim(&mut email).1, Claim::Exhausted, "no third copy");
    }
}
