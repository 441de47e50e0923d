//! SQS over HTTP: AWS JSON 1.0, the protocol that every current SDK speaks.

use std::{collections::HashSet, sync::Arc, time::Duration};

use serde::{Deserialize, de::DeserializeOwned};
use serde_json::{Map, Value, json};
use uuid::Uuid;

use super::{
    MAX_BATCH, MAX_MESSAGE_BYTES, Queues, Received, SqsError, arn, check_name,
    core::Core,
    error::BatchFault,
    md5_hex,
    message::{Settings, millis},
    name_of_arn,
};
use crate::stand_ins::{ACCOUNT, answer};

/// SQS: a receive waits at most 20 seconds.
const MAX_WAIT_SECONDS: u64 = 20;
/// SQS: a message is delayed by at most 15 minutes.
const MAX_DELAY_SECONDS: u64 = 900;
/// SQS: retention of one minute to 14 days.
const RETENTION_SECONDS: std::ops::RangeInclusive<u64> = 60..=1_209_600;

/// Answers one request; `target` is the `X-Amz-Target` header.
pub(in crate::stand_ins) async fn answer(
    queues: &Arc<Queues>,
    base: &str,
    target: &str,
    body: &[u8],
) -> s3s::HttpResponse {
    let action = target.strip_prefix("AmazonSQS.").unwrap_or(target);
    match act(queues, base, action, if body.is_empty() { b"{}" } else { body }).await {
        Ok(value) => answer::json("application/x-amz-json-1.0", http::StatusCode::OK, &value),
        Err(error) => {
            let internal = error.is_internal();
            let status = if internal { http::StatusCode::INTERNAL_SERVER_ERROR } else { http::StatusCode::BAD_REQUEST };
            let body = json!({"__type": error.shape, "message": error.message});
            let mut response = answer::json("application/x-amz-json-1.0", status, &body);
            let party = if internal { "Receiver" } else { "Sender" };
            if let Ok(value) = format!("{};{party}", error.code).parse() {
                response.headers_mut().insert("x-amzn-query-error", value);
            }
            response
        }
    }
}

async fn act(queues: &Queues, base: &str, action: &str, body: &[u8]) -> Result<Value, SqsError> {
    match action {
        "CreateQueue" => create_queue(queues, base, &read(body)?),
        "DeleteQueue" => {
            let request: OfQueue = read(body)?;
            queues.change(|core, _| core.remove(request.name())).map(|()| json!({}))
        }
        "GetQueueUrl" => {
            let request: ByName = read(body)?;
            queues.state().core.queue(&request.queue_name)?;
            Ok(json!({"QueueUrl": url(base, &request.queue_name)}))
        }
        "ListQueues" => {
            let request: List = read(body)?;
            let prefix = request.queue_name_prefix.unwrap_or_default();
            let names = queues.names();
            let urls: Vec<_> =
                names.iter().filter(|name| name.starts_with(&prefix)).map(|name| url(base, name)).collect();
            Ok(json!({"QueueUrls": urls}))
        }
        "ListDeadLetterSourceQueues" => {
            let request: OfQueue = read(body)?;
            let sources = queues.state().core.sources(request.name());
            Ok(json!({"queueUrls": sources.iter().map(|name| url(base, name)).collect::<Vec<_>>()}))
        }
        "GetQueueAttributes" => get_attributes(queues, &read(body)?),
        "SetQueueAttributes" => {
            let request: SetAttributes = read(body)?;
            let name = queue_name(&request.queue_url);
            queues.change(|core, now| {
                let mut settings = core.queue(name)?.settings.clone();
                set(&mut settings, &request.attributes)?;
                core.configure(name, settings, now)
            })?;
            Ok(json!({}))
        }
        "SendMessage" => {
            let request: Send = read(body)?;
            request.entry.send(queues, queue_name(&request.queue_url))
        }
        "SendMessageBatch" => send_batch(queues, &read(body)?),
        "ReceiveMessage" => receive(queues, &read(body)?).await,
        "DeleteMessage" => {
            let request: OfReceipt = read(body)?;
            queues.delete(queue_name(&request.queue_url), &request.entry.receipt_handle).map(|()| json!({}))
        }
        "DeleteMessageBatch" => {
            let request: Batch<ReceiptEntry> = read(body)?;
            let name = queue_name(&request.queue_url);
            batch(queues, &request, |entry| queues.delete(name, &entry.receipt_handle).map(|()| json!({})))
        }
        "ChangeMessageVisibility" => {
            let request: OfReceipt = read(body)?;
            request.entry.change_visibility(queues, queue_name(&request.queue_url))
        }
        "ChangeMessageVisibilityBatch" => {
            let request: Batch<ReceiptEntry> = read(body)?;
            batch(queues, &request, |entry| entry.change_visibility(queues, queue_name(&request.queue_url)))
        }
        "PurgeQueue" => {
            let request: OfQueue = read(body)?;
            queues.purge(request.name()).map(|()| json!({}))
        }
        "StartMessageMoveTask" => {
            let request: Move = read(body)?;
            let to = request.destination_arn.as_deref().map(name_of_arn);
            queues.redrive(name_of_arn(&request.source_arn), to)?;
            Ok(json!({"TaskHandle": Uuid::new_v4().to_string()}))
        }
        // A move is over before its start is answered, so none is ever under way.
        "ListMessageMoveTasks" => Ok(json!({"Results": []})),
        _ => Err(SqsError::unknown_action(action)),
    }
}

