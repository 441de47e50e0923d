//! Requests of SQS, and which parts of a message a receiver requests.

use std::collections::HashSet;

use serde::Deserialize;
use serde_json::{Map, Value, json};

use super::{MAX_BATCH, MAX_BODY_BYTES, Message, error};
use crate::services::json::ServiceError;

/// SQS: an id of a batch's entry has at most 80 characters.
const MAX_ID_CHARS: usize = 80;

/// Members of all requests.
#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct Input {
    pub queue_url: String,
    #[serde(default)]
    pub entries: Vec<Entry>,
    pub max_number_of_messages: Option<i64>,
    pub wait_time_seconds: Option<i64>,
    /// Attributes of a queue, or the older name of `message_system_attribute_names`.
    #[serde(default)]
    pub attribute_names: Vec<String>,
    #[serde(default)]
    pub message_system_attribute_names: Vec<String>,
    #[serde(default)]
    pub message_attribute_names: Vec<String>,
    #[serde(flatten)]
    pub entry: Entry,
}

/// Members of a request for one message, or of an entry of a batch.
#[derive(Default, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct Entry {
    #[serde(default)]
    pub id: String,
    pub message_body: Option<String>,
    #[serde(default)]
    pub message_attributes: Map<String, Value>,
    #[serde(default)]
    pub message_system_attributes: Map<String, Value>,
    pub message_group_id: Option<String>,
    pub delay_seconds: Option<i64>,
    pub receipt_handle: Option<String>,
    pub visibility_timeout: Option<i64>,
}

impl Input {
    /// Returns a received message with the attributes that the request names.
    pub fn view(&self, receipt_handle: &str, message: &Message) -> Value {
        let mut view = json!({
            "MessageId": message.id,
            "ReceiptHandle": receipt_handle,
            "Body": message.body,
            "MD5OfBody": message.md5(),
        });
        let names = || self.attribute_names.iter().chain(&self.message_system_attribute_names);
        let system = message.system_attributes();
        let system: Map<_, _> = system
            .as_object()
            .into_iter()
            .flatten()
            .filter(|(name, _)| names().any(|requested| requested == "All" || requested == *name))
            .map(|(name, value)| (name.clone(), value.clone()))
            .collect();
        if !system.is_empty() {
            view["Attributes"] = system.into();
        }
        let own: Map<_, _> = message
            .attributes
            .iter()
            .filter(|(name, _)| self.message_attribute_names.iter().any(|requested| matches(requested, name)))
            .map(|(name, value)| (name.clone(), value.clone()))
            .collect();
        if !own.is_empty() {
            view["MessageAttributes"] = own.into();
        }
        view
    }
}

/// Returns whether a receiver requests the message attribute: by its name, by a prefix before `.*`, or by `All`.
fn matches(requested: &str, name: &str) -> bool {
    let is_prefix = || requested.strip_suffix(".*").is_some_and(|prefix| name.starts_with(prefix));
    requested == "All" || requested == name || is_prefix()
}

impl Entry {
    /// Returns the bytes of the body and the message attributes, which SQS limits together.
    pub fn message_bytes(&self) -> usize {
        let text = |value: &Value| value.as_str().map_or(0, str::len);
        let attribute = |(name, value): (&String, &Value)| {
            // Base64 has four characters for three bytes.
            name.len()
                + text(&value["DataType"])
                + text(&value["StringValue"])
                + text(&value["BinaryValue"]).div_ceil(4) * 3
        };
        self.message_body.as_ref().map_or(0, String::len) + self.message_attributes.iter().map(attribute).sum::<usize>()
    }

    /// Returns `AWSTraceHeader`, the only system attribute of a sender.
    pub fn trace_header(&self) -> Option<String> {
        self.message_system_attributes.get("AWSTraceHeader")?["StringValue"].as_str().map(str::to_owned)
    }
}

/// Checks a message group: 1 to 128 letters, digits and punctuation characters of ASCII.
pub fn check_group(group: Option<&String>) -> Result<(), ServiceError> {
    let is_valid = |group: &String| (1..=128).contains(&group.len()) && group.chars().all(|c| c.is_ascii_graphic());
    if group.is_none_or(is_valid) { Ok(()) } else { Err(error::invalid("The message group is invalid.")) }
}

/// Checks the entries of a batch as a whole.
pub fn check_batch(entries: &[Entry]) -> Result<(), ServiceError> {
    if entries.is_empty() {
        let reason = "There should be at least one entry in the request.";
        return Err(ServiceError::client(error::EMPTY_BATCH, reason));
    }
    if entries.len() > MAX_BATCH {
        let reason = format!("Maximum number of entries per request are {MAX_BATCH}.");
        return Err(ServiceError::client(error::TOO_MANY_ENTRIES, reason));
    }
    let mut ids = HashSet::new();
    for Entry { id, .. } in entries {
        let is_allowed = |c: char| c.is_ascii_alphanumeric() || c == '-' || c == '_';
        if !(1..=MAX_ID_CHARS).contains(&id.len()) || !id.chars().all(is_allowed) {
            let reason = "An entry's id has 1 to 80 letters, digits, hyphens and underscores.";
            return Err(ServiceError::client(error::INVALID_ID, reason));
        }
        if !ids.insert(id) {
            return Err(ServiceError::client(error::SAME_ID, format!("Id {id} repeated.")));
        }
    }
    let bytes: usize = entries.iter().map(Entry::message_bytes).sum();
    if bytes > MAX_BODY_BYTES {
        let reason = format!("Batch requests cannot be longer than {MAX_BODY_BYTES} bytes.");
        return Err(ServiceError::client(error::BATCH_TOO_LONG, reason));
    }
    Ok(())
}
