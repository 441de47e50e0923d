//! Batches of messages that reach a function together.

use std::{
    collections::BTreeSet,
    sync::{
        Mutex,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use anyhow::anyhow;
use aws_lambda_events::sqs::{SqsEvent, SqsMessage};
use domain::{error::JobError, job_state::MAX_RECEIVES, queue_config::QueueName};
use lambda_runtime::{Context, LambdaEvent};
use runtime::{
    aws::{self, Patience},
    batch::{self, Delivery, Disposition, Redelivery},
    metrics,
    queue::Queue,
};

use crate::{
    cloud::{BEGINNING, Cloud, Fate},
    counters::Counters,
};

/// Returns the redelivery of a worker whose function has these variables.
fn redelivery(cloud: &Cloud) -> Redelivery {
    let sqs = aws::sqs(&aws::config(&cloud.env, Patience::Job).expect("all variables"));
    let queue = Queue::from_env(&cloud.env, QueueName::Default, &sqs).expect("a URL");
    Redelivery::from_env(&cloud.env, queue).expect("defaults")
}

/// Returns an event with these bodies, a minute before the function's deadline.
fn event(bodies: &[&str]) -> LambdaEvent<SqsEvent> {
    let message = |body: &&str| {
        let mut message = SqsMessage::default();
        (message.message_id, message.body) = (Some((*body).to_owned()), Some((*body).to_owned()));
        message
    };
    let mut event = SqsEvent::default();
    event.records = bodies.iter().map(message).collect();
    let mut context = Context::default();
    context.deadline = u64::try_from((BEGINNING + 60) * 1000).expect("after 1970");
    LambdaEvent::new(event, context)
}

#[tokio::test(start_paused = true)]
async fn five_messages_are_processed_at_a_time() {
    let cloud = Cloud::start().await;
    let bodies = ["0", "1", "2", "3", "4", "5", "6", "7", "8", "9", "10"];
    let (running, most) = (AtomicUsize::new(0), AtomicUsize::new(0));
    let handle = async |delivery: Delivery| {
        most.fetch_max(running.fetch_add(1, Ordering::SeqCst) + 1, Ordering::SeqCst);
        tokio::time::sleep(Duration::from_secs(1)).await;
        running.fetch_sub(1, Ordering::SeqCst);
        let failed = delivery.body.parse::<u32>().expect("a number").is_multiple_of(2);
        if failed { Err(JobError::Retry(anyhow!("broken"))) } else { Ok(Disposition::Done) }
    };
    let response = batch::run(event(&bodies), &redelivery(&cloud), handle).await;
    assert_eq!((most.load(Ordering::SeqCst), cloud.elapsed()), (5, Duration::from_secs(3)));
    let failed: BTreeSet<_> = response.batch_item_failures.into_iter().map(|failure| failure.item_identifier).collect();
    assert_eq!(failed, ["0", "2", "4", "6", "8", "10"].map(str::to_owned).into());
}

/// Handles a message that was received this number of times, with this result. Returns the counts of metrics.
async fn counts(receives: u32, result: Result<Disposition, JobError>) -> Vec<(String, u64)> {
    let cloud = Cloud::start().await;
    let mut event = event(&["body"]);
    event.payload.records[0].attributes.insert("ApproximateReceiveCount".to_owned(), receives.to_string());
    let result = Mutex::new(Some(result));
    let handle = |_| std::future::ready(result.lock().expect("not poisoned").take().expect("handled once"));
    let counters = Counters::default();
    let _recording = ::metrics::set_default_local_recorder(&counters);
    let response = batch::run(event, &redelivery(&cloud), handle).await;
    assert_eq!(response.batch_item_failures.len(), 1);
    counters.all()
}

#[tokio::test(start_paused = true)]
async fn invalid_message_counts_as_one_failure() {
    let invalid = || Err(JobError::reject("invalid", "It is invalid."));
    for (receives, failures) in [(0, 1), (1, 1), (2, 0), (MAX_RECEIVES, 0)] {
        let failed = [(metrics::JOBS_FAILED.to_owned(), 1)];
        assert_eq!(counts(receives, invalid()).await, failed[..failures], "received {receives} times");
    }
}

#[tokio::test(start_paused = true)]
async fn each_end_without_a_record_has_its_metric() {
    let one = |name: &str| vec![(name.to_owned(), 1)];
    assert_eq!(counts(2, Err(JobError::Retry(anyhow!("broken")))).await, one(metrics::JOBS_RETRIED));
    assert_eq!(counts(2, Err(JobError::Unavailable(anyhow!("down")))).await, one(metrics::JOBS_WAITING));
    assert_eq!(counts(2, Ok(Disposition::Refuse)).await, [], "a record counted it");
}

#[tokio::test(start_paused = true)]
async fn hanging_queue_takes_half_of_the_time_left() {
    // A message near its last receive is replaced first, then hidden.
    for (receives, seconds) in [(1, 30), (MAX_RECEIVES, 30 + 15)] {
        let cloud = Cloud::start().await;
        cloud.disturb(|_| Fate::Hangs);
        let mut event = event(&["body"]);
        let message = &mut event.payload.records[0];
        message.attributes.insert("ApproximateReceiveCount".to_owned(), receives.to_string());
        message.receipt_handle = Some("handle".to_owned());
        let handle = async |delivery: Delivery| Ok(Disposition::Wait { until: delivery.now() });
        let response = batch::run(event, &redelivery(&cloud), handle).await;
        assert_eq!(response.batch_item_failures.len(), 1);
        assert_eq!(cloud.elapsed(), Duration::from_secs(seconds), "received {receives} times");
    }
}
