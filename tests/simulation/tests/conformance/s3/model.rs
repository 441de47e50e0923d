//! Behaviour of the model that other services do not have: settings, notifications, versions.

use std::sync::{Arc, Mutex};

use aws_sdk_s3::{
    Client,
    error::ProvideErrorMetadata as _,
    types::{CompletedMultipartUpload, CompletedPart},
};
use simulation::services::s3::{Notification, RepeatedCompletion, S3, Settings};

use crate::targets::Target;

const BUCKET: &str = "photos";

async fn model(settings: Settings) -> (Arc<Mutex<S3>>, Client) {
    let model = Arc::new(Mutex::new(S3::new(settings)));
    let s3 = Target::model(&model).s3();
    s3.create_bucket().bucket(BUCKET).send().await.unwrap();
    (model, s3)
}

fn rule(prefix: &str, events: &[&'static str], queue: &str) -> Notification {
    let (bucket, prefix, queue) = (BUCKET.to_owned(), prefix.to_owned(), queue.to_owned());
    Notification { bucket, prefix, events: events.to_vec(), queue }
}

async fn upload(s3: &Client, key: &str) -> (String, CompletedMultipartUpload) {
    let id = s3.create_multipart_upload().bucket(BUCKET).key(key).send().await.unwrap().upload_id.unwrap();
    let part = s3.upload_part().bucket(BUCKET).key(key).upload_id(&id).part_number(1).body(b"part".to_vec().into());
    let part = CompletedPart::builder().part_number(1).e_tag(part.send().await.unwrap().e_tag.unwrap()).build();
    (id, CompletedMultipartUpload::builder().parts(part).build())
}

#[tokio::test]
async fn new_objects_under_the_prefix_are_notified() {
    let notifications = vec![rule("originals/", &["ObjectCreated:*"], "photos")];
    let (model, s3) = model(Settings { notifications, ..Settings::default() }).await;
    let key = "originals/anna/00000000-0000-0000-0000-000000000007";
    for key in [key, "originals/a b+ü", "other"] {
        s3.put_object().bucket(BUCKET).key(key).body(b"12345".to_vec().into()).send().await.unwrap();
    }
    s3.put_object().bucket(BUCKET).key(key).if_none_match("*").send().await.unwrap_err();
    let source = format!("{BUCKET}/{key}");
    s3.copy_object().bucket(BUCKET).key("originals/copy").copy_source(source).send().await.unwrap();
    let (id, parts) = upload(&s3, "originals/zip").await;
    let complete = s3.complete_multipart_upload().bucket(BUCKET).key("originals/zip").upload_id(id);
    complete.multipart_upload(parts).send().await.unwrap();

    let events = model.lock().unwrap().take_events();
    let described: Vec<(String, String, u64)> = events
        .iter()
        .map(|event| {
            let body: serde_json::Value = serde_json::from_str(&event.body).unwrap();
            let record = &body["Records"][0];
            let object = &record["s3"]["object"];
            let text = |value: &serde_json::Value| value.as_str().unwrap().to_owned();
            (text(&record["eventName"]), text(&object["key"]), object["size"].as_u64().unwrap())
        })
        .collect();
    let expected = [
        ("ObjectCreated:Put", key, 5),
        ("ObjectCreated:Put", "originals/a+b%2B%C3%BC", 5),
        ("ObjectCreated:Copy", "originals/copy", 5),
        ("ObjectCreated:CompleteMultipartUpload", "originals/zip", 4),
    ];
    assert_eq!(described, expected.map(|(event, key, size)| (event.to_owned(), key.to_owned(), size)));
    assert_eq!(runtime::s3_event::objects(&events[0].body).unwrap().len(), 1);
    assert_eq!(runtime::s3_event::said_at(&events[0].body).unwrap().as_millisecond(), events[0].at.as_millisecond());
    assert!(events.is_sorted_by_key(|event| {
        serde_json::from_str::<serde_json::Value>(&event.body).unwrap()["Records"][0]["s3"]["object"]["sequencer"]
            .as_str()
            .unwrap()
            .to_owned()
    }));
    assert!(model.lock().unwrap().take_events().is_empty());
}

#[tokio::test]
async fn each_rule_reports_its_own_events() {
    let notifications = vec![
        rule("incoming/", &["ObjectCreated:Put", "ObjectCreated:CompleteMultipartUpload"], "incoming"),
        rule("originals/", &["ObjectCreated:*"], "photos"),
    ];
    let versioned = [BUCKET.to_owned()].into();
    let (model, s3) = model(Settings { notifications, versioned, ..Settings::default() }).await;
    let put = s3.put_object().bucket(BUCKET).key("incoming/a").body(b"1".to_vec().into()).send().await.unwrap();
    let copy = |key: &str| s3.copy_object().bucket(BUCKET).key(key).copy_source(format!("{BUCKET}/incoming/a")).send();
    copy("incoming/copy").await.unwrap();
    let copied = copy("originals/copy").await.unwrap();
    let (id, parts) = upload(&s3, "incoming/zip").await;
    let complete = s3.complete_multipart_upload().bucket(BUCKET).key("incoming/zip").upload_id(id);
    let completed = complete.multipart_upload(parts).send().await.unwrap();

    let events = model.lock().unwrap().take_events();
    let seen: Vec<(&str, &str, Option<String>)> = events
        .iter()
        .map(|event| {
            let body: serde_json::Value = serde_json::from_str(&event.body).unwrap();
            let version = body["Records"][0]["s3"]["object"]["versionId"].as_str();
            (event.queue.as_str(), event.key.as_str(), version.map(str::to_owned))
        })
        .collect();
    let expected = [
        ("incoming", "incoming/a", put.version_id),
        ("photos", "originals/copy", copied.version_id),
        ("incoming", "incoming/zip", completed.version_id),
    ];
    assert_eq!(seen, expected);
}

#[tokio::test]
async fn error_inside_200_leaves_the_upload_open() {
    let (model, s3) = model(Settings { error_inside_200: 1.0, ..Settings::default() }).await;
    let (id, parts) = upload(&s3, "a").await;
    let complete = s3.complete_multipart_upload().bucket(BUCKET).key("a").upload_id(&id).multipart_upload(parts);
    let once = aws_sdk_s3::config::Builder::new().retry_config(aws_sdk_s3::config::retry::RetryConfig::disabled());
    let failed = complete.clone().customize().config_override(once).send().await.unwrap_err();
    assert_eq!((failed.code(), failed.raw_response().unwrap().status().as_u16()), (Some("InternalError"), 200));
    assert_eq!(model.lock().unwrap().read(BUCKET, "a"), None);
    assert_eq!(model.lock().unwrap().uploads(BUCKET)[0].id, id);
    model.lock().unwrap().settings.error_inside_200 = 0.0;
    complete.send().await.unwrap();
    assert_eq!(model.lock().unwrap().read(BUCKET, "a").unwrap(), "part");
}

#[tokio::test]
async fn repeated_completion_follows_the_setting() {
    for repeated_completion in [RepeatedCompletion::NoSuchUpload, RepeatedCompletion::SameResponse] {
        let (_, s3) = model(Settings { repeated_completion, ..Settings::default() }).await;
        let (id, parts) = upload(&s3, "a").await;
        let complete = s3.complete_multipart_upload().bucket(BUCKET).key("a").upload_id(&id).multipart_upload(parts);
        let etag = complete.clone().send().await.unwrap().e_tag;
        match complete.send().await {
            Ok(again) => {
                assert_eq!(again.e_tag, etag);
                assert_eq!(repeated_completion, RepeatedCompletion::SameResponse);
            }
            Err(error) => {
                assert_eq!(error.code(), Some("NoSuchUpload"));
                assert_eq!(repeated_completion, RepeatedCompletion::NoSuchUpload);
            }
        }
    }
}

#[tokio::test]
async fn deleted_version_stays_readable_by_id() {
    let (model, s3) = model(Settings { versioned: [BUCKET.to_owned()].into(), ..Settings::default() }).await;
    let put = s3.put_object().bucket(BUCKET).key("a").body(b"one".to_vec().into()).send().await.unwrap();
    let version = put.version_id().unwrap();
    let deleted = s3.delete_object().bucket(BUCKET).key("a").send().await.unwrap();
    assert_eq!(deleted.delete_marker(), Some(true));
    assert_eq!(s3.get_object().bucket(BUCKET).key("a").send().await.unwrap_err().code(), Some("NoSuchKey"));
    let old = s3.get_object().bucket(BUCKET).key("a").version_id(version).send().await.unwrap();
    assert_eq!(old.body.collect().await.unwrap().to_vec(), b"one");
    s3.delete_object().bucket(BUCKET).key("a").version_id(deleted.version_id().unwrap()).send().await.unwrap();
    assert_eq!(model.lock().unwrap().read(BUCKET, "a").unwrap(), "one");
}

#[tokio::test]
async fn old_uploads_are_aborted() {
    let (model, s3) = model(Settings::default()).await;
    upload(&s3, "a").await;
    let started = model.lock().unwrap().uploads(BUCKET)[0].started;
    assert_eq!(model.lock().unwrap().abort_uploads_older_than(BUCKET, started), 0);
    assert_eq!(model.lock().unwrap().abort_uploads_older_than(BUCKET, started + jiff::SignedDuration::from_secs(1)), 1);
    assert!(model.lock().unwrap().uploads(BUCKET).is_empty());
}
