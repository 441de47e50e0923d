//! Claims, tries and leases: what keeps one record in one worker's hands at a time (see docs/ARCHITECTURE.md).

use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};
use uuid::Uuid;

/// Tries of a photo before it is failed.
pub const MAX_TRIES_PHOTO: u32 = 3;
/// Tries of an archive before its download is failed.
pub const MAX_TRIES_DOWNLOAD: u32 = 2;
/// Tries of a mail before it is failed.
pub const MAX_TRIES_EMAIL: u32 = 3;

/// A queue delivers a message so much more often than its job has tries: deliveries that are held, throttled or double
/// count for SQS too.
pub const SPARE_RECEIVES: u32 = 5;

/// A message that should have moved a record is looked for this long after it was due.
pub const GRACE: SignedDuration = SignedDuration::from_secs(120);

/// One try of one worker: fresh for each received message, so that even the same process can't mistake an earlier
/// try of its own for the present one.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct TryId(Uuid);

impl TryId {
    /// A new one.
    #[expect(clippy::new_without_default, reason = "two of them differ, which nobody expects of a default")]
    pub fn new() -> Self {
        Self(Uuid::new_v4())
    }
}

/// The part of a record that workers fight over.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Work {
    /// Claims made and counted so far.
    pub attempts: u32,
    /// Claims made so far, those that don't count (throttled, paused) among them: above 1, an earlier owner may have left
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
    /// It will be tried again.
    Again {
        /// Does this try count? A throttled one does not.
        counted: bool,
        /// When the next try should have begun.
        due_at: Timestamp,
    },
}

/// Somebody else owns the record by now: a late write is refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the claim on this record was lost to another worker")]
pub struct NotOwner;

impl Work {
    /// Work that a message is on its way for.
    pub fn due(due_at: Timestamp) -> Self {
        Self { due_at: Some(due_at), ..Self::default() }
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
    pub fn release(&mut self, counted: bool, due_at: Timestamp) {
        self.owner = None;
        self.lease_until = None;
        self.due_at = Some(due_at.saturating_add(GRACE).unwrap_or(due_at));
        if !counted {
            self.attempts = self.attempts.saturating_sub(1);
        }
    }

    /// Done, one way or the other.
    pub fn settle(&mut self) {
        self.owner = None;
        self.lease_until = None;
        self.due_at = None;
    }

    /// Settle after the last try.
    pub fn give_up(&mut self) {
        self.settle();
        self.gave_up = true;
    }

    /// Settle a failure of this kind, or release for another try; true when it is for good.
    pub fn fall(&mut self, fate: Fate) -> bool {
        match fate {
            Fate::Rejected => self.settle(),
            Fate::GaveUp => self.give_up(),
            Fate::Again { counted, due_at } => {
                self.release(counted, due_at);
                return false;
            }
        }
        true
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
        let (a, b) = (TryId::new(), TryId::new());
        let mut work = Work::default();
        work.claim(a, at(100));
        assert!(work.held_at(at(99), b) && !work.held_at(at(100), b) && !work.held_at(at(50), a));
    }

    #[test]
    fn a_late_owner_is_refused_after_a_second_claim() {
        let (a, b) = (TryId::new(), TryId::new());
        let mut work = Work::default();
        work.claim(a, at(100));
        work.claim(b, at(200));
        assert_eq!((work.check(a), work.check(b)), (Err(NotOwner), Ok(())));
        assert_eq!(work.attempts, 2);
    }

    #[test]
    fn a_throttled_try_is_not_counted() {
        let mut work = Work::default();
        work.claim(TryId::new(), at(100));
        work.release(false, at(100));
        assert_eq!((work.attempts, work.claims), (0, 1));
    }
}
