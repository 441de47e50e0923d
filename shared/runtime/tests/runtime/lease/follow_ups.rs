//! Due dates of records whose follow-ups could not be sent.

use std::convert::Infallible;

use domain::operation::Operation;
use runtime::lease;

use super::Worker;
use crate::{
    cloud::at,
    records::{ANNA, id},
};

#[tokio::test(start_paused = true)]
async fn failed_follow_up_makes_a_record_at_rest_due() {
    let worker = Worker::start().await;
    let under_way = worker.record().await;
    lease::owe(&worker.table, &under_way, at(500)).await;
    assert_eq!(worker.record().await, under_way, "its job is due already");

    let rest = |operation: &mut Operation| {
        operation.work.due_at = None;
        Ok::<_, Infallible>(())
    };
    worker.table.update(&ANNA, id(1), rest).await.expect("written");
    let at_rest = worker.record().await;
    lease::owe(&worker.table, &at_rest, at(500)).await;
    let owed = worker.record().await;
    assert_eq!(owed.work.due_at, Some(at(500 + 120)));
    lease::rest(&worker.table, &owed).await.expect("written");
    assert_eq!(worker.record().await.work.due_at, None, "the follow-up was sent");
}
