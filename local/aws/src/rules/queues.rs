//! Queues and the notifications that S3 sends to them.

use std::time::Duration;

use aws_sdk_s3::{error::ProvideErrorMetadata as _, types::Event};
use aws_sdk_sqs::types::{
    Message, MessageSystemAttributeName, MessageSystemAttributeNameForSends, MessageSystemAttributeValue,
    QueueAttributeName, SendMessageBatchRequestEntry,
};

use super::{Bed, queue_arn};
use crate::trace;

#[tokio::test]
async fn new_objects_under_prefix_notify_the_queue() {
    let bed = Bed::new().await;
    bed.listen("events", "originals/").await;
    bed.listen("events", "originals/").await;
    bed.put("originals/a b+ü.jpg", b"12345").await;
    bed.put("archives/a", b"1").await;
    let copy = bed.s3.copy_object().bucket("photos").key("originals/copy").copy_source("photos/archives/a");
    copy.send().await.unwrap();
    let id = bed.begin("originals/zip").await;
    let part = bed.part("originals/zip", &id, 1, b"x").await;
    bed.complete("originals/zip", &id, vec![part]).send().await.unwrap();
    let bodies = bed.bodies("events");
    assert_eq!(bodies[0]["Event"], "s3:TestEvent");
    assert!(bodies[0].get("Records").is_none());
    let events: Vec<aws_lambda_events::event::s3::S3Event> =
        bodies[1..].iter().map(|body| serde_json::from_value(body.clone()).unwrap()).collect();
    let seen: Vec<_> = events
        .iter()
        .map(|event| {
            (event.records[0].event_name.as_deref().unwrap(), event.records[0].s3.object.key.as_deref().unwrap())
        })
        .collect();
    assert_eq!(
        seen,
        [
            ("ObjectCreated:Put", "originals/a+b%2B%C3%BC.jpg"),
            ("ObjectCreated:Copy", "originals/copy"),
            ("ObjectCreated:CompleteMultipartUpload", "originals/zip"),
        ]
    );
    let object = &events[0].records[0].s3.object;
    assert_eq!(object.size, Some(5));
    assert_eq!(object.e_tag.as_deref(), Some("827ccb0eea8a706c4c34a16891f84e7b"));
    assert!(object.sequencer.is_some());
    let bed = bed.restart().await;
    bed.put("originals/later", b"1").await;
    assert_eq!(bed.bodies("events").len(), 5);
}

#[tokio::test]
async fn each_rule_reports_its_own_events() {
    let bed = Bed::new().await;
    let uploaded = vec![Event::S3ObjectCreatedPut, Event::S3ObjectCreatedCompleteMultipartUpload];
    let incoming = bed.rule("incoming", "incoming/", uploaded.clone());
    let copied = bed.rule("copied", "incoming/", vec![Event::S3ObjectCreatedCopy]);
    let all = bed.rule("all", "originals/", vec![Event::S3ObjectCreated]);
    bed.notify(vec![incoming.clone(), copied.clone(), all]).send().await.unwrap();
    bed.put("incoming/a", b"x").await;
    for key in ["incoming/copy", "originals/copy"] {
        bed.s3.copy_object().bucket("photos").key(key).copy_source("photos/incoming/a").send().await.unwrap();
    }
    let id = bed.begin("incoming/zip").await;
    let part = bed.part("incoming/zip", &id, 1, b"x").await;
    bed.complete("incoming/zip", &id, vec![part]).send().await.unwrap();
    let names = |queue: &str| -> Vec<String> {
        let bodies = bed.bodies(queue);
        let records = bodies.iter().filter_map(|body| body["Records"][0]["eventName"].as_str());
        records.map(str::to_owned).collect()
    };
    assert_eq!(names("incoming"), ["ObjectCreated:Put", "ObjectCreated:CompleteMultipartUpload"]);
    assert_eq!((names("copied"), names("all")), (vec!["ObjectCreated:Copy".into()], vec!["ObjectCreated:Copy".into()]));

    for overlapping in [
        bed.rule("all", "incoming/a/", vec![Event::S3ObjectCreated]),
        bed.rule("all", "", vec![Event::S3ObjectCreatedPut]),
    ] {
        let error = bed.notify(vec![incoming.clone(), overlapping]).send().await.unwrap_err();
        assert_eq!(error.code(), Some("InvalidArgument"));
        let message = "Configurations overlap. Configurations on the same bucket cannot share a common event type.";
        assert_eq!(error.message(), Some(message));
    }
    let unknown = bed.rule("all", "a/", vec![Event::from("s3:ObjectCreated:Upload")]);
    assert_eq!(refused!(bed.notify(vec![unknown]).send()), ("InvalidArgument".to_owned(), 400));
    let kept = bed.s3.get_bucket_notification_configuration().bucket("photos").send().await.unwrap();
    let events: Vec<_> = kept.queue_configurations().iter().map(|rule| rule.events().to_vec()).collect();
    assert_eq!(events, [uploaded, vec![Event::S3ObjectCreatedCopy], vec![Event::S3ObjectCreated]]);
}

