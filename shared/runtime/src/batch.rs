//! Processing of the messages of one SQS event. Each message is decoded, traced and reported separately, and a panic
//! affects one message only.
//!
//! After the last attempt the record fails, and its message is refused until SQS moves it to the dead-letter queue. A
//! body that cannot be read is refused in the same way. A message can also reach SQS's limit of receives because of
//! waits that are not failures. The worker then sends a replacement with the attribute `since`, the time at which the
//! job was first sent.

use std::{panic::AssertUnwindSafe, time::Duration};

use aws_lambda_events::sqs::{BatchItemFailure, SqsBatchResponse, SqsEvent, SqsMessage};
use domain::{error::JobError, job::Job, job_state::MAX_RECEIVES};
use futures::{FutureExt as _, StreamExt as _, stream};
use jiff::{SignedDuration, Timestamp};
use lambda_runtime::LambdaEvent;
use tracing::{Instrument as _, error, info, info_span, warn};

use crate::{
    env::{Env, EnvError},
    metrics,
    queue::{Queue, SINCE},
    world::World,
};

/// Messages of one batch that are processed concurrently. SQS delivers at most 10; the stores are the bottleneck, not
/// the CPU.
const CONCURRENCY: usize = 5;
/// Work stops this long before Lambda's deadline, to leave time for settling the record and for the response.
const SETTLE_TIME: Duration = Duration::from_secs(3);
/// A message that is unfinished this long before Lambda's deadline is reported as failed. An invocation without a
/// response fails its whole batch, including the finished messages.
const ANSWER_TIME: Duration = Duration::from_secs(1);
/// Least time to work with which a job starts. With less time no attempt is spent: the last messages of a slow batch
/// wait for the next one.
const TOO_LATE: Duration = Duration::from_millis(500);
/// Deadline if the host names none: the shortest timeout that Terraform sets for a worker.
const DEFAULT_TIMEOUT: SignedDuration = SignedDuration::from_secs(60);
/// Age above which a deadline is ignored: `cargo lambda watch` sets ten minutes after midnight on 1 January 1970.
const NONSENSE: SignedDuration = SignedDuration::from_hours(24);
/// Age of the body's time stamp at sending, from which the message counts as moved back from a dead-letter queue.
const MOVED_BACK_AFTER: SignedDuration = SignedDuration::from_secs(60);
/// Receives from which a waiting message is replaced. Several are left, because a process can be killed at each of
/// them.
const REPLACE_FROM: u32 = MAX_RECEIVES - 10;
/// Longest wait before a retry.
const MAX_BACKOFF: Duration = Duration::from_secs(900);

/// Outcome of a message.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Disposition {
    /// The message is acknowledged.
    Done,
    /// The message is reported as failed, and hidden until `until`.
    Return {
        /// Time at which the message becomes visible.
        until: Timestamp,
    },
    /// Like `Return`, but without a failure: the message waits for a service, or another worker leases the record. SQS
    /// counts this receive too. Near the last allowed receive, a replacement is sent.
    Wait {
        /// Time at which the message becomes visible.
        until: Timestamp,
    },
    /// The message is reported as failed and visible immediately, until SQS moves it to the dead-letter queue.
    Refuse,
}

/// Redelivery of messages: the worker's own queue, and the backoff of retries.
#[derive(Clone)]
pub struct Redelivery {
    queue: Queue,
    backoff: Duration,
    world: World,
}

impl Redelivery {
    /// Reads the configuration for this worker's queue. `RETRY_BACKOFF_SECONDS` is the wait after the first failed
    /// attempt; it doubles with each attempt and is jittered.
    pub fn from_env(env: &Env, queue: Queue) -> Result<Self, EnvError> {
        let seconds = env.parsed_or("RETRY_BACKOFF_SECONDS", 20_u64)?;
        Ok(Self { queue, backoff: Duration::from_secs(seconds), world: env.world().clone() })
    }
}

/// A message, as a handler sees it.
pub struct Delivery {
    /// Body of the message.
    pub body: String,
    /// Deadline of the function.
    pub deadline: Timestamp,
    /// Id of the function's invocation; `None` outside of Lambda.
    pub request_id: Option<String>,
    /// Number of receives that SQS has counted; 0 for a direct invocation.
    receives: u32,
    /// Time at which SQS received the message; `None` for a direct invocation.
    pub sent_at: Option<Timestamp>,
    /// Time at which the job was first sent. The message itself may be a replacement.
    since: Option<Timestamp>,
    /// Receipt handle; `None` for a direct invocation, which has no message to hide.
    receipt_handle: Option<String>,
    redelivery: Redelivery,
}

