//! Visibility timeouts, and their changes.

use super::session::Session;

/// Hides messages and shows them again.
pub async fn case(session: &mut Session) {
    session.create("dead", 30, None).await;
    let queue = &session.create("jobs", 30, Some(("dead", 100))).await;
    let other = &session.create("other", 30, None).await;
    session.send(queue, "a").await;

    session.receive("timeout of the queue", queue).await;
    session.counts("timeout of the queue: counts", queue).await;
    session.pass(29_999);
    session.receive("timeout of the queue: a millisecond early", queue).await;
    session.pass(1);
    session.counts("timeout of the queue: over, counts", queue).await;

    let sent = session.receiver(queue).visibility_timeout(5).send().await;
    session.received("timeout of the receive", sent);
    session.pass(5_000);
    let sent = session.receiver(queue).visibility_timeout(0).send().await;
    let shown = session.received("timeout of the receive: none", sent);
    session.hide("change: after a timeout of none", queue, shown[0].receipt_handle().unwrap(), 10).await;

    let handle = &session.take(queue).await;
    session.hide("change: longer", queue, handle, 100).await;
    session.pass(99_999);
    session.receive("change: longer, a millisecond early", queue).await;
    session.hide("change: the same handle again", queue, handle, 43_200).await;
    session.hide("change: over 12 hours", queue, handle, 43_201).await;
    session.hide("change: negative", queue, handle, -1).await;
    session.pass(43_199_999);
    session.receive("change: 12 hours, a millisecond early", queue).await;
    session.pass(1);
    session.hide("change: after the timeout", queue, handle, 10).await;

    let second = &session.take(queue).await;
    session.hide("change: handle of an earlier receive", queue, handle, 10).await;
    session.hide("change: handle of another queue", other, second, 10).await;
    session.hide("change: handle that SQS never gave", queue, "handle", 10).await;
    session.hide("change: to 0", queue, second, 0).await;
    session.counts("change: to 0, counts", queue).await;
    session.hide("change: to 0 again", queue, second, 0).await;
    let third = session.receive("change: to 0, received", queue).await;
    let third = third[0].receipt_handle().unwrap();
    let change = session.sqs.change_message_visibility().queue_url(queue).receipt_handle(third);
    session.said.record("change: no timeout given", change.send().await, |_| String::new());
    session.delete("change: delete", queue, third).await;
    session.hide("change: deleted message", queue, third, 10).await;
}
