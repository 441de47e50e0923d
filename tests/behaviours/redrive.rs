use api_types::{DownloadState, DownloadView, DownloadWithFiles};
use reqwest::StatusCode;
use serde_json::json;
use tests::{TestApp, jpeg, unzip};

/// SQS's own redrive, as the console offers it, restarts the job although its record had failed.
#[tokio::test(flavor = "multi_thread")]
async fn redriven_dead_letter_restarts_its_job() {
    let mut app = TestApp::with(|options| {
        options.set("archive-builder", "DOWNLOADS_BUCKET", "no-such-bucket");
    })
    .await;
    let id = app.ready_photo("anna", "a.jpg", &jpeg(1, 60, 40)).await;
    let order = app.order("anna", "T-1", &[id]).await;
    let made = app.post("anna", &format!("/orders/{order}/downloads"), json!({})).await;
    let path = format!("/downloads/{}", made.text("/download/id"));
    app.until("anna", &path, &["failed"]).await.unwrap();
    app.until_empty("downloads").await;
    // The cause still exists, so the job fails again and its message returns.
    app.system().queues().redrive("downloads-dlq", None).unwrap();
    app.until_empty("downloads").await;
    let failed: DownloadView = app.get("anna", &path).await.view();
    assert_eq!((failed.status, failed.attempts, failed.build), (DownloadState::Failed, 2, 2));
    assert_eq!(app.depth("downloads-dlq").await, 1);

    app.restart(|options| options.overrides.clear()).await;
    app.system().queues().redrive("downloads-dlq", None).unwrap();
    let ready: DownloadWithFiles = app.until_view("anna", &path, &["ready"]).await;
    assert_eq!((ready.download.build, ready.download.attempts), (3, 1));
    assert_eq!(app.depth("downloads-dlq").await, 0);
    assert_eq!(ready.files.as_ref().unwrap().len(), 2, "{ready:?}");
    // The restarted system has another port, so the test builds the URL from the link's token.
    let link = format!("{}/d/{}", app.api(), made.text("/link").rsplit('/').next().unwrap());
    assert_eq!(unzip(app.fetch(&link).await.unwrap()).len(), 2, "the first link is good");
}

#[tokio::test(flavor = "multi_thread")]
async fn rebuilt_download_keeps_its_link() {
    let app = TestApp::start().await;
    let photos = app.large_and_small("anna", "LS").await;
    let ids: Vec<_> = photos.iter().map(|(.., id)| id.clone()).collect();
    let order = app.order("anna", "T-2", &ids).await;
    let (first, link) = app.download("anna", &order, json!({ "max_downloads": 3 })).await;
    app.fetch(&link).await.unwrap();
    let retry = format!("/downloads/{}/retry", first.id);
    let again = app.post("anna", &retry, json!({})).await;
    assert_eq!((again.status, again.text("/link")), (StatusCode::ACCEPTED, link.clone()), "{again:?}");
    assert_eq!(again.body["download"]["file_size_bytes"], json!(first.file_size_bytes), "known before the build");
    let path = format!("/downloads/{}", first.id);
    let ready: DownloadView = app.until_view("anna", &path, &["ready"]).await;
    assert_eq!((ready.build, ready.download_count, ready.crc32), (2, 1, first.crc32));
    assert_eq!(unzip(app.fetch(&link).await.unwrap()).len(), 3);
    // One email per build.
    app.until_emails(2).await;

    let single =
        app.post("anna", &format!("/orders/{order}/downloads"), json!({ "kind": "single", "photo_id": ids[1] })).await;
    let again = app.post("anna", &format!("/downloads/{}/retry", single.text("/download/id")), json!({})).await;
    assert_eq!((again.status, again.text("/download/status")), (StatusCode::OK, "ready".into()), "{again:?}");
    // The second build of the single photo sends an email too.
    app.until_emails(4).await;
    app.delete("anna", &path).await;
    let refused = app.post("anna", &retry, json!({})).await;
    assert_eq!((refused.status, refused.text("/type")), (StatusCode::CONFLICT, "/problems/revoked".into()));
}

/// A job of this system that is sent again after its record failed does not restart the record. The message of a
/// redrive does, because it shows that it was sent before.
#[tokio::test(flavor = "multi_thread")]
async fn resent_job_of_failed_record_restarts_nothing() {
    let app = TestApp::with(|options| {
        options.set("email-sender", "ORDERS_TABLE", "no-such-table");
        options.set("email-sender", "RETRY_BACKOFF_SECONDS", "0");
    })
    .await;
    let photo = app.ready_photo("anna", "a.jpg", &jpeg(1, 60, 40)).await;
    let order = app.order("anna", "T-3", std::slice::from_ref(&photo)).await;
    let (download, _) = app.download("anna", &order, json!({})).await;
    app.until_depth("emails-dlq", 1).await;
    // The archive's own message is delivered again, and its worker sends the email's job again.
    let job = json!({ "v": 1, "job": "build_archive", "studio": "anna", "download": download.id });
    app.send("downloads", &job.to_string()).await;
    app.until_empty("downloads").await;
    app.until_empty("emails").await;
    let failed = app.operator().failed("emails").await.items;
    assert_eq!((failed.len(), failed[0].tries), (1, 3), "{failed:?}");
    let (first, last) = (Some(failed[0].first_failed_at), failed[0].last_failed_at);
    assert!(download.ready_at < first && first < last, "{failed:?}");
    assert_eq!(failed[0].dead_letters, 2);
}
