//! Synchronous requests (`"queue": false`): the job is done before the response.

use std::{sync::Arc, time::Duration};

use api_types::DownloadView;
use local::functions::{Invocation, Layer};
use reqwest::StatusCode;
use serde_json::json;
use tests::{TestApp, jpeg, unzip};

#[tokio::test(flavor = "multi_thread")]
async fn synchronous_requests_finish_before_the_response() {
    let app = TestApp::start().await;
    let mut photos = Vec::new();
    for n in 0..50 {
        photos.push(app.upload("anna", &format!("{n}.jpg"), "image/jpeg", &jpeg(n, 90, 60)).await.unwrap());
    }
    for photo in &photos {
        app.until("anna", &format!("/photos/{photo}"), &["ready"]).await.unwrap();
    }
    let order = app.order("anna", "W-1", &photos).await;

    let email = json!({ "template": "order_confirmation", "to": "e@example.com", "data": { "order_id": order }, "queue": false });
    let sent = app.post("anna", "/emails", email).await;
    assert_eq!((sent.status, sent.text("/email/status")), (StatusCode::CREATED, "sent".into()), "{sent:?}");
    assert_eq!(app.emails().await.len(), 1, "the email was sent synchronously");

    let path = format!("/photos/{}/process", photos[0]);
    let developed = app.post("anna", &path, json!({ "queue": false })).await;
    assert_eq!((developed.status, developed.text("/status")), (StatusCode::OK, "ready".into()), "{developed:?}");

    let path = format!("/orders/{order}/downloads");
    let made = app.post("anna", &path, json!({ "queue": false, "notify": false })).await;
    assert_eq!((made.status, made.text("/download/status")), (StatusCode::CREATED, "ready".into()), "{made:?}");
    assert_eq!(unzip(app.fetch(&made.text("/link")).await.unwrap()).len(), 51);
    let path = format!("/downloads/{}/retry", made.text("/download/id"));
    let again = app.post("anna", &path, json!({ "queue": false })).await;
    assert_eq!((again.status, again.text("/download/status")), (StatusCode::OK, "ready".into()), "{again:?}");
    assert_eq!(again.body["download"]["build"], 2);
    for queue in ["emails", "photos", "downloads"] {
        assert_eq!(app.depth(queue).await, 0, "{queue}");
    }
}

/// Returns a layer that delays a function beyond the limit of 4 seconds.
fn slow(function: &'static str) -> Layer {
    Arc::new(move |invoked: &str, run: Invocation| {
        if invoked != function {
            return run;
        }
        Box::pin(async move {
            tokio::time::sleep(Duration::from_secs(6)).await;
            run.await
        })
    })
}

#[tokio::test(flavor = "multi_thread")]
async fn slow_synchronous_job_finishes_on_the_queue() {
    let app = TestApp::with(|options| {
        options.layer = Some(slow("archive-builder"));
        options.set("api", "LONGEST_WAIT_SECONDS", "4");
    })
    .await;
    let photo = app.ready_photo("anna", "a.jpg", &jpeg(1, 60, 40)).await;
    let order = app.order("anna", "W-2", std::slice::from_ref(&photo)).await;
    let path = format!("/orders/{order}/downloads");
    let made = app.post("anna", &path, json!({ "queue": false })).await;
    assert_eq!(made.status, StatusCode::ACCEPTED, "{made:?}");
    let path = format!("/downloads/{}", made.text("/download/id"));
    let download: DownloadView = app.until_view("anna", &path, &["ready"]).await;
    assert_eq!(download.attempts, 1, "the synchronous job or the queue's job finished, not both");
    app.until_emails(1).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn oversized_synchronous_request_is_refused_and_writes_nothing() {
    let app = TestApp::with(|options| {
        options.set("api", "LONGEST_WAIT_SECONDS", "3");
    })
    .await;
    // 12 MB are estimated at 4 seconds, as is an archive of one photo.
    let large = tests::encode(1, 2_000, 2_100, image::ImageFormat::Tiff);
    let large = app.upload("anna", "large.tif", "image/tiff", &large).await.unwrap();
    app.until("anna", &format!("/photos/{large}"), &["ready"]).await.unwrap();
    let order = app.order("anna", "W-3", std::slice::from_ref(&large)).await;
    for path in [format!("/photos/{large}/process"), format!("/orders/{order}/downloads")] {
        let refused = app.post("anna", &path, json!({ "queue": false })).await;
        assert_eq!((refused.status.as_u16(), refused.text("/type")), (422, "/problems/too-large-to-wait".into()));
    }
    assert_eq!(app.get("anna", "/downloads").await.body["items"], json!([]));
}

#[tokio::test(flavor = "multi_thread")]
async fn failed_synchronous_attempt_continues_on_the_queue() {
    let mut app = TestApp::with(|options| {
        options.set("email-sender", "ORDERS_TABLE", "no-such-table");
        options.set("email-sender", "RETRY_BACKOFF_SECONDS", "600");
    })
    .await;
    let photo = app.ready_photo("anna", "a.jpg", &jpeg(1, 60, 40)).await;
    let order = app.order("anna", "W-4", std::slice::from_ref(&photo)).await;
    let email = json!({ "template": "order_confirmation", "to": "e@example.com", "data": { "order_id": order }, "queue": false });
    let made = app.post("anna", "/emails", email).await;
    assert_eq!((made.status, made.text("/email/status")), (StatusCode::ACCEPTED, "queued".into()), "{made:?}");
    app.restart(|options| options.overrides.clear()).await;
    app.until("anna", &format!("/emails/{}", made.text("/email/id")), &["sent"]).await.unwrap();
    app.until_emails(1).await;

    let bad = app.upload("anna", "bad.jpg", "image/jpeg", b"no photo at all").await.unwrap();
    app.until("anna", &format!("/photos/{bad}"), &["failed"]).await.unwrap();
    let again = app.post("anna", &format!("/photos/{bad}/process"), json!({ "queue": false })).await;
    assert_eq!((again.status, again.text("/status")), (StatusCode::OK, "failed".into()), "{again:?}");
    assert!(!again.text("/error/code").is_empty());
}

/// A synchronous download is finished, but its worker could not send the email's job: the queue's job sends it.
#[tokio::test(flavor = "multi_thread")]
async fn email_unsent_by_synchronous_download_is_sent_later() {
    let mut app = TestApp::with(|options| {
        options.set("archive-builder", "EMAILS_TABLE", "no-such-table");
    })
    .await;
    let photo = app.ready_photo("anna", "a.jpg", &jpeg(1, 60, 40)).await;
    let order = app.order("anna", "W-5", std::slice::from_ref(&photo)).await;
    let made = app.post("anna", &format!("/orders/{order}/downloads"), json!({ "queue": false })).await;
    assert_eq!((made.status, made.text("/download/status")), (StatusCode::CREATED, "ready".into()), "{made:?}");
    app.restart(|options| options.overrides.clear()).await;
    app.until_emails(1).await;
}
