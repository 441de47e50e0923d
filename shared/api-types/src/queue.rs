//! Queues and what failed on them, for operators.

use std::fmt;

use domain::{
    RecordError,
    queue_config::{Healthy, QueueName},
};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use uuid::Uuid;

/// All queues.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
pub struct Queues {
    /// Most urgent first.
    pub queues: Vec<QueueView>,
}

/// A queue.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
#[schema(as = Queue)]
pub struct QueueView {
    /// Its name.
    pub queue: QueueName,
    /// Messages that wait.
    pub waiting: u64,
    /// Messages in a worker's hands, or hidden until they are tried again.
    pub in_flight: u64,
    /// Messages sent to be seen later.
    pub delayed: u64,
    /// How long the oldest message has been on the queue, as last measured, each minute; `null` where nothing was.
    pub oldest_seconds: Option<u64>,
    /// Records that failed for good and were not forgotten.
    pub failed: u64,
    /// Messages in the dead-letter queue.
    pub dead_letters: u64,
    /// The most that it shows while all is well.
    pub healthy: Healthy,
    /// What that makes together.
    pub verdict: Verdict,
    /// Why it is not `ok`.
    pub reasons: Vec<String>,
}

/// How a queue is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum Verdict {
    /// All is well.
    Ok,
    /// More waits, or for longer, than it should.
    Behind,
    /// Jobs have failed.
    Failing,
}

impl fmt::Display for Verdict {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Ok => "ok",
            Self::Behind => "behind",
            Self::Failing => "failing",
        })
    }
}

/// Some of the failed jobs of a queue, newest first.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
#[schema(as = FailedJobs)]
pub struct FailedJobPage {
    /// Failed jobs. On the first page, dead letters without a failed record stand before all others, beyond `limit`.
    pub items: Vec<FailedJob>,
    /// All failed jobs that the filters take, by error; on the first page only.
    pub groups: Option<Vec<FailureGroup>>,
    /// To be given as `cursor` for the next ones; `null` at the end.
    pub next_cursor: Option<String>,
}

/// What a failed job is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum FailedKind {
    /// A record that failed, with its dead letters.
    Record,
    /// A dead letter without a failed record.
    Message,
}

/// A failed job.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
pub struct FailedJob {
    /// What it is retried and forgotten by.
    #[schema(example = "anna:01923a5c-7b1e-7000-8000-0000000000ff")]
    pub id: String,
    /// A record or a message.
    pub kind: FailedKind,
    /// Which job, where that can be told.
    pub job: Option<String>,
    /// Whose, where that can be told.
    pub studio: Option<String>,
    /// The record that it is about.
    pub record_id: Option<Uuid>,
    /// Tries of a record; deliveries of a message.
    pub tries: u32,
    /// Why it failed.
    pub error: RecordError,
    /// What the last try met, in words for operators.
    pub cause: Option<String>,
    /// When it failed first; of a message, when it was sent.
    #[schema(value_type = String, format = DateTime)]
    pub first_failed_at: Timestamp,
    /// When it failed last; of a message nobody knows.
    #[schema(value_type = Option<String>, format = DateTime)]
    pub last_failed_at: Option<Timestamp>,
    /// Its messages in the dead-letter queue.
    pub dead_letters: u32,
}

/// The failed jobs of a queue that have the same error.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
pub struct FailureGroup {
    /// The error's code; failed jobs are retried and forgotten by it.
    pub code: String,
    /// What it says, of the newest.
    pub message: String,
    /// What the last try of the newest met.
    pub cause: Option<String>,
    /// How many.
    pub count: u64,
    /// When the first of them failed first.
    #[schema(value_type = String, format = DateTime)]
    pub first_failed_at: Timestamp,
    /// When the last of them failed last.
    #[schema(value_type = Option<String>, format = DateTime)]
    pub last_failed_at: Option<Timestamp>,
}

/// What became of failed jobs that were to be tried again.
#[derive(Debug, Default, Serialize, Deserialize, ToSchema)]
pub struct Retried {
    /// These are on the queue.
    pub retried: Vec<String>,
    /// These are not.
    pub skipped: Vec<Skipped>,
}

/// A failed job that was not tried again.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
pub struct Skipped {
    /// Which.
    pub id: String,
    /// Why.
    pub reason: String,
}

/// A failed job that was taken off the list.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
pub struct Forgotten {
    /// Which.
    pub forgotten: String,
}
