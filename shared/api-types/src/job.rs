//! Jobs, for operators: what runs, and the story of one record.

use domain::{
    RecordError,
    download::Download,
    email::Email,
    job_record::{JobPhase, JobRecord},
    job_state::{Attempt, AttemptOutcome, JobState},
    operation::Operation,
    order::Order,
    photo::Photo,
    queue_config::QueueName,
    webhook::Delivery,
};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use uuid::Uuid;

/// A page of jobs that are not finished.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
#[schema(as = JobPage)]
pub struct JobPage {
    /// Jobs on the page, in no particular order.
    pub items: Vec<JobView>,
    /// Value of `cursor` for the next page; `null` on the last page. A page can have fewer than `limit` jobs without
    /// being the last.
    pub next_cursor: Option<String>,
}

/// A job and its attempts.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
#[schema(as = Job)]
pub struct JobView {
    /// Name of the job.
    #[schema(example = "build_archive")]
    pub job: String,
    /// Queue of the job.
    pub queue: QueueName,
    /// Studio of the record.
    pub studio: String,
    /// Id of the record that the job works on.
    pub record_id: Uuid,
    /// Phase of the job.
    pub phase: JobPhase,
    /// Number of attempts that count.
    pub tries: u32,
    /// Time by which the record must progress; later its job is sent again. `null` for a finished job.
    #[schema(value_type = Option<String>, format = DateTime)]
    pub due_at: Option<Timestamp>,
    /// Error of the record.
    pub error: Option<RecordError>,
    /// Cause of the last failed attempt.
    pub cause: Option<String>,
    /// Last attempts, oldest first: up to 10.
    pub attempts: Vec<AttemptView>,
}

/// An attempt of a job.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
#[schema(as = Attempt)]
pub struct AttemptView {
    /// Time of the claim.
    #[schema(value_type = String, format = DateTime)]
    pub started_at: Timestamp,
    /// Time at which the outcome was recorded; `null` while the attempt runs, and if it was lost.
    #[schema(value_type = Option<String>, format = DateTime)]
    pub ended_at: Option<Timestamp>,
    /// Outcome; `null` while the attempt runs.
    pub outcome: Option<AttemptOutcome>,
    /// Cause of the failure.
    pub cause: Option<String>,
    /// Id of the function's invocation, which its log lines have.
    pub request_id: Option<String>,
    /// Page of CloudWatch with the log of the invocation; `null` on one machine.
    #[schema(format = "uri")]
    pub logs_url: Option<String>,
}

/// Kind of a record.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum RecordKind {
    /// A photo.
    Photo,
    /// An order.
    Order,
    /// A download.
    Download,
    /// An email.
    Email,
    /// A delivery of an event to a webhook.
    Delivery,
    /// An operation on many records.
    Operation,
}

impl RecordKind {
    /// Returns the kind as written in responses.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Photo => "photo",
            Self::Order => "order",
            Self::Download => "download",
            Self::Email => "email",
            Self::Delivery => "delivery",
            Self::Operation => "operation",
        }
    }
}

/// A record, as operators see it: without addresses and pictures.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
#[schema(as = RecordSummary)]
pub struct RecordSummary {
    /// Kind of the record.
    pub kind: RecordKind,
    /// Id of the record.
    pub id: Uuid,
    /// Status of the record.
    #[schema(example = "ready")]
    pub status: String,
    /// File name of a photo, reference of an order, template of an email, type of a delivery's event, kind of an operation;
    /// empty for others.
    pub title: String,
    /// Time at which the record was created.
    #[schema(value_type = String, format = DateTime)]
    pub created_at: Timestamp,
}

/// The story of a record and of the records that belong to it.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
pub struct JobStory {
    /// Studio of the record.
    pub studio: String,
    /// The record.
    pub record: RecordSummary,
    /// Its job; `null` for an order, which has none.
    pub job: Option<JobView>,
    /// Records that belong to it: of an order its downloads and emails, of a download or an email the order and the others.
    /// Up to 20 downloads, and 20 emails about each record.
    pub related: Vec<RecordSummary>,
    /// Steps of all these records in order of time, oldest first.
    pub timeline: Vec<Step>,
}

