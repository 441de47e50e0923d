//! Responses of the API, as far as the command shows them.

use serde::Deserialize;

/// `GET /queues`.
#[derive(Debug, Deserialize)]
pub struct Queues {
    /// In the order of their priority.
    pub queues: Vec<Queue>,
}

/// How one queue is.
#[derive(Debug, Deserialize)]
pub struct Queue {
    /// Its name.
    #[serde(rename = "queue")]
    pub name: String,
    /// Messages that wait.
    pub waiting: u64,
    /// Messages that are worked on.
    pub in_flight: u64,
    /// Messages that are not due yet.
    pub delayed: u64,
    /// Age of the oldest message, where it is known.
    pub oldest_seconds: Option<u64>,
    /// Failed jobs.
    pub failed: u64,
    /// Messages in the dead-letter queue.
    pub dead_letters: u64,
    /// `ok`, `behind` or `failing`.
    pub verdict: String,
    /// Why it is not `ok`.
    pub reasons: Vec<String>,
}

impl Queue {
    /// Whether nobody needs to look.
    pub fn is_ok(&self) -> bool {
        self.verdict == "ok"
    }
}

/// A page of `GET /queues/{q}/failed`.
#[derive(Debug, Deserialize)]
pub struct FailedPage {
    /// Newest first.
    pub items: Vec<FailedJob>,
    /// All that the filters take, by error; on the first page only.
    #[serde(default)]
    pub groups: Option<Vec<Group>>,
    /// Where the next page begins.
    pub next_cursor: Option<String>,
}

/// A failed job: a record's, or a message that is no job of ours.
#[derive(Debug, Deserialize)]
pub struct FailedJob {
    /// The record's or the message's.
    pub id: String,
    /// `record` or `message`.
    pub kind: String,
    /// `send_email`, `process_photo` or `build_archive`, where it is known.
    pub job: Option<String>,
    /// Whose it is, where it is known.
    pub studio: Option<String>,
    /// How often it was tried.
    pub tries: u64,
    /// Why it failed.
    pub error: Option<Fault>,
    /// RFC 3339.
    pub first_failed_at: Option<String>,
    /// RFC 3339.
    pub last_failed_at: Option<String>,
}

/// Failed jobs with the same error.
#[derive(Debug, Deserialize)]
pub struct Group {
    /// For programs.
    pub code: String,
    /// For people; one of theirs, if they differ.
    pub message: String,
    /// What the last try of the newest met, where that is kept.
    #[serde(default)]
    pub cause: Option<String>,
    /// How many.
    pub count: u64,
}

/// Code and sentence.
#[derive(Debug, Deserialize)]
pub struct Fault {
    /// For programs.
    pub code: String,
    /// For people.
    pub message: String,
}

/// `POST /queues/{q}/failed/retry` with ids.
#[derive(Debug, Deserialize)]
pub struct Retried {
    /// Those on the queue again.
    pub retried: Vec<String>,
    /// Those that are not.
    pub skipped: Vec<Skipped>,
}

/// One that could not be retried.
#[derive(Debug, Deserialize)]
pub struct Skipped {
    /// Which.
    pub id: String,
    /// Why.
    pub reason: String,
}

/// An operation that was begun.
#[derive(Debug, Deserialize)]
pub struct Begun {
    /// As it is at its begin.
    pub operation: Operation,
}

/// Many jobs' retry or removal, done bit by bit.
#[derive(Debug, Deserialize)]
pub struct Operation {
    /// Its id.
    pub id: String,
    /// `retry`, `forget` or `regenerate`.
    pub kind: String,
    /// The queue that it is about.
    pub queue: String,
    /// `pending`, `processing`, `done` or `failed`.
    pub status: String,
    /// How many are done so far.
    pub done: u64,
    /// Why it failed.
    pub error: Option<Fault>,
}

impl Operation {
    /// Whether nothing more will happen.
    pub fn has_ended(&self) -> bool {
        matches!(self.status.as_str(), "done" | "failed")
    }
}
