//! Failed jobs of one queue: records that failed for good, and dead letters.
//!
//! A failed record is in its table's index of failures. If its attempts were used up, its message is in the dead-letter
//! queue too; a body that cannot be decoded is only there. The record decides: a message whose record is in the list
//! belongs to that record's entry and is removed with it. Reading dead letters hides them for half a minute.
//!
//! - Retry: the record restarts, its job is sent, and the dead letter is removed, in this order. From the first step on
//!   the sweep finds the record.
//! - Forget: the record is marked and leaves the index; it stays failed. Then its dead letters are removed.
//! - Selections: an operation works page by page on everything that had failed when it was requested.

mod dead_letters;

use std::sync::Arc;

use anyhow::Result;
pub use dead_letters::{DeadLetter, DeadLetters, LOOKED_AT};
use domain::{
    download::Download, email::Email, error::RecordError, job::Job, job_record::JobRecord, job_state::RestartError,
    object_key::ObjectKey, operation::Operation, photo::Photo, queue_config::QueueName, studio::Studio,
    webhook::Delivery,
};
use jiff::Timestamp;
use uuid::Uuid;

use crate::{
    env::{Env, EnvError},
    queue::Queue,
    s3_event,
    store::{Failure, FailureKey, Table, Unreadable},
};

/// Number of records or dead letters processed concurrently.
pub const CONCURRENCY: usize = 16;

/// Failed jobs of one queue.
pub struct FailedJobs<R> {
    /// Name of the queue.
    name: QueueName,
    /// Table of the records.
    pub table: Arc<Table<R>>,
    /// Queue of the jobs.
    pub queue: Queue,
    /// Dead-letter queue.
    pub dead_letters: DeadLetters,
}

/// Subject of a dead letter.
#[derive(Debug, PartialEq, Eq)]
enum Subject {
    /// A record of the table.
    Record(Studio, Uuid),
    /// No record.
    Message {
        /// Name of the job, if the body is a job.
        job: Option<&'static str>,
        /// Studio, if the body names one.
        studio: Option<Studio>,
        /// Error of the message.
        error: RecordError,
    },
}

/// Status of a dead letter with regard to its record.
#[derive(Debug, PartialEq, Eq)]
pub enum DeadLetterStatus {
    /// The record is in the list of failures, and the dead letter belongs to its entry.
    OfFailure(FailureKey),
    /// The record was removed from the list, and the dead letter is left over.
    Forgotten,
    /// The dead letter is an entry of its own.
    Alone(Entry),
}

/// A dead letter without a failed record.
#[derive(Debug, PartialEq, Eq)]
pub struct Entry {
    /// Name of the job, if the body is a job.
    pub job: Option<&'static str>,
    /// Studio, if the body names one.
    pub studio: Option<Studio>,
    /// Id of the record, if the body names one.
    pub record: Option<Uuid>,
    /// Error of the message.
    pub error: RecordError,
    /// Request that has restarted the record since.
    pub requested_by: Option<Uuid>,
}

/// Error code: no worker has processed the record. For an upload, the message is the only trace of it.
pub const NOT_BEGUN: &str = "not_begun";
/// Error code: a newer build wrote the record, or it is damaged.
pub const UNREADABLE: &str = "unreadable";

/// Action on failed jobs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum DeadLetterAction {
    /// Retries the jobs.
    Retry,
    /// Removes the jobs from the list.
    Forget,
}

/// Outcome of an action on a dead letter.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum DeadLetterOutcome {
    /// The dead letter stays and must be put back.
    Kept,
    /// The dead letter was left over and is deleted.
    Cleared,
    /// The action was applied, and the dead letter is deleted.
    Done,
}

/// Failed jobs of all queues.
pub struct AllFailedJobs {
    /// Of the emails queue.
    pub emails: FailedJobs<Email>,
    /// Of the uploads queue, which has dead letters only.
    pub uploads: FailedJobs<Photo>,
    /// Of the photos queue.
    pub photos: FailedJobs<Photo>,
    /// Of the downloads queue.
    pub downloads: FailedJobs<Download>,
    /// Of the webhooks queue.
    pub webhooks: FailedJobs<Delivery>,
    /// Of the default queue.
    pub operations: FailedJobs<Operation>,
}

