//! Attempts that fail, and what they leave behind.

use std::sync::Arc;

use anyhow::anyhow;
use domain::{
    error::JobError,
    job_record::JobRecord as _,
    job_state::{AttemptOutcome, JobState, Outage},
    operation::{Operation, OperationStatus},
};
use runtime::{batch::Disposition, lease::Lease, metrics};

use super::{Worker, complete, forbidden, wait};
use crate::{cloud::at, counters::Counters};

/// A job that fails with this error.
fn fails(error: JobError) -> impl FnOnce(Arc<Lease<Operation>>) -> std::future::Ready<Result<Operation, JobError>> {
    |_| std::future::ready(Err(error))
}

fn broken() -> JobError {
    JobError::Retry(anyhow!("broken"))
}

fn down() -> JobError {
    JobError::Unavailable(anyhow!("down"))
}

#[tokio::test(start_paused = true)]
async fn last_failed_attempt_gives_the_record_up() {
    let worker = Worker::start().await;
    let counters = Counters::default();
    let _recording = ::metrics::set_default_local_recorder(&counters);
    let delivered = worker.deliver(fails(broken())).await;
    let ended = delivered.ended.expect("settled");
    assert_eq!((ended.at_rest, ended.disposition), (None, Disposition::Return { until: at(20) }));
    assert!(!ended.paused && !ended.without_work && !delivered.acknowledged);
    let record = worker.record().await;
    assert_eq!((record.work.attempts, record.work.owner), (1, None));
    assert_eq!((record.work.due_at, record.work.cause.as_deref()), (Some(at(20 + 120)), Some("broken")));
    assert_eq!(record.error.map(|error| error.code), Some("internal".to_owned()), "for the studio");

    wait(20).await;
    let ended = worker.deliver(fails(broken())).await.ended.expect("settled");
    let record = worker.record().await;
    assert_eq!(record.failure().map(|error| error.code.as_str()), Some("tries_exhausted"));
    assert_eq!((ended.at_rest, ended.disposition), (Some(record), Disposition::Refuse));
    assert_eq!(worker.hidden(), [61, 20, 61, 0]);

    let ended = worker.deliver(forbidden).await.ended.expect("settled");
    assert_eq!((ended.at_rest, ended.disposition), (None, Disposition::Refuse), "a dead letter soon");
    let counts = [(metrics::JOBS_FAILED.to_owned(), 1), (metrics::JOBS_RETRIED.to_owned(), 1)];
    assert_eq!(counters.all(), counts);
}

#[tokio::test(start_paused = true)]
async fn outage_does_not_use_attempts_up() {
    let worker = Worker::start().await;
    for (tries, waits, elapsed) in [(1, 20, 0), (2, 40, 20), (3, 80, 60)] {
        let ended = worker.deliver(fails(down())).await.ended.expect("settled");
        assert_eq!((ended.at_rest, ended.disposition), (None, Disposition::Wait { until: at(elapsed + waits) }));
        let work = worker.record().await.work;
        assert_eq!((work.attempts, work.outage), (0, Some(Outage { since: at(0), tries, quota: false })));
        assert_eq!(worker.hidden(), [61, waits]);
        wait(u64::try_from(waits).expect("positive")).await;
    }
    assert!(worker.deliver(complete).await.acknowledged);
    assert_eq!(worker.record().await.work.outage, None);
}

#[tokio::test(start_paused = true)]
async fn outage_of_a_day_fails_the_record() {
    let worker = Worker::start().await;
    worker.deliver(fails(down())).await;
    wait(24 * 3600).await;
    let ended = worker.deliver(fails(down())).await.ended.expect("settled");
    let record = worker.record().await;
    let error = record.failure().expect("failed");
    assert_eq!(error.code, "service_unavailable");
    assert!(error.message.contains("24 hours"), "{}", error.message);
    assert_eq!((ended.at_rest, ended.disposition), (Some(record), Disposition::Refuse));
}

#[tokio::test(start_paused = true)]
async fn rejected_job_is_acknowledged() {
    let worker = Worker::start().await;
    let delivered = worker.deliver(fails(JobError::reject("invalid", "It is invalid."))).await;
    let ended = delivered.ended.expect("settled");
    let record = worker.record().await;
    assert_eq!(record.failure().map(|error| error.code.as_str()), Some("invalid"));
    assert!(!record.work.gave_up && delivered.acknowledged);
    assert_eq!((ended.at_rest, ended.disposition), (Some(record), Disposition::Done));
}

#[tokio::test(start_paused = true)]
async fn paused_job_continues_in_the_next_one() {
    let worker = Worker::start().await;
    worker.deliver(fails(broken())).await;
    wait(20).await;
    let job = async |lease: Arc<Lease<Operation>>| {
        lease.change(|operation| operation.advance(lease.by, 3, Some("here".to_owned()))).await?;
        Err(JobError::Paused)
    };
    let delivered = worker.deliver(job).await;
    let ended = delivered.ended.expect("settled");
    assert!(ended.paused && !ended.without_work && delivered.acknowledged);
    assert_eq!((ended.at_rest, ended.disposition), (None, Disposition::Done));
    let record = worker.record().await;
    assert_eq!((record.position.as_deref(), record.done), (Some("here"), 3));
    assert_eq!((record.error, record.work.cause, record.work.attempts), (None, None, 0));
}

#[tokio::test(start_paused = true)]
async fn panic_counts_as_a_failed_attempt() {
    let worker = Worker::start().await;
    let ended = worker.deliver(async |_| panic!("by the test")).await.ended.expect("settled");
    assert_eq!(ended.disposition, Disposition::Return { until: at(20) });
    let JobState { attempts, cause, .. } = worker.record().await.work;
    assert_eq!((attempts, cause.as_deref()), (1, Some("The job panicked")));
}

#[tokio::test(start_paused = true)]
async fn attempts_are_kept_with_their_outcomes() {
    let worker = Worker::start().await;
    worker.deliver(fails(broken())).await;
    wait(20).await;
    worker.deliver(complete).await;
    let kept = worker.record().await.work.history;
    let kept: Vec<_> = kept.attempts().iter().map(|it| (it.outcome, it.cause.is_some())).collect();
    assert_eq!(kept, [(Some(AttemptOutcome::Retried), true), (Some(AttemptOutcome::Succeeded), false)]);
}

#[tokio::test(start_paused = true)]
async fn stored_cause_has_at_most_500_characters() {
    let worker = Worker::start().await;
    worker.deliver(fails(JobError::Retry(anyhow!("ü".repeat(501))))).await;
    assert_eq!(worker.record().await.work.cause, Some("ü".repeat(500)));
    assert_eq!(worker.record().await.status, OperationStatus::Processing, "its pages are done");
}
