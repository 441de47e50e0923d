mod redelivery;

use aws_sdk_sqs::{Client, Config, config::BehaviorVersion};

use super::*;
use crate::clock::Clock;

/// Time of all worlds here.
const NOW: i64 = 1_800_000_000;

fn at(second: i64) -> Timestamp {
    Timestamp::from_second(second).expect("in range")
}

/// Returns the redelivery at this time, with waits from 20 s. Random numbers are all this one, and no queue exists.
fn redelivery(now: Timestamp, random: u128) -> Redelivery {
    let world = World::system().with_clock(Clock::simulated(move || now)).with_random(move || random);
    let client = Client::from_conf(Config::builder().behavior_version(BehaviorVersion::latest()).build());
    let queue = Queue::new(client, "http://localhost/none", world.clock().clone());
    Redelivery { queue, backoff: Duration::from_secs(20), world }
}

/// Returns a message that SQS received at `sent_at`, in a function that ends `left` from now.
fn delivery(body: &str, sent_at: Option<Timestamp>, left: Duration) -> Delivery {
    let (now, deadline) = (at(NOW), at(NOW).checked_add(left).expect("in range"));
    let redelivery = redelivery(now, 0);
    Delivery {
        body: body.to_owned(),
        deadline,
        request_id: None,
        receives: 0,
        sent_at,
        since: None,
        receipt_handle: None,
        redelivery,
    }
}

/// Returns a message with this body that SQS received at `sent_at`.
pub(crate) fn received(body: &str, sent_at: Option<Timestamp>) -> Delivery {
    delivery(body, sent_at, Duration::from_secs(60))
}

#[test]
fn resent_job_is_restamped_unless_redriven() {
    let body = Job::Sweep.encode(at(1_000));
    assert_eq!(Job::said_at(&anew(&body, Some(at(1_001)), at(5_000))), Some(at(5_000)));
    assert_eq!(anew(&body, Some(at(4_000)), at(5_000)), body, "moved back");
    assert_eq!(anew("no job", Some(at(1_001)), at(5_000)), "no job");
}

#[test]
fn invalid_deadline_gets_the_default() {
    let now = at(NOW);
    let in_a_minute = now.checked_add(DEFAULT_TIMEOUT).expect("in range");
    assert_eq!(deadline(600_000, now), in_a_minute);
    assert_eq!(deadline(u64::MAX, now), in_a_minute);
    // A host that was suspended: late, but valid.
    assert_eq!(deadline(1_799_999_000_000, now).as_second(), 1_799_999_000);
    assert_eq!(deadline(1_800_000_300_000, now).as_second(), 1_800_000_300);
}

#[test]
fn message_counts_as_redriven_after_a_minute() {
    let body = Job::Sweep.encode(at(1_000));
    assert_eq!(Job::said_at(&anew(&body, Some(at(1_060)), at(5_000))), Some(at(5_000)));
    assert_eq!(anew(&body, Some(at(1_061)), at(5_000)), body);
    assert_eq!(anew(&body, None, at(5_000)), body, "nobody knows when it was received");
}

#[test]
fn host_suspended_for_a_day_gets_default_deadline() {
    let day = 24 * 3600;
    let deadline = |late| deadline(u64::try_from((NOW - late) * 1000).expect("after 1970"), at(NOW));
    assert_eq!(deadline(day - 1), at(NOW - day + 1));
    assert_eq!(deadline(day), at(NOW + 60));
}

#[test]
fn job_needs_half_a_second_before_settling() {
    let time = |milliseconds| {
        let delivery = delivery("", None, Duration::from_millis(milliseconds));
        (delivery.time_to_work(), delivery.is_too_late())
    };
    assert_eq!(time(60_000), (Duration::from_secs(57), false));
    assert_eq!(time(3_500), (Duration::from_millis(500), false));
    assert_eq!(time(3_499), (Duration::from_millis(499), true));
    assert_eq!(time(1_000), (Duration::ZERO, true));
}

#[test]
fn time_left_is_never_negative() {
    assert_eq!((between(at(1), at(4)), between(at(4), at(1))), (Duration::from_secs(3), Duration::ZERO));
}

#[test]
fn waits_double_to_a_quarter_of_an_hour() {
    let waits = |random| {
        let delivery = Delivery { redelivery: redelivery(at(NOW), random), ..received("", None) };
        [0, 1, 2, 3, 6, 7, u32::MAX].map(|attempts| delivery.retry_at(attempts).as_second() - NOW)
    };
    assert_eq!(waits(u128::MAX), [20, 20, 40, 80, 640, 900, 900]);
    assert_eq!(waits(0), [10, 10, 20, 40, 320, 450, 450], "jitter takes half at most");
}

#[test]
fn message_that_waits_is_received_ever_less_often() {
    let waits = [1, 3, 7, 39].map(|receives| {
        let delivery = Delivery { receives, redelivery: redelivery(at(NOW), u128::MAX), ..received("", None) };
        delivery.wait_from(SignedDuration::from_secs(60)).as_second() - NOW
    });
    assert_eq!(waits, [60, 80, 900, 900]);
}

/// Handles messages that no queue can hide, `left` before the deadline, and returns the ids of those that failed.
///
/// Does not call [`run`], which writes the metrics of all tests in this process.
async fn failed<F>(ids: &[&str], left: Duration, handle: impl Fn(Delivery) -> F) -> Vec<String>
where
    F: Future<Output = Result<Disposition, JobError>> + Send,
{
    let (redelivery, deadline) = (redelivery(at(NOW), 0), at(NOW).checked_add(left).expect("in range"));
    let mut failed = Vec::new();
    for id in ids {
        let mut message = SqsMessage::default();
        (message.message_id, message.body) = (Some((*id).to_owned()), Some((*id).to_owned()));
        failed.extend(one(message, deadline, "", &redelivery, &handle).await.map(|failure| failure.item_identifier));
    }
    failed
}

#[tokio::test]
async fn only_finished_messages_are_acknowledged() {
    let handle = async |delivery: Delivery| {
        let until = delivery.now();
        match delivery.body.as_str() {
            "done" => Ok(Disposition::Done),
            "return" => Ok(Disposition::Return { until }),
            "wait" => Ok(Disposition::Wait { until }),
            "refuse" => Ok(Disposition::Refuse),
            "reject" => Err(JobError::reject("invalid", "x")),
            "unavailable" => Err(JobError::Unavailable(anyhow::anyhow!("down"))),
            "retry" => Err(JobError::Retry(anyhow::anyhow!("broken"))),
            _ => panic!("by the test"),
        }
    };
    let others = ["panic", "refuse", "reject", "retry", "return", "unavailable", "wait"];
    let all = [&others[..], &["done"]].concat();
    assert_eq!(failed(&all, Duration::from_secs(60), handle).await, others);
}

#[tokio::test]
async fn unfinished_message_fails_before_the_deadline() {
    let handle = async |delivery: Delivery| {
        if delivery.body == "slow" {
            std::future::pending::<()>().await;
        }
        Ok(Disposition::Done)
    };
    // Of 1,100 ms, the last second is for the response.
    assert_eq!(failed(&["slow", "fast"], Duration::from_millis(1_100), handle).await, ["slow"]);
}
