//! Message groups of fair queues.

use super::session::Session;

/// Sends messages with groups, receives them, and moves one through the dead-letter queue.
pub async fn case(session: &mut Session) {
    session.create("dead", 30, None).await;
    let queue = &session.create("jobs", 30, Some(("dead", 1))).await;
    let longest = "g".repeat(128);
    for (check, group) in [
        ("group: name", "anna"),
        ("group: punctuation", "!\"#$%&'()*+,-./:;<=>?@[\\]^_`{|}~"),
        ("group: 128 characters", &longest),
        ("group: 129 characters", &format!("{longest}g")),
        ("group: empty", ""),
        ("group: space", "anna b"),
        ("group: letter beyond ASCII", "änna"),
    ] {
        let sent = session.sqs.send_message().queue_url(queue).message_body(check).message_group_id(group).send().await;
        session.said.record(check, sent, |_| "sent".to_owned());
    }
    session.receive("group: received", queue).await;
    session.pass(31_000);
    session.receive("group: dead", queue).await;
    session.redrive("dead").await;
    session.receive("group: moved back", queue).await;
}
