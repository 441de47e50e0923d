//! Runs the messages of one SQS event: each decoded, traced and caught on its own, and reported on its own.
//!
//! After the last attempt the record is failed, and its message is refused until SQS moves it to the dead-letter queue; so is a
//! body that cannot be read. Where SQS would give up a message that waits through no fault of its own, a new one is sent in
//! its place, with the attribute `since` that tells when the job was first sent.

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

/// Messages of one batch that are worked on at once. SQS hands out at most 10; the stores are the bound, not the CPU.
const CONCURRENCY: usize = 5;
/// Work ends this long before Lambda's deadline, to leave time for settling the record and answering.
const SETTLE_TIME: Duration = Duration::from_secs(3);
/// Whatever a message is still waiting for this long before Lambda's deadline, it is reported as failed: an invocation
/// that does not answer fails its whole batch, the finished messages included.
const ANSWER_TIME: Duration = Duration::from_secs(1);
/// A job is not begun, and so no try spent, when less is left to work: the last messages of a slow batch wait for the
/// next one.
const TOO_LATE: Duration = Duration::from_millis(500);
/// Where the host names no deadline: the least that Terraform gives any worker.
const DEFAULT_TIMEOUT: SignedDuration = SignedDuration::from_secs(60);
/// A deadline so long past is none: `cargo lambda watch` names ten minutes after midnight on 1 January 1970.
const NONSENSE: SignedDuration = SignedDuration::from_hours(24);
/// A message that SQS got so long after it was written was moved back from a dead-letter queue.
const MOVED_BACK_AFTER: SignedDuration = SignedDuration::from_secs(60);
/// No retry waits longer.
const MAX_BACKOFF: Duration = Duration::from_secs(900);

/// What becomes of a message.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Disposition {
    /// Acknowledged.
    Done,
    /// Reported as failed, and hidden until then.
    Return {
        /// When it comes back.
        until: Timestamp,
    },
    /// The same, through no fault of its own: it waits for a service, or is held by another. SQS counts such a delivery too, and would
    /// give the message up after the last that it allows: then a new one is sent in its place.
    Wait {
        /// When it comes back.
        until: Timestamp,
    },
    /// Reported as failed and seen again at once, until SQS moves it to the dead-letter queue.
    Refuse,
}

/// How messages are taken back: the worker's own queue, and how long a retry waits.
#[derive(Clone)]
pub struct Redelivery {
    queue: Queue,
    backoff: Duration,
    world: World,
}

impl Redelivery {
    /// For this worker's queue. `RETRY_BACKOFF_SECONDS` is the wait after a first try that did not end well; it doubles with
    /// each, jittered.
    pub fn from_env(env: &Env, queue: Queue) -> Result<Self, EnvError> {
        let seconds = env.parsed_or("RETRY_BACKOFF_SECONDS", 20_u64)?;
        Ok(Self { queue, backoff: Duration::from_secs(seconds), world: env.world().clone() })
    }
}

/// One message, as a handler sees it.
pub struct Delivery {
    /// What it says.
    pub body: String,
    /// The function's own deadline.
    pub deadline: Timestamp,
    /// When the message was put on its queue, as SQS says; `None` for a direct invocation.
    pub sent_at: Option<Timestamp>,
    /// When its job was sent first: it may have been sent anew since.
    since: Option<Timestamp>,
    /// `None` for a direct invocation, which has no message to hide.
    receipt_handle: Option<String>,
    redelivery: Redelivery,
}

impl Delivery {
    /// Hides the message until `at`. A failure costs time, never the job, so it is only logged.
    pub async fn hide_until(&self, at: Timestamp) {
        let Some(receipt_handle) = &self.receipt_handle else {
            return;
        };
        if let Err(error) = self.redelivery.queue.hide(receipt_handle, self.time_until(at)).await {
            warn!(error = format!("{error:#}"), "Could not set a message's visibility");
        }
    }

    /// Sends the message anew, to be seen at `at`; was it sent?
    async fn send_again_at(&self, at: Timestamp) -> bool {
        let body = anew(&self.body, self.sent_at, self.now());
        match self.redelivery.queue.restart(&body, self.time_until(at), self.since).await {
            Ok(()) => true,
            Err(error) => {
                warn!(error = format!("{error:#}"), "Could not send a message again");
                false
            }
        }
    }

    /// Sends the message to another queue.
    pub(crate) async fn forward_to(&self, queue: &Queue) -> anyhow::Result<()> {
        queue.restart(&anew(&self.body, self.sent_at, self.now()), Duration::ZERO, self.since).await
    }

    /// What time it is.
    pub fn now(&self) -> Timestamp {
        self.redelivery.world.now()
    }

    /// The world that the job runs in.
    pub(crate) fn world(&self) -> &World {
        &self.redelivery.world
    }

    /// How long the job may run.
    pub fn time_to_work(&self) -> Duration {
        self.time_left().saturating_sub(SETTLE_TIME)
    }

    /// Is there enough time for a job to begin?
    pub fn is_too_late(&self) -> bool {
        self.time_to_work() < TOO_LATE
    }

    fn time_left(&self) -> Duration {
        self.time_until(self.deadline)
    }

