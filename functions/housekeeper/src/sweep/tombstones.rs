//! Deleted photos of which a picture may have been stored since.

use std::collections::BTreeMap;

use anyhow::Result;
use domain::{Job, queue_config::QueueName};
use jiff::Timestamp;

use crate::state::State;

/// Sends the job of each photo whose tombstone is due: it deletes what is left of the photo. The rest waits for the next
/// sweep.
pub async fn sweep(state: &State, paused: &BTreeMap<QueueName, Timestamp>, now: Timestamp) -> Result<()> {
    if paused.contains_key(&QueueName::Photos) {
        return Ok(());
    }
    for (studio, photo) in state.tombstones.due(now).await? {
        let job = Job::ProcessPhoto { studio: studio.clone(), photo };
        state.queues.of(QueueName::Photos).send(&job).await?;
        state.tombstones.sent(&studio, photo).await?;
    }
    Ok(())
}
