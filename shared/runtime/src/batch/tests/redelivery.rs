//! Requests by which messages are hidden and replaced.

use std::sync::{Arc, Mutex};

use aws_lambda_events::sqs::SqsMessageAttribute;
use aws_sdk_sqs::config::{Region, retry::RetryConfig};
use aws_smithy_runtime_api::client::{
    http::{HttpClient, HttpConnector, HttpConnectorFuture, HttpConnectorSettings, SharedHttpConnector},
    orchestrator::{HttpRequest, HttpResponse},
    runtime_components::RuntimeComponents,
};
use aws_smithy_types::body::SdkBody;
use serde_json::{Value, json};

use super::*;

/// SQS that records requests, and refuses to take messages unless it is `up`.
#[derive(Debug, Clone)]
struct Sqs {
    up: bool,
    requests: Arc<Mutex<Vec<(String, Value)>>>,
}

impl HttpClient for Sqs {
    fn http_connector(&self, _: &HttpConnectorSettings, _: &RuntimeComponents) -> SharedHttpConnector {
        SharedHttpConnector::new(self.clone())
    }
}

impl HttpConnector for Sqs {
    fn call(&self, request: HttpRequest) -> HttpConnectorFuture {
        let target = request.headers().get("x-amz-target").and_then(|target| target.split('.').nth(1));
        let operation = target.unwrap_or_default().to_owned();
        let status = if self.up || operation != "SendMessage" { 200_u16 } else { 503 };
        let body = serde_json::from_slice(request.body().bytes().unwrap_or_default()).expect("JSON");
        self.requests.lock().expect("not poisoned").push((operation, body));
        let response = HttpResponse::new(status.try_into().expect("a status"), SdkBody::from("{}"));
        HttpConnectorFuture::ready(Ok(response))
    }
}

impl Sqs {
    fn new(up: bool) -> Self {
        Self { up, requests: Arc::default() }
    }

    fn redelivery(&self) -> Redelivery {
        let config = Config::builder()
            .behavior_version(BehaviorVersion::latest())
            .region(Region::new("eu-central-1"))
            .retry_config(RetryConfig::disabled())
            .allow_no_auth()
            .http_client(self.clone());
        let redelivery = redelivery(at(NOW), 0);
        let queue = Queue::new(Client::from_conf(config.build()), "http://localhost/q", Clock::simulated(|| at(NOW)));
        Redelivery { queue, ..redelivery }
    }

    /// Returns the operations with the member that says how long the message stays hidden.
    fn waits(&self) -> Vec<(String, Value)> {
        let requests = self.requests.lock().expect("not poisoned");
        let wait = |body: &Value| body.get("VisibilityTimeout").or_else(|| body.get("DelaySeconds")).cloned();
        requests.iter().map(|(operation, body)| (operation.clone(), wait(body).unwrap_or_default())).collect()
    }
}

/// Returns a message that was received this number of times.
fn message(receives: u32) -> SqsMessage {
    let mut message = SqsMessage::default();
    message.message_id = Some("id".to_owned());
    message.receipt_handle = Some("handle".to_owned());
    message.body = Some(Job::Sweep.encode(at(NOW - 5)));
    message.attributes.insert("ApproximateReceiveCount".to_owned(), receives.to_string());
    message.attributes.insert("SentTimestamp".to_owned(), ((NOW - 5) * 1000).to_string());
    message
}

/// Handles the message with this result, and returns whether it was acknowledged.
async fn acknowledged(sqs: &Sqs, message: SqsMessage, result: Result<Disposition, JobError>) -> bool {
    let result = Mutex::new(Some(result));
    let handle = |_| std::future::ready(result.lock().expect("not poisoned").take().expect("handled once"));
    one(message, at(NOW + 60), "", &sqs.redelivery(), &handle).await.is_none()
}

fn hidden(seconds: i32) -> (String, Value) {
    ("ChangeMessageVisibility".to_owned(), json!(seconds))
}

