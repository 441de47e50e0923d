//! The sweep: re-sends the jobs of records past `due_at`, in all tables. Such records exist because a worker crashed in
//! its last attempt or a message was never sent. A schedule sends a `sweep` every 5 minutes.

mod due;
mod events;
mod tombstones;
mod webhooks;

use std::{collections::BTreeMap, sync::Arc};

use anyhow::Result;
use domain::{
    Job, JobError, Studio, job_record::JobRecord, job_state::JobState, operation::Filled, queue_config::QueueName,
};
use jiff::{SignedDuration, Timestamp};
use runtime::{metrics, queue::Queues, store::Table, worker::PlainJobHandler};
use tracing::warn;
use uuid::Uuid;

use crate::{
    counts,
    operations::{fill, rescan, retention},
    state::State,
};

/// Time after which a re-sent record is due again, unless it progresses.
pub(super) const AGAIN_AFTER: SignedDuration = SignedDuration::from_secs(600);

/// Handler of the job `sweep`.
///
/// Sends the job of each overdue record. The job's own claim decides what is left to do: the work, failing the record,
/// or only the follow-up of a record at rest. The job is sent before `due_at` is changed, so a sweep that crashes in
/// between sends the job twice.
pub struct Sweep(pub Arc<State>);

impl PlainJobHandler for Sweep {
    const NAME: &'static str = "sweep";
    const IS_SCHEDULED: bool = true;

    async fn run(&self, _: &Job, now: Timestamp) -> Result<(), JobError> {
        let state = &self.0;
        // Without it, the jobs of a paused queue are only sent too often.
        let (paused, settled) = match state.switches.settle(now).await {
            Ok(paused) => (paused, Ok(())),
            Err(error) => (BTreeMap::new(), Err(error)),
        };
        // A failure on one table must not delay the others.
        let steps = [
            settled,
            sweep(&state.emails, &state.queues, &paused, now).await,
            sweep(&state.photos, &state.queues, &paused, now).await,
            sweep(&state.downloads, &state.queues, &paused, now).await,
            sweep(&state.deliveries, &state.queues, &paused, now).await,
            sweep(&state.operations, &state.queues, &paused, now).await,
            events::sweep(state, &paused, now).await,
            webhooks::sweep(state, now).await,
            tombstones::sweep(state, &paused, now).await,
            begin_operations(state, now).await,
        ];
        steps.into_iter().collect::<Result<()>>()?;
        metrics::swept();
        metrics::paused(paused.len());
        counts::count_all(state).await;
        Ok(())
    }
}

/// Creates the operations that no request starts: filling after a deployment; once a day, the rescan of uploads and
/// erasure by age.
async fn begin_operations(state: &State, now: Timestamp) -> Result<()> {
    for table in Filled::ALL {
        fill::begin(state, table, now).await?;
    }
    rescan::begin(state, now).await?;
    retention::begin(state, now).await
}

async fn sweep<R: JobRecord>(
    table: &Table<R>,
    queues: &Queues,
    paused: &BTreeMap<QueueName, Timestamp>,
    now: Timestamp,
) -> Result<()> {
    let paused = paused.get(&R::QUEUE).copied();
    due::each_due(table, now, |studio, id| resend(table, queues, paused, (studio, id), now)).await
}

/// Re-sends the job of an overdue record, unless its queue is paused until `paused`, and postpones its due date; or sends the
/// job of its notice. Returns whether the record was due.
async fn resend<R: JobRecord>(
    table: &Table<R>,
    queues: &Queues,
    paused: Option<Timestamp>,
    (studio, id): (Studio, Uuid),
    now: Timestamp,
) -> Result<bool> {
    // The index lags behind. A record that progressed meanwhile is skipped.
    let Some(record) = table.get(&studio, id).await? else { return Ok(false) };
    // Due until the notice was given.
    if let Some(job) = record.notice_job(now) {
        queues.of(job.queue()).send(&job).await?;
        return Ok(true);
    }
    if !is_due(record.work(), now) {
        return Ok(false);
    }
    // The messages of a paused queue wait. Others would only be added to them.
    if paused.is_none() {
        queues.of(R::QUEUE).send(&R::job(studio.clone(), id)).await?;
        warn!(%studio, %id, "Sent the job of an overdue {} again", R::NAME);
    }
    let put_off = |record: &mut R| {
        if !is_due(record.work(), now) {
            return Err(());
        }
        record.work_mut().due_at = paused.unwrap_or(now).checked_add(AGAIN_AFTER).ok();
        Ok(())
    };
    table.update(&studio, id, put_off).await?;
    Ok(true)
}

fn is_due(work: &JobState, now: Timestamp) -> bool {
    work.due_at.is_some_and(|due| due <= now)
}
