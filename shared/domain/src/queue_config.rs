//! Configuration of the queues, read from the table that Terraform uses too (`infra/workers.json`).

use std::{collections::BTreeMap, fmt, str::FromStr, time::Duration};

use anyhow::{Context as _, Result};
use jiff::SignedDuration;
use serde::{Deserialize, Serialize};

/// Longest pause of a queue. SQS keeps the messages for four days, and they need time after the pause.
pub const LONGEST_PAUSE: SignedDuration = SignedDuration::from_hours(3 * 24);

/// Name of a queue, most urgent first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "snake_case")]
pub enum QueueName {
    /// Emails.
    Emails,
    /// Events of new objects in S3.
    Uploads,
    /// Photos to process.
    Photos,
    /// Archives to build.
    Downloads,
    /// Events to send to webhooks.
    Webhooks,
    /// Sweeps, and operations on many records.
    Default,
}

impl QueueName {
    /// All queues, most urgent first.
    pub const ALL: [Self; 6] =
        [Self::Emails, Self::Uploads, Self::Photos, Self::Downloads, Self::Webhooks, Self::Default];

    /// Returns the name as text.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Emails => "emails",
            Self::Uploads => "uploads",
            Self::Photos => "photos",
            Self::Downloads => "downloads",
            Self::Webhooks => "webhooks",
            Self::Default => "default",
        }
    }

    /// Returns the environment variable with its URL: `PHOTOS_QUEUE_URL`.
    pub fn url_variable(self) -> String {
        format!("{}_QUEUE_URL", self.as_str().to_uppercase())
    }

    /// Returns the environment variable with the URL of its dead-letter queue: `PHOTOS_DLQ_URL`.
    pub fn dlq_url_variable(self) -> String {
        format!("{}_DLQ_URL", self.as_str().to_uppercase())
    }

    /// Returns the name of the dead-letter queue.
    pub fn dlq(self) -> String {
        format!("{self}-dlq")
    }
}

impl fmt::Display for QueueName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// Error: no queue has this name.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("there is no such queue")]
pub struct UnknownQueue;

impl FromStr for QueueName {
    type Err = UnknownQueue;

    fn from_str(name: &str) -> Result<Self, UnknownQueue> {
        Self::ALL.into_iter().find(|queue| queue.as_str() == name).ok_or(UnknownQueue)
    }
}

/// Configuration of a queue and of the function that processes it.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct QueueConfig {
    /// Name of the function.
    pub function: String,
    /// Whether the function has another queue, by which its alarms, memory and timeout are named in Terraform.
    #[serde(default)]
    pub secondary: bool,
    /// Whether requests can wait for the queue's jobs (`"queue": false`).
    #[serde(default)]
    pub synchronous: bool,
    /// Timeout of the function, in seconds.
    pub timeout_seconds: u32,
    /// Memory of the function, in MB.
    pub memory_mb: u32,
    /// Attempts before the record fails.
    pub attempts: u32,
    /// Receives after which SQS moves a message to the dead-letter queue.
    pub max_receives: u32,
    /// Largest number of messages in one event.
    pub batch_size: i32,
    /// Largest number of events processed concurrently.
    pub max_concurrency: u32,
    /// Lambda's reaction after the worker's messages to its own queue have invoked it about 16 times.
    pub recursive_loop: RecursiveLoop,
    /// Number of jobs that may fail for good in five minutes before an alarm.
    pub tolerated_failures: u32,
    /// Highest values of a healthy queue.
    pub healthy: Healthy,
}

/// Lambda's reaction to a chain of invocations that a function's own messages continue.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
pub enum RecursiveLoop {
    /// Lets the chain continue.
    Allow,
    /// Stops the chain after about 16 invocations.
    Terminate,
}

/// Highest values of a healthy queue.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(deny_unknown_fields)]
pub struct Healthy {
    /// Number of waiting messages.
    pub waiting: u64,
    /// Age of the oldest message in seconds.
    pub oldest_seconds: u64,
    /// Number of failed jobs.
    pub failed: u64,
    /// Number of dead letters.
    pub dead_letters: u64,
}

impl QueueConfig {
    /// Returns the environment variable with the function's name: `PHOTO_PROCESSOR_FUNCTION`.
    pub fn function_variable(&self) -> String {
        format!("{}_FUNCTION", self.function.to_uppercase().replace('-', "_"))
    }

    /// Returns the visibility timeout. AWS recommends six times the function's timeout for event source mappings.
    pub fn visibility(&self) -> Duration {
        Duration::from_secs(u64::from(self.timeout_seconds) * 6)
    }

    /// Returns the function's timeout.
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
    use crate::job_state::{
        MAX_ATTEMPTS_DELIVERY, MAX_ATTEMPTS_DOWNLOAD, MAX_ATTEMPTS_EMAIL, MAX_ATTEMPTS_OPERATION, MAX_ATTEMPTS_PHOTO,
        MAX_ATTEMPTS_UPLOAD, MAX_RECEIVES,
    };

    #[test]
    fn table_agrees_with_the_code() {
        let queues = queue_configs().expect("reads");
        let attempts: Vec<_> =
            queues.iter().map(|(queue, config)| (*queue, config.attempts, config.max_receives)).collect();
        assert_eq!(
            attempts,
            [
                (QueueName::Emails, MAX_ATTEMPTS_EMAIL, MAX_RECEIVES),
                (QueueName::Uploads, MAX_ATTEMPTS_UPLOAD, MAX_RECEIVES),
                (QueueName::Photos, MAX_ATTEMPTS_PHOTO, MAX_RECEIVES),
                (QueueName::Downloads, MAX_ATTEMPTS_DOWNLOAD, MAX_RECEIVES),
                (QueueName::Webhooks, MAX_ATTEMPTS_DELIVERY, MAX_RECEIVES),
                (QueueName::Default, MAX_ATTEMPTS_OPERATION, MAX_RECEIVES),
            ]
        );
    }

    #[test]
    fn variables_are_named_after_queue_and_function() {
        let names = QueueName::ALL.map(|queue| (queue.url_variable(), queue.dlq_url_variable(), queue.dlq()));
        let photos = ("PHOTOS_QUEUE_URL".to_owned(), "PHOTOS_DLQ_URL".to_owned(), "photos-dlq".to_owned());
        assert_eq!(names[2], photos);
        let queues = queue_configs().expect("reads");
        assert_eq!(queues[&QueueName::Photos].function_variable(), "PHOTO_PROCESSOR_FUNCTION");
    }

    #[test]
    fn queue_is_found_by_its_name_only() {
        for queue in QueueName::ALL {
            assert_eq!(queue.to_string().parse(), Ok(queue));
            assert_eq!(serde_json::to_value(queue).expect("writes"), queue.as_str());
        }
        assert_eq!("Photos".parse::<QueueName>(), Err(UnknownQueue));
    }

    #[test]
    fn visibility_timeout_is_six_function_timeouts() {
        for config in queue_configs().expect("reads").values() {
            assert!(config.timeout().as_secs() == u64::from(config.timeout_seconds) && !config.timeout().is_zero());
            assert_eq!(config.visibility(), config.timeout() * 6);
        }
    }
}
