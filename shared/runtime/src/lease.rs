//! A worker's lease of a record: claim the record, work until the deadline, settle the outcome.
//!
//! For a function with a timeout of 60 s:
//!
//! ```text
//!         0 s                                                       57 s      59 s  60 s   61 s
//!  ───────┼──────────────────────────────────────────────────────────┼─────────┼─────┼──────┼─────>
//!  receive│hide message until 61 s                                   │         │     │      │
//!         │claim: attempt counted, owner, lease until 60 s           │         │     │      │
//!         │work ─ each write checks the owner ─ done:                │stopped, │batch│lease │message
//!         │  complete record ─> send follow-up ─> acknowledge        │settled  │answers ends│is back
//!         ╳ killed here, or anywhere up to the acknowledgement ────────────────────────────>│claimed
//! ```
//!
//! - The message is hidden before the record is claimed, so no lease outlives the time for which its message is hidden.
//!   A crash costs one lease. A crash before the claim costs the queue's visibility timeout.
//! - A worker that finds the record leased by another one hides the message until that lease ends. A worker that finds
//!   the record completed sends the follow-up again, which is harmless because its id is derived, and acknowledges the
//!   message.
//! - A late write finds the new owner in the record, or the new revision in its condition, and is refused.
//! - No job starts with too little time left, so that no attempt is wasted. A job that can store a checkpoint ends as
//!   `Paused` before it is stopped: the claim is released uncounted, and the job is sent again before the message is
//!   acknowledged.
//!
//! **Redrive.** SQS's redrive makes a new message of a dead letter. A worker that finds a failed record compares two
//! times: the time at which SQS received the message, and the time of sending in its body. If the failure lies between
//! them, somebody moved the message, and the attempts restart. If Darkroom sent the job again, both times are later;
//! for a late delivery both are earlier. Those messages are refused, so that sending a job again never does harm.

use std::{panic::AssertUnwindSafe, sync::Arc, time::Duration};

use anyhow::anyhow;
use domain::{
    error::{JobError, RecordError},
    job::Job,
    job_record::JobRecord,
    job_state::{AttemptId, AttemptOutcome, Claim, Fate, JobState, NotOwner},
    studio::Studio,
};
use futures::FutureExt as _;
use jiff::{SignedDuration, Timestamp};
use tokio::time::Instant;
use tracing::{error, info, warn};
use uuid::Uuid;

use crate::{
    batch::{Delivery, Disposition},
    metrics, s3_event,
    store::Table,
    world::World,
};

/// A lease: the right to change a record until another worker claims it.
pub struct Lease<R> {
    table: Arc<Table<R>>,
    studio: Studio,
    id: Uuid,
    world: World,
    /// Whether no message comes back after a crash: a request invoked the function.
    is_direct: bool,
    /// Attempt that owns the lease.
    pub by: AttemptId,
    /// Record as claimed.
    pub record: R,
    /// Time at which the job is stopped, shortly before the function's deadline. A job that can store a checkpoint does
    /// so before, and ends as [`JobError::Paused`].
    pub stops_at: Timestamp,
}

/// Outcome of a message.
pub struct Ended<R> {
    /// Record at rest (done or failed). Its follow-ups must be sent, possibly again.
    pub at_rest: Option<R>,
    /// Whether a checkpoint is stored. The job must be sent again before the message is acknowledged.
    pub paused: bool,
    /// Whether there is no record, or one that cannot be processed.
    pub without_work: bool,
    /// Disposition of the message.
    pub disposition: Disposition,
}

impl<R> Ended<R> {
    fn message(disposition: Disposition) -> Self {
        Self { at_rest: None, paused: false, without_work: false, disposition }
    }

    fn at_rest(record: Option<R>, disposition: Disposition) -> Self {
        Self { at_rest: record, paused: false, without_work: false, disposition }
    }
}

impl<R: JobRecord> Lease<R> {
    /// Returns the current time.
    pub fn now(&self) -> Timestamp {
        self.world.now()
    }

    /// Returns the world that the job runs in.
    pub fn world(&self) -> &World {
        &self.world
    }

