//! The studio's logo: from the upload to the PNG that customers see, and what must not become one.

use std::io::Cursor;

use domain::Job;
use image::{ImageFormat, Rgba, RgbaImage};
use jiff::Timestamp;
use reqwest::{Response, StatusCode};
use serde_json::{Value, json};
use sha2::{Digest as _, Sha256};
use tests::{TestApp, jpeg, until};
use uuid::Uuid;

/// Returns a PNG that is red, half transparent on the right.
fn png(width: u32, height: u32) -> Vec<u8> {
    let picture = RgbaImage::from_fn(width, height, |x, _| Rgba([200, 20, 20, if x < width / 2 { 255 } else { 128 }]));
    let mut bytes = Cursor::new(Vec::new());
    picture.write_to(&mut bytes, ImageFormat::Png).unwrap();
    bytes.into_inner()
}

async fn announce(app: &TestApp, studio: &str, content_type: &str, size: usize) -> Value {
    let made = app.post(studio, "/studio/logo", json!({ "content_type": content_type, "size_bytes": size })).await;
    assert_eq!(made.status, StatusCode::CREATED, "{made:?}");
    made.body["upload"].clone()
}

/// Returns the key of an upload, as its URL names it.
fn key(upload: &Value) -> String {
    let url = upload["url"].as_str().unwrap();
    url.split_once("/photos/").unwrap().1.split_once('?').unwrap().0.to_owned()
}

/// Uploads a logo and returns the profile once it is processed.
async fn upload(app: &TestApp, studio: &str, content_type: &str, bytes: Vec<u8>) -> Value {
    let upload = announce(app, studio, content_type, bytes.len()).await;
    assert_eq!(app.put(&upload, bytes).await.unwrap(), StatusCode::OK);
    processed(app, studio).await
}

async fn processed(app: &TestApp, studio: &str) -> Value {
    let look = || async { Some(app.get(studio, "/studio").await.body).filter(|it| it["logo_pending"] == false) };
    until::found(look).await.expect("the logo is processed")
}

async fn get(app: &TestApp, path: &str) -> Response {
    app.http().get(format!("{}{path}", app.api())).send().await.unwrap()
}

/// Returns the path of a profile's logo, and its bytes.
async fn served(app: &TestApp, profile: &Value) -> (String, Vec<u8>) {
    let url = profile["logo"]["url"].as_str().unwrap();
    let path = url[url.find("/logos/").unwrap()..].to_owned();
    let response = get(app, &path).await;
    assert_eq!(response.status(), StatusCode::OK, "{url}");
    (path, response.bytes().await.unwrap().to_vec())
}

