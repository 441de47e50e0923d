//! Messages. Times are milliseconds since the epoch.

use serde_json::{Map, Value, json};
use uuid::Uuid;

use super::queue::arn;
use crate::services::{Moment, s3::md5};

/// A message.
#[derive(Debug, Clone)]
pub struct Message {
    /// Message id.
    pub id: Uuid,
    /// Body.
    pub body: String,
    /// Attributes of the sender.
    pub attributes: Map<String, Value>,
    /// System attribute `AWSTraceHeader` of the sender.
    pub trace_header: Option<String>,
    /// Message group of the sender.
    pub group: Option<String>,
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
            trace_header: None,
            group: None,
            sent_at: now,
            delayed_until: now,
            hidden_until: now,
            receives: 0,
            first_received_at: None,
            came_from: None,
        }
    }

    /// Returns the attributes that SQS adds.
    pub fn system_attributes(&self) -> Value {
        let mut attributes = json!({
            "ApproximateReceiveCount": self.receives.to_string(),
            "SentTimestamp": self.sent_at.to_string(),
            "ApproximateFirstReceiveTimestamp": self.first_received_at.unwrap_or(self.sent_at).to_string(),
            "SenderId": "AIDASIMULATION",
        });
        if let Some(header) = &self.trace_header {
            attributes["AWSTraceHeader"] = header.as_str().into();
        }
        if let Some(group) = &self.group {
            attributes["MessageGroupId"] = group.as_str().into();
        }
        if let Some(queue) = &self.came_from {
            attributes["DeadLetterQueueSourceArn"] = arn(queue).into();
        }
        attributes
    }

    /// Returns the MD5 of the body, in hex.
    pub(super) fn md5(&self) -> String {
        hex::encode(md5(self.body.as_bytes()))
    }
}
