//! A worker's hold on a record: claim, work under the deadline, settle. Docs/ARCHITECTURE.md draws its timeline.

use std::{
    panic::AssertUnwindSafe,
    sync::Arc,
    time::{Duration, Instant},
};

use anyhow::anyhow;
use futures::FutureExt as _;
use jiff::Timestamp;
use tracing::{error, info, warn};
use uuid::Uuid;

use crate::{
    batch::{Delivery, Disposition},
    clock::Clock,
    error::{JobError, RecordError},
    job::Job,
    metrics, s3_event,
    store::Table,
    studio::Studio,
    work::{Claim, Fate, NotOwner, TryId},
    workable::Workable,
};

/// The right to change a record, as long as nobody else claims it.
pub struct Hold<R> {
    table: Arc<Table<R>>,
    studio: Studio,
    id: Uuid,
    clock: Clock,
    /// The try that holds it.
    pub by: TryId,
    /// The record as claimed.
    pub record: R,
    /// When the job is stopped, if it has not ended by then: shortly before the function's deadline. A job that can save
    /// its position does so before, and ends as [`JobError::Paused`].
    pub stops_at: Timestamp,
}

/// How a message ended.
pub struct Ended<R> {
    /// The record, where it is at rest (done or failed): its follow-ups are to be sent, again if need be.
    pub at_rest: Option<R>,
    /// Its position is saved: its job is to be sent again before the message is acknowledged.
    pub paused: bool,
    /// What becomes of the message.
    pub disposition: Disposition,
}

impl<R> Ended<R> {
    fn message(disposition: Disposition) -> Self {
        Self { at_rest: None, paused: false, disposition }
    }

    fn at_rest(record: Option<R>, disposition: Disposition) -> Self {
        Self { at_rest: record, paused: false, disposition }
    }
}

impl<R: Workable> Hold<R> {
    /// What time it is.
    pub fn now(&self) -> Timestamp {
        self.clock.now()
    }

    /// Changes the record; refused when the hold was lost meanwhile.
    pub async fn change(&self, mut change: impl FnMut(&mut R) -> Result<(), NotOwner>) -> Result<R, JobError> {
        match self.table.update(&self.studio, self.id, |record| change(record)).await? {
            None => Err(anyhow!("The {} vanished while it was worked on", R::NAME).into()),
            Some((_, Err(lost))) => Err(anyhow::Error::new(lost).into()),
            Some((record, Ok(()))) => Ok(record),
        }
    }
}

/// Claims a record for this delivery, runs `job` on it until shortly before the deadline, and settles what comes of it.
///
/// `job` completes the record itself and returns it. A panic in it is a retry.
pub async fn work<R, C, J, F>(
    table: &Arc<Table<R>>,
    delivery: &Delivery,
    (studio, id): (&Studio, Uuid),
    mut claim: C,
    job: J,
) -> Result<Ended<R>, JobError>
where
    R: Workable,
    C: FnMut(&mut R, TryId, Timestamp, Timestamp) -> Claim,
    J: FnOnce(Arc<Hold<R>>) -> F,
    F: Future<Output = Result<R, JobError>> + Send,
{
    if delivery.is_too_late() {
        info!("Too little time is left to begin a job");
        return Ok(Ended::message(Disposition::Wait { until: delivery.now() }));
    }
    let by = TryId::new();
    let lease_until = delivery.deadline;
    // Before the claim, so that no claim is ever written whose message stays hidden for longer: a crash costs one lease,
    // not the queue's whole visibility timeout.
    delivery.hide_until(lease_until.saturating_add(LEASE_MARGIN).unwrap_or(lease_until)).await;
    let claimed = table
        .update(studio, id, |record: &mut R| {
            if was_redriven(record, delivery) {
                let _ = record.send_again(delivery.now(), None);
            }
            match claim(record, by, delivery.now(), lease_until) {
                Claim::Claimed => Ok(()),
                other => Err(other),
            }
        })
        .await?;
    let record = match claimed {
        None => {
            warn!("Acknowledged a job for a {} that does not exist", R::NAME);
            metrics::without_record();
            return Ok(Ended::message(Disposition::Done));
        }
        Some((_, Err(Claim::Held { until }))) => {
            info!("Another worker holds the {}", R::NAME);
            return Ok(Ended::message(Disposition::Wait { until }));
        }
        Some((record, Err(Claim::Done))) => {
            return Ok(Ended::at_rest(Some(record), Disposition::Done));
        }
        Some((_, Err(Claim::Exhausted))) => return exhausted(table, delivery.now(), studio, id).await,
        Some((_, Err(_))) => return Ok(Ended::message(Disposition::Done)),
        Some((record, Ok(()))) => record,
    };
    let (clock, time_to_work) = (delivery.clock(), delivery.time_to_work());
    let stops_at = delivery.now().saturating_add(time_to_work).unwrap_or(lease_until);
    let hold = Arc::new(Hold { table: table.clone(), studio: studio.clone(), id, clock, by, record, stops_at });
    let claimed_at = Instant::now();
    let run = AssertUnwindSafe(job(hold.clone())).catch_unwind();
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
        Err(error) => settle(&hold, delivery, error).await,
    }
}