    /// Changes the record. Refused if the lease was lost.
    pub async fn change(&self, mut change: impl FnMut(&mut R) -> Result<(), NotOwner>) -> Result<R, JobError> {
        let update = |record: &mut R| {
            change(record)?;
            // The change has settled the job.
            if record.work().owner != Some(self.by) {
                record.work_mut().history.end(self.by, self.now(), AttemptOutcome::Succeeded, None);
                if self.is_direct {
                    follow_up_later(record, self.now());
                }
            }
            Ok::<_, NotOwner>(())
        };
        match self.table.update(&self.studio, self.id, update).await? {
            None => Err(anyhow!("The {} vanished while it was worked on", R::NAME).into()),
            Some((_, Err(lost))) => Err(anyhow::Error::new(lost).into()),
            Some((record, Ok(()))) => Ok(record),
        }
    }
}

/// Claims a record for this delivery, runs `job` on it until shortly before the deadline, and settles the outcome.
///
/// `job` completes the record itself and returns it. A panic in it leads to a retry.
pub async fn work<R, C, J, F>(
    table: &Arc<Table<R>>,
    delivery: &Delivery,
    (studio, id): (&Studio, Uuid),
    mut claim: C,
    job: J,
) -> Result<Ended<R>, JobError>
where
    R: JobRecord,
    C: FnMut(&mut R, AttemptId, Timestamp, Timestamp) -> Claim,
    J: FnOnce(Arc<Lease<R>>) -> F,
    F: Future<Output = Result<R, JobError>> + Send,
{
    if delivery.is_too_late() {
        info!("Too little time is left to start a job");
        return Ok(Ended::message(Disposition::Wait { until: delivery.now() }));
    }
    let by = AttemptId(delivery.world().uuid_v4());
    let lease_until = delivery.deadline;
    // Hidden before the claim, so that no lease ends before its message becomes visible. A crash then costs one lease,
    // not the queue's whole visibility timeout.
    delivery.hide_until(lease_until.saturating_add(LEASE_MARGIN).unwrap_or(lease_until)).await;
    let claimed = table
        .update(studio, id, |record: &mut R| {
            if was_redriven(record, delivery) {
                let _ = record.restart(delivery.now(), None);
            }
            let now = delivery.now();
            match claim(record, by, now, lease_until) {
                // The same write that finds the record exhausted marks it as failed, so that a restart happens either
                // before or after it. Usually the last owner has marked it, unless it crashed.
                Claim::Exhausted if record.failure().is_none() => {
                    record.give_up(now, gave_up());
                    record.work_mut().history.lose();
                    Ok(Claim::Exhausted)
                }
                Claim::Claimed => {
                    record.work_mut().history.begin(by, now, delivery.request_id.clone());
                    Ok(Claim::Claimed)
                }
                // A record that cannot be processed may have a new due date, or none.
                Claim::Void => Ok(Claim::Void),
                other => Err(other),
            }
        })
        .await?;
    let Some((record, outcome)) = claimed else {
        warn!("Acknowledged the job of a missing {}", R::NAME);
        metrics::without_record();
        return Ok(Ended { without_work: true, ..Ended::message(Disposition::Done) });
    };
    if outcome == Ok(Claim::Exhausted) {
        error!("Gave the {} up: its last worker crashed", R::NAME);
        metrics::failed();
    }
    match outcome.unwrap_or_else(|refusal| refusal) {
        Claim::Claimed => {}
        Claim::Leased { until } => {
            info!("Another worker leases the {}", R::NAME);
            return Ok(Ended::message(Disposition::Wait { until }));
        }
        Claim::Done => return Ok(Ended::at_rest(Some(record), Disposition::Done)),
        // SQS delivers the message many more times before it becomes a dead letter. The follow-up is sent only while it
        // is due.
        Claim::Exhausted => {
            let due = Some(record).filter(|record| record.work().due_at.is_some());
            return Ok(Ended::at_rest(due, Disposition::Refuse));
        }
        Claim::Void => return Ok(Ended { without_work: true, ..Ended::message(Disposition::Done) }),
    }
    let (world, time_to_work) = (delivery.world().clone(), delivery.time_to_work());
    let stops_at = delivery.now().saturating_add(time_to_work).unwrap_or(lease_until);
    let is_direct = delivery.is_direct();
    let lease =
        Arc::new(Lease { table: table.clone(), studio: studio.clone(), id, world, is_direct, by, record, stops_at });
    let claimed_at = Instant::now();
    let run = AssertUnwindSafe(job(lease.clone())).catch_unwind();
    let outcome = match tokio::time::timeout(time_to_work, run).await {
        Ok(Ok(outcome)) => outcome,
        Ok(Err(_panic)) => Err(anyhow!("The job panicked").into()),
        Err(_elapsed) => Err(anyhow!("The job was stopped before the function's deadline").into()),
    };
    metrics::took(claimed_at.elapsed());
    match outcome {
        Ok(record) => {
            metrics::done();
            Ok(Ended::at_rest(Some(record), Disposition::Done))
        }
        Err(error) => settle_in_time(&lease, delivery, &error).await,
    }
}

