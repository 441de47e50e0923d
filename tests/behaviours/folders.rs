//! Folders and duplicates of photos: lists by them, and orders of a whole folder.

use std::cmp::Reverse;

use api_types::{OrderWithPhotos, Page, PhotoView};
use reqwest::StatusCode;
use serde_json::{Value, json};
use tests::{TestApp, jpeg};

/// Stores photos in folders by an S3 client and returns them by file name.
async fn filled(app: &TestApp, paths: &[&str]) -> Vec<PhotoView> {
    for (seed, path) in (1..).zip(paths) {
        let put = app.s3().put_object().bucket("photos").key(format!("incoming/anna/{path}"));
        put.body(jpeg(seed, 60, 40).into()).send().await.unwrap();
    }
    until_ready(app, paths.len()).await
}

async fn until_ready(app: &TestApp, count: usize) -> Vec<PhotoView> {
    for _ in 0..300 {
        let mut ready = list(app, "status=ready").await;
        if ready.len() == count {
            ready.sort_by(|a, b| a.filename.cmp(&b.filename));
            return ready;
        }
        tokio::time::sleep(std::time::Duration::from_millis(100)).await;
    }
    panic!("{:?}", list(app, "limit=200").await);
}

async fn list(app: &TestApp, query: &str) -> Vec<PhotoView> {
    app.get("anna", &format!("/photos?{query}")).await.view::<Page<PhotoView>>().items
}

fn names(photos: &[PhotoView]) -> Vec<&str> {
    photos.iter().map(|photo| photo.filename.as_str()).collect()
}

fn order(rest: &Value) -> Value {
    let mut order = json!({ "reference": "F-1", "customer": { "name": "Eva", "email": "eva@example.com" } });
    order.as_object_mut().unwrap().extend(rest.as_object().unwrap().clone());
    order
}

#[tokio::test(flavor = "multi_thread")]
async fn lists_filter_by_folder_hash_and_time() {
    let app = TestApp::start().await;
    let photos = filled(&app, &["w/1.jpg", "w/2.jpg", "w/c/3.jpg", "4.jpg"]).await;
    // Uploads are taken in in any order.
    let since = photos[0].created_at.max(photos[1].created_at);
    let newest_first = |photos: &[PhotoView]| photos.is_sorted_by_key(|photo| Reverse(photo.created_at));
    let of_folder = list(&app, "folder=w").await;
    assert!(of_folder.len() == 2 && newest_first(&of_folder), "{of_folder:?}");
    assert_eq!(names(&list(&app, "folder=w%2Fc").await), ["3.jpg"]);
    assert_eq!(names(&list(&app, "folder=x").await), Vec::<&str>::new());
    assert_eq!(names(&list(&app, "folder=%2Fw%2F%2Fc%2F").await), ["3.jpg"], "empty parts do not matter");
    let hash = photos[2].sha256.clone().unwrap();
    assert_eq!(names(&list(&app, &format!("sha256={}", hash.to_ascii_uppercase())).await), ["3.jpg"]);
    assert_eq!(names(&list(&app, &format!("folder=w&since={since}")).await), names(&of_folder[..1]));
    let newer = photos.iter().filter(|photo| photo.created_at >= since).count();
    assert_eq!(list(&app, &format!("since={since}")).await.len(), newer);
    let long = format!("folder={}", "x".repeat(2_000));
    for (query, field) in [
        ("status=ready&folder=w", "folder"),
        ("folder=w&sha256=00", "sha256"),
        ("since=now", "since"),
        (long.as_str(), "folder"),
    ] {
        let refused = app.get("anna", &format!("/photos?{query}")).await;
        assert_eq!((refused.status, refused.text("/field").as_str()), (StatusCode::UNPROCESSABLE_ENTITY, field));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn folder_is_ordered_as_a_whole_or_not_at_all() {
    let app = TestApp::start().await;
    let photos = filled(&app, &["w/b.jpg", "w/a.jpg", "w/c/x.jpg"]).await;
    let put = app.s3().put_object().bucket("photos").key("incoming/anna/w/notes.txt").body(b"no photo".to_vec().into());
    put.send().await.unwrap();
    app.until_quiet("uploads").await;
    app.until_quiet("photos").await;
    let wrong = app.post("anna", "/orders", order(&json!({ "folder": "w", "expected_count": 3 }))).await;
    assert_eq!((wrong.status, wrong.text("/field").as_str()), (StatusCode::CONFLICT, "expected_count"), "{wrong:?}");
    let right = order(&json!({ "folder": "w", "expected_count": 2 }));
    let made = app.post_keyed("anna", "/orders", "f-1", right.clone()).await;
    assert_eq!(made.status, StatusCode::CREATED, "{made:?}");
    let made: OrderWithPhotos = made.view();
    assert_eq!(made.photo_ids, [photos[0].id, photos[1].id], "by file name");
    let again: OrderWithPhotos = app.post_keyed("anna", "/orders", "f-1", right).await.view();
    assert_eq!(again.photo_ids, made.photo_ids);
    for (rest, field) in [
        (json!({ "folder": "w" }), "expected_count"),
        (json!({}), "photo_ids"),
        (json!({ "folder": "w", "photo_ids": [photos[0].id] }), "photo_ids"),
        (json!({ "photo_ids": [photos[0].id], "expected_count": 1 }), "folder"),
    ] {
        let refused = app.post("anna", "/orders", order(&rest)).await;
        assert_eq!((refused.status, refused.text("/field").as_str()), (StatusCode::UNPROCESSABLE_ENTITY, field));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn photo_names_the_older_one_with_the_same_original() {
    let app = TestApp::start().await;
    let bytes = jpeg(1, 60, 40);
    let first = app.ready_photo("anna", "a.jpg", &bytes).await;
    let second = app.ready_photo("anna", "b.jpg", &bytes).await;
    app.ready_photo("berta", "c.jpg", &bytes).await;
    let of = async |studio: &str, id: &str| app.get(studio, &format!("/photos/{id}")).await.text("/duplicate_of");
    assert_eq!((of("anna", &first).await, of("anna", &second).await), (String::new(), first.clone()));
    let hash = app.get("anna", &format!("/photos/{first}")).await.text("/sha256");
    assert_eq!(list(&app, &format!("sha256={hash}")).await.len(), 2, "those of other studios are not listed");
}
