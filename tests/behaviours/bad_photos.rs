use api_types::PhotoView;
use domain::{RecordError, photo::PhotoStatus};
use reqwest::StatusCode;
use serde_json::json;
use tests::{TestApp, encode, jpeg, unzip};

#[tokio::test(flavor = "multi_thread")]
async fn bad_file_fails_and_cannot_be_ordered() {
    let app = TestApp::start().await;
    let whole = jpeg(1, 800, 600);
    let png = encode(1, 80, 60, image::ImageFormat::Png);
    let cases: [(&str, &[u8]); 4] = [
        ("truncated.jpg", &whole[..whole.len() / 2]),
        ("text.jpg", b"This is no photo but a letter to the photographer.\n"),
        ("cut.jpg", &png[..png.len() / 2]),
        ("zeros.jpg", &[0; 4096]),
    ];
    for (name, bytes) in cases {
        let id = app.upload("anna", name, "image/jpeg", bytes).await.unwrap();
        let photo: PhotoView = app.until_view("anna", &format!("/photos/{id}"), &["ready", "failed"]).await;
        assert_eq!(photo.status, PhotoStatus::Failed, "{name}: {photo:?}");
        let RecordError { code, message } = photo.error.unwrap();
        assert!(!code.is_empty());
        assert!(message.len() > 20 && message.ends_with('.'), "{message}");
        app.until_empty("photos").await;
        assert_eq!(app.depth("photos-dlq").await, 0, "a rejected photo leaves no dead letter");

        let customer = json!({ "name": "E", "email": "e@example.com" });
        let order = json!({ "reference": "B", "customer": customer, "photo_ids": [id] });
        let refused = app.post("anna", "/orders", order).await;
        assert_eq!(refused.status, StatusCode::UNPROCESSABLE_ENTITY);
        assert_eq!(refused.body["photos"][0]["reason"], "failed");
    }
}

/// A PNG that was registered as a JPEG is a PNG, in its record and for the customer.
#[tokio::test(flavor = "multi_thread")]
async fn misnamed_photo_is_delivered_under_its_true_extension() {
    let app = TestApp::start().await;
    let png = encode(1, 80, 60, image::ImageFormat::Png);
    let id = app.upload("anna", "sunset.jpg", "image/jpeg", &png).await.unwrap();
    let photo: PhotoView = app.until_view("anna", &format!("/photos/{id}"), &["ready", "failed"]).await;
    assert_eq!((photo.status, photo.content_type.as_str()), (PhotoStatus::Ready, "image/png"), "{photo:?}");
    let order = app.order("anna", "M-1", std::slice::from_ref(&id)).await;
    let (_, link) = app.download("anna", &order, json!({ "notify": false })).await;
    let files = unzip(app.fetch(&link).await.unwrap());
    let found = files.iter().find(|(_, bytes)| *bytes == png);
    assert_eq!(found.map(|(name, _)| name.as_str()), Some("Order-M-1/sunset.png"));
    let single = json!({ "kind": "single", "photo_id": id, "notify": false });
    let made = app.post("anna", &format!("/orders/{order}/downloads"), single).await;
    let location = app.file_url(&made.text("/link")).await.unwrap();
    assert!(location.contains("sunset.png"), "{location}");
}

#[tokio::test(flavor = "multi_thread")]
async fn upload_url_accepts_only_the_announced_file() {
    let app = TestApp::start().await;
    let bytes = jpeg(1, 80, 60);
    let new = json!({ "filename": "a.jpg", "content_type": "image/jpeg", "size_bytes": bytes.len() });
    let made = app.post("anna", "/photos", new).await;
    let (upload, id) = (&made.body["upload"], made.text("/photo/id"));
    let longer = [bytes.as_slice(), b"more"].concat();
    assert!(upload["headers"].get("content-length").is_none(), "pages cannot set this header");
    assert!(!app.put(upload, longer).await.is_ok_and(|status| status.is_success()), "another length was accepted");
    let mut other_type = upload.clone();
    other_type["headers"]["content-type"] = "text/html".into();
    assert!(!app.put(&other_type, bytes.clone()).await.unwrap().is_success(), "another type was accepted");
    assert_eq!(app.get("anna", &format!("/photos/{id}")).await.body["status"], "awaiting_upload");
    assert_eq!(app.put(upload, bytes.clone()).await.unwrap(), StatusCode::OK);
    assert_eq!(app.put(upload, bytes).await.unwrap(), StatusCode::PRECONDITION_FAILED, "an original is never changed");
    app.until("anna", &format!("/photos/{id}"), &["ready"]).await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn photo_other_than_announced_is_refused() {
    let app = TestApp::start().await;
    let bytes = jpeg(1, 80, 60);
    let sha256 = "ab".repeat(32);
    let new = json!({ "filename": "a.jpg", "content_type": "image/jpeg", "size_bytes": bytes.len(), "sha256": sha256 });
    let made = app.post("anna", "/photos", new).await;
    let put = app.put(&made.body["upload"], bytes).await.unwrap();
    if put.is_success() {
        let path = format!("/photos/{}", made.text("/photo/id"));
        let photo: PhotoView = app.until_view("anna", &path, &["ready", "failed"]).await;
        assert_eq!(photo.error.unwrap().code, "checksum_mismatch");
    }
}
