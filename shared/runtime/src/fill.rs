//! Fill state of tables. An operation adds to each table's older items, once, the attributes by which this build reads
//! them.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, PoisonError},
};

use anyhow::Result;
use domain::{
    job_state::JobState,
    operation::{Filled, Operation, OperationStatus, Task},
    studio::Studio,
};
use jiff::{SignedDuration, Timestamp};
use uuid::Uuid;

use crate::{
    clock::Clock,
    store::{INDEXED_VERSION, Table},
};

/// Interval at which a function checks whether a table is filled.
const ASKED_EVERY: SignedDuration = SignedDuration::from_secs(60);
/// First half of the ids of these operations. No current UUIDv7 begins with it.
const IDS: u128 = 0x6461_726b_726f_6f6d << 64;

/// Returns studio and id of the operation that fills a table.
pub fn operation_of(table: Filled) -> Result<(Studio, Uuid)> {
    Ok((Studio::nobody(), Uuid::from_u128(IDS | u128::from(INDEXED_VERSION) << 8 | table as u128)))
}

/// Records that a new table needs no filling.
pub async fn is_new(operations: &Table<Operation>, table: Filled, now: Timestamp) -> Result<()> {
    let (studio, id) = operation_of(table)?;
    let operation = Operation::new(studio, id, table.queue(), Task::Fill { table }, now);
    let (status, work) = (OperationStatus::Done, JobState::default());
    operations.create(&Operation { status, work, ended_at: Some(now), ..operation }).await?;
    Ok(())
}

/// Cached fill state of tables.
pub struct Fillings {
    operations: Arc<Table<Operation>>,
    clock: Clock,
    /// Time of the next check; `None` if the table is filled.
    known: Mutex<HashMap<Filled, Option<Timestamp>>>,
}

impl Fillings {
    /// Creates a cache of the operations in this table.
    pub fn new(operations: Arc<Table<Operation>>, clock: Clock) -> Self {
        Self { operations, clock, known: Mutex::default() }
    }

    /// Returns whether all items of the table have the attributes by which this build reads them.
    pub async fn is_done(&self, table: Filled) -> Result<bool> {
        let now = self.clock.now();
        let known = || self.known.lock().unwrap_or_else(PoisonError::into_inner);
        match known().get(&table) {
            Some(None) => return Ok(true),
            Some(Some(ask_at)) if now < *ask_at => return Ok(false),
            _ => {}
        }
        let (studio, id) = operation_of(table)?;
        let operation = self.operations.get(&studio, id).await?;
        let done = operation.is_some_and(|operation| operation.status == OperationStatus::Done);
        known().insert(table, if done { None } else { now.checked_add(ASKED_EVERY).ok() });
        Ok(done)
    }
}
