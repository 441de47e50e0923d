//! What a queue holds and hands out.

use std::time::Duration;

use base64::{Engine, prelude::BASE64_URL_SAFE_NO_PAD};
use serde::{Deserialize, Serialize};

use super::{error::SqsError, md5_hex};

/// What a queue is created with.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct QueueAttributes {
    /// How long a received message stays hidden. SQS: 30 seconds unless told, at most 12 hours.
    pub visibility_timeout: Duration,
    /// The dead-letter queue's name, and how often a message may be received before it goes there.
    pub max_receives: Option<(String, u32)>,
    /// How long a message is kept. SQS: 4 days unless told, at most 14.
    pub retention: Duration,
}

impl Default for QueueAttributes {
    fn default() -> Self {
        Self {
            visibility_timeout: Duration::from_secs(30),
            max_receives: None,
            retention: Duration::from_secs(4 * 24 * 60 * 60),
        }
    }
}

/// All that can be set on a queue, the rarer things included.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub(super) struct Settings {
    pub attributes: QueueAttributes,
    pub delay_ms: u64,
    pub receive_wait_ms: u64,
}

impl Settings {
    pub fn visibility_ms(&self) -> u64 {
        millis(self.attributes.visibility_timeout)
    }

    pub fn is_expired(&self, message: &Message, now: u64) -> bool {
        message.sent_at.saturating_add(millis(self.attributes.retention)) <= now
    }
}

/// A message in its queue.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
pub struct Message {
    /// Given at the send; kept on the way to a dead-letter queue.
    pub id: String,
    /// What was sent.
    pub body: String,
    /// Message attributes, as they came.
    #[serde(default, skip_serializing_if = "serde_json::Map::is_empty")]
    pub attributes: serde_json::Map<String, serde_json::Value>,
    /// `AWSTraceHeader`: the tracing header that the message was sent with.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub trace_header: Option<String>,
    /// Milliseconds since 1970.
    pub sent_at: u64,
    /// Milliseconds since 1970; not seen before.
    #[serde(default)]
    pub delayed_until: u64,
    /// Milliseconds since 1970.
    #[serde(default)]
    pub first_received_at: Option<u64>,
    /// How often it was handed to a receiver.
    #[serde(default)]
    pub receive_count: u32,
    /// The queue that a dead letter came from.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub came_from: Option<String>,
    /// Milliseconds since 1970. Not written down: a receiver doesn't outlive the process.
    #[serde(skip)]
    pub in_flight_until: u64,
}

impl Message {
    /// Whether a receive at `now` would find it.
    pub fn is_visible(&self, now: u64) -> bool {
        self.in_flight_until <= now && self.delayed_until <= now
    }
}

/// A message as a receiver gets it.
#[derive(Debug, Clone, PartialEq)]
pub struct Received {
    /// The message's id.
    pub message_id: String,
    /// What deletes it, until it is received again.
    pub receipt_handle: String,
    /// What was sent.
    pub body: String,
    /// `ApproximateReceiveCount`: 1 at the first receive.
    pub receive_count: u32,
    /// `SentTimestamp`, milliseconds since 1970.
    pub sent_at_ms: u64,
    /// `ApproximateFirstReceiveTimestamp`, milliseconds since 1970.
    pub first_received_at_ms: u64,
    /// `MD5OfMessageBody`, in hex.
    pub md5: String,
    /// Message attributes, as they were sent.
    pub attributes: serde_json::Map<String, serde_json::Value>,
    /// `AWSTraceHeader`, if it was sent with one.
    pub trace_header: Option<String>,
}

impl Received {
    pub(super) fn of(message: &Message) -> Self {
        Self {
            message_id: message.id.clone(),
            receipt_handle: Receipt { id: message.id.clone(), receive: message.receive_count }.to_handle(),
            body: message.body.clone(),
            receive_count: message.receive_count,
            sent_at_ms: message.sent_at,
            first_received_at_ms: message.first_received_at.unwrap_or_default(),
            md5: md5_hex(message.body.as_bytes()),
            attributes: message.attributes.clone(),
            trace_header: message.trace_header.clone(),
        }
    }
}

/// How many messages of a queue are where.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize)]
pub struct Counts {
    /// `ApproximateNumberOfMessages`.
    pub visible: usize,
    /// `ApproximateNumberOfMessagesNotVisible`.
    pub in_flight: usize,
    /// `ApproximateNumberOfMessagesDelayed`.
    pub delayed: usize,
}

/// What a receipt handle says: which message, and which of its receives.
///
/// The receive count makes an older handle stale, and is journaled, so a handle holds across a restart.
pub(super) struct Receipt {
    pub id: String,
    pub receive: u32,
}

impl Receipt {
    pub fn to_handle(&self) -> String {
        BASE64_URL_SAFE_NO_PAD.encode(format!("{} {}", self.receive, self.id))
    }

    pub fn parse(handle: &str) -> Result<Self, SqsError> {
        let parse = || {
            let text = String::from_utf8(BASE64_URL_SAFE_NO_PAD.decode(handle).ok()?).ok()?;
            let (receive, id) = text.split_once(' ')?;
            Some(Self { id: id.to_owned(), receive: receive.parse().ok()? })
        };
        parse().ok_or_else(|| SqsError::bad_receipt(handle))
    }
}

pub(super) fn millis(duration: Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)
}
