//! Attempts, owner and lease of a record, which keep it in one worker's hands at a time.
//!
//! **Outages are not failures.** The record stores when the first outage was met and how many were met since ([`Outage`]). Waits
//! double from 20 s to 15 minutes. 24 hours after the first outage (72 for a used-up quota of SES) the record fails as
//! `service_unavailable`. Where no record can be claimed, because its table is out, SQS's count of deliveries takes that part.

use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};
use uuid::Uuid;

/// Tries of a photo before it is failed.
pub const MAX_TRIES_PHOTO: u32 = 3;
/// Tries of an archive before its download is failed.
pub const MAX_TRIES_DOWNLOAD: u32 = 2;
/// Tries of an email before it is failed.
pub const MAX_TRIES_EMAIL: u32 = 3;
/// Tries of a page of an operation before it is failed; no more than any queue has.
pub const MAX_TRIES_OPERATION: u32 = 2;

/// So often a queue delivers a message before SQS gives it up. SQS counts deliveries that are held, wait for a service or are
/// double too, and those to a function that can't start: within hours, none of these is to make a dead letter.
pub const MAX_RECEIVES: u32 = 50;

/// A message that should have moved a record is looked for this long after it was due.
pub const GRACE: SignedDuration = SignedDuration::from_secs(120);

/// One try of one worker: fresh for each received message, so that even the same process can't mistake an earlier
/// try of its own for the present one.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct TryId(pub Uuid);

/// The part of a record that workers fight over.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct JobState {
    /// Claims made and counted so far.
    pub attempts: u32,
    /// Claims made so far, those that don't count (an outage, a pause) among them: above 1, an earlier owner may have left
    /// something unfinished.
    #[serde(default)]
    pub claims: u32,
    /// Who holds it.
    pub owner: Option<TryId>,
    /// Until when it is held: the owner's Lambda deadline.
    pub lease_until: Option<Timestamp>,
    /// When something must have happened, or the sweep looks after it. Absent on records at rest.
    pub due_at: Option<Timestamp>,
    /// Failed because all tries were spent, not because it was refused: its message belongs in the DLQ.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub gave_up: bool,
    /// When tries failed, since one last went well.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub failures: Option<Failures>,
    /// Since when a service was not to be had, and how often: until a try goes well, or somebody orders another.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub outage: Option<Outage>,
    /// What the last failed try met. For operators only: it may name internals.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cause: Option<String>,
    /// Operators took the failure off their list.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub dismissed: bool,
    /// The request or operation that last set it going again: repeated, it does not do so twice.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ordered_by: Option<Uuid>,
}

/// The first and the last time that a try failed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Failures {
    /// The first.
    pub first: Timestamp,
    /// The last.
    pub last: Timestamp,
}

/// Tries one after another to which a service was not to be had.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Outage {
    /// When the first of them ended.
    pub since: Timestamp,
    /// How many.
    pub tries: u32,
}

/// What a worker that asked for a record was told.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Claim {
    /// It is yours.
    Claimed,
    /// Nothing is left to do but the follow-up.
    Done,
    /// Another has it.
    Held {
        /// The end of its lease.
        until: Timestamp,
    },
    /// All tries are spent: the message is refused until SQS moves it to the DLQ.
    Exhausted,
    /// It can't be worked on: revoked, or never uploaded.
    Void,
}

/// What becomes of a record whose try did not succeed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fate {
    /// For good, refused.
    Rejected,
    /// For good, after the last try.
    GaveUp,
    /// It will be tried again, and this try counts.
    Again {
        /// When the next try should have begun.
        due_at: Timestamp,
    },
    /// A service was not to be had: it will be tried again, and this try does not count.
    Waits {
        /// When the next try should have begun.
        due_at: Timestamp,
    },
    /// It got on, and goes on in the next job.
    Paused,
}

/// Why a record is not restarted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum NotAgain {
    /// The same request did so before.
    #[error("this request already restarted the record")]
    Repeated,
    /// It is on its way, or in a worker's hands.
    #[error("it is being worked on")]
    UnderWay,
    /// There is nothing to be done again: not failed, never uploaded, taken back, deleted.
    #[error("it is in no state to be tried again")]
    Impossible,
}

/// Somebody else owns the record by now: a late write is refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the claim on this record was lost to another worker")]
pub struct NotOwner;

impl JobState {
    /// Work that a message is being sent for now.
    pub fn sent(now: Timestamp) -> Self {
        Self { due_at: Some(now.saturating_add(GRACE).unwrap_or(now)), ..Self::default() }
    }

    /// The same for work that was done or has failed: its tries begin anew, its failures are not forgotten.
    pub fn sent_again(&self, now: Timestamp, ordered_by: Option<Uuid>) -> Result<Self, NotAgain> {
        if ordered_by.is_some() && self.ordered_by == ordered_by {
            return Err(NotAgain::Repeated);
        }
        let Self { failures, cause, .. } = self.clone();
        Ok(Self { failures, cause, ordered_by: ordered_by.or(self.ordered_by), ..Self::sent(now) })
    }

    /// When it failed for good, for the operators' list; `failed` says whether the record has.
    pub fn failed_at(&self, failed: bool) -> Option<Timestamp> {
        self.failures.map(|failures| failures.last).filter(|_| failed && !self.dismissed)
    }

