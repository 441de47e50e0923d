//! The failed-jobs desk of one queue: what failed, as records and as messages; tried again or forgotten.
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

/// One queue's failures and the means to mend them.
pub struct Desk<R> {
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
    /// A record of the desk's table.
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

/// What a dead letter means beside its record.
#[derive(Debug, PartialEq, Eq)]
pub enum Standing {
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
    /// The deed was done to it, and it is gone.
    Done,
}

impl<R: JobRecord> Desk<R> {
    /// The failures of this table, with the queues that the environment names for its jobs.
    pub fn from_env(env: &Env, table: Arc<Table<R>>, sqs: &aws_sdk_sqs::Client) -> Result<Self, EnvError> {
        let dead_letters = DeadLetters::new(Queue::dead_letters_from_env(env, R::QUEUE, sqs)?);
        Ok(Self { table, queue: Queue::from_env(env, R::QUEUE, sqs)?, dead_letters })
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

    /// What a dead letter means, as its record is now.
    pub async fn standing(&self, letter: &DeadLetter) -> Result<Standing> {
        let (studio, id) = match Self::subject(&letter.body) {
            Subject::Record(studio, id) => (studio, id),
            Subject::Message { job, studio, error } => {
                return Ok(Standing::Alone(Entry { job, studio, record: None, error, ordered_by: None }));
            }
        };
        let record = match self.table.get(&studio, id).await {
            Err(error) if error.downcast_ref::<Unreadable>().is_some() => {
                let error = RecordError::new(UNREADABLE, "This build can't read the record that it names.");
                let job = Some(R::job(studio.clone(), id).name());
                return Ok(Standing::Alone(Entry {
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
            return Ok(Standing::OfFailure(FailureKey { failed_at, studio, id }));
        }
        if record.as_ref().is_some_and(|record| record.failure().is_some() && record.work().dismissed) {
            return Ok(Standing::Forgotten);
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
        Ok(Standing::Alone(Entry { job, studio: Some(studio), record: Some(id), error, ordered_by }))
    }

    /// Sets a failed record going again and sends its job; false if it has not failed.
    pub async fn retry(&self, studio: &Studio, id: Uuid, now: Timestamp, by: Uuid) -> Result<bool> {
        self.restart(studio, id, |record| {
            // Asked for twice, it may be under way or done by now.
            if record.failure().is_none() && record.work().ordered_by != Some(by) {
                return Err(NotAgain::Impossible);
            }
            record.restart(now, Some(by))
        })
        .await
    }

    /// Sets a record going again by `set`, then sends its job; false if it can't be. A crash in between is found by the sweep.
    /// The job of a record that the same request restarted before is sent again, which does no harm.
    pub async fn restart(
        &self,
        studio: &Studio,
        id: Uuid,
        set: impl FnMut(&mut R) -> Result<(), NotAgain>,
    ) -> Result<bool> {
        match self.table.update(studio, id, set).await? {
            Some((_, Ok(()) | Err(NotAgain::Repeated))) => {}
            Some((_, Err(NotAgain::UnderWay | NotAgain::Impossible))) | None => return Ok(false),
        }
        self.queue.send(&R::job(studio.clone(), id)).await?;
        Ok(true)
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

    /// Does the deed to a dead letter that is an entry of its own and chosen: sends what it says anew and then removes it, or
    /// only removes it. One that was left over, by a record that `by` has restarted or that was forgotten, is removed.
    pub async fn deal(
        &self,
        letter: &DeadLetter,
        action: DeadLetterAction,
        by: Uuid,
        chosen: impl Fn(&Entry) -> bool + Send,
    ) -> Result<DeadLetterOutcome> {
        let outcome = match self.standing(letter).await? {
            Standing::Forgotten => DeadLetterOutcome::Cleared,
            Standing::Alone(entry) if entry.ordered_by == Some(by) => DeadLetterOutcome::Cleared,
            Standing::Alone(entry) if chosen(&entry) => DeadLetterOutcome::Done,
            Standing::OfFailure(_) | Standing::Alone(_) => return Ok(DeadLetterOutcome::Kept),
        };
        if outcome == DeadLetterOutcome::Done && action == DeadLetterAction::Retry {
            self.queue.restart(&letter.body, std::time::Duration::ZERO, None).await?;
        }
        self.dead_letters.remove(letter).await?;
        Ok(outcome)
    }
}
