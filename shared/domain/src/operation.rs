//! An operation: work on many records that one request started. It runs page by page, as a job of its own.

use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::{
    error::RecordError,
    job::follow_up_id,
    job_state::{AttemptId, Claim, JobState, MAX_ATTEMPTS_OPERATION, NotOwner, RestartError},
    queue_config::QueueName,
    studio::Studio,
};

/// Time after which operations are deleted.
const KEPT: SignedDuration = SignedDuration::from_hours(30 * 24);

/// Task of an operation.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum Task {
    /// Processes photos of the studio again.
    Regenerate {
        /// Selected photos.
        which: Photos,
    },
    /// Retries failed jobs of the queue.
    Retry {
        /// Selected failed jobs.
        selection: Selection,
    },
    /// Removes failed jobs of the queue from the list.
    Forget {
        /// Selected failed jobs.
        selection: Selection,
    },
    /// Adds to a table's older items the attributes by which this build reads them
    /// (`functions/housekeeper/src/operations/fill.rs`).
    Fill {
        /// Table to fill.
        table: Filled,
    },
    /// Erases personal data of the studio.
    Erase {
        /// Scope of the erasure.
        scope: ErasureScope,
    },
    /// Makes photos of a studio from objects that lie in a bucket.
    Import {
        /// Studio of the photos.
        studio: Studio,
        /// Name of the bucket.
        bucket: String,
        /// Prefix of the keys. What follows it is folder and file name of a photo.
        prefix: String,
    },
    /// Adds up the bytes of the studio's photos, in `done`.
    Measure,
    /// Takes in uploads whose events were lost.
    Rescan,
    /// Starts an erasure in each studio that has orders created before a time.
    Retention {
        /// Time before which orders are erased.
        before: Timestamp,
    },
}

impl Task {
    /// Returns the name of the kind.
    pub fn kind(&self) -> &'static str {
        match self {
            Self::Regenerate { .. } => "regenerate",
            Self::Retry { .. } => "retry",
            Self::Forget { .. } => "forget",
            Self::Fill { .. } => "fill",
            Self::Erase { .. } | Self::Retention { .. } => "erase",
            Self::Import { .. } => "import",
            Self::Measure => "measure",
            Self::Rescan => "rescan",
        }
    }
}

/// A table whose items can be filled.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Filled {
    /// Photos: the indexes of lists.
    Photos,
    /// Downloads: the indexes of lists.
    Downloads,
    /// Orders: the index of lists, and an item for each photo.
    Orders,
    /// Emails: the indexes of lists.
    Emails,
}

impl Filled {
    /// All tables.
    pub const ALL: [Self; 4] = [Self::Photos, Self::Downloads, Self::Orders, Self::Emails];

    /// Returns the queue whose worker fills the table.
    pub fn queue(self) -> QueueName {
        match self {
            Self::Photos => QueueName::Photos,
            Self::Downloads | Self::Orders => QueueName::Downloads,
            Self::Emails => QueueName::Emails,
        }
    }
}

/// Orders of a studio to erase.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "scope", rename_all = "snake_case")]
pub enum ErasureScope {
    /// A single order.
    Order {
        /// Id of the order.
        order: Uuid,
    },
    /// Orders of a customer, and all emails to the customer's address.
    Customer {
        /// Address as a keyed hash (`LinkSecret::name_of` in `shared/domain/src/link.rs`).
        address: String,
    },
    /// Orders created before a time.
    Older {
        /// Time before which orders are erased.
        before: Timestamp,
    },
}

/// Selection of a studio's photos.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "which", rename_all = "snake_case")]
pub enum Photos {
    /// All photos that were uploaded.
    All,
    /// Photos that failed.
    Failed,
    /// Photos that an older processor processed.
    Older {
        /// Version of the processor that is not older.
        processor_version: u32,
    },
}

/// Selection of a queue's failed jobs: those that match all fields.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Selection {
    /// Error code.
    pub error: Option<String>,
    /// Studio of the job.
    pub studio: Option<Studio>,
}

impl Selection {
    /// Returns whether the selection includes a failed job. A job without a studio does not match a selection by
    /// studio.
    pub fn takes(&self, code: &str, studio: Option<&Studio>) -> bool {
        self.error.as_deref().is_none_or(|error| error == code)
            && self.studio.as_ref().is_none_or(|requested| Some(requested) == studio)
    }
}

