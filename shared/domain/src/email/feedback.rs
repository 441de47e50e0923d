//! Reports of SES about emails that it has accepted. Reports arrive late, twice and in any order, also before the reply
//! to the call that sent the email.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::{Email, EmailStatus};
use crate::{
    error::RecordError,
    job_state::{AttemptId, NotOwner},
    ses_event::{BounceType, SesEvent},
};

/// A report of SES.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Feedback {
    /// Kind of the report.
    pub event: SesEvent,
    /// Time of the event.
    pub time: Timestamp,
    /// Type of a bounce.
    pub bounce: Option<BounceType>,
    /// SES's id of the email.
    pub message_id: Option<String>,
}

/// Times of what SES has reported about an email, the earliest of each kind. Their union is the same in any order.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Reported {
    /// Acceptance by SES.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub accepted_at: Option<Timestamp>,
    /// First delay.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub delayed_at: Option<Timestamp>,
    /// Delivery.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub delivered_at: Option<Timestamp>,
    /// First bounce.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub bounced_at: Option<Timestamp>,
    /// Type of the bounce: permanent if one of several was.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub bounce: Option<BounceType>,
    /// Complaint.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub complained_at: Option<Timestamp>,
    /// Rejection by SES's virus scanner.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub rejected_at: Option<Timestamp>,
}

impl Reported {
    /// Returns whether nothing was reported.
    pub fn is_empty(&self) -> bool {
        *self == Self::default()
    }

    /// Returns the status of an email that SES has accepted.
    ///
    /// A permanent bounce overrides a delivery, because some servers accept emails first. A transient one does not: absence
    /// notes come as bounces after the delivery.
    pub fn status(&self) -> EmailStatus {
        if self.complained_at.is_some() {
            EmailStatus::Complained
        } else if self.rejected_at.is_some() {
            EmailStatus::Failed
        } else if self.bounce == Some(BounceType::Permanent) {
            EmailStatus::Bounced
        } else if self.delivered_at.is_some() {
            EmailStatus::Delivered
        } else if self.bounced_at.is_some() {
            EmailStatus::Bounced
        } else {
            EmailStatus::Sent
        }
    }

    /// Returns whether emails to this address are useless: it does not exist, or its owner wants none.
    pub fn is_undeliverable(&self) -> bool {
        self.complained_at.is_some() || self.bounce == Some(BounceType::Permanent)
    }

    fn add(&mut self, feedback: &Feedback) {
        let Feedback { event, time, bounce, .. } = feedback;
        let at = match event {
            SesEvent::Send => &mut self.accepted_at,
            SesEvent::Delivery => &mut self.delivered_at,
            SesEvent::DeliveryDelay => &mut self.delayed_at,
            SesEvent::Bounce => {
                self.bounce = self.bounce.max(Some(bounce.unwrap_or(BounceType::Transient)));
                &mut self.bounced_at
            }
            SesEvent::Complaint => &mut self.complained_at,
            SesEvent::Reject => &mut self.rejected_at,
        };
        *at = Some(at.map_or(*time, |known| known.min(*time)));
    }
}

impl Email {
    /// Records a report of SES. It proves that SES has accepted the email, so a send whose reply was lost has worked.
    ///
    /// A worker that still holds the lease completes the email itself.
    pub fn hear(&mut self, feedback: &Feedback, now: Timestamp) {
        if self.erased_at.is_some() {
            return;
        }
        self.reported.add(feedback);
        let is_at_work = self.work.lease_until.is_some_and(|until| until > now);
        match self.status {
            EmailStatus::Sending | EmailStatus::Queued if is_at_work => return self.take_message_id(feedback),
            // SES has refused it, or nobody wanted it any more. Another email has this report.
            EmailStatus::Failed if !self.unheard && self.sent_at.is_none() => return,
            EmailStatus::Suppressed if !self.unheard => return,
            _ => {}
        }
        self.take_message_id(feedback);
        self.complete_by_report(feedback.time);
    }

    /// Takes SES's message id from a report, unless SES's reply has told it.
    fn take_message_id(&mut self, feedback: &Feedback) {
        if self.provider_message_id.is_none() {
            self.provider_message_id.clone_from(&feedback.message_id);
        }
    }

    /// Completes an email whose reply was lost, if a report has come while its worker was at work. Returns whether one has.
    pub fn complete_if_reported(&mut self, by: AttemptId, now: Timestamp) -> Result<bool, NotOwner> {
        self.work.check(by)?;
        let is_sent = self.status == EmailStatus::Sending && !self.reported.is_empty();
        if is_sent {
            self.complete_by_report(now);
        }
        Ok(is_sent)
    }

    fn complete_by_report(&mut self, time: Timestamp) {
        if self.sent_at.is_none() {
            self.sent_at = self.reported.accepted_at.or(Some(time));
        }
        self.unheard = false;
        self.error = None;
        self.work.gave_up = false;
        self.work.succeed();
        self.settle_reported();
    }

    /// Sets the status of an email that SES has accepted.
    pub(super) fn settle_reported(&mut self) {
        self.status = self.reported.status();
        if self.status == EmailStatus::Failed {
            self.error = Some(RecordError::new("refused_by_ses", "SES has found a virus in the email."));
        }
    }
}
