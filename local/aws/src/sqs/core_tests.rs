use std::time::Duration;

use proptest::prelude::*;

use super::*;
use crate::sqs::message::QueueAttributes;

const SECOND: u64 = 1000;

fn core(max_receives: Option<u32>) -> Core {
    let mut core = Core::default();
    core.configure("dead", Settings::default(), 0).unwrap();
    let attributes = QueueAttributes {
        visibility_timeout: Duration::from_secs(30),
        max_receives: max_receives.map(|count| ("dead".to_owned(), count)),
        ..QueueAttributes::default()
    };
    core.configure("jobs", Settings { attributes, ..Settings::default() }, 0).unwrap();
    core
}

fn send(core: &mut Core, id: &str, now: u64) {
    let (id, body) = (id.to_owned(), "body".to_owned());
    core.send("jobs", Message { id, body, ..Message::default() }, None, now).unwrap();
}

fn receive(core: &mut Core, queue: &str, now: u64) -> Vec<Received> {
    core.receive(queue, 10, None, now).unwrap()
}

#[test]
fn received_message_is_hidden_until_visibility_ends() {
    let mut core = core(None);
    send(&mut core, "a", 0);
    assert_eq!(receive(&mut core, "jobs", 0).len(), 1);
    assert!(receive(&mut core, "jobs", 30 * SECOND - 1).is_empty());
    assert_eq!(receive(&mut core, "jobs", 30 * SECOND)[0].receive_count, 2);
}

#[test]
fn only_the_current_receipt_deletes() {
    let mut core = core(None);
    send(&mut core, "a", 0);
    let stale = receive(&mut core, "jobs", 0).remove(0).receipt_handle;
    let current = receive(&mut core, "jobs", 31 * SECOND).remove(0).receipt_handle;
    core.delete("jobs", &stale, 31 * SECOND).unwrap();
    assert_eq!(core.messages("jobs").unwrap().len(), 1);
    core.delete("jobs", &current, 31 * SECOND).unwrap();
    core.delete("jobs", &current, 31 * SECOND).unwrap();
    assert!(core.messages("jobs").unwrap().is_empty());
}

#[test]
fn receipt_deletes_after_visibility_ended_without_another_receive() {
    let mut core = core(None);
    send(&mut core, "a", 0);
    let receipt = receive(&mut core, "jobs", 0).remove(0).receipt_handle;
    assert_eq!(core.counts("jobs", 31 * SECOND).unwrap().visible, 1);
    core.delete("jobs", &receipt, 31 * SECOND).unwrap();
    assert!(core.messages("jobs").unwrap().is_empty());
}

#[test]
fn exhausted_message_moves_to_dead_letter_queue() {
    let mut core = core(Some(2));
    send(&mut core, "a", 7);
    assert_eq!(receive(&mut core, "jobs", 10).len(), 1);
    assert_eq!(receive(&mut core, "jobs", 31 * SECOND).len(), 1);
    assert!(core.messages("dead").unwrap().is_empty());
    assert!(receive(&mut core, "jobs", 70 * SECOND).is_empty());
    let dead = receive(&mut core, "dead", 70 * SECOND).remove(0);
    assert_eq!((dead.message_id.as_str(), dead.sent_at_ms), ("a", 7));
    assert!(core.messages("jobs").unwrap().is_empty());
}

#[test]
fn redrive_sends_dead_letters_as_new_messages() {
    let mut core = core(Some(1));
    send(&mut core, "a", 0);
    receive(&mut core, "jobs", 0);
    receive(&mut core, "jobs", 31 * SECOND);
    assert_eq!(core.redrive("dead", None, || "b".to_owned(), 40 * SECOND), Ok(1));
    let again = receive(&mut core, "jobs", 40 * SECOND).remove(0);
    assert_eq!((again.message_id.as_str(), again.receive_count, again.sent_at_ms), ("b", 1, 40 * SECOND));
    assert!(core.redrive("jobs", None, || "c".to_owned(), 0).is_err());
}

#[test]
fn visibility_changes_need_the_current_receipt_in_flight() {
    let mut core = core(None);
    send(&mut core, "a", 0);
    let receipt = receive(&mut core, "jobs", 0).remove(0).receipt_handle;
    core.change_visibility("jobs", &receipt, 60 * SECOND, SECOND).unwrap();
    assert!(receive(&mut core, "jobs", 60 * SECOND).is_empty());
    core.change_visibility("jobs", &receipt, 0, 60 * SECOND).unwrap();
    assert_eq!(core.change_visibility("jobs", &receipt, 0, 60 * SECOND), Err(SqsError::not_in_flight()));
    assert_eq!(receive(&mut core, "jobs", 60 * SECOND).len(), 1);
    assert!(core.change_visibility("jobs", &receipt, 0, 60 * SECOND).is_err());
    assert!(core.change_visibility("jobs", "nonsense", 0, 60 * SECOND).is_err());
}

