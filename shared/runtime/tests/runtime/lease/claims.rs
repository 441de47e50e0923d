//! Claims, and deliveries that find nothing to claim.

use std::{sync::Arc, time::Duration};

use anyhow::anyhow;
use domain::{
    error::{JobError, RecordError},
    job_record::JobRecord as _,
    job_state::{Claim, JobState, NotOwner},
    operation::{Operation, OperationStatus},
};
use runtime::{
    batch::Disposition,
    lease::{Lease, rest},
    metrics,
};

use super::{Worker, complete, forbidden, other_attempt, wait};
use crate::{
    cloud::at,
    counters::Counters,
    records::{ANNA, id},
};

#[tokio::test(start_paused = true)]
async fn claimed_record_is_leased_until_the_deadline() {
    let worker = Worker::start().await;
    let job = async |lease: Arc<Lease<Operation>>| {
        let work = &lease.record.work;
        assert_eq!((work.attempts, work.owner, work.lease_until), (1, Some(lease.by), Some(at(60))));
        assert_eq!(worker.record().await, lease.record);
        assert_eq!((lease.now(), lease.stops_at, lease.world().now()), (at(0), at(57), at(0)));
        wait(5).await;
        assert_eq!(lease.now(), at(5));
        complete(lease).await
    };
    let counters = Counters::default();
    let _recording = ::metrics::set_default_local_recorder(&counters);
    let delivered = worker.deliver(job).await;
    let ended = delivered.ended.expect("settled");
    let record = worker.record().await;
    assert_eq!((record.status, record.ended_at), (OperationStatus::Done, Some(at(5))));
    assert_eq!((ended.at_rest, ended.disposition, delivered.acknowledged), (Some(record), Disposition::Done, true));
    assert!(!ended.paused && !ended.without_work);
    assert_eq!(counters.all(), [(metrics::JOBS_DONE.to_owned(), 1)]);
}

#[tokio::test(start_paused = true)]
async fn message_is_hidden_before_the_record_is_claimed() {
    let worker = Worker::start().await;
    worker.deliver(complete).await;
    let calls: Vec<_> = worker.cloud.all_calls().into_iter().map(|call| call.operation).collect();
    assert_eq!(calls[..3], ["ChangeMessageVisibility", "GetItem", "PutItem"]);
}

#[tokio::test(start_paused = true)]
async fn message_of_killed_worker_returns_after_its_lease() {
    let worker = Worker::start().await;
    // The process ends after 30 s.
    let killed = tokio::time::timeout(Duration::from_secs(30), worker.deliver(|_| std::future::pending())).await;
    assert!(killed.is_err());
    wait(30).await;
    assert!(worker.receive().await.is_none(), "one second longer than the lease");
    wait(1).await;
    let job = async |lease: Arc<Lease<Operation>>| {
        assert_eq!((lease.record.work.attempts, lease.record.work.claims), (2, 2));
        complete(lease).await
    };
    assert!(worker.deliver(job).await.acknowledged);
}

#[tokio::test(start_paused = true)]
async fn leased_record_keeps_its_message_waiting() {
    let worker = Worker::start().await;
    worker.change(|operation| assert_eq!(operation.claim(other_attempt(), at(0), at(500)), Claim::Claimed)).await;
    let leased = worker.record().await;
    let delivered = worker.deliver(forbidden).await;
    let ended = delivered.ended.expect("settled");
    assert_eq!((ended.at_rest, ended.disposition), (None, Disposition::Wait { until: at(500) }));
    assert!(!ended.paused && !ended.without_work && !delivered.acknowledged);
    assert_eq!(worker.hidden(), [61, 500]);
    assert_eq!(worker.record().await, leased);
}

