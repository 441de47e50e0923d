//! Model of SQS's standard queues: at least once, in no order, sometimes twice. Message groups change nothing: no history may
//! depend on the order among studios.
//!
//! Responses have no MD5 of message attributes, and a long poll does not wait.

mod error;
mod message;
mod queue;
mod requests;
#[cfg(test)]
mod tests;

use std::{collections::BTreeMap, ops::RangeInclusive};

use bytes::Bytes;
use http::{Request, Response};
use jiff::Timestamp;
use serde_json::{Map, Value, json};

use self::{
    error::invalid,
    requests::{Entry, Input, check_batch, check_group},
};
pub use self::{message::Message, queue::Queue};
use super::{
    Moment, Service,
    json::{self, ServiceError},
};

/// SQS: a message is delayed by at most 15 minutes.
const MAX_DELAY_SECONDS: i64 = 900;
/// SQS: a message is hidden for at most 12 hours.
const MAX_VISIBILITY_SECONDS: i64 = 43_200;
/// SQS: a receive waits at most 20 seconds.
const MAX_WAIT_SECONDS: i64 = 20;
/// SQS: at most 10 messages per receive.
const MAX_RECEIVED: i64 = 10;
/// SQS: at most 10 entries per batch.
const MAX_BATCH: usize = 10;
/// SQS: a message with its attributes has at most 1 MiB, and so have all messages of a batch.
const MAX_BODY_BYTES: usize = 1 << 20;
/// SQS: a message has at most 10 attributes.
const MAX_ATTRIBUTES: usize = 10;

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

impl Service for Sqs {
    fn call(&mut self, request: &Request<Bytes>, moment: &mut Moment<'_>) -> Response<Bytes> {
        let answer =
            json::body::<Input>(request).and_then(|input| self.answer(json::operation(request), input, moment));
        error::response(answer)
    }
}