#[test]
fn delayed_message_is_counted_until_due() {
    let mut core = core(None);
    let message = Message { id: "a".to_owned(), ..Message::default() };
    core.send("jobs", message, Some(5 * SECOND), 0).unwrap();
    assert_eq!(core.counts("jobs", 0).unwrap(), Counts { delayed: 1, ..Counts::default() });
    assert_eq!(core.next_visible("jobs", 0), Some(5 * SECOND));
    assert!(receive(&mut core, "jobs", 5 * SECOND - 1).is_empty());
    assert_eq!(receive(&mut core, "jobs", 5 * SECOND).len(), 1);
}

#[test]
fn message_older_than_retention_is_gone() {
    let mut core = core(None);
    send(&mut core, "a", 0);
    assert!(receive(&mut core, "jobs", 4 * 24 * 60 * 60 * SECOND).is_empty());
    assert!(core.messages("jobs").unwrap().is_empty());
}

#[test]
fn missing_dead_letter_queue_is_refused() {
    let attributes = QueueAttributes { max_receives: Some(("none".to_owned(), 3)), ..QueueAttributes::default() };
    let settings = Settings { attributes, ..Settings::default() };
    assert!(Core::default().configure("jobs", settings, 0).is_err());
}

#[derive(Debug, Clone)]
enum Step {
    Send,
    Receive(usize),
    Delete(prop::sample::Index),
    Release(prop::sample::Index),
    Wait(u64),
    Redrive,
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        3 => Just(Step::Send),
        3 => (1_usize..=10).prop_map(Step::Receive),
        2 => any::<prop::sample::Index>().prop_map(Step::Delete),
        1 => any::<prop::sample::Index>().prop_map(Step::Release),
        2 => (1_u64..40_000).prop_map(Step::Wait),
        1 => Just(Step::Redrive),
    ]
}

proptest! {
    /// Checks that no message is lost, doubled or received too often, and that a replay leads to the same state.
    #[test]
    fn random_steps_lose_no_message_and_replay_agrees(
        steps in prop::collection::vec(step(), 0..80),
    ) {
        let mut core = core(Some(3));
        let mut kept = core.drain();
        let (mut now, mut sent, mut deleted, mut made) = (0, 0_usize, 0_usize, 0_u32);
        let mut receipts: Vec<String> = Vec::new();
        for step in steps {
            match step {
                Step::Send => {
                    send(&mut core, &format!("sent-{sent}"), now);
                    sent += 1;
                }
                Step::Receive(max) => {
                    let received = core.receive("jobs", max, None, now).unwrap();
                    prop_assert!(received.len() <= max);
                    prop_assert!(received.iter().all(|message| message.receive_count <= 3));
                    receipts.extend(received.into_iter().map(|message| message.receipt_handle));
                }
                Step::Delete(which) if !receipts.is_empty() => {
                    let before = core.messages("jobs").unwrap().len();
                    core.delete("jobs", &receipts[which.index(receipts.len())], now).unwrap();
                    deleted += before - core.messages("jobs").unwrap().len();
                }
                Step::Release(which) if !receipts.is_empty() => {
                    let _ = core.change_visibility("jobs", &receipts[which.index(receipts.len())], 0, now);
                }
                Step::Wait(ms) => now += ms,
                Step::Redrive => {
                    let new_id = || { made += 1; format!("redriven-{made}") };
                    core.redrive("dead", None, new_id, now).unwrap();
                }
                Step::Delete(_) | Step::Release(_) => {}
            }
            kept.extend(core.drain());
            let (jobs, dead) = (core.messages("jobs").unwrap(), core.messages("dead").unwrap());
            prop_assert_eq!(jobs.len() + dead.len() + deleted, sent);
            let counts = core.counts("jobs", now).unwrap();
            prop_assert_eq!(counts.visible + counts.in_flight + counts.delayed, jobs.len());
        }
        let mut again = Core::default();
        for change in kept {
            again.apply(change);
        }
        // The snapshot is compared as stored, which excludes visibility.
        let written = |core: &Core| serde_json::to_value(core.snapshot()).unwrap();
        prop_assert_eq!(written(&again), written(&core));
    }
}
