use domain::{
    job_state::{Failures, Outage},
    photo::Photo,
};

use super::*;
use crate::batch::tests::received;

fn at(second: i64) -> Timestamp {
    Timestamp::from_second(second).expect("in range")
}

/// Returns a photo that failed at this time.
fn failed(second: i64, gave_up: bool) -> Photo {
    let new = domain::photo::Announcement {
        filename: "a.jpg".to_owned(),
        folder: None,
        content_type: "image/jpeg".to_owned(),
        size: 1,
        declared_sha256: None,
    };
    let mut photo = Photo::announced("anna".parse().expect("valid"), Uuid::nil(), new, at(0), at(0));
    photo.work.failures = Some(Failures { first: at(second), last: at(second) });
    photo.work.gave_up = gave_up;
    photo
}

#[test]
fn only_older_job_received_after_failure_restarts() {
    let body = |second| Job::Sweep.encode(at(second));
    for (said_at, sent_at, redriven, why) in [
        (50, Some(200), true, "somebody moved it"),
        (100, Some(101), true, "somebody moved it immediately"),
        (150, Some(200), false, "Darkroom sent the job again"),
        (50, Some(90), false, "a late delivery"),
        (50, Some(100), false, "the last delivery"),
        (50, None, false, "a direct invocation"),
    ] {
        assert_eq!(was_redriven(&failed(100, true), &received(&body(said_at), sent_at.map(at))), redriven, "{why}");
    }
    assert!(was_redriven(&failed(100, true), &received("by hand", Some(at(200)))));
    assert!(!was_redriven(&failed(100, false), &received(&body(50), Some(at(200)))), "the job was rejected");
}

#[test]
fn error_decides_fate_of_record_and_message() {
    let fate = |error: &JobError, attempts, outage| {
        let work = JobState { attempts, outage, ..JobState::default() };
        fate::<Photo>(error, &work, at(1_000_000), |tries| at(i64::from(tries)))
    };
    let (reject, retry) = (JobError::reject("invalid", "x"), JobError::Retry(anyhow!("x")));
    assert_eq!(fate(&reject, 1, None), (Fate::Rejected, Disposition::Done));
    assert_eq!(fate(&JobError::Paused, 1, None), (Fate::Paused, Disposition::Done));
    assert_eq!(fate(&retry, 2, None), (Fate::Again { due_at: at(2) }, Disposition::Return { until: at(2) }));
    assert_eq!(fate(&retry, 3, None), (Fate::GaveUp, Disposition::Refuse), "a photo has three attempts");

    let (down, day) = (JobError::Unavailable(anyhow!("x")), 24 * 3600);
    let since = |seconds: i64| Some(Outage { since: at(1_000_000 - seconds), tries: 6, quota: false });
    let waits = |tries: i64| (Fate::Waits { due_at: at(tries), quota: false }, Disposition::Wait { until: at(tries) });
    assert_eq!(fate(&down, 3, None), waits(1));
    assert_eq!(fate(&down, 3, since(day - 1)), waits(7));
    assert_eq!(fate(&down, 1, since(day)), (Fate::GaveUp, Disposition::Refuse));

    // An email waits for the quota. That another service fails for a moment does not shorten its time.
    let waited = |hours: i64| since(hours * 3600).map(|outage| Outage { quota: true, ..outage });
    let waits_on = (Fate::Waits { due_at: at(7), quota: false }, Disposition::Wait { until: at(7) });
    assert_eq!(fate(&down, 1, waited(71)), waits_on);
    assert_eq!(fate(&down, 1, waited(72)), (Fate::GaveUp, Disposition::Refuse));
}

#[test]
fn failure_says_how_long_the_outage_lasted() {
    let error = outage_lasted(SignedDuration::from_hours(72));
    assert_eq!(error.code, "service_unavailable");
    assert!(error.message.contains("72 hours"), "{}", error.message);
}