/// Runs an expression with the [`FailedJobs`] of a queue among [`AllFailedJobs`], for any type of record.
#[macro_export]
macro_rules! on_failed_jobs {
    ($all:expr, $queue:expr, |$failed:ident| $run:expr) => {
        match $queue {
            ::domain::queue_config::QueueName::Emails => {
                let $failed = &$all.emails;
                $run
            }
            ::domain::queue_config::QueueName::Uploads => {
                let $failed = &$all.uploads;
                $run
            }
            ::domain::queue_config::QueueName::Photos => {
                let $failed = &$all.photos;
                $run
            }
            ::domain::queue_config::QueueName::Downloads => {
                let $failed = &$all.downloads;
                $run
            }
            ::domain::queue_config::QueueName::Webhooks => {
                let $failed = &$all.webhooks;
                $run
            }
            ::domain::queue_config::QueueName::Default => {
                let $failed = &$all.operations;
                $run
            }
        }
    };
}

/// Restarts a record by `set`, then sends its job. Returns false if the record cannot be restarted.
///
/// After a crash in between, the sweep sends the job. If the same request restarted the record before, the job is sent
/// again without harm.
pub async fn restart<R: JobRecord>(
    table: &Table<R>,
    queue: &Queue,
    (studio, id): (&Studio, Uuid),
    set: impl FnMut(&mut R) -> Result<(), RestartError>,
) -> Result<bool> {
    match table.update(studio, id, set).await? {
        Some((_, Ok(()) | Err(RestartError::Repeated))) => {}
        Some((_, Err(RestartError::UnderWay | RestartError::Impossible))) | None => return Ok(false),
    }
    queue.send(&R::job(studio.clone(), id)).await?;
    Ok(true)
}

/// Returns the subject of a dead event about a new object.
fn not_taken_in(body: &str) -> Subject {
    let object = s3_event::objects(body).ok().and_then(|objects| objects.into_iter().next());
    let key = object.map(|object| object.key).unwrap_or_default();
    let studio = match ObjectKey::parse(&key) {
        Some(
            ObjectKey::Incoming { studio, .. }
            | ObjectKey::Original { studio, .. }
            | ObjectKey::LogoUpload { studio, .. },
        ) => Some(studio),
        _ => None,
    };
    let error = RecordError::new("not_taken_in", "An uploaded object was not taken in. It is still in the bucket.");
    Subject::Message { job: None, studio, error }
}

impl<R: JobRecord> FailedJobs<R> {
    /// Creates the failed jobs of this table, with the queues that the environment names.
    pub fn from_env(env: &Env, table: &Arc<Table<R>>, sqs: &aws_sdk_sqs::Client) -> Result<Self, EnvError> {
        Self::of_queue(env, R::QUEUE, table, sqs)
    }

    /// Creates the failed jobs of a queue whose messages make records of this table, with the queues that the
    /// environment names. They are dead letters only.
    pub fn of_queue(
        env: &Env,
        name: QueueName,
        table: &Arc<Table<R>>,
        sqs: &aws_sdk_sqs::Client,
    ) -> Result<Self, EnvError> {
        let dead_letters = DeadLetters::new(Queue::dead_letters_from_env(env, name, sqs)?);
        Ok(Self { name, table: table.clone(), queue: Queue::from_env(env, name, sqs)?, dead_letters })
    }

    /// Returns whether the failed records of the table are failed jobs of this queue.
    pub fn has_records(&self) -> bool {
        self.name == R::QUEUE
    }

    /// Returns failed records as [`Table::failures`] does.
    pub async fn failures(&self, until: Timestamp, after: Option<&FailureKey>, most: usize) -> Result<Vec<Failure>> {
        if self.has_records() { self.table.failures(until, after, most).await } else { Ok(Vec::new()) }
    }

    /// Counts failed records as [`Table::count_failures`] does.
    pub async fn count_failures(&self, now: Timestamp) -> Result<u64> {
        if self.has_records() { self.table.count_failures(now).await } else { Ok(0) }
    }

    /// Returns the subject of a dead letter's body.
    fn subject(&self, body: &str) -> Subject {
        let message = |job, studio, error| Subject::Message { job, studio, error };
        let job = match Job::decode(body) {
            Ok(job) => job,
            // Events of S3 are jobs too, for photos.
            Err(error) => match s3_event::original(body) {
                Some((studio, photo)) if self.has_records() => Job::ProcessPhoto { studio, photo },
                _ if !self.has_records() && s3_event::is_event(body) => return not_taken_in(body),
                _ => {
                    return message(
                        None,
                        None,
                        RecordError::new("undecodable", format!("The message cannot be read: {error}")),
                    );
                }
            },
        };
        match job.record() {
            Some((studio, id)) if job.queue() == self.name && self.has_records() => {
                return Subject::Record(studio.clone(), id);
            }
            _ => {}
        }
        let error = match job {
            // The release before this one sent operations to the queues of their records.
            Job::Operate { .. } => RecordError::new("operation_failed", "An operation failed after its last attempt."),
            Job::Sweep => {
                RecordError::new("sweep_failed", "A sweep failed in every attempt. The next sweep does its work.")
            }
            _ if job.queue() == self.name => {
                RecordError::new(format!("{}_failed", job.name()), "The job failed in every attempt.")
            }
            _ => RecordError::new("wrong_queue", "The job belongs to another queue."),
        };
        message(Some(job.name()), job.studio().cloned(), error)
    }