#[tokio::test]
async fn failed_message_is_hidden_until_its_time() {
    let until = at(NOW + 90);
    for (result, hidden_for) in [
        (Ok(Disposition::Done), None),
        (Ok(Disposition::Return { until }), Some(90)),
        (Ok(Disposition::Wait { until }), Some(90)),
        (Ok(Disposition::Refuse), Some(0)),
        (Err(JobError::reject("invalid", "x")), Some(0)),
        // The second wait, of which jitter leaves half.
        (Err(JobError::Unavailable(anyhow::anyhow!("down"))), Some(20)),
        (Err(JobError::Retry(anyhow::anyhow!("broken"))), Some(20)),
    ] {
        let (sqs, said) = (Sqs::new(true), format!("{result:?}"));
        assert_eq!(acknowledged(&sqs, message(2), result).await, hidden_for.is_none(), "{said}");
        assert_eq!(sqs.waits(), hidden_for.map(hidden).into_iter().collect::<Vec<_>>(), "{said}");
    }
}

#[tokio::test]
async fn waiting_message_is_replaced_before_last_receives() {
    let until = at(NOW + 90);
    let replaced = ("SendMessage".to_owned(), json!(90));
    for (receives, up, disposition, acknowledges, requests) in [
        (MAX_RECEIVES - 11, true, Disposition::Wait { until }, false, vec![hidden(90)]),
        (MAX_RECEIVES - 10, true, Disposition::Wait { until }, true, vec![replaced.clone()]),
        (MAX_RECEIVES - 10, false, Disposition::Wait { until }, false, vec![replaced, hidden(90)]),
        (MAX_RECEIVES - 10, true, Disposition::Return { until }, false, vec![hidden(90)]),
        (MAX_RECEIVES - 10, true, Disposition::Refuse, false, vec![hidden(0)]),
    ] {
        let sqs = Sqs::new(up);
        assert_eq!(acknowledged(&sqs, message(receives), Ok(disposition)).await, acknowledges, "{receives}");
        assert_eq!(sqs.waits(), requests, "{receives}");
    }
}

#[tokio::test]
async fn replacement_keeps_time_of_first_sending() {
    let since = |seconds: i64| (seconds * 1000).to_string();
    let mut replaced_before = message(MAX_RECEIVES);
    let mut attribute = SqsMessageAttribute::default();
    attribute.string_value = Some(since(NOW - 500));
    replaced_before.message_attributes.insert(SINCE.to_owned(), attribute);
    for (message, first_sent) in [(message(MAX_RECEIVES), NOW - 5), (replaced_before, NOW - 500)] {
        let sqs = Sqs::new(true);
        assert!(acknowledged(&sqs, message, Ok(Disposition::Wait { until: at(NOW) })).await);
        let (_, request) = sqs.requests.lock().expect("not poisoned").remove(0);
        assert_eq!(request["MessageAttributes"][SINCE]["StringValue"], since(first_sent));
        assert_eq!(Job::said_at(request["MessageBody"].as_str().expect("text")), Some(at(NOW)));
    }
}

#[tokio::test]
async fn forwarded_message_is_visible_immediately() {
    let sqs = Sqs::new(true);
    let delivery = Delivery { redelivery: sqs.redelivery(), ..received(&Job::Sweep.encode(at(NOW)), Some(at(NOW))) };
    delivery.forward_to(&sqs.redelivery().queue).await.expect("sent");
    assert_eq!(sqs.waits(), [("SendMessage".to_owned(), json!(0))]);
}

#[tokio::test(start_paused = true)]
async fn message_of_a_hanging_service_is_replaced_before_last_receives() {
    for (receives, acknowledges) in [(MAX_RECEIVES - 11, false), (MAX_RECEIVES - 10, true)] {
        let sqs = Sqs::new(true);
        let handle = |_| std::future::pending::<Result<Disposition, JobError>>();
        let failed = one(message(receives), at(NOW + 60), "", &sqs.redelivery(), &handle).await;
        assert_eq!(failed.is_none(), acknowledges, "{receives}");
        let operations: Vec<_> = sqs.waits().into_iter().map(|(operation, _)| operation).collect();
        let operation = if acknowledges { "SendMessage" } else { "ChangeMessageVisibility" };
        assert_eq!(operations, [operation]);
    }
}
