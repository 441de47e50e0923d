//! Leases of records, from the delivery of a message to its end.

mod claims;
mod deadlines;
mod failures;
mod follow_ups;
mod settling;

use std::{
    sync::{Arc, Mutex},
    time::Duration,
};

use aws_lambda_events::sqs::{SqsEvent, SqsMessage};
use aws_sdk_sqs::types::{MessageSystemAttributeName, QueueAttributeName};
use domain::{
    error::JobError,
    job::Job,
    job_state::{AttemptId, Claim},
    operation::Operation,
    queue_config::QueueName,
};
use jiff::Timestamp;
use lambda_runtime::{Context, LambdaEvent};
use runtime::{
    aws::{self, Patience},
    batch::{self, Redelivery},
    lease::{self, Ended, Lease},
    queue::Queue,
    store::Table,
};
use uuid::Uuid;

use crate::{
    cloud::Cloud,
    records::{ANNA, id, operation},
};

/// Timeout of the worker's function, in seconds.
const TIMEOUT: u64 = 60;

/// A worker of the default queue, which has one operation to run.
struct Worker {
    cloud: Cloud,
    table: Arc<Table<Operation>>,
    redelivery: Redelivery,
    queue: Queue,
    sqs: aws_sdk_sqs::Client,
    url: String,
}

/// Outcome of a delivery.
struct Delivered {
    /// End of the attempt; `None` if it ended with an error.
    ended: Option<Ended<Operation>>,
    /// Whether the message was deleted.
    acknowledged: bool,
}

impl Worker {
    /// Starts the services, with an operation and its message. Retries wait for the whole backoff of 20 s.
    async fn start() -> Self {
        Self::with_jitter(u32::MAX).await
    }

    /// Starts the services. `jitter` is the random part of waits, in 2⁻³².
    async fn with_jitter(jitter: u32) -> Self {
        let cloud = Cloud::with_jitter(jitter).await;
        let sqs = |env| aws::sqs(&aws::config(env, Patience::Job).expect("all variables"));
        let queue = Queue::from_env(&cloud.env, QueueName::Default, &sqs(&cloud.env)).expect("a URL");
        let redelivery = Redelivery::from_env(&cloud.env, queue.clone()).expect("defaults");
        let sqs = sqs(&cloud.others_env);
        let create = sqs.create_queue().queue_name("default").attributes(QueueAttributeName::VisibilityTimeout, "900");
        let url = create.send().await.expect("a queue").queue_url.expect("its URL");
        let worker = Self { table: Arc::new(cloud.table()), cloud, redelivery, queue, sqs, url };
        worker.table.create(&operation()).await.expect("written");
        worker.queue.send(&Self::job()).await.expect("sent");
        worker.cloud.all_calls();
        worker
    }

    fn job() -> Job {
        Job::Operate { studio: ANNA.clone(), operation: id(1) }
    }

    fn now(&self) -> Timestamp {
        self.cloud.env.clock().now()
    }

    /// Receives a message, if one is visible.
    async fn receive(&self) -> Option<SqsMessage> {
        let receive = self.sqs.receive_message().queue_url(&self.url).message_attribute_names("All");
        let received = receive.message_system_attribute_names(MessageSystemAttributeName::All).send().await;
        let received = received.expect("received").messages?.pop()?;
        let mut message = SqsMessage::default();
        message.message_id = received.message_id;
        message.receipt_handle = received.receipt_handle;
        message.body = received.body;
        let attributes = received.attributes.into_iter().flatten();
        message.attributes = attributes.map(|(name, value)| (name.as_str().to_owned(), value)).collect();
        Some(message)
    }

    /// Delivers the visible message to a job of this worker.
    async fn deliver<F>(&self, job: impl FnOnce(Arc<Lease<Operation>>) -> F + Send) -> Delivered
    where
        F: Future<Output = Result<Operation, JobError>> + Send,
    {
        self.deliver_to(TIMEOUT * 1000, Operation::claim, job).await
    }

    /// Delivers the visible message `left` milliseconds before the function's deadline, to a job that claims by `claim`.
    async fn deliver_to<F>(
        &self,
        left: u64,
        claim: impl FnMut(&mut Operation, AttemptId, Timestamp, Timestamp) -> Claim + Send,
        job: impl FnOnce(Arc<Lease<Operation>>) -> F + Send,
    ) -> Delivered
    where
        F: Future<Output = Result<Operation, JobError>> + Send,
    {
        let message = self.receive().await.expect("a visible message");
        let receipt_handle = message.receipt_handle.clone();
        let mut event = SqsEvent::default();
        event.records = vec![message];
        let mut context = Context::default();
        context.deadline = u64::try_from(self.now().as_millisecond()).expect("after 1970") + left;

        let (work, ended) = (Mutex::new(Some((claim, job))), Mutex::new(None));
        let handle = |delivery| {
            let (claim, job) = work.lock().expect("not poisoned").take().expect("one message");
            let ended = &ended;
            async move {
                let end = lease::work(&self.table, &delivery, (&ANNA, id(1)), claim, job).await?;
                let disposition = end.disposition;
                *ended.lock().expect("not poisoned") = Some(end);
                Ok(disposition)
            }
        };
        let response = batch::run(LambdaEvent::new(event, context), &self.redelivery, handle).await;
        let acknowledged = response.batch_item_failures.is_empty();
        if acknowledged {
            let delete = self.sqs.delete_message().queue_url(&self.url).set_receipt_handle(receipt_handle);
            delete.send().await.expect("deleted");
        }
        Delivered { ended: ended.into_inner().expect("not poisoned"), acknowledged }
    }

    /// Returns the current record.
    async fn record(&self) -> Operation {
        self.cloud.others().get(&ANNA, id(1)).await.expect("read").expect("a record")
    }

    /// Changes the record as another function does.
    async fn change(&self, change: impl Fn(&mut Operation)) {
        let change = |operation: &mut Operation| {
            change(operation);
            Ok::<_, ()>(())
        };
        self.cloud
            .others()
            .update(&ANNA, id(1), change)
            .await
            .expect("written")
            .expect("a record")
            .1
            .expect("accepted");
    }

    /// Returns for how many seconds messages were hidden since the last call of this method.
    fn hidden(&self) -> Vec<i64> {
        let hidden = self.cloud.calls("ChangeMessageVisibility");
        hidden.iter().map(|call| call["VisibilityTimeout"].as_i64().expect("seconds")).collect()
    }
}

/// Waits this long, during which nothing happens.
async fn wait(seconds: u64) {
    tokio::time::sleep(Duration::from_secs(seconds)).await;
}

/// Returns another attempt than any of the worker.
fn other_attempt() -> AttemptId {
    AttemptId(Uuid::from_u128(7))
}

/// A job that completes the operation.
async fn complete(lease: Arc<Lease<Operation>>) -> Result<Operation, JobError> {
    lease.change(|operation| operation.complete(lease.by, lease.now())).await
}

/// A job that must not run.
async fn forbidden(_: Arc<Lease<Operation>>) -> Result<Operation, JobError> {
    panic!("the record was not claimed")
}
