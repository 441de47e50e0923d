//! Queues, typed: only jobs go in.

use std::time::Duration;

use anyhow::Result;
use aws_sdk_sqs::Client;

use crate::{aws::failed, job::Job};

/// SQS: a visibility timeout is 0 to 12 hours, in seconds.
const MAX_VISIBILITY: f64 = 43_200.0;

/// SQS: a message is delayed by 15 minutes at most, in seconds.
const MAX_DELAY: f64 = 900.0;

/// One queue.
#[derive(Clone)]
pub struct Queue {
    client: Client,
    url: String,
}

impl Queue {
    /// The queue at this URL.
    pub fn new(client: Client, url: impl Into<String>) -> Self {
        Self { client, url: url.into() }
    }

    /// Puts a job on it.
    pub async fn send(&self, job: &Job) -> Result<()> {
        self.put(job.encode(), None).await
    }

    /// Puts a message on it as it once came, to be seen after so long, in whole seconds, rounded up.
    pub async fn send_again(&self, body: &str, wait: Duration) -> Result<()> {
        self.put(body.to_owned(), Some(seconds(wait, MAX_DELAY))).await
    }

    async fn put(&self, body: String, delay: Option<i32>) -> Result<()> {
        self.client
            .send_message()
            .queue_url(&self.url)
            .message_body(body)
            .set_delay_seconds(delay)
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
