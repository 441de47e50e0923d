use std::{process::Command, sync::Arc, time::Duration};

use api_types::{DownloadState, DownloadView, DownloadWithFiles};
use archive_builder::uploads::{Checksums, Expected, StoreError, Uploads};
use domain::{ObjectKey, download::Progress, photo::Photo};
use futures::future::BoxFuture;
use http::{Method, StatusCode};
use runtime::{clock::Clock, store::Table};
use serde_json::{Value, json};
use tests::{
    TestApp,
    builder::Builder,
    jpeg,
    proxy::{Fate, Line, Refusal, Seen},
    unzip,
};

/// A line that passes every request.
struct Quiet;

impl Line for Quiet {
    fn arrives(&self, _: Seen) -> BoxFuture<'static, Fate> {
        Box::pin(std::future::ready(Fate::Pass))
    }
}

/// A store that does not return the checksums of parts, like some emulators.
struct Forgetful;

impl Line for Forgetful {
    fn arrives(&self, seen: Seen) -> BoxFuture<'static, Fate> {
        let part = seen.method == Method::PUT && seen.uri.query().is_some_and(|query| query.contains("partNumber"));
        Box::pin(std::future::ready(if part { Fate::Unproven } else { Fate::Pass }))
    }
}

async fn nothing_is_left(app: &TestApp) {
    assert_eq!(app.left_behind("work/").await, (vec![], vec![]));
    let (objects, uploads) = app.left_behind("archives/").await;
    assert!(uploads.is_empty(), "{uploads:?}");
    let archives: Vec<_> = objects.iter().filter(|key| !key.contains(".index.")).collect();
    assert!(archives.is_empty(), "{archives:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn size_and_files_are_exact_before_the_build() {
    let app = TestApp::without_builder().await;
    let photos = app.large_and_small("anna", "LsL").await;
    let ids: Vec<String> = photos.iter().map(|(_, _, id)| id.clone()).collect();
    let order = app.order("anna", "G-1", &ids).await;
    let made = app.post("anna", &format!("/orders/{order}/downloads"), json!({ "notify": false })).await;
    let path = format!("/downloads/{}", made.text("/download/id"));
    let before = app.get("anna", &path).await;
    let shown: DownloadWithFiles = before.view();
    assert_eq!((shown.download.status, shown.download.file_path), (DownloadState::Pending, None));
    let files = shown.files.unwrap();
    let names: Vec<&str> = files.iter().map(|file| file.name.as_str()).collect();
    assert_eq!(names, ["Order-G-1/1.tif", "Order-G-1/2.jpg", "Order-G-1/3.tif", "Order-G-1/manifest.json"]);

    app.builder(Arc::new(Quiet)).await.build("anna", &made.text("/download/id"), 60).await;
    let (before, after) = (before.body, app.get("anna", &path).await.body);
    assert_eq!(after["status"], "ready", "{after}");
    for known in ["file_size_bytes", "crc32", "files", "archives"] {
        assert_eq!(before[known], after[known], "{known}");
    }
    let archive = app.fetch(&made.text("/link")).await.unwrap();
    assert_eq!(before["file_size_bytes"], archive.len());
    assert_eq!(before["crc32"], format!("{:08x}", crc32fast::hash(&archive)));
}

#[tokio::test(flavor = "multi_thread")]
async fn polls_of_a_download_read_its_index_once() {
    let app = TestApp::with(|options| options.clock = Clock::movable()).await;
    let photo = app.ready_photo("anna", "a.jpg", &jpeg(1, 60, 40)).await;
    let order = app.order("anna", "P-1", &[photo]).await;
    let (download, _) = app.download("anna", &order, json!({ "notify": false })).await;
    let path = format!("/downloads/{}", download.id);
    let first = app.get("anna", &path).await.body;
    assert_eq!(first["files"].as_array().unwrap().len(), 2, "{first}");
    // The object in S3 is deleted, so the files can only come from the cache.
    let index = download.file_path.unwrap().replace(".zip", ".index.json");
    app.s3().delete_object().bucket("downloads").key(index).send().await.unwrap();
    assert_eq!(app.get("anna", &path).await.body, first);
    app.system().advance(Duration::from_secs(660));
    assert_eq!(app.get("anna", &path).await.body["files"], Value::Null, "a cached index expires");
}

#[tokio::test(flavor = "multi_thread")]
async fn ranges_return_one_photo_and_resume_downloads() {
    let app = TestApp::start().await;
    let photos = app.large_and_small("anna", "sLLs").await;
    let ids: Vec<String> = photos.iter().map(|(_, _, id)| id.clone()).collect();
    let order = app.order("anna", "Köln & Umgebung", &ids).await;
    let (download, link) = app.download("anna", &order, json!({ "notify": false })).await;
    assert_eq!(download.status, DownloadState::Ready, "{download:?}");
    let url = app.file_url(&link).await.unwrap();
    let range = |range: String| app.http().get(&url).header("range", range).send();

    let index: Value = {
        let key = download.file_path.unwrap().replace(".zip", ".index.json");
        let object = app.s3().get_object().bucket("downloads").key(key).send().await.unwrap();
        serde_json::from_slice(&object.body.collect().await.unwrap().to_vec()).unwrap()
    };
    let entries = index["archives"][0]["entries"].as_array().unwrap();
    for (entry, (_, bytes, id)) in entries.iter().zip(&photos) {
        assert_eq!(entry["photo_id"], json!(id));
        let (offset, size) = (entry["offset"].as_u64().unwrap(), entry["size"].as_u64().unwrap());
        let part = range(format!("bytes={offset}-{}", offset + size - 1)).await.unwrap();
        assert_eq!(part.status(), StatusCode::PARTIAL_CONTENT);
        assert!(part.bytes().await.unwrap() == *bytes, "{id}");
    }

    let whole = app.http().get(&url).send().await.unwrap();
    let disposition = whole.headers()["content-disposition"].to_str().unwrap().to_owned();
    assert!(disposition.contains("filename=\"Koln & Umgebung.zip\""), "{disposition}");
    assert!(disposition.contains("filename*=UTF-8''K%C3%B6ln%20&%20Umgebung.zip"), "{disposition}");
    assert_eq!(
        (&whole.headers()["content-type"], &whole.headers()["accept-ranges"]),
        (&"application/zip".parse().unwrap(), &"bytes".parse().unwrap())
    );
    let whole = whole.bytes().await.unwrap();
    let half = whole.len() / 2;
    let rest = range(format!("bytes={half}-")).await.unwrap();
    let told = rest.headers()["content-range"].to_str().unwrap().to_owned();
    assert_eq!(told, format!("bytes {half}-{}/{}", whole.len() - 1, whole.len()));
    assert!(rest.bytes().await.unwrap() == whole[half..]);
}

#[tokio::test(flavor = "multi_thread")]
async fn zip_keeps_the_photo_order() {
    let app = TestApp::start().await;
    let photos = app.large_and_small("anna", "sLsLs").await;
    let ids: Vec<String> = [4, 1, 0, 3, 2].iter().map(|&n: &usize| photos[n].2.clone()).collect();
    let order = app.order("anna", "Z-1", &ids).await;
    let (_, link) = app.download("anna", &order, json!({ "notify": false })).await;
    let archive = app.fetch(&link).await.unwrap();
    let ordered =
        ["5.jpg", "2.tif", "1.jpg", "4.tif", "3.jpg", "manifest.json"].map(|name| format!("Order-Z-1/{name}"));
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("archive.zip");
    std::fs::write(&file, &archive).unwrap();
    match Command::new("unzip").arg("-Z1").arg(&file).output() {
        Ok(listed) => assert_eq!(String::from_utf8(listed.stdout).unwrap().lines().collect::<Vec<_>>(), ordered),
        Err(error) => eprintln!("SKIPPED the listing by unzip, which is not installed: {error}"),
    }
    assert_eq!(unzip(archive).into_iter().map(|(name, _)| name).collect::<Vec<_>>(), ordered);
}

#[tokio::test(flavor = "multi_thread")]
async fn split_download_is_several_complete_archives() {
    let app = TestApp::start().await;
    let photos = app.large_and_small("anna", "LsLLs").await;
    let ids: Vec<String> = photos.iter().map(|(_, _, id)| id.clone()).collect();
    let order = app.order("anna", "S-7", &ids).await;
    let too_small = json!({ "split_bytes": 5_000_000, "notify": false });
    let refused = app.post("anna", &format!("/orders/{order}/downloads"), too_small).await;
    assert_eq!((refused.status, refused.text("/field")), (StatusCode::UNPROCESSABLE_ENTITY, "split_bytes".into()));

    let most = 12_000_000_u64;
    let (download, link) = app.download("anna", &order, json!({ "split_bytes": most, "notify": false })).await;
    assert_eq!(download.status, DownloadState::Ready, "{download:?}");
    let archives = &download.archives;
    assert!(archives.len() == 2 && archives.iter().all(|archive| archive.size_bytes <= most));
    assert_eq!(download.progress, Progress { done: 5, total: 5 });
    let mut packed = Vec::new();
    for (n, archive) in archives.iter().enumerate() {
        let volume = n + 1;
        let bytes = app.fetch(&format!("{link}?volume={volume}")).await.unwrap();
        assert_eq!(archive.size_bytes, bytes.len() as u64);
        assert_eq!(archive.crc32, format!("{:08x}", crc32fast::hash(&bytes)));
        let mut files = unzip(bytes);
        let (name, manifest) = files.pop().unwrap();
        assert_eq!(name, format!("Order-S-7/manifest-{volume}.json"));
        let manifest: Value = serde_json::from_slice(&manifest).unwrap();
        assert_eq!(manifest["photos"].as_array().unwrap().len(), files.len());
        packed.extend(files);
    }
    assert_eq!(packed.len(), photos.len());
    for ((name, packed), (original_name, original, _)) in packed.iter().zip(&photos) {
        assert!(*name == format!("Order-S-7/{original_name}") && packed == original, "{name}");
    }
    let answer = app.http().post(format!("{link}?volume=3")).send().await.unwrap();
    assert_eq!(answer.status(), StatusCode::NOT_FOUND);
    let page = app.http().get(&link).send().await.unwrap().text().await.unwrap();
    assert!(page.contains("Download ZIP file 2 of 2"), "{page}");
    let path = format!("/downloads/{}", download.id);
    assert_eq!(app.get("anna", &path).await.body["download_count"], 1, "all volumes are one download");
    assert_eq!(app.left_behind("work/").await, (vec![], vec![]));
}

#[tokio::test(flavor = "multi_thread")]
async fn wrong_record_checksum_fails_the_build() {
    let app = TestApp::without_builder().await;
    let photos = app.large_and_small("anna", "LsLL").await;
    let ids: Vec<String> = photos.iter().map(|(_, _, id)| id.clone()).collect();
    let order = app.order("anna", "W-1", &ids).await;
    let records = Table::<Photo>::new(app.dynamodb(), "photos", &runtime::world::World::system());
    let builder = app.builder(Arc::new(Quiet)).await;
    for (name, _, id) in &photos {
        let flip = |photo: &mut Photo| {
            photo.development.as_mut().unwrap().crc32 ^= 1;
            Ok::<_, ()>(())
        };
        let (studio, id) = ("anna".parse().unwrap(), id.parse().unwrap());
        records.update(&studio, id, flip).await.unwrap();
        let made = app.post("anna", &format!("/orders/{order}/downloads"), json!({ "notify": false })).await;
        let download = made.text("/download/id");
        builder.build("anna", &download, 60).await;
        let shown: DownloadView = app.get("anna", &format!("/downloads/{download}")).await.view();
        let code = shown.error_code.as_deref();
        assert_eq!((shown.status, code), (DownloadState::Failed, Some("photo_corrupt")), "{shown:?}");
        assert!(shown.error_message.as_ref().unwrap().contains(name), "{shown:?}");
        nothing_is_left(&app).await;
        records.update(&studio, id, flip).await.unwrap();
    }
}

/// A line that denies reads of one object.
struct Forbidden(String);

impl Line for Forbidden {
    fn arrives(&self, seen: Seen) -> BoxFuture<'static, Fate> {
        let source = seen.headers.get("x-amz-copy-source").and_then(|source| source.to_str().ok());
        let forbidden = seen.uri.path().contains(&self.0) || source.is_some_and(|source| source.contains(&self.0));
        let denied = Fate::Refused(Refusal::s3(StatusCode::FORBIDDEN, "AccessDenied"));
        Box::pin(std::future::ready(if forbidden { denied } else { Fate::Pass }))
    }
}

