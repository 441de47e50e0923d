//! Registry of a function's jobs, and dispatch of messages to them.
//!
//! Path of a message: [`batch`] receives it, the worker decodes its job and finds the handler, [`lease`] claims the
//! record and runs the handler, the handler's follow-ups are sent, and the message is acknowledged, hidden or refused.

use std::{collections::BTreeMap, sync::Arc};

use anyhow::{Result, anyhow};
use aws_lambda_events::sqs::{SqsBatchResponse, SqsEvent};
use domain::{
    error::{JobError, ServiceUnavailable},
    job::Job,
    job_record::JobRecord,
    job_state::{AttemptId, Claim},
    queue_config::QueueName,
    studio::Studio,
};
use futures::future::BoxFuture;
use jiff::{SignedDuration, Timestamp};
use lambda_runtime::{LambdaEvent, service_fn};
use tracing::{Instrument as _, Span, info, warn};
use uuid::Uuid;

use crate::{
    batch::{self, Delivery, Disposition, Redelivery},
    env::{Env, EnvError},
    lease::{self, Ended, Lease},
    metrics,
    queue::Queue,
    s3_event::{self, NewObject},
    store::Table,
};

/// A job on one record, under a lease.
///
/// The worker takes care of claim, attempts, retries, dead letters, metrics and logs.
pub trait JobHandler: Send + Sync + 'static {
    /// Name of the job in messages.
    const NAME: &'static str;
    /// Record that the job works on.
    type Record: JobRecord;
    /// Data that the claim depends on, read before it; `()` if there is none.
    type Prepared: Default + Send + Sync;

    /// Returns the table of the records.
    fn table(&self) -> &Arc<Table<Self::Record>>;

    /// Returns the tracing span of the job on this record.
    fn span(studio: &Studio, id: Uuid) -> Span;

    /// Reads the data that the claim depends on.
    fn prepare(&self, _: &Studio, _: Uuid) -> impl Future<Output = Result<Self::Prepared, JobError>> + Send {
        async { Ok(Self::Prepared::default()) }
    }

    /// Claims the record for the attempt `by` until `lease_until`.
    fn claim(
        record: &mut Self::Record,
        by: AttemptId,
        now: Timestamp,
        lease_until: Timestamp,
        _: &Self::Prepared,
    ) -> Claim {
        record.claim(by, now, lease_until)
    }

    /// Runs the job, completes the record and returns it.
    fn run(
        &self,
        lease: Arc<Lease<Self::Record>>,
        prepared: &Self::Prepared,
    ) -> impl Future<Output = Result<Self::Record, JobError>> + Send;

    /// Sends the follow-ups of the outcome. Runs before the message is acknowledged and can run again, so each step
    /// must be idempotent.
    fn follow_up(
        &self,
        _: (&Studio, Uuid),
        _: &Ended<Self::Record>,
        _: &Self::Prepared,
        _: Timestamp,
    ) -> impl Future<Output = Result<(), JobError>> + Send {
        async { Ok(()) }
    }
}

/// A job that claims no record. After a failure it runs again from the beginning.
///
/// A job of a schedule that meets an unavailable service, or the function's deadline, is acknowledged, because the
/// schedule sends the next one. Waiting ones would pile up during an outage, and become dead letters after a day.
pub trait PlainJobHandler: Send + Sync + 'static {
    /// Name of the job in messages.
    const NAME: &'static str;
    /// Whether a schedule sends the job again and again.
    const IS_SCHEDULED: bool;
    /// Whether the sweep sends the job again until its work is done. Its message is then acknowledged before its last
    /// receives, rather than become a dead letter.
    const IS_SWEPT: bool = false;

    /// Runs the job.
    fn run(&self, job: &Job, now: Timestamp) -> impl Future<Output = Result<(), JobError>> + Send;
}

