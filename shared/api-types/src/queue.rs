//! Queues and failed jobs, for operators.

use std::fmt;

use domain::{
    RecordError,
    job_counts::ErrorCount,
    queue_config::{Healthy, QueueName},
    queue_switch::Paused,
};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use uuid::Uuid;

/// All queues.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
pub struct Queues {
    /// Queues, most urgent first.
    pub queues: Vec<QueueView>,
}

/// A queue.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
#[schema(as = Queue)]
pub struct QueueView {
    /// Name of the queue.
    pub queue: QueueName,
    /// Number of messages that wait for a worker.
    pub waiting: u64,
    /// Number of messages that a worker has received, or that are hidden until their next attempt.
    pub in_flight: u64,
    /// Number of messages sent with a delay that has not passed.
    pub delayed: u64,
    /// Age of the oldest message in seconds, measured each minute; `null` if there is no measurement.
    pub oldest_seconds: Option<u64>,
    /// Number of records that failed for good and were not removed from the list.
    pub failed: u64,
    /// Time at which `failed` was counted; `null` if this request counted. More than 200 are counted every five minutes.
    #[schema(value_type = Option<String>, format = DateTime)]
    pub failed_counted_at: Option<Timestamp>,
    /// Number of messages in the dead-letter queue.
    pub dead_letters: u64,
    /// Current pause; `null` while the queue is worked on.
    pub paused: Option<PauseView>,
    /// Highest values of a healthy queue.
    pub healthy: Healthy,
    /// Verdict on these values.
    pub verdict: Verdict,
    /// Reasons for a verdict other than `ok`.
    pub reasons: Vec<String>,
}

/// A pause of a queue.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
#[schema(as = QueuePause)]
pub struct PauseView {
    /// Time of the request.
    #[schema(value_type = String, format = DateTime)]
    pub at: Timestamp,
    /// Studio of the operator's token.
    pub by: String,
    /// Time at which the queue resumes by itself: three days after the request.
    #[schema(value_type = String, format = DateTime)]
    pub until: Timestamp,
}

impl From<&Paused> for PauseView {
    fn from(paused: &Paused) -> Self {
        Self { at: paused.at, by: paused.by.to_string(), until: paused.until }
    }
}

/// A queue that was paused or resumed.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
pub struct QueueSwitched {
    /// Name of the queue.
    pub queue: QueueName,
    /// Pause; `null` if the queue is worked on.
    pub paused: Option<PauseView>,
}

/// Health of a queue.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum Verdict {
    /// All values are within the limits of a healthy queue.
    Ok,
    /// An operator has paused the queue.
    Paused,
    /// Too many messages wait, or the oldest waits too long.
    Behind,
    /// More jobs have failed than a healthy queue allows.
    Failing,
}

impl fmt::Display for Verdict {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Ok => "ok",
            Self::Paused => "paused",
            Self::Behind => "behind",
            Self::Failing => "failing",
        })
    }
}

/// Metrics of a queue's function over time.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
pub struct QueueMetrics {
    /// Name of the queue.
    pub queue: QueueName,
    /// Function that processes the queue. The housekeeper processes `uploads` and `default`, and the metrics are of both.
    pub function: String,
    /// Period.
    pub period: MetricsPeriod,
    /// Length of a step in seconds.
    pub step_seconds: u32,
    /// Number of jobs that succeeded in the period.
    pub done: u64,
    /// Number of jobs that failed for good.
    pub failed: u64,
    /// Number of failed attempts that were followed by a retry.
    pub retried: u64,
    /// Steps, oldest first.
    pub points: Vec<MetricsPoint>,
}

/// Period of metrics.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub enum MetricsPeriod {
    /// The last hour, in steps of a minute.
    #[serde(rename = "1h")]
    Hour,
    /// The last day, in steps of 15 minutes.
    #[serde(rename = "24h")]
    Day,
    /// The last week, in steps of two hours.
    #[serde(rename = "7d")]
    Week,
}

