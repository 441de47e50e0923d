//! Jobs as operators see them: what is not finished, the story of a record, and the load of studios.

mod load;
mod story;

use api_types::{JobPage, JobView, OrdersFound, RecordSummary};
use domain::{
    Studio,
    job_counts::SOON,
    job_record::{JobPhase, JobRecord},
    job_state::GRACE,
};
use futures::{StreamExt as _, TryStreamExt as _, stream};
use jiff::{SignedDuration, Timestamp};
use runtime::{
    failed_jobs::CONCURRENCY,
    store::{DueKey, Table},
};
use serde::Deserialize;
use utoipa::ToSchema;

pub use self::{load::load, story::story};
use crate::{problem::ApiResult, state::State};

/// Largest number of orders with one reference that are shown.
const MAX_FOUND: usize = 50;
/// Keys of the index that a page reads for each job that it may show.
const READS_PER_SHOWN: usize = 2;

/// Longest lease. Lambda: a function runs at most 15 minutes.
const LONGEST_LEASE: SignedDuration = SignedDuration::from_mins(15);

/// State of unfinished jobs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum Unfinished {
    /// A worker has the lease.
    Running,
    /// Waiting for the first attempt, or for another one.
    Waiting,
}

impl Unfinished {
    fn takes(self, phase: JobPhase) -> bool {
        match self {
            Self::Running => phase == JobPhase::Running,
            Self::Waiting => matches!(phase, JobPhase::Waiting | JobPhase::Retrying),
        }
    }
}

/// Returns a page of a table's unfinished jobs. It reads at most twice as many records as it may show.
pub async fn unfinished<R: JobRecord>(
    state: &State,
    table: &Table<R>,
    which: Unfinished,
    mut after: Option<DueKey>,
    limit: usize,
) -> ApiResult<JobPage> {
    let now = state.clock.now();
    let after_now = |duration| now.saturating_add(duration).unwrap_or(Timestamp::MAX);
    let (from, until) = match which {
        // A claim puts the due date behind the end of the lease.
        Unfinished::Running => (after_now(GRACE), after_now(LONGEST_LEASE + GRACE)),
        Unfinished::Waiting => (Timestamp::UNIX_EPOCH, after_now(SOON)),
    };
    let mut items = Vec::new();
    for _ in 0..READS_PER_SHOWN {
        let keys = table.due_keys(from, until, after.clone(), limit).await?;
        let is_last = keys.len() < limit;
        let records = keys.iter().map(|key| table.get_readable(&key.studio, key.id)).collect::<Vec<_>>();
        let records: Vec<_> = stream::iter(records).buffered(CONCURRENCY).try_collect().await?;
        for (key, record) in keys.into_iter().zip(records) {
            after = Some(key);
            let Some(record) = record else { continue };
            if which.takes(record.phase(now)) {
                items.push(JobView::of(&record, now, |attempt| state.logs.of(R::QUEUE, attempt)));
            }
            if items.len() == limit {
                break;
            }
        }
        if items.len() == limit {
            break;
        }
        if is_last {
            return Ok(JobPage { items, next_cursor: None });
        }
    }
    Ok(JobPage { items, next_cursor: after.map(|key| key.to_string()) })
}

/// Returns the studio's orders with this reference, newest first.
pub async fn orders_with(state: &State, studio: &Studio, reference: &str) -> ApiResult<OrdersFound> {
    let found = state.orders.list_by_reference(studio, reference, None, MAX_FOUND).await?;
    Ok(OrdersFound { items: found.items.iter().map(RecordSummary::from).collect() })
}
