use std::{collections::HashMap, time::Duration};

use api_types::DownloadState;
use aws_sdk_dynamodb::types::AttributeValue;
use domain::photo::Photo;
use jiff::Timestamp;
use reqwest::StatusCode;
use runtime::{store::Table, world::World};
use serde_json::json;
use tests::{TestApp, campaigns::Stops, jpeg, oracle::table};

#[tokio::test(flavor = "multi_thread")]
async fn deleted_photo_is_gone_and_ordered_one_stays() {
    let app = TestApp::start().await;
    let ordered = app.ready_photo("anna", "ordered.jpg", &jpeg(1, 60, 40)).await;
    let spare = app.ready_photo("anna", "spare.jpg", &jpeg(2, 60, 40)).await;
    let order = app.order("anna", "X-1", std::slice::from_ref(&ordered)).await;

    let refused = app.delete("anna", &format!("/photos/{ordered}")).await;
    assert_eq!((refused.status, refused.text("/type")), (StatusCode::CONFLICT, "/problems/photo-ordered".into()));
    assert_eq!(refused.text("/order_id"), order);
    assert_eq!(app.get("anna", &format!("/photos/{ordered}")).await.body["status"], "ready");
    app.download("anna", &order, json!({ "notify": false })).await;

    assert_eq!(app.delete("berta", &format!("/photos/{spare}")).await.status, StatusCode::NOT_FOUND);
    assert_eq!(app.delete("anna", &format!("/photos/{spare}")).await.status, StatusCode::NO_CONTENT);
    assert_eq!(app.get("anna", &format!("/photos/{spare}")).await.status, StatusCode::NOT_FOUND);
    assert_eq!(app.delete("anna", &format!("/photos/{spare}")).await.status, StatusCode::NOT_FOUND);
    let left = app.s3().list_objects_v2().bucket("photos").send().await.unwrap();
    let left: Vec<_> = left.contents.unwrap_or_default().into_iter().filter_map(|object| object.key).collect();
    assert!(left.iter().all(|key| !key.contains(&spare)) && left.len() == 3, "{left:?}");

    let customer = json!({ "name": "E", "email": "e@example.com" });
    let order = json!({ "reference": "X-2", "customer": customer, "photo_ids": [spare] });
    let refused = app.post("anna", "/orders", order).await;
    assert_eq!(refused.body["photos"], json!([{ "id": spare, "reason": "unknown" }]));
}

#[tokio::test(flavor = "multi_thread")]
async fn concurrent_deletion_leaves_no_order_incomplete() {
    let app = TestApp::start().await;
    let customer = json!({ "name": "E", "email": "e@example.com" });
    for n in 0..20 {
        let new = json!({ "filename": "a.jpg", "content_type": "image/jpeg", "size_bytes": 10 });
        let photo = app.post("anna", "/photos", new).await.text("/photo/id");
        let order = json!({ "reference": format!("R-{n}"), "customer": customer, "photo_ids": [photo] });
        let path = format!("/photos/{photo}");
        let (ordered, deleted) = tokio::join!(app.post("anna", "/orders", order), app.delete("anna", &path));
        let exists = app.get("anna", &path).await.status == StatusCode::OK;
        match (ordered.status.as_u16(), deleted.status.as_u16()) {
            (201 | 422, 409) => assert!(exists, "{ordered:?} {deleted:?}"),
            (422, 204) => assert!(!exists, "{ordered:?} {deleted:?}"),
            other => panic!("{other:?}: {ordered:?} {deleted:?}"),
        }
    }
}

/// S3 carries a worker's request out minutes after it was given up.
#[tokio::test(flavor = "multi_thread")]
async fn picture_stored_after_its_photo_was_deleted_is_removed() {
    let app = TestApp::by_hand().await;
    let photo = app.upload("anna", "a.jpg", "image/jpeg", &jpeg(1, 60, 40)).await.unwrap();
    app.work().await;
    let pictures = async || {
        let listing = app.s3().list_objects_v2().bucket("photos").prefix("derivatives/").send().await.unwrap();
        listing.contents.unwrap_or_default().into_iter().filter_map(|object| object.key).collect::<Vec<_>>()
    };
    let [late, ..] = &pictures().await[..] else { panic!("a ready photo has pictures") };
    assert_eq!(app.delete("anna", &format!("/photos/{photo}")).await.status, StatusCode::NO_CONTENT);
    app.s3().put_object().bucket("photos").key(late).body(b"late".to_vec().into()).send().await.unwrap();
    for (wait, left) in [(60, 1), (1_200, 0)] {
        app.system().advance(Duration::from_secs(wait));
        app.system().sweep().await.unwrap();
        app.work().await;
        assert_eq!(pictures().await.len(), left, "after {wait} s");
    }
}

