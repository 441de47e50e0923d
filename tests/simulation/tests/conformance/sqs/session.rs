//! Client of one target, its clock, and what it observed.

use std::{
    collections::BTreeMap,
    sync::{
        Arc, Mutex,
        atomic::{AtomicI64, Ordering},
    },
};

use aws_sdk_sqs::{
    Client,
    error::SdkError,
    operation::receive_message::{ReceiveMessageError, ReceiveMessageOutput, builders::ReceiveMessageFluentBuilder},
    types::{Message, MessageAttributeValue, MessageSystemAttributeName, QueueAttributeName},
};
use jiff::Timestamp;
use simulation::{
    connector::Direct,
    services::{Moment, sqs::Sqs},
};

use crate::{
    targets::{Loopback, Target},
    transcript::{Transcript, nothing},
};

/// Time at which a case begins, in milliseconds since the epoch. Times are recorded as the difference from it.
const BEGIN_MS: i64 = 1_700_000_000_000;
/// Retention of a queue in the model, in seconds.
const RETENTION_SECONDS: i64 = 4 * 24 * 3600;
/// Retention of a queue without dead letters in the model, in seconds.
const DEAD_LETTER_RETENTION_SECONDS: i64 = 14 * 24 * 3600;

/// Client of one target, and what it observed.
pub struct Session {
    /// Client.
    pub sqs: Client,
    /// Observations.
    pub said: Transcript,
    clock: Arc<AtomicI64>,
    service: Service,
}

enum Service {
    Model(Arc<Mutex<Sqs>>, Arc<Direct<Sqs>>),
    StandIn(#[expect(dead_code, reason = "the stand-ins run until they are dropped")] Loopback),
}

impl Session {
    /// Creates a strict model: no message is doubled or overlooked.
    pub fn model() -> Self {
        let model = Arc::new(Mutex::new(Sqs::default()));
        let direct = Arc::new(Direct::new(model.clone()));
        direct.set_now(Timestamp::from_millisecond(BEGIN_MS).unwrap());
        Self::new(Target::direct(&direct).sqs(), Arc::new(AtomicI64::new(BEGIN_MS)), Service::Model(model, direct))
    }

    /// Starts the stand-in.
    pub async fn stand_in() -> Self {
        let clock = Arc::new(AtomicI64::new(BEGIN_MS));
        let now = clock.clone();
        let now = move || Timestamp::from_millisecond(now.load(Ordering::SeqCst)).unwrap();
        let loopback = Loopback::start_at(Arc::new(now)).await;
        Self::new(loopback.target().sqs(), clock, Service::StandIn(loopback))
    }

    fn new(sqs: Client, clock: Arc<AtomicI64>, service: Service) -> Self {
        Self { sqs, said: Transcript::default(), clock, service }
    }

    /// Lets time pass.
    pub fn pass(&self, ms: i64) {
        let now = self.clock.fetch_add(ms, Ordering::SeqCst) + ms;
        if let Service::Model(_, direct) = &self.service {
            direct.set_now(Timestamp::from_millisecond(now).unwrap());
        }
    }

    /// Creates a queue. Returns its URL.
    pub async fn create(&self, name: &str, visibility_seconds: i64, dead_letters: Option<(&str, u32)>) -> String {
        if let Service::Model(model, _) = &self.service {
            model.lock().unwrap().create(name, visibility_seconds, dead_letters);
            return format!("http://model/000000000000/{name}");
        }
        let retention = if dead_letters.is_some() { RETENTION_SECONDS } else { DEAD_LETTER_RETENTION_SECONDS };
        let policy = dead_letters.map(|(dead, max_receives)| {
            let arn = local_aws::sqs::arn(dead);
            serde_json::json!({ "deadLetterTargetArn": arn, "maxReceiveCount": max_receives }).to_string()
        });
        let create = self.sqs.create_queue().queue_name(name);
        let create = create.attributes(QueueAttributeName::VisibilityTimeout, visibility_seconds.to_string());
        let mut create = create.attributes(QueueAttributeName::MessageRetentionPeriod, retention.to_string());
        if let Some(policy) = policy {
            create = create.attributes(QueueAttributeName::RedrivePolicy, policy);
        }
        create.send().await.unwrap().queue_url.unwrap()
    }

    /// Moves the dead letters of a queue back.
    pub async fn redrive(&self, dead_letter_queue: &str) {
        match &self.service {
            Service::Model(model, _) => {
                let now = Timestamp::from_millisecond(self.clock.load(Ordering::SeqCst)).unwrap();
                let moment = &mut Moment { now, random: &mut fastrand::Rng::with_seed(1) };
                model.lock().unwrap().redrive(dead_letter_queue, moment);
            }
            Service::StandIn(_) => {
                let source = local_aws::sqs::arn(dead_letter_queue);
                self.sqs.start_message_move_task().source_arn(source).send().await.unwrap();
            }
        }
    }

