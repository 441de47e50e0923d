//! The table of queue facts, the same that Terraform reads.

use std::{collections::BTreeMap, time::Duration};

use anyhow::{Context as _, Result};
use serde::Deserialize;

/// One worker and its queue.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Worker {
    /// The queue's name; its dead-letter queue is `{queue}-dlq`.
    pub queue: String,
    /// The function's timeout.
    pub timeout_seconds: u32,
    /// The function's memory.
    pub memory_mb: u32,
    /// Claims before the record is failed.
    pub tries: u32,
    /// Receives before SQS moves a message to the DLQ: tries + 5.
    pub max_receives: u32,
    /// Messages in one event.
    pub batch_size: i32,
    /// Events worked on at once.
    pub max_concurrency: u32,
    /// What its queue may show before somebody should look.
    pub healthy: Healthy,
}

/// The bounds of a healthy queue; beyond any of them it is behind, or failing.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Healthy {
    /// Messages that wait, at most.
    pub waiting: u64,
    /// Age of the oldest message, in seconds, at most; also the alarm's threshold.
    pub oldest_seconds: u64,
    /// Failed jobs, at most.
    pub failed: u64,
}

impl Worker {
    /// AWS's rule for event source mappings: six times the function's timeout.
    pub fn visibility(&self) -> Duration {
        Duration::from_secs(u64::from(self.timeout_seconds) * 6)
    }

    /// The function's timeout.
    pub fn timeout(&self) -> Duration {
        Duration::from_secs(u64::from(self.timeout_seconds))
    }

    /// The dead-letter queue's name.
    pub fn dlq(&self) -> String {
        format!("{}-dlq", self.queue)
    }
}

/// All workers by function name.
pub fn workers() -> Result<BTreeMap<String, Worker>> {
    serde_json::from_str(include_str!("../../infra/workers.json")).context("infra/workers.json can't be read")
}

#[cfg(test)]
mod tests {
    use shared::work::{MAX_TRIES_DOWNLOAD, MAX_TRIES_EMAIL, MAX_TRIES_PHOTO, SPARE_RECEIVES};

    use super::*;

    #[test]
    fn the_table_agrees_with_the_code() {
        let workers = workers().expect("reads");
        let tries: Vec<_> = workers.values().map(|w| (w.queue.as_str(), w.tries, w.max_receives)).collect();
        assert_eq!(
            tries,
            [
                ("downloads", MAX_TRIES_DOWNLOAD, MAX_TRIES_DOWNLOAD + SPARE_RECEIVES),
                ("emails", MAX_TRIES_EMAIL, MAX_TRIES_EMAIL + SPARE_RECEIVES),
                ("photos", MAX_TRIES_PHOTO, MAX_TRIES_PHOTO + SPARE_RECEIVES),
            ]
        );
    }
}
