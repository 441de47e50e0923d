//! Operators: retry, forget, look, redrive, restore; and what nobody does on purpose.

use std::time::Duration;

use domain::{Job, queue_config::QueueName};
use http::Method;
use runtime::store::DUE_SHARDS;
use serde_json::{Value as Json, json};
use uuid::Uuid;

use super::{ALWAYS_DUE, Clients, STUDIO, call};
use crate::{
    gateway::Call,
    services::{Moment, dynamodb::Value, sqs::Sqs},
};

async fn ask(clients: &Clients, method: Method, path: String, key: Option<&str>, body: Json) -> Json {
    let call = Call { operator: true, ..call(method, path, key, body) };
    clients.ask(call).await.map(|answer| answer.json).unwrap_or_default()
}

pub async fn retry(clients: &Clients, key: &str, queue: QueueName) {
    clients.truth.facts().email_retries += u32::from(queue == QueueName::Emails);
    ask(clients, Method::POST, format!("/queues/{queue}/failed/retry"), Some(key), json!({ "all": true })).await;
}

pub async fn forget(clients: &Clients, key: &str, queue: QueueName) {
    clients.truth.facts().email_retries += u32::from(queue == QueueName::Emails);
    // The first one by its id, and then all others.
    let listed = ask(clients, Method::GET, format!("/queues/{queue}/failed"), None, Json::Null).await;
    if let Some(id) = listed["items"][0]["id"].as_str() {
        let path = format!("/queues/{queue}/failed/retry");
        ask(clients, Method::POST, path, Some(&format!("{key}-one")), json!({ "ids": [id] })).await;
    }
    ask(clients, Method::DELETE, format!("/queues/{queue}/failed"), None, Json::Null).await;
}

pub async fn look(clients: &Clients, queue: QueueName) {
    ask(clients, Method::GET, "/queues".into(), None, Json::Null).await;
    ask(clients, Method::GET, format!("/queues/{queue}/failed"), None, Json::Null).await;
}

/// Pauses a queue. Nobody resumes it without `resumed_after`.
pub async fn pause(clients: &Clients, queue: QueueName, resumed_after: Option<Duration>) {
    let paused = ask(clients, Method::POST, format!("/queues/{queue}/pause"), None, Json::Null).await;
    clients.truth.facts().pauses += usize::from(paused["paused"].is_object());
    if let Some(wait) = resumed_after {
        tokio::time::sleep(wait).await;
        ask(clients, Method::POST, format!("/queues/{queue}/resume"), None, Json::Null).await;
    }
}

pub fn redrive(clients: &Clients, queue: QueueName) {
    with_queues(clients, |sqs, moment| {
        sqs.redrive(&queue.dlq(), moment);
    });
}

pub fn poison(clients: &Clients, queue: QueueName) {
    let body = r#"{"v":9,"job":"of_tomorrow"}"#;
    with_queues(clients, |sqs, moment| sqs.send(queue.as_str(), body.to_owned(), 0, moment));
}

pub fn previous(clients: &Clients, queue: QueueName) {
    let now = clients.gateway.cloud.time.now();
    let operation = clients.truth.facts().operations.first().copied();
    let operate = operation.zip(STUDIO.parse().ok()).map(|(operation, studio)| Job::Operate { studio, operation });
    with_queues(clients, |sqs, moment| {
        for job in operate.into_iter().chain([Job::Sweep]) {
            sqs.send(queue.as_str(), job.encode(now), 0, moment);
        }
    });
}

pub fn restore(clients: &Clients, table: &str) {
    clients.truth.facts().restored = true;
    let mut state = clients.gateway.cloud.state();
    if let Some(snapshot) = state.snapshot.take() {
        state.dynamodb.restore_table(table, &snapshot);
        state.snapshot = Some(snapshot);
    }
}

/// Plants a record with an unknown status into each shard of the index of due records, long overdue.
pub fn unreadable(clients: &Clients, table: &str) {
    let mut state = clients.gateway.cloud.state();
    for shard in 0..DUE_SHARDS {
        let id = Uuid::from_u128(shard);
        let item = [
            ("studio", Value::from(STUDIO)),
            ("id", Value::from(id.to_string())),
            ("status", Value::from("of_tomorrow")),
            ("revision", Value::from(1)),
            ("write_id", Value::from("tomorrow")),
            ("due_shard", Value::from(shard.to_string())),
            ("due_at", Value::from(ALWAYS_DUE)),
        ];
        let item = item.map(|(name, value)| (name.to_owned(), value));
        state.dynamodb.put_raw(table, item.into());
    }
}

fn with_queues(clients: &Clients, act: impl FnOnce(&mut Sqs, &mut Moment<'_>)) {
    let cloud = &clients.gateway.cloud;
    let now = cloud.time.now();
    {
        let mut state = cloud.state();
        let state = &mut *state;
        act(&mut state.sqs, &mut Moment { now, random: &mut state.random });
    }
    cloud.messages.notify_waiters();
}
