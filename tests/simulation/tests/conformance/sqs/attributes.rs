//! Attributes of messages and queues.

use aws_sdk_sqs::{
    primitives::Blob,
    types::{
        MessageAttributeValue, MessageSystemAttributeName, MessageSystemAttributeNameForSends,
        MessageSystemAttributeValue, QueueAttributeName,
    },
};

use super::session::Session;

const TRACE: &str = "Root=1-5759e988-bd862e3fe1be46a994272793";

/// Returns a message attribute of type `String`.
pub fn string(value: &str) -> MessageAttributeValue {
    MessageAttributeValue::builder().data_type("String").string_value(value).build().unwrap()
}

/// Sends and receives attributes.
pub async fn case(session: &mut Session) {
    let dead = &session.create("dead", 17, None).await;
    let queue = &session.create("jobs", 30, Some(("dead", 10))).await;

    let number = MessageAttributeValue::builder().data_type("Number").string_value("-1.5").build().unwrap();
    let bytes = MessageAttributeValue::builder().data_type("Binary.jpeg").binary_value(Blob::new([0, 1, 255]));
    let trace = MessageSystemAttributeValue::builder().data_type("String").string_value(TRACE).build().unwrap();
    let send = session.sqs.send_message().queue_url(queue).message_body("a");
    let send = send.message_attributes("since.ms", number).message_attributes("since", string("ü"));
    let send = send.message_attributes("photo", bytes.build().unwrap());
    let send = send.message_system_attributes(MessageSystemAttributeNameForSends::AwsTraceHeader, trace);
    session.said.record("send: attributes", send.send().await, |_| String::new());

    let plain = || session.sqs.receive_message().queue_url(queue).visibility_timeout(0);
    let system = |name: MessageSystemAttributeName| plain().message_system_attribute_names(name);
    #[expect(deprecated, reason = "older clients use the member")]
    let requests = [
        ("none", plain()),
        ("all", session.receiver(queue).visibility_timeout(0)),
        ("one", plain().message_attribute_names("photo")),
        ("two", plain().message_attribute_names("photo").message_attribute_names("since")),
        ("unknown", plain().message_attribute_names("Photo")),
        ("all by .*", plain().message_attribute_names(".*")),
        ("prefix", plain().message_attribute_names("since.*")),
        ("system one", system(MessageSystemAttributeName::ApproximateReceiveCount)),
        ("system trace", system(MessageSystemAttributeName::AwsTraceHeader)),
        ("system of a FIFO queue", system(MessageSystemAttributeName::SequenceNumber)),
        ("system by the older member", plain().attribute_names(QueueAttributeName::All)),
    ];
    for (name, request) in requests {
        let received = request.send().await;
        session.received(&format!("receive: attributes {name}"), received);
    }

    session.queue_attributes("queue attributes: none", queue, &[]).await;
    let names = [QueueAttributeName::VisibilityTimeout, QueueAttributeName::ApproximateNumberOfMessages];
    session.queue_attributes("queue attributes: two", queue, &names).await;
    let names = [
        QueueAttributeName::QueueArn,
        QueueAttributeName::RedrivePolicy,
        QueueAttributeName::MessageRetentionPeriod,
        QueueAttributeName::VisibilityTimeout,
    ];
    session.queue_attributes("queue attributes: with dead letters", queue, &names).await;
    session.queue_attributes("queue attributes: of dead letters", dead, &names).await;
    let unknown = [QueueAttributeName::from("Unknown")];
    session.queue_attributes("queue attributes: unknown", queue, &unknown).await;
}