/// A job for each new object of a bucket, without a record of its own.
pub trait UploadHandler: Send + Sync + 'static {
    /// Takes the object in. Runs again for a repeated event, so each step must be idempotent.
    fn take_in(&self, object: &NewObject) -> impl Future<Output = Result<TakenIn, JobError>> + Send;
}

/// Outcome of an event about a new object.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TakenIn {
    /// Nothing is left to do.
    Done,
    /// The same file is being processed. The event is delivered again later.
    Waits,
}

/// A function that processes one queue, and possibly others beside it.
pub struct Worker {
    name: QueueName,
    queue: Queue,
    redelivery: Redelivery,
    handlers: BTreeMap<&'static str, Box<dyn Dispatch>>,
    /// Bucket whose S3 events are jobs of this worker.
    notifying_bucket: Option<String>,
    /// Handler of S3's events.
    uploads: Option<Box<dyn TakeIn>>,
    /// Workers of the function's other queues.
    beside: Vec<Self>,
    /// Queue for jobs of the previous release that this worker no longer runs; `None` for the worker of the default
    /// queue.
    default_queue: Option<Queue>,
}

impl Worker {
    /// Reads the URLs of the worker's queue (such as `PHOTOS_QUEUE_URL`) and of the default queue. The error names a
    /// missing variable.
    pub fn from_env(env: &Env, name: QueueName, sqs: &aws_sdk_sqs::Client) -> Result<Self, EnvError> {
        let queue = Queue::from_env(env, name, sqs)?;
        let default_queue = match name {
            QueueName::Default => None,
            _ => Some(Queue::from_env(env, QueueName::Default, sqs)?),
        };
        let redelivery = Redelivery::from_env(env, queue.clone())?;
        Ok(Self {
            name,
            queue,
            redelivery,
            handlers: BTreeMap::new(),
            notifying_bucket: None,
            uploads: None,
            beside: Vec::new(),
            default_queue,
        })
    }

    /// Registers a job.
    #[must_use]
    pub fn with<H: JobHandler>(mut self, handler: H) -> Self {
        self.handlers.insert(H::NAME, Box::new(Leased(handler)));
        self
    }

    /// Registers a job without a record.
    #[must_use]
    pub fn with_plain<H: PlainJobHandler>(mut self, handler: H) -> Self {
        self.handlers.insert(H::NAME, Box::new(Plain(handler)));
        self
    }

    /// Registers the handler of S3's events.
    #[must_use]
    pub fn with_uploads<H: UploadHandler>(self, handler: H) -> Self {
        Self { uploads: Some(Box::new(handler)), ..self }
    }

    /// Adds the worker of another queue of the same function.
    #[must_use]
    pub fn beside(mut self, other: Self) -> Self {
        self.beside.push(other);
        self
    }

    /// Accepts S3 events of this bucket as `process_photo` jobs.
    #[must_use]
    pub fn with_events_of(self, bucket: String) -> Self {
        Self { notifying_bucket: Some(bucket), ..self }
    }

    /// Processes one batch of messages and returns those that failed.
    pub async fn handle(&self, event: LambdaEvent<SqsEvent>) -> SqsBatchResponse {
        // An event has messages of one queue, whose name ends in that of `infra/workers.json`.
        let message = event.payload.records.first();
        let queue = message.and_then(|message| message.event_source_arn.as_deref()?.rsplit([':', '-']).next());
        let worker = self.beside.iter().find(|worker| Some(worker.name.as_str()) == queue).unwrap_or(self);
        batch::run(event, &worker.redelivery, |delivery| worker.one(delivery)).await
    }

    /// Serves Lambda's invocations until the process ends.
    pub async fn serve(self) -> Result<(), lambda_runtime::Error> {
        let worker = &self;
        let handle = |event: LambdaEvent<_>| async move { Ok::<_, lambda_runtime::Error>(worker.handle(event).await) };
        lambda_runtime::run(service_fn(handle)).await
    }