/// A step of a record.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
pub struct Step {
    /// Time of the step.
    #[schema(value_type = String, format = DateTime)]
    pub at: Timestamp,
    /// Kind of the record.
    pub kind: RecordKind,
    /// Id of the record.
    pub id: Uuid,
    /// Name of the step: `created`, a status, `attempt_started`, `attempt_ended`, or the type of an event.
    #[schema(example = "attempt_ended")]
    pub step: String,
    /// Details: the outcome and the cause of an attempt, or the answer of a shop.
    pub detail: Option<String>,
}

/// Studios with unfinished or failed jobs, most unfinished ones first.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
pub struct StudioLoads {
    /// Studios: up to 100.
    pub items: Vec<StudioLoad>,
    /// Whether all jobs were counted. Of a longer backlog a part is counted.
    pub complete: bool,
    /// Time of the oldest of these numbers; `null` if this request counted. The jobs of a queue with more than 200 are counted
    /// every five minutes.
    #[schema(value_type = Option<String>, format = DateTime)]
    pub counted_at: Option<Timestamp>,
}

/// The jobs of a studio.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
pub struct StudioLoad {
    /// Id of the studio.
    pub studio: String,
    /// Name of the studio; `null` if it has set none.
    pub name: Option<String>,
    /// Number of jobs that are not finished.
    pub unfinished: u64,
    /// Number of jobs that failed for good and are in the list of failed jobs.
    pub failed: u64,
}

/// Orders of a studio that have a reference.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
pub struct OrdersFound {
    /// Orders, newest first: up to 50.
    pub items: Vec<RecordSummary>,
}

impl JobView {
    /// Returns the view of a record's job at `now`. `logs` returns the page of an invocation's log.
    pub fn of<R: JobRecord>(record: &R, now: Timestamp, logs: impl Fn(&Attempt) -> Option<String>) -> Self {
        let JobState { attempts, due_at, cause, history, .. } = record.work();
        let attempt = |attempt: &Attempt| AttemptView {
            started_at: attempt.started_at,
            ended_at: attempt.ended_at,
            outcome: attempt.outcome,
            cause: attempt.cause.clone(),
            request_id: attempt.request_id.clone(),
            logs_url: logs(attempt),
        };
        Self {
            job: R::job(record.studio().clone(), record.id()).name().to_owned(),
            queue: R::QUEUE,
            studio: record.studio().to_string(),
            record_id: record.id(),
            phase: record.phase(now),
            tries: *attempts,
            due_at: *due_at,
            error: record.error().cloned(),
            cause: cause.clone(),
            attempts: history.attempts().iter().map(attempt).collect(),
        }
    }
}

impl RecordSummary {
    fn new(kind: RecordKind, id: Uuid, status: &str, title: impl Into<String>, created_at: Timestamp) -> Self {
        Self { kind, id, status: status.to_owned(), title: title.into(), created_at }
    }
}

impl From<&Photo> for RecordSummary {
    fn from(photo: &Photo) -> Self {
        Self::new(RecordKind::Photo, photo.id, photo.status.as_str(), &photo.filename, photo.created_at)
    }
}

impl From<&Order> for RecordSummary {
    fn from(order: &Order) -> Self {
        let status = if order.is_erased() { "erased" } else { "open" };
        Self::new(RecordKind::Order, order.id, status, &order.reference, order.created_at)
    }
}

impl From<&Download> for RecordSummary {
    fn from(download: &Download) -> Self {
        Self::new(RecordKind::Download, download.id, download.status.as_str(), "", download.created_at)
    }
}

impl From<&Email> for RecordSummary {
    fn from(email: &Email) -> Self {
        Self::new(RecordKind::Email, email.id, email.status.as_str(), email.message.template(), email.created_at)
    }
}

impl From<&Delivery> for RecordSummary {
    fn from(delivery: &Delivery) -> Self {
        let (status, kind) = (delivery.status.as_str(), delivery.kind.as_str());
        Self::new(RecordKind::Delivery, delivery.id, status, kind, delivery.created_at)
    }
}

impl From<&Operation> for RecordSummary {
    fn from(operation: &Operation) -> Self {
        let (status, kind) = (operation.status.as_str(), operation.task.kind());
        Self::new(RecordKind::Operation, operation.id, status, kind, operation.created_at)
    }
}
