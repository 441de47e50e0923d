//! Failed jobs of one queue: records that failed for good, and dead letters; retried or forgotten.
//!
//! A record that failed is in its table's index of failures. A job whose tries were spent has left its message in the
//! dead-letter queue besides; a body that is no job has left only that. The record is the truth: a message whose record is in
//! the list is part of that record's entry, and leaves with it. Looking at dead letters hides them for half a minute.
//!
//! - Retry: the record restarts, its job is sent, the dead letter is removed, in that order. After the first step the sweep knows
//!   of it.
//! - Forget: the record is marked and leaves the index; it stays failed. Then its dead letters are removed.
//! - All of a kind: an operation goes page by page. It takes what had failed when it was requested.

mod dead_letters;

use std::sync::Arc;

use anyhow::Result;
pub use dead_letters::{DeadLetter, DeadLetters, LOOKED_AT};
use domain::{error::RecordError, job::Job, job_record::JobRecord, job_state::NotAgain, studio::Studio};
use jiff::Timestamp;
use uuid::Uuid;

use crate::{
    env::{Env, EnvError},
    queue::Queue,
    s3_event,
    store::{FailureKey, Table, Unreadable},
};

/// Records or dead letters worked on concurrently.
pub const CONCURRENCY: usize = 16;

/// Failed jobs of one queue.
pub struct FailedJobs<R> {
    /// Its records.
    pub table: Arc<Table<R>>,
    /// Where its jobs are sent.
    pub queue: Queue,
    /// Its dead letters.
    pub dead_letters: DeadLetters,
}

/// What a dead letter speaks of.
#[derive(Debug, PartialEq, Eq)]
enum Subject {
    /// A record of the table.
    Record(Studio, Uuid),
    /// No record: why it is here.
    Message {
        /// The job's name, where it is one.
        job: Option<&'static str>,
        /// Owner, where it names one.
        studio: Option<Studio>,
        /// What is wrong with it.
        error: RecordError,
    },
}

/// Status of a dead letter, seen beside its record.
#[derive(Debug, PartialEq, Eq)]
pub enum DeadLetterStatus {
    /// Its record is in the list of failures: the letter is part of that entry.
    OfFailure(FailureKey),
    /// Its record was taken off the list: the letter is left over.
    Forgotten,
    /// It is an entry of its own.
    Alone(Entry),
}

/// A dead letter without a failed record.
#[derive(Debug, PartialEq, Eq)]
pub struct Entry {
    /// The job's name, where it is one.
    pub job: Option<&'static str>,
    /// Owner, where it names one.
    pub studio: Option<Studio>,
    /// The record that it names, where it names one.
    pub record: Option<Uuid>,
    /// What is wrong with it.
    pub error: RecordError,
    /// The request that has set its record going again since.
    pub ordered_by: Option<Uuid>,
}

/// No worker has come to the record: of an upload, its message is all that tells of it.
pub const NOT_BEGUN: &str = "not_begun";
/// A newer build wrote the record, or it is damaged.
pub const UNREADABLE: &str = "unreadable";

/// What is done with failed jobs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum DeadLetterAction {
    /// They are tried again.
    Retry,
    /// They leave the list.
    Forget,
}

/// What became of a dead letter.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum DeadLetterOutcome {
    /// It is to be put back.
    Kept,
    /// It was left over, and is gone.
    Cleared,
    /// The action was applied, and it is gone.
    Done,
}

/// Restarts a record by `set`, then sends its job. Returns false if it can't be restarted. After a crash in between, the sweep
/// sends the job. The job of a record that the same request restarted before is sent again, which does no harm.
pub async fn restart<R: JobRecord>(
    table: &Table<R>,
    queue: &Queue,
    (studio, id): (&Studio, Uuid),
    set: impl FnMut(&mut R) -> Result<(), NotAgain>,
) -> Result<bool> {
    match table.update(studio, id, set).await? {
        Some((_, Ok(()) | Err(NotAgain::Repeated))) => {}
        Some((_, Err(NotAgain::UnderWay | NotAgain::Impossible))) | None => return Ok(false),
    }
    queue.send(&R::job(studio.clone(), id)).await?;
    Ok(true)
}

impl<R: JobRecord> FailedJobs<R> {
    /// The failed jobs of this table, with the queues that the environment names for its jobs.
    pub fn from_env(env: &Env, table: &Arc<Table<R>>, sqs: &aws_sdk_sqs::Client) -> Result<Self, EnvError> {
        let dead_letters = DeadLetters::new(Queue::dead_letters_from_env(env, R::QUEUE, sqs)?);
        Ok(Self { table: table.clone(), queue: Queue::from_env(env, R::QUEUE, sqs)?, dead_letters })
    }

