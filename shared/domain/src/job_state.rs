//! Attempts, owner and lease of a record. They ensure that one worker at a time changes the record.
//!
//! **Outages are not failures.** The record stores the time of the first outage and the number of outages since
//! ([`Outage`]). Waits double from 20 s to 15 minutes. 24 hours after the first outage (72 for a used-up quota of SES)
//! the record fails with `service_unavailable`. If the table itself is unavailable and no record can be claimed, SQS's
//! receive count takes this role.

mod history;

use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};
use uuid::Uuid;

pub use self::history::{Attempt, AttemptOutcome, History};

/// Attempts before a photo fails.
pub const MAX_ATTEMPTS_PHOTO: u32 = 3;
/// Attempts before a download fails.
pub const MAX_ATTEMPTS_DOWNLOAD: u32 = 2;
/// Attempts at an event of S3, which has no record: SQS counts its receives.
pub const MAX_ATTEMPTS_UPLOAD: u32 = MAX_RECEIVES;
/// Attempts before an email fails.
pub const MAX_ATTEMPTS_EMAIL: u32 = 3;
/// Runs of one attempt to deliver an event that may crash or meet an error of ours. Answers of the shop are counted by the
/// delivery.
pub const MAX_ATTEMPTS_DELIVERY: u32 = 3;
/// Attempts before a page of an operation fails; not more than any queue allows.
pub const MAX_ATTEMPTS_OPERATION: u32 = 2;

/// Receives after which SQS moves a message to the dead-letter queue. SQS also counts deliveries that find the record
/// leased, wait for a service, or are duplicates, and those to a function that cannot start. Within hours none of these
/// should lead to a dead letter.
pub const MAX_RECEIVES: u32 = 50;

/// Time for which a job waits for the end of an outage.
const OUTAGE_HORIZON: SignedDuration = SignedDuration::from_hours(24);
/// Time for which a job waits for a daily quota. Queued jobs can use up the quota for several days.
const QUOTA_HORIZON: SignedDuration = SignedDuration::from_hours(72);

/// Time after the due date at which the sweep looks for a record whose message was lost.
pub const GRACE: SignedDuration = SignedDuration::from_secs(120);

/// Id of one attempt. Each received message gets a new one, so that a process cannot confuse its attempts.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct AttemptId(pub Uuid);

/// State of a record's job.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct JobState {
    /// Number of counted claims.
    pub attempts: u32,
    /// Number of all claims, including those that do not count (an outage, a pause). Above 1, an earlier owner may have
    /// left unfinished work.
    #[serde(default)]
    pub claims: u32,
    /// Attempt that owns the lease.
    pub owner: Option<AttemptId>,
    /// End of the lease: the Lambda deadline of the owner.
    pub lease_until: Option<Timestamp>,
    /// Time by which the record must progress; later the sweep sends its job again. Absent for records at rest.
    pub due_at: Option<Timestamp>,
    /// Whether the record failed because all attempts were used up. Its message belongs in the dead-letter queue.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub gave_up: bool,
    /// Times of failures since the last success.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub failures: Option<Failures>,
    /// Current outage. A success or a restart ends it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub outage: Option<Outage>,
    /// Cause of the last failed attempt, for operators only, because it may reveal internals.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cause: Option<String>,
    /// Whether operators removed the failure from their list.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub dismissed: bool,
    /// Request or operation that last restarted the record. Repeating it does not restart the record twice.
    #[serde(rename = "ordered_by", default, skip_serializing_if = "Option::is_none")]
    pub requested_by: Option<Uuid>,
    /// Last attempts.
    #[serde(default, skip_serializing_if = "History::is_empty")]
    pub history: History,
}

/// Times of the first and the last failed attempt.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Failures {
    /// First failure.
    pub first: Timestamp,
    /// Last failure.
    pub last: Timestamp,
}

/// Consecutive attempts during which a service was unavailable.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Outage {
    /// End of the first of these attempts.
    pub since: Timestamp,
    /// Number of these attempts.
    pub tries: u32,
    /// Whether one of them met a used-up quota, which is given more time than an outage.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub quota: bool,
}

impl Outage {
    /// Returns how long after `since` the job fails.
    pub fn horizon(self) -> SignedDuration {
        if self.quota { QUOTA_HORIZON } else { OUTAGE_HORIZON }
    }
}

/// Result of claiming a record.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Claim {
    /// The claim succeeded.
    Claimed,
    /// Only the follow-up is left to do.
    Done,
    /// Another attempt owns the lease.
    Leased {
        /// End of its lease.
        until: Timestamp,
    },
    /// All attempts are used up. The message is refused until SQS moves it to the dead-letter queue.
    Exhausted,
    /// The record cannot be processed: it was revoked or never uploaded.
    Void,
}

/// Fate of a record after an attempt that did not succeed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fate {
    /// Failed for good: the job was rejected.
    Rejected,
    /// Failed for good: all attempts are used up.
    GaveUp,
    /// Retried. The attempt counts.
    Again {
        /// Time at which the next attempt should have started.
        due_at: Timestamp,
    },
    /// Retried after an outage. The attempt does not count.
    Waits {
        /// Time at which the next attempt should have started.
        due_at: Timestamp,
        /// Whether it met a used-up quota.
        quota: bool,
    },
    /// Made progress, and continues in the next job.
    Paused,
}