fn create_queue(queues: &Queues, base: &str, request: &Create) -> Result<Value, SqsError> {
    let name = &request.queue_name;
    check_name(name)?;
    queues.change(|core, now| {
        let old = core.queue(name).map(|queue| queue.settings.clone());
        let mut settings = old.clone().unwrap_or_default();
        set(&mut settings, &request.attributes)?;
        if let Ok(old) = old
            && old != settings
        {
            let changed = request.attributes.keys().next().map_or("", String::as_str);
            return Err(SqsError::name_taken(changed));
        }
        core.configure(name, settings, now)
    })?;
    Ok(json!({"QueueUrl": url(base, name)}))
}

fn get_attributes(queues: &Queues, request: &GetAttributes) -> Result<Value, SqsError> {
    let name = queue_name(&request.queue_url);
    let counts = queues.counts(name)?;
    let all = attributes(&queues.state().core, name, counts)?;
    let wants_all = request.attribute_names.iter().any(|wanted| wanted == "All");
    if let Some(unknown) = request.attribute_names.iter().find(|wanted| *wanted != "All" && !is_known(wanted)) {
        return Err(SqsError::bad_attribute(unknown));
    }
    let chosen: Map<String, Value> =
        all.into_iter().filter(|(name, _)| wants_all || request.attribute_names.contains(name)).collect();
    Ok(json!({"Attributes": chosen}))
}

fn is_known(attribute: &str) -> bool {
    matches!(
        attribute,
        "ApproximateNumberOfMessages"
            | "ApproximateNumberOfMessagesNotVisible"
            | "ApproximateNumberOfMessagesDelayed"
            | "CreatedTimestamp"
            | "LastModifiedTimestamp"
            | "QueueArn"
            | "VisibilityTimeout"
            | "MessageRetentionPeriod"
            | "DelaySeconds"
            | "ReceiveMessageWaitTimeSeconds"
            | "MaximumMessageSize"
            | "SqsManagedSseEnabled"
            | "RedrivePolicy"
            | "RedriveAllowPolicy"
            | "Policy"
            | "KmsMasterKeyId"
            | "KmsDataKeyReusePeriodSeconds"
    )
}

fn attributes(core: &Core, name: &str, counts: super::Counts) -> Result<Map<String, Value>, SqsError> {
    let queue = core.queue(name)?;
    let settings = &queue.settings;
    let mut all = Map::new();
    let mut put = |name: &str, value: String| all.insert(name.to_owned(), Value::String(value));
    put("ApproximateNumberOfMessages", counts.visible.to_string());
    put("ApproximateNumberOfMessagesNotVisible", counts.in_flight.to_string());
    put("ApproximateNumberOfMessagesDelayed", counts.delayed.to_string());
    put("CreatedTimestamp", (queue.created_at / 1000).to_string());
    put("LastModifiedTimestamp", (queue.changed_at / 1000).to_string());
    put("QueueArn", arn(name));
    put("VisibilityTimeout", settings.attributes.visibility_timeout.as_secs().to_string());
    put("MessageRetentionPeriod", settings.attributes.retention.as_secs().to_string());
    put("DelaySeconds", (settings.delay_ms / 1000).to_string());
    put("ReceiveMessageWaitTimeSeconds", (settings.receive_wait_ms / 1000).to_string());
    put("MaximumMessageSize", MAX_MESSAGE_BYTES.to_string());
    put("SqsManagedSseEnabled", "true".to_owned());
    if let Some((dead, count)) = &settings.attributes.max_receives {
        put("RedrivePolicy", json!({"deadLetterTargetArn": arn(dead), "maxReceiveCount": count}).to_string());
    }
    Ok(all)
}

