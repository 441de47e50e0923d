//! Synchronous jobs: with `"queue": false` the job is done before the response, if possible.

mod estimate;

use std::{collections::BTreeMap, time::Duration};

use anyhow::Result;
use aws_types::SdkConfig;
use domain::{
    Job,
    job_record::JobRecord,
    queue_config::{QueueName, queue_configs},
};
pub use estimate::{Estimate, archive, photo};
use runtime::{env::Env, lambda::Lambda, queue::Queues, store::Table, world::World};
use serde::Deserialize;
use serde_json::{Value, json};
use tracing::{info, warn};
use utoipa::ToSchema;

use crate::{
    idempotency::IdempotentRequest,
    problem::{ApiResult, Kind, Problem},
};

/// Longest time that a request waits for its job. API Gateway ends the request after 30 s, and the rest of it takes
/// time too.
const LONGEST_WAIT_SECONDS: u64 = 25;

/// Execution of a job.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct HowToRun {
    /// `false`: waits for the job (synchronous). Refused if that would take too long. Default `true`.
    queue: Option<bool>,
}

impl HowToRun {
    /// Returns whether the request waits for the job.
    pub fn wait(&self) -> bool {
        self.queue == Some(false)
    }
}

/// Clients that invoke the workers directly.
pub struct Workers {
    queues: Queues,
    lambda: Lambda,
    /// Function names by queue, of those whose jobs a request can wait for.
    functions: BTreeMap<QueueName, String>,
    longest_wait: Duration,
    world: World,
}

impl Workers {
    /// Reads the configuration from the environment. `PHOTO_PROCESSOR_FUNCTION` names the function photo-processor.
    /// Tests set `LONGEST_WAIT_SECONDS` to wait less.
    pub fn from_env(env: &Env, config: &SdkConfig, queues: Queues) -> Result<Self> {
        let longest_wait = Duration::from_secs(env.parsed_or("LONGEST_WAIT_SECONDS", LONGEST_WAIT_SECONDS)?);
        let workers = queue_configs()?.into_iter().filter(|(_, config)| config.synchronous);
        let functions = workers.map(|(queue, config)| Ok((queue, env.required(&config.function_variable())?)));
        Ok(Self {
            queues,
            lambda: Lambda::new(config, longest_wait)?,
            functions: functions.collect::<Result<_>>()?,
            longest_wait,
            world: env.world().clone(),
        })
    }

    /// Refuses a job that would take longer than a request may wait, before anything is done.
    pub fn check(&self, estimate: Estimate) -> Result<(), Problem> {
        if estimate.seconds() <= self.longest_wait.as_secs() {
            return Ok(());
        }
        let (seconds, most) = (estimate.seconds(), self.longest_wait.as_secs());
        let detail = format!("It would take about {seconds} s, and a request may wait for {most} s at most.");
        Err(Problem::new(Kind::TooLargeToWait, detail).at("queue"))
    }

    /// Sends the record's job, or runs it immediately if `wait` is set. Returns the record, and whether it is finished.
    /// A job that is not finished in time, or at the first attempt, is on the queue.
    pub async fn dispatch<R: JobRecord>(
        &self,
        table: &Table<R>,
        record: R,
        wait: bool,
        request: IdempotentRequest,
    ) -> ApiResult<(R, bool)> {
        let (studio, id) = (record.studio().clone(), record.id());
        let job = R::job(studio.clone(), id);
        let Some(function) = self.functions.get(&R::QUEUE).filter(|_| wait) else {
            self.queues.of(R::QUEUE).send(&job).await?;
            return Ok((record, false));
        };
        // Subtracts the time that the request has taken so far.
        let left = self.longest_wait.saturating_sub(request.since.elapsed());
        let event = event(&job, &self.world);
        let acknowledged = match tokio::time::timeout(left, self.lambda.invoke(function, &event)).await {
            Ok(Ok(answer)) => answer["batchItemFailures"].as_array().is_none_or(Vec::is_empty),
            Ok(Err(error)) => {
                warn!(error = format!("{error:#}"), "A synchronous job failed and was queued");
                false
            }
            // The worker continues. The queued job finds the lease, or the finished record.
            Err(_elapsed) => false,
        };
        let record = table.get(&studio, id).await?.unwrap_or(record);
        let finished = record.is_at_rest();
        // A finished record without acknowledgement lacks its follow-up.
        if !finished || !acknowledged {
            self.queues.of(R::QUEUE).send(&job).await?;
            info!(%studio, %id, finished, "A synchronous job did not finish and was queued");
        }
        Ok((record, finished))
    }
}

/// Builds an event of one message, as SQS sends it to the worker. It has no receipt handle, because no message exists
/// that could be hidden or deleted.
fn event(job: &Job, world: &World) -> Value {
    json!({ "Records": [{
        "messageId": world.uuid_v4(),
        "receiptHandle": "",
        "body": job.encode(world.now()),
        "attributes": {},
        "messageAttributes": {},
        "eventSource": "aws:sqs",
        "eventSourceARN": "",
        "awsRegion": "",
    }] })
}
