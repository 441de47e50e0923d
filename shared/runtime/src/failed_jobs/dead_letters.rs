//! A dead-letter queue: its messages can be read, put back and deleted.

use std::time::Duration;

use anyhow::Result;
use aws_sdk_sqs::types::{Message, MessageSystemAttributeName};
use jiff::Timestamp;
use tracing::warn;

use crate::{
    aws::failed,
    queue::{Counts, Queue},
};

/// SQS: at most 10 messages per receive.
const CONCURRENCY: i32 = 10;
/// Time for which a read message is hidden, unless it is put back before. Long enough to read a whole queue without
/// receiving the same message twice.
pub const LOOKED_AT: Duration = Duration::from_secs(30);
/// Wait for a repeated receive. A short poll of SQS queries some of its servers only; if more messages are expected, a
/// long poll follows.
const LOOK_AGAIN_SECONDS: i32 = 1;

/// Client of one dead-letter queue. Receives never move its messages, because it has no dead-letter queue of its own.
#[derive(Clone)]
pub struct DeadLetters {
    queue: Queue,
}

/// A message in the queue, hidden from other readers for now.
#[derive(Debug, Clone)]
pub struct DeadLetter {
    /// SQS's message id.
    pub id: String,
    /// Body of the message.
    pub body: String,
    /// Time at which the message was sent to its first queue.
    pub sent_at: Timestamp,
    /// Number of receives, from both queues.
    pub receives: u32,
    receipt_handle: String,
}

impl DeadLetters {
    /// Creates a client of this queue.
    pub fn new(queue: Queue) -> Self {
        Self { queue }
    }

    /// Returns the numbers of messages.
    pub async fn counts(&self) -> Result<Counts> {
        self.queue.counts().await
    }

    /// Reads up to `most` messages and hides them for `hide`. Messages that another reader has hidden are not returned.
    ///
    /// With `patient`, a long poll happens even if SQS's count, which lags behind, is zero.
    pub async fn look(&self, most: usize, patient: bool, hide: Duration) -> Result<Vec<DeadLetter>> {
        let expected = usize::try_from(self.counts().await?.waiting).unwrap_or(usize::MAX).min(most);
        let mut found: Vec<DeadLetter> = Vec::new();
        while found.len() < most {
            let longer = found.len() < expected || (patient && found.is_empty());
            let wait = if longer { LOOK_AGAIN_SECONDS } else { 0 };
            let left = i32::try_from(most - found.len()).unwrap_or(CONCURRENCY).min(CONCURRENCY);
            let received = self
                .queue
                .client
                .receive_message()
                .queue_url(&self.queue.url)
                .max_number_of_messages(left)
                .wait_time_seconds(wait)
                .visibility_timeout(i32::try_from(hide.as_secs()).unwrap_or(i32::MAX))
                .message_system_attribute_names(MessageSystemAttributeName::All)
                .send()
                .await
                .map_err(|error| failed("Failed to look at dead letters", error))?;
            let messages = received.messages.unwrap_or_default();
            if messages.is_empty() {
                break;
            }
            found.extend(messages.into_iter().map(read));
        }
        Ok(found)
    }

    /// Makes the messages visible to other readers. After a failure they become visible a little later.
    pub async fn put_back(&self, letters: &[&DeadLetter]) {
        let handles: Vec<_> = letters.iter().map(|letter| letter.receipt_handle.as_str()).collect();
        if let Err(error) = self.queue.show(&handles).await {
            warn!(error = format!("{error:#}"), "Could not put dead letters back");
        }
    }

    /// Deletes a message.
    pub async fn remove(&self, letter: &DeadLetter) -> Result<()> {
        self.queue
            .client
            .delete_message()
            .queue_url(&self.queue.url)
            .receipt_handle(&letter.receipt_handle)
            .send()
            .await
            .map_err(|error| failed("Failed to remove a dead letter", error))?;
        Ok(())
    }
}

fn read(message: Message) -> DeadLetter {
    let attributes = message.attributes.unwrap_or_default();
    let number = |name| attributes.get(&name).and_then(|value| value.parse::<i64>().ok());
    let sent_at = number(MessageSystemAttributeName::SentTimestamp).and_then(|ms| Timestamp::from_millisecond(ms).ok());
    let receives = number(MessageSystemAttributeName::ApproximateReceiveCount).and_then(|n| u32::try_from(n).ok());
    DeadLetter {
        id: message.message_id.unwrap_or_default(),
        body: message.body.unwrap_or_default(),
        sent_at: sent_at.unwrap_or_default(),
        receives: receives.unwrap_or_default(),
        receipt_handle: message.receipt_handle.unwrap_or_default(),
    }
}