    /// Returns the status of a dead letter, based on the current record.
    pub async fn status(&self, letter: &DeadLetter) -> Result<DeadLetterStatus> {
        let (studio, id) = match self.subject(&letter.body) {
            Subject::Record(studio, id) => (studio, id),
            Subject::Message { job, studio, error } => {
                return Ok(DeadLetterStatus::Alone(Entry { job, studio, record: None, error, requested_by: None }));
            }
        };
        let record = match self.table.get(&studio, id).await {
            Err(error) if error.downcast_ref::<Unreadable>().is_some() => {
                let error = RecordError::new(UNREADABLE, "This build cannot read its record.");
                let job = Some(R::job(studio.clone(), id).name());
                return Ok(DeadLetterStatus::Alone(Entry {
                    job,
                    studio: Some(studio),
                    record: Some(id),
                    error,
                    requested_by: None,
                }));
            }
            record => record?,
        };
        if let Some(failed_at) = record.as_ref().and_then(R::failed_at) {
            return Ok(DeadLetterStatus::OfFailure(FailureKey { failed_at, studio, id }));
        }
        if record.as_ref().is_some_and(|record| record.failure().is_some() && record.work().dismissed) {
            return Ok(DeadLetterStatus::Forgotten);
        }
        let requested_by = record.as_ref().and_then(|record| record.work().requested_by);
        let error = match &record {
            None => RecordError::new("no_record", "Its record does not exist."),
            Some(record) => match record.failure() {
                // The failure is not in the index.
                Some(failure) => failure.clone(),
                None if record.work().claims == 0 => {
                    RecordError::new(NOT_BEGUN, "No worker has claimed its record yet. Retry it, do not forget it.")
                }
                None => RecordError::new("not_failed", "Its record has not failed, or has been retried since."),
            },
        };
        let job = Some(R::job(studio.clone(), id).name());
        Ok(DeadLetterStatus::Alone(Entry { job, studio: Some(studio), record: Some(id), error, requested_by }))
    }

    /// Restarts a failed record and sends its job. Returns false if it has not failed.
    pub async fn retry(&self, studio: &Studio, id: Uuid, now: Timestamp, by: Uuid) -> Result<bool> {
        if !self.has_records() {
            return Ok(false);
        }
        restart(&self.table, &self.queue, (studio, id), |record| {
            // A repeated request can find the record in progress or done.
            if record.failure().is_none() && record.work().requested_by != Some(by) {
                return Err(RestartError::Impossible);
            }
            record.restart(now, Some(by))
        })
        .await
    }

    /// Removes a failed record from the list; the record stays failed. Returns whether it was in the list.
    pub async fn forget(&self, studio: &Studio, id: Uuid) -> Result<bool> {
        if !self.has_records() {
            return Ok(false);
        }
        let dismiss = |record: &mut R| {
            if record.failed_at().is_none() {
                return Err(());
            }
            record.work_mut().dismissed = true;
            Ok(())
        };
        Ok(matches!(self.table.update(studio, id, dismiss).await?, Some((_, Ok(())))))
    }

    /// Settles a dead letter.
    ///
    /// A chosen dead letter that is an entry of its own is sent again and then deleted, or only deleted, depending on
    /// the action. A leftover dead letter, whose record was forgotten or restarted by `by`, is deleted.
    pub async fn settle(
        &self,
        letter: &DeadLetter,
        action: DeadLetterAction,
        by: Uuid,
        chosen: impl Fn(&Entry) -> bool + Send,
    ) -> Result<DeadLetterOutcome> {
        let outcome = match self.status(letter).await? {
            DeadLetterStatus::Forgotten => DeadLetterOutcome::Cleared,
            DeadLetterStatus::Alone(entry) if entry.requested_by == Some(by) => DeadLetterOutcome::Cleared,
            DeadLetterStatus::Alone(entry) if chosen(&entry) => DeadLetterOutcome::Done,
            DeadLetterStatus::OfFailure(_) | DeadLetterStatus::Alone(_) => return Ok(DeadLetterOutcome::Kept),
        };
        if outcome == DeadLetterOutcome::Done && action == DeadLetterAction::Retry {
            self.queue.resend(&letter.body, std::time::Duration::ZERO, None).await?;
        }
        self.dead_letters.remove(letter).await?;
        Ok(outcome)
    }
}
