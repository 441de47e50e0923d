//! `darkroom upload`: a folder through the API, again after an interruption.

use std::{fs, path::Path};

use api_types::{Page, PhotoView};
use clap::Parser as _;
use darkroom::{Cli, Outcome};
use sha2::{Digest as _, Sha256};
use tests::{TestApp, jpeg};

/// Runs the command on a folder.
async fn upload(app: &TestApp, folder: &Path) -> Outcome {
    let folder = folder.to_str().unwrap();
    let words = ["darkroom", "--api", app.api(), "upload", folder, "--studio", "anna", "--folder", "trip"];
    darkroom::run(&Cli::try_parse_from(words).unwrap()).await
}

#[tokio::test(flavor = "multi_thread")]
async fn folder_is_uploaded_once() {
    let app = TestApp::start().await;
    let folder = tempfile::tempdir().unwrap();
    fs::create_dir(folder.path().join("day 1")).unwrap();
    // Sent in parts: a JPEG with bytes behind its end.
    let mut large = jpeg(9, 60, 40);
    large.resize(40 << 20, 0);
    let files = [
        ("a.jpg", jpeg(1, 60, 40)),
        ("day 1/b+ü.jpg", jpeg(2, 60, 40)),
        ("day 1/large.jpg", large),
        ("empty.jpg", Vec::new()),
        (".DS_Store", b"x".to_vec()),
    ];
    for (name, bytes) in &files {
        fs::write(folder.path().join(name), bytes).unwrap();
    }
    let first = upload(&app, folder.path()).await;
    assert_eq!(first.code, 1, "{first:?}");
    assert!(
        first.output.starts_with("Uploaded 3 files. 0 were there already.\nNot uploaded: empty.jpg: "),
        "{first:?}"
    );
    for queue in ["uploads", "photos"] {
        app.until_quiet(queue).await;
    }
    fs::remove_file(folder.path().join("empty.jpg")).unwrap();
    let second = upload(&app, folder.path()).await;
    assert_eq!((second.code, second.output.as_str()), (0, "Uploaded 0 files. 3 were there already.\n"), "{second:?}");
    let photos = app.get("anna", "/photos").await.view::<Page<PhotoView>>().items;
    let mut found: Vec<_> = photos
        .iter()
        .map(|photo| (photo.folder.clone().unwrap(), photo.filename.clone(), photo.sha256.clone().unwrap()))
        .collect();
    found.sort();
    let hash = |bytes: &[u8]| hex::encode(Sha256::digest(bytes));
    let expected = [
        ("trip".to_owned(), "a.jpg".to_owned(), hash(&files[0].1)),
        ("trip/day 1".to_owned(), "b+ü.jpg".to_owned(), hash(&files[1].1)),
        ("trip/day 1".to_owned(), "large.jpg".to_owned(), hash(&files[2].1)),
    ];
    assert_eq!(found, expected);
}
