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
        self.client
            .send_message()
            .queue_url(&self.url)
            .message_body(job.encode())
            .send()
            .await
            .map_err(|error| failed("Failed to send a job", error))?;
        Ok(())
    }

    /// Puts a message on it as it once came, to be seen after so long, in whole seconds, rounded up.
    pub async fn send_again(&self, body: &str, wait: Duration) -> Result<()> {
        #[expect(clippy::cast_possible_truncation, reason = "at most 15 minutes")]
        let seconds = wait.as_secs_f64().ceil().min(MAX_DELAY) as i32;
        self.client
            .send_message()
            .queue_url(&self.url)
            .message_body(body)
            .delay_seconds(seconds)
            .send()
            .await
            .map_err(|error| failed("Failed to send a message again", error))?;
        Ok(())
    }

    /// Hides a received message for so long from now, in whole seconds, rounded up.
    pub async fn hide(&self, receipt_handle: &str, wait: Duration) -> Result<()> {
        #[expect(clippy::cast_possible_truncation, reason = "at most 12 hours")]
        let seconds = wait.as_secs_f64().ceil().min(MAX_VISIBILITY) as i32;
        self.client
            .change_message_visibility()
            .queue_url(&self.url)
            .receipt_handle(receipt_handle)
            .visibility_timeout(seconds)
            .send()
            .await
            .map_err(|error| failed("Failed to change a message's visibility", error))?;
        Ok(())
    }
}
