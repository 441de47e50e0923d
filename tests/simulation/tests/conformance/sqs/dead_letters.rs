//! Dead-letter queues and redrives.

use super::{attributes::string, session::Session};

const DAY_MS: i64 = 24 * 3600 * 1000;

/// Moves messages to a dead-letter queue.
pub async fn case(session: &mut Session) {
    let dead = &session.create("dead", 20, None).await;
    let queue = &session.create("jobs", 10, Some(("dead", 2))).await;
    let id = session.send(queue, "a").await;
    session.pass(1_000);
    session.receive("receive: 1 of 2", queue).await;
    session.pass(10_000);
    let last = session.receive("receive: 2 of 2", queue).await;
    session.pass(10_000);
    session.counts("receive: 2 of 2, counts after the timeout", queue).await;
    session.send(queue, "b").await;
    let others = session.receive("receive: one is dead", queue).await;
    session.counts("receive: one is dead, counts", queue).await;
    session.counts("dead letter: counts", dead).await;
    let letters = session.receive("dead letter", dead).await;
    session.said.note("dead letter: the same id", (letters[0].message_id() == Some(&*id)).to_string());
    session.delete("dead letter: deleted by the last receiver", queue, last[0].receipt_handle().unwrap()).await;
    session.hide("dead letter: hidden by the last receiver", queue, last[0].receipt_handle().unwrap(), 10).await;
    session.counts("dead letter: counts after the last receiver", dead).await;
    session.delete("delete: the other", queue, others[0].receipt_handle().unwrap()).await;
    session.pass(14 * DAY_MS - 21_001);
    session.counts("dead letter: a millisecond before 14 days since the send, counts", dead).await;
    session.pass(1);
    session.counts("dead letter: 14 days since the send, counts", dead).await;
}

/// Moves dead letters back.
pub async fn redrive(session: &mut Session) {
    let dead = &session.create("dead", 20, None).await;
    let queue = &session.create("jobs", 10, Some(("dead", 1))).await;
    let other = &session.create("other", 10, Some(("dead", 1))).await;
    let send = session.sqs.send_message().queue_url(queue).message_body("a").message_attributes("since", string("1"));
    let id = send.send().await.unwrap().message_id.unwrap();
    session.send(other, "b").await;
    for queue in [queue, other] {
        session.take(queue).await;
        session.pass(10_000);
        let nothing = session.receiver(queue).send().await.unwrap();
        assert!(nothing.messages().is_empty());
    }
    session.send(dead, "direct").await;
    session.counts("redrive: counts before", dead).await;
    session.redrive("dead").await;
    session.counts("redrive: counts of dead letters", dead).await;
    session.pass(1_000);
    let again = session.receive("redrive: message", queue).await;
    session.said.note("redrive: a new id", (again[0].message_id() != Some(&*id)).to_string());
    session.receive("redrive: message of another queue", other).await;
    session.receive("redrive: message without a source", dead).await;

    session.pass(20_000);
    session.receive("redrive: message is dead again", queue).await;
    let letters = session.receive("redrive: dead letters in flight", dead).await;
    session.redrive("dead").await;
    session.counts("redrive: counts of dead letters in flight", dead).await;
    let handle = letters.iter().find(|letter| letter.body() == Some("a")).unwrap().receipt_handle().unwrap();
    session.hide("redrive: show a dead letter", dead, handle, 0).await;
    session.redrive("dead").await;
    session.receive("redrive: message once more", queue).await;
    session.delete("redrive: moved message is not deleted", dead, handle).await;
    session.counts("redrive: counts after that", queue).await;
}
