//! Queues, typed: only jobs go in.

use std::time::Duration;

use anyhow::Result;
use aws_sdk_sqs::{
    Client,
    types::{ChangeMessageVisibilityBatchRequestEntry, MessageAttributeValue, QueueAttributeName},
};
use domain::{job::Job, queue_config::QueueName};
use jiff::Timestamp;
use tracing::warn;

use crate::{
    aws::failed,
    clock::Clock,
    env::{Env, EnvError},
};

/// SQS: a visibility timeout is 0 to 12 hours, in seconds.
const MAX_VISIBILITY: f64 = 43_200.0;

/// SQS: a message is delayed by 15 minutes at most, in seconds.
const MAX_DELAY: f64 = 900.0;

/// SQS: at most 10 messages in a request.
const MAX_BATCH: usize = 10;

/// The message attribute that tells when a job was sent first, in milliseconds since the epoch: one that is sent anew is as
/// old as it was. Bodies don't tell it, since a build refuses fields that it does not know.
pub const SINCE: &str = "since";

/// One queue.
#[derive(Clone)]
pub struct Queue {
    pub(crate) client: Client,
    pub(crate) url: String,
    clock: Clock,
}

/// How many messages a queue holds, as SQS approximates it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Counts {
    /// Waiting to be received.
    pub waiting: u64,
    /// In a worker's hands, or hidden until they are tried again.
    pub in_flight: u64,
    /// Sent to be seen later.
    pub delayed: u64,
}

/// All queues.
#[derive(Clone)]
pub struct Queues([Queue; QueueName::ALL.len()]);

impl Queues {
    /// The queues at the URLs in the environment. A missing variable is an error that names it.
    pub fn from_env(env: &Env, client: &Client) -> Result<Self, EnvError> {
        let [emails, photos, downloads, default] = QueueName::ALL.map(|name| Queue::from_env(env, name, client));
        Ok(Self([emails?, photos?, downloads?, default?]))
    }

    /// Returns the queue of this name.
    pub fn of(&self, name: QueueName) -> &Queue {
        let [emails, photos, downloads, default] = &self.0;
        match name {
            QueueName::Emails => emails,
            QueueName::Photos => photos,
            QueueName::Downloads => downloads,
            QueueName::Default => default,
        }
    }
}

impl Queue {
    /// The queue at this URL; jobs say by this clock when they were sent.
    pub fn new(client: Client, url: impl Into<String>, clock: Clock) -> Self {
        Self { client, url: url.into(), clock }
    }

    /// The queue of this name, at the URL in the environment: `photos` is at `PHOTOS_QUEUE_URL`.
    pub fn from_env(env: &Env, name: QueueName, client: &Client) -> Result<Self, EnvError> {
        let url = env.required(&format!("{}_QUEUE_URL", name.as_str().to_uppercase()))?;
        Ok(Self::new(client.clone(), url, env.clock()))
    }

    /// The dead-letter queue of this name, at the URL in the environment: that of `photos` is at `PHOTOS_DLQ_URL`.
    pub fn dead_letters_from_env(env: &Env, name: QueueName, client: &Client) -> Result<Self, EnvError> {
        let url = env.required(&format!("{}_DLQ_URL", name.as_str().to_uppercase()))?;
        Ok(Self::new(client.clone(), url, env.clock()))
    }

    /// Puts a job on it.
    pub async fn send(&self, job: &Job) -> Result<()> {
        let now = self.clock.now();
        self.put(job.encode(now), None, now).await
    }

    /// Puts a message on it as it once came, to be seen after so long, in whole seconds, rounded up; `since` is when its job
    /// was sent first, now unless said.
    pub async fn restart(&self, body: &str, wait: Duration, since: Option<Timestamp>) -> Result<()> {
        let since = since.unwrap_or_else(|| self.clock.now());
        self.put(body.to_owned(), Some(seconds(wait, MAX_DELAY)), since).await
    }

    /// Its name: the last part of its URL.
    pub fn name(&self) -> &str {
        self.url.rsplit('/').next().unwrap_or_default()
    }

    /// Shows received messages again at once, ten in a request.
    pub async fn show(&self, receipt_handles: &[&str]) -> Result<()> {
        for handles in receipt_handles.chunks(MAX_BATCH) {
            let entries = handles.iter().enumerate().map(|(n, handle)| {
                let entry = ChangeMessageVisibilityBatchRequestEntry::builder().id(n.to_string());
                entry.receipt_handle(*handle).visibility_timeout(0).build()
            });
            let changing = self.client.change_message_visibility_batch().queue_url(&self.url);
            let changed = changing.set_entries(Some(entries.collect::<Result<_, _>>()?)).send().await;
            let changed = changed.map_err(|error| failed("Failed to show messages again", error))?;
            for failure in changed.failed() {
                // It is seen again when its time is up.
                warn!(code = failure.code(), "A message could not be shown again");
            }
        }
        Ok(())
    }

    /// How many messages it holds.
    pub async fn counts(&self) -> Result<Counts> {
        use QueueAttributeName::{
            ApproximateNumberOfMessages, ApproximateNumberOfMessagesDelayed, ApproximateNumberOfMessagesNotVisible,
        };
        let answer = self
            .client
            .get_queue_attributes()
            .queue_url(&self.url)
            .attribute_names(ApproximateNumberOfMessages)
            .attribute_names(ApproximateNumberOfMessagesNotVisible)
            .attribute_names(ApproximateNumberOfMessagesDelayed)
            .send()
            .await
            .map_err(|error| failed("Failed to count a queue's messages", error))?;
        let counts = answer.attributes.unwrap_or_default();
        let count = |name| counts.get(&name).and_then(|count| count.parse().ok()).unwrap_or_default();
        Ok(Counts {
            waiting: count(ApproximateNumberOfMessages),
            in_flight: count(ApproximateNumberOfMessagesNotVisible),
            delayed: count(ApproximateNumberOfMessagesDelayed),
        })
    }

    async fn put(&self, body: String, delay: Option<i32>, since: Timestamp) -> Result<()> {
        let since =
            MessageAttributeValue::builder().data_type("Number").string_value(since.as_millisecond().to_string());
        self.client
            .send_message()
            .queue_url(&self.url)
            .message_body(body)
            .set_delay_seconds(delay)
            .message_attributes(SINCE, since.build()?)
            .send()
            .await
            .map_err(|error| failed("Failed to send a job", error))?;
        Ok(())
    }

    /// Hides a received message for so long from now, in whole seconds, rounded up.
    pub async fn hide(&self, receipt_handle: &str, wait: Duration) -> Result<()> {
        self.client
            .change_message_visibility()
            .queue_url(&self.url)
            .receipt_handle(receipt_handle)
            .visibility_timeout(seconds(wait, MAX_VISIBILITY))
            .send()
            .await
            .map_err(|error| failed("Failed to change a message's visibility", error))?;
        Ok(())
    }
}

/// Whole seconds, rounded up, and no more than `most`.
#[expect(clippy::cast_possible_truncation, reason = "`most` is 12 hours at most")]
fn seconds(wait: Duration, most: f64) -> i32 {
    wait.as_secs_f64().ceil().min(most) as i32
}
