//! Queues of typed jobs.

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

/// SQS: visibility timeouts are 0 to 12 hours, in seconds.
const MAX_VISIBILITY: f64 = 43_200.0;

/// SQS: at most 15 minutes of delay per message, in seconds.
const MAX_DELAY: f64 = 900.0;

/// SQS: at most 10 messages per batch request.
const MAX_BATCH: usize = 10;

/// Message attribute with the time at which a job was first sent, in milliseconds since the epoch. A replacement
/// message keeps it. Bodies do not contain it, because builds refuse unknown fields.
pub const SINCE: &str = "since";

/// Client of one queue.
#[derive(Clone)]
pub struct Queue {
    pub(crate) client: Client,
    pub(crate) url: String,
    clock: Clock,
}

/// Numbers of messages in a queue, approximated by SQS.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Counts {
    /// Messages waiting to be received.
    pub waiting: u64,
    /// Messages received by a worker, or hidden until their next attempt.
    pub in_flight: u64,
    /// Messages with a delay that has not passed.
    pub delayed: u64,
}

/// All queues.
#[derive(Clone)]
pub struct Queues([Queue; QueueName::ALL.len()]);

impl Queues {
    /// Creates clients of the queues at the URLs in the environment. The error names a missing variable.
    pub fn from_env(env: &Env, client: &Client) -> Result<Self, EnvError> {
        let [emails, uploads, photos, downloads, webhooks, default] =
            QueueName::ALL.map(|name| Queue::from_env(env, name, client));
        Ok(Self([emails?, uploads?, photos?, downloads?, webhooks?, default?]))
    }

    /// Returns the queue of this name.
    pub fn of(&self, name: QueueName) -> &Queue {
        let [emails, uploads, photos, downloads, webhooks, default] = &self.0;
        match name {
            QueueName::Emails => emails,
            QueueName::Uploads => uploads,
            QueueName::Photos => photos,
            QueueName::Downloads => downloads,
            QueueName::Webhooks => webhooks,
            QueueName::Default => default,
        }
    }
}

impl Queue {
    /// Creates a client of the queue at this URL. Jobs contain their time of sending from this clock.
    pub fn new(client: Client, url: impl Into<String>, clock: Clock) -> Self {
        Self { client, url: url.into(), clock }
    }

    /// Creates a client of the queue at the URL in the environment, such as `PHOTOS_QUEUE_URL` for `photos`.
    pub fn from_env(env: &Env, name: QueueName, client: &Client) -> Result<Self, EnvError> {
        let url = env.required(&name.url_variable())?;
        Ok(Self::new(client.clone(), url, env.clock()))
    }

    /// Creates a client of the dead-letter queue at the URL in the environment, such as `PHOTOS_DLQ_URL` for `photos`.
    pub fn dead_letters_from_env(env: &Env, name: QueueName, client: &Client) -> Result<Self, EnvError> {
        let url = env.required(&name.dlq_url_variable())?;
        Ok(Self::new(client.clone(), url, env.clock()))
    }

    /// Sends a job.
    pub async fn send(&self, job: &Job) -> Result<()> {
        let now = self.clock.now();
        self.put(job.encode(now), group(job), None, now).await
    }

    /// Sends a job that is visible after `wait` (whole seconds, rounded up, at most 15 minutes).
    pub async fn send_later(&self, job: &Job, wait: Duration) -> Result<()> {
        let now = self.clock.now();
        self.put(job.encode(now), group(job), Some(seconds(wait, MAX_DELAY)), now).await
    }

    /// Sends a body again, visible after `wait` (whole seconds, rounded up). `since` is the time at which the job was
    /// first sent, now by default.
    pub async fn resend(&self, body: &str, wait: Duration, since: Option<Timestamp>) -> Result<()> {
        let since = since.unwrap_or_else(|| self.clock.now());
        let group = Job::decode(body).ok().as_ref().and_then(group);
        self.put(body.to_owned(), group, Some(seconds(wait, MAX_DELAY)), since).await
    }

    /// Returns the queue's name: the last part of its URL.
    pub fn name(&self) -> &str {
        self.url.rsplit('/').next().unwrap_or_default()
    }

    /// Makes received messages visible immediately, ten per request.
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
                // The message becomes visible when its timeout ends.
                warn!(code = failure.code(), "A message could not be shown again");
            }
        }
        Ok(())
    }

    /// Returns the numbers of messages.
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

    async fn put(&self, body: String, group: Option<String>, delay: Option<i32>, since: Timestamp) -> Result<()> {
        let since =
            MessageAttributeValue::builder().data_type("Number").string_value(since.as_millisecond().to_string());
        self.client
            .send_message()
            .queue_url(&self.url)
            .message_body(body)
            .set_message_group_id(group)
            .set_delay_seconds(delay)
            .message_attributes(SINCE, since.build()?)
            .send()
            .await
            .map_err(|error| failed("Failed to send a job", error))?;
        Ok(())
    }

    /// Hides a received message for `wait` from now (whole seconds, rounded up).
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

/// Returns the message group of a job: its studio. SQS delivers the jobs of other studios first while one studio has
/// many (fair queues).
fn group(job: &Job) -> Option<String> {
    job.studio().map(ToString::to_string)
}

/// Rounds up to whole seconds, limited to `most`.
#[expect(clippy::cast_possible_truncation, reason = "`most` is 12 hours at most")]
fn seconds(wait: Duration, most: f64) -> i32 {
    wait.as_secs_f64().ceil().min(most) as i32
}
