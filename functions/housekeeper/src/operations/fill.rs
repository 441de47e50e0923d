//! Filling: an operation that adds to the items of earlier builds the attributes by which later builds read them, once
//! for each table.
//!
//! Until it is done, lists and deletions read as before. It starts an hour after the first sweep of a new build, when
//! no function of the previous build writes items any more.

use std::sync::Arc;

use anyhow::Result;
use domain::{
    JobError, Studio,
    job::Job,
    job_state::JobState,
    operation::{Filled, Operation, OperationStatus, Task},
    queue_config::QueueName,
    record::Record,
};
use futures::{FutureExt as _, StreamExt as _, TryStreamExt as _, future::BoxFuture, stream};
use jiff::{SignedDuration, Timestamp};
use runtime::{
    failed_jobs::CONCURRENCY,
    fill::operation_of,
    lease::Lease,
    store::{Orders, Table},
};
use uuid::Uuid;

use super::paging::{end, pause_in_time};
use crate::state::State;

/// Time from a build's first sweep to the start of the filling.
const BEGINS_AFTER: SignedDuration = SignedDuration::from_hours(1);

/// Creates the operation, or restarts a failed one. Called by a sweep.
pub async fn begin(state: &State, table: Filled, now: Timestamp) -> Result<()> {
    let (studio, id) = operation_of(table)?;
    match state.operations.get(&studio, id).await? {
        None => {
            let due_at = now.checked_add(BEGINS_AFTER).ok();
            let work = JobState { due_at, ..JobState::default() };
            let task = Task::Fill { table };
            state
                .operations
                .create(&Operation { work, ..Operation::new(studio, id, table.queue(), task, now) })
                .await?;
        }
        Some(operation) if operation.status == OperationStatus::Failed => {
            state.operations.update(&studio, id, |operation| operation.restart(now, None)).await?;
            state.queues.of(QueueName::Default).send(&Job::Operate { studio, operation: id }).await?;
        }
        Some(_) => {}
    }
    Ok(())
}

/// Fills the records of a table, page by page.
pub async fn records<R: Record>(table: &Table<R>, lease: Arc<Lease<Operation>>) -> Result<Operation, JobError> {
    run(&lease, table, |studio, id| async move { table.rewrite(&studio, id).await }.boxed()).await
}

/// Fills the orders: first the items of an order's photos, then the order itself.
pub async fn orders(orders: &Orders, lease: Arc<Lease<Operation>>) -> Result<Operation, JobError> {
    let now = lease.now();
    let fill = |studio: Studio, id| {
        async move {
            if let Some(order) = orders.get(&studio, id).await?.filter(|order| !order.is_erased()) {
                let photos = orders.photos(&order).await?;
                orders.put_photo_items(&order, &photos, now).await?;
            }
            orders.table().rewrite(&studio, id).await
        }
        .boxed()
    };
    run(&lease, orders.table(), fill).await
}

async fn run<'a, R: Record>(
    lease: &Lease<Operation>,
    table: &'a Table<R>,
    fill: impl Fn(Studio, Uuid) -> BoxFuture<'a, Result<()>>,
) -> Result<Operation, JobError> {
    let mut position = lease.record.position.clone();
    loop {
        let (keys, next) = table.unfilled(position.as_deref()).await?;
        let done = keys.len() as u64;
        let fillings: Vec<_> = keys.into_iter().map(|(studio, id)| fill(studio, id)).collect();
        stream::iter(fillings).buffer_unordered(CONCURRENCY).try_collect::<()>().await?;
        let Some(next) = next else {
            return end(lease, done).await;
        };
        lease.change(|operation| operation.advance(lease.by, done, Some(next.clone()))).await?;
        position = Some(next);
        pause_in_time(lease)?;
    }
}