    /// Sends a message and returns its id.
    pub async fn send(&self, queue: &str, body: &str) -> String {
        self.sqs.send_message().queue_url(queue).message_body(body).send().await.unwrap().message_id.unwrap()
    }

    /// Returns a request for up to 10 messages with all attributes.
    pub fn receiver(&self, queue: &str) -> ReceiveMessageFluentBuilder {
        let receive = self.sqs.receive_message().queue_url(queue).max_number_of_messages(10);
        receive.message_attribute_names("All").message_system_attribute_names(MessageSystemAttributeName::All)
    }

    /// Receives up to 10 messages and records them.
    pub async fn receive(&mut self, check: &str, queue: &str) -> Vec<Message> {
        let sent = self.receiver(queue).send().await;
        self.received(check, sent)
    }

    /// Records received messages in the order of their bodies, and returns them.
    pub fn received(
        &mut self,
        check: &str,
        sent: Result<ReceiveMessageOutput, SdkError<ReceiveMessageError>>,
    ) -> Vec<Message> {
        let mut messages = sent.as_ref().map(|received| received.messages().to_vec()).unwrap_or_default();
        messages.sort_by(|one, other| one.body().cmp(&other.body()));
        let described: Vec<String> = messages.iter().map(describe).collect();
        self.said.record(check, sent, |_| described.join("; "));
        messages
    }

    /// Receives a single message without a record. Returns its receipt handle.
    pub async fn take(&self, queue: &str) -> String {
        let mut messages = self.receiver(queue).send().await.unwrap().messages.unwrap_or_default();
        assert_eq!(messages.len(), 1);
        messages.remove(0).receipt_handle.unwrap()
    }

    /// Deletes a message and records the response.
    pub async fn delete(&mut self, check: &str, queue: &str, handle: &str) {
        let sent = self.sqs.delete_message().queue_url(queue).receipt_handle(handle).send().await;
        self.said.record(check, sent, nothing);
    }

    /// Changes the visibility timeout of a message and records the response.
    pub async fn hide(&mut self, check: &str, queue: &str, handle: &str, seconds: i32) {
        let change = self.sqs.change_message_visibility().queue_url(queue).receipt_handle(handle);
        let sent = change.visibility_timeout(seconds).send().await;
        self.said.record(check, sent, nothing);
    }

    /// Records attributes of a queue.
    pub async fn queue_attributes(&mut self, check: &str, queue: &str, names: &[QueueAttributeName]) {
        let get = self.sqs.get_queue_attributes().queue_url(queue).set_attribute_names(Some(names.to_vec()));
        self.said.record(check, get.send().await, |got| {
            let attributes: BTreeMap<_, _> =
                got.attributes().into_iter().flatten().map(|(name, value)| (name.as_str(), value.as_str())).collect();
            format!("{attributes:?}")
        });
    }

    /// Records the numbers of messages.
    pub async fn counts(&mut self, check: &str, queue: &str) {
        let names = [
            QueueAttributeName::ApproximateNumberOfMessages,
            QueueAttributeName::ApproximateNumberOfMessagesNotVisible,
            QueueAttributeName::ApproximateNumberOfMessagesDelayed,
        ];
        let sent = self.sqs.get_queue_attributes().queue_url(queue).set_attribute_names(Some(names.to_vec()));
        self.said.record(check, sent.send().await, |got| {
            let attributes = got.attributes().unwrap();
            names.iter().map(|name| attributes[name].clone()).collect::<Vec<_>>().join(" ")
        });
    }
}

/// Describes a message without its id, handle and sender. Times are milliseconds since the begin of the case.
fn describe(message: &Message) -> String {
    let mut words = vec![message.body().unwrap().to_owned(), message.md5_of_body().unwrap()[..8].to_owned()];
    let system: BTreeMap<_, _> =
        message.attributes().into_iter().flatten().map(|(name, value)| (name.as_str(), value)).collect();
    words.extend(system.into_iter().map(|(name, value)| match name {
        "SenderId" => name.to_owned(),
        "SentTimestamp" | "ApproximateFirstReceiveTimestamp" => {
            format!("{name}={}", value.parse::<i64>().unwrap() - BEGIN_MS)
        }
        _ => format!("{name}={value}"),
    }));
    let own: BTreeMap<_, _> = message.message_attributes().into_iter().flatten().collect();
    words.extend(own.into_iter().map(|(name, value)| format!("{name}={}", describe_value(value))));
    words.join(" ")
}

fn describe_value(value: &MessageAttributeValue) -> String {
    let bytes = value.binary_value().map(|bytes| format!("{:?}", bytes.as_ref()));
    let content = value.string_value().map(str::to_owned).or(bytes).unwrap_or_default();
    format!("{}:{content}", value.data_type())
}
