//! Writes of an attempt's end during an outage of the table.

use std::{sync::Arc, time::Duration};

use anyhow::anyhow;
use domain::{
    error::JobError,
    operation::{Operation, OperationStatus},
};
use runtime::{batch::Disposition, lease::Lease};
use serde_json::json;

use super::Worker;
use crate::{
    cloud::{Fate, at},
    records::id,
};

/// A job that is rejected, after which `failures` writes of the record fail.
fn rejected(
    worker: &Worker,
    failures: usize,
) -> impl FnOnce(Arc<Lease<Operation>>) -> std::future::Ready<Result<Operation, JobError>> {
    move |_| {
        let mut left = failures;
        worker.cloud.all_calls();
        worker.cloud.disturb(move |call| {
            if call.operation != "PutItem" || left == 0 {
                return Fate::Delivered;
            }
            left -= 1;
            Fate::Denied
        });
        std::future::ready(Err(JobError::reject("invalid", "It is invalid.")))
    }
}

#[tokio::test(start_paused = true)]
async fn failed_settling_is_retried() {
    let worker = Worker::start().await;
    let delivered = worker.deliver(rejected(&worker, 2)).await;
    let ended = delivered.ended.expect("settled");
    let record = worker.record().await;
    assert_eq!((record.status, record.ended_at), (OperationStatus::Failed, Some(at(1 + 2))));
    assert_eq!((ended.at_rest, ended.disposition), (Some(record), Disposition::Done));
    assert!(delivered.acknowledged);
    assert_eq!(worker.cloud.calls("PutItem").len(), 3);
}

/// Settles during an outage that does not end. Returns the number of writes, and how long they took.
async fn settle(jitter: u32) -> (usize, Duration) {
    let worker = Worker::with_jitter(jitter).await;
    let delivered = worker.deliver_to(600_000, Operation::claim, rejected(&worker, usize::MAX)).await;
    assert!(delivered.ended.is_none() && !delivered.acknowledged);
    assert_eq!(worker.record().await.status, OperationStatus::Processing);
    (worker.cloud.calls("PutItem").len(), worker.cloud.elapsed())
}

#[tokio::test(start_paused = true)]
async fn settling_is_retried_for_less_than_a_minute() {
    assert_eq!(settle(u32::MAX).await, (10, Duration::from_secs(1 + 2 + 4 + 6 * 8)));
    let halves = Duration::from_millis(500) + Duration::from_secs(1 + 2 + 4 * 13);
    assert_eq!(settle(0).await, (17, halves), "jitter takes half of each wait");
}

#[tokio::test(start_paused = true)]
async fn settling_ends_before_the_function_does() {
    let worker = Worker::start().await;
    let delivered = worker.deliver_to(5_000, Operation::claim, rejected(&worker, usize::MAX)).await;
    assert!(delivered.ended.is_none() && !delivered.acknowledged);
    assert_eq!(worker.cloud.elapsed(), Duration::from_secs(4));
}

#[tokio::test(start_paused = true)]
async fn settling_of_unreadable_record_is_not_retried() {
    let worker = Worker::start().await;
    let job = async |_| {
        worker.cloud.patch_item("anna", id(1), json!({ "status": "from the future" })).await;
        Err(JobError::Retry(anyhow!("broken")))
    };
    let delivered = worker.deliver(job).await;
    assert!(delivered.ended.is_none() && !delivered.acknowledged);
    assert_eq!(worker.cloud.elapsed(), Duration::ZERO);
}
