//! One queue. Times are milliseconds since the epoch.

use serde_json::{Map, Value, json};
use uuid::Uuid;

use super::{Message, error, error::invalid};
use crate::services::{Moment, json::ServiceError};

/// Retention of a queue's messages, as in `infra/modules/queue/main.tf`: 4 days.
const RETENTION_MS: i64 = 4 * 24 * 3600 * 1000;
/// Retention of a dead-letter queue: 14 days, the most that SQS allows.
const DEAD_LETTER_RETENTION_MS: i64 = 14 * 24 * 3600 * 1000;
/// Attributes of queues that SQS knows, besides those that the model has.
const OTHER_ATTRIBUTES: [&str; 10] = [
    "CreatedTimestamp",
    "DelaySeconds",
    "KmsDataKeyReusePeriodSeconds",
    "KmsMasterKeyId",
    "LastModifiedTimestamp",
    "MaximumMessageSize",
    "Policy",
    "ReceiveMessageWaitTimeSeconds",
    "RedriveAllowPolicy",
    "SqsManagedSseEnabled",
];

/// A queue.
#[derive(Debug)]
pub struct Queue {
    name: String,
    messages: Vec<Message>,
    visibility_seconds: i64,
    dead_letters: Option<(String, u32)>,
}

/// Returns the ARN of a queue.
pub(super) fn arn(name: &str) -> String {
    format!("arn:aws:sqs:us-east-1:000000000000:{name}")
}

impl Queue {
    pub(super) fn new(name: &str, visibility_seconds: i64, dead_letters: Option<(String, u32)>) -> Self {
        Self { name: name.to_owned(), messages: Vec::new(), visibility_seconds, dead_letters }
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
        let visible = self.messages.iter().filter(|message| self.is_visible(message, now));
        let mut order: Vec<Uuid> = visible.map(|message| message.id).collect();
        moment.random.shuffle(&mut order);
        let (mut received, mut dead) = (Vec::new(), Vec::new());
        for id in order {
            if received.len() == most {
                break;
            }
            let Some(at) = self.messages.iter().position(|message| message.id == id) else { continue };
            let count = self.messages[at].receives;
            if self.dead_letters.as_ref().is_some_and(|(_, max_receives)| count >= *max_receives) {
                dead.push(self.messages.remove(at));
                continue;
            }
            let message = &mut self.messages[at];
            message.receives += 1;
            message.first_received_at.get_or_insert(now);
            message.hidden_until = now + visibility_seconds.unwrap_or(self.visibility_seconds) * 1000;
            let taken = message.clone();
            if moment.random.f64() < doubled {
                // Another server of SQS, which has not heard of this receive, delivers its copy.
                message.hidden_until = now;
            }
            received.push((self.handle(&taken), taken));
        }
        (received, dead)
    }

    /// Returns the handle of a message's last receive: `{queue}/{message id}/{receive}`.
    fn handle(&self, message: &Message) -> String {
        format!("{}/{}/{}", self.name, message.id, message.receives)
    }

    /// Checks that the receipt handle is one of this queue.
    pub(super) fn check_handle(&self, handle: &str) -> Result<(), ServiceError> {
        let is_ours = handle.strip_prefix(&format!("{}/", self.name)).is_some_and(|receipt| {
            receipt.split_once('/').is_some_and(|(id, n)| Uuid::parse_str(id).is_ok() && n.parse::<u32>().is_ok())
        });
        if is_ours {
            return Ok(());
        }
        Err(ServiceError::client(error::INVALID_HANDLE, "The input receipt handle is invalid."))
    }

    pub(super) fn delete(&mut self, receipt_handle: &str) {
        if let Some(at) = self.messages.iter().position(|message| self.handle(message) == receipt_handle) {
            self.messages.remove(at);
        }
    }

    pub(super) fn hide(&mut self, receipt_handle: &str, seconds: i64, now: i64) -> Result<(), ServiceError> {
        let Some(at) = self.messages.iter().position(|message| self.handle(message) == receipt_handle) else {
            return Err(invalid("Message does not exist or is not available for visibility timeout change."));
        };
        let message = &mut self.messages[at];
        if message.hidden_until <= now {
            let reason = "The message referred to isn't in flight.";
            return Err(ServiceError::client(error::NOT_IN_FLIGHT, reason));
        }
        message.hidden_until = now + seconds * 1000;
        Ok(())
    }

    /// Removes and returns the visible messages that `is_taken` accepts.
    pub(super) fn take_visible(&mut self, now: i64, is_taken: impl Fn(&Message) -> bool) -> Vec<Message> {
        let messages = std::mem::take(&mut self.messages);
        let (taken, kept) =
            messages.into_iter().partition(|message| self.is_visible(message, now) && is_taken(message));
        self.messages = kept;
        taken
    }

    /// Returns the attributes of these names.
    pub(super) fn attributes(&self, names: &[String], now: i64) -> Result<Map<String, Value>, ServiceError> {
        let [visible, hidden, delayed] = self.counts(now);
        let mut attributes = vec![
            ("ApproximateNumberOfMessages", visible.to_string()),
            ("ApproximateNumberOfMessagesNotVisible", hidden.to_string()),
            ("ApproximateNumberOfMessagesDelayed", delayed.to_string()),
            ("QueueArn", arn(&self.name)),
            ("VisibilityTimeout", self.visibility_seconds.to_string()),
            ("MessageRetentionPeriod", (self.retention_ms() / 1000).to_string()),
        ];
        if let Some((name, max_receives)) = &self.dead_letters {
            let policy = json!({ "deadLetterTargetArn": arn(name), "maxReceiveCount": max_receives });
            attributes.push(("RedrivePolicy", policy.to_string()));
        }
        let is_known = |name: &str| {
            name == "All"
                || name == "RedrivePolicy"
                || OTHER_ATTRIBUTES.contains(&name)
                || attributes.iter().any(|(known, _)| *known == name)
        };
        if let Some(unknown) = names.iter().find(|name| !is_known(name)) {
            return Err(ServiceError::client(error::INVALID_ATTRIBUTE, format!("Unknown Attribute {unknown}.")));
        }
        let is_requested = |name: &str| names.iter().any(|requested| requested == "All" || requested == name);
        let requested = attributes.into_iter().filter(|(name, _)| is_requested(name));
        Ok(requested.map(|(name, value)| (name.to_owned(), value.into())).collect())
    }

    /// Returns the numbers of visible, hidden and delayed messages.
    fn counts(&self, now: i64) -> [usize; 3] {
        let mut counts = [0; 3];
        for message in self.messages.iter().filter(|message| !self.is_expired(message, now)) {
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
        let messages = std::mem::take(&mut self.messages);
        self.messages = messages.into_iter().filter(|message| !self.is_expired(message, now)).collect();
    }

    fn is_visible(&self, message: &Message, now: i64) -> bool {
        message.delayed_until <= now && message.hidden_until <= now && !self.is_expired(message, now)
    }

    fn is_expired(&self, message: &Message, now: i64) -> bool {
        now - message.sent_at >= self.retention_ms()
    }

    fn retention_ms(&self) -> i64 {
        if self.dead_letters.is_some() { RETENTION_MS } else { DEAD_LETTER_RETENTION_MS }
    }
}
