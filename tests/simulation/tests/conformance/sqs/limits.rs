//! Limits, missing members and unknown queues.

use aws_sdk_sqs::types::QueueAttributeName;

use super::{attributes::string, session::Session};
use crate::transcript::nothing;

/// SQS: a message has at most 1 MiB.
const MAX_BODY_BYTES: usize = 1 << 20;

/// Sends requests at and beyond the limits.
pub async fn case(session: &mut Session) {
    session.create("dead", 30, None).await;
    let queue = &session.create("jobs", 30, Some(("dead", 10))).await;

    for most in [-1, 0, 1, 10, 11] {
        let sent = session.sqs.receive_message().queue_url(queue).max_number_of_messages(most).send().await;
        session.received(&format!("receive: {most} messages"), sent);
    }
    for seconds in [43_200, 43_201] {
        let sent = session.receiver(queue).visibility_timeout(seconds).send().await;
        session.received(&format!("receive: hidden for {seconds} s"), sent);
    }
    let sent = session.receiver(queue).wait_time_seconds(21).send().await;
    session.received("receive: wait 21 s", sent);

    let new = || session.sqs.send_message().queue_url(queue);
    let long = "x".repeat(MAX_BODY_BYTES);
    let mut many = new().message_body("11 attributes");
    for n in 0..11 {
        many = many.message_attributes(format!("a{n}"), string("x"));
    }
    let requests = [
        ("empty body", new().message_body("")),
        ("no body", new()),
        ("1 MiB", new().message_body(&long)),
        ("1 MiB and 1 byte", new().message_body(format!("{long}x"))),
        ("1 MiB and an attribute", new().message_body(&long).message_attributes("a", string("x"))),
        ("11 attributes", many),
        ("control character", new().message_body("a\u{8}")),
        ("noncharacter", new().message_body("a\u{FFFF}")),
        ("white space", new().message_body(" ")),
        ("delay of 900 s", new().message_body("a").delay_seconds(900)),
        ("delay of 901 s", new().message_body("a").delay_seconds(901)),
        ("delay of -1 s", new().message_body("a").delay_seconds(-1)),
    ];
    for (check, request) in requests {
        let sent = request.send().await;
        session.said.record(&format!("send: {check}"), sent, nothing);
    }

    let unknown = &queue.replace("jobs", "none");
    let sent = session.sqs.send_message().queue_url(unknown).message_body("a").send().await;
    session.said.record("unknown queue: send", sent, nothing);
    session.receive("unknown queue: receive", unknown).await;
    let sent = session.sqs.receive_message().queue_url(queue).visibility_timeout(0).send().await.unwrap();
    let handle = sent.messages()[0].receipt_handle().unwrap();
    session.delete("unknown queue: delete", unknown, handle).await;
    session.hide("unknown queue: change", unknown, handle, 1).await;
    session.queue_attributes("unknown queue: attributes", unknown, &[QueueAttributeName::All]).await;
    let sent = session.sqs.delete_message().queue_url(queue).send().await;
    session.said.record("delete: no handle", sent, nothing);
}