/// Reason why a record cannot be restarted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum RestartError {
    /// This request already restarted the record.
    #[error("this request already restarted the record")]
    Repeated,
    /// The job is queued, or a worker leases the record.
    #[error("it is being worked on")]
    UnderWay,
    /// The record's status does not allow a restart: not failed, never uploaded, revoked or deleted.
    #[error("it is in no state to be tried again")]
    Impossible,
}

/// Error: another attempt owns the record, so a late write is refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the claim on this record was lost to another worker")]
pub struct NotOwner;

impl JobState {
    /// Creates the state of a job whose message is being sent now.
    pub fn sent(now: Timestamp) -> Self {
        Self { due_at: Some(now.saturating_add(GRACE).unwrap_or(now)), ..Self::default() }
    }

    /// Returns the state of a finished or failed job that is sent again. Attempts restart; the times of failures and
    /// the history are kept.
    pub fn restarted(&self, now: Timestamp, requested_by: Option<Uuid>) -> Result<Self, RestartError> {
        if requested_by.is_some() && self.requested_by == requested_by {
            return Err(RestartError::Repeated);
        }
        let Self { failures, cause, history, .. } = self.clone();
        Ok(Self { failures, cause, history, requested_by: requested_by.or(self.requested_by), ..Self::sent(now) })
    }

    /// Returns the time at which the record failed for good, for the operators' list. `failed`: whether the record has
    /// failed.
    pub fn failed_at(&self, failed: bool) -> Option<Timestamp> {
        self.failures.map(|failures| failures.last).filter(|_| failed && !self.dismissed)
    }

    /// Returns whether another attempt than `by` leases the record at `now`.
    pub fn is_leased_at(&self, now: Timestamp, by: AttemptId) -> bool {
        self.owner.is_some_and(|owner| owner != by) && self.lease_until.is_some_and(|until| until > now)
    }

    /// Returns whether all attempts are used up.
    pub fn exhausted(&self, max_attempts: u32) -> bool {
        self.attempts >= max_attempts
    }

    /// Counts the attempt, and sets owner and lease.
    pub fn claim(&mut self, by: AttemptId, lease_until: Timestamp) {
        self.attempts += 1;
        self.claims += 1;
        self.owner = Some(by);
        self.lease_until = Some(lease_until);
        self.due_at = Some(lease_until.saturating_add(GRACE).unwrap_or(lease_until));
    }

    /// Refuses writes of an attempt that does not own the lease.
    pub fn check(&self, by: AttemptId) -> Result<(), NotOwner> {
        if self.owner == Some(by) { Ok(()) } else { Err(NotOwner) }
    }

    /// Releases the lease for another attempt.
    fn release(&mut self, due_at: Timestamp) {
        self.owner = None;
        self.lease_until = None;
        self.due_at = Some(due_at.saturating_add(GRACE).unwrap_or(due_at));
    }

    fn not_counted(&mut self, due_at: Timestamp) {
        self.release(due_at);
        self.attempts = self.attempts.saturating_sub(1);
    }

    /// Ends the lease of a finished or failed record.
    pub fn settle(&mut self) {
        self.owner = None;
        self.lease_until = None;
        self.due_at = None;
    }

    /// Settles a success.
    pub fn succeed(&mut self) {
        self.settle();
        self.failures = None;
        self.outage = None;
        self.cause = None;
    }

    /// Settles a failure after the last attempt.
    pub fn give_up(&mut self, now: Timestamp) {
        self.settle();
        self.failed(now);
        self.gave_up = true;
    }

    fn failed(&mut self, now: Timestamp) {
        self.failures = Some(Failures { first: self.failures.map_or(now, |failures| failures.first), last: now });
        self.dismissed = false;
    }

    /// Records a failure: settles it, or releases the lease for another attempt. Returns whether the record failed for
    /// good.
    pub fn record_failure(&mut self, now: Timestamp, fate: Fate) -> bool {
        match fate {
            Fate::Rejected => {
                self.settle();
                self.failed(now);
            }
            Fate::GaveUp => self.give_up(now),
            Fate::Again { due_at } => {
                self.failed(now);
                self.release(due_at);
                return false;
            }
            Fate::Waits { due_at, quota } => {
                self.outage = Some(self.outage_at(now, quota));
                self.not_counted(due_at);
                return false;
            }
            Fate::Paused => {
                self.outage = None;
                self.not_counted(now);
                return false;
            }
        }
        true
    }

    /// Removes the causes of failures, which may name personal data.
    pub fn erase(&mut self) {
        self.cause = None;
        self.history.erase();
    }

    /// Returns the outage including an attempt that ends at `now`. `quota`: whether it met a used-up quota.
    pub fn outage_at(&self, now: Timestamp, quota: bool) -> Outage {
        let known = self.outage.unwrap_or(Outage { since: now, tries: 0, quota });
        Outage { since: known.since, tries: known.tries.saturating_add(1), quota: known.quota || quota }
    }

    /// Ends the lease at `now`, because its owner is known to be dead (the local system was restarted).
    pub fn free(&mut self, now: Timestamp) {
        if self.lease_until.is_some() {
            self.lease_until = Some(now);
        }
    }
}

#[cfg(test)]
mod tests;
