use std::collections::HashSet;

use api_types::{DerivativesView, DownloadState, PhotoView, Pictures};
use domain::{download::Progress, photo::PhotoStatus};
use serde_json::json;
use sha2::{Digest as _, Sha256};
use tests::{TestApp, encode, jpeg, unzip};

#[tokio::test(flavor = "multi_thread")]
async fn ordered_photo_is_processed_packed_and_emailed() {
    let app = TestApp::start().await;
    let originals = [
        ("Anna.jpg", "image/jpeg", jpeg(1, 3000, 2000)),
        ("Berge.png", "image/png", encode(2, 500, 900, image::ImageFormat::Png)),
        ("Ö & ß.tiff", "image/tiff", encode(3, 300, 200, image::ImageFormat::Tiff)),
    ];
    let mut ids = Vec::new();
    for (name, content_type, bytes) in &originals {
        ids.push(app.upload("anna", name, content_type, bytes).await.unwrap());
    }
    for (id, (name, content_type, bytes)) in ids.iter().zip(&originals) {
        let photo: PhotoView = app.until_view("anna", &format!("/photos/{id}"), &["ready", "failed"]).await;
        assert_eq!(photo.status, PhotoStatus::Ready, "{photo:?}");
        assert_eq!((photo.filename.as_str(), photo.content_type.as_str()), (*name, *content_type));
        assert_eq!(photo.sha256, Some(hex::encode(Sha256::digest(bytes))));
        assert_eq!(photo.crc32, Some(format!("{:08x}", crc32fast::hash(bytes))));
        let Some(DerivativesView::Made(Pictures { preview, thumb })) = photo.derivatives else { panic!("{photo:?}") };
        for picture in [preview, thumb] {
            let url = picture.url.unwrap();
            let jpeg = app.http().get(url).send().await.unwrap().error_for_status().unwrap().bytes().await.unwrap();
            let shown = image::load_from_memory(&jpeg).unwrap();
            assert_eq!((picture.width, picture.height), (shown.width(), shown.height()));
        }
    }
    let photo = app.get("anna", &format!("/photos/{}", ids[0])).await.body;
    assert_eq!((&photo["width"], &photo["height"]), (&json!(3000), &json!(2000)));
    assert_eq!(
        (&photo["derivatives"]["preview"]["width"], &photo["derivatives"]["thumb"]["width"]),
        (&json!(2048), &json!(400))
    );

    let order = app.order("anna", "2026-17", &ids).await;
    let (download, link) = app.download("anna", &order, json!({ "kind": "batch" })).await;
    assert_eq!(download.status, DownloadState::Ready, "{download:?}");
    assert_eq!(download.progress, Progress { done: 3, total: 3 });

    let emails = app.until_emails(1).await;
    assert_eq!(emails[0].to, ["eva@example.com"]);
    assert!(emails[0].text.as_ref().unwrap().contains(&link), "{:?}", emails[0]);
    assert!(emails[0].html.as_ref().unwrap().contains("Eva Beispiel"));

    let archive = app.fetch(&link).await.unwrap();
    assert_eq!(download.file_size_bytes, Some(archive.len() as u64));
    assert_eq!(download.crc32, Some(format!("{:08x}", crc32fast::hash(&archive))));
    let files = unzip(archive);
    let names: Vec<_> = files.iter().map(|(name, _)| name.as_str()).collect();
    assert_eq!(
        names,
        [
            "Order-2026-17/Anna.jpg",
            "Order-2026-17/Berge.png",
            "Order-2026-17/Ö & ß.tiff",
            "Order-2026-17/manifest.json"
        ]
    );
    for ((_, packed), (name, _, original)) in files.iter().zip(&originals) {
        assert!(packed == original, "{name} differs from its original");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn single_download_is_photo_and_web_contains_previews() {
    let app = TestApp::start().await;
    let original = jpeg(4, 2500, 1000);
    let id = app.ready_photo("anna", "See.jpg", &original).await;
    let order = app.order("anna", "S-1", std::slice::from_ref(&id)).await;

    let (single, link) = app.download("anna", &order, json!({ "kind": "single", "photo_id": id })).await;
    assert_eq!(single.status, DownloadState::Ready);
    assert!(app.fetch(&link).await.unwrap() == original);

    let (web, link) = app.download("anna", &order, json!({ "kind": "batch", "variant": "web" })).await;
    assert_eq!(web.status, DownloadState::Ready, "{web:?}");
    let files = unzip(app.fetch(&link).await.unwrap());
    assert_eq!(image::load_from_memory(&files[0].1).unwrap().width(), 2048);

    let ids: HashSet<_> = app.until_emails(2).await.iter().map(|email| email.message_id.clone()).collect();
    assert_eq!(ids.len(), 2);
}