    /// None where it is past.
    fn time_until(&self, at: Timestamp) -> Duration {
        between(self.now(), at)
    }

    /// When to try again after the n-th try.
    pub fn retry_at(&self, attempts: u32) -> Timestamp {
        let now = self.now();
        now.saturating_add(self.backoff(attempts)).unwrap_or(now)
    }

    /// The wait after the n-th try: doubling, with equal jitter, so that a burst of failures does not come back as one.
    fn backoff(&self, attempts: u32) -> Duration {
        let full = self.redelivery.backoff.saturating_mul(1 << attempts.saturating_sub(1).min(10)).min(MAX_BACKOFF);
        full.mul_f64(0.5 + 0.5 * self.redelivery.world.jitter())
    }
}

/// From one to the other; none where they are the other way round.
fn between(from: Timestamp, to: Timestamp) -> Duration {
    Duration::try_from(to.duration_since(from)).unwrap_or_default()
}

/// Works the event's messages with `handle` and answers which ones failed.
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
            one(message, deadline, redelivery, &handle).instrument(span)
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
    let receipt_handle = message.receipt_handle.filter(|handle| !handle.is_empty());
    let delivery = |body| Delivery {
        body,
        deadline,
        sent_at,
        since,
        receipt_handle: receipt_handle.clone(),
        redelivery: redelivery.clone(),
    };
    let body = message.body.unwrap_or_default();
    let taken_back = delivery(body.clone());
    let receives = message.attributes.get("ApproximateReceiveCount").and_then(|count| count.parse().ok()).unwrap_or(0);
    let handled = AssertUnwindSafe(handle(delivery(body))).catch_unwind();
    let in_time = taken_back.time_left().saturating_sub(ANSWER_TIME);
    // No record counts these tries: SQS does.
    let until = taken_back.retry_at(receives);
    let again = || {
        metrics::retried();
        Disposition::Return { until }
    };
    let disposition = match tokio::time::timeout(in_time, handled).await {
        Err(_elapsed) => {
            error!("A message was not done with before the function's deadline; it is tried again");
            again()
        }
        Ok(Ok(Ok(disposition))) => disposition,
        Ok(Ok(Err(JobError::Reject(reason)))) => {
            // No record could take the reason: the message itself is what is wrong, and belongs in the DLQ. SQS delivers
            // it until it does: that is one failure all the same.
            if receives <= 1 {
                error!(code = reason.code, reason = reason.message, "Refused a message");
                metrics::failed();
            }
            Disposition::Refuse
        }
        Ok(Ok(Err(JobError::Unavailable(error)))) => {
            warn!(reason = format!("{error:#}"), "A message waits for a service");
            metrics::waits();
            Disposition::Wait { until }
        }
        Ok(Ok(Err(error))) => {
            warn!(reason = %error, "A message is tried again");
            again()
        }
        Ok(Err(_panic)) => {
            error!("A message's handler panicked; it is tried again");
            again()
        }
    };
    let until = match disposition {
        Disposition::Done => return None,
        Disposition::Wait { until } if receives >= MAX_RECEIVES => {
            let sent = tokio::time::timeout(taken_back.time_left() / 2, taken_back.send_again_at(until)).await;
            if sent.is_ok_and(|sent| sent) {
                info!("Sent anew: SQS would not have delivered it again");
                return None;
            }
            until
        }
        Disposition::Return { until } | Disposition::Wait { until } => until,
        Disposition::Refuse => taken_back.now(),
    };
    // Its own visibility timeout brings the message back where this call does not come through in time.
    let _ = tokio::time::timeout(taken_back.time_left() / 2, taken_back.hide_until(until)).await;
    info!(?disposition, "Reported as failed");
    let mut failure = BatchItemFailure::default();
    failure.item_identifier = message.message_id.unwrap_or_default();
    Some(failure)
}

/// The body of a message that is sent in the place of one that SQS would give up. It says that it is sent now, or it would
/// pass for one that somebody moved back from the dead-letter queue; one that was moved back goes on saying so.
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
mod tests {
    use super::*;

    #[test]
    fn what_is_sent_anew_says_so_unless_somebody_moved_it_back() {
        let at = |second| Timestamp::from_second(second).expect("in range");
        let body = Job::Sweep.encode(at(1_000));
        assert_eq!(Job::said_at(&anew(&body, Some(at(1_001)), at(5_000))), Some(at(5_000)));
        assert_eq!(anew(&body, Some(at(4_000)), at(5_000)), body, "moved back");
        assert_eq!(anew("no job", Some(at(1_001)), at(5_000)), "no job");
    }

    #[test]
    fn a_host_that_names_no_sensible_deadline_gets_a_default_one() {
        let now = Timestamp::from_second(1_800_000_000).expect("in range");
        let in_a_minute = now.checked_add(DEFAULT_TIMEOUT).expect("in range");
        assert_eq!(deadline(600_000, now), in_a_minute);
        assert_eq!(deadline(u64::MAX, now), in_a_minute);
        // Stopped for a while: late, but not nonsense.
        assert_eq!(deadline(1_799_999_000_000, now).as_second(), 1_799_999_000);
        assert_eq!(deadline(1_800_000_300_000, now).as_second(), 1_800_000_300);
    }
}
