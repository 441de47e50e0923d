//! Delivery of an event to a webhook, with its attempts over three days.

use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use super::Webhook;
use crate::{
    error::RecordError,
    event::{Event, EventType},
    job_state::{AttemptId, Claim, GRACE, JobState, MAX_ATTEMPTS_DELIVERY, NotOwner, RestartError},
    record::{ListIndex, Record, position},
    studio::Studio,
};

/// Waits before the attempts after the first: three days together.
pub const RETRIES: [SignedDuration; 9] = [
    SignedDuration::from_secs(5),
    SignedDuration::from_secs(60),
    SignedDuration::from_secs(5 * 60),
    SignedDuration::from_secs(30 * 60),
    SignedDuration::from_hours(2),
    SignedDuration::from_hours(6),
    SignedDuration::from_hours(12),
    SignedDuration::from_hours(24),
    SignedDuration::from_hours(24),
];
/// Number of attempts, including the first.
pub const MAX_ATTEMPTS: usize = RETRIES.len() + 1;
/// Part of a wait that is added to it at random, so that attempts after an outage of a shop do not come together.
const JITTER: f64 = 0.1;
/// Longest delay of a message of SQS. After longer waits the sweep sends the job.
const LONGEST_DELAY: SignedDuration = SignedDuration::from_secs(900);
/// Time by which a job may come too early: clocks differ, and SQS's delays are rounded.
const EARLY: SignedDuration = SignedDuration::from_secs(2);
/// Time for which deliveries are kept.
const KEPT: SignedDuration = SignedDuration::from_hours(30 * 24);

/// Status of a delivery.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "snake_case")]
pub enum DeliveryStatus {
    /// Waiting for its first or next attempt.
    Pending,
    /// The shop answered with a status of 200 to 299.
    Delivered,
    /// The shop did not accept the event in any attempt, or the webhook was disabled or deleted.
    Failed,
}

impl DeliveryStatus {
    /// Returns the status as written in records and responses.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Pending => "pending",
            Self::Delivered => "delivered",
            Self::Failed => "failed",
        }
    }
}

/// Outcome of an attempt: the status of the shop's answer, or the reason why there is none.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Answer {
    /// HTTP status of the answer.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub status: Option<u16>,
    /// Code and sentence of an attempt without answer.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub error: Option<RecordError>,
}

impl Answer {
    /// Returns an answer with this status.
    pub fn of(status: u16) -> Self {
        Self { status: Some(status), error: None }
    }

    /// Returns the outcome of an attempt without answer.
    pub fn missing(code: &str, message: &str) -> Self {
        Self { status: None, error: Some(RecordError::new(code, message)) }
    }

    /// Returns whether the shop has accepted the event.
    pub fn is_success(&self) -> bool {
        self.status.is_some_and(|status| (200..300).contains(&status))
    }

    /// Returns whether the shop wants no more events.
    pub fn is_gone(&self) -> bool {
        self.status == Some(410)
    }
}

/// The last attempt.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct LastAttempt {
    /// End of the attempt.
    pub at: Timestamp,
    /// Its outcome.
    #[serde(flatten)]
    pub answer: Answer,
}

/// Record of a delivery.
///
/// A shop that does not answer is no failure of ours: [`Record::failed_at`] stays `None`, and the studio sees the delivery.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Delivery {
    /// Studio of the delivery.
    pub studio: Studio,
    /// Id, derived from event and webhook.
    pub id: Uuid,
    /// Id of the webhook.
    pub webhook: Uuid,
    /// Id of the event.
    pub event: Uuid,
    /// Type of the event.
    pub kind: EventType,
    /// Status of the delivery.
    pub status: DeliveryStatus,
    /// Number of attempts that have ended.
    pub tries: u32,
    /// The last attempt.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub last: Option<LastAttempt>,
    /// Time of the next attempt; `None` for immediately, or none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub next_at: Option<Timestamp>,
    /// Reason of the failure.
    pub error: Option<RecordError>,
    /// Runs, owner and lease.
    pub work: JobState,
    /// Time at which the record was created.
    pub created_at: Timestamp,
    /// Time of the delivery, or of giving up.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ended_at: Option<Timestamp>,
}

impl Delivery {
    /// Creates a delivery of the event to the webhook.
    pub fn new(event: &Event, webhook: &Webhook, now: Timestamp) -> Self {
        Self {
            studio: event.studio.clone(),
            id: Self::id(event.id, webhook.id),
            webhook: webhook.id,
            event: event.id,
            kind: event.kind,
            status: DeliveryStatus::Pending,
            tries: 0,
            last: None,
            next_at: None,
            error: None,
            work: JobState::sent(now),
            created_at: now,
            ended_at: None,
        }
    }

    /// Returns the id of the delivery of an event to a webhook.
    pub fn id(event: Uuid, webhook: Uuid) -> Uuid {
        Uuid::new_v5(&event, webhook.as_bytes())
    }