/// Sets attributes by their AWS names. Those that mean nothing on one machine (policies, encryption) are taken and let go.
fn set(settings: &mut Settings, attributes: &Map<String, Value>) -> Result<(), SqsError> {
    for (name, value) in attributes {
        let bad = || SqsError::bad_attribute_value(name);
        let text = value.as_str().ok_or_else(bad)?;
        let seconds = |range: std::ops::RangeInclusive<u64>| {
            text.parse().ok().filter(|seconds| range.contains(seconds)).ok_or_else(bad)
        };
        match name.as_str() {
            "VisibilityTimeout" => {
                settings.attributes.visibility_timeout = Duration::from_secs(seconds(0..=43_200)?);
            }
            "MessageRetentionPeriod" => {
                settings.attributes.retention = Duration::from_secs(seconds(RETENTION_SECONDS)?);
            }
            "DelaySeconds" => settings.delay_ms = seconds(0..=MAX_DELAY_SECONDS)? * 1000,
            "ReceiveMessageWaitTimeSeconds" => settings.receive_wait_ms = seconds(0..=MAX_WAIT_SECONDS)? * 1000,
            "RedrivePolicy" if text.is_empty() => settings.attributes.max_receives = None,
            "RedrivePolicy" => {
                let policy: RedrivePolicy = serde_json::from_str(text).map_err(|_| bad())?;
                let count = match policy.max_receive_count {
                    Value::Number(count) => count.as_u64(),
                    Value::String(count) => count.parse().ok(),
                    _ => None,
                };
                // SQS: maxReceiveCount is 1 to 1,000.
                let count = count.filter(|count| (1..=1000).contains(count)).ok_or_else(bad)?;
                let count = u32::try_from(count).map_err(|_| bad())?;
                settings.attributes.max_receives =
                    Some((name_of_arn(&policy.dead_letter_target_arn).to_owned(), count));
            }
            "FifoQueue" => return Err(SqsError::unsupported("FIFO queues are not kept here.")),
            name if is_known(name) => {}
            name => return Err(SqsError::bad_attribute(name)),
        }
    }
    Ok(())
}

fn send_batch(queues: &Queues, request: &Batch<SendEntry>) -> Result<Value, SqsError> {
    let bytes: usize = request.entries.iter().map(|entry| entry.of.message_body.len()).sum();
    if bytes > MAX_MESSAGE_BYTES {
        return Err(SqsError::batch(BatchFault::TooLong(bytes)));
    }
    batch(queues, request, |entry| entry.send(queues, queue_name(&request.queue_url)))
}

/// Does `act` for each entry; the failures are listed, as SQS lists them, in an answer that says 200.
fn batch<T>(
    queues: &Queues,
    request: &Batch<T>,
    act: impl Fn(&T) -> Result<Value, SqsError>,
) -> Result<Value, SqsError> {
    queues.state().core.queue(queue_name(&request.queue_url))?;
    if request.entries.is_empty() {
        return Err(SqsError::batch(BatchFault::Empty));
    }
    if request.entries.len() > MAX_BATCH {
        return Err(SqsError::batch(BatchFault::TooMany(request.entries.len())));
    }
    let mut ids = HashSet::new();
    for Entry { id, .. } in &request.entries {
        if !(1..=80).contains(&id.len()) || !id.chars().all(|c| c.is_ascii_alphanumeric() || c == '-' || c == '_') {
            return Err(SqsError::batch(BatchFault::BadId));
        }
        if !ids.insert(id) {
            return Err(SqsError::batch(BatchFault::SameId(id.clone())));
        }
    }
    let (mut successful, mut failed) = (Vec::new(), Vec::new());
    for entry in &request.entries {
        match act(&entry.of) {
            Ok(mut value) => {
                value["Id"] = json!(entry.id);
                successful.push(value);
            }
            Err(error) => failed.push(json!({
                "Id": entry.id, "Code": error.code, "Message": error.message, "SenderFault": !error.is_internal(),
            })),
        }
    }
    Ok(json!({"Successful": successful, "Failed": failed}))
}

async fn receive(queues: &Queues, request: &Receive) -> Result<Value, SqsError> {
    let name = queue_name(&request.queue_url);
    let max = request.max_number_of_messages.unwrap_or(1);
    if !(1..=MAX_BATCH).contains(&max) {
        return Err(SqsError::bad_value(format!(
            "Value {max} for parameter MaxNumberOfMessages is invalid. Reason: Must be between 1 and 10, if provided."
        )));
    }
    let default_wait = queues.state().core.queue(name)?.settings.receive_wait_ms;
    let wait = request.wait_time_seconds.map_or(default_wait, |seconds| seconds.saturating_mul(1000));
    if wait > MAX_WAIT_SECONDS * 1000 {
        return Err(SqsError::bad_value("WaitTimeSeconds must be between 0 and 20."));
    }
    let visibility = request.visibility_timeout.map(|seconds| seconds.saturating_mul(1000));
    if visibility.is_some_and(|visibility| visibility > super::core::MAX_VISIBILITY_MS) {
        return Err(SqsError::bad_value("VisibilityTimeout must be between 0 and 43200 seconds."));
    }
    let received = queues.receive_with(name, max, Duration::from_millis(wait), visibility).await?;
    if received.is_empty() {
        return Ok(json!({}));
    }
    Ok(json!({"Messages": received.iter().map(|message| request.shape(message)).collect::<Vec<_>>()}))
}

