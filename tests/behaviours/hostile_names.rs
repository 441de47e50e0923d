use std::collections::HashSet;

use api_types::DownloadState;
use serde_json::json;
use tests::{HOSTILE_NAMES, TestApp, jpeg, unzip};

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
