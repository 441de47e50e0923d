use api_types::{DownloadView, EmailView, PhotoView};
use domain::{email::EmailStatus, photo::PhotoStatus};
use futures::future::join_all;
use serde_json::json;
use tests::{TestApp, jpeg, unzip};

fn object_created(photo: &str, etag: &str) -> String {
    json!({ "Records": [{
        "eventVersion": "2.1", "eventSource": "aws:s3", "awsRegion": "us-east-1",
        "eventTime": "2026-01-01T00:00:00.000Z", "eventName": "ObjectCreated:Put",
        "s3": {
            "s3SchemaVersion": "1.0", "bucket": { "name": "photos", "arn": "arn:aws:s3:::photos" },
            "object": { "key": format!("originals/anna/{photo}"), "size": 1, "eTag": etag, "sequencer": "1" },
        },
    }] })
    .to_string()
}

#[tokio::test(flavor = "multi_thread")]
async fn five_concurrent_upload_events_process_once() {
    let app = TestApp::start().await;
    let id = app.upload("anna", "a.jpg", "image/jpeg", &jpeg(1, 1200, 800)).await.unwrap();
    let event = object_created(&id, "whatever");
    join_all((0..5).map(|_| app.send("photos", &event))).await;
    let path = format!("/photos/{id}");
    let photo: PhotoView = app.until_view("anna", &path, &["ready", "failed"]).await;
    // Copies that met the claim stay hidden until its lease ends. The test needs only their first delivery.
    app.until_quiet("photos").await;
    let after: PhotoView = app.get("anna", &path).await.view();
    assert_eq!((after.status, after.attempts), (PhotoStatus::Ready, 1), "{after:?}");
    assert_eq!(after.processed_at, photo.processed_at, "the photo was processed a second time");
    assert_eq!(app.depth("photos-dlq").await, 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn duplicate_build_job_makes_one_archive_and_email() {
    let app = TestApp::start().await;
    let id = app.ready_photo("anna", "a.jpg", &jpeg(1, 600, 400)).await;
    let order = app.order("anna", "D-1", &[id]).await;
    let made = app.post("anna", &format!("/orders/{order}/downloads"), json!({})).await;
    let download = made.text("/download/id");
    let job = json!({ "v": 1, "job": "build_archive", "studio": "anna", "download": download }).to_string();
    join_all((0..4).map(|_| app.send("downloads", &job))).await;
    let path = format!("/downloads/{download}");
    let first: DownloadView = app.until_view("anna", &path, &["ready", "failed"]).await;
    app.send("downloads", &job).await;
    app.until_quiet("downloads").await;
    app.until_quiet("emails").await;
    let after: DownloadView = app.get("anna", &path).await.view();
    assert_eq!((after.attempts, after.ready_at, after.build), (1, first.ready_at, 1));
    assert_eq!(unzip(app.fetch(&made.text("/link")).await.unwrap()).len(), 2);
    app.until_emails(1).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn duplicate_email_job_sends_one_email() {
    let app = TestApp::start().await;
    let id = app.ready_photo("anna", "a.jpg", &jpeg(1, 60, 40)).await;
    let order = app.order("anna", "M-1", &[id]).await;
    let new = json!({ "template": "order_confirmation", "to": "eva@example.com", "data": { "order_id": order } });
    let email = app.post("anna", "/emails", new).await.text("/email/id");
    let job = json!({ "v": 1, "job": "send_email", "studio": "anna", "email": email }).to_string();
    join_all((0..3).map(|_| app.send("emails", &job))).await;
    let sent: EmailView = app.until_view("anna", &format!("/emails/{email}"), &["sent", "failed"]).await;
    app.until_quiet("emails").await;
    assert_eq!((sent.status, sent.possible_duplicate), (EmailStatus::Sent, false));
    app.until_emails(1).await;
}
