//! Queues, typed: only jobs go in.

use anyhow::Result;
use aws_sdk_sqs::Client;
use jiff::{SignedDuration, Timestamp};

use crate::{aws::failed, job::Job};

/// SQS: a visibility timeout is 0 to 12 hours.
const MAX_VISIBILITY: i32 = 43_200;

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

    /// Hides a received message until `at`.
    pub async fn hide_until(&self, receipt_handle: &str, at: Timestamp) -> Result<()> {
        let seconds = at.duration_since(Timestamp::now()).max(SignedDuration::ZERO).as_secs_f64().ceil();
        #[expect(clippy::cast_possible_truncation, reason = "clamped to 12 hours before")]
        let seconds = seconds.min(f64::from(MAX_VISIBILITY)) as i32;
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
