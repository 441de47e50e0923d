use api_types::{DownloadState, DownloadView, PhotoView};
use jiff::Timestamp;
use reqwest::StatusCode;
use serde_json::json;
use tests::{TestApp, campaigns::Stops, jpeg};

/// Uploads photos and waits until they are processed. Returns their ids, oldest first.
async fn ready_photos(app: &TestApp, count: u32) -> Vec<String> {
    let mut ids = Vec::new();
    for n in 0..count {
        ids.push(app.upload("anna", &format!("{n}.jpg"), "image/jpeg", &jpeg(n, 30, 20)).await.unwrap());
    }
    for id in &ids {
        app.until("anna", &format!("/photos/{id}"), &["ready"]).await.unwrap();
    }
    ids
}

async fn processed_at(app: &TestApp, ids: &[String]) -> Vec<Timestamp> {
    let mut times = Vec::new();
    for id in ids {
        let photo: PhotoView = app.until_view("anna", &format!("/photos/{id}"), &["ready"]).await;
        times.push(photo.processed_at.unwrap());
    }
    times
}

#[tokio::test(flavor = "multi_thread")]
async fn selected_photos_are_processed_again_and_counted() {
    let app = TestApp::start().await;
    let ids = ready_photos(&app, 3).await;
    let bad = app.upload("anna", "bad.jpg", "image/jpeg", b"no photo at all").await.unwrap();
    app.until("anna", &format!("/photos/{bad}"), &["failed"]).await.unwrap();
    let awaited = json!({ "filename": "a.jpg", "content_type": "image/jpeg", "size_bytes": 10 });
    app.post("anna", "/photos", awaited).await;
    let other = app.ready_photo("berta", "b.jpg", &jpeg(9, 30, 20)).await;
    let others = app.get("berta", &format!("/photos/{other}")).await.view::<PhotoView>().processed_at;
    let before = processed_at(&app, &ids).await;

    for (which, done) in [
        (json!({ "which": "failed" }), 1),
        (json!({ "which": "older" }), 0),
        (json!({ "which": "older", "processor_version": 99 }), 3),
        (json!({ "which": "all" }), 4),
    ] {
        let begun = app.post("anna", "/photos/process", which.clone()).await;
        let ended = app.until_done("anna", &begun).await;
        assert_eq!((&ended["done"], &ended["kind"]), (&json!(done), &json!("regenerate")), "{which}");
        app.until_empty("photos").await;
    }
    let after = processed_at(&app, &ids).await;
    assert!(before.iter().zip(&after).all(|(before, after)| before != after), "{before:?} {after:?}");
    assert_eq!(app.get("berta", &format!("/photos/{other}")).await.view::<PhotoView>().processed_at, others);
    for wrong in [
        json!({}),
        json!({ "which": "some" }),
        json!({ "which": "all", "processor_version": 1 }),
        json!({ "which": "older", "processor_version": 0 }),
        json!({ "which": "all", "when": "now" }),
    ] {
        assert_eq!(app.post("anna", "/photos/process", wrong.clone()).await.status, 422, "{wrong}");
    }
}

/// A photo that is processed again stays deliverable, and a photo in progress is not processed twice.
#[tokio::test(flavor = "multi_thread")]
async fn photo_stays_deliverable_while_processed_again() {
    let app = TestApp::with(|options| options.by_hand = true).await;
    let id = app.upload("anna", "a.jpg", "image/jpeg", &jpeg(1, 60, 40)).await.unwrap();
    app.work().await;
    let process = format!("/photos/{id}/process");
    let pending = app.post("anna", &process, json!({})).await;
    assert_eq!((pending.status, pending.text("/status")), (StatusCode::ACCEPTED, "pending".into()));
    assert!(pending.body["derivatives"]["preview"].is_object(), "{pending:?}");
    let twice = app.post("anna", &process, json!({})).await;
    assert_eq!((twice.status, twice.text("/type")), (StatusCode::CONFLICT, "/problems/under-way".into()));
    let order = app.order("anna", "G-1", std::slice::from_ref(&id)).await;
    let made = app.post("anna", &format!("/orders/{order}/downloads"), json!({ "notify": false })).await;
    assert_eq!(made.status, StatusCode::ACCEPTED, "{made:?}");
    app.work().await;
    let download: DownloadView = app.get("anna", &format!("/downloads/{}", made.text("/download/id"))).await.view();
    assert_eq!(download.status, DownloadState::Ready, "{download:?}");
    assert_eq!(app.get("anna", &format!("/photos/{id}")).await.body["status"], "ready");

    let awaited = json!({ "filename": "a.jpg", "content_type": "image/jpeg", "size_bytes": 10 });
    let awaited = app.post("anna", "/photos", awaited).await.text("/photo/id");
    let refused = app.post("anna", &format!("/photos/{awaited}/process"), json!({})).await;
    assert_eq!((refused.status, refused.text("/type")), (StatusCode::CONFLICT, "/problems/not-uploaded".into()));
}