async fn keys(app: &TestApp) -> Vec<String> {
    let listed = app.s3().list_objects_v2().bucket("photos").prefix("logos/").send().await.unwrap();
    listed.contents.unwrap_or_default().into_iter().filter_map(|object| object.key).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn uploaded_png_is_served_without_token() {
    let app = TestApp::start().await;
    let uploaded = png(1200, 500);
    let profile = upload(&app, "anna", "image/png", uploaded.clone()).await;
    assert_eq!((&profile["logo"]["width"], &profile["logo"]["height"]), (&json!(800), &json!(333)), "{profile}");
    assert!(profile["logo_error"].is_null() && profile["updated_at"].is_string());

    let (path, bytes) = served(&app, &profile).await;
    assert_eq!(path, format!("/logos/anna/{}.png", hex::encode(Sha256::digest(&bytes))));
    let headers = get(&app, &path).await.headers().clone();
    assert_eq!(headers["content-type"], "image/png");
    assert_eq!(headers["cache-control"], "public, max-age=31536000, immutable");
    assert_eq!(headers["x-content-type-options"], "nosniff");
    let picture = image::load_from_memory_with_format(&bytes, ImageFormat::Png).unwrap().to_rgba8();
    assert_eq!((picture.get_pixel(10, 10).0, picture.get_pixel(790, 10)[3]), ([200, 20, 20, 255], 128));
    assert_eq!(keys(&app).await, [path.trim_start_matches('/')], "the upload is deleted");
}

#[tokio::test(flavor = "multi_thread")]
async fn replaced_logo_remains_and_removed_one_is_not_shown() {
    let app = TestApp::start().await;
    let settings = json!({ "name": "Foto Anna" });
    app.call("anna", reqwest::Method::PUT, "/studio", Some(settings)).await;
    let first = upload(&app, "anna", "image/png", png(60, 40)).await;
    let second = upload(&app, "anna", "image/jpeg", jpeg(1, 900, 900)).await;
    let ((old, png), (new, replaced)) = (served(&app, &first).await, served(&app, &second).await);
    assert!(old != new && png != replaced && replaced.starts_with(b"\x89PNG"), "{old} {new}");
    assert_eq!((&second["logo"]["width"], &second["name"]), (&json!(400), &json!("Foto Anna")));

    for _ in 0..2 {
        assert_eq!(app.delete("anna", "/studio/logo").await.status, StatusCode::NO_CONTENT);
        assert_eq!(app.get("anna", "/studio").await.body["logo"], json!(null));
    }
    served(&app, &second).await;
    assert_eq!(app.delete("berta", "/studio/logo").await.status, StatusCode::NO_CONTENT, "it has no profile");
}

#[tokio::test(flavor = "multi_thread")]
async fn hostile_upload_leaves_the_logo_and_says_why() {
    let app = TestApp::start().await;
    let before = upload(&app, "anna", "image/png", png(60, 40)).await;
    let mut bomb = png(1, 1);
    for at in [16, 20] {
        bomb[at..at + 4].copy_from_slice(&40_000_u32.to_be_bytes());
    }
    let checksum = crc32fast::hash(&bomb[12..29]).to_be_bytes();
    bomb[29..33].copy_from_slice(&checksum);
    let whole = png(90, 90);
    for (bytes, code) in [
        (b"PK\x03\x04 is the start of a ZIP".to_vec(), "not_a_logo"),
        (b"<svg xmlns=\"http://www.w3.org/2000/svg\" onload=\"alert(1)\"/>".to_vec(), "not_a_logo"),
        (bomb, "too_many_pixels"),
        (whole[..whole.len() / 2].to_vec(), "damaged"),
    ] {
        let profile = upload(&app, "anna", "image/png", bytes).await;
        assert_eq!(profile["logo_error"]["code"], code, "{profile}");
        assert_eq!((&profile["logo"], &profile["updated_at"]), (&before["logo"], &before["updated_at"]));
    }
    assert_eq!(keys(&app).await.len(), 1, "refused uploads are deleted");
    let after = upload(&app, "anna", "image/png", png(61, 40)).await;
    assert_eq!(after["logo_error"], json!(null), "a good one replaces the error");
}

#[tokio::test(flavor = "multi_thread")]
async fn logo_of_three_mebibytes_is_refused_at_each_step() {
    let app = TestApp::start().await;
    let large = vec![0; 3 << 20];
    let new = json!({ "content_type": "image/png", "size_bytes": large.len() });
    let refused = app.post("anna", "/studio/logo", new).await;
    assert_eq!((refused.status.as_u16(), refused.text("/field").as_str()), (422, "size_bytes"));

    let small = announce(&app, "anna", "image/png", 1000).await;
    let put = app.put(&small, large.clone()).await;
    assert!(put.as_ref().is_ok_and(|status| *status == StatusCode::FORBIDDEN), "the size is signed: {put:?}");
    assert_eq!(app.get("anna", "/studio").await.body["logo_pending"], true);

    let past_the_url = app.s3().put_object().bucket("photos").key(key(&small)).body(large.into());
    past_the_url.send().await.unwrap();
    let profile = processed(&app, "anna").await;
    assert_eq!((&profile["logo_error"]["code"], &profile["logo"]), (&json!("too_large"), &json!(null)));
}

#[tokio::test(flavor = "multi_thread")]
async fn another_name_shows_no_other_file() {
    let app = TestApp::start().await;
    let profile = upload(&app, "anna", "image/png", png(60, 40)).await;
    let (path, _) = served(&app, &profile).await;
    let hash = path.rsplit('/').next().unwrap().to_owned();
    let photo = app.ready_photo("anna", "a.jpg", &jpeg(1, 60, 40)).await;
    // Announced and stored, but not processed: no event tells of it.
    let waiting = announce(&app, "anna", "image/png", 10).await;
    let raw = key(&waiting).rsplit('/').next().unwrap().to_owned();
    for other in [
        format!("/logos/berta/{hash}"),
        format!("/logos/anna/{}", hash.to_uppercase()),
        format!("/logos/anna/{}", hash.trim_end_matches(".png")),
        format!("/logos/anna/{raw}"),
        format!("/logos/anna/{raw}.png"),
        format!("/logos/anna/..%2F..%2Foriginals%2Fanna%2F{photo}"),
        format!("/logos/..%2Foriginals/anna%2F{photo}"),
        format!("/logos/anna%2F{hash}/"),
        "/logos/%ff/%fe".to_owned(),
    ] {
        let status = get(&app, &other).await.status();
        assert_eq!(status, StatusCode::NOT_FOUND, "{other}");
    }
    let mut forged = waiting.clone();
    forged["url"] = json!(waiting["url"].as_str().unwrap().replace("/logos/anna/", "/logos/berta/"));
    assert_eq!(app.put(&forged, vec![0; 10]).await.unwrap(), StatusCode::FORBIDDEN);
}

#[tokio::test(flavor = "multi_thread")]
async fn only_the_last_announced_upload_becomes_the_logo() {
    let app = TestApp::start().await;
    let (first, second) = (png(60, 40), png(80, 40));
    let superseded = announce(&app, "anna", "image/png", first.len()).await;
    let last = announce(&app, "anna", "image/png", second.len()).await;
    assert_eq!(app.put(&superseded, first).await.unwrap(), StatusCode::OK);
    let gone = || async { keys(&app).await.is_empty().then_some(()) };
    until::found(gone).await.expect("the superseded upload is deleted");
    assert_eq!(app.get("anna", "/studio").await.body["logo_pending"], true);
    assert_eq!(app.put(&last, second).await.unwrap(), StatusCode::OK);
    let profile = processed(&app, "anna").await;
    assert_eq!(profile["logo"]["width"], 80, "{profile}");
}

#[tokio::test(flavor = "multi_thread")]
async fn removed_logo_does_not_come_back_with_a_late_upload() {
    let app = TestApp::start().await;
    let bytes = png(60, 40);
    let late = announce(&app, "anna", "image/png", bytes.len()).await;
    app.delete("anna", "/studio/logo").await;
    assert_eq!(app.put(&late, bytes).await.unwrap(), StatusCode::OK);
    let gone = || async { keys(&app).await.is_empty().then_some(()) };
    until::found(gone).await.expect("the late upload is deleted");
    assert_eq!(app.get("anna", "/studio").await.body["logo"], json!(null));
}

#[tokio::test(flavor = "multi_thread")]
async fn repeated_job_changes_nothing() {
    let app = TestApp::start().await;
    let upload = announce(&app, "anna", "image/png", png(60, 40).len()).await;
    app.put(&upload, png(60, 40)).await.unwrap();
    let profile = processed(&app, "anna").await;
    let id = key(&upload).rsplit('/').next().unwrap().parse().unwrap();
    for (studio, upload) in [("anna", id), ("anna", Uuid::from_u128(7)), ("nobody", id)] {
        let job = Job::ProcessLogo { studio: studio.parse().unwrap(), upload };
        app.send("photos", &job.encode(Timestamp::now())).await;
    }
    app.until_quiet("photos").await;
    assert_eq!(app.get("anna", "/studio").await.body, profile);
    assert_eq!(app.depth("photos-dlq").await, 0, "jobs without an upload are done");
}

#[tokio::test(flavor = "multi_thread")]
async fn repeated_request_expects_no_second_upload() {
    let app = TestApp::start().await;
    let bytes = png(60, 40);
    let announce = async || {
        let new = json!({ "content_type": "image/png", "size_bytes": bytes.len() });
        let made = app.post_keyed("anna", "/studio/logo", "logo-1", new).await;
        assert_eq!(made.status, StatusCode::CREATED, "{made:?}");
        made.body["upload"].clone()
    };
    let (first, second) = (announce().await, announce().await);
    assert_eq!(key(&first), key(&second));
    app.put(&second, bytes.clone()).await.unwrap();
    let profile = processed(&app, "anna").await;
    announce().await;
    assert_eq!(app.get("anna", "/studio").await.body, profile);
}
