use std::{collections::BTreeMap, time::Duration};

use super::*;
use crate::sqs::{
    core::Core,
    message::{QueueAttributes, Received, Settings},
};

const SECOND: u64 = 1000;

/// A queue `jobs` whose received messages are hidden for 30 minutes.
struct Jobs {
    core: Core,
    sent: usize,
}

impl Jobs {
    fn new() -> Self {
        let attributes =
            QueueAttributes { visibility_timeout: Duration::from_secs(1800), ..QueueAttributes::default() };
        let mut core = Core::default();
        core.configure("jobs", Settings { attributes, ..Settings::default() }, 0).unwrap();
        Self { core, sent: 0 }
    }

    fn send(&mut self, group: Option<&str>, count: usize, now: u64) {
        for _ in 0..count {
            self.sent += 1;
            let (id, body) = (self.sent.to_string(), "job".to_owned());
            let message = Message { id, body, group: group.map(str::to_owned), ..Message::default() };
            self.core.send("jobs", message, None, now).unwrap();
        }
        self.core.drain();
    }

    fn receive(&mut self, max: usize, now: u64) -> Vec<Received> {
        let received = self.core.receive("jobs", max, None, now).unwrap();
        self.core.drain();
        received
    }

    fn delete(&mut self, received: &[Received], now: u64) {
        for message in received {
            self.core.delete("jobs", &message.receipt_handle, now).unwrap();
        }
        self.core.drain();
    }

    /// Returns the groups of the next messages in the order of delivery.
    fn next(&mut self, max: usize, now: u64) -> Vec<String> {
        groups(&self.receive(max, now))
    }
}

fn groups(received: &[Received]) -> Vec<String> {
    received.iter().map(|message| message.group.clone().unwrap_or_default()).collect()
}

#[test]
fn group_with_30_messages_in_flight_is_noisy() {
    let mut jobs = Jobs::new();
    jobs.send(Some("anna"), 100, 0);
    assert_eq!(jobs.receive(29, 0).len(), 29);
    jobs.send(Some("ben"), 3, 0);
    // No processing time has passed, so only messages in flight count.
    assert_eq!(jobs.next(1, 0), ["anna"], "29 in flight: the oldest message is first");
    assert_eq!(jobs.next(4, 0), ["ben", "ben", "ben", "anna"]);
    assert_eq!(jobs.next(2, 0), ["anna", "anna"], "nothing is limited while no other group has messages");
}

#[test]
fn group_with_a_tenth_of_the_messages_in_flight_is_quiet() {
    let mut jobs = Jobs::new();
    for studio in 0..9 {
        jobs.send(Some(&format!("studio-{studio}")), 30, 0);
    }
    jobs.send(Some("anna"), 40, 0);
    assert_eq!(jobs.receive(300, 0).len(), 300, "30 of anna's are among 300 in flight");
    jobs.send(Some("ben"), 1, 0);
    assert_eq!(jobs.next(2, 0), ["anna", "anna"], "10 % is not above 10 %");
}

#[test]
fn group_with_most_of_the_processing_time_is_noisy() {
    let mut jobs = Jobs::new();
    jobs.send(Some("anna"), 10, 0);
    jobs.send(Some("ben"), 2, 0);
    let slow = jobs.receive(1, 0);
    jobs.delete(&slow, 10 * SECOND);
    assert_eq!(jobs.next(3, 10 * SECOND), ["ben", "ben", "anna"]);
}

#[test]
fn processing_time_counts_while_a_message_is_in_flight() {
    let mut jobs = Jobs::new();
    jobs.send(Some("anna"), 2, 0);
    jobs.send(Some("ben"), 1, 0);
    jobs.receive(1, 0);
    assert_eq!(jobs.next(1, SECOND), ["ben"]);
}

#[test]
fn noisy_groups_share_by_messages_in_flight() {
    let mut jobs = Jobs::new();
    jobs.send(Some("anna"), 100, 0);
    jobs.receive(40, 0);
    jobs.send(Some("ben"), 100, 0);
    assert_eq!(jobs.next(30, 0), vec!["ben"; 30], "he is quiet yet");
    let next = jobs.next(20, 0);
    assert_eq!(next.iter().filter(|group| *group == "anna").count(), 5, "40 and 30 in flight become 45 and 45");
}