/// DynamoDB carries the announcement's write out once more, after the photo was deleted.
#[tokio::test(flavor = "multi_thread")]
async fn photo_that_a_late_write_creates_again_is_removed() {
    let app = TestApp::by_hand().await;
    let new = json!({ "filename": "a.jpg", "content_type": "image/jpeg", "size_bytes": 10 });
    let id = app.post("anna", "/photos", new).await.text("/photo/id");
    let photos = Table::<Photo>::new(app.dynamodb(), "photos", &World::system());
    let announced = photos.get(&"anna".parse().unwrap(), id.parse().unwrap()).await.unwrap().unwrap();
    let path = format!("/photos/{id}");
    assert_eq!(app.delete("anna", &path).await.status, StatusCode::NO_CONTENT);
    photos.create(&announced).await.unwrap();
    let customer = json!({ "name": "E", "email": "e@example.com" });
    let order = json!({ "reference": "X-2", "customer": customer, "photo_ids": [id] });
    let refused = app.post("anna", "/orders", order).await;
    assert_eq!(refused.body["photos"], json!([{ "id": id, "reason": "unknown" }]));
    app.system().advance(Duration::from_secs(2 * 3600));
    app.system().sweep().await.unwrap();
    app.work().await;
    assert_eq!(app.get("anna", &path).await.status, StatusCode::NOT_FOUND);
}

#[tokio::test(flavor = "multi_thread")]
async fn late_upload_of_deleted_photo_is_deleted() {
    let app = TestApp::start().await;
    let bytes = jpeg(1, 60, 40);
    let new = json!({ "filename": "a.jpg", "content_type": "image/jpeg", "size_bytes": bytes.len() });
    let made = app.post("anna", "/photos", new).await;
    let path = format!("/photos/{}", made.text("/photo/id"));
    assert_eq!(app.delete("anna", &path).await.status, StatusCode::NO_CONTENT);
    assert_eq!(app.put(&made.body["upload"], bytes).await.unwrap(), StatusCode::OK);
    app.until_empty("photos").await;
    assert_eq!(app.depth("photos-dlq").await, 0);
    assert_eq!(app.get("anna", &path).await.status, StatusCode::NOT_FOUND);
    let left = app.s3().list_objects_v2().bucket("photos").send().await.unwrap();
    assert!(left.contents.unwrap_or_default().is_empty(), "what arrives under a deleted photo's URL is deleted");

    // Objects of photos that nobody has deleted stay, whatever they are.
    let stray = format!("originals/anna/{}", uuid::Uuid::now_v7());
    app.s3().put_object().bucket("photos").key(&stray).body(jpeg(2, 60, 40).into()).send().await.unwrap();
    app.until_empty("photos").await;
    app.s3().head_object().bucket("photos").key(&stray).send().await.unwrap();
}

/// The photo was registered and ordered; its upload is later than the retention of a record without one.
#[tokio::test(flavor = "multi_thread")]
async fn ordered_photo_awaiting_upload_is_not_forgotten() {
    let app = TestApp::start().await;
    let new = json!({ "filename": "a.jpg", "content_type": "image/jpeg", "size_bytes": 10 });
    let photo = app.post("anna", "/photos", new).await.text("/photo/id");
    assert!(item(&app, &photo).await.contains_key("ttl"));
    app.order("anna", "X-7", std::slice::from_ref(&photo)).await;
    assert!(!item(&app, &photo).await.contains_key("ttl"));
}

async fn item(app: &TestApp, photo: &str) -> HashMap<String, AttributeValue> {
    let env = app.env();
    let dynamodb = runtime::aws::dynamodb(&env, &runtime::aws::config(&env, runtime::aws::Patience::Job).unwrap());
    let get = dynamodb.get_item().table_name(env.required("PHOTOS_TABLE").unwrap());
    let text = |text: &str| AttributeValue::S(text.to_owned());
    get.key("studio", text("anna")).key("id", text(photo)).send().await.unwrap().item.unwrap()
}

/// The API stops at each of its await points while it checks whether an order contains the photo: the photo stays.
#[tokio::test(flavor = "multi_thread")]
async fn ordered_photo_survives_repeated_interrupted_deletion() {
    let stops = Stops::default();
    let app = TestApp::with(|options| options.layer = Some(stops.layer())).await;
    let photo = app.ready_photo("anna", "a.jpg", &jpeg(1, 60, 40)).await;
    app.order("anna", "X-3", std::slice::from_ref(&photo)).await;
    let path = format!("/photos/{photo}");
    for waits in 0.. {
        stops.aim("api", 1, waits);
        let first = app.delete("anna", &path).await;
        let again = app.delete("anna", &path).await;
        assert_eq!(again.text("/type"), "/problems/photo-ordered", "wait {waits}: {again:?}");
        assert_eq!(app.get("anna", &path).await.body["status"], "ready", "wait {waits}");
        if !stops.struck() {
            assert_eq!(first.text("/type"), "/problems/photo-ordered");
            assert!(waits > 0, "the request never waited");
            break;
        }
    }
}

