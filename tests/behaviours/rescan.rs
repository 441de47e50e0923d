//! Daily rescan of `incoming/`.

use std::time::Duration;

use domain::photo::PhotoStatus;
use tests::{TestApp, jpeg};

use super::incoming::{left, photos, store, xmp};

/// Removes the bytes of an object behind S3's back: S3 lists it, and fails when it is read.
fn damage(app: &TestApp, bytes: &[u8]) {
    let mut folders = vec![app.data().to_owned()];
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                folders.push(path);
            } else if std::fs::read(&path).unwrap() == bytes {
                return std::fs::remove_file(path).unwrap();
            }
        }
    }
    panic!("no file has these bytes");
}

/// Objects that the rescan cannot take in keep back none after them.
#[tokio::test(flavor = "multi_thread")]
async fn unreadable_sidecar_stops_no_rescan() {
    let app = TestApp::by_hand().await;
    store(&app, "incoming/anna/a.xmp", &xmp(5)).await;
    store(&app, "incoming/berta/b.jpg", &jpeg(1, 60, 40)).await;
    damage(&app, &xmp(5));
    app.system().queues().purge("uploads").unwrap();
    for _ in 0..8 {
        app.system().advance(Duration::from_secs(2 * 3600));
        app.system().sweep().await.unwrap();
        app.work().await;
    }
    let failed = app.operator().failed("default").await;
    assert_eq!(failed.items.len(), 0, "the rescan ends: {failed:?}");
    let taken_in = photos(&app, "berta").await;
    assert_eq!(taken_in.iter().map(|photo| photo.status).collect::<Vec<_>>(), [PhotoStatus::Ready]);
    assert_eq!(left(&app).await, ["incoming/anna/a.xmp"], "it is tried again tomorrow");
    assert_eq!(app.depth("uploads-dlq").await, 0);
}