/// The worker stops at one await point after the other during the operation: every photo is processed again, and the
/// operation finishes.
#[tokio::test(flavor = "multi_thread")]
async fn operation_resumes_after_crash_and_misses_no_photo() {
    let stops = Stops::default();
    let app = TestApp::with(|options| {
        options.by_hand = true;
        options.clock = runtime::clock::Clock::movable();
        options.layer = Some(stops.layer());
    })
    .await;
    let mut ids = Vec::new();
    for n in 0..5 {
        ids.push(app.upload("anna", &format!("{n}.jpg"), "image/jpeg", &jpeg(n, 30, 20)).await.unwrap());
    }
    app.work().await;
    for waits in (0..).step_by(3) {
        let before = processed_at(&app, &ids).await;
        let begun = app.post("anna", "/photos/process", json!({ "which": "all" })).await;
        stops.aim("housekeeper", 1, waits);
        app.system().step().await.unwrap();
        if !stops.struck() {
            assert!(waits > 10, "the worker waited only {waits} times");
            break;
        }
        // The lease and the message's visibility timeout have ended. The sweep finds records without a message.
        for _ in 0..4 {
            app.system().advance(std::time::Duration::from_secs(2_000));
            app.system().sweep().await.unwrap();
            app.work().await;
        }
        let path = format!("/operations/{}", begun.text("/operation/id"));
        let ended = app.get("anna", &path).await.body;
        assert_eq!(ended["status"], "done", "wait {waits}: {ended}");
        let after = processed_at(&app, &ids).await;
        assert!(before.iter().zip(&after).all(|(before, after)| before != after), "wait {waits}");
    }
}

/// S3's event was lost. On request to process the photo, the API finds the original.
#[tokio::test(flavor = "multi_thread")]
async fn upload_without_event_is_processed_on_request() {
    let app = TestApp::with(|options| options.by_hand = true).await;
    let id = app.upload("anna", "a.jpg", "image/jpeg", &jpeg(1, 60, 40)).await.unwrap();
    app.system().queues().purge("photos").unwrap();
    assert_eq!(app.get("anna", &format!("/photos/{id}")).await.body["status"], "awaiting_upload");
    let asked = app.post("anna", &format!("/photos/{id}/process"), json!({ "queue": false })).await;
    assert_eq!((asked.status, asked.text("/status")), (StatusCode::OK, "ready".into()), "{asked:?}");
}

/// A processor that refuses what an older version accepted does not take photos from the customers who bought them.
#[tokio::test(flavor = "multi_thread")]
async fn photo_that_fails_reprocessing_stays_deliverable() {
    let mut app = TestApp::start().await;
    let photo = app.ready_photo("anna", "a.jpg", &jpeg(1, 60, 40)).await;
    app.restart(|options| {
        options.set("photo-processor", "PHOTOS_BUCKET", "no-such-bucket");
        options.set("photo-processor", "RETRY_BACKOFF_SECONDS", "0");
    })
    .await;
    app.post("anna", &format!("/photos/{photo}/process"), json!({})).await;
    app.until("anna", &format!("/photos/{photo}"), &["failed"]).await.unwrap();
    let order = app.order("anna", "G-2", std::slice::from_ref(&photo)).await;
    let (download, _) = app.download("anna", &order, json!({ "notify": false })).await;
    assert_eq!(download.status, DownloadState::Ready, "{download:?}");
}

/// With KMS encryption, the same bytes stored again have another ETag, and archives in progress require the old one.
#[tokio::test(flavor = "multi_thread")]
async fn unchanged_pictures_are_not_stored_again() {
    let app = TestApp::start().await;
    let photo = app.ready_photo("anna", "a.jpg", &jpeg(1, 60, 40)).await;
    let s3 = app.s3();
    let listed = async || {
        let listed = s3.list_objects_v2().bucket("photos").prefix("derivatives/").send().await.unwrap();
        let stored =
            listed.contents.unwrap().into_iter().map(|object| (object.key.unwrap(), object.last_modified.unwrap()));
        stored.collect::<Vec<_>>()
    };
    let before = listed().await;
    assert_eq!(before.len(), 2);
    // S3's timestamps have a resolution of one second.
    tokio::time::sleep(std::time::Duration::from_millis(1_100)).await;
    let again = app.post("anna", &format!("/photos/{photo}/process"), json!({ "queue": false })).await;
    assert_eq!(again.text("/status"), "ready");
    assert_eq!(listed().await, before);

    // A missing picture is created again.
    s3.delete_object().bucket("photos").key(&before[0].0).send().await.unwrap();
    app.post("anna", &format!("/photos/{photo}/process"), json!({ "queue": false })).await;
    assert_eq!(listed().await.len(), 2);
}
