//! A dead-letter queue, as operators need it: looked at, put back, removed message by message.

use std::time::Duration;

use anyhow::Result;
use aws_sdk_sqs::types::{Message, MessageSystemAttributeName};
use jiff::Timestamp;
use tracing::warn;

use crate::{
    aws::failed,
    queue::{Counts, Queue},
};

/// SQS: at most 10 messages a receive.
const CONCURRENCY: i32 = 10;
/// A message that was looked at is hidden for so long, unless it is put back before: long enough to read a whole queue
/// without meeting the same message twice.
pub const LOOKED_AT: Duration = Duration::from_secs(30);
/// SQS answers a short poll from some of its servers only; where more is known to be there, it is asked to look longer.
const LOOK_AGAIN_SECONDS: i32 = 1;

/// One dead-letter queue. Its messages are moved nowhere by being received, however often: it has no such queue itself.
#[derive(Clone)]
pub struct DeadLetters {
    queue: Queue,
}

/// A message in it, hidden from others for now.
#[derive(Debug, Clone)]
pub struct DeadLetter {
    /// SQS's id of the message.
    pub id: String,
    /// What it says.
    pub body: String,
    /// When it was put on its first queue.
    pub sent_at: Timestamp,
    /// How often it was received there and here.
    pub receives: u32,
    receipt_handle: String,
}

impl DeadLetters {
    /// The dead-letter queue behind this client.
    pub fn new(queue: Queue) -> Self {
        Self { queue }
    }

    /// How many messages there are.
    pub async fn counts(&self) -> Result<Counts> {
        self.queue.counts().await
    }

    /// Looks at the messages, `most` at most, and hides them for so long. Those looked at by somebody else are not among them.
    /// `patient`: SQS, whose count of them lags, is asked to look longer even where it knows of none.
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

    /// Shows them again to whoever looks next. Where that fails they are seen a little later.
    pub async fn put_back(&self, letters: &[&DeadLetter]) {
        let handles: Vec<_> = letters.iter().map(|letter| letter.receipt_handle.as_str()).collect();
        if let Err(error) = self.queue.show(&handles).await {
            warn!(error = format!("{error:#}"), "Could not put dead letters back");
        }
    }

    /// Removes one that is done with.
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
