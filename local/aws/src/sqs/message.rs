//! Messages, received messages, and the settings of a queue.

use std::time::Duration;

use base64::{Engine, prelude::BASE64_URL_SAFE_NO_PAD};
use serde::{Deserialize, Serialize};

use super::{error::SqsError, md5_hex};

/// The attributes with which a queue is created.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct QueueAttributes {
    /// The time for which a received message stays hidden. SQS: 30 seconds by default, at most 12 hours.
    pub visibility_timeout: Duration,
    /// The dead-letter queue's name, and the number of receives before a message goes there.
    pub max_receives: Option<(String, u32)>,
    /// The time for which a message is kept. SQS: 4 days by default, at most 14.
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

/// All settings of a queue.
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
    /// The id, assigned at the send; kept on the way to a dead-letter queue.
    pub id: String,
    /// The body as sent.
    pub body: String,
    /// Message attributes, as sent.
    #[serde(default, skip_serializing_if = "serde_json::Map::is_empty")]
    pub attributes: serde_json::Map<String, serde_json::Value>,
    /// `AWSTraceHeader`: the tracing header of the send.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub trace_header: Option<String>,
    /// `MessageGroupId`: the tenant of a fair queue.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub group: Option<String>,
    /// The time of the send, in milliseconds since 1970.
    pub sent_at: u64,
    /// The time until which the message is delayed, in milliseconds since 1970.
    #[serde(default)]
    pub delayed_until: u64,
    /// The time of the first receive, in milliseconds since 1970.
    #[serde(default)]
    pub first_received_at: Option<u64>,
    /// The number of receives.
    #[serde(default)]
    pub receive_count: u32,
    /// The queue from which a dead letter came.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub came_from: Option<String>,
    /// The time of the last receive, in milliseconds since 1970. Not stored, like the end of its visibility timeout.
    #[serde(skip)]
    pub received_at: u64,
    /// The end of the visibility timeout, in milliseconds since 1970. Not stored: a receiver does not survive the
    /// process.
    #[serde(skip)]
    pub in_flight_until: u64,
}

impl Message {
    /// Returns whether a receive at `now` would find the message.
    pub fn is_visible(&self, now: u64) -> bool {
        self.in_flight_until <= now && self.delayed_until <= now
    }
}

/// A message as received.
#[derive(Debug, Clone, PartialEq)]
pub struct Received {
    /// The message's id.
    pub message_id: String,
    /// The handle that deletes the message, until the message is received again.
    pub receipt_handle: String,
    /// The body as sent.
    pub body: String,
    /// `ApproximateReceiveCount`: 1 at the first receive.
    pub receive_count: u32,
    /// `SentTimestamp`, milliseconds since 1970.
    pub sent_at_ms: u64,
    /// `ApproximateFirstReceiveTimestamp`, milliseconds since 1970.
    pub first_received_at_ms: u64,
    /// `MD5OfMessageBody`, in hex.
    pub md5: String,
    /// Message attributes, as sent.
    pub attributes: serde_json::Map<String, serde_json::Value>,
    /// `AWSTraceHeader`, if the message was sent with one.
    pub trace_header: Option<String>,
    /// `MessageGroupId`, if the message was sent with one.
    pub group: Option<String>,
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
            group: message.group.clone(),
        }
    }
}

/// The numbers of messages of a queue, by state.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize)]
pub struct Counts {
    /// `ApproximateNumberOfMessages`.
    pub visible: usize,
    /// `ApproximateNumberOfMessagesNotVisible`.
    pub in_flight: usize,
    /// `ApproximateNumberOfMessagesDelayed`.
    pub delayed: usize,
}

/// The content of a receipt handle: the message, and the number of its receive.
///
/// The receive count makes an older handle stale. It is in the journal, so a handle stays valid across a restart.
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
