use api_types::{DownloadState, DownloadView};
use serde_json::json;
use tests::{TestApp, jpeg};

#[tokio::test(flavor = "multi_thread")]
async fn exhausted_attempts_fail_the_record_and_notify() {
    let app = TestApp::with(|options| {
        // A bucket that does not exist is an unexpected error: the job is retried until its attempts are used up.
        options.set("archive-builder", "DOWNLOADS_BUCKET", "no-such-bucket");
    })
    .await;
    let id = app.ready_photo("anna", "a.jpg", &jpeg(1, 60, 40)).await;
    let order = app.order("anna", "T-1", &[id]).await;
    let (download, _) = app.download("anna", &order, json!({})).await;
    assert_eq!((download.status, download.attempts), (DownloadState::Failed, 2));
    assert_eq!(download.error_code.as_deref(), Some("tries_exhausted"));
    app.until_empty("downloads").await;
    assert_eq!(app.depth("downloads-dlq").await, 1);
    let emails = app.until_emails(1).await;
    assert!(emails[0].subject.contains("looking into"), "{:?}", emails[0]);
}

#[tokio::test(flavor = "multi_thread")]
async fn customer_is_notified_of_failure_once() {
    let mut app = TestApp::with(|options| {
        options.set("archive-builder", "DOWNLOADS_BUCKET", "no-such-bucket");
    })
    .await;
    let id = app.ready_photo("anna", "a.jpg", &jpeg(1, 60, 40)).await;
    let order = app.order("anna", "T-9", &[id]).await;
    let (download, _) = app.download("anna", &order, json!({})).await;
    app.until_emails(1).await;
    // The archive's own message must go first: otherwise the next build would receive it as a duplicate.
    app.until_empty("downloads").await;
    let path = format!("/downloads/{}", download.id);
    for build in [2, 3] {
        let again = app.post("anna", &format!("{path}/retry"), json!({})).await;
        assert_eq!(again.body["download"]["build"], build, "{again:?}");
        app.until("anna", &path, &["failed"]).await.unwrap();
        app.until_empty("downloads").await;
        app.until_empty("emails").await;
        assert_eq!(app.emails().await.len(), 1, "build {build}");
    }
    app.restart(|options| options.overrides.clear()).await;
    app.post("anna", &format!("{path}/retry"), json!({})).await;
    app.until("anna", &path, &["ready"]).await.unwrap();
    let emails = app.until_emails(2).await;
    assert!(emails[1].subject.contains("ready"), "{:?}", emails[1]);
}

#[tokio::test(flavor = "multi_thread")]
async fn lost_or_replaced_original_fails_the_download() {
    let app = TestApp::start().await;
    let kept = app.ready_photo("anna", "kept.jpg", &jpeg(1, 60, 40)).await;
    let lost = app.ready_photo("anna", "lost.jpg", &jpeg(2, 60, 40)).await;
    let replaced = app.ready_photo("anna", "replaced.jpg", &jpeg(3, 60, 40)).await;
    let s3 = app.s3();
    for (id, name, code) in [(&lost, "lost.jpg", "photo_missing"), (&replaced, "replaced.jpg", "photo_changed")] {
        let key = format!("originals/anna/{id}");
        s3.delete_object().bucket("photos").key(&key).send().await.unwrap();
        let order = app.order("anna", name, &[kept.clone(), id.clone()]).await;
        if code == "photo_changed" {
            // The new bytes are no photo: the record keeps its processed state or fails. In both cases the error names
            // the photo.
            s3.put_object().bucket("photos").key(&key).body(b"other bytes".to_vec().into()).send().await.unwrap();
        }
        let made = app.post("anna", &format!("/orders/{order}/downloads"), json!({ "notify": false })).await;
        if made.status == 409 {
            assert!(made.body.to_string().contains(id.as_str()), "{made:?}");
            continue;
        }
        let path = format!("/downloads/{}", made.text("/download/id"));
        let download: DownloadView = app.until_view("anna", &path, &["ready", "failed"]).await;
        assert_eq!(download.status, DownloadState::Failed);
        let message = download.error_message.unwrap();
        assert!(message.contains(name) || message.contains(id.as_str()), "{message}");
    }
}
