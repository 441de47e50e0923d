//! Batches.

use aws_sdk_sqs::types::{
    BatchResultErrorEntry, ChangeMessageVisibilityBatchRequestEntry, ChangeMessageVisibilityBatchResultEntry,
    DeleteMessageBatchRequestEntry, DeleteMessageBatchResultEntry, SendMessageBatchRequestEntry,
    SendMessageBatchResultEntry,
};

use super::session::Session;

fn entry(id: &str, body: &str) -> SendMessageBatchRequestEntry {
    SendMessageBatchRequestEntry::builder().id(id).message_body(body).build().unwrap()
}

fn deletion(id: &str, handle: &str) -> DeleteMessageBatchRequestEntry {
    DeleteMessageBatchRequestEntry::builder().id(id).receipt_handle(handle).build().unwrap()
}

fn change(id: &str, handle: &str, seconds: i32) -> ChangeMessageVisibilityBatchRequestEntry {
    let change = ChangeMessageVisibilityBatchRequestEntry::builder().id(id).receipt_handle(handle);
    change.visibility_timeout(seconds).build().unwrap()
}

/// Describes the ids of good entries, and the codes of bad ones.
fn outcome<'a>(done: impl Iterator<Item = &'a str>, failed: &[BatchResultErrorEntry]) -> String {
    let failed: Vec<_> = failed.iter().map(|entry| (entry.id(), entry.code(), entry.sender_fault())).collect();
    format!("{:?} {failed:?}", done.collect::<Vec<_>>())
}

async fn send(session: &mut Session, check: &str, queue: &str, entries: Vec<SendMessageBatchRequestEntry>) {
    let sent = session.sqs.send_message_batch().queue_url(queue).set_entries(Some(entries)).send().await;
    session.said.record(check, sent, |sent| {
        outcome(sent.successful().iter().map(SendMessageBatchResultEntry::id), sent.failed())
    });
}

/// Sends, deletes and hides messages in batches.
pub async fn case(session: &mut Session) {
    session.create("dead", 30, None).await;
    let queue = &session.create("jobs", 30, Some(("dead", 10))).await;
    let other = &session.create("other", 30, None).await;

    send(session, "send batch: empty", queue, Vec::new()).await;
    send(session, "send batch: 11 entries", queue, (0..11).map(|n| entry(&n.to_string(), "x")).collect()).await;
    send(session, "send batch: the same id twice", queue, vec![entry("a", "x"), entry("b", "x"), entry("a", "y")])
        .await;
    send(session, "send batch: id with a dot", queue, vec![entry("a", "x"), entry("a.b", "x")]).await;
    send(session, "send batch: empty id", queue, vec![entry("", "x")]).await;
    send(session, "send batch: id of 81 characters", queue, vec![entry(&"a".repeat(81), "x")]).await;
    let half = "x".repeat((1 << 19) + 1);
    send(session, "send batch: over 1 MiB together", queue, vec![entry("a", &half), entry("b", &half)]).await;
    send(session, "send batch: unknown queue", &queue.replace("jobs", "none"), vec![entry("a", "x")]).await;
    session.counts("send batch: nothing sent, counts", queue).await;

    let late = SendMessageBatchRequestEntry::builder().id("late").message_body("late");
    let late = |seconds| late.clone().delay_seconds(seconds).build().unwrap();
    let bad = [entry("control", "\u{1}"), late(901)];
    let good = [entry("first_1-A", "first"), entry(&"z".repeat(80), "second")];
    send(session, "send batch: good and bad", queue, [&good[..], &bad].concat()).await;
    send(session, "send batch: only bad", queue, bad.to_vec()).await;
    send(session, "send batch: empty body", queue, vec![entry("empty", ""), entry("third", "third")]).await;
    send(session, "send batch: delayed", queue, vec![late(10)]).await;
    session.counts("send batch: counts", queue).await;

    let received = session.receive("send batch: received", queue).await;
    let handle = |body: &str| {
        received.iter().find(|message| message.body() == Some(body)).unwrap().receipt_handle().unwrap().to_owned()
    };
    let (first, second, third) = (&handle("first"), &handle("second"), &handle("third"));
    let deleted = |handle: &str| deletion("gone", handle);
    let sent = session.sqs.delete_message_batch().queue_url(queue).entries(deleted(first)).send().await;
    session.said.record("delete batch", sent, |sent| {
        outcome(sent.successful().iter().map(DeleteMessageBatchResultEntry::id), sent.failed())
    });

    let change_all = |queue: &str, entries: Vec<_>| {
        session.sqs.change_message_visibility_batch().queue_url(queue).set_entries(Some(entries)).send()
    };
    let mixed = vec![
        change("show", second, 0),
        change("hide", third, 60),
        change("gone", first, 0),
        change("unknown", "handle", 0),
        change("too_long", third, 43_201),
    ];
    let changes = [
        ("change batch: good and bad", change_all(queue, mixed).await),
        ("change batch: again", change_all(queue, vec![change("show", second, 0)]).await),
        ("change batch: empty", change_all(queue, Vec::new()).await),
        (
            "change batch: 11 entries",
            change_all(queue, (0..11).map(|n| change(&n.to_string(), third, 0)).collect()).await,
        ),
        (
            "change batch: the same id twice",
            change_all(queue, vec![change("a", third, 0), change("a", third, 0)]).await,
        ),
        ("change batch: handle of another queue", change_all(other, vec![change("a", third, 0)]).await),
    ];
    for (check, sent) in changes {
        session.said.record(check, sent, |sent| {
            outcome(sent.successful().iter().map(ChangeMessageVisibilityBatchResultEntry::id), sent.failed())
        });
    }
    session.counts("change batch: counts", queue).await;

    let delete_all = |queue: &str, entries: Vec<_>| {
        session.sqs.delete_message_batch().queue_url(queue).set_entries(Some(entries)).send()
    };
    let mixed = vec![deletion("second", second), deletion("gone", first), deletion("unknown", "handle")];
    let deletions = [
        ("delete batch: good and bad", delete_all(queue, mixed).await),
        ("delete batch: empty", delete_all(queue, Vec::new()).await),
        (
            "delete batch: 11 entries",
            delete_all(queue, (0..11).map(|n| deletion(&n.to_string(), third)).collect()).await,
        ),
        ("delete batch: the same id twice", delete_all(queue, vec![deletion("a", third), deletion("a", third)]).await),
        ("delete batch: handle of another queue", delete_all(other, vec![deletion("a", third)]).await),
    ];
    for (check, sent) in deletions {
        session.said.record(check, sent, |sent| {
            outcome(sent.successful().iter().map(DeleteMessageBatchResultEntry::id), sent.failed())
        });
    }
    session.counts("delete batch: counts", queue).await;
}