#[tokio::test(start_paused = true)]
async fn completed_record_needs_only_its_follow_up() {
    let worker = Worker::start().await;
    worker.change(|operation| operation.status = OperationStatus::Done).await;
    let delivered = worker.deliver(forbidden).await;
    let ended = delivered.ended.expect("settled");
    assert_eq!((ended.at_rest, ended.disposition), (Some(worker.record().await), Disposition::Done));
    assert!(!ended.paused && !ended.without_work && delivered.acknowledged);
}

#[tokio::test(start_paused = true)]
async fn message_without_record_is_acknowledged() {
    let worker = Worker::start().await;
    worker.table.delete(&ANNA, id(1)).await.expect("deleted");
    let counters = Counters::default();
    let _recording = ::metrics::set_default_local_recorder(&counters);
    let delivered = worker.deliver(forbidden).await;
    let ended = delivered.ended.expect("settled");
    assert_eq!((ended.without_work, ended.at_rest, delivered.acknowledged), (true, None, true));
    assert_eq!(counters.all(), [(metrics::JOBS_WITHOUT_RECORD.to_owned(), 1)]);
}

#[tokio::test(start_paused = true)]
async fn void_claim_may_change_the_due_date() {
    let worker = Worker::start().await;
    let void = |operation: &mut Operation, _, _, _| {
        operation.work.due_at = Some(at(900));
        Claim::Void
    };
    let delivered = worker.deliver_to(60_000, void, forbidden).await;
    let ended = delivered.ended.expect("settled");
    assert_eq!((ended.without_work, ended.at_rest, delivered.acknowledged), (true, None, true));
    assert_eq!(worker.record().await.work.due_at, Some(at(900)));
}

#[tokio::test(start_paused = true)]
async fn record_whose_last_worker_crashed_fails() {
    let worker = Worker::start().await;
    worker.change(|operation| operation.work = JobState { attempts: 2, ..JobState::default() }).await;
    let counters = Counters::default();
    let _recording = ::metrics::set_default_local_recorder(&counters);
    let delivered = worker.deliver(forbidden).await;
    let ended = delivered.ended.expect("settled");
    assert_eq!((ended.disposition, delivered.acknowledged), (Disposition::Refuse, false));
    assert_eq!(worker.hidden(), [61, 0]);
    assert_eq!(counters.all(), [(metrics::JOBS_FAILED.to_owned(), 1)]);
    let record = worker.record().await;
    assert_eq!(record.failure().map(|error| error.code.as_str()), Some("tries_exhausted"));
    assert_eq!((record.work.gave_up, record.ended_at), (true, Some(at(0))));
}

#[tokio::test(start_paused = true)]
async fn failed_record_is_left_as_it_is() {
    let worker = Worker::start().await;
    wait(10).await;
    worker.change(|operation| operation.give_up(at(10), RecordError::new("broken", "It is broken."))).await;
    let counters = Counters::default();
    let _recording = ::metrics::set_default_local_recorder(&counters);
    for due in [Some(at(500)), None] {
        worker.change(|operation| operation.work.due_at = due).await;
        let failed = worker.record().await;
        let ended = worker.deliver(forbidden).await.ended.expect("settled");
        assert_eq!((worker.record().await, ended.disposition), (failed.clone(), Disposition::Refuse));
        // Its follow-up is sent while it is due.
        assert_eq!(ended.at_rest, Some(failed).filter(|_| due.is_some()));
    }
    assert_eq!(counters.all(), [], "it was counted when it failed");
}

