//! One queue. Times are milliseconds since the epoch.

use serde_json::{Map, Value, json};
use uuid::Uuid;

use crate::services::{Moment, json::ServiceError};

/// Retention of a queue's messages, as in `infra/queues.tf`: 4 days.
const RETENTION_MS: i64 = 4 * 24 * 3600 * 1000;
/// Retention of a dead-letter queue: 14 days, the most that SQS allows.
const DEAD_LETTER_RETENTION_MS: i64 = 14 * 24 * 3600 * 1000;

/// A message.
#[derive(Debug, Clone)]
pub struct Message {
    /// Message id.
    pub id: Uuid,
    /// Body.
    pub body: String,
    /// Attributes of the sender.
    pub attributes: Map<String, Value>,
    /// Time at which SQS accepted the message.
    pub sent_at: i64,
    /// Time until which the message is delayed.
    pub delayed_until: i64,
    /// Time until which a receive hides the message.
    pub hidden_until: i64,
    /// Number of receives.
    pub receives: u32,
    /// Time of the first receive.
    pub first_received_at: Option<i64>,
    /// Queue from which the message moved to a dead-letter queue.
    pub came_from: Option<String>,
}

impl Message {
    pub(super) fn new(body: String, attributes: Map<String, Value>, moment: &mut Moment<'_>) -> Self {
        let now = moment.now.as_millisecond();
        Self {
            id: Uuid::from_u128(moment.random.u128(..)),
            body,
            attributes,
            sent_at: now,
            delayed_until: now,
            hidden_until: now,
            receives: 0,
            first_received_at: None,
            came_from: None,
        }
    }

    fn is_visible(&self, now: i64) -> bool {
        self.delayed_until <= now && self.hidden_until <= now
    }

    /// Returns the message as a receiver sees it.
    pub(super) fn view(&self, receipt_handle: &str) -> Value {
        let mut view = json!({
            "MessageId": self.id,
            "ReceiptHandle": receipt_handle,
            "Body": self.body,
            "Attributes": self.system_attributes(),
        });
        if !self.attributes.is_empty() {
            view["MessageAttributes"] = self.attributes.clone().into();
        }
        view
    }

    /// Returns the attributes that SQS adds.
    pub fn system_attributes(&self) -> Value {
        json!({
            "ApproximateReceiveCount": self.receives.to_string(),
            "SentTimestamp": self.sent_at.to_string(),
            "ApproximateFirstReceiveTimestamp": self.first_received_at.unwrap_or(self.sent_at).to_string(),
            "SenderId": "AIDASIMULATION",
        })
    }
}

/// A queue.
#[derive(Debug)]
pub struct Queue {
    messages: Vec<Message>,
    visibility_seconds: i64,
    dead_letters: Option<(String, u32)>,
}

impl Queue {
    pub(super) fn new(visibility_seconds: i64, dead_letters: Option<(String, u32)>) -> Self {
        Self { messages: Vec::new(), visibility_seconds, dead_letters }
    }

    /// Returns the messages, hidden ones included.
    pub fn messages(&self) -> &[Message] {
        &self.messages
    }

    /// Returns the time at which the next message is visible.
    pub fn next_visible_at(&self) -> Option<i64> {
        self.messages.iter().map(|message| message.delayed_until.max(message.hidden_until)).min()
    }

    pub(super) fn dead_letter_queue(&self) -> Option<&str> {
        self.dead_letters.as_ref().map(|(name, _)| name.as_str())
    }

    pub(super) fn push(&mut self, message: Message) {
        self.messages.push(message);
    }

    /// Returns received messages with their receipt handles, and those that moved to the dead-letter queue.
    pub(super) fn receive(
        &mut self,
        most: usize,
        visibility_seconds: Option<i64>,
        doubled: f64,
        moment: &mut Moment<'_>,
    ) -> (Vec<(String, Message)>, Vec<Message>) {
        let now = moment.now.as_millisecond();
        let visible = self.messages.iter().filter(|message| message.is_visible(now));
        let mut order: Vec<Uuid> = visible.map(|message| message.id).collect();
        moment.random.shuffle(&mut order);
        let (mut received, mut dead) = (Vec::new(), Vec::new());
        for id in order {
            if received.len() == most {
                break;
            }
            let Some(at) = self.messages.iter().position(|message| message.id == id) else { continue };
            let receives = self.messages[at].receives;
            if self.dead_letters.as_ref().is_some_and(|(_, max_receives)| receives >= *max_receives) {
                dead.push(self.messages.remove(at));
                continue;
            }
            let message = &mut self.messages[at];
            message.receives += 1;
            message.first_received_at.get_or_insert(now);
            message.hidden_until = now + visibility_seconds.unwrap_or(self.visibility_seconds) * 1000;
            let handle = format!("{}/{}", message.id, message.receives);
            let taken = message.clone();
            if moment.random.f64() < doubled {
                // Another server of SQS, which has not heard of this receive, delivers its copy.
                message.hidden_until = now;
            }
            received.push((handle, taken));
        }
        (received, dead)
    }

    pub(super) fn delete(&mut self, receipt_handle: &str) {
        self.messages.retain(|message| format!("{}/{}", message.id, message.receives) != receipt_handle);
    }

    pub(super) fn hide(&mut self, receipt_handle: &str, seconds: i64, now: i64) -> Result<(), ServiceError> {
        let is_it = |message: &&mut Message| format!("{}/{}", message.id, message.receives) == receipt_handle;
        let Some(message) = self.messages.iter_mut().find(is_it) else {
            let reason = "Message does not exist or is not available for visibility timeout change.";
            return Err(ServiceError::client("InvalidParameterValue", reason));
        };
        if message.hidden_until <= now {
            let reason = "The message is not in flight.";
            return Err(ServiceError::client("AWS.SimpleQueueService.MessageNotInflight", reason));
        }
        message.hidden_until = now + seconds * 1000;
        Ok(())
    }

    pub(super) fn take_visible(&mut self, now: i64) -> Vec<Message> {
        let (visible, hidden) =
            std::mem::take(&mut self.messages).into_iter().partition(|m: &Message| m.is_visible(now));
        self.messages = hidden;
        visible
    }

    /// Returns the numbers of visible, hidden and delayed messages.
    pub(super) fn counts(&self, now: i64) -> [usize; 3] {
        let mut counts = [0; 3];
        for message in &self.messages {
            let kind = if message.hidden_until > now {
                1
            } else if message.delayed_until > now {
                2
            } else {
                0
            };
            counts[kind] += 1;
        }
        counts
    }

    pub(super) fn expire(&mut self, now: i64) {
        let retention = if self.dead_letters.is_some() { RETENTION_MS } else { DEAD_LETTER_RETENTION_MS };
        self.messages.retain(|message| now - message.sent_at < retention);
    }
}
