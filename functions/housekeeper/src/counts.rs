//! Numbers of failed and unfinished jobs, for operators.

use anyhow::Result;
use domain::{
    job_counts::{ErrorCount, JobCounter, JobCounts, SOON, StudioCount},
    job_record::JobRecord,
    queue_config::QueueName,
};
use jiff::{SignedDuration, Timestamp};
use runtime::store::Table;
use tracing::warn;

use crate::state::State;

/// Largest number of unfinished jobs that are counted. Their keys have about 100 bytes, and DynamoDB returns 1 MB each time.
const MOST_UNFINISHED: usize = 200_000;
/// Number of failures per read.
const PAGE: usize = 1_000;
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
    if let Err(error) = count_and_store(state, queue, now, stops_at).await {
        warn!(error = format!("{error:#}"), "The jobs of {queue} could not be counted");
    }
}

async fn count_and_store(state: &State, queue: QueueName, now: Timestamp, stops_at: Timestamp) -> Result<()> {
    match queue {
        QueueName::Emails => count(state, &state.emails, now, stops_at).await,
        // Its messages have no records of their own.
        QueueName::Uploads => Ok(()),
        QueueName::Photos => count(state, &state.photos, now, stops_at).await,
        QueueName::Downloads => count(state, &state.downloads, now, stops_at).await,
        QueueName::Webhooks => count(state, &state.deliveries, now, stops_at).await,
        QueueName::Default => count(state, &state.operations, now, stops_at).await,
    }
}

async fn count<R: JobRecord>(state: &State, table: &Table<R>, now: Timestamp, stops_at: Timestamp) -> Result<()> {
    let mut jobs = JobCounter::default();
    let soon = now.saturating_add(SOON).unwrap_or(now);
    let due = table.due_keys(Timestamp::UNIX_EPOCH, soon, None, MOST_UNFINISHED).await?;
    let mut is_complete = due.len() < MOST_UNFINISHED;
    for key in due {
        jobs.add_studio(StudioCount { studio: key.studio, unfinished: 1, failed: 0 });
    }
    let mut after = None;
    loop {
        let page = table.failures(now, after.as_ref(), PAGE).await?;
        let is_last = page.len() < PAGE;
        after = page.last().map(|failure| failure.key.clone());
        for failure in page {
            jobs.add_studio(StudioCount { studio: failure.key.studio.clone(), unfinished: 0, failed: 1 });
            jobs.add_error(ErrorCount {
                first_failed_at: failure.first_failed_at(),
                last_failed_at: Some(failure.key.failed_at),
                error: failure.error,
                cause: failure.work.cause,
                count: 1,
            });
        }
        if is_last || state.clock.now() >= stops_at {
            is_complete &= is_last;
            break;
        }
    }
    let counted = jobs.counted(now, is_complete);
    let store = |record: &mut JobCounts| record.store(counted.as_ref(), now);
    state.counts.update_or_create(JobCounts::of(R::QUEUE), store).await?;
    Ok(())
}
