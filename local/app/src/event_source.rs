//! A strict event source mapping: polls a queue, invokes its worker with batches, and reads the response as AWS does.

use std::{collections::HashSet, sync::Arc, time::Duration};

use anyhow::Result;
use aws_sdk_sqs::{
    Client,
    config::StalledStreamProtectionConfig,
    types::{DeleteMessageBatchRequestEntry, Message, MessageSystemAttributeName},
};
use domain::{
    job::Job,
    queue_config::{QueueConfig, QueueName, RecursiveLoop},
};
use jiff::Timestamp;
use local_aws::{
    Mappings,
    trace::{MAX_INVOCATIONS, Trace},
};
use runtime::{
    aws::{self, Patience},
    env::Env,
};
use serde_json::{Value, json};
use tokio::task::JoinSet;
use tracing::{debug, warn};

use crate::functions::Functions;

/// SQS: a long poll waits at most 20 s.
const LONG_POLL_SECONDS: i32 = 20;

/// Concurrent invocations per core: some wait for the disk while others compute.
const PER_CORE: usize = 2;

/// Returns the client for long polls. The SDK's stalled stream protection checks each open request several times a
/// second, which keeps a core awake even for empty queues; it is off here.
pub fn client(env: &Env) -> Result<Client> {
    let config = aws_sdk_sqs::config::Builder::from(&aws::config(env, Patience::Job)?);
    Ok(Client::from_conf(config.stalled_stream_protection(StalledStreamProtectionConfig::disabled()).build()))
}

/// The event source mapping of one queue.
#[derive(Clone)]
pub struct EventSource {
    /// The SQS client.
    pub sqs: Client,
    /// The queue's URL.
    pub queue_url: String,
    /// The queue's name.
    pub queue: QueueName,
    /// The queue's configuration.
    pub config: QueueConfig,
    /// The functions to invoke.
    pub functions: Functions,
    /// The event source mappings, by which operators pause queues.
    pub mappings: Arc<Mappings>,
}

impl EventSource {
    /// Starts as many pollers as the worker's concurrency and this machine allow. They end with the task set.
    pub fn start(&self, tasks: &mut JoinSet<()>) {
        let cores = std::thread::available_parallelism().map_or(1, std::num::NonZero::get);
        let bearable = u32::try_from(cores * PER_CORE).unwrap_or(u32::MAX);
        for _ in 0..self.config.max_concurrency.min(bearable) {
            let source = self.clone();
            tasks.spawn(async move {
                loop {
                    source.mappings.enabled(source.queue.as_str()).await;
                    if let Err(error) = source.poll(LONG_POLL_SECONDS).await {
                        warn!(queue = source.queue.as_str(), error = format!("{error:#}"), "A poll failed");
                        tokio::time::sleep(Duration::from_secs(1)).await;
                    }
                }
            });
        }
    }

    /// Sends a `Sweep` to the queue.
    pub async fn sweep(&self) -> Result<()> {
        self.sqs
            .send_message()
            .queue_url(&self.queue_url)
            .message_body(Job::Sweep.encode(Timestamp::now()))
            .send()
            .await?;
        Ok(())
    }

    /// Receives one batch, unless the mapping is disabled, invokes the worker with it, and deletes what it did not report.
    /// Returns whether there was a batch.
    pub async fn poll(&self, wait_seconds: i32) -> Result<bool> {
        if !self.mappings.is_enabled(self.queue.as_str()) {
            return Ok(false);
        }
        let messages = self.receive(wait_seconds).await?;
        if messages.is_empty() {
            return Ok(false);
        }
        self.deliver(&messages).await?;
        Ok(true)
    }

    /// Receives up to a batch of messages.
    pub async fn receive(&self, wait_seconds: i32) -> Result<Vec<Message>> {
        let received = self
            .sqs
            .receive_message()
            .queue_url(&self.queue_url)
            .max_number_of_messages(self.config.batch_size)
            .wait_time_seconds(wait_seconds)
            .message_system_attribute_names(MessageSystemAttributeName::All)
            .message_attribute_names("All")
            .send()
            .await?;
        Ok(received.messages.unwrap_or_default())
    }

