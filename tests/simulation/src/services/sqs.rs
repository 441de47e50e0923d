//! Model of SQS's standard queues: at least once, in no order, sometimes twice.

mod queue;

use std::collections::BTreeMap;

use bytes::Bytes;
use http::{Request, Response};
use jiff::Timestamp;
pub use queue::{Message, Queue};
use serde::Deserialize;
use serde_json::{Map, Value, json};
use uuid::Uuid;

use super::{
    Moment, Service,
    json::{self, ServiceError},
};

/// SQS: a message is delayed by at most 15 minutes.
const MAX_DELAY_SECONDS: i64 = 900;
/// SQS: a message is hidden for at most 12 hours.
const MAX_VISIBILITY_SECONDS: i64 = 43_200;
/// SQS: at most 10 messages per receive or batch.
const MAX_BATCH: usize = 10;
/// SQS: a message has at most 1 MiB.
const MAX_BODY_BYTES: usize = 1 << 20;

/// Queues.
#[derive(Debug, Default)]
pub struct Sqs {
    queues: BTreeMap<String, Queue>,
    /// Chance, from 0 to 1, that a received message stays visible, so that a second consumer receives it too.
    pub doubled: f64,
    /// Chance, from 0 to 1, that a short receive finds nothing, because it queries some of SQS's servers only.
    pub overlooked: f64,
    sent: u64,
}

/// Members of all requests.
#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Input {
    queue_url: String,
    #[serde(default)]
    entries: Vec<Entry>,
    max_number_of_messages: Option<usize>,
    #[serde(flatten)]
    entry: Entry,
}

/// Members of a request for one message, or of an entry of a batch.
#[derive(Default, Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Entry {
    #[serde(default)]
    id: String,
    message_body: Option<String>,
    #[serde(default)]
    message_attributes: Map<String, Value>,
    delay_seconds: Option<i64>,
    receipt_handle: Option<String>,
    visibility_timeout: Option<i64>,
}

impl Service for Sqs {
    fn call(&mut self, request: &Request<Bytes>, moment: &mut Moment<'_>) -> Response<Bytes> {
        let answer =
            json::body::<Input>(request).and_then(|input| self.answer(json::operation(request), input, moment));
        json::response(answer)
    }
}

impl Sqs {
    /// Creates a queue whose messages are hidden for `visibility_seconds` when received. With `dead_letters`, a message
    /// moves to that queue instead of its receive after `max_receives`.
    pub fn create(&mut self, name: &str, visibility_seconds: i64, dead_letters: Option<(&str, u32)>) {
        let dead_letters = dead_letters.map(|(name, receives)| (name.to_owned(), receives));
        self.queues.insert(name.to_owned(), Queue::new(visibility_seconds, dead_letters));
    }

    /// Returns the queues by name.
    pub fn queues(&self) -> impl Iterator<Item = (&str, &Queue)> {
        self.queues.iter().map(|(name, queue)| (name.as_str(), queue))
    }

    /// Returns the number of messages that were ever sent.
    pub fn sent(&self) -> u64 {
        self.sent
    }

    /// Sends a message from a service of AWS, such as an S3 event.
    pub fn send(&mut self, queue: &str, body: String, delay_ms: i64, moment: &mut Moment<'_>) {
        self.put(queue, Message::new(body, Map::new(), moment), delay_ms);
    }

    fn put(&mut self, queue: &str, mut message: Message, delay_ms: i64) {
        self.sent += 1;
        if let Some(queue) = self.queues.get_mut(queue) {
            message.delayed_until = message.sent_at + delay_ms;
            queue.push(message);
        }
    }

    /// Receives up to `most` messages in random order.
    pub fn receive(
        &mut self,
        name: &str,
        most: usize,
        visibility_seconds: Option<i64>,
        moment: &mut Moment<'_>,
    ) -> Vec<(String, Message)> {
        let now = moment.now.as_millisecond();
        let Some(queue) = self.queues.get_mut(name) else { return Vec::new() };
        let (received, dead) = queue.receive(most, visibility_seconds, self.doubled, moment);
        let dead_letters = queue.dead_letter_queue().map(str::to_owned);
        for mut message in dead {
            message.came_from = Some(name.to_owned());
            message.hidden_until = now;
            if let Some(queue) = dead_letters.as_ref().and_then(|name| self.queues.get_mut(name)) {
                queue.push(message);
            }
        }
        received
    }

    /// Deletes a message. A receipt handle of an earlier receive deletes nothing.
    pub fn delete(&mut self, name: &str, receipt_handle: &str) {
        if let Some(queue) = self.queues.get_mut(name) {
            queue.delete(receipt_handle);
        }
    }

    /// Moves all visible dead letters back to their queues as new messages, as `StartMessageMoveTask` does. Returns
    /// their number.
    pub fn redrive(&mut self, dead_letter_queue: &str, moment: &mut Moment<'_>) -> usize {
        let now = moment.now.as_millisecond();
        let Some(queue) = self.queues.get_mut(dead_letter_queue) else { return 0 };
        let letters = queue.take_visible(now);
        let count = letters.len();
        for letter in letters {
            let source = letter.came_from.clone().unwrap_or_default();
            self.put(&source, Message::new(letter.body, letter.attributes, moment), 0);
        }
        count
    }

    /// Removes messages older than the retention of their queue: 4 days, and 14 days for dead-letter queues.
    pub fn expire(&mut self, now: Timestamp) {
        for queue in self.queues.values_mut() {
            queue.expire(now.as_millisecond());
        }
    }

