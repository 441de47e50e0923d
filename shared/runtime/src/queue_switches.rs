//! Pausing and resuming of queues.

use std::collections::BTreeMap;

use anyhow::Result;
use domain::{
    queue_config::QueueName,
    queue_switch::{NeverPaused, Paused, QueueSwitch},
};
use jiff::Timestamp;
use tracing::info;

use crate::{event_sources::EventSources, queue::Queues, store::Table};

/// Records of pauses, and the event source mappings that follow them.
pub struct QueueSwitches {
    /// Records, in the table of studios.
    pub table: Table<QueueSwitch>,
    /// Event source mappings.
    pub sources: EventSources,
    /// Queues.
    pub queues: Queues,
}

impl QueueSwitches {
    /// Returns the pause of a queue; `None` if it is worked on.
    pub async fn paused(&self, queue: QueueName) -> Result<Option<Paused>> {
        let Ok(QueueSwitch { studio, id, .. }) = QueueSwitch::of(queue) else { return Ok(None) };
        Ok(self.table.get(&studio, id).await?.and_then(|switch| switch.paused))
    }

    /// Pauses or resumes a queue by `change`, and returns its record.
    pub async fn change(
        &self,
        queue: QueueName,
        change: impl Fn(&mut QueueSwitch),
    ) -> Result<Result<QueueSwitch, NeverPaused>> {
        let absent = match QueueSwitch::of(queue) {
            Ok(absent) => absent,
            Err(never) => return Ok(Err(never)),
        };
        let switch = self.table.update_or_create(absent, change).await?;
        self.apply(&switch).await?;
        Ok(Ok(switch))
    }

    /// Ends the pauses that are over, completes changes that were interrupted, and returns until when queues are paused.
    pub async fn settle(&self, now: Timestamp) -> Result<BTreeMap<QueueName, Timestamp>> {
        let mut paused = BTreeMap::new();
        for queue in QueueName::ALL {
            let switch = self.change(queue, |switch| switch.resume_if_over(now)).await?;
            if let Some(Paused { until, .. }) = switch.ok().and_then(|switch| switch.paused) {
                paused.insert(queue, until);
            }
        }
        Ok(paused)
    }

    /// Makes the event source mapping follow the record.
    async fn apply(&self, switch: &QueueSwitch) -> Result<()> {
        if !switch.unapplied {
            return Ok(());
        }
        let paused = switch.paused.as_ref();
        if !self.sources.set_enabled(self.queues.of(switch.queue), paused.is_none()).await? {
            info!(queue = %switch.queue, "Lambda is still making another change; the next sweep makes this one");
            return Ok(());
        }
        info!(queue = %switch.queue, paused = paused.is_some(), "An event source mapping follows its queue");
        self.table.update_or_create(switch.clone(), |switch| switch.applied(paused)).await?;
        Ok(())
    }
}
