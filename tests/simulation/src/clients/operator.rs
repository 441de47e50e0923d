//! Operators: retry, forget, look, redrive.

use domain::queue_config::QueueName;
use http::Method;
use serde_json::{Value, json};

use super::Clients;
use crate::{gateway::Call, services::Moment};

async fn ask(clients: &Clients, method: Method, path: String, key: Option<&str>, body: Value) -> Value {
    let call = Call { operator: true, ..clients.call(method, path, key, body) };
    clients.ask(call).await.map(|answer| answer.json).unwrap_or_default()
}

pub async fn retry(clients: &Clients, key: &str, queue: QueueName) {
    ask(clients, Method::POST, format!("/queues/{queue}/failed/retry"), Some(key), json!({ "all": true })).await;
}

pub async fn forget(clients: &Clients, key: &str, queue: QueueName) {
    // The first one by its id, and then all others.
    let listed = ask(clients, Method::GET, format!("/queues/{queue}/failed"), None, Value::Null).await;
    if let Some(id) = listed["items"][0]["id"].as_str() {
        let path = format!("/queues/{queue}/failed/retry");
        ask(clients, Method::POST, path, Some(&format!("{key}-one")), json!({ "ids": [id] })).await;
    }
    ask(clients, Method::DELETE, format!("/queues/{queue}/failed"), None, Value::Null).await;
}

pub async fn look(clients: &Clients, queue: QueueName) {
    ask(clients, Method::GET, "/queues".into(), None, Value::Null).await;
    ask(clients, Method::GET, format!("/queues/{queue}/failed"), None, Value::Null).await;
}

pub fn redrive(clients: &Clients, queue: QueueName) {
    let cloud = &clients.gateway.cloud;
    let now = cloud.time.now();
    {
        let mut state = cloud.state();
        let state = &mut *state;
        let mut moment = Moment { now, random: &mut state.random };
        state.sqs.redrive(&queue.dlq(), &mut moment);
    }
    cloud.messages.notify_waiters();
}

pub fn poison(clients: &Clients, queue: QueueName) {
    let cloud = &clients.gateway.cloud;
    let now = cloud.time.now();
    clients.truth.facts().poison += 1;
    {
        let mut state = cloud.state();
        let state = &mut *state;
        let mut moment = Moment { now, random: &mut state.random };
        state.sqs.send(queue.as_str(), r#"{"v":9,"job":"of_tomorrow"}"#.to_owned(), 0, &mut moment);
    }
    cloud.messages.notify_waiters();
}
