//! Photos that any S3 client stores under `incoming/{studio}/`.

use std::{collections::BTreeSet, time::Duration};

use api_types::{OrphanPage, OrphansSettled, Page, PhotoView};
use domain::photo::PhotoStatus;
use futures::future::join_all;
use runtime::clock::Clock;
use serde_json::json;
use tests::{TestApp, jpeg};

/// Stores an object with an S3 client and returns its version.
pub async fn store(app: &TestApp, key: &str, bytes: &[u8]) -> String {
    let put = app.s3().put_object().bucket("photos").key(key).body(bytes.to_vec().into()).send().await.unwrap();
    put.version_id().expect("the bucket has versions").to_owned()
}

/// Returns all photos of a studio.
pub async fn photos(app: &TestApp, studio: &str) -> Vec<PhotoView> {
    app.get(studio, "/photos?limit=200").await.view::<Page<PhotoView>>().items
}

/// Waits until the studio has so many photos and all are at rest, and returns them.
async fn until_photos(app: &TestApp, studio: &str, count: usize) -> Vec<PhotoView> {
    for _ in 0..600 {
        let photos = photos(app, studio).await;
        let at_rest = |photo: &PhotoView| [PhotoStatus::Ready, PhotoStatus::Failed].contains(&photo.status);
        if photos.len() >= count && photos.iter().all(at_rest) {
            for queue in ["uploads", "photos"] {
                app.until_quiet(queue).await;
            }
            return photos;
        }
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    panic!("{:?}", photos(app, studio).await);
}

/// Returns the keys of all versions and delete markers under `incoming/`.
pub async fn left(app: &TestApp) -> Vec<String> {
    let listed = app.s3().list_object_versions().bucket("photos").prefix("incoming/").send().await.unwrap();
    let versions = listed.versions().iter().filter_map(|version| version.key());
    versions.chain(listed.delete_markers().iter().filter_map(|marker| marker.key())).map(str::to_owned).collect()
}

/// Returns S3's event about a version of an object.
fn event(key: &str, version: &str) -> String {
    json!({ "Records": [{
        "eventTime": "2026-01-01T00:00:00.000Z", "eventName": "ObjectCreated:Put",
        "s3": {
            "bucket": { "name": "photos" },
            "object": { "key": key, "size": 1, "eTag": "e", "versionId": version, "sequencer": "1" },
        },
    }] })
    .to_string()
}

#[tokio::test(flavor = "multi_thread")]
async fn stored_object_becomes_photo_of_its_folder() {
    let app = TestApp::start().await;
    let bytes = jpeg(1, 900, 600);
    store(&app, "incoming/anna/wedding/church/a b+c%20.jpg", &bytes).await;
    let photos = until_photos(&app, "anna", 1).await;
    let photo = &photos[0];
    assert_eq!((photo.status, photo.filename.as_str()), (PhotoStatus::Ready, "a b+c%20.jpg"), "{photo:?}");
    assert_eq!((photo.folder.as_deref(), photo.size_bytes), (Some("wedding/church"), bytes.len() as u64));
    assert_eq!((photo.content_type.as_str(), photo.width), ("image/jpeg", Some(900)));
    let original = app.s3().get_object().bucket("photos").key(format!("originals/anna/{}", photo.id)).send().await;
    assert_eq!(original.unwrap().body.collect().await.unwrap().to_vec(), bytes);
    assert_eq!(left(&app).await, Vec::<String>::new());
}

#[tokio::test(flavor = "multi_thread")]
async fn repeated_upload_is_the_same_photo() {
    let app = TestApp::with(|options| options.clock = Clock::movable()).await;
    let bytes = jpeg(1, 300, 200);
    join_all((0..4).map(|_| store(&app, "incoming/anna/a.jpg", &bytes))).await;
    let first = until_photos(&app, "anna", 1).await;
    store(&app, "incoming/anna/a.jpg", &bytes).await;
    app.until_quiet("uploads").await;
    // Events that met a photo in progress come back a minute later.
    for _ in 0..60 {
        if left(&app).await.is_empty() {
            break;
        }
        app.system().advance(Duration::from_secs(5));
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    let after = photos(&app, "anna").await;
    assert_eq!((after.len(), after[0].id, after[0].attempts), (1, first[0].id, 1));
    assert_eq!(left(&app).await, Vec::<String>::new());
}

#[tokio::test(flavor = "multi_thread")]
async fn other_content_under_the_same_key_is_another_photo() {
    let app = TestApp::start().await;
    let uploads: Vec<_> = (1..=3).map(|seed| jpeg(seed, 300, 200)).collect();
    join_all(uploads.iter().map(|bytes| store(&app, "incoming/anna/a.jpg", bytes))).await;
    let photos = until_photos(&app, "anna", 3).await;
    let hashes: BTreeSet<_> = photos.iter().filter_map(|photo| photo.sha256.clone()).collect();
    assert_eq!((photos.len(), hashes.len()), (3, 3), "{photos:?}");
    assert_eq!(left(&app).await, Vec::<String>::new());
}

#[tokio::test(flavor = "multi_thread")]
async fn late_event_brings_no_deleted_photo_back() {
    let app = TestApp::start().await;
    let (key, bytes) = ("incoming/anna/a.jpg", jpeg(1, 300, 200));
    let version = store(&app, key, &bytes).await;
    let id = until_photos(&app, "anna", 1).await[0].id;
    app.send("uploads", &event(key, &version)).await;
    app.until_quiet("uploads").await;
    assert_eq!(photos(&app, "anna").await.len(), 1);
    assert_eq!(app.delete("anna", &format!("/photos/{id}")).await.status, 204);
    app.send("uploads", &event(key, &version)).await;
    app.until_quiet("uploads").await;
    assert_eq!(photos(&app, "anna").await.len(), 0);
    // The same file uploaded again is a new photo.
    store(&app, key, &bytes).await;
    assert_ne!(until_photos(&app, "anna", 1).await[0].id, id);
}

#[tokio::test(flavor = "multi_thread")]
async fn file_that_is_no_photo_fails_and_stays() {
    let app = TestApp::start().await;
    store(&app, "incoming/anna/notes.txt", b"milk, eggs").await;
    store(&app, "incoming/anna/empty.jpg", b"").await;
    let photos = until_photos(&app, "anna", 2).await;
    for photo in &photos {
        assert_eq!(photo.status, PhotoStatus::Failed, "{photo:?}");
        assert!(photo.error.as_ref().is_some_and(|error| error.message.ends_with('.')), "{photo:?}");
    }
    assert_eq!(left(&app).await, ["incoming/anna/empty.jpg", "incoming/anna/notes.txt"]);
    for photo in photos {
        assert_eq!(app.delete("anna", &format!("/photos/{}", photo.id)).await.status, 204);
    }
    assert_eq!(left(&app).await, Vec::<String>::new(), "a deleted photo takes its upload with it");
}

#[tokio::test(flavor = "multi_thread")]
async fn objects_that_are_no_uploads_are_ignored_and_kept() {
    let app = TestApp::start().await;
    let ignored =
        ["incoming/anna/.DS_Store", "incoming/anna/a/Thumbs.db", "incoming/anna/album/", "incoming/Anna/a.jpg"];
    for key in ignored {
        store(&app, key, &jpeg(1, 30, 20)).await;
    }
    store(&app, "incoming/anna/a.jpg", &jpeg(2, 30, 20)).await;
    assert_eq!(until_photos(&app, "anna", 1).await.len(), 1);
    assert_eq!(left(&app).await.into_iter().collect::<BTreeSet<_>>(), ignored.map(str::to_owned).into());
    assert_eq!(app.depth("uploads-dlq").await, 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn any_key_is_taken_in() {
    let app = TestApp::start().await;
    let long = format!("{}/{}.jpg", "d".repeat(200), "x".repeat(1024 - "incoming/anna/".len() - 201 - 4));
    let paths = [
        "a+b%2B.jpg",
        "U\u{308}bung/ü.jpg",
        "\u{1f470}/\u{1f48d}.jpg",
        "/leading//empty///segments.jpg",
        " .jpg",
        &long,
    ];
    for (seed, path) in (1..).zip(paths) {
        store(&app, &format!("incoming/anna/{path}"), &jpeg(seed, 60, 40)).await;
    }
    let photos = until_photos(&app, "anna", paths.len()).await;
    assert!(photos.iter().all(|photo| photo.status == PhotoStatus::Ready), "{photos:?}");
    let found: BTreeSet<_> = photos.iter().map(|photo| (photo.folder.as_deref(), photo.filename.as_str())).collect();
    let expected: BTreeSet<_> = [
        (None, "a+b%2B.jpg"),
        (Some("U\u{308}bung"), "ü.jpg"),
        (Some("\u{1f470}"), "\u{1f48d}.jpg"),
        (Some("leading/empty"), "segments.jpg"),
        (None, " .jpg"),
        (long.rsplit_once('/').map(|(folder, _)| folder), long.rsplit_once('/').unwrap().1),
    ]
    .into();
    assert_eq!(found, expected);
    assert_eq!(left(&app).await, Vec::<String>::new());
}

#[tokio::test(flavor = "multi_thread")]
async fn import_takes_in_what_lies_in_a_bucket() {
    let app = TestApp::start().await;
    let uploaded = app.ready_photo("anna", "a.jpg", &jpeg(1, 60, 40)).await;
    for seed in 2..=4 {
        store(&app, &format!("old/2019/{seed}.jpg"), &jpeg(seed, 60, 40)).await;
    }
    store(&app, "old/.DS_Store", b"x").await;
    store(&app, "old/2019/2.xmp", &xmp(5)).await;
    let import = async |key: &str| {
        let new = json!({ "studio": "anna", "source": "bucket", "prefix": "" });
        let begun = app.operator().post_keyed("/imports", key, new).await;
        assert_eq!(begun.status, 202, "{begun:?}");
        let path = format!("/operations/{}", begun.text("/operation/id"));
        app.until("ops", &path, &["done", "failed"]).await.unwrap()
    };
    let operation = import("first").await;
    assert_eq!((operation["status"].as_str(), operation["done"].as_u64()), (Some("done"), Some(3)), "{operation}");
    let all = until_photos(&app, "anna", 4).await;
    let old: Vec<_> = all.iter().filter(|photo| photo.id.to_string() != uploaded).collect();
    assert!(old.iter().all(|photo| photo.folder.as_deref() == Some("old/2019")), "{old:?}");
    assert_eq!(import("second").await["done"], 0);
    assert_eq!(photos(&app, "anna").await.len(), 4);
    let kept = app.s3().list_objects_v2().bucket("photos").prefix("old/").send().await.unwrap();
    assert_eq!(kept.key_count(), Some(5), "imported objects stay");
    let unknown = json!({ "studio": "anna", "source": "elsewhere" });
    let refused = app.operator().post("/imports", unknown).await;
    assert_eq!((refused.status.as_u16(), refused.text("/field").as_str()), (422, "source"));
}

/// A sidecar with a rating and keywords.
pub fn xmp(rating: u8) -> Vec<u8> {
    let description = format!(
        "<rdf:Description xmp:Rating=\"{rating}\"><dc:subject><rdf:Bag><rdf:li>sea</rdf:li></rdf:Bag></dc:subject></rdf:Description>"
    );
    format!("<x:xmpmeta><rdf:RDF>{description}</rdf:RDF></x:xmpmeta>").into_bytes()
}

#[tokio::test(flavor = "multi_thread")]
async fn sidecar_enriches_its_photo_in_either_order() {
    let app = TestApp::with(|options| options.clock = Clock::movable()).await;
    store(&app, "incoming/anna/w/before.xmp", &xmp(5)).await;
    app.until_quiet("uploads").await;
    store(&app, "incoming/anna/w/before.jpg", &jpeg(1, 60, 40)).await;
    store(&app, "incoming/anna/w/after.JPG", &jpeg(2, 60, 40)).await;
    until_photos(&app, "anna", 2).await;
    store(&app, "incoming/anna/w/after.jpg.xmp", &xmp(3)).await;
    store(&app, "incoming/anna/other/before.xmp", &xmp(1)).await;
    let rated = async |rating: &[(&str, i8)]| {
        for _ in 0..200 {
            let photos = photos(&app, "anna").await;
            let of = |name: &str| photos.iter().find(|photo| photo.filename == name).unwrap().exif.clone();
            let is = |(name, rating): &(&str, i8)| of(name).is_some_and(|exif| exif.rating == Some(*rating));
            if rating.iter().all(is) && left(&app).await.is_empty() {
                assert_eq!(of("before.jpg").unwrap().keywords, ["sea"]);
                return;
            }
            app.system().advance(Duration::from_secs(5));
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
        panic!("{:?} {:?}", photos(&app, "anna").await, left(&app).await);
    };
    rated(&[("before.jpg", 5), ("after.JPG", 3)]).await;
    store(&app, "incoming/anna/w/before.xmp", &xmp(2)).await;
    rated(&[("before.jpg", 2), ("after.JPG", 3)]).await;
    assert_eq!(photos(&app, "anna").await.len(), 2, "a sidecar is no photo");
}

/// An upload of a photo that Darkroom has is deleted, unless it is the last copy.
#[tokio::test(flavor = "multi_thread")]
async fn upload_restores_an_original_that_was_lost() {
    let app = TestApp::with(|options| options.clock = Clock::movable()).await;
    let bytes = jpeg(1, 60, 40);
    store(&app, "incoming/anna/a.jpg", &bytes).await;
    let id = until_photos(&app, "anna", 1).await[0].id;
    let original = format!("originals/anna/{id}");
    let stored = async || {
        let found = app.s3().get_object().bucket("photos").key(&original).send().await.ok()?;
        Some(found.body.collect().await.unwrap().to_vec())
    };
    for is_known_to_be_lost in [false, true] {
        app.s3().delete_object().bucket("photos").key(&original).send().await.unwrap();
        if is_known_to_be_lost {
            app.post("anna", &format!("/photos/{id}/process"), json!({})).await;
            let failed = app.until("anna", &format!("/photos/{id}"), &["failed"]).await.unwrap();
            assert_eq!(failed["error"]["code"], "original_missing", "{failed}");
        }
        store(&app, "incoming/anna/a.jpg", &bytes).await;
        for _ in 0..100 {
            if left(&app).await.is_empty() && stored().await.is_some() {
                break;
            }
            app.system().advance(Duration::from_secs(5));
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
        assert_eq!(stored().await.as_ref(), Some(&bytes), "known to be lost: {is_known_to_be_lost}");
        let photos = until_photos(&app, "anna", 1).await;
        assert_eq!((photos.len(), photos[0].id, photos[0].status), (1, id, PhotoStatus::Ready));
        assert_eq!(left(&app).await, Vec::<String>::new());
    }
}

/// A truncated file was exported again under its name. Both have the same sidecar.
#[tokio::test(flavor = "multi_thread")]
async fn deleted_photo_leaves_the_sidecar_to_its_namesake() {
    let app = TestApp::with(|options| options.clock = Clock::movable()).await;
    store(&app, "incoming/anna/w/a.jpg.xmp", &xmp(5)).await;
    app.until_quiet("uploads").await;
    store(&app, "incoming/anna/w/a.jpg", b"no photo").await;
    let truncated = until_photos(&app, "anna", 1).await[0].id;
    store(&app, "incoming/anna/w/a.jpg", &jpeg(1, 60, 40)).await;
    until_photos(&app, "anna", 2).await;
    let sidecars = async || {
        let listed = app.s3().list_objects_v2().bucket("photos").prefix("sidecars/").send().await.unwrap();
        listed.key_count()
    };
    assert_eq!(app.delete("anna", &format!("/photos/{truncated}")).await.status, 204);
    assert_eq!(sidecars().await, Some(1));
    let rest = until_photos(&app, "anna", 1).await;
    assert_eq!(rest[0].exif.clone().and_then(|exif| exif.rating), Some(5));
    assert_eq!(app.delete("anna", &format!("/photos/{}", rest[0].id)).await.status, 204);
    assert_eq!(sidecars().await, Some(0), "nobody needs it");
}

#[tokio::test(flavor = "multi_thread")]
async fn orphans_are_listed_taken_in_or_deleted() {
    let app = TestApp::start().await;
    let owned = app.ready_photo("anna", "a.jpg", &jpeg(1, 60, 40)).await;
    let unknown = format!("originals/anna/{}", uuid::Uuid::now_v7());
    let keys = ["originals/Anna/x.jpg", unknown.as_str(), "originals/anna/w/lost.jpg"];
    for (seed, key) in (2..).zip(keys) {
        store(&app, key, &jpeg(seed, 60, 40)).await;
    }
    app.until_quiet("uploads").await;
    let list = async |query: &str| {
        let page: OrphanPage = app.operator().get(&format!("/orphans{query}")).await.view();
        (page.items.into_iter().map(|orphan| orphan.key).collect::<Vec<_>>(), page.next_cursor)
    };
    assert_eq!(list("").await, (keys.map(str::to_owned).to_vec(), None));
    let (first, next) = list("?limit=2").await;
    assert_eq!(first, keys[..2]);
    assert_eq!(list(&format!("?limit=2&cursor={}", next.unwrap())).await.0, keys[2..]);
    let strange = app.operator().get("/orphans?cursor=originals/%C2%9F").await;
    assert_eq!((strange.status.as_u16(), strange.text("/field").as_str()), (422, "cursor"));
    let of_photo = format!("originals/anna/{owned}");
    let body = json!({ "action": "take_in", "keys": [keys[0], keys[1], keys[2], of_photo, "derivatives/x"] });
    let settled: OrphansSettled = app.operator().post("/orphans", body).await.view();
    assert_eq!(settled.settled, keys[1..]);
    assert_eq!(
        settled.skipped.iter().map(|it| it.id.as_str()).collect::<Vec<_>>(),
        [keys[0], &of_photo, "derivatives/x"]
    );
    let found = until_photos(&app, "anna", 3).await;
    assert!(found.iter().all(|photo| photo.status == PhotoStatus::Ready), "{found:?}");
    assert!(found.iter().any(|photo| photo.filename == "lost.jpg" && photo.folder.as_deref() == Some("w")));
    let body = json!({ "action": "delete", "keys": [keys[0]] });
    let settled: OrphansSettled = app.operator().post("/orphans", body).await.view();
    assert_eq!((settled.settled.len(), list("").await.0.len()), (1, 0));
}

#[tokio::test(flavor = "multi_thread")]
async fn failed_file_stored_again_leaves_one_version() {
    let app = TestApp::with(|options| options.clock = Clock::movable()).await;
    for _ in 0..3 {
        store(&app, "incoming/anna/notes.txt", b"milk, eggs").await;
    }
    for _ in 0..100 {
        app.system().advance(Duration::from_secs(10));
        tokio::time::sleep(Duration::from_millis(100)).await;
        if left(&app).await.len() == 1 && app.depth("uploads").await == 0 {
            break;
        }
    }
    assert_eq!(left(&app).await.len(), 1, "one version stays with the failed photo");
    let photo = until_photos(&app, "anna", 1).await.remove(0);
    assert_eq!(app.delete("anna", &format!("/photos/{}", photo.id)).await.status, 204);
    assert_eq!(left(&app).await, Vec::<String>::new(), "no older version comes to light");
}

#[tokio::test(flavor = "multi_thread")]
async fn deleted_import_is_not_imported_again() {
    let app = TestApp::start().await;
    store(&app, "old/a.jpg", &jpeg(1, 60, 40)).await;
    let import = async |key: &str| {
        let new = json!({ "studio": "anna", "source": "bucket", "prefix": "old/" });
        let path = app.operator().post_keyed("/imports", key, new).await.text("/operation/id");
        app.until("ops", &format!("/operations/{path}"), &["done", "failed"]).await.unwrap()
    };
    assert_eq!(import("first").await["done"], 1);
    let id = until_photos(&app, "anna", 1).await[0].id;
    assert_eq!(app.delete("anna", &format!("/photos/{id}")).await.status, 204);
    assert_eq!(import("second").await["done"], 0);
    app.until_quiet("photos").await;
    assert_eq!(photos(&app, "anna").await.len(), 0);
}