impl Sqs {
    /// Creates a queue whose messages are hidden for `visibility_seconds` when received. With `dead_letters`, a message
    /// moves to that queue instead of its receive after `max_receives`.
    pub fn create(&mut self, name: &str, visibility_seconds: i64, dead_letters: Option<(&str, u32)>) {
        let dead_letters = dead_letters.map(|(name, receives)| (name.to_owned(), receives));
        self.queues.insert(name.to_owned(), Queue::new(name, visibility_seconds, dead_letters));
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

    /// Moves the visible dead letters back to their queues as new messages, as `StartMessageMoveTask` does. Messages
    /// that were sent to the dead-letter queue stay. Returns the number of moved messages.
    pub fn redrive(&mut self, dead_letter_queue: &str, moment: &mut Moment<'_>) -> usize {
        let now = moment.now.as_millisecond();
        let Some(queue) = self.queues.get_mut(dead_letter_queue) else { return 0 };
        let letters = queue.take_visible(now, |message| message.came_from.is_some());
        let count = letters.len();
        for letter in letters {
            let source = letter.came_from.unwrap_or_default();
            let message = Message::new(letter.body, letter.attributes, moment);
            let message = Message { trace_header: letter.trace_header, group: letter.group, ..message };
            self.put(&source, message, 0);
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
        let Some(queue) = self.queues.get(&name) else {
            return Err(ServiceError::client(error::NO_QUEUE, "The specified queue does not exist."));
        };
        match operation {
            "SendMessage" => self.send_message(&name, input.entry, moment),
            "SendMessageBatch" => batch(input.entries, |entry| self.send_message(&name, entry, moment)),
            "ReceiveMessage" => self.receive_messages(&name, &input, moment),
            "DeleteMessage" => self.delete_message(&name, &input.entry),
            "DeleteMessageBatch" => batch(input.entries, |entry| self.delete_message(&name, &entry)),
            "ChangeMessageVisibility" => self.change_visibility(&name, &input.entry, moment),
            "ChangeMessageVisibilityBatch" => {
                batch(input.entries, |entry| self.change_visibility(&name, &entry, moment))
            }
            "GetQueueAttributes" => {
                let attributes = queue.attributes(&input.attribute_names, moment.now.as_millisecond())?;
                Ok(json!({ "Attributes": attributes }))
            }
            other => Err(ServiceError::client("InvalidAction", format!("The model of SQS has no {other}."))),
        }
    }

    fn send_message(&mut self, name: &str, entry: Entry, moment: &mut Moment<'_>) -> Result<Value, ServiceError> {
        let (bytes, trace_header) = (entry.message_bytes(), entry.trace_header());
        let body = entry.message_body.filter(|body| !body.is_empty());
        let body = body.ok_or_else(|| missing("MessageBody"))?;
        if bytes > MAX_BODY_BYTES {
            return Err(invalid(
                "One or more parameters are invalid. Reason: Message must be shorter than 1048576 bytes.",
            ));
        }
        if !body.chars().all(is_xml) {
            return Err(ServiceError::client(error::INVALID_CONTENTS, "Invalid characters found."));
        }
        if entry.message_attributes.len() > MAX_ATTRIBUTES {
            return Err(invalid("Number of message attributes exceeds the allowed maximum [10]."));
        }
        check_group(entry.message_group_id.as_ref())?;
        let delay = in_range("DelaySeconds", entry.delay_seconds, 0..=MAX_DELAY_SECONDS)?.unwrap_or(0);
        let message = Message::new(body, entry.message_attributes, moment);
        let sent = json!({ "MessageId": message.id, "MD5OfMessageBody": message.md5() });
        self.put(name, Message { trace_header, group: entry.message_group_id, ..message }, delay * 1000);
        Ok(sent)
    }

    fn receive_messages(&mut self, name: &str, input: &Input, moment: &mut Moment<'_>) -> Result<Value, ServiceError> {
        let most = in_range("MaxNumberOfMessages", input.max_number_of_messages, 1..=MAX_RECEIVED)?.unwrap_or(1);
        in_range("WaitTimeSeconds", input.wait_time_seconds, 0..=MAX_WAIT_SECONDS)?;
        let visibility = in_range("VisibilityTimeout", input.entry.visibility_timeout, 0..=MAX_VISIBILITY_SECONDS)?;
        if moment.random.f64() < self.overlooked {
            return Ok(json!({}));
        }
        let received = self.receive(name, usize::try_from(most).unwrap_or(1), visibility, moment);
        let messages: Vec<_> = received.iter().map(|(handle, message)| input.view(handle, message)).collect();
        Ok(if messages.is_empty() { json!({}) } else { json!({ "Messages": messages }) })
    }

    fn delete_message(&mut self, name: &str, entry: &Entry) -> Result<Value, ServiceError> {
        let (queue, handle) = self.queue_and_handle(name, entry)?;
        queue.delete(handle);
        Ok(json!({}))
    }

    fn change_visibility(&mut self, name: &str, entry: &Entry, moment: &Moment<'_>) -> Result<Value, ServiceError> {
        let (queue, handle) = self.queue_and_handle(name, entry)?;
        let seconds = in_range("VisibilityTimeout", entry.visibility_timeout, 0..=MAX_VISIBILITY_SECONDS)?;
        let seconds = seconds.ok_or_else(|| missing("VisibilityTimeout"))?;
        queue.hide(handle, seconds, moment.now.as_millisecond())?;
        Ok(json!({}))
    }

    fn queue_and_handle<'a>(&mut self, name: &str, entry: &'a Entry) -> Result<(&mut Queue, &'a str), ServiceError> {
        let handle = entry.receipt_handle.as_deref().ok_or_else(|| missing("ReceiptHandle"))?;
        let queue = self.queues.get_mut(name);
        let queue = queue.ok_or_else(|| ServiceError::client(error::NO_QUEUE, "The queue does not exist."))?;
        queue.check_handle(handle)?;
        Ok((queue, handle))
    }
}

fn missing(member: &str) -> ServiceError {
    ServiceError::client(error::MISSING, format!("The request must contain the parameter {member}."))
}

/// Returns the value of a member, if it is not given or in the range.
fn in_range(member: &str, value: Option<i64>, range: RangeInclusive<i64>) -> Result<Option<i64>, ServiceError> {
    if value.is_none_or(|value| range.contains(&value)) {
        return Ok(value);
    }
    Err(invalid(&format!("{member} must be between {} and {}.", range.start(), range.end())))
}

/// Returns whether XML 1.0 allows the character, as SQS requires of bodies.
fn is_xml(c: char) -> bool {
    matches!(c, '\t' | '\n' | '\r' | ' '..='\u{D7FF}' | '\u{E000}'..='\u{FFFD}' | '\u{10000}'..)
}

/// Applies a request to each entry of a batch.
fn batch(
    entries: Vec<Entry>,
    mut apply: impl FnMut(Entry) -> Result<Value, ServiceError>,
) -> Result<Value, ServiceError> {
    check_batch(&entries)?;
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
