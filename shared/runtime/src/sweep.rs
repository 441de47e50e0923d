//! The sweep: finds records that should have moved by now, because a worker died on its last try or a message was
//! never sent, and sends their job again. A schedule puts a `Sweep` job on each queue every 5 minutes.

use std::sync::Arc;

use anyhow::Result;
use domain::{
    job_record::{JobRecord, Queued},
    job_state::JobState,
    operation::Operation,
    studio::Studio,
};
use jiff::{SignedDuration, Timestamp};
use tracing::warn;
use uuid::Uuid;

use crate::{
    desk::Desk,
    metrics,
    queue::Queue,
    store::{DUE_SHARDS, Table, Unreadable},
};

/// Overdue records that one sweep re-sends, per shard of the index: a sweep must end well within a function's time.
const LIMIT: i32 = 100;
/// An overdue record is due again this much later, if nothing moves it until then.
const AGAIN_AFTER: SignedDuration = SignedDuration::from_secs(600);

/// Sends the job of each record of this queue, and of each operation upon them, that is past due. The job's own claim
/// decides what is left to do: the work, giving up, or only the follow-up of a record at rest.
///
/// Sent first, then put off: a sweep that dies in between sends the job twice, never not at all.
pub async fn sweep<R: Queued>(desk: &Desk<R>, operations: &Arc<Table<Operation>>, now: Timestamp) -> Result<()> {
    sweep_some(&desk.table, &desk.queue, now, |_| true).await?;
    // Those of all queues lie in one table.
    sweep_some(operations, &desk.queue, now, |operation| operation.queue == R::QUEUE).await
}

async fn sweep_some<R: JobRecord>(
    table: &Arc<Table<R>>,
    queue: &Queue,
    now: Timestamp,
    ours: impl Fn(&R) -> bool,
) -> Result<()> {
    let mut first_error = None;
    for shard in 0..DUE_SHARDS {
        let (mut start, mut moved) = (None, 0);
        // What can't be moved stays at the head of the index, however much there is of it: page by page behind it.
        while moved < LIMIT {
            let (keys, next) = table.due_page(shard, now, LIMIT, start).await?;
            for (studio, id) in keys {
                // A record that cannot be read or sent must not block the others.
                match resend(table, queue, (&studio, id), now, &ours).await {
                    Ok(was_due) => moved += i32::from(was_due),
                    Err(error) => {
                        let error_text = format!("{error:#}");
                        warn!(%studio, %id, error = error_text, "The job of a {} past due was not sent again", R::NAME);
                        if error.downcast_ref::<Unreadable>().is_some() {
                            metrics::unreadable();
                        } else {
                            first_error.get_or_insert(error);
                        }
                    }
                }
            }
            start = next;
            if start.is_none() {
                break;
            }
        }
    }
    first_error.map_or(Ok(()), Err)
}

/// Sends the job of an overdue record again, and puts its due date off; returns whether it was due.
async fn resend<R: JobRecord>(
    table: &Table<R>,
    queue: &Queue,
    (studio, id): (&Studio, Uuid),
    now: Timestamp,
    ours: impl Fn(&R) -> bool,
) -> Result<bool> {
    // The index lags: what moved meanwhile is left alone.
    let record = table.get(studio, id).await?;
    if !record.is_some_and(|record| ours(&record) && is_due(record.work(), now)) {
        return Ok(false);
    }
    queue.send(&R::job(studio.clone(), id)).await?;
    warn!(%studio, %id, "A {} was past due; its job is sent again", R::NAME);
    let put_off = |record: &mut R| {
        if !is_due(record.work(), now) {
            return Err(());
        }
        record.work_mut().due_at = now.checked_add(AGAIN_AFTER).ok();
        Ok(())
    };
    table.update(studio, id, put_off).await?;
    Ok(true)
}

fn is_due(work: &JobState, now: Timestamp) -> bool {
    work.due_at.is_some_and(|due| due <= now)
}