/// Missing rights and keys are an operator's problem: the photo is not blamed, and the attempt does not count.
#[tokio::test(flavor = "multi_thread")]
async fn forbidden_photo_keeps_the_build_waiting() {
    let app = TestApp::without_builder().await;
    let photos = app.large_and_small("anna", "LsLL").await;
    let ids: Vec<String> = photos.iter().map(|(_, _, id)| id.clone()).collect();
    let quiet = app.builder(Arc::new(Quiet)).await;
    for (name, _, id) in &photos[..3] {
        // The order's own: an archive that the order has already is copied, without its photos.
        let order = app.order("anna", name, &ids).await;
        let made = app.post("anna", &format!("/orders/{order}/downloads"), json!({ "notify": false })).await;
        let path = format!("/downloads/{}", made.text("/download/id"));
        let builder = app.builder(Arc::new(Forbidden(id.clone()))).await;
        for _ in 0..3 {
            builder.build("anna", &made.text("/download/id"), 60).await;
            let shown: DownloadView = app.get("anna", &path).await.view();
            assert_eq!((shown.status, shown.attempts), (DownloadState::Pending, 0), "{shown:?}");
            assert_eq!(shown.error_code.as_deref(), Some("service_unavailable"));
        }
        quiet.build("anna", &made.text("/download/id"), 60).await;
        assert_eq!(app.get("anna", &path).await.body["status"], "ready");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn missing_or_replaced_photo_fails_download_by_name() {
    let app = TestApp::without_builder().await;
    let photos = app.large_and_small("anna", "LsLLs").await;
    let ids: Vec<String> = photos.iter().map(|(_, _, id)| id.clone()).collect();
    let order = app.order("anna", "B-1", &ids).await;
    let records = Table::<Photo>::new(app.dynamodb(), "photos", &runtime::world::World::system());
    let quiet = app.builder(Arc::new(Quiet)).await;
    let failed = async |builder: &Builder, code: &str, name: &str| {
        let made = app.post("anna", &format!("/orders/{order}/downloads"), json!({ "notify": false })).await;
        let download = made.text("/download/id");
        builder.build("anna", &download, 60).await;
        let shown: DownloadView = app.get("anna", &format!("/downloads/{download}")).await.view();
        assert_eq!((shown.status, shown.error_code.as_deref()), (DownloadState::Failed, Some(code)), "{shown:?}");
        assert!(shown.error_message.as_ref().unwrap().contains(name), "{shown:?}");
        nothing_is_left(&app).await;
    };
    // The first photo is in a work object, the second in an upload, the third is copied unchanged.
    for (name, _, id) in &photos[..3] {
        // The builder recognises a replaced object by an ETag that differs from the record's.
        let (studio, id) = ("anna".parse().unwrap(), id.parse().unwrap());
        let swap_etag = |photo: &mut Photo| {
            let reversed: String = photo.etag.as_ref().unwrap().chars().rev().collect();
            photo.etag = Some(reversed);
            Ok::<_, ()>(())
        };
        records.update(&studio, id, swap_etag).await.unwrap();
        failed(&quiet, "photo_changed", name).await;
        records.update(&studio, id, swap_etag).await.unwrap();
    }
    // The photos after the deleted one still exist. If several are missing, the error names one of them.
    for (name, _, id) in photos[..3].iter().rev() {
        let key = format!("originals/anna/{id}");
        app.s3().delete_object().bucket("photos").key(&key).send().await.unwrap();
        if name == "3.tif" {
            failed(&quiet, "photo_missing", name).await;
        } else {
            failed(&quiet, "photo_missing", ".").await;
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn order_of_one_tiny_photo_is_packed() {
    let app = TestApp::start().await;
    let bytes = jpeg(1, 1, 1);
    let id = app.ready_photo("anna", ".", &bytes).await;
    let order = app.order("anna", "E-1", &[id]).await;
    let (_, link) = app.download("anna", &order, json!({ "notify": false })).await;
    let files = unzip(app.fetch(&link).await.unwrap());
    assert!(files[0].1 == bytes && files.len() == 2);
}

#[tokio::test(flavor = "multi_thread")]
async fn emulator_and_cheap_settings_make_correct_archives() {
    let app = TestApp::without_builder().await;
    let photos = app.large_and_small("anna", "LsLL").await;
    let ids: Vec<String> = photos.iter().map(|(_, _, id)| id.clone()).collect();
    for setting in [("ARCHIVE_CHECKSUMS", "none"), ("ARCHIVE_PREFERENCE", "cheap")] {
        let order = app.order("anna", setting.1, &ids).await;
        let made = app.post("anna", &format!("/orders/{order}/downloads"), json!({ "notify": false })).await;
        let download = made.text("/download/id");
        app.builder_with(Arc::new(Quiet), &[setting]).await.build("anna", &download, 60).await;
        let shown: DownloadView = app.get("anna", &format!("/downloads/{download}")).await.view();
        assert_eq!(shown.status, DownloadState::Ready, "{setting:?}: {shown:?}");
        let archive = app.fetch(&made.text("/link")).await.unwrap();
        assert_eq!(shown.crc32, Some(format!("{:08x}", crc32fast::hash(&archive))), "{setting:?}");
        for ((name, packed), (_, original, _)) in unzip(archive).iter().zip(&photos) {
            assert!(packed == original, "{setting:?}: {name}");
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn unexpected_store_without_part_checksums_is_an_error() {
    let app = TestApp::without_builder().await;
    let photos = app.large_and_small("anna", "LsL").await;
    let ids: Vec<String> = photos.iter().map(|(_, _, id)| id.clone()).collect();
    let order = app.order("anna", "C-1", &ids).await;
    let ask = async || {
        let made = app.post("anna", &format!("/orders/{order}/downloads"), json!({ "notify": false })).await;
        made.text("/download/id")
    };
    let download = ask().await;
    let strict = app.builder(Arc::new(Forgetful)).await;
    assert_eq!(strict.build("anna", &download, 60).await.batch_item_failures.len(), 1);
    let shown: DownloadView = app.get("anna", &format!("/downloads/{download}")).await.view();
    assert_eq!((shown.status, shown.attempts), (DownloadState::Pending, 1), "{shown:?}");
    let lenient = app.builder_with(Arc::new(Forgetful), &[("ARCHIVE_CHECKSUMS", "none")]).await;
    let download = ask().await;
    lenient.build("anna", &download, 60).await;
    let shown: DownloadView = app.get("anna", &format!("/downloads/{download}")).await.view();
    assert_eq!(shown.status, DownloadState::Ready, "{shown:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn store_refuses_archive_with_wrong_checksum() {
    let app = TestApp::without_builder().await;
    let uploads = Uploads::new(app.s3().clone(), "downloads", "photos", Checksums::FullObject);
    let studio = "anna".parse().unwrap();
    let key = ObjectKey::Archive { studio, download: uuid::Uuid::new_v4(), build: 1, volume: None };
    let id = uploads.begin(&key).await.unwrap();
    let bytes = bytes::Bytes::from(jpeg(1, 300, 200));
    let part = uploads.send(&key, &id, 1, bytes.clone()).await.unwrap();
    let crc32 = crc32fast::hash(&bytes);
    let expected = |crc32| Expected { size: bytes.len() as u64, crc32: Some(crc32), first: true };
    let refused = uploads.complete(&key, &id, std::slice::from_ref(&part), expected(crc32 ^ 1)).await;
    assert!(matches!(refused, Err(StoreError::Mismatch)), "{refused:?}");
    assert!(uploads.already(&key, expected(crc32)).await.unwrap().is_none(), "nothing was stored");
    let stored = uploads.complete(&key, &id, std::slice::from_ref(&part), expected(crc32)).await.unwrap();
    // As after a lost response: the upload is gone, and the object at the key is this build's.
    assert_eq!(uploads.complete(&key, &id, &[part], expected(crc32)).await.unwrap(), stored);
}