    async fn one(&self, delivery: Delivery) -> Result<Disposition, JobError> {
        // S3 puts one record into an event, but does not guarantee it.
        if let Some(uploads) = &self.uploads
            && s3_event::is_event(&delivery.body)
        {
            return take_in(uploads.as_ref(), &delivery).await;
        }
        let mut disposition = Disposition::Done;
        for job in self.decode(&delivery.body)? {
            let ended = self.dispatch(&job, &delivery).await?;
            disposition = if disposition == Disposition::Done { ended } else { disposition };
        }
        Ok(disposition)
    }

    fn decode(&self, body: &str) -> Result<Vec<Job>, JobError> {
        let undecodable = |reason: String| JobError::reject("undecodable", reason);
        if let Some(bucket) = &self.notifying_bucket
            && let Some(jobs) = s3_event::jobs(body, bucket).map_err(|error| undecodable(error.to_string()))?
        {
            return Ok(jobs);
        }
        Ok(vec![Job::decode(body).map_err(|error| undecodable(error.to_string()))?])
    }

    async fn dispatch(&self, job: &Job, delivery: &Delivery) -> Result<Disposition, JobError> {
        if let Some(handler) = self.handlers.get(job.name()) {
            return handler.dispatch(job, delivery, &self.queue).await;
        }
        match (&self.default_queue, job) {
            // The previous release's schedules sent sweeps to every queue.
            (Some(_), Job::Sweep) => Ok(Disposition::Done),
            // Each worker of the previous release ran the operations on its own records.
            (Some(default_queue), Job::Operate { .. }) => {
                delivery.forward_to(default_queue).await?;
                info!("Sent an operation of the previous release to the default queue");
                Ok(Disposition::Done)
            }
            _ => Err(JobError::reject("wrong_queue", format!("{} is no job of the {} queue.", job.name(), self.name))),
        }
    }
}

/// Shortest time after which the event of a file that is being processed is delivered again. It grows like that of a
/// failure: a paused queue lets the file wait for days. A message is replaced near its last receive, and a process that is
/// killed in between leaves two. Replaced every 40 minutes, one message became hundreds within a day.
const LOOK_AGAIN: SignedDuration = SignedDuration::from_secs(60);

/// Longest time for an event. Its message is hidden for this time only, so that a crash costs a minute, and not the
/// visibility timeout of the queue.
const INTAKE_TIME: SignedDuration = SignedDuration::from_secs(60);

/// Takes in the objects of an event.
async fn take_in(uploads: &dyn TakeIn, delivery: &Delivery) -> Result<Disposition, JobError> {
    let undecodable = |error: s3_event::NoEvent| JobError::reject("undecodable", error.to_string());
    let mut disposition = Disposition::Done;
    let until = delivery.now().saturating_add(INTAKE_TIME).unwrap_or(Timestamp::MAX);
    delivery.hide_until(until.saturating_add(lease::LEASE_MARGIN).unwrap_or(until)).await;
    let time = delivery.time_to_work().min(INTAKE_TIME.unsigned_abs());
    let deadline = tokio::time::Instant::now() + time;
    for object in s3_event::objects(&delivery.body).map_err(undecodable)? {
        let taken_in = tokio::time::timeout_at(deadline, uploads.take_in(&object)).await;
        match taken_in.map_err(|_elapsed| hangs("Failed to take an upload in"))?? {
            TakenIn::Done => metrics::done(),
            TakenIn::Waits => {
                disposition = Disposition::Wait { until: delivery.wait_from(LOOK_AGAIN) };
            }
        }
    }
    Ok(disposition)
}

/// Returns the error of a job without a record whose time is over: a service hangs. Counted as a failure, its message would
/// be a dead letter after some hours.
fn hangs(what: &'static str) -> JobError {
    anyhow!("Its time is over").context(ServiceUnavailable(what)).into()
}

/// A registered handler of S3's events.
trait TakeIn: Send + Sync {
    fn take_in<'a>(&'a self, object: &'a NewObject) -> BoxFuture<'a, Result<TakenIn, JobError>>;
}

