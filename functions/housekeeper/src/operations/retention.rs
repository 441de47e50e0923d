//! Erasure by age. Once a day an operation reads the orders of all studios, and starts an erasure in each studio that
//! has orders older than `PERSONAL_DATA_RETENTION_DAYS`.

use std::{collections::BTreeSet, sync::Arc};

use anyhow::{Context as _, Result};
use domain::{
    JobError, Studio,
    job_record::JobRecord as _,
    operation::{ErasureScope, Operation, Task},
    queue_config::QueueName,
};
use jiff::{SignedDuration, Timestamp};
use runtime::{
    lease::Lease,
    store::{Created, ScanKey},
};
use uuid::Uuid;

use super::paging::pause_in_time;
use crate::state::State;

/// Partition of the daily operation. Its id is a UUIDv5, which the API refuses, so a studio with this name cannot read
/// it.
const PARTITION: &str = "retention";
/// Length of a day in UTC.
const SECONDS_A_DAY: i64 = 24 * 3600;
/// Namespace of the ids of daily operations.
const NAMESPACE: Uuid = Uuid::from_u128(0x1f6e_7a52_30d4_4c0b_9f0e_5b7c_2a91_64d8);

/// Starts the operation of the day, unless it was started or there is no retention. Part of every sweep.
pub async fn begin(state: &State, now: Timestamp) -> Result<()> {
    let Some(days) = state.retention_days else { return Ok(()) };
    let before = now.saturating_sub(SignedDuration::from_hours(24 * i64::from(days)))?;
    let day = now.as_second().div_euclid(SECONDS_A_DAY);
    let studio = PARTITION.parse().context("The partition's name is no studio's")?;
    let id = Uuid::new_v5(&NAMESPACE, &day.to_be_bytes());
    start(state, Operation::new(studio, id, QueueName::Downloads, Task::Retention { before }, now)).await
}

/// Reads all orders and starts the erasures.
pub async fn retain(state: &State, lease: &Arc<Lease<Operation>>, before: Timestamp) -> Result<Operation, JobError> {
    let mut position: Option<ScanKey> = lease.record.position.as_deref().map(str::parse).transpose()?;
    loop {
        let (orders, next) = state.orders.scan(position).await?;
        let old = orders.into_iter().filter(|order| order.created_at < before && !order.is_erased());
        let studios: BTreeSet<Studio> = old.map(|order| order.studio).collect();
        for studio in &studios {
            let id = Uuid::new_v5(&lease.record.id, studio.as_str().as_bytes());
            let task = Task::Erase { scope: ErasureScope::Older { before } };
            start(state, Operation::new(studio.clone(), id, QueueName::Downloads, task, lease.now())).await?;
        }
        let Some(key) = next else { break };
        lease.change(|operation| operation.advance(lease.by, 0, Some(key.to_string()))).await?;
        position = Some(key);
        pause_in_time(lease)?;
    }
    let now = lease.now();
    lease.change(|operation| operation.complete(lease.by, now)).await
}

/// Creates the operation and sends its job, unless the operation exists. After a crash in between, the sweep sends the
/// job.
async fn start(state: &State, operation: Operation) -> Result<()> {
    if let Created::New = state.operations.create(&operation).await? {
        state.queues.of(QueueName::Default).send(&Operation::job(operation.studio.clone(), operation.id)).await?;
    }
    Ok(())
}