impl Delivery {
    /// Hides the message until `at`. A failure only delays the job, so it is logged and ignored.
    pub async fn hide_until(&self, at: Timestamp) {
        let Some(receipt_handle) = &self.receipt_handle else {
            return;
        };
        if let Err(error) = self.redelivery.queue.hide(receipt_handle, self.time_until(at)).await {
            warn!(error = format!("{error:#}"), "Could not set a message's visibility");
        }
    }

    /// Sends a replacement for the message, visible at `at`. Returns whether it was sent.
    async fn resend_at(&self, at: Timestamp) -> bool {
        let body = anew(&self.body, self.sent_at, self.now());
        match self.redelivery.queue.resend(&body, self.time_until(at), self.since).await {
            Ok(()) => true,
            Err(error) => {
                warn!(error = format!("{error:#}"), "Could not send a message again");
                false
            }
        }
    }

    /// Sends the message to another queue.
    pub(crate) async fn forward_to(&self, queue: &Queue) -> anyhow::Result<()> {
        queue.resend(&anew(&self.body, self.sent_at, self.now()), Duration::ZERO, self.since).await
    }

    /// Returns whether there is no message: a request invoked the function.
    pub(crate) fn is_direct(&self) -> bool {
        self.receipt_handle.is_none()
    }

    /// Returns whether SQS will soon move the message to the dead-letter queue.
    pub(crate) fn is_near_last_receive(&self) -> bool {
        self.receives >= REPLACE_FROM
    }

    /// Returns the current time.
    pub fn now(&self) -> Timestamp {
        self.redelivery.world.now()
    }

    /// Returns the world that the job runs in.
    pub(crate) fn world(&self) -> &World {
        &self.redelivery.world
    }

    /// Returns the time that the job may run.
    pub fn time_to_work(&self) -> Duration {
        self.time_left().saturating_sub(SETTLE_TIME)
    }

    /// Returns whether too little time is left to start a job.
    pub fn is_too_late(&self) -> bool {
        self.time_to_work() < TOO_LATE
    }

    fn time_left(&self) -> Duration {
        self.time_until(self.deadline)
    }

    /// Returns the time until `at`; zero if it has passed.
    fn time_until(&self, at: Timestamp) -> Duration {
        between(self.now(), at)
    }

    /// Returns the time of the next attempt after the n-th attempt.
    pub fn retry_at(&self, attempts: u32) -> Timestamp {
        let now = self.now();
        now.saturating_add(self.backoff(attempts)).unwrap_or(now)
    }

    /// Returns the time of the next delivery of a message that waits, at least `shortest` from now. Waits grow with the
    /// number of receives like those after failures.
    pub(crate) fn wait_from(&self, shortest: SignedDuration) -> Timestamp {
        let soon = self.now().saturating_add(shortest).unwrap_or(Timestamp::MAX);
        soon.max(self.retry_at(self.receives))
    }

    /// Returns the wait after the n-th attempt. It doubles, with equal jitter, so that a burst of failures does not
    /// return at the same time.
    fn backoff(&self, attempts: u32) -> Duration {
        let full = self.redelivery.backoff.saturating_mul(1 << attempts.saturating_sub(1).min(10)).min(MAX_BACKOFF);
        full.mul_f64(0.5 + 0.5 * self.redelivery.world.jitter())
    }
}

/// Returns the time between the two; zero if `to` is before `from`.
fn between(from: Timestamp, to: Timestamp) -> Duration {
    Duration::try_from(to.duration_since(from)).unwrap_or_default()
}

/// Handles the messages of the event and returns those that failed.
pub async fn run<H, F>(event: LambdaEvent<SqsEvent>, redelivery: &Redelivery, handle: H) -> SqsBatchResponse
where
    H: Fn(Delivery) -> F,
    F: Future<Output = Result<Disposition, JobError>> + Send,
{
    let deadline = deadline(event.context.deadline, redelivery.world.now());
    let request_id = &event.context.request_id;
    let failures = stream::iter(event.payload.records)
        .map(|message| {
            let span = info_span!(
                "message",
                request.id = %request_id,
                message.id = message.message_id.as_deref().unwrap_or_default(),
                receive_count = message.attributes.get("ApproximateReceiveCount").map_or("", String::as_str),
            );
            one(message, deadline, request_id, redelivery, &handle).instrument(span)
        })
        .buffer_unordered(CONCURRENCY)
        .filter_map(|failed| async { failed })
        .collect()
        .await;
    metrics::flush();
    let mut response = SqsBatchResponse::default();
    response.batch_item_failures = failures;
    response
}

