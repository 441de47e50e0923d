//! Numbers of failed and unfinished jobs, for operators.

use anyhow::Result;
use domain::{
    job_counts::{JobCounter, JobCounts},
    job_record::JobRecord,
    queue_config::QueueName,
};
use jiff::{SignedDuration, Timestamp};
use runtime::{failed_jobs::FailedJobs, on_failed_jobs};
use tracing::warn;

use crate::state::State;

/// Largest number of jobs of each kind that are counted.
const MOST_COUNTED: usize = 200_000;
/// Longest time in which the failed jobs of a queue are counted: six queues fit the function's timeout of five minutes.
const MOST_TIME: SignedDuration = SignedDuration::from_secs(20);

/// Counts the jobs of all queues. Errors are logged only: the next sweep counts again.
pub async fn count_all(state: &State) {
    for queue in QueueName::ALL {
        count_queue(state, queue, Timestamp::MAX).await;
    }
}

/// Counts the jobs of a queue until `stops_at`, and stores their numbers if they are many. Errors are logged only.
pub async fn count_queue(state: &State, queue: QueueName, stops_at: Timestamp) {
    let now = state.clock.now();
    let stops_at = stops_at.min(now.saturating_add(MOST_TIME).unwrap_or(now));
    let counted = on_failed_jobs!(state.failed_jobs, queue, |failed| count(state, failed, now, stops_at).await);
    if let Err(error) = counted {
        warn!(error = format!("{error:#}"), "The jobs of {queue} could not be counted");
    }
}

async fn count<R: JobRecord>(state: &State, failed: &FailedJobs<R>, now: Timestamp, stops_at: Timestamp) -> Result<()> {
    if !failed.has_records() {
        return Ok(());
    }
    let mut jobs = JobCounter::default();
    let is_over = || state.clock.now() >= stops_at;
    let is_complete = failed.table.count_jobs(&mut jobs, now, MOST_COUNTED, is_over).await?;
    let counted = jobs.counted(now, is_complete);
    let store = |record: &mut JobCounts| record.store(counted.as_ref(), now);
    state.counts.update_or_create(JobCounts::of(R::QUEUE), store).await?;
    Ok(())
}
