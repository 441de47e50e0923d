//! Filling: an operation that gives the items of earlier builds what later ones read them by, once for each table.
//!
//! Until it is done, lists and deletions read as they did before. It begins an hour after the first sweep of a new build: by
//! then no function of the one before writes items any more.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, PoisonError},
};

use anyhow::Result;
use domain::{
    error::JobError,
    job::Job,
    job_state::JobState,
    operation::{Filled, Operation, OperationStatus, Task},
    record::Record,
    studio::Studio,
};
use futures::{FutureExt as _, StreamExt as _, TryStreamExt as _, future::BoxFuture, stream};
use jiff::{SignedDuration, Timestamp};
use uuid::Uuid;

use crate::{
    clock::Clock,
    desk::{CONCURRENCY, pause_in_time},
    lease::Lease,
    queue::Queue,
    store::{INDEXED_VERSION, Orders, Table},
};

/// The studio that these operations stand under: they are nobody's.
const NOBODY: &str = "darkroom";
/// The time between a build's first sweep and the beginning.
const BEGINS_AFTER: SignedDuration = SignedDuration::from_hours(1);
/// How often a function asks whether it is done.
const ASKED_EVERY: SignedDuration = SignedDuration::from_secs(60);
/// The first half of the ids of these operations; no UUIDv7 of our time begins so.
const IDS: u128 = 0x6461_726b_726f_6f6d << 64;

/// The operation that fills a table.
fn operation_of(table: Filled) -> Uuid {
    Uuid::from_u128(IDS | u128::from(INDEXED_VERSION) << 8 | table as u128)
}

fn nobody() -> Result<Studio> {
    Ok(NOBODY.parse()?)
}

/// Writes the operation down, or sets one going that failed; a sweep calls this.
pub async fn begin(operations: &Table<Operation>, queue: &Queue, table: Filled, now: Timestamp) -> Result<()> {
    let (studio, id) = (nobody()?, operation_of(table));
    match operations.get(&studio, id).await? {
        None => {
            let due_at = now.checked_add(BEGINS_AFTER).ok();
            let work = JobState { due_at, ..JobState::default() };
            let task = Task::Fill { table };
            operations.create(&Operation { work, ..Operation::new(studio, id, table.queue(), task, now) }).await?;
        }
        Some(operation) if operation.status == OperationStatus::Failed => {
            operations.update(&studio, id, |operation| operation.restart(now, None)).await?;
            queue.send(&Job::Operate { studio, operation: id }).await?;
        }
        Some(_) => {}
    }
    Ok(())
}

/// Writes down that nothing is to be filled in a table that was just made.
pub async fn is_new(operations: &Table<Operation>, table: Filled, now: Timestamp) -> Result<()> {
    let operation = Operation::new(nobody()?, operation_of(table), table.queue(), Task::Fill { table }, now);
    let (status, work) = (OperationStatus::Done, JobState::default());
    operations.create(&Operation { status, work, ended_at: Some(now), ..operation }).await?;
    Ok(())
}

/// Fills the records of a table, page by page.
pub async fn records<R: Record>(table: &Table<R>, lease: Arc<Lease<Operation>>) -> Result<Operation, JobError> {
    run(&lease, table, |studio, id| async move { table.rewrite(&studio, id).await }.boxed()).await
}

/// Fills the orders: first the items of each order's photos, then the order itself.
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
            let now = lease.now();
            lease.change(|operation| operation.advance(lease.by, done, None)).await?;
            return lease.change(|operation| operation.complete(lease.by, now)).await;
        };
        lease.change(|operation| operation.advance(lease.by, done, Some(next.clone()))).await?;
        position = Some(next);
        pause_in_time(lease)?;
    }
}

/// Whether tables are filled, as a function remembers it.
pub struct Fillings {
    operations: Arc<Table<Operation>>,
    clock: Clock,
    /// When it is to be asked again; never where it is done.
    known: Mutex<HashMap<Filled, Option<Timestamp>>>,
}

impl Fillings {
    /// Of the operations in this table.
    pub fn new(operations: Arc<Table<Operation>>, clock: Clock) -> Self {
        Self { operations, clock, known: Mutex::default() }
    }

    /// Returns whether all items of the table have what this build reads them by.
    pub async fn is_done(&self, table: Filled) -> Result<bool> {
        let now = self.clock.now();
        let known = || self.known.lock().unwrap_or_else(PoisonError::into_inner);
        match known().get(&table) {
            Some(None) => return Ok(true),
            Some(Some(ask_at)) if now < *ask_at => return Ok(false),
            _ => {}
        }
        let operation = self.operations.get(&nobody()?, operation_of(table)).await?;
        let done = operation.is_some_and(|operation| operation.status == OperationStatus::Done);
        known().insert(table, if done { None } else { now.checked_add(ASKED_EVERY).ok() });
        Ok(done)
    }
}