/// The API stops at each of its await points in turn; a repeated request continues the deletion.
#[tokio::test(flavor = "multi_thread")]
async fn interrupted_deletion_is_finished_on_repeat() {
    let stops = Stops::default();
    let app = TestApp::with(|options| options.layer = Some(stops.layer())).await;
    for waits in 0.. {
        let photo = app.ready_photo("anna", "a.jpg", &jpeg(1, 60, 40)).await;
        let path = format!("/photos/{photo}");
        stops.aim("api", 1, waits);
        let first = app.delete("anna", &path).await;
        if !stops.struck() {
            assert_eq!(first.status, StatusCode::NO_CONTENT);
            assert!(waits > 5, "the request waited only {waits} times");
            break;
        }
        let again = app.delete("anna", &path).await.status;
        assert!([StatusCode::NO_CONTENT, StatusCode::NOT_FOUND].contains(&again), "wait {waits}: {again}");
        assert_eq!(app.get("anna", &path).await.status, StatusCode::NOT_FOUND, "wait {waits}");
        let left = app.s3().list_objects_v2().bucket("photos").send().await.unwrap();
        assert!(left.contents.unwrap_or_default().is_empty(), "wait {waits}");
    }
}

/// A request to delete a photo stops at each of its await points while an archive with the photo is built.
#[tokio::test(flavor = "multi_thread")]
async fn download_is_built_despite_interrupted_deletion() {
    let stops = Stops::default();
    let app = TestApp::with(|options| options.layer = Some(stops.layer())).await;
    let photo = app.ready_photo("anna", "a.jpg", &jpeg(1, 60, 40)).await;
    let order = app.order("anna", "X-4", std::slice::from_ref(&photo)).await;
    for waits in 0.. {
        stops.aim("api", 1, waits);
        app.delete("anna", &format!("/photos/{photo}")).await;
        let struck = stops.struck();
        let (download, _) = app.download("anna", &order, json!({ "notify": false })).await;
        assert_eq!(download.status, DownloadState::Ready, "wait {waits}: {download:?}");
        if !struck {
            break;
        }
    }
}

/// An order and a deletion overlapped: the order was created, and the request that had marked the photo stopped before
/// it read the order.
#[tokio::test(flavor = "multi_thread")]
async fn stale_deletion_mark_on_ordered_photo_is_removed() {
    let app = TestApp::start().await;
    let photo = app.ready_photo("anna", "a.jpg", &jpeg(1, 60, 40)).await;
    app.order("anna", "X-5", std::slice::from_ref(&photo)).await;
    let photos = table::<Photo>(&app, "PHOTOS_TABLE").unwrap();
    let mark = |photo: &mut Photo| photo.begin_deleting(Timestamp::now());
    photos.update(&"anna".parse().unwrap(), photo.parse().unwrap(), mark).await.unwrap().unwrap().1.unwrap();
    let path = format!("/photos/{photo}");
    assert_eq!(app.get("anna", &path).await.body["status"], "deleting");
    assert_eq!(app.delete("anna", &path).await.text("/type"), "/problems/photo-ordered");
    assert_eq!(app.get("anna", &path).await.body["status"], "ready");
    app.order("anna", "X-6", &[photo]).await;
}

/// A request marked the photo and stopped, and its client gave up.
#[tokio::test(flavor = "multi_thread")]
async fn interrupted_deletion_without_repeat_leaves_the_photo() {
    let app = TestApp::by_hand().await;
    let photo = app.upload("anna", "a.jpg", "image/jpeg", &jpeg(1, 60, 40)).await.unwrap();
    app.work().await;
    let photos = Table::<Photo>::new(app.dynamodb(), "photos", &World::system());
    let mark = |photo: &mut Photo| photo.begin_deleting(Timestamp::now());
    photos.update(&"anna".parse().unwrap(), photo.parse().unwrap(), mark).await.unwrap().unwrap().1.unwrap();
    for (wait, status) in [(10 * 60, "deleting"), (10 * 60, "ready")] {
        app.system().advance(Duration::from_secs(wait));
        app.system().sweep().await.unwrap();
        app.work().await;
        assert_eq!(app.get("anna", &format!("/photos/{photo}")).await.body["status"], status, "after {wait} s");
    }
    app.order("anna", "X-7", &[photo]).await;
}
