//! Numbers of failed and unfinished jobs, for operators.

use anyhow::Result;
use domain::{
    job_counts::{ErrorCount, JobCounter, JobCounts, StudioCount},
    job_record::JobRecord,
    queue_config::QueueName,
};
use jiff::Timestamp;
use runtime::store::Table;

use crate::state::State;

/// Largest number of jobs of each kind that are counted, which takes some seconds.
const MOST_COUNTED: usize = 200_000;
/// Number of failures per read. DynamoDB: a response has at most 1 MB.
const PAGE: usize = 1_000;

/// Counts the jobs of all queues.
pub async fn count_all(state: &State, now: Timestamp) -> Result<()> {
    for queue in QueueName::ALL {
        count_queue(state, queue, now).await?;
    }
    Ok(())
}

/// Counts the jobs of a queue, and stores their numbers if they are many.
pub async fn count_queue(state: &State, queue: QueueName, now: Timestamp) -> Result<()> {
    match queue {
        QueueName::Emails => count(state, &state.emails, now).await,
        // Its messages have no records of their own.
        QueueName::Uploads => Ok(()),
        QueueName::Photos => count(state, &state.photos, now).await,
        QueueName::Downloads => count(state, &state.downloads, now).await,
        QueueName::Webhooks => count(state, &state.deliveries, now).await,
        QueueName::Default => count(state, &state.operations, now).await,
    }
}

async fn count<R: JobRecord>(state: &State, table: &Table<R>, now: Timestamp) -> Result<()> {
    let mut jobs = JobCounter::default();
    let due = table.due_keys(Timestamp::UNIX_EPOCH, None, MOST_COUNTED).await?;
    let mut is_complete = due.len() < MOST_COUNTED;
    for key in due {
        jobs.add_studio(StudioCount { studio: key.studio, unfinished: 1, failed: 0 });
    }
    let (mut failed, mut after) = (0, None);
    loop {
        let page = table.failures(now, after.as_ref(), PAGE).await?;
        let is_last = page.len() < PAGE;
        failed += page.len();
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
        if is_last || failed >= MOST_COUNTED {
            is_complete &= is_last;
            break;
        }
    }
    let counted = jobs.counted(now, is_complete);
    state.counts.update_or_create(JobCounts::of(R::QUEUE), |record| record.counted.clone_from(&counted)).await?;
    Ok(())
}