impl<H: UploadHandler> TakeIn for H {
    fn take_in<'a>(&'a self, object: &'a NewObject) -> BoxFuture<'a, Result<TakenIn, JobError>> {
        Box::pin(UploadHandler::take_in(self, object))
    }
}

/// A registered handler of any record type.
trait Dispatch: Send + Sync {
    fn dispatch<'a>(
        &'a self,
        job: &'a Job,
        delivery: &'a Delivery,
        queue: &'a Queue,
    ) -> BoxFuture<'a, Result<Disposition, JobError>>;
}

struct Leased<H>(H);

impl<H: JobHandler> Dispatch for Leased<H> {
    fn dispatch<'a>(
        &'a self,
        job: &'a Job,
        delivery: &'a Delivery,
        queue: &'a Queue,
    ) -> BoxFuture<'a, Result<Disposition, JobError>> {
        let Some((studio, id)) = job.record() else {
            let error = JobError::reject("undecodable", format!("{} names no record.", job.name()));
            return Box::pin(std::future::ready(Err(error)));
        };
        Box::pin(self.work(job, (studio, id), delivery, queue).instrument(H::span(studio, id)))
    }
}

impl<H: JobHandler> Leased<H> {
    async fn work(
        &self,
        job: &Job,
        (studio, id): (&Studio, Uuid),
        delivery: &Delivery,
        queue: &Queue,
    ) -> Result<Disposition, JobError> {
        let handler = &self.0;
        let prepared = &handler.prepare(studio, id).await?;
        let claim = |record: &mut H::Record, by, now, lease_until| H::claim(record, by, now, lease_until, prepared);
        let run = |lease| handler.run(lease, prepared);
        let ended = lease::work(handler.table(), delivery, (studio, id), claim, run).await?;
        let followed = handler.follow_up((studio, id), &ended, prepared, delivery.now()).await;
        if let (Err(_), Some(record)) = (&followed, &ended.at_rest) {
            lease::owe(handler.table(), record, delivery.now()).await;
        }
        followed?;
        if let Some(record) = &ended.at_rest {
            lease::rest(handler.table(), record).await?;
        }
        if ended.paused {
            queue.send(job).await?;
        }
        Ok(ended.disposition)
    }
}

struct Plain<H>(H);

impl<H: PlainJobHandler> Dispatch for Plain<H> {
    fn dispatch<'a>(
        &'a self,
        job: &'a Job,
        delivery: &'a Delivery,
        _: &'a Queue,
    ) -> BoxFuture<'a, Result<Disposition, JobError>> {
        Box::pin(async move {
            if H::IS_SWEPT && delivery.is_near_last_receive() {
                warn!(job = H::NAME, "Left a job to the sweep: its message was received too often");
                return Ok(Disposition::Done);
            }
            if !H::IS_SCHEDULED {
                // A crash costs the time of one attempt, and not the visibility timeout of the queue.
                let deadline = delivery.deadline;
                delivery.hide_until(deadline.saturating_add(lease::LEASE_MARGIN).unwrap_or(deadline)).await;
            }
            match tokio::time::timeout(delivery.time_to_work(), self.0.run(job, delivery.now())).await {
                Ok(ended) if !H::IS_SCHEDULED => ended?,
                Err(_elapsed) if !H::IS_SCHEDULED => return Err(hangs("Failed to end a job in time")),
                Ok(Err(JobError::Unavailable(error))) => {
                    warn!(reason = format!("{error:#}"), job = H::NAME, "A scheduled job met an unavailable service");
                    metrics::waits();
                }
                Err(_elapsed) => {
                    warn!(job = H::NAME, "A scheduled job was stopped before the function's deadline");
                    metrics::waits();
                }
                Ok(ended) => ended?,
            }
            Ok(Disposition::Done)
        })
    }
}