/// Returns whether somebody moved the message back from the dead-letter queue by SQS's redrive.
///
/// SQS received such a message after the record failed, but its body was sent before. If Darkroom sent the job again,
/// both times are later.
fn was_redriven<R: JobRecord>(record: &R, delivery: &Delivery) -> bool {
    let Some(gave_up_at) = record.work().failures.map(|failures| failures.last).filter(|_| record.work().gave_up)
    else {
        return false;
    };
    let said_at = Job::said_at(&delivery.body).or_else(|| s3_event::said_at(&delivery.body));
    delivery.sent_at.is_some_and(|sent_at| sent_at > gave_up_at) && said_at.is_none_or(|said_at| said_at <= gave_up_at)
}

/// Largest number of characters of an error that a record stores for operators. The log has the whole error.
const MAX_CAUSE: usize = 500;

/// Time from the end of the lease until the message becomes visible.
pub(crate) const LEASE_MARGIN: Duration = Duration::from_secs(1);

/// Longest time for which settling is retried while DynamoDB is unavailable. An attempt that is not settled counts like
/// a crash, and outages must not use attempts up.
const SETTLE_FOR: Duration = Duration::from_secs(60);
/// Longest wait between two of these tries. It starts at a second and doubles.
const MAX_SETTLE_WAIT: Duration = Duration::from_secs(8);

/// Settles the outcome, and tries again if DynamoDB is unavailable. The batch ends it at the function's deadline.
async fn settle_in_time<R: JobRecord>(
    lease: &Lease<R>,
    delivery: &Delivery,
    error: &JobError,
) -> Result<Ended<R>, JobError> {
    let (begun, mut wait) = (Instant::now(), Duration::from_secs(1));
    loop {
        match settle(lease, delivery, error).await {
            Err(JobError::Unavailable(unavailable)) if begun.elapsed() + wait < SETTLE_FOR => {
                warn!(reason = format!("{unavailable:#}"), "Could not settle the {}; trying again", R::NAME);
                tokio::time::sleep(wait.mul_f64(0.5 + 0.5 * lease.world.jitter())).await;
                wait = (wait * 2).min(MAX_SETTLE_WAIT);
            }
            settled => return settled,
        }
    }
}

async fn settle<R: JobRecord>(lease: &Lease<R>, delivery: &Delivery, error: &JobError) -> Result<Ended<R>, JobError> {
    let now = lease.now();
    let paused = matches!(error, JobError::Paused);
    let cause = Some(error.to_string().chars().take(MAX_CAUSE).collect()).filter(|_| !paused);
    let settled = lease
        .table
        .update(&lease.studio, lease.id, |record: &mut R| {
            // Read in the update, because a page of an operation resets the attempts.
            let attempts = record.work().attempts;
            let (fate, disposition) = fate::<R>(error, record.work(), now, |tries| delivery.retry_at(tries));
            let kept = match (fate, error) {
                (Fate::GaveUp, JobError::Unavailable(_)) => {
                    Some(outage_lasted(record.work().outage_at(now, error.is_quota()).horizon()))
                }
                (Fate::GaveUp, _) => Some(gave_up()),
                _ => error.to_record_error(),
            };
            record.record_failure(lease.by, now, fate, kept)?;
            record.work_mut().cause.clone_from(&cause);
            record.work_mut().history.end(lease.by, now, fate.into(), cause.as_deref());
            Ok::<_, NotOwner>((attempts, fate, disposition))
        })
        .await?;
    let Some((record, Ok((attempts, fate, disposition)))) = settled else {
        warn!(reason = %error, "Another worker leases the {} now and settles it", R::NAME);
        return Ok(Ended::message(Disposition::Wait { until: delivery.retry_at(1) }));
    };
    match fate {
        Fate::Rejected => {
            warn!(reason = %error, "Rejected the {}", R::NAME);
            metrics::failed();
        }
        Fate::GaveUp => {
            error!(reason = %error, attempts, "Gave the {} up", R::NAME);
            metrics::failed();
        }
        Fate::Paused => info!("The {} continues in the next job", R::NAME),
        Fate::Waits { .. } => {
            warn!(reason = %error, "The {} waits for an unavailable service", R::NAME);
            metrics::waits();
        }
        Fate::Again { .. } => {
            warn!(reason = %error, attempts, "The {} will be retried", R::NAME);
            metrics::retried();
        }
    }
    let at_rest = Some(record).filter(|record| record.failure().is_some());
    Ok(Ended { at_rest, paused, without_work: false, disposition })
}

