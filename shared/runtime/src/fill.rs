//! Whether the items of earlier builds were given what this build reads them by: an operation does it, once for each table.

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

/// The studio that these operations stand under: they are nobody's.
const NOBODY: &str = "darkroom";
/// How often a function asks whether it is done.
const ASKED_EVERY: SignedDuration = SignedDuration::from_secs(60);
/// The first half of the ids of these operations; no UUIDv7 of our time begins so.
const IDS: u128 = 0x6461_726b_726f_6f6d << 64;

/// Returns studio and id of the operation that fills a table.
pub fn operation_of(table: Filled) -> Result<(Studio, Uuid)> {
    Ok((NOBODY.parse()?, Uuid::from_u128(IDS | u128::from(INDEXED_VERSION) << 8 | table as u128)))
}

/// Writes down that nothing is to be filled in a table that was just made.
pub async fn is_new(operations: &Table<Operation>, table: Filled, now: Timestamp) -> Result<()> {
    let (studio, id) = operation_of(table)?;
    let operation = Operation::new(studio, id, table.queue(), Task::Fill { table }, now);
    let (status, work) = (OperationStatus::Done, JobState::default());
    operations.create(&Operation { status, work, ended_at: Some(now), ..operation }).await?;
    Ok(())
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
        let (studio, id) = operation_of(table)?;
        let operation = self.operations.get(&studio, id).await?;
        let done = operation.is_some_and(|operation| operation.status == OperationStatus::Done);
        known().insert(table, if done { None } else { now.checked_add(ASKED_EVERY).ok() });
        Ok(done)
    }
}
