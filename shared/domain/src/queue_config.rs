//! Configuration of the queues: the table that Terraform reads too (`infra/workers.json`).

use std::{collections::BTreeMap, fmt, str::FromStr, time::Duration};

use anyhow::{Context as _, Result};
use serde::{Deserialize, Serialize};

/// The queues, most urgent first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "snake_case")]
pub enum QueueName {
    /// Emails.
    Emails,
    /// Photos to develop.
    Photos,
    /// Archives to build.
    Downloads,
    /// Everything else: sweeps, and operations on many records.
    Default,
}

impl QueueName {
    /// All of them, most urgent first.
    pub const ALL: [Self; 4] = [Self::Emails, Self::Photos, Self::Downloads, Self::Default];

    /// As it is written.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Emails => "emails",
            Self::Photos => "photos",
            Self::Downloads => "downloads",
            Self::Default => "default",
        }
    }

    /// Name of its dead-letter queue.
    pub fn dlq(self) -> String {
        format!("{self}-dlq")
    }
}

impl fmt::Display for QueueName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// There is no queue of this name.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("there is no such queue")]
pub struct UnknownQueue;

impl FromStr for QueueName {
    type Err = UnknownQueue;

    fn from_str(name: &str) -> Result<Self, UnknownQueue> {
        Self::ALL.into_iter().find(|queue| queue.as_str() == name).ok_or(UnknownQueue)
    }
}

/// One queue and the function that works it.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct QueueConfig {
    /// Name of the function.
    pub function: String,
    /// The function's timeout.
    pub timeout_seconds: u32,
    /// The function's memory.
    pub memory_mb: u32,
    /// Claims before the record is failed.
    pub tries: u32,
    /// Receives before SQS moves a message to the DLQ.
    pub max_receives: u32,
    /// Messages in one event.
    pub batch_size: i32,
    /// Events worked on at once.
    pub max_concurrency: u32,
    /// What Lambda does when the worker's messages to its own queue have invoked it about 16 times.
    pub recursive_loop: RecursiveLoop,
    /// Jobs that may fail for good in five minutes before operators are told.
    pub tolerated_failures: u32,
    /// What its queue looks like while all is well.
    pub healthy: Healthy,
}

/// What Lambda does with a chain of invocations that a function's own messages continue.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
pub enum RecursiveLoop {
    /// Lets it go on.
    Allow,
    /// Stops it after about 16 invocations.
    Terminate,
}

/// The most that a queue shows while all is well.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(deny_unknown_fields)]
pub struct Healthy {
    /// Messages that wait.
    pub waiting: u64,
    /// Seconds that the oldest one has waited.
    pub oldest_seconds: u64,
    /// Failed jobs.
    pub failed: u64,
    /// Dead letters.
    pub dead_letters: u64,
}

impl QueueConfig {
    /// AWS's rule for event source mappings: six times the function's timeout.
    pub fn visibility(&self) -> Duration {
        Duration::from_secs(u64::from(self.timeout_seconds) * 6)
    }

    /// The function's timeout.
    pub fn timeout(&self) -> Duration {
        Duration::from_secs(u64::from(self.timeout_seconds))
    }
}

/// Configurations by queue.
pub type QueueConfigs = BTreeMap<QueueName, QueueConfig>;

/// Returns the configuration of every queue.
pub fn queue_configs() -> Result<QueueConfigs> {
    serde_json::from_str(include_str!("../../../infra/workers.json")).context("infra/workers.json can't be read")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::job_state::{MAX_RECEIVES, MAX_TRIES_DOWNLOAD, MAX_TRIES_EMAIL, MAX_TRIES_OPERATION, MAX_TRIES_PHOTO};

    #[test]
    fn table_agrees_with_the_code() {
        let queues = queue_configs().expect("reads");
        let tries: Vec<_> = queues.iter().map(|(queue, config)| (*queue, config.tries, config.max_receives)).collect();
        assert_eq!(
            tries,
            [
                (QueueName::Emails, MAX_TRIES_EMAIL, MAX_RECEIVES),
                (QueueName::Photos, MAX_TRIES_PHOTO, MAX_RECEIVES),
                (QueueName::Downloads, MAX_TRIES_DOWNLOAD, MAX_RECEIVES),
                (QueueName::Default, MAX_TRIES_OPERATION, MAX_RECEIVES),
            ]
        );
    }
}
