//! Overdue records of a table.

use anyhow::Result;
use domain::{Studio, record::Record};
use jiff::Timestamp;
use runtime::{
    metrics,
    store::{DUE_SHARDS, Table, Unreadable},
};
use tracing::warn;
use uuid::Uuid;

/// Largest number of overdue records that one sweep re-sends per shard of the index. A sweep must end well within a
/// function's time.
const LIMIT: i32 = 100;

/// Calls `resend` with the key of each overdue record; it returns whether the record was due. Returns the first error of
/// a record that can be read, after all others were tried.
pub async fn each_due<R, F>(table: &Table<R>, now: Timestamp, resend: impl Fn(Studio, Uuid) -> F) -> Result<()>
where
    R: Record,
    F: Future<Output = Result<bool>>,
{
    let mut first_error = None;
    for shard in 0..DUE_SHARDS {
        let (mut start, mut moved) = (None, 0);
        // Records that cannot be re-sent stay at the head of the index, so the sweep continues with the pages after
        // them.
        while moved < LIMIT {
            let (keys, next) = table.due_page(shard, now, LIMIT, start).await?;
            for (studio, id) in keys {
                // A record that cannot be read or sent must not block the others.
                match resend(studio.clone(), id).await {
                    Ok(was_due) => moved += i32::from(was_due),
                    Err(error) => {
                        let error_text = format!("{error:#}");
                        warn!(%studio, %id, error = error_text, "Could not work on an overdue {}", R::NAME);
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