#[test]
fn each_message_without_group_is_quiet() {
    let mut jobs = Jobs::new();
    jobs.send(None, 100, 0);
    jobs.receive(40, 0);
    jobs.send(Some("anna"), 50, 0);
    jobs.receive(200, 0);
    assert_eq!(jobs.core.counts("jobs", 0).unwrap().visible, 0);
    jobs.send(Some("anna"), 1, SECOND);
    jobs.send(None, 1, SECOND);
    assert_eq!(jobs.next(2, SECOND), ["", "anna"]);
}

#[test]
fn group_is_quiet_five_minutes_after_its_last_message() {
    for (now, first) in [(299 * SECOND, "ben"), (300 * SECOND, "anna")] {
        let mut jobs = Jobs::new();
        jobs.send(Some("anna"), 100, 0);
        jobs.receive(40, 0);
        jobs.send(Some("ben"), 1, now);
        assert_eq!(jobs.next(1, now), [first]);
    }
}

#[test]
fn group_without_backlog_is_quiet_again() {
    let mut jobs = Jobs::new();
    jobs.send(Some("anna"), 1, 0);
    let slow = jobs.receive(1, 0);
    jobs.delete(&slow, 60 * SECOND);
    jobs.send(Some("anna"), 1, 60 * SECOND);
    jobs.send(Some("ben"), 1, 60 * SECOND);
    assert_eq!(jobs.next(2, 60 * SECOND), ["anna", "ben"]);
}

/// Times from the send to the end of Ben's jobs, in milliseconds.
struct Waits(Vec<u64>);

impl Waits {
    fn longest(&self) -> u64 {
        self.0.iter().copied().max().unwrap_or_default()
    }

    fn mean(&self) -> u64 {
        self.0.iter().sum::<u64>() / self.0.len() as u64
    }
}

/// Plays 20 workers that take a job each, of 0.5 to 1.5 s, until Ben's ten jobs have ended. They are sent at `ben_at`, and
/// Anna's before everything else.
fn play(anna: usize, group_of: impl Fn(&'static str) -> Option<&'static str>, ben_at: u64) -> Waits {
    let mut random = fastrand::Rng::with_seed(20);
    let mut jobs = Jobs::new();
    jobs.send(group_of("anna"), anna, 0);
    let first_of_ben = anna + 1;
    // Times at which workers are free, each with its message.
    let mut workers: BTreeMap<(u64, usize), Option<Received>> = (0..20).map(|worker| ((0, worker), None)).collect();
    let (mut is_sent, mut waits) = (false, Vec::new());
    while waits.len() < 10 {
        let ((mut now, worker), done) = workers.pop_first().unwrap();
        if let Some(done) = done {
            jobs.delete(std::slice::from_ref(&done), now);
            if done.message_id.parse::<usize>().unwrap() >= first_of_ben {
                waits.push(now - done.sent_at_ms);
            }
        }
        if !is_sent && now >= ben_at {
            jobs.send(group_of("ben"), 10, ben_at.max(now));
            is_sent = true;
        }
        let taken = jobs.receive(1, now).pop();
        // A worker without a job looks again a little later.
        now += if taken.is_some() { random.u64(500..1500) } else { 10 };
        workers.insert((now, worker), taken);
    }
    Waits(waits)
}

/// Ten jobs of one studio beside 50,000 of another.
#[test]
#[expect(clippy::print_stdout, reason = "docs/OPERATIONS.md quotes these times")]
fn ten_jobs_wait_at_most_twice_as_long_beside_50_000() {
    let by_studio = |studio| Some(studio);
    let alone = play(0, by_studio, 10 * SECOND);
    let beside = play(50_000, by_studio, 10 * SECOND);
    let without_groups = play(1_000, |_| None, 10 * SECOND);
    let rows = [("alone", &alone), ("beside 50,000", &beside), ("beside 1,000, without groups", &without_groups)];
    for (row, waits) in rows {
        println!("{row}: mean {} ms, longest {} ms", waits.mean(), waits.longest());
    }
    assert!(beside.longest() <= 2 * alone.longest() && beside.mean() <= 2 * alone.mean());
    assert!(without_groups.mean() > 10 * alone.mean(), "without groups they wait for all");
}
