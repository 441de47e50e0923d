//! `"queue": false`: the job is done before the request is answered, if that can be.

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

/// A request may wait for its job as long as this: API Gateway ends it after 30 s, and what is left to do takes its time.
const LONGEST_WAIT_SECONDS: u64 = 25;

/// How a job is done.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct HowToRun {
    /// `false`: it is waited for. Refused if it would take too long. It is queued unless said.
    queue: Option<bool>,
}

impl HowToRun {
    /// Is it waited for?
    pub fn wait(&self) -> bool {
        self.queue == Some(false)
    }
}

/// The workers, run directly.
pub struct Workers {
    queues: Queues,
    lambda: Lambda,
    /// Function names by the queues that they work. No request waits for a job of the default queue.
    functions: BTreeMap<QueueName, String>,
    longest_wait: Duration,
    world: World,
}

impl Workers {
    /// From the function's environment: `PHOTO_PROCESSOR_FUNCTION` is the name of photo-processor. `LONGEST_WAIT_SECONDS` is for tests that don't want to wait for so long.
    pub fn from_env(env: &Env, config: &SdkConfig, queues: Queues) -> Result<Self> {
        let longest_wait = Duration::from_secs(env.parsed_or("LONGEST_WAIT_SECONDS", LONGEST_WAIT_SECONDS)?);
        let workers = queue_configs()?.into_iter().filter(|(queue, _)| *queue != QueueName::Default);
        let functions = workers.map(|(queue, config)| {
            let variable = format!("{}_FUNCTION", config.function.to_uppercase().replace('-', "_"));
            Ok((queue, env.required(&variable)?))
        });
        Ok(Self {
            queues,
            lambda: Lambda::new(config, longest_wait)?,
            functions: functions.collect::<Result<_>>()?,
            longest_wait,
            world: env.world().clone(),
        })
    }

    /// A job that would be waited for longer than a request may is refused before anything is done.
    pub fn check(&self, estimate: Estimate) -> Result<(), Problem> {
        if estimate.seconds() <= self.longest_wait.as_secs() {
            return Ok(());
        }
        let (seconds, most) = (estimate.seconds(), self.longest_wait.as_secs());
        let detail = format!("It would take about {seconds} s, and a request may wait for {most} s at most.");
        Err(Problem::new(Kind::TooLargeToWait, detail).at("queue"))
    }

    /// Sends the record's job, or does it at once where `wait` says so. Answers the record, and whether it is finished: what
    /// could not be finished in time, or at the first try, is on the queue.
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
        // What the request has taken so far is not waited for once more.
        let left = self.longest_wait.saturating_sub(request.since.elapsed());
        let event = event(&job, &self.world);
        let acknowledged = match tokio::time::timeout(left, self.lambda.invoke(function, &event)).await {
            Ok(Ok(answer)) => answer["batchItemFailures"].as_array().is_none_or(Vec::is_empty),
            Ok(Err(error)) => {
                warn!(error = format!("{error:#}"), "A job that was waited for goes to the queue");
                false
            }
            // The worker goes on, and the job on the queue meets its lease, or its work.
            Err(_elapsed) => false,
        };
        let record = table.get(&studio, id).await?.unwrap_or(record);
        let finished = record.is_at_rest();
        // One that is finished and yet not acknowledged lacks its follow-up.
        if !finished || !acknowledged {
            self.queues.of(R::QUEUE).send(&job).await?;
            info!(%studio, %id, finished, "A job could not be done with at once");
        }
        Ok((record, finished))
    }
}

/// An event of one message, as SQS would hand it to the worker; it has no receipt, since there is nothing to hide or delete.
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