/// Metrics of one step.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
pub struct MetricsPoint {
    /// Begin of the step.
    #[schema(value_type = String, format = DateTime)]
    pub at: Timestamp,
    /// Number of jobs that succeeded.
    pub done: u64,
    /// Number of jobs that failed for good.
    pub failed: u64,
    /// Number of failed attempts that were followed by a retry.
    pub retried: u64,
    /// Median run time of attempts in milliseconds; `null` without attempts.
    pub run_p50_ms: Option<f64>,
    /// 95th percentile of the run time in milliseconds; `null` without attempts.
    pub run_p95_ms: Option<f64>,
    /// 95th percentile of the time from sending to delivery in milliseconds; `null` without deliveries.
    pub wait_p95_ms: Option<f64>,
}

/// A page of the failed jobs of a queue, newest first.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
#[schema(as = FailedJobs)]
pub struct FailedJobPage {
    /// Failed jobs. The first page starts with all dead letters without a failed record; they do not count towards
    /// `limit`.
    pub items: Vec<FailedJob>,
    /// Failed jobs that match the filter, grouped by error code; on the first page only. Of more than 200, the 100 most
    /// frequent codes.
    pub groups: Option<Vec<FailureGroup>>,
    /// Time at which the groups were counted; `null` if this request counted. More than 200 failed jobs are counted every
    /// five minutes, unless the filter names a studio.
    #[schema(value_type = Option<String>, format = DateTime)]
    pub groups_counted_at: Option<Timestamp>,
    /// Value of `cursor` for the next page; `null` on the last page.
    pub next_cursor: Option<String>,
}

/// Kind of a failed job.
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
    /// Id by which the job is retried or removed from the list.
    #[schema(example = "anna:01923a5c-7b1e-7000-8000-0000000000ff")]
    pub id: String,
    /// Whether the failed job is a record or a message.
    pub kind: FailedKind,
    /// Name of the job; `null` if it is unknown.
    pub job: Option<String>,
    /// Studio of the job; `null` if it is unknown.
    pub studio: Option<String>,
    /// Id of the job's record.
    pub record_id: Option<Uuid>,
    /// Number of attempts of a record, or of deliveries of a message.
    pub tries: u32,
    /// Error of the job.
    pub error: RecordError,
    /// Cause of the last attempt's failure, for operators.
    pub cause: Option<String>,
    /// Time of the first failure; for a message, the time at which it was sent.
    #[schema(value_type = String, format = DateTime)]
    pub first_failed_at: Timestamp,
    /// Time of the last failure; `null` for a message.
    #[schema(value_type = Option<String>, format = DateTime)]
    pub last_failed_at: Option<Timestamp>,
    /// Number of the job's messages in the dead-letter queue.
    pub dead_letters: u32,
    /// Body of a message, up to 4 KiB, without addresses and tokens; `null` for a record.
    pub body: Option<String>,
    /// Bytes of the whole body; `null` for a record.
    pub body_bytes: Option<u64>,
}

/// The failed jobs of a queue that have the same error code.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
pub struct FailureGroup {
    /// Error code; failed jobs can be retried and removed by it.
    pub code: String,
    /// Error message of the newest failed job.
    pub message: String,
    /// Cause of the last failure of the newest failed job.
    pub cause: Option<String>,
    /// Number of failed jobs.
    pub count: u64,
    /// Time of the earliest first failure.
    #[schema(value_type = String, format = DateTime)]
    pub first_failed_at: Timestamp,
    /// Time of the latest failure.
    #[schema(value_type = Option<String>, format = DateTime)]
    pub last_failed_at: Option<Timestamp>,
}

impl From<ErrorCount> for FailureGroup {
    fn from(errors: ErrorCount) -> Self {
        let ErrorCount { error, cause, count, first_failed_at, last_failed_at } = errors;
        Self { code: error.code, message: error.message, cause, count, first_failed_at, last_failed_at }
    }
}

/// Result of a request to retry failed jobs.
#[derive(Debug, Default, Serialize, Deserialize, ToSchema)]
pub struct Retried {
    /// Ids of the retried jobs.
    pub retried: Vec<String>,
    /// Jobs that were not retried.
    pub skipped: Vec<Skipped>,
}

/// A failed job that was not retried.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
pub struct Skipped {
    /// Id of the failed job.
    pub id: String,
    /// Reason why the job was not retried.
    pub reason: String,
}

/// A failed job that was removed from the list.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
pub struct Forgotten {
    /// Id of the failed job.
    pub forgotten: String,
}