/// Status of an operation.
///
/// An operation is `pending`, `processing` page by page, and then `done`. A `failed` operation continues with the
/// remaining records if it is requested again.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "snake_case")]
pub enum OperationStatus {
    /// Waiting for a worker.
    Pending,
    /// Some pages are done, or a worker is processing one.
    Processing,
    /// All pages are done.
    Done,
    /// The operation has run out of attempts. Repeating the request with the same Idempotency-Key, or a retry by
    /// operators, continues it.
    Failed,
}

impl OperationStatus {
    /// Returns the status as written in records and responses.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Pending => "pending",
            Self::Processing => "processing",
            Self::Done => "done",
            Self::Failed => "failed",
        }
    }
}

/// Record of an operation.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Operation {
    /// Studio that requested the operation.
    pub studio: Studio,
    /// Id of the operation, a UUIDv7.
    pub id: Uuid,
    /// Queue whose worker runs the operation.
    pub queue: QueueName,
    /// Task of the operation.
    pub task: Task,
    /// Status of the operation.
    pub status: OperationStatus,
    /// Checkpoint: the record after which the next page begins.
    pub position: Option<String>,
    /// Number of records and messages retried or forgotten, of orders erased, or of objects imported;
    /// of a measurement the bytes.
    pub done: u64,
    /// Reason of the failure.
    pub error: Option<RecordError>,
    /// Attempts, owner and lease.
    pub work: JobState,
    /// Time of the request. Jobs that failed later are not affected.
    pub created_at: Timestamp,
    /// Time at which the operation was done or failed.
    pub ended_at: Option<Timestamp>,
}

impl Operation {
    /// Creates an operation to run.
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

    /// Creates the erasure of one order. Its id is derived from the order's.
    pub fn erasing(studio: Studio, order: Uuid, now: Timestamp) -> Self {
        let task = Task::Erase { scope: ErasureScope::Order { order } };
        Self::new(studio, follow_up_id(order, "erasure", 1), QueueName::Downloads, task, now)
    }

    /// Returns the time at which the record may be deleted; `None` for the filling of a table, which is remembered
    /// forever.
    pub fn kept_until(&self) -> Option<Timestamp> {
        if matches!(self.task, Task::Fill { .. }) {
            return None;
        }
        self.created_at.saturating_add(KEPT).ok()
    }

    /// Claims the operation for its next pages.
    pub fn claim(&mut self, by: AttemptId, now: Timestamp, lease_until: Timestamp) -> Claim {
        match self.status {
            OperationStatus::Failed if self.work.gave_up => return Claim::Exhausted,
            OperationStatus::Done | OperationStatus::Failed => return Claim::Done,
            OperationStatus::Processing if self.work.is_leased_at(now, by) => {
                return Claim::Leased { until: self.work.lease_until.unwrap_or(now) };
            }
            _ if self.work.exhausted(MAX_ATTEMPTS_OPERATION) => return Claim::Exhausted,
            _ => {}
        }
        self.status = OperationStatus::Processing;
        self.work.claim(by, lease_until);
        Claim::Claimed
    }

    /// Records a finished page and the checkpoint after it. Progress resets the attempts, because an operation of a
    /// thousand pages may have more than two failures.
    pub fn advance(&mut self, by: AttemptId, done: u64, position: Option<String>) -> Result<(), NotOwner> {
        self.work.check(by)?;
        self.work.attempts = self.work.attempts.min(1);
        self.done += done;
        self.position = position;
        Ok(())
    }

    /// Marks the operation as done.
    pub fn complete(&mut self, by: AttemptId, now: Timestamp) -> Result<(), NotOwner> {
        self.work.check(by)?;
        self.status = OperationStatus::Done;
        self.error = None;
        self.ended_at = Some(now);
        self.work.succeed();
        Ok(())
    }

    /// Marks the operation as failed for good.
    pub fn fail(&mut self, now: Timestamp) {
        self.status = OperationStatus::Failed;
        self.ended_at = Some(now);
    }

    /// Restarts a failed operation from its checkpoint.
    pub fn restart(&mut self, now: Timestamp, requested_by: Option<Uuid>) -> Result<(), RestartError> {
        let work = self.work.restarted(now, requested_by)?;
        match self.status {
            OperationStatus::Pending | OperationStatus::Processing => return Err(RestartError::UnderWay),
            OperationStatus::Done => return Err(RestartError::Impossible),
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
mod tests;