async fn one<H, F>(
    message: SqsMessage,
    deadline: Timestamp,
    request_id: &str,
    redelivery: &Redelivery,
    handle: &H,
) -> Option<BatchItemFailure>
where
    H: Fn(Delivery) -> F,
    F: Future<Output = Result<Disposition, JobError>> + Send,
{
    let time = |ms: &str| Timestamp::from_millisecond(ms.parse().ok()?).ok();
    let sent_at = message.attributes.get("SentTimestamp").and_then(|ms| time(ms));
    let since =
        message.message_attributes.get(SINCE).and_then(|since| time(since.string_value.as_deref()?)).or(sent_at);
    if let Some(since) = since {
        metrics::waited(between(since, redelivery.world.now()));
    }
    let receives = message.attributes.get("ApproximateReceiveCount").and_then(|count| count.parse().ok()).unwrap_or(0);
    let receipt_handle = message.receipt_handle.filter(|handle| !handle.is_empty());
    let delivery = |body| Delivery {
        body,
        deadline,
        request_id: Some(request_id.to_owned()).filter(|id| !id.is_empty()),
        receives,
        sent_at,
        since,
        receipt_handle: receipt_handle.clone(),
        redelivery: redelivery.clone(),
    };
    let body = message.body.unwrap_or_default();
    let taken_back = delivery(body.clone());
    let handled = AssertUnwindSafe(handle(delivery(body))).catch_unwind();
    let in_time = taken_back.time_left().saturating_sub(ANSWER_TIME);
    // SQS counts these attempts, because no record does.
    let until = taken_back.retry_at(receives);
    let again = || {
        metrics::retried();
        Disposition::Return { until }
    };
    let disposition = match tokio::time::timeout(in_time, handled).await {
        // A job under a lease is stopped and settled before. Unfinished is what waits for a service: a claim, or the
        // settling, both of which the record counts.
        Err(_elapsed) => {
            error!("A message was unfinished at the function's deadline: a service hangs");
            metrics::waits();
            Disposition::Wait { until }
        }
        Ok(Ok(Ok(disposition))) => disposition,
        Ok(Ok(Err(JobError::Reject(reason)))) => {
            // No record exists that could store the reason. The message itself is invalid and belongs in the
            // dead-letter queue. SQS delivers it until then; all these deliveries count as one failure.
            if receives <= 1 {
                error!(code = reason.code, reason = reason.message, "Refused a message");
                metrics::failed();
            }
            Disposition::Refuse
        }
        Ok(Ok(Err(JobError::Unavailable(error)))) => {
            warn!(reason = format!("{error:#}"), "A message waits for an unavailable service");
            metrics::waits();
            Disposition::Wait { until }
        }
        Ok(Ok(Err(error))) => {
            warn!(reason = %error, "A message will be retried");
            again()
        }
        Ok(Err(_panic)) => {
            error!("A message's handler panicked; it will be retried");
            again()
        }
    };
    let until = match disposition {
        Disposition::Done => return None,
        Disposition::Wait { until } if receives >= REPLACE_FROM => {
            let sent = tokio::time::timeout(taken_back.time_left() / 2, taken_back.resend_at(until)).await;
            if sent.is_ok_and(|sent| sent) {
                info!("Sent a replacement for a message near its last receive");
                return None;
            }
            until
        }
        Disposition::Return { until } | Disposition::Wait { until } => until,
        Disposition::Refuse => taken_back.now(),
    };
    // If this call does not succeed in time, the visibility timeout makes the message visible again.
    let _ = tokio::time::timeout(taken_back.time_left() / 2, taken_back.hide_until(until)).await;
    info!(?disposition, "Reported as failed");
    let mut failure = BatchItemFailure::default();
    failure.item_identifier = message.message_id.unwrap_or_default();
    Some(failure)
}

/// Returns the body of a replacement message.
///
/// The body states the current time as its time of sending; otherwise the message would count as moved back from the
/// dead-letter queue. The body of a message that was moved back stays as it is.
fn anew(body: &str, sent_at: Option<Timestamp>, now: Timestamp) -> String {
    let moved_back = match (Job::said_at(body), sent_at) {
        (Some(said_at), Some(sent_at)) => sent_at.duration_since(said_at) > MOVED_BACK_AFTER,
        _ => true,
    };
    match Job::decode(body) {
        Ok(job) if !moved_back => job.encode(now),
        _ => body.to_owned(),
    }
}

fn deadline(milliseconds: u64, now: Timestamp) -> Timestamp {
    let named = i64::try_from(milliseconds).ok().and_then(|ms| Timestamp::from_millisecond(ms).ok());
    let sensible = named.filter(|named| now.duration_since(*named) < NONSENSE);
    sensible.or_else(|| now.checked_add(DEFAULT_TIMEOUT).ok()).unwrap_or(now)
}

#[cfg(test)]
pub(crate) mod tests;