/// Returns the fate of a record, and the disposition of its message, after an attempt that ended with `error`.
/// `retry_at` returns the time of the next attempt after a number of attempts.
fn fate<R: JobRecord>(
    error: &JobError,
    work: &JobState,
    now: Timestamp,
    retry_at: impl Fn(u32) -> Timestamp,
) -> (Fate, Disposition) {
    match error {
        JobError::Reject(_) => (Fate::Rejected, Disposition::Done),
        JobError::Unavailable(_) => {
            let quota = error.is_quota();
            let outage = work.outage_at(now, quota);
            if now.duration_since(outage.since) >= outage.horizon() {
                return (Fate::GaveUp, Disposition::Refuse);
            }
            let due_at = retry_at(outage.tries);
            (Fate::Waits { due_at, quota }, Disposition::Wait { until: due_at })
        }
        JobError::Paused => (Fate::Paused, Disposition::Done),
        JobError::Retry(_) if work.exhausted(R::MAX_ATTEMPTS) => (Fate::GaveUp, Disposition::Refuse),
        JobError::Retry(_) => {
            let due_at = retry_at(work.attempts);
            (Fate::Again { due_at }, Disposition::Return { until: due_at })
        }
    }
}

/// Makes a record at rest due, whose follow-up could not be sent. Its message may not come back: it may be received too
/// often in an outage of SQS, or the request that waited is not repeated.
pub async fn owe<R: JobRecord>(table: &Table<R>, record: &R, now: Timestamp) {
    let owed = table.update(record.studio(), record.id(), |record: &mut R| {
        if !record.is_at_rest() || record.work().due_at.is_some() {
            return Err(());
        }
        follow_up_later(record, now);
        Ok(())
    });
    if let Err(error) = owed.await {
        warn!(error = format!("{error:#}"), "Could not make the {} due", R::NAME);
    }
}

/// Sets the due date of a record at rest, unless it has one.
fn follow_up_later<R: JobRecord>(record: &mut R, now: Timestamp) {
    let due_at = JobState::sent(now).due_at;
    let work = record.work_mut();
    work.due_at = work.due_at.or(due_at);
}

/// Clears `due_at` of a record at rest whose follow-up was sent, so that the sweep skips it.
pub async fn rest<R: JobRecord>(table: &Table<R>, record: &R) -> anyhow::Result<()> {
    if record.work().due_at.is_none() || record.is_waiting() {
        return Ok(());
    }
    let seen = record.work().clone();
    let rested = table.update(record.studio(), record.id(), |record: &mut R| {
        // Restarted meanwhile, so it is due for another reason.
        if *record.work() != seen {
            return Err(());
        }
        record.work_mut().due_at = None;
        Ok(())
    });
    rested.await?;
    Ok(())
}

fn outage_lasted(horizon: SignedDuration) -> RecordError {
    let message = format!("A required service was unavailable for {} hours. Operators can retry.", horizon.as_hours());
    RecordError::new("service_unavailable", message)
}

fn gave_up() -> RecordError {
    RecordError::new("tries_exhausted", "All attempts failed. Operators see the cause and can retry.")
}

#[cfg(test)]
mod tests;