    /// Is it held, at `now`, by somebody other than `by`?
    pub fn held_at(&self, now: Timestamp, by: TryId) -> bool {
        self.owner.is_some_and(|owner| owner != by) && self.lease_until.is_some_and(|until| until > now)
    }

    /// Are all tries spent?
    pub fn exhausted(&self, max_tries: u32) -> bool {
        self.attempts >= max_tries
    }

    /// Count the try, set owner and lease.
    pub fn claim(&mut self, by: TryId, lease_until: Timestamp) {
        self.attempts += 1;
        self.claims += 1;
        self.owner = Some(by);
        self.lease_until = Some(lease_until);
        self.due_at = Some(lease_until.saturating_add(GRACE).unwrap_or(lease_until));
    }

    /// Fencing: only the present owner may write.
    pub fn check(&self, by: TryId) -> Result<(), NotOwner> {
        if self.owner == Some(by) { Ok(()) } else { Err(NotOwner) }
    }

    /// Give it back for another try.
    fn release(&mut self, due_at: Timestamp) {
        self.owner = None;
        self.lease_until = None;
        self.due_at = Some(due_at.saturating_add(GRACE).unwrap_or(due_at));
    }

    fn not_counted(&mut self, due_at: Timestamp) {
        self.release(due_at);
        self.attempts = self.attempts.saturating_sub(1);
    }

    /// Done, one way or the other.
    pub fn settle(&mut self) {
        self.owner = None;
        self.lease_until = None;
        self.due_at = None;
    }

    /// Settle what went well.
    pub fn succeed(&mut self) {
        self.settle();
        self.failures = None;
        self.outage = None;
        self.cause = None;
    }

    /// Settle after the last try.
    pub fn give_up(&mut self, now: Timestamp) {
        self.settle();
        self.failed(now);
        self.gave_up = true;
    }

    fn failed(&mut self, now: Timestamp) {
        self.failures = Some(Failures { first: self.failures.map_or(now, |failures| failures.first), last: now });
        self.dismissed = false;
    }

    /// Settle a failure of this kind, or release for another try; true when it is for good.
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
            Fate::Waits { due_at } => {
                self.outage = Some(self.outage_at(now));
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

    /// The outage that a try met which ends now.
    pub fn outage_at(&self, now: Timestamp) -> Outage {
        let Outage { since, tries } = self.outage.unwrap_or(Outage { since: now, tries: 0 });
        Outage { since, tries: tries.saturating_add(1) }
    }

    /// The owner is known to be dead (the local system was restarted): its lease ends now.
    pub fn free(&mut self, now: Timestamp) {
        if self.lease_until.is_some() {
            self.lease_until = Some(now);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(second: i64) -> Timestamp {
        Timestamp::from_second(second).expect("in range")
    }

    #[test]
    fn a_lease_keeps_others_out_until_it_ends_and_its_owner_never() {
        let (a, b) = (TryId(Uuid::from_u128(6)), TryId(Uuid::from_u128(7)));
        let mut work = JobState::default();
        work.claim(a, at(100));
        assert!(work.held_at(at(99), b) && !work.held_at(at(100), b) && !work.held_at(at(50), a));
    }

    #[test]
    fn a_late_owner_is_refused_after_a_second_claim() {
        let (a, b) = (TryId(Uuid::from_u128(8)), TryId(Uuid::from_u128(9)));
        let mut work = JobState::default();
        work.claim(a, at(100));
        work.claim(b, at(200));
        assert_eq!((work.check(a), work.check(b)), (Err(NotOwner), Ok(())));
        assert_eq!(work.attempts, 2);
    }

    #[test]
    fn a_request_sets_work_going_once_and_its_failures_are_remembered_until_it_goes_well() {
        let (request, mut work) = (Uuid::from_u128(7), JobState::default());
        work.record_failure(at(10), Fate::Again { due_at: at(20) });
        work.record_failure(at(30), Fate::GaveUp);
        assert_eq!(work.failures, Some(Failures { first: at(10), last: at(30) }));
        assert_eq!((work.failed_at(true), work.failed_at(false)), (Some(at(30)), None));
        let mut again = work.sent_again(at(40), Some(request)).expect("the first time");
        assert_eq!((again.attempts, again.gave_up, again.failures), (0, false, work.failures));
        assert_eq!(again.sent_again(at(50), Some(request)), Err(NotAgain::Repeated));
        again.succeed();
        assert_eq!(again.failures, None);
        assert!(again.sent_again(at(60), None).is_ok_and(|work| work.ordered_by == Some(request)));
    }

    #[test]
    fn tries_in_an_outage_are_not_counted_and_its_beginning_is_remembered_until_one_goes_well() {
        let mut work = JobState::default();
        for second in [100, 200] {
            work.claim(TryId(Uuid::from_u128(10)), at(second));
            assert!(!work.record_failure(at(second), Fate::Waits { due_at: at(second + 20) }));
        }
        assert_eq!((work.attempts, work.claims, work.failures), (0, 2, None));
        assert_eq!(work.outage, Some(Outage { since: at(100), tries: 2 }));
        let ordered_anew = work.sent_again(at(300), None).expect("may be");
        assert_eq!(ordered_anew.outage, None);
        work.claim(TryId(Uuid::from_u128(11)), at(300));
        work.succeed();
        assert_eq!(work.outage, None);
    }
}