    /// Invokes the worker with these messages, and deletes what it did not report.
    pub async fn deliver(&self, messages: &[Message]) -> Result<()> {
        let headers = messages.iter().filter_map(|message| {
            let name = MessageSystemAttributeName::AwsTraceHeader;
            message.attributes()?.get(&name).map(String::as_str)
        });
        let chain = Trace::of_batch(headers, &self.config.function);
        if self.config.recursive_loop == RecursiveLoop::Terminate
            && chain.invocations(&self.config.function) >= MAX_INVOCATIONS
        {
            // Lambda rejects the invocation with a RecursiveInvocationException. The messages are received and rejected
            // again, until SQS moves them to the dead-letter queue at `max_receives`.
            warn!(function = self.config.function, "A recursive loop was stopped");
            return Ok(());
        }
        let event = event(messages, self.queue);
        let answer = self.functions.invoke_in(chain, &self.config.function, event, self.config.timeout()).await;
        let ids: Vec<&str> = messages.iter().filter_map(Message::message_id).collect();
        let failed = match &answer {
            Ok(answer) => failures(answer, &ids),
            Err(error) => {
                warn!(function = self.config.function, error = format!("{error:#}"), "An invocation failed");
                None
            }
        };
        // `None`: the whole batch failed. Each message is visible again after its visibility timeout.
        let Some(failed) = failed else { return Ok(()) };
        let done: Vec<_> = messages.iter().filter(|m| !failed.contains(m.message_id().unwrap_or_default())).collect();
        debug!(queue = self.queue.as_str(), done = done.len(), failed = failed.len(), "Processed a batch");
        if done.is_empty() {
            return Ok(());
        }
        let entries = done.iter().enumerate().map(|(n, message)| {
            let handle = message.receipt_handle().unwrap_or_default();
            DeleteMessageBatchRequestEntry::builder().id(n.to_string()).receipt_handle(handle).build()
        });
        let entries = entries.collect::<Result<Vec<_>, _>>()?;
        let deleted =
            self.sqs.delete_message_batch().queue_url(&self.queue_url).set_entries(Some(entries)).send().await?;
        for failure in deleted.failed() {
            warn!(queue = self.queue.as_str(), code = failure.code(), "A message could not be deleted");
        }
        Ok(())
    }
}

/// Returns the event that Lambda receives for these messages.
fn event(messages: &[Message], queue: QueueName) -> Value {
    let records: Vec<_> = messages
        .iter()
        .map(|message| {
            let attributes: serde_json::Map<_, _> = message
                .attributes()
                .into_iter()
                .flatten()
                .map(|(name, value)| (name.as_str().to_owned(), value.as_str().into()))
                .collect();
            let of_message: serde_json::Map<_, _> = message
                .message_attributes()
                .into_iter()
                .flatten()
                .map(|(name, value)| {
                    let data_type = value.data_type();
                    let value = json!({ "dataType": data_type, "stringValue": value.string_value(),
                        "stringListValues": [], "binaryListValues": [] });
                    (name.clone(), value)
                })
                .collect();
            json!({
                "messageId": message.message_id(),
                "receiptHandle": message.receipt_handle(),
                "body": message.body(),
                "attributes": attributes,
                "messageAttributes": of_message,
                "md5OfBody": message.md5_of_body(),
                "eventSource": "aws:sqs",
                "eventSourceARN": format!("arn:aws:sqs:local:000000000000:{queue}"),
                "awsRegion": "local",
            })
        })
        .collect();
    json!({ "Records": records })
}

/// Returns the ids that failed, or `None` if the whole batch did (AWS Lambda, "Reporting batch item failures"): null or
/// an empty list is success; an empty, null or unknown id, or a malformed response, is a failure of the batch.
fn failures<'a>(answer: &Value, ids: &[&'a str]) -> Option<HashSet<&'a str>> {
    let list = match answer {
        Value::Null => return Some(HashSet::new()),
        Value::Object(fields) => match fields.get("batchItemFailures") {
            None | Some(Value::Null) => return Some(HashSet::new()),
            Some(list) => list.as_array()?,
        },
        _ => return None,
    };
    list.iter()
        .map(|item| {
            let id = item.get("itemIdentifier")?.as_str()?;
            ids.iter().find(|known| **known == id).copied()
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn batch_response_is_read_as_by_aws() {
        let ids = ["a", "b"];
        let none = Some(HashSet::new());
        assert_eq!(failures(&json!(null), &ids), none);
        assert_eq!(failures(&json!({}), &ids), none);
        assert_eq!(failures(&json!({ "batchItemFailures": [] }), &ids), none);
        assert_eq!(failures(&json!({ "batchItemFailures": null }), &ids), none);
        let b = json!({ "batchItemFailures": [{ "itemIdentifier": "b" }] });
        assert_eq!(failures(&b, &ids), Some(HashSet::from(["b"])));
        for all in [
            json!({ "batchItemFailures": [{ "itemIdentifier": "c" }] }),
            json!({ "batchItemFailures": [{ "itemIdentifier": "" }] }),
            json!({ "batchItemFailures": [{ "itemIdentifier": null }] }),
            json!({ "batchItemFailures": [{ "id": "b" }] }),
            json!({ "batchItemFailures": "b" }),
            json!("ok"),
        ] {
            assert_eq!(failures(&all, &ids), None, "{all}");
        }
    }
}
