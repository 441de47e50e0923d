//! An operation: work on many records that one request asked for. It is done page by page, as a job of its own.

use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::{
    error::RecordError,
    job::follow_up_id,
    job_state::{Claim, JobState, MAX_TRIES_OPERATION, NotAgain, NotOwner, TryId},
    queue_config::QueueName,
    studio::Studio,
};

/// Operations are forgotten after this long.
const KEPT: SignedDuration = SignedDuration::from_hours(30 * 24);

/// What is to be done.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum Task {
    /// Develop photos of the studio again.
    Regenerate {
        /// Which.
        which: Photos,
    },
    /// Try failed jobs of the queue again.
    Retry {
        /// Which.
        selection: Selection,
    },
    /// Take failed jobs of the queue off the list.
    Forget {
        /// Which.
        selection: Selection,
    },
    /// Give a table's older items what this build reads them by (`functions/housekeeper/src/operations/fill.rs`).
    Fill {
        /// Which.
        table: Filled,
    },
    /// Erase personal data of the studio.
    Erase {
        /// Whose.
        scope: ErasureScope,
    },
    /// Begin an erasure in each studio that has orders older than this.
    Retention {
        /// Orders made before are erased.
        before: Timestamp,
    },
}

/// A table whose items are filled.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Filled {
    /// Photos: the indexes of lists.
    Photos,
    /// Downloads: the indexes of lists.
    Downloads,
    /// Orders: the index of lists, and an item for each photo.
    Orders,
}

impl Filled {
    /// All of them.
    pub const ALL: [Self; 3] = [Self::Photos, Self::Downloads, Self::Orders];

    /// The queue whose worker does it.
    pub fn queue(self) -> QueueName {
        match self {
            Self::Photos => QueueName::Photos,
            Self::Downloads | Self::Orders => QueueName::Downloads,
        }
    }
}

/// Which orders of a studio are erased.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "scope", rename_all = "snake_case")]
pub enum ErasureScope {
    /// One.
    Order {
        /// Which.
        order: Uuid,
    },
    /// Those of an address, and all emails to it.
    Customer {
        /// The address, as a keyed hash (`LinkSecret::name_of` in `shared/domain/src/link.rs`).
        address: String,
    },
    /// Those made before a time.
    Older {
        /// The time.
        before: Timestamp,
    },
}

/// Which photos of a studio.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "which", rename_all = "snake_case")]
pub enum Photos {
    /// Every one that was uploaded.
    All,
    /// Those that failed.
    Failed,
    /// Those that were developed by an older processor.
    Older {
        /// Older than this one.
        processor_version: u32,
    },
}

/// Which failed jobs of a queue: those that all of this is true of.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Selection {
    /// The error's code.
    pub error: Option<String>,
    /// Whose.
    pub studio: Option<Studio>,
}

impl Selection {
    /// Is it one of them? What names no studio belongs to none.
    pub fn takes(&self, code: &str, studio: Option<&Studio>) -> bool {
        self.error.as_deref().is_none_or(|error| error == code)
            && self.studio.as_ref().is_none_or(|requested| Some(requested) == studio)
    }
}

/// Where an operation stands: `pending`, `processing` page by page, then `done`; or `failed`: asked for again, it does what is
/// left.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "snake_case")]
pub enum OperationStatus {
    /// To be begun.
    Pending,
    /// Some pages are done, or one is in a worker's hands.
    Processing,
    /// All pages are done.
    Done,
    /// It was given up; asked for again with the same Idempotency-Key, or retried by operators, it does what is left.
    Failed,
}

/// The record.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Operation {
    /// Whose request.
    pub studio: Studio,
    /// UUIDv7.
    pub id: Uuid,
    /// Whose worker does it.
    pub queue: QueueName,
    /// What is to be done.
    pub task: Task,
    /// Where it stands.
    pub status: OperationStatus,
    /// Behind which record the next page begins.
    pub position: Option<String>,
    /// Records and messages that were retried or forgotten; orders that were erased.
    pub done: u64,
    /// Why it failed.
    pub error: Option<RecordError>,
    /// Tries, owner, lease.
    pub work: JobState,
    /// When it was asked for: what failed later is none of its business.
    pub created_at: Timestamp,
    /// When it was done or given up.
    pub ended_at: Option<Timestamp>,
}