    /// Claims the delivery for an attempt. A job that comes before the time of the attempt is void.
    pub fn claim(&mut self, by: AttemptId, now: Timestamp, lease_until: Timestamp) -> Claim {
        match self.status {
            DeliveryStatus::Failed if self.work.gave_up => return Claim::Exhausted,
            DeliveryStatus::Delivered | DeliveryStatus::Failed => return Claim::Done,
            DeliveryStatus::Pending => {}
        }
        if self.work.is_leased_at(now, by) {
            return Claim::Leased { until: self.work.lease_until.unwrap_or(now) };
        }
        if self.next_at.is_some_and(|next| next.duration_since(now) > EARLY) {
            return Claim::Void;
        }
        if self.work.exhausted(MAX_ATTEMPTS_DELIVERY) {
            return Claim::Exhausted;
        }
        self.work.claim(by, lease_until);
        Claim::Claimed
    }

    /// Records the outcome of an attempt. `jitter` is a random number from 0 to 1.
    pub fn attempted(&mut self, by: AttemptId, now: Timestamp, answer: &Answer, jitter: f64) -> Result<(), NotOwner> {
        self.work.check(by)?;
        let wait = RETRIES.get(usize::try_from(self.tries).unwrap_or(usize::MAX));
        self.tries = self.tries.saturating_add(1);
        self.last = Some(LastAttempt { at: now, answer: answer.clone() });
        self.work.succeed();
        self.work.attempts = 0;
        match wait {
            _ if answer.is_success() => self.end(now, DeliveryStatus::Delivered, None),
            _ if answer.is_gone() => {
                let error = RecordError::new("gone", "The shop answered 410, so the webhook was disabled.");
                self.end(now, DeliveryStatus::Failed, Some(error));
            }
            Some(wait) => {
                let wait = wait.mul_f64(1.0 + JITTER * jitter);
                let next = now.saturating_add(wait).unwrap_or(now);
                self.next_at = Some(next);
                // Within SQS's longest delay a message is under way; the sweep comes when it is lost.
                let grace = if wait > LONGEST_DELAY { SignedDuration::ZERO } else { GRACE };
                self.work.due_at = Some(next.saturating_add(grace).unwrap_or(next));
            }
            None => {
                let error = RecordError::new("not_accepted", "The shop did not accept the event in any attempt.");
                self.end(now, DeliveryStatus::Failed, Some(error));
            }
        }
        Ok(())
    }

    /// Ends the delivery without an attempt, because its webhook or event is gone or the webhook is disabled.
    pub fn cancel(&mut self, by: AttemptId, now: Timestamp, reason: RecordError) -> Result<(), NotOwner> {
        self.work.check(by)?;
        self.work.succeed();
        self.end(now, DeliveryStatus::Failed, Some(reason));
        Ok(())
    }

    fn end(&mut self, now: Timestamp, status: DeliveryStatus, error: Option<RecordError>) {
        self.status = status;
        self.error = error;
        self.next_at = None;
        self.ended_at = Some(now);
    }

    /// Marks the delivery as failed by an error of ours.
    pub fn fail(&mut self, now: Timestamp) {
        self.status = DeliveryStatus::Failed;
        self.next_at = None;
        self.ended_at = Some(now);
    }

    /// Sends the event again, from the first attempt. A delivery that waits for its next attempt makes it now.
    pub fn restart(&mut self, now: Timestamp, requested_by: Option<Uuid>) -> Result<(), RestartError> {
        let work = self.work.restarted(now, requested_by)?;
        if self.status == DeliveryStatus::Pending && self.next_at.is_none() {
            return Err(RestartError::UnderWay);
        }
        self.work = work;
        self.status = DeliveryStatus::Pending;
        self.tries = 0;
        self.next_at = None;
        self.error = None;
        self.ended_at = None;
        Ok(())
    }

    /// Returns the wait until the next attempt, if SQS can delay its message so long.
    pub fn delay(&self, now: Timestamp) -> Option<SignedDuration> {
        let wait = self.next_at.filter(|_| self.status == DeliveryStatus::Pending)?.duration_since(now);
        (wait <= LONGEST_DELAY).then_some(wait.max(SignedDuration::ZERO))
    }
}

impl Record for Delivery {
    const NAME: &'static str = "delivery";

    fn studio(&self) -> &Studio {
        &self.studio
    }
    fn id(&self) -> Uuid {
        self.id
    }
    fn due_at(&self) -> Option<Timestamp> {
        self.work.due_at
    }
    fn failed_at(&self) -> Option<Timestamp> {
        self.work.failed_at(self.status == DeliveryStatus::Failed)
    }
    fn listed_by(&self) -> Vec<(ListIndex, String)> {
        vec![(ListIndex::Webhook, self.webhook.to_string())]
    }
    fn position(&self) -> Uuid {
        position(self.created_at, self.id)
    }
    fn expires_at(&self) -> Option<Timestamp> {
        self.created_at.checked_add(KEPT).ok()
    }
}

#[cfg(test)]
mod tests;
