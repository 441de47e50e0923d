use super::*;
use crate::samples::{at, attempt, delivery as new};

const LAST: usize = MAX_ATTEMPTS - 1;

/// Makes an attempt with this status at the time of the next one, without jitter.
fn try_once(delivery: &mut Delivery, status: u16) -> Timestamp {
    let now = delivery.next_at.unwrap_or(at(0));
    let by = attempt(u128::from(delivery.tries) + 1);
    let lease = now.checked_add(SignedDuration::from_secs(60)).expect("in range");
    assert_eq!(delivery.claim(by, now, lease), Claim::Claimed);
    delivery.attempted(by, now, &Answer::of(status), 0.0).expect("its own");
    now
}

#[test]
fn attempts_are_spread_over_three_days() {
    let mut delivery = new();
    let times: Vec<_> = (0..MAX_ATTEMPTS).map(|_| try_once(&mut delivery, 500).as_second()).collect();
    assert_eq!(times[..4], [0, 5, 65, 365]);
    let days = times[LAST] / 86_400;
    assert_eq!((days, times.len()), (2, 10));
    assert_eq!((delivery.status, delivery.tries, delivery.next_at), (DeliveryStatus::Failed, 10, None));
    assert_eq!(delivery.error.as_ref().map(|error| error.code.as_str()), Some("not_accepted"));
    assert_eq!((delivery.failed_at(), delivery.due_at()), (None, None), "no failed job of ours");
    assert_eq!(delivery.claim(attempt(99), at(1), at(2)), Claim::Done);
}

#[test]
fn accepted_event_is_delivered_once() {
    let mut delivery = new();
    try_once(&mut delivery, 500);
    let at = try_once(&mut delivery, 204);
    assert_eq!((delivery.status, delivery.tries, delivery.ended_at), (DeliveryStatus::Delivered, 2, Some(at)));
    assert_eq!(delivery.last.as_ref().and_then(|last| last.answer.status), Some(204));
    assert_eq!((delivery.claim(attempt(9), at, at), delivery.due_at()), (Claim::Done, None));
}

#[test]
fn redirects_and_refusals_are_tried_again() {
    for status in [199, 300, 301, 307, 400, 404, 429, 500] {
        let mut delivery = new();
        try_once(&mut delivery, status);
        assert_eq!((delivery.status, delivery.next_at), (DeliveryStatus::Pending, Some(at(5))), "{status}");
    }
}

#[test]
fn gone_ends_the_delivery() {
    let mut delivery = new();
    try_once(&mut delivery, 410);
    assert_eq!((delivery.status, delivery.failed_at()), (DeliveryStatus::Failed, None));
}

#[test]
fn early_job_is_void_and_others_wait_for_the_lease() {
    let mut delivery = new();
    assert_eq!(delivery.claim(attempt(1), at(0), at(60)), Claim::Claimed);
    assert_eq!(delivery.claim(attempt(2), at(1), at(60)), Claim::Leased { until: at(60) });
    delivery.attempted(attempt(1), at(1), &Answer::missing("timeout", "x"), 0.0).expect("its own");
    let waiting = delivery.clone();
    assert_eq!((delivery.claim(attempt(3), at(3), at(60)), &delivery), (Claim::Void, &waiting));
    assert_eq!(delivery.claim(attempt(3), at(4), at(60)), Claim::Claimed, "clocks differ by two seconds");
}

#[test]
fn crashes_of_ours_are_failed_jobs() {
    let mut delivery = new();
    for run in 0..i64::from(MAX_ATTEMPTS_DELIVERY) {
        assert_eq!(delivery.claim(attempt(1), at(run * 60), at(run * 60)), Claim::Claimed);
    }
    assert_eq!(delivery.claim(attempt(1), at(999), at(999)), Claim::Exhausted);
    delivery.work.give_up(at(999));
    delivery.fail(at(999));
    assert_eq!(delivery.failed_at(), Some(at(999)));
}

#[test]
fn short_waits_are_delays_and_long_ones_due_dates() {
    let mut delivery = new();
    let mut waits = Vec::new();
    for _ in 0..LAST {
        let now = try_once(&mut delivery, 500);
        let grace = delivery.due_at().zip(delivery.next_at).map(|(due, next)| due.duration_since(next));
        waits.push((delivery.delay(now).is_some(), grace == Some(GRACE)));
    }
    assert_eq!(waits[..3], [(true, true); 3]);
    assert_eq!(waits[3..], [(false, false); 6]);
}

#[test]
fn replay_restarts_once() {
    let mut delivery = new();
    assert_eq!(delivery.restart(at(1), None), Err(RestartError::UnderWay));
    try_once(&mut delivery, 200);
    let by = Some(Uuid::from_u128(7));
    delivery.restart(at(10), by).expect("it has ended");
    assert_eq!((delivery.status, delivery.tries, delivery.ended_at), (DeliveryStatus::Pending, 0, None));
    try_once(&mut delivery, 500);
    assert_eq!(delivery.restart(at(20), by), Err(RestartError::Repeated));
    delivery.restart(at(20), Some(Uuid::from_u128(8))).expect("it waits for its next attempt");
    assert_eq!((delivery.next_at, delivery.tries), (None, 0));
}

#[test]
fn late_attempt_changes_nothing() {
    let mut delivery = new();
    let _ = delivery.claim(attempt(1), at(0), at(60));
    let before = delivery.clone();
    assert_eq!(delivery.attempted(attempt(2), at(1), &Answer::of(200), 0.0), Err(NotOwner));
    assert_eq!(delivery.cancel(attempt(2), at(1), RecordError::new("x", "x")), Err(NotOwner));
    assert_eq!(delivery, before);
}
