//! Registry of a function's jobs, and dispatch of messages to them.
//!
//! Path of a message: [`batch`] receives it, the worker decodes its job and finds the handler, [`lease`] claims the
//! record and runs the handler, the handler's follow-ups are sent, and the message is acknowledged, hidden or refused.

use std::{collections::BTreeMap, sync::Arc};

use anyhow::Result;
use aws_lambda_events::sqs::{SqsBatchResponse, SqsEvent};
use domain::{
    error::JobError,
    job::Job,
    job_record::JobRecord,
    job_state::{AttemptId, Claim},
    queue_config::QueueName,
    studio::Studio,
};
use futures::future::BoxFuture;
use jiff::Timestamp;
use lambda_runtime::{LambdaEvent, service_fn};
use tracing::{Instrument as _, Span, info, warn};
use uuid::Uuid;

use crate::{
    batch::{self, Delivery, Disposition, Redelivery},
    env::{Env, EnvError},
    lease::{self, Ended, Lease},
    metrics,
    queue::Queue,
    s3_event,
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

/// A job without a record that a schedule sends. After a failure it runs again from the beginning.
///
/// A job that meets an unavailable service, or the function's deadline, is acknowledged, because the schedule sends the
/// next one. Waiting ones would pile up during an outage, and become dead letters after a day.
pub trait PlainJobHandler: Send + Sync + 'static {
    /// Name of the job in messages.
    const NAME: &'static str;

    /// Runs the job.
    fn run(&self, job: &Job, now: Timestamp) -> impl Future<Output = Result<(), JobError>> + Send;
}

/// A function that processes one queue.
pub struct Worker {
    name: QueueName,
    queue: Queue,
    redelivery: Redelivery,
    handlers: BTreeMap<&'static str, Box<dyn Dispatch>>,
    /// Bucket whose S3 events are jobs of this worker.
    notifying_bucket: Option<String>,
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
        Ok(Self { name, queue, redelivery, handlers: BTreeMap::new(), notifying_bucket: None, default_queue })
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

    /// Accepts S3 events of this bucket as `process_photo` jobs.
    #[must_use]
    pub fn with_events_of(self, bucket: String) -> Self {
        Self { notifying_bucket: Some(bucket), ..self }
    }

    /// Processes one batch of messages and returns those that failed.
    pub async fn handle(&self, event: LambdaEvent<SqsEvent>) -> SqsBatchResponse {
        batch::run(event, &self.redelivery, |delivery| self.one(delivery)).await
    }

    /// Serves Lambda's invocations until the process ends.
    pub async fn serve(self) -> Result<(), lambda_runtime::Error> {
        let worker = &self;
        let handle = |event: LambdaEvent<_>| async move { Ok::<_, lambda_runtime::Error>(worker.handle(event).await) };
        lambda_runtime::run(service_fn(handle)).await
    }

    async fn one(&self, delivery: Delivery) -> Result<Disposition, JobError> {
        // S3 puts one record into an event, but does not guarantee it.
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
        handler.follow_up((studio, id), &ended, prepared, delivery.now()).await?;
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
            match tokio::time::timeout(delivery.time_to_work(), self.0.run(job, delivery.now())).await {
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