impl Operation {
    /// One to be begun.
    pub fn new(studio: Studio, id: Uuid, queue: QueueName, task: Task, now: Timestamp) -> Self {
        Self {
            studio,
            id,
            queue,
            task,
            status: OperationStatus::Pending,
            position: None,
            done: 0,
            error: None,
            work: JobState::sent(now),
            created_at: now,
            ended_at: None,
        }
    }

    /// The erasure of one order. Its id follows from the order's.
    pub fn erasing(studio: Studio, order: Uuid, now: Timestamp) -> Self {
        let task = Task::Erase { scope: ErasureScope::Order { order } };
        Self::new(studio, follow_up_id(order, "erasure", 1), QueueName::Downloads, task, now)
    }

    /// When it may be forgotten; that a table was filled is remembered for ever.
    pub fn kept_until(&self) -> Option<Timestamp> {
        if matches!(self.task, Task::Fill { .. }) {
            return None;
        }
        self.created_at.saturating_add(KEPT).ok()
    }

    /// A worker asks for the next pages.
    pub fn claim(&mut self, by: TryId, now: Timestamp, lease_until: Timestamp) -> Claim {
        match self.status {
            OperationStatus::Failed if self.work.gave_up => return Claim::Exhausted,
            OperationStatus::Done | OperationStatus::Failed => return Claim::Done,
            OperationStatus::Processing if self.work.held_at(now, by) => {
                return Claim::Held { until: self.work.lease_until.unwrap_or(now) };
            }
            _ if self.work.exhausted(MAX_TRIES_OPERATION) => return Claim::Exhausted,
            _ => {}
        }
        self.status = OperationStatus::Processing;
        self.work.claim(by, lease_until);
        Claim::Claimed
    }

    /// A page is done: so many more, and the next one begins there. Whoever gets on has his tries anew: an operation of a
    /// thousand pages may meet more than two hitches.
    pub fn advance(&mut self, by: TryId, done: u64, position: Option<String>) -> Result<(), NotOwner> {
        self.work.check(by)?;
        self.work.attempts = self.work.attempts.min(1);
        self.done += done;
        self.position = position;
        Ok(())
    }

    /// All pages are done.
    pub fn complete(&mut self, by: TryId, now: Timestamp) -> Result<(), NotOwner> {
        self.work.check(by)?;
        self.status = OperationStatus::Done;
        self.error = None;
        self.ended_at = Some(now);
        self.work.succeed();
        Ok(())
    }

    /// It has failed for good.
    pub fn fail(&mut self, now: Timestamp) {
        self.status = OperationStatus::Failed;
        self.ended_at = Some(now);
    }

    /// It was given up, and is to go on where it stopped.
    pub fn restart(&mut self, now: Timestamp, ordered_by: Option<Uuid>) -> Result<(), NotAgain> {
        let work = self.work.sent_again(now, ordered_by)?;
        match self.status {
            OperationStatus::Pending | OperationStatus::Processing => return Err(NotAgain::UnderWay),
            OperationStatus::Done => return Err(NotAgain::Impossible),
            OperationStatus::Failed => {}
        }
        self.work = work;
        self.status = OperationStatus::Pending;
        self.error = None;
        self.ended_at = None;
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_selection_takes_what_it_names_and_a_studio_only_its_own() {
        let anna: Studio = "anna".parse().expect("valid");
        let all = Selection::default();
        assert!(all.takes("x", None) && all.takes("x", Some(&anna)));
        let annas = Selection { error: Some("x".into()), studio: Some(anna.clone()) };
        assert!(annas.takes("x", Some(&anna)) && !annas.takes("y", Some(&anna)) && !annas.takes("x", None));
    }
}
