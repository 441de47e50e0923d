//! Operations that a sweep starts once a day.

use anyhow::{Context as _, Result};
use domain::{
    job_record::JobRecord as _,
    operation::{Operation, Task},
    queue_config::QueueName,
};
use jiff::Timestamp;
use runtime::store::Created;
use uuid::Uuid;

use crate::state::State;

/// Length of a day in UTC.
const SECONDS_A_DAY: i64 = 24 * 3600;

/// Starts the operation of the day, unless it was started. `partition` takes the place of a studio. Ids are UUIDv5, which
/// the API refuses, so a studio with that name cannot read the operation.
pub async fn begin(
    state: &State,
    (partition, namespace): (&str, Uuid),
    queue: QueueName,
    task: Task,
    now: Timestamp,
) -> Result<()> {
    let studio = partition.parse().context("The partition's name is no studio's")?;
    let id = Uuid::new_v5(&namespace, &now.as_second().div_euclid(SECONDS_A_DAY).to_be_bytes());
    if state.operations.get(&studio, id).await?.is_some() {
        return Ok(());
    }
    start(state, Operation::new(studio, id, queue, task, now)).await
}

/// Creates the operation and sends its job, unless the operation exists. After a crash in between, the sweep sends the
/// job.
pub async fn start(state: &State, operation: Operation) -> Result<()> {
    if let Created::New = state.operations.create(&operation).await? {
        state.queues.of(QueueName::Default).send(&Operation::job(operation.studio.clone(), operation.id)).await?;
    }
    Ok(())
}
