use std::collections::HashSet;

use api_types::DownloadState;
use image::ImageFormat;
use reqwest::Url;
use serde_json::json;
use tests::{HOSTILE_NAMES, TestApp, encode, jpeg, unzip};

#[tokio::test(flavor = "multi_thread")]
async fn hostile_filenames_are_safe_and_lose_nothing() {
    let app = TestApp::start().await;
    let long = format!("{}.jpg", "lang".repeat(200));
    let names: Vec<&str> = HOSTILE_NAMES.into_iter().chain([long.as_str()]).collect();
    let mut originals = Vec::new();
    let mut ids = Vec::new();
    for (n, name) in (1_u32..).zip(&names) {
        let bytes = jpeg(n, 60, 40);
        ids.push(app.ready_photo("anna", name, &bytes).await);
        originals.push(bytes);
    }
    let order = app.order("anna", "../Order: 1", &ids).await;
    let (download, link) = app.download("anna", &order, json!({ "notify": false })).await;
    assert_eq!(download.status, DownloadState::Ready, "{download:?}");
    let files = unzip(app.fetch(&link).await.unwrap());
    assert_eq!(files.len(), names.len() + 1);
    for ((name, packed), original) in files.iter().zip(&originals) {
        assert!(packed == original, "{name}");
    }
    let folded: HashSet<_> = files.iter().map(|(name, _)| name.to_lowercase()).collect();
    assert_eq!(folded.len(), files.len(), "no two names are the same on any system");
    for (name, _) in &files {
        let parts: Vec<_> = name.split('/').collect();
        assert_eq!(parts.len(), 2, "{name}");
        assert!(
            !name.contains(['\\', ':', '\r', '\n', '\u{202e}']) && !parts.contains(&"..") && name.len() < 420,
            "{name}"
        );
    }
}

/// Names that photographers give to JPEGs, and those that customers get.
const NAMES: [(&str, &str); 12] = [
    ("DSC1", "DSC1.jpg"),
    ("aux", "_aux.jpg"),
    ("foto.jpg. .", "foto.jpg"),
    ("evil\u{202E}gpj.jpg", "evilgpj.jpg"),
    (r"C:\Users\anna\Tulips.jpg", "Tulips.jpg"),
    (r"a/b\c.jpg", "a_b_c.jpg"),
    ("100%.jpg", "100_.jpg"),
    ("scan.png", "scan.jpg"),
    ("scan.JPG", "scan.JPG"),
    ("می\u{200C}خواهم.jpg", "می\u{200C}خواهم.jpg"),
    ("Familie 👨\u{200D}👩\u{200D}👧 ❤\u{FE0F}.jpg", "Familie 👨\u{200D}👩\u{200D}👧 ❤\u{FE0F}.jpg"),
    ("joiner\u{200D}of\u{200C}nothing.jpg", "joinerofnothing.jpg"),
];

#[tokio::test(flavor = "multi_thread")]
async fn single_files_are_named_as_in_archives() {
    let app = TestApp::start().await;
    let mut ids = Vec::new();
    for (n, (filename, _)) in (1_u32..).zip(NAMES) {
        ids.push(app.ready_photo("anna", filename, &jpeg(n, 60, 40)).await);
    }
    let order = app.order("anna", "N-1.", &ids).await;
    let (_, link) = app.download("anna", &order, json!({ "notify": false })).await;
    assert_eq!(name_of(&app, &link).await, "N-1.zip");
    let zipped: Vec<_> = unzip(app.fetch(&link).await.unwrap()).into_iter().map(|(name, _)| name).collect();
    let expected = NAMES.map(|(_, expected)| if expected == "scan.JPG" { "scan (2).JPG" } else { expected });
    let expected = expected.into_iter().chain(["manifest.json"]).map(|name| format!("Order-N-1/{name}"));
    assert_eq!(zipped, expected.collect::<Vec<_>>());
    for (id, (_, expected)) in ids.iter().zip(NAMES) {
        assert_eq!(name_of(&app, &single(&app, &order, id, "original").await).await, expected);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn web_version_has_the_extension_of_a_jpeg() {
    let app = TestApp::start().await;
    let png = encode(1, 80, 60, ImageFormat::Png);
    let mut ids = Vec::new();
    for (filename, content_type) in [("x.png", "image/png"), ("x.jpg", "image/jpeg")] {
        let id = app.upload("anna", filename, content_type, &png).await.unwrap();
        app.until("anna", &format!("/photos/{id}"), &["ready"]).await.unwrap();
        ids.push(id);
    }
    let customer = json!({ "name": "Eva", "email": "eva@example.com", "locale": "de" });
    let order = json!({ "reference": "W-1", "customer": customer, "photo_ids": ids });
    let order = app.post("anna", "/orders", order).await.text("/id");
    let names = async |variant: &str| -> Vec<String> {
        let (_, link) = app.download("anna", &order, json!({ "variant": variant, "notify": false })).await;
        unzip(app.fetch(&link).await.unwrap()).into_iter().map(|(name, _)| name).collect()
    };
    let inside = |names: [&str; 3]| names.map(|name| format!("Bestellung-W-1/{name}"));
    assert_eq!(names("web").await, inside(["x.jpg", "x (2).jpg", "manifest.json"]));
    assert_eq!(names("original").await, inside(["x.png", "x (2).png", "manifest.json"]));
    assert_eq!(name_of(&app, &single(&app, &order, &ids[0], "web").await).await, "x.jpg");
    let original = single(&app, &order, &ids[1], "original").await;
    assert_eq!(name_of(&app, &original).await, "x.png");
    let file = app.http().get(app.file_url(&original).await.unwrap()).send().await.unwrap();
    // Stored as a JPEG, as the client announced. Firefox would save a file that is served so as `x.jpeg`.
    assert_eq!(file.headers()["content-type"], "image/png");
}

#[tokio::test(flavor = "multi_thread")]
async fn longest_names_fit_a_redirect() {
    let app = TestApp::start().await;
    for letter in ["東", "😀", "'"] {
        let id = app.ready_photo("anna", &letter.repeat(1_024), &jpeg(1, 60, 40)).await;
        let order = app.order("anna", &letter.repeat(100), std::slice::from_ref(&id)).await;
        let (_, zip) = app.download("anna", &order, json!({ "notify": false })).await;
        let photo = single(&app, &order, &id, "original").await;
        for (link, extension) in [(&zip, ".zip"), (&photo, ".jpg")] {
            let url = app.file_url(link).await.unwrap();
            assert!(url.len() < 4_000, "{} characters of 10,240 in all headers: {url}", url.len());
            assert!(name_of(&app, link).await.ends_with(&format!("{letter}{extension}")));
        }
    }
}

/// Creates a download of one photo, and returns its link.
async fn single(app: &TestApp, order: &str, photo: &str, variant: &str) -> String {
    let new = json!({ "kind": "single", "photo_id": photo, "variant": variant, "notify": false });
    app.post("anna", &format!("/orders/{order}/downloads"), new).await.text("/link")
}

/// Returns the name that the response states for the file behind a link.
async fn name_of(app: &TestApp, link: &str) -> String {
    let file = app.http().get(app.file_url(link).await.unwrap()).send().await.unwrap();
    let disposition = file.headers()["content-disposition"].to_str().unwrap();
    let (_, encoded) = disposition.split_once("filename*=UTF-8''").unwrap();
    let url = Url::parse(&format!("https://example.com/?{encoded}")).unwrap();
    url.query_pairs().next().unwrap().0.into_owned()
}
