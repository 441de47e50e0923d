//! Messages: send, receive, delete, delay, expire.

use super::session::Session;

const DAY_MS: i64 = 24 * 3600 * 1000;

/// Sends, receives and deletes.
pub async fn case(session: &mut Session) {
    session.create("dead", 30, None).await;
    let queue = &session.create("jobs", 30, Some(("dead", 10))).await;
    let other = &session.create("other", 30, None).await;

    let sent = session.sqs.send_message().queue_url(queue).message_body("a").send().await;
    session
        .said
        .record("send", sent, |sent| format!("{} {:?}", sent.message_id().is_some(), sent.md5_of_message_body()));
    session.pass(5);
    let received = session.receive("receive", queue).await;
    session.receive("receive: in flight", queue).await;
    let handle = received[0].receipt_handle().unwrap();
    session.delete("delete: handle of another queue", other, handle).await;
    session.delete("delete: handle that SQS never gave", queue, "handle").await;
    session.delete("delete: empty handle", queue, "").await;
    session.delete("delete", queue, handle).await;
    session.delete("delete: again", queue, handle).await;
    session.pass(60_000);
    session.receive("receive: deleted", queue).await;

    let id = session.send(queue, "ü \"<&>\" 🦀\t\n").await;
    let first = session.take(queue).await;
    session.pass(30_000);
    let again = session.receive("receive: the second time", queue).await;
    let (is_same, second) = (again[0].message_id() == Some(&*id), again[0].receipt_handle().unwrap());
    session.said.note("receive: the second time, ids", format!("{is_same} {}", second != first));
    session.delete("delete: handle of an earlier receive", queue, &first).await;
    session.counts("delete: handle of an earlier receive, counts", queue).await;
    session.pass(30_000);
    session.receive("receive: the third time", queue).await;
    session.delete("delete: handle of an earlier receive, visible again", queue, second).await;
    session.pass(30_000);
    let last = session.take(queue).await;
    session.pass(30_000);
    session.delete("delete: last handle after the timeout", queue, &last).await;
    session.receive("receive: deleted after the timeout", queue).await;

    for body in ["1", "2", "3"] {
        session.send(queue, body).await;
    }
    let one = session.sqs.receive_message().queue_url(queue).send().await.unwrap();
    session.said.note("receive: no limit given", one.messages().len().to_string());
    let two = session.sqs.receive_message().queue_url(queue).max_number_of_messages(2).send().await.unwrap();
    session.said.note("receive: the others", two.messages().len().to_string());
    session.receive("receive: nothing left", queue).await;
    session.counts("receive: nothing left, counts", queue).await;
}

/// Delays and retention.
pub async fn times(session: &mut Session) {
    session.create("dead", 30, None).await;
    let queue = &session.create("jobs", 30, Some(("dead", 10))).await;

    for (body, delay) in [("now", 0), ("later", 10), ("last", 900)] {
        let send = session.sqs.send_message().queue_url(queue).message_body(body).delay_seconds(delay);
        session.said.record(&format!("send: delayed by {delay} s"), send.send().await, |_| String::new());
    }
    session.counts("delay: counts", queue).await;
    let now = session.receive("delay: before it is over", queue).await;
    session.delete("delay: delete", queue, now[0].receipt_handle().unwrap()).await;
    session.pass(9_999);
    session.receive("delay: a millisecond early", queue).await;
    session.pass(1);
    session.counts("delay: over, counts", queue).await;
    let later = session.receive("delay: over", queue).await;
    session.delete("delay: delete the second", queue, later[0].receipt_handle().unwrap()).await;
    session.pass(890_000);
    let last = session.receive("delay: the longest", queue).await;
    session.delete("delay: delete the last", queue, last[0].receipt_handle().unwrap()).await;

    session.send(queue, "old").await;
    session.pass(4 * DAY_MS - 1);
    session.counts("retention: a millisecond early, counts", queue).await;
    session.pass(1);
    session.counts("retention: over, counts", queue).await;
    session.receive("retention: over", queue).await;
}