fn read<T: DeserializeOwned>(body: &[u8]) -> Result<T, SqsError> {
    serde_json::from_slice(body).map_err(|error| SqsError::unreadable(error.to_string()))
}

fn url(base: &str, name: &str) -> String {
    format!("{base}/{ACCOUNT}/{name}")
}

fn queue_name(url: &str) -> &str {
    url.trim_end_matches('/').rsplit('/').next().unwrap_or(url)
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct ByName {
    queue_name: String,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct List {
    queue_name_prefix: Option<String>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct OfQueue {
    queue_url: String,
}

impl OfQueue {
    fn name(&self) -> &str {
        queue_name(&self.queue_url)
    }
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Create {
    queue_name: String,
    #[serde(default)]
    attributes: Map<String, Value>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct GetAttributes {
    queue_url: String,
    #[serde(default)]
    attribute_names: Vec<String>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct SetAttributes {
    queue_url: String,
    attributes: Map<String, Value>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct RedrivePolicy {
    dead_letter_target_arn: String,
    max_receive_count: Value,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Move {
    source_arn: String,
    destination_arn: Option<String>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase", bound = "T: DeserializeOwned")]
struct Batch<T> {
    queue_url: String,
    entries: Vec<Entry<T>>,
}

#[derive(Deserialize)]
#[serde(bound = "T: DeserializeOwned")]
struct Entry<T> {
    #[serde(rename = "Id")]
    id: String,
    #[serde(flatten)]
    of: T,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct SendEntry {
    message_body: String,
    #[serde(default)]
    message_attributes: Map<String, Value>,
    delay_seconds: Option<u64>,
}

impl SendEntry {
    fn send(&self, queues: &Queues, queue: &str) -> Result<Value, SqsError> {
        if self.delay_seconds.is_some_and(|seconds| seconds > MAX_DELAY_SECONDS) {
            return Err(SqsError::bad_value("DelaySeconds must be between 0 and 900."));
        }
        let delay = self.delay_seconds.map(|seconds| millis(Duration::from_secs(seconds)));
        let id = queues.send_with(queue, self.message_body.clone(), self.message_attributes.clone(), delay)?;
        Ok(json!({"MessageId": id, "MD5OfMessageBody": md5_hex(self.message_body.as_bytes())}))
    }
}

#[derive(Deserialize)]
struct Send {
    #[serde(rename = "QueueUrl")]
    queue_url: String,
    #[serde(flatten)]
    entry: SendEntry,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct ReceiptEntry {
    receipt_handle: String,
    visibility_timeout: Option<u64>,
}

impl ReceiptEntry {
    fn change_visibility(&self, queues: &Queues, queue: &str) -> Result<Value, SqsError> {
        let seconds = self
            .visibility_timeout
            .ok_or_else(|| SqsError::bad_value("The request must contain the parameter VisibilityTimeout."))?;
        queues.change_visibility(queue, &self.receipt_handle, Duration::from_secs(seconds)).map(|()| json!({}))
    }
}

#[derive(Deserialize)]
struct OfReceipt {
    #[serde(rename = "QueueUrl")]
    queue_url: String,
    #[serde(flatten)]
    entry: ReceiptEntry,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Receive {
    queue_url: String,
    max_number_of_messages: Option<usize>,
    wait_time_seconds: Option<u64>,
    visibility_timeout: Option<u64>,
    /// The older name of the next one.
    #[serde(default)]
    attribute_names: Vec<String>,
    #[serde(default)]
    message_system_attribute_names: Vec<String>,
    #[serde(default)]
    message_attribute_names: Vec<String>,
}

impl Receive {
    /// A message with the attributes that were asked for, and no others: so AWS.
    fn shape(&self, message: &Received) -> Value {
        let wanted = |name: &str| {
            self.attribute_names.iter().chain(&self.message_system_attribute_names).any(|w| w == "All" || w == name)
        };
        let system: Map<String, Value> = [
            ("ApproximateReceiveCount", message.receive_count.to_string()),
            ("SentTimestamp", message.sent_at_ms.to_string()),
            ("ApproximateFirstReceiveTimestamp", message.first_received_at_ms.to_string()),
            ("SenderId", "AIDALOCAL".to_owned()),
        ]
        .into_iter()
        .filter(|(name, _)| wanted(name))
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
