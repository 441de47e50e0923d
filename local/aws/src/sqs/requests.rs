//! The requests of SQS, with members under their AWS names.

use std::time::Duration;

use serde::{Deserialize, de::DeserializeOwned};
use serde_json::{Map, Value, json};

use super::{Message, Queues, Received, SqsError, md5_hex, message::millis};

/// SQS: a message is delayed by at most 15 minutes.
pub(super) const MAX_DELAY_SECONDS: u64 = 900;

/// Returns the last segment of a queue URL, which is the queue's name.
pub(super) fn queue_name(url: &str) -> &str {
    url.trim_end_matches('/').rsplit('/').next().unwrap_or(url)
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct ByName {
    pub queue_name: String,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct List {
    pub queue_name_prefix: Option<String>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct OfQueue {
    pub queue_url: String,
}

impl OfQueue {
    pub fn name(&self) -> &str {
        queue_name(&self.queue_url)
    }
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct Create {
    pub queue_name: String,
    #[serde(default)]
    pub attributes: Map<String, Value>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct GetAttributes {
    pub queue_url: String,
    #[serde(default)]
    pub attribute_names: Vec<String>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct SetAttributes {
    pub queue_url: String,
    pub attributes: Map<String, Value>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct Move {
    pub source_arn: String,
    pub destination_arn: Option<String>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase", bound = "T: DeserializeOwned")]
pub(super) struct Batch<T> {
    pub queue_url: String,
    pub entries: Vec<Entry<T>>,
}

#[derive(Deserialize)]
#[serde(bound = "T: DeserializeOwned")]
pub(super) struct Entry<T> {
    #[serde(rename = "Id")]
    pub id: String,
    #[serde(flatten)]
    pub of: T,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct SendEntry {
    pub message_body: String,
    #[serde(default)]
    pub message_attributes: Map<String, Value>,
    #[serde(default)]
    pub message_system_attributes: SystemAttributes,
    pub message_group_id: Option<String>,
    pub delay_seconds: Option<u64>,
}

/// The system attributes that a sender may set.
#[derive(Default, Deserialize)]
pub(super) struct SystemAttributes {
    #[serde(rename = "AWSTraceHeader")]
    pub trace_header: Option<StringAttribute>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct StringAttribute {
    pub string_value: String,
}

impl SendEntry {
    /// Sends the message. `trace_header` is the request's, for messages that have none.
    pub fn send(&self, queues: &Queues, queue: &str, trace_header: Option<&str>) -> Result<Value, SqsError> {
        if self.delay_seconds.is_some_and(|seconds| seconds > MAX_DELAY_SECONDS) {
            return Err(SqsError::bad_value("DelaySeconds must be between 0 and 900."));
        }
        if let Some(group) = &self.message_group_id {
            check_group(group)?;
        }
        let delay = self.delay_seconds.map(|seconds| millis(Duration::from_secs(seconds)));
        let own = self.message_system_attributes.trace_header.as_ref();
        let message = Message {
            body: self.message_body.clone(),
            attributes: self.message_attributes.clone(),
            trace_header: own.map(|attribute| attribute.string_value.as_str()).or(trace_header).map(str::to_owned),
            group: self.message_group_id.clone(),
            ..Message::default()
        };
        let id = queues.send_with(queue, message, delay)?;
        Ok(json!({"MessageId": id, "MD5OfMessageBody": md5_hex(self.message_body.as_bytes())}))
    }
}

/// Checks a message group. SQS: 1 to 128 letters, digits and punctuation characters of ASCII.
fn check_group(group: &str) -> Result<(), SqsError> {
    if (1..=128).contains(&group.len()) && group.chars().all(|c| c.is_ascii_graphic()) {
        return Ok(());
    }
    Err(SqsError::bad_value(
        "Value for parameter MessageGroupId is invalid. Reason: MessageGroupId can only include alphanumeric and punctuation characters. 1 to 128 in length.",
    ))
}

#[derive(Deserialize)]
pub(super) struct Send {
    #[serde(rename = "QueueUrl")]
    pub queue_url: String,
    #[serde(flatten)]
    pub entry: SendEntry,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct ReceiptEntry {
    pub receipt_handle: String,
    pub visibility_timeout: Option<u64>,
}

impl ReceiptEntry {
    pub fn change_visibility(&self, queues: &Queues, queue: &str) -> Result<Value, SqsError> {
        let seconds = self
            .visibility_timeout
            .ok_or_else(|| SqsError::bad_value("The request must contain the parameter VisibilityTimeout."))?;
        queues.change_visibility(queue, &self.receipt_handle, Duration::from_secs(seconds)).map(|()| json!({}))
    }
}

#[derive(Deserialize)]
pub(super) struct OfReceipt {
    #[serde(rename = "QueueUrl")]
    pub queue_url: String,
    #[serde(flatten)]
    pub entry: ReceiptEntry,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct Receive {
    pub queue_url: String,
    pub max_number_of_messages: Option<usize>,
    pub wait_time_seconds: Option<u64>,
    pub visibility_timeout: Option<u64>,
    /// The older name of `message_system_attribute_names`.
    #[serde(default)]
    pub attribute_names: Vec<String>,
    #[serde(default)]
    pub message_system_attribute_names: Vec<String>,
    #[serde(default)]
    pub message_attribute_names: Vec<String>,
}

impl Receive {
    /// Returns a message with the requested attributes only, as on AWS.
    pub fn shape(&self, message: &Received) -> Value {
        let requested = |name: &str| {
            self.attribute_names.iter().chain(&self.message_system_attribute_names).any(|w| w == "All" || w == name)
        };
        let system: Map<String, Value> = [
            ("ApproximateReceiveCount", message.receive_count.to_string()),
            ("SentTimestamp", message.sent_at_ms.to_string()),
            ("ApproximateFirstReceiveTimestamp", message.first_received_at_ms.to_string()),
            ("SenderId", "AIDALOCAL".to_owned()),
        ]
        .into_iter()
        .chain(message.trace_header.clone().map(|header| ("AWSTraceHeader", header)))
        .chain(message.group.clone().map(|group| ("MessageGroupId", group)))
        .filter(|(name, _)| requested(name))
        .map(|(name, value)| (name.to_owned(), Value::String(value)))
        .collect();
        let own: Map<String, Value> = message
            .attributes
            .iter()
            .filter(|(name, _)| self.message_attribute_names.iter().any(|w| w == "All" || w == ".*" || w == *name))
            .map(|(name, value)| (name.clone(), value.clone()))
            .collect();
        let mut shaped = json!({
            "MessageId": message.message_id,
            "ReceiptHandle": message.receipt_handle,
            "Body": message.body,
            "MD5OfBody": message.md5,
        });
        if !system.is_empty() {
            shaped["Attributes"] = Value::Object(system);
        }
        if !own.is_empty() {
            shaped["MessageAttributes"] = Value::Object(own);
        }
        shaped
    }
}
