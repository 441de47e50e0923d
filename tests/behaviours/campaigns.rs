//! The campaigns of `cargo bench -p benches --bench faults`, short and with fixed seeds.

use std::time::Duration;

use anyhow::Result;
use tests::{
    campaigns::{self, Kills, Out, Reports, Storm, Told},
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
async fn some_aws_call_faults_lose_and_double_nothing() {
    clean(campaigns::sites(1, 83).await);
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "long: .ci/run runs it"]
async fn many_aws_call_faults_lose_and_double_nothing() {
    clean(campaigns::sites(2, 17).await);
}

#[tokio::test(flavor = "multi_thread")]
async fn repeatedly_throttled_email_is_still_sent() {
    let findings = campaigns::strike_once("email-sender/Ses.SendEmail#3", "Throttle", 2).await.unwrap();
    assert!(findings.violations.is_empty(), "{findings:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn job_stopped_at_some_waits_resumes_on_redelivery() {
    clean(campaigns::stops(61).await);
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "long: .ci/run runs it"]
async fn job_stopped_at_many_waits_resumes_on_redelivery() {
    clean(campaigns::stops(11).await);
}

#[tokio::test(flavor = "multi_thread")]
async fn concurrent_duplicate_deliveries_have_one_effect_each() {
    let row = clean(campaigns::storm(Storm { emails: 60, photos: 12, downloads: 8, at_once: 16 }, 1).await);
    assert!(row.runs >= 2 * 80, "{row:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn poison_in_a_batch_delays_no_good_message() {
    clean(campaigns::poison((1..1023).step_by(120)).await);
}

#[tokio::test(flavor = "multi_thread")]
async fn backlog_sends_nothing_to_dead_letter_queue() {
    clean(campaigns::backlog(100, 2).await);
}

#[tokio::test(flavor = "multi_thread")]
async fn hour_without_one_service_fails_nothing() {
    without(&[0, 1, 3], 9).await;
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "long: .ci/run runs it"]
async fn hour_without_any_service_or_worker_fails_nothing() {
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
async fn workers_killed_during_jobs_lose_and_double_nothing() {
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

#[tokio::test(flavor = "multi_thread")]
#[ignore = "long: .ci/run runs it"]
async fn reports_of_ses_replace_the_replies_that_kills_lose() {
    let (wait, visibility) = (Duration::from_secs(30), Duration::from_secs(8));
    let row =
        campaigns::reports(Reports { kills: 4, emails: 24, systems: 1, chance: 100, lost: 0, wait, visibility }, 1);
    let row = clean(row.await);
    assert_eq!((row.runs, row.flagged_duplicates), (4, 0), "{row:#?}");
    assert!(row.figures["completed_by_report"] > 0.0, "{row:#?}");
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "long: .ci/run runs it"]
async fn emails_without_any_report_are_sent_again_and_flagged() {
    let (wait, visibility) = (Duration::from_secs(10), Duration::from_secs(8));
    let row =
        campaigns::reports(Reports { kills: 4, emails: 24, systems: 1, chance: 100, lost: 50, wait, visibility }, 1);
    let row = clean(row.await);
    let silent = row.figures["copies_without_report"];
    assert!(f64::from(u32::try_from(row.flagged_duplicates).unwrap()) <= silent, "{row:#?}");
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "long: .ci/run runs it"]
async fn killed_webhook_sender_loses_no_event() {
    let visibility = Duration::from_secs(8);
    // The third attempt comes after a minute: here the shop refuses first requests only.
    let row = clean(campaigns::events(Told { events: 250, kills: 5, refusable: 1, visibility }, 1).await);
    assert_eq!(row.runs, 5, "{row:#?}");
}