    fn answer(&mut self, operation: &str, input: Input, moment: &mut Moment<'_>) -> Result<Value, ServiceError> {
        let name = input.queue_url.rsplit('/').next().unwrap_or_default().to_owned();
        if !self.queues.contains_key(&name) {
            return Err(ServiceError::client(
                "AWS.SimpleQueueService.NonExistentQueue",
                "The specified queue does not exist.",
            ));
        }
        match operation {
            "SendMessage" => self.send_message(&name, input.entry, moment),
            "SendMessageBatch" => batch(input.entries, |entry| self.send_message(&name, entry, moment)),
            "ReceiveMessage" => {
                let most = input.max_number_of_messages.unwrap_or(1);
                if !(1..=MAX_BATCH).contains(&most) {
                    return Err(invalid("MaxNumberOfMessages must be between 1 and 10."));
                }
                if moment.random.f64() < self.overlooked {
                    return Ok(json!({}));
                }
                let received = self.receive(&name, most, input.entry.visibility_timeout, moment);
                let messages: Vec<_> = received.iter().map(|(handle, message)| message.view(handle)).collect();
                Ok(if messages.is_empty() { json!({}) } else { json!({ "Messages": messages }) })
            }
            "DeleteMessage" => self.delete_message(&name, &input.entry),
            "DeleteMessageBatch" => batch(input.entries, |entry| self.delete_message(&name, &entry)),
            "ChangeMessageVisibility" => self.change_visibility(&name, &input.entry, moment),
            "ChangeMessageVisibilityBatch" => {
                batch(input.entries, |entry| self.change_visibility(&name, &entry, moment))
            }
            "GetQueueAttributes" => {
                let [visible, hidden, delayed] = self.queues[&name].counts(moment.now.as_millisecond());
                Ok(json!({ "Attributes": {
                    "ApproximateNumberOfMessages": visible.to_string(),
                    "ApproximateNumberOfMessagesNotVisible": hidden.to_string(),
                    "ApproximateNumberOfMessagesDelayed": delayed.to_string(),
                }}))
            }
            other => Err(ServiceError::client("InvalidAction", format!("The model of SQS has no {other}."))),
        }
    }

    fn send_message(&mut self, name: &str, entry: Entry, moment: &mut Moment<'_>) -> Result<Value, ServiceError> {
        let body = entry.message_body.filter(|body| !body.is_empty());
        let body = body.ok_or_else(|| {
            ServiceError::client("MissingParameter", "The request must contain the parameter MessageBody.")
        })?;
        if body.len() > MAX_BODY_BYTES {
            return Err(invalid(
                "One or more parameters are invalid. Reason: Message must be shorter than 1048576 bytes.",
            ));
        }
        let delay = entry.delay_seconds.unwrap_or(0);
        if !(0..=MAX_DELAY_SECONDS).contains(&delay) {
            return Err(invalid("DelaySeconds must be between 0 and 900."));
        }
        let message = Message::new(body, entry.message_attributes, moment);
        let id = message.id;
        self.put(name, message, delay * 1000);
        Ok(json!({ "MessageId": id }))
    }

    fn delete_message(&mut self, name: &str, entry: &Entry) -> Result<Value, ServiceError> {
        let handle = handle(entry)?;
        self.delete(name, handle);
        Ok(json!({}))
    }

    fn change_visibility(&mut self, name: &str, entry: &Entry, moment: &Moment<'_>) -> Result<Value, ServiceError> {
        let handle = handle(entry)?;
        let seconds = entry.visibility_timeout.ok_or_else(|| {
            ServiceError::client("MissingParameter", "The request must contain the parameter VisibilityTimeout.")
        })?;
        if !(0..=MAX_VISIBILITY_SECONDS).contains(&seconds) {
            return Err(invalid("VisibilityTimeout must be between 0 and 43200 seconds."));
        }
        let Some(queue) = self.queues.get_mut(name) else { return Ok(json!({})) };
        queue.hide(handle, seconds, moment.now.as_millisecond())?;
        Ok(json!({}))
    }
}

fn invalid(message: &str) -> ServiceError {
    ServiceError::client("InvalidParameterValue", message)
}

/// Returns the receipt handle of a request. Handles have the form `{message id}/{receive}`.
fn handle(entry: &Entry) -> Result<&str, ServiceError> {
    let handle = entry.receipt_handle.as_deref().unwrap_or_default();
    let is_ours = handle.split_once('/').is_some_and(|(id, n)| Uuid::parse_str(id).is_ok() && n.parse::<u32>().is_ok());
    if is_ours {
        Ok(handle)
    } else {
        Err(ServiceError::client("ReceiptHandleIsInvalid", "The input receipt handle is invalid."))
    }
}

/// Applies a request to each entry of a batch.
fn batch(
    entries: Vec<Entry>,
    mut apply: impl FnMut(Entry) -> Result<Value, ServiceError>,
) -> Result<Value, ServiceError> {
    if entries.is_empty() {
        return Err(ServiceError::client(
            "AWS.SimpleQueueService.EmptyBatchRequest",
            "There should be at least one entry in the request.",
        ));
    }
    if entries.len() > MAX_BATCH {
        return Err(ServiceError::client(
            "AWS.SimpleQueueService.TooManyEntriesInBatchRequest",
            "Maximum number of entries per request are 10.",
        ));
    }
    let (mut done, mut failed) = (Vec::new(), Vec::new());
    for entry in entries {
        let id = entry.id.clone();
        match apply(entry) {
            Ok(mut answer) => {
                answer["Id"] = id.into();
                done.push(answer);
            }
            Err(error) => {
                failed.push(json!({ "Id": id, "Code": error.code, "Message": error.message, "SenderFault": true }));
            }
        }
    }
    Ok(json!({ "Successful": done, "Failed": failed }))
}
