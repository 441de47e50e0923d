//! Erasure by age. Once a day an operation reads the orders of all studios, and starts an erasure in each studio that
//! has orders older than `PERSONAL_DATA_RETENTION_DAYS`.

use std::{collections::BTreeSet, sync::Arc};

use anyhow::Result;
use domain::{
    JobError, Studio,
    operation::{ErasureScope, Operation, Task},
    queue_config::QueueName,
};
use jiff::{SignedDuration, Timestamp};
use runtime::{lease::Lease, store::ScanKey};
use uuid::Uuid;

use super::{daily, paging::pause_in_time};
use crate::state::State;

/// Partition of the daily operation. Its id is a UUIDv5, which the API refuses, so a studio with this name cannot read
/// it.
const PARTITION: &str = "retention";
/// Namespace of the ids of daily operations.
const NAMESPACE: Uuid = Uuid::from_u128(0x1f6e_7a52_30d4_4c0b_9f0e_5b7c_2a91_64d8);

/// Starts the operation of the day, unless it was started or there is no retention. Part of every sweep.
pub async fn begin(state: &State, now: Timestamp) -> Result<()> {
    let Some(days) = state.retention_days else { return Ok(()) };
    let before = now.saturating_sub(SignedDuration::from_hours(24 * i64::from(days)))?;
    let task = Task::Retention { before };
    daily::begin(state, (PARTITION, NAMESPACE), QueueName::Downloads, task, now).await
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
            daily::start(state, Operation::new(studio.clone(), id, QueueName::Downloads, task, lease.now())).await?;
        }
        let Some(key) = next else { break };
        lease.change(|operation| operation.advance(lease.by, 0, Some(key.to_string()))).await?;
        position = Some(key);
        pause_in_time(lease)?;
    }
    let now = lease.now();
    lease.change(|operation| operation.complete(lease.by, now)).await
}