/// Has somebody moved the message back from the dead-letter queue, by SQS's own redrive, and wants the job done after all?
/// SQS says that such a message was sent after the record had used up its tries, and the message itself that it was before.
/// A job that was sent again by one of us says that too, but of both.
fn was_redriven<R: Workable>(record: &R, delivery: &Delivery) -> bool {
    let Some(gave_up_at) = record.work().failures.map(|failures| failures.last).filter(|_| record.work().gave_up)
    else {
        return false;
    };
    let said_at = Job::said_at(&delivery.body).or_else(|| s3_event::said_at(&delivery.body));
    delivery.sent_at.is_some_and(|sent_at| sent_at > gave_up_at) && said_at.is_none_or(|said_at| said_at <= gave_up_at)
}

/// Characters of an error that a record keeps for its operators; the log has all of it.
const MAX_CAUSE: usize = 500;

/// The message comes back just after the lease, not in the same second.
const LEASE_MARGIN: Duration = Duration::from_secs(1);

async fn settle<R: Workable>(hold: &Hold<R>, delivery: &Delivery, error: JobError) -> Result<Ended<R>, JobError> {
    let now = hold.now();
    let attempts = hold.record.work().attempts;
    let due_at = delivery.retry_at(attempts);
    let paused = matches!(error, JobError::Paused);
    let (fate, disposition) = match &error {
        JobError::Reject(_) => (Fate::Rejected, Disposition::Done),
        JobError::Throttled(_) => (Fate::Again { counted: false, due_at }, Disposition::Wait { until: due_at }),
        JobError::Paused => (Fate::Again { counted: false, due_at: now }, Disposition::Done),
        JobError::Retry(_) if attempts >= R::MAX_TRIES => (Fate::GaveUp, Disposition::Refuse),
        JobError::Retry(_) => (Fate::Again { counted: true, due_at }, Disposition::Return { until: due_at }),
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
        Fate::Again { .. } if paused => info!("The {} goes on in the next job", R::NAME),
        Fate::Again { .. } => {
            warn!(reason = %error, attempts, "The {} is tried again", R::NAME);
            metrics::retried();
        }
    }
    let kept = match fate {
        Fate::GaveUp => Some(gave_up()),
        _ => error.to_record_error(),
    };
    let cause = Some(error.to_string().chars().take(MAX_CAUSE).collect()).filter(|_| !paused);
    let settled = hold
        .table
        .update(&hold.studio, hold.id, |record: &mut R| {
            record.fall(hold.by, now, fate, kept.clone())?;
            record.work_mut().cause.clone_from(&cause);
            Ok::<_, NotOwner>(())
        })
        .await?;
    Ok(match settled {
        Some((record, Ok(()))) => {
            Ended { at_rest: Some(record).filter(|r| r.failure().is_some()), paused, disposition }
        }
        // Somebody else owns it by now, and it is theirs to settle.
        _ => Ended::message(Disposition::Wait { until: due_at }),
    })
}

/// All tries are spent. Mostly its last owner said so; one that died could not.
async fn exhausted<R: Workable>(
    table: &Table<R>,
    now: Timestamp,
    studio: &Studio,
    id: Uuid,
) -> Result<Ended<R>, JobError> {
    let settled = table
        .update(studio, id, |record: &mut R| {
            if record.failure().is_some() || record.work().held_at(now, TryId::new()) {
                return Err(());
            }
            record.give_up(now, gave_up());
            Ok(())
        })
        .await?;
    if matches!(settled, Some((_, Ok(())))) {
        metrics::failed();
    }
    let at_rest = settled.map(|(record, _)| record).filter(|record| record.failure().is_some());
    Ok(Ended::at_rest(at_rest, Disposition::Refuse))
}

/// The follow-up of a record at rest is sent: the sweep need not look after it any more.
pub async fn rest<R: Workable>(table: &Table<R>, record: &R) -> anyhow::Result<()> {
    if record.work().due_at.is_none() {
        return Ok(());
    }
    let seen = record.work().clone();
    let rested = table.update(record.studio(), record.id(), |record: &mut R| {
        // Set going again meanwhile: then it is due for another reason.
        if *record.work() != seen {
            return Err(());
        }
        record.work_mut().due_at = None;
        Ok(())
    });
    rested.await?;
    Ok(())
}

fn gave_up() -> RecordError {
    RecordError::new("tries_exhausted", "It failed at every try; the operators can see why and try it again.")
}
