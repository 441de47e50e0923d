//! Deadlines of functions.

use domain::operation::Operation;
use runtime::batch::Disposition;

use super::{Worker, complete, forbidden};
use crate::{
    cloud::{Fate, at},
    records::operation,
};

#[tokio::test(start_paused = true)]
async fn job_is_stopped_three_seconds_before_the_deadline() {
    let worker = Worker::start().await;
    let ended = worker.deliver(|_| std::future::pending()).await.ended.expect("settled");
    assert_eq!(worker.cloud.elapsed().as_secs(), 57);
    assert_eq!(ended.disposition, Disposition::Return { until: at(57 + 20) });
    let work = worker.record().await.work;
    assert_eq!(work.cause.as_deref(), Some("The job was stopped before the function's deadline"));
    assert_eq!((work.attempts, work.owner), (1, None));
    assert_eq!(worker.hidden(), [61, 20]);
}

#[tokio::test(start_paused = true)]
async fn job_does_not_start_with_too_little_time() {
    let worker = Worker::start().await;
    let delivered = worker.deliver_to(3_499, Operation::claim, forbidden).await;
    let ended = delivered.ended.expect("settled");
    assert_eq!((ended.at_rest, ended.disposition), (None, Disposition::Wait { until: at(0) }));
    assert!(!ended.paused && !ended.without_work && !delivered.acknowledged);
    assert_eq!(worker.record().await, operation());
    assert_eq!(worker.hidden(), [0], "for the next function");
    assert!(worker.deliver_to(3_500, Operation::claim, complete).await.acknowledged);
}

#[tokio::test(start_paused = true)]
async fn hanging_table_returns_message_before_the_deadline() {
    let worker = Worker::start().await;
    worker.cloud.disturb(|call| if call.operation == "GetItem" { Fate::Hangs } else { Fate::Delivered });
    let delivered = worker.deliver_to(20_000, Operation::claim, forbidden).await;
    assert!(delivered.ended.is_none() && !delivered.acknowledged);
    assert_eq!(worker.cloud.elapsed().as_secs(), 19);
}
