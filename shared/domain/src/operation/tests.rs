use super::*;
use crate::samples::{at, attempt, operation, studio};

const ALL: [OperationStatus; 4] =
    [OperationStatus::Pending, OperationStatus::Processing, OperationStatus::Done, OperationStatus::Failed];

fn with(status: OperationStatus) -> Operation {
    Operation { status, ..operation() }
}

#[test]
fn selection_takes_only_named_errors_and_studio() {
    let anna: Studio = "anna".parse().expect("valid");
    let all = Selection::default();
    assert!(all.takes("x", None) && all.takes("x", Some(&anna)));
    let annas = Selection { error: Some("x".into()), studio: Some(anna.clone()) };
    assert!(annas.takes("x", Some(&anna)) && !annas.takes("y", Some(&anna)) && !annas.takes("x", None));
}

#[test]
fn selection_by_one_field_takes_any_other() {
    let (anna, berta): (Studio, Studio) = (studio(), "berta".parse().expect("valid"));
    let by_error = Selection { error: Some("x".into()), studio: None };
    assert!(by_error.takes("x", None) && by_error.takes("x", Some(&berta)) && !by_error.takes("y", Some(&anna)));
    let by_studio = Selection { error: None, studio: Some(anna.clone()) };
    assert!(by_studio.takes("y", Some(&anna)) && !by_studio.takes("y", Some(&berta)));
}

#[test]
fn table_is_filled_by_its_own_worker() {
    let queues = [QueueName::Photos, QueueName::Downloads, QueueName::Downloads, QueueName::Emails];
    assert_eq!(Filled::ALL.map(Filled::queue), queues);
}

#[test]
fn order_is_erased_by_one_operation() {
    let (one, two) = (Uuid::from_u128(1), Uuid::from_u128(2));
    let erasing = |order| Operation::erasing(studio(), order, at(0));
    assert_eq!(erasing(one).task, Task::Erase { scope: ErasureScope::Order { order: one } });
    assert_eq!(erasing(one), erasing(one));
    assert_ne!(erasing(one).id, erasing(two).id);
}

#[test]
fn only_filling_is_remembered_forever() {
    let days_30 = 30 * 24 * 3600;
    assert_eq!(operation().kept_until(), Some(at(days_30)));
    assert_eq!(Operation { task: Task::Fill { table: Filled::Photos }, ..operation() }.kept_until(), None);
}

#[test]
fn claim_depends_on_status() {
    let claims = ALL.map(|status| with(status).claim(attempt(1), at(0), at(60)));
    assert_eq!(claims, [Claim::Claimed, Claim::Claimed, Claim::Done, Claim::Done]);
    let mut used_up = with(OperationStatus::Failed);
    used_up.work.gave_up = true;
    assert_eq!(used_up.claim(attempt(1), at(0), at(60)), Claim::Exhausted);
}

#[test]
fn one_attempt_at_a_time_runs() {
    let mut operation = operation();
    assert_eq!(operation.claim(attempt(1), at(0), at(60)), Claim::Claimed);
    assert_eq!(operation.status, OperationStatus::Processing);
    assert_eq!(operation.claim(attempt(2), at(59), at(99)), Claim::Leased { until: at(60) });
    assert_eq!(operation.claim(attempt(2), at(60), at(60)), Claim::Claimed);
    assert_eq!(operation.claim(attempt(3), at(60), at(99)), Claim::Exhausted);
}

#[test]
fn progress_restores_all_but_current_attempt() {
    let mut operation = operation();
    for number in [1, 2] {
        operation.claim(attempt(number), at(0), at(0));
    }
    operation.advance(attempt(2), 7, Some("a".into())).expect("its own");
    operation.advance(attempt(2), 3, Some("b".into())).expect("its own");
    assert_eq!((operation.done, operation.position.as_deref()), (10, Some("b")));
    assert_eq!(operation.claim(attempt(3), at(0), at(0)), Claim::Claimed);
    assert_eq!(operation.claim(attempt(4), at(0), at(0)), Claim::Exhausted);
}

#[test]
fn attempt_that_lost_its_lease_changes_nothing() {
    let mut operation = operation();
    operation.claim(attempt(1), at(0), at(60));
    let before = operation.clone();
    assert_eq!(operation.advance(attempt(2), 1, None), Err(NotOwner));
    assert_eq!(operation.complete(attempt(2), at(1)), Err(NotOwner));
    assert_eq!(operation, before);
}

#[test]
fn finished_operation_has_no_error() {
    let mut operation = operation();
    operation.claim(attempt(1), at(0), at(60));
    operation.error = Some(RecordError::new("internal", "x"));
    operation.complete(attempt(1), at(9)).expect("its own");
    assert_eq!((operation.status, operation.ended_at), (OperationStatus::Done, Some(at(9))));
    assert_eq!((&operation.error, operation.work.owner), (&None, None));
}

#[test]
fn failed_operation_continues_from_its_checkpoint() {
    let mut operation = operation();
    operation.claim(attempt(1), at(0), at(60));
    operation.advance(attempt(1), 7, Some("a".into())).expect("its own");
    operation.error = Some(RecordError::new("internal", "x"));
    operation.fail(at(9));
    assert_eq!((operation.status, operation.ended_at), (OperationStatus::Failed, Some(at(9))));
    operation.restart(at(10), None).expect("it has failed");
    let continued =
        Operation { done: 7, position: Some("a".into()), work: JobState::sent(at(10)), ..self::operation() };
    assert_eq!(operation, continued);
}

#[test]
fn only_failed_operation_is_restarted() {
    let restarted = ALL.map(|status| with(status).restart(at(0), None));
    let working = Err(RestartError::UnderWay);
    assert_eq!(restarted, [working, working, Err(RestartError::Impossible), Ok(())]);
}