#[tokio::test]
async fn queue_serves_the_client() {
    let bed = Bed::new().await;
    let dead = bed.sqs.create_queue().queue_name("dead").send().await.unwrap().queue_url.unwrap();
    let policy = format!(r#"{{"deadLetterTargetArn":"{}","maxReceiveCount":1}}"#, queue_arn("dead"));
    let create = bed.sqs.create_queue().queue_name("jobs").attributes(QueueAttributeName::RedrivePolicy, policy);
    let jobs = create.attributes(QueueAttributeName::VisibilityTimeout, "1").send().await.unwrap().queue_url.unwrap();
    let entry = |id: &str| SendMessageBatchRequestEntry::builder().id(id).message_body(id).build().unwrap();
    let batch =
        bed.sqs.send_message_batch().queue_url(&jobs).entries(entry("a")).entries(entry("b")).send().await.unwrap();
    assert_eq!((batch.successful().len(), batch.failed().len()), (2, 0));
    let twice = bed.sqs.send_message_batch().queue_url(&jobs).entries(entry("a")).entries(entry("a"));
    assert_eq!(refused!(twice.send()).0, "AWS.SimpleQueueService.BatchEntryIdsNotDistinct");
    let receive = |queue: &str| {
        let receive = bed.sqs.receive_message().queue_url(queue).max_number_of_messages(10);
        receive.message_system_attribute_names(MessageSystemAttributeName::All)
    };
    let messages = receive(&jobs).send().await.unwrap().messages.unwrap();
    assert_eq!(messages.len(), 2);
    assert_eq!(messages[0].attributes().unwrap()[&MessageSystemAttributeName::ApproximateReceiveCount], "1");
    assert_eq!(messages[0].md5_of_body(), Some("0cc175b9c0f1b6a831c399e269772661"));
    let handle = messages[0].receipt_handle().unwrap();
    bed.sqs.delete_message().queue_url(&jobs).receipt_handle(handle).send().await.unwrap();
    // The long poll finds the message when its visibility timeout ends, and moves it to the dead-letter queue.
    assert!(receive(&jobs).wait_time_seconds(2).send().await.unwrap().messages().is_empty());
    let buried = receive(&dead).send().await.unwrap().messages.unwrap();
    assert_eq!(buried[0].message_id(), messages[1].message_id());
    let change = bed.sqs.change_message_visibility().queue_url(&dead).visibility_timeout(0);
    change.receipt_handle(buried[0].receipt_handle().unwrap()).send().await.unwrap();
    bed.sqs.start_message_move_task().source_arn(queue_arn("dead")).send().await.unwrap();
    let again = receive(&jobs).send().await.unwrap().messages.unwrap();
    assert_eq!(again[0].body(), Some("b"));
    let gone = refused!(bed.sqs.get_queue_url().queue_name("none").send());
    assert_eq!(gone, ("AWS.SimpleQueueService.NonExistentQueue".to_owned(), 400));
    let error = bed.sqs.get_queue_url().queue_name("none").send().await.unwrap_err();
    assert!(error.as_service_error().unwrap().is_queue_does_not_exist());
}

#[tokio::test]
async fn long_poll_wakes_on_a_new_message() {
    let bed = Bed::new().await;
    let queue = bed.sqs.create_queue().queue_name("jobs").send().await.unwrap().queue_url.unwrap();
    let started = std::time::Instant::now();
    let (received, ()) =
        tokio::join!(bed.sqs.receive_message().queue_url(&queue).wait_time_seconds(10).send(), async {
            tokio::time::sleep(Duration::from_millis(200)).await;
            bed.sqs.send_message().queue_url(&queue).message_body("x").send().await.unwrap();
        });
    assert_eq!(received.unwrap().messages().len(), 1);
    assert!(started.elapsed() < Duration::from_secs(2));
}

#[tokio::test]
async fn messages_outlive_a_restart_with_their_counts() {
    let bed = Bed::new().await;
    let queue = bed.sqs.create_queue().queue_name("jobs").send().await.unwrap().queue_url.unwrap();
    bed.sqs.send_message().queue_url(&queue).message_body("x").send().await.unwrap();
    bed.sqs.receive_message().queue_url(&queue).send().await.unwrap();
    let bed = bed.restart().await;
    let received = bed.stand_ins.queues().receive("jobs", 1, Duration::ZERO).await.unwrap();
    assert_eq!(received[0].receive_count, 2);
}

#[tokio::test]
async fn trace_header_is_kept_with_the_message() {
    let bed = Bed::new().await;
    let queue = bed.sqs.create_queue().queue_name("jobs").send().await.unwrap().queue_url.unwrap();
    let header = "Root=1-5759e988-bd862e3fe1be46a994272793;Sampled=0;Lineage=f:3";
    let attribute = MessageSystemAttributeValue::builder().data_type("String").string_value(header).build().unwrap();
    let named = bed.sqs.send_message().queue_url(&queue).message_body("named");
    let name = MessageSystemAttributeNameForSends::AwsTraceHeader;
    named.message_system_attributes(name, attribute).send().await.unwrap();
    let carried = bed.sqs.send_message().queue_url(&queue).message_body("carried").customize();
    carried
        .mutate_request(move |request| drop(request.headers_mut().insert(trace::HEADER, header)))
        .send()
        .await
        .unwrap();
    bed.sqs.send_message().queue_url(&queue).message_body("without").send().await.unwrap();
    let receive = async |name: MessageSystemAttributeName| {
        let receive = bed.sqs.receive_message().queue_url(&queue).max_number_of_messages(10).visibility_timeout(0);
        let messages = receive.message_system_attribute_names(name).send().await.unwrap().messages.unwrap();
        let kept = |message: &Message| message.attributes()?.get(&MessageSystemAttributeName::AwsTraceHeader).cloned();
        messages.iter().map(|message| (message.body.clone().unwrap(), kept(message))).collect::<Vec<_>>()
    };
    for name in [MessageSystemAttributeName::AwsTraceHeader, MessageSystemAttributeName::All] {
        let expected = [("named", Some(header)), ("carried", Some(header)), ("without", None)];
        assert_eq!(receive(name).await, expected.map(|(body, kept)| (body.to_owned(), kept.map(str::to_owned))));
    }
    let others = receive(MessageSystemAttributeName::SentTimestamp).await;
    assert!(others.iter().all(|(_, kept)| kept.is_none()), "{others:?}");
}