    /// What a dead letter's body speaks of.
    fn subject(body: &str) -> Subject {
        let message = |job, studio, error| Subject::Message { job, studio, error };
        let job = match Job::decode(body) {
            Ok(job) => job,
            // S3's own events are jobs too, for photos.
            Err(error) => match s3_event::originals(body).ok().and_then(|mut originals| originals.pop()) {
                Some(original) => Job::ProcessPhoto { studio: original.studio, photo: original.photo },
                None => {
                    return message(None, None, RecordError::new("undecodable", format!("It can't be read: {error}")));
                }
            },
        };
        match job.record() {
            Some((studio, id)) if job.queue() == R::QUEUE => return Subject::Record(studio.clone(), id),
            _ => {}
        }
        let error = match job {
            // The release before this one sent operations to the queues of their records.
            Job::Operate { .. } => RecordError::new("operation_failed", "An operation was given up."),
            Job::Sweep => RecordError::new("sweep_failed", "A sweep failed at every try; the next one does its work."),
            _ => RecordError::new("wrong_queue", "It is no job of this queue."),
        };
        message(Some(job.name()), job.record().map(|(studio, _)| studio.clone()), error)
    }

    /// Returns the status of a dead letter, as its record is now.
    pub async fn status(&self, letter: &DeadLetter) -> Result<DeadLetterStatus> {
        let (studio, id) = match Self::subject(&letter.body) {
            Subject::Record(studio, id) => (studio, id),
            Subject::Message { job, studio, error } => {
                return Ok(DeadLetterStatus::Alone(Entry { job, studio, record: None, error, ordered_by: None }));
            }
        };
        let record = match self.table.get(&studio, id).await {
            Err(error) if error.downcast_ref::<Unreadable>().is_some() => {
                let error = RecordError::new(UNREADABLE, "This build can't read the record that it names.");
                let job = Some(R::job(studio.clone(), id).name());
                return Ok(DeadLetterStatus::Alone(Entry {
                    job,
                    studio: Some(studio),
                    record: Some(id),
                    error,
                    ordered_by: None,
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
        let ordered_by = record.as_ref().and_then(|record| record.work().ordered_by);
        let error = match &record {
            None => RecordError::new("no_record", "The record that it names does not exist."),
            Some(record) => match record.failure() {
                // Of a failure that is not in the index.
                Some(failure) => failure.clone(),
                None if record.work().claims == 0 => RecordError::new(
                    NOT_BEGUN,
                    "No worker has begun the record that it names. Try it again, don't forget it.",
                ),
                None => RecordError::new("not_failed", "The record that it names has not failed, or not any more."),
            },
        };
        let job = Some(R::job(studio.clone(), id).name());
        Ok(DeadLetterStatus::Alone(Entry { job, studio: Some(studio), record: Some(id), error, ordered_by }))
    }

    /// Restarts a failed record and sends its job. Returns false if it has not failed.
    pub async fn retry(&self, studio: &Studio, id: Uuid, now: Timestamp, by: Uuid) -> Result<bool> {
        restart(&self.table, &self.queue, (studio, id), |record| {
            // Asked for twice, it may be under way or done by now.
            if record.failure().is_none() && record.work().ordered_by != Some(by) {
                return Err(NotAgain::Impossible);
            }
            record.restart(now, Some(by))
        })
        .await
    }

    /// Takes a failed record off the list; it stays failed. Was it on it?
    pub async fn forget(&self, studio: &Studio, id: Uuid) -> Result<bool> {
        let dismiss = |record: &mut R| {
            if record.failed_at().is_none() {
                return Err(());
            }
            record.work_mut().dismissed = true;
            Ok(())
        };
        Ok(matches!(self.table.update(studio, id, dismiss).await?, Some((_, Ok(())))))
    }

    /// Applies the action to a dead letter that is a failed job of its own and chosen: sends its body anew and then removes it, or
    /// only removes it. A letter that is left over, of a record that `by` has restarted or that was forgotten, is removed.
    pub async fn settle(
        &self,
        letter: &DeadLetter,
        action: DeadLetterAction,
        by: Uuid,
        chosen: impl Fn(&Entry) -> bool + Send,
    ) -> Result<DeadLetterOutcome> {
        let outcome = match self.status(letter).await? {
            DeadLetterStatus::Forgotten => DeadLetterOutcome::Cleared,
            DeadLetterStatus::Alone(entry) if entry.ordered_by == Some(by) => DeadLetterOutcome::Cleared,
            DeadLetterStatus::Alone(entry) if chosen(&entry) => DeadLetterOutcome::Done,
            DeadLetterStatus::OfFailure(_) | DeadLetterStatus::Alone(_) => return Ok(DeadLetterOutcome::Kept),
        };
        if outcome == DeadLetterOutcome::Done && action == DeadLetterAction::Retry {
            self.queue.restart(&letter.body, std::time::Duration::ZERO, None).await?;
        }
        self.dead_letters.remove(letter).await?;
        Ok(outcome)
    }
}
