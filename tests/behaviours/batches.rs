//! Batches of new photos, and photos that are reused instead of created.

use api_types::{PhotoWithUpload, PhotosWithUploads};
use domain::photo::PhotoStatus;
use futures::future::join_all;
use reqwest::StatusCode;
use serde_json::{Value, json};
use sha2::{Digest as _, Sha256};
use tests::{TestApp, jpeg};

fn new(name: &str, bytes: &[u8]) -> Value {
    json!({ "filename": name, "content_type": "image/jpeg", "size_bytes": bytes.len(), "folder": "/w//c/" })
}

#[tokio::test(flavor = "multi_thread")]
async fn batch_creates_each_photo_once() {
    let app = TestApp::start().await;
    let files: Vec<_> = (0..100).map(|seed| jpeg(seed, 40, 30)).collect();
    let photos: Vec<_> = files.iter().enumerate().map(|(n, file)| new(&format!("{n:03}.jpg"), file)).collect();
    let body = json!({ "photos": photos });
    let create = async || app.post_keyed("anna", "/photos/batch", "b-1", body.clone()).await;
    let made = create().await;
    assert_eq!(made.status, StatusCode::CREATED, "{made:?}");
    let made: PhotosWithUploads = made.view();
    assert_eq!(made.items.len(), 100);
    for (n, item) in made.items.iter().enumerate() {
        assert_eq!((item.photo.filename.clone(), item.photo.folder.as_deref()), (format!("{n:03}.jpg"), Some("w/c")));
    }
    let again: PhotosWithUploads = create().await.view();
    let ids = |made: &PhotosWithUploads| made.items.iter().map(|item| item.photo.id).collect::<Vec<_>>();
    assert_eq!(ids(&again), ids(&made));
    let uploads = again.items.iter().zip(&files).take(3).map(|(item, file)| async {
        let upload = serde_json::to_value(&item.upload).unwrap();
        app.put(&upload, file.clone()).await.unwrap()
    });
    assert_eq!(join_all(uploads).await, [StatusCode::OK; 3]);
    for item in &made.items[..3] {
        app.until("anna", &format!("/photos/{}", item.photo.id), &["ready"]).await.unwrap();
    }
    let third: PhotosWithUploads = create().await.view();
    assert!(third.items[..3].iter().all(|item| item.upload.is_none()), "those that have arrived need no upload");
    assert!(third.items[3..].iter().all(|item| item.upload.is_some()));
}

#[tokio::test(flavor = "multi_thread")]
async fn batch_with_an_invalid_photo_creates_none() {
    let app = TestApp::start().await;
    for (photos, field) in [
        (json!([new("a.jpg", b"1"), new("", b"1")]), "photos[1].filename"),
        (json!([new("a.jpg", b"")]), "photos[0].size_bytes"),
        (json!([]), "photos"),
        (json!(vec![new("a.jpg", b"1"); 101]), "photos"),
        (json!([new("a.jpg", b"1"), 7]), "photos[1]"),
    ] {
        let refused = app.post("anna", "/photos/batch", json!({ "photos": photos })).await;
        assert_eq!((refused.status, refused.text("/field").as_str()), (StatusCode::UNPROCESSABLE_ENTITY, field));
    }
    assert_eq!(app.get("anna", "/photos").await.body["items"], json!([]));
}

#[tokio::test(flavor = "multi_thread")]
async fn known_original_is_reused_on_request() {
    let app = TestApp::start().await;
    let bytes = jpeg(1, 60, 40);
    let first = app.ready_photo("anna", "a.jpg", &bytes).await;
    let sha256 = hex::encode(Sha256::digest(&bytes));
    let mut photo = new("b.jpg", &bytes);
    photo["on_duplicate"] = "reuse".into();
    let refused = app.post("anna", "/photos", photo.clone()).await;
    assert_eq!((refused.status.as_u16(), refused.text("/field").as_str()), (422, "sha256"));
    photo["sha256"] = sha256.into();
    for _ in 0..2 {
        let answer: PhotoWithUpload = app.post_keyed("anna", "/photos", "r-1", photo.clone()).await.view();
        assert_eq!((answer.photo.id.to_string(), answer.photo.status), (first.clone(), PhotoStatus::Ready));
        assert!(answer.upload.is_none());
    }
    let batch = json!({ "photos": [photo, new("c.jpg", &bytes)] });
    let mixed: PhotosWithUploads = app.post("anna", "/photos/batch", batch).await.view();
    assert_eq!(mixed.items[0].photo.id.to_string(), first);
    assert!(mixed.items[1].photo.id.to_string() != first && mixed.items[1].upload.is_some());
    let others = app.post("berta", "/photos", photo).await.view::<PhotoWithUpload>();
    assert!(others.upload.is_some(), "photos of other studios are not answer");
}
