//! Event source mappings: messages of a queue invoke its function, and are deleted if it does not report them.

use std::{collections::BTreeSet, sync::Arc, time::Duration};

use domain::queue_config::{QueueConfig, QueueName};
use serde_json::{Value, json};
use tokio::sync::Semaphore;

use crate::{
    cloud::Cloud,
    config::QUEUES,
    lambda::Lambda,
    services::{Moment, sqs::Message},
};

/// Wait until a disabled mapping is looked at again.
const LOOKS_AT_PAUSED: Duration = Duration::from_secs(30);

/// Starts the mappings of all queues. They end with the runtime.
pub fn start(cloud: &Cloud, lambda: &Lambda) {
    for (name, config) in &*QUEUES {
        tokio::spawn(poll(cloud.clone(), lambda.clone(), *name, config));
    }
}

async fn poll(cloud: Cloud, lambda: Lambda, name: QueueName, config: &'static QueueConfig) {
    let free = Arc::new(Semaphore::new(config.max_concurrency as usize));
    loop {
        let Ok(permit) = free.clone().acquire_owned().await else { return };
        let batch = next_batch(&cloud, name, config).await;
        let (cloud, lambda) = (cloud.clone(), lambda.clone());
        tokio::spawn(async move {
            deliver(&cloud, &lambda, name, config, batch).await;
            drop(permit);
        });
    }
}

/// Waits until the mapping is enabled and messages are visible, and receives a batch of them.
async fn next_batch(cloud: &Cloud, name: QueueName, config: &QueueConfig) -> Vec<(String, Message)> {
    loop {
        let changed = cloud.messages.notified();
        let look_again_in = {
            let mut state = cloud.state();
            let state = &mut *state;
            let now = cloud.time.now();
            if state.mappings.is_enabled(name, now) {
                let mut moment = Moment { now, random: &mut state.random };
                let most = usize::try_from(config.batch_size).unwrap_or(1);
                let batch = state.sqs.receive(name.as_str(), most, None, &mut moment);
                if !batch.is_empty() {
                    return batch;
                }
                let queue = state.sqs.queues().find(|(queue, _)| *queue == name.as_str());
                let next = queue.and_then(|(_, queue)| queue.next_visible_at()).map(|at| at - now.as_millisecond());
                next.map(|ms| Duration::from_millis(u64::try_from(ms.max(1)).unwrap_or(1)))
            } else {
                Some(LOOKS_AT_PAUSED)
            }
        };
        match look_again_in {
            None => changed.await,
            Some(wait) => drop(tokio::time::timeout(wait, changed).await),
        }
    }
}

async fn deliver(cloud: &Cloud, lambda: &Lambda, name: QueueName, config: &QueueConfig, batch: Vec<(String, Message)>) {
    let records: Vec<_> = batch.iter().map(|(handle, message)| record(handle, message, name)).collect();
    let answer = lambda.work(&config.function, json!({ "Records": records }), config.timeout()).await;
    let failed: BTreeSet<String> = match answer {
        Ok(answer) => failures(&answer),
        // Without a response the whole batch has failed.
        Err(_) => return,
    };
    let known = |id: &str| batch.iter().any(|(_, message)| message.id.to_string() == id);
    if !failed.iter().all(|id| known(id)) {
        cloud.violated(format!("{} reported unknown messages as failed", config.function));
        return;
    }
    let mut state = cloud.state();
    for (handle, message) in batch.iter().filter(|(_, message)| !failed.contains(&message.id.to_string())) {
        state.sqs.delete(name.as_str(), handle);
        state.trace.say(format!("{name}: message {} acknowledged", message.id));
    }
    drop(state);
    cloud.messages.notify_waiters();
}

fn failures(answer: &Value) -> BTreeSet<String> {
    let failures = answer["batchItemFailures"].as_array().into_iter().flatten();
    failures.map(|failure| failure["itemIdentifier"].as_str().unwrap_or_default().to_owned()).collect()
}

/// Returns the message as Lambda's event has it.
fn record(handle: &str, message: &Message, queue: QueueName) -> Value {
    let attributes: serde_json::Map<_, _> = message
        .attributes
        .iter()
        .map(|(name, value)| {
            let (data_type, text) = (&value["DataType"], &value["StringValue"]);
            (name.clone(), json!({ "dataType": data_type, "stringValue": text }))
        })
        .collect();
    json!({
        "messageId": message.id,
        "receiptHandle": handle,
        "body": message.body,
        "attributes": message.system_attributes(),
        "messageAttributes": attributes,
        "eventSource": "aws:sqs",
        "eventSourceARN": format!("arn:aws:sqs:us-east-1:000000000000:{queue}"),
        "awsRegion": "us-east-1",
    })
}
