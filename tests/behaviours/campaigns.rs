//! The campaigns of `cargo bench -p benches --bench faults`, short and with fixed seeds.

use anyhow::Result;
use tests::{
    campaigns::{self, Kills, Out, Storm},
    oracle::Row,
};

/// The environment variable with the number of jobs per long outage.
const JOBS: &str = "DARKROOM_JOBS";

fn clean(row: Result<Row>) -> Row {
    let row = row.unwrap();
    assert!(row.violations.is_empty(), "{row:#?}");
    assert_eq!((row.lost, row.duplicates, row.wrong), (0, 0, 0), "{row:#?}");
    assert!(row.runs > 0, "a campaign without a run proves nothing: {row:#?}");
    row
}

#[tokio::test(flavor = "multi_thread")]
async fn a_fault_at_any_call_of_aws_loses_and_doubles_nothing() {
    clean(campaigns::sites(1, 83).await);
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "long: .ci/run runs it"]
async fn a_fault_at_many_calls_of_aws_loses_and_doubles_nothing() {
    clean(campaigns::sites(2, 17).await);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_email_throttled_more_often_than_sqs_is_patient_is_sent_all_the_same() {
    let findings = campaigns::strike_once("email-sender/Ses.SendEmail#3", "Throttle", 2).await.unwrap();
    assert!(findings.violations.is_empty(), "{findings:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_job_stopped_where_it_waits_goes_on_when_its_message_comes_again() {
    clean(campaigns::stops(61).await);
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "long: .ci/run runs it"]
async fn a_job_stopped_at_many_waits_goes_on_when_its_message_comes_again() {
    clean(campaigns::stops(11).await);
}

#[tokio::test(flavor = "multi_thread")]
async fn messages_delivered_many_times_at_once_have_one_effect_each() {
    let row = clean(campaigns::storm(Storm { emails: 60, photos: 12, downloads: 8, at_once: 16 }, 1).await);
    assert!(row.runs >= 2 * 80, "{row:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn poison_anywhere_in_a_batch_delays_no_good_message() {
    clean(campaigns::poison((1..1023).step_by(120)).await);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_backlog_behind_few_workers_sends_nothing_to_the_dlq() {
    clean(campaigns::backlog(100, 2).await);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_hour_without_one_of_the_services_fails_nothing_and_tells_nobody() {
    without(&[0, 1, 3], 9).await;
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "long: .ci/run runs it"]
async fn an_hour_without_any_of_the_services_or_workers_fails_nothing() {
    let jobs = std::env::var(JOBS).map_or(30, |jobs| jobs.parse().unwrap());
    without(&[0, 1, 2, 3, 4, 5, 6], jobs).await;
}

async fn without(which: &[usize], jobs: usize) {
    let rows = which.iter().map(|which| campaigns::outage(Out::ALL[*which], jobs, 1));
    for row in futures::future::join_all(rows).await {
        clean(row);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn workers_killed_in_the_middle_of_their_jobs_lose_and_double_nothing() {
    killed(1).await;
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "long: .ci/run runs it"]
async fn workers_killed_many_times_lose_and_double_nothing() {
    killed(8).await;
}

async fn killed(kills: u64) {
    let workers = ["email-sender", "photo-processor", "archive-builder"];
    let rows = workers.map(|function| campaigns::kills(Kills { function, kills, jobs: 10, systems: 1 }, 1));
    for row in futures::future::join_all(rows).await {
        let row = clean(row);
        assert!(row.runs >= kills, "{row:?}");
    }
}