#[tokio::test(start_paused = true)]
async fn only_redriven_message_restarts_a_failed_record() {
    let worker = Worker::start().await;
    let message = worker.receive().await.expect("the operation's own");
    let delete = worker.sqs.delete_message().queue_url(&worker.url).set_receipt_handle(message.receipt_handle);
    delete.send().await.expect("deleted");
    wait(10).await;
    worker.change(|operation| operation.give_up(at(10), RecordError::new("broken", "It is broken."))).await;
    wait(10).await;
    for (said_at, restarts) in [(20, false), (0, true)] {
        let send = worker.sqs.send_message().queue_url(&worker.url).message_body(Worker::job().encode(at(said_at)));
        send.send().await.expect("sent");
        let delivered = worker.deliver(complete).await;
        assert_eq!(delivered.acknowledged, restarts);
        let expected = if restarts { OperationStatus::Done } else { OperationStatus::Failed };
        assert_eq!(worker.record().await.status, expected);
        let hidden = worker.hidden();
        assert_eq!(hidden.len(), if restarts { 1 } else { 2 }, "{hidden:?}");
        if !restarts {
            // The refused message moves to the dead-letter queue.
            worker.sqs.purge_queue().queue_url(&worker.url).send().await.expect("purged");
        }
    }
}

#[tokio::test(start_paused = true)]
async fn lost_lease_refuses_writes() {
    let worker = Worker::start().await;
    let taken = |operation: &mut Operation| operation.work.claim(other_attempt(), at(100));
    let job = async |lease: Arc<Lease<Operation>>| {
        worker.change(taken).await;
        let error = complete(lease).await.expect_err("refused");
        assert!(matches!(&error, JobError::Retry(lost) if lost.is::<NotOwner>()), "{error}");
        Err(error)
    };
    let delivered = worker.deliver(job).await;
    let ended = delivered.ended.expect("settled");
    assert_eq!((ended.at_rest, ended.disposition), (None, Disposition::Wait { until: at(20) }));
    let work = worker.record().await.work;
    assert_eq!((work.owner, work.failures, work.cause), (Some(other_attempt()), None, None), "left to its owner");
}

#[tokio::test(start_paused = true)]
async fn record_deleted_during_the_job_is_not_written() {
    let worker = Worker::start().await;
    let job = async |lease: Arc<Lease<Operation>>| {
        worker.table.delete(&ANNA, id(1)).await.expect("deleted");
        let error = complete(lease).await.expect_err("nothing to complete");
        assert!(error.to_string().contains("vanished"), "{error}");
        Err(JobError::Retry(anyhow!("broken")))
    };
    let ended = worker.deliver(job).await.ended.expect("settled");
    assert_eq!(ended.disposition, Disposition::Wait { until: at(20) });
    assert_eq!(worker.cloud.item("anna", id(1)).await, None);
}

#[tokio::test(start_paused = true)]
async fn failed_claim_returns_the_message() {
    let worker = Worker::start().await;
    worker.cloud.disturb_next("GetItem", crate::cloud::Fate::Denied);
    let delivered = worker.deliver(forbidden).await;
    assert!(delivered.ended.is_none() && !delivered.acknowledged);
    assert_eq!(worker.hidden(), [61, 20], "the whole backoff");
}

/// Returns a record at rest whose follow-up is due, and its worker.
async fn at_rest() -> (Worker, Operation) {
    let worker = Worker::start().await;
    worker.change(|operation| operation.give_up(at(0), RecordError::new("broken", "It is broken."))).await;
    worker.change(|operation| operation.work.due_at = Some(at(9))).await;
    let at_rest = worker.record().await;
    (worker, at_rest)
}

#[tokio::test(start_paused = true)]
async fn record_is_not_due_after_its_follow_up() {
    let (worker, at_rest) = at_rest().await;
    rest(&worker.table, &at_rest).await.expect("written");
    let rested = worker.record().await;
    assert_eq!(rested.work.due_at, None);
    worker.cloud.all_calls();
    rest(&worker.table, &rested).await.expect("nothing to write");
    assert!(worker.cloud.all_calls().is_empty());
}

#[tokio::test(start_paused = true)]
async fn record_restarted_meanwhile_stays_due() {
    let (worker, at_rest) = at_rest().await;
    worker.change(|operation| operation.restart(at(5), None).expect("it failed")).await;
    let restarted = worker.record().await;
    rest(&worker.table, &at_rest).await.expect("refused");
    assert_eq!(worker.record().await, restarted);
}
