use super::*;
use crate::samples::{at, attempt};

/// Returns the due date of a record that must progress at this second.
fn due(second: i64) -> Option<Timestamp> {
    at(second).checked_add(GRACE).ok()
}

#[test]
fn stored_attributes_keep_their_names() {
    let work = JobState { requested_by: Some(Uuid::nil()), ..JobState::default() };
    assert_eq!(serde_json::to_value(&work).expect("writes")["ordered_by"], Uuid::nil().to_string());
}

#[test]
fn lease_excludes_others_until_it_ends() {
    let (a, b) = (attempt(6), attempt(7));
    let mut work = JobState::default();
    work.claim(a, at(100));
    assert!(work.is_leased_at(at(99), b) && !work.is_leased_at(at(100), b) && !work.is_leased_at(at(50), a));
}

#[test]
fn late_owner_is_refused_after_second_claim() {
    let (a, b) = (attempt(8), attempt(9));
    let mut work = JobState::default();
    work.claim(a, at(100));
    work.claim(b, at(200));
    assert_eq!((work.check(a), work.check(b)), (Err(NotOwner), Ok(())));
    assert_eq!(work.attempts, 2);
}

#[test]
fn request_restarts_once_and_failures_last_until_success() {
    let (request, mut work) = (Uuid::from_u128(7), JobState::default());
    work.record_failure(at(10), Fate::Again { due_at: at(20) });
    work.record_failure(at(30), Fate::GaveUp);
    assert_eq!(work.failures, Some(Failures { first: at(10), last: at(30) }));
    assert_eq!((work.failed_at(true), work.failed_at(false)), (Some(at(30)), None));
    let mut again = work.restarted(at(40), Some(request)).expect("the first time");
    assert_eq!((again.attempts, again.gave_up, again.failures), (0, false, work.failures));
    assert_eq!(again.restarted(at(50), Some(request)), Err(RestartError::Repeated));
    again.succeed();
    assert_eq!(again.failures, None);
    assert!(again.restarted(at(60), None).is_ok_and(|work| work.requested_by == Some(request)));
}

#[test]
fn attempts_in_an_outage_are_not_counted() {
    let mut work = JobState::default();
    for second in [100, 200] {
        work.claim(attempt(10), at(second));
        assert!(!work.record_failure(at(second), Fate::Waits { due_at: at(second + 20), quota: second == 100 }));
    }
    assert_eq!((work.attempts, work.claims, work.failures), (0, 2, None));
    assert_eq!(work.outage, Some(Outage { since: at(100), tries: 2, quota: true }));
    let ordered_anew = work.restarted(at(300), None).expect("may be");
    assert_eq!(ordered_anew.outage, None);
    work.claim(attempt(11), at(300));
    work.succeed();
    assert_eq!(work.outage, None);
}

#[test]
fn due_date_has_grace() {
    let mut work = JobState::sent(at(10));
    assert_eq!(work.due_at, due(10));
    work.claim(attempt(1), at(60));
    assert_eq!(work.due_at, due(60), "the lease ends first");
    work.record_failure(at(20), Fate::Again { due_at: at(40) });
    assert_eq!(work.due_at, due(40));
    assert_eq!(JobState::sent(Timestamp::MAX).due_at, Some(Timestamp::MAX));
}

#[test]
fn fate_decides_whether_record_is_done() {
    let claimed = || {
        let mut work = JobState::default();
        work.claim(attempt(1), at(60));
        work
    };
    for (fate, done, attempts, failed, next) in [
        (Fate::Rejected, true, 1, true, None),
        (Fate::GaveUp, true, 1, true, None),
        (Fate::Again { due_at: at(40) }, false, 1, true, due(40)),
        (Fate::Waits { due_at: at(50), quota: false }, false, 0, false, due(50)),
        (Fate::Paused, false, 0, false, due(20)),
    ] {
        let mut work = claimed();
        assert_eq!(work.record_failure(at(20), fate), done, "{fate:?}");
        assert_eq!((work.owner, work.lease_until, work.due_at), (None, None, next), "{fate:?}");
        assert_eq!((work.attempts, work.failures.is_some()), (attempts, failed), "{fate:?}");
        assert_eq!((work.gave_up, work.outage.is_some()), (fate == Fate::GaveUp, matches!(fate, Fate::Waits { .. })));
    }
}

#[test]
fn progress_ends_an_outage() {
    let mut work = JobState { outage: Some(Outage { since: at(0), tries: 3, quota: false }), ..JobState::default() };
    work.record_failure(at(20), Fate::Paused);
    assert_eq!(work.outage, None);
}

#[test]
fn dismissed_failure_returns_when_it_recurs() {
    let mut work = JobState::default();
    work.give_up(at(10));
    work.dismissed = true;
    assert_eq!(work.failed_at(true), None);
    work.record_failure(at(20), Fate::Rejected);
    assert_eq!(work.failed_at(true), Some(at(20)));
}

#[test]
fn attempts_are_used_up_at_their_number() {
    let mut work = JobState::default();
    let used_up = [1, 2, 3].map(|number| {
        work.claim(attempt(number), at(60));
        work.exhausted(2)
    });
    assert_eq!(used_up, [false, true, true]);
}

#[test]
fn only_another_request_restarts_again() {
    let (first, second) = (Some(Uuid::from_u128(1)), Some(Uuid::from_u128(2)));
    let work = JobState { cause: Some("internal".to_owned()), ..JobState::default() };
    let work = work.restarted(at(0), first).expect("the first time");
    assert_eq!((work.requested_by, work.cause.as_deref()), (first, Some("internal")));
    assert_eq!(work.restarted(at(1), second).map(|work| work.requested_by), Ok(second));
    let unnamed = JobState::default();
    assert!(unnamed.restarted(at(0), None).is_ok_and(|work| work.restarted(at(1), None).is_ok()));
}

#[test]
fn success_clears_failures_outage_and_cause() {
    let mut work = JobState { cause: Some("internal".to_owned()), ..JobState::default() };
    work.claim(attempt(1), at(60));
    work.succeed();
    assert_eq!(work, JobState { attempts: 1, claims: 1, ..JobState::default() });
}

#[test]
fn lease_of_dead_owner_ends() {
    let mut work = JobState::default();
    work.free(at(5));
    assert_eq!(work, JobState::default(), "no lease");
    work.claim(attempt(1), at(60));
    work.free(at(5));
    assert!(!work.is_leased_at(at(5), attempt(2)) && work.is_leased_at(at(4), attempt(2)));
}
