//! Multipart uploads of photos: by the API's routes, by requests that it signs, and interrupted ones.

use std::{
    collections::BTreeMap,
    sync::{
        Arc,
        atomic::{AtomicI64, Ordering},
    },
    time::Duration,
};

use api_types::{MultipartUpload, PartUploads, PhotoWithUpload, SignedRequest, Upload, UploadProgress};
use base64::{Engine as _, engine::general_purpose::STANDARD};
use jiff::{SignedDuration, Timestamp};
use reqwest::{Method, StatusCode};
use runtime::clock::Clock;
use serde_json::{Value, json};
use sha2::{Digest as _, Sha256};
use tests::{Answer, TestApp, campaigns::Stops, encode, jpeg};

const MIB: usize = 1 << 20;

/// Returns a TIFF of 12 MiB: three parts of 5 MiB, the last one shorter.
fn large_tiff() -> Vec<u8> {
    let tiff = encode(1, 2048, 2048, image::ImageFormat::Tiff);
    assert!(tiff.len() > 10 * MIB && tiff.len() < 15 * MIB, "{}", tiff.len());
    tiff
}

fn announcement(bytes: &[u8]) -> Value {
    json!({ "filename": "a.tif", "content_type": "image/tiff", "size_bytes": bytes.len(), "upload": "multipart" })
}

/// An announced photo, its file, and its upload.
struct Announced {
    path: String,
    bytes: Vec<u8>,
    upload: MultipartUpload,
}

impl Announced {
    async fn new(app: &TestApp) -> Self {
        Self::of(app, large_tiff()).await
    }

    /// Announces a photo of one part.
    async fn small(app: &TestApp) -> Self {
        Self::of(app, jpeg(1, 60, 40)).await
    }

    async fn of(app: &TestApp, bytes: Vec<u8>) -> Self {
        let made = app.post("anna", "/photos", announcement(&bytes)).await;
        assert_eq!(made.status, StatusCode::CREATED, "{made:?}");
        Self { path: format!("/photos/{}", made.text("/photo/id")), bytes, upload: multipart(&made) }
    }

    fn part(&self, number: u16) -> Vec<u8> {
        let size = usize::try_from(self.upload.part_size_bytes).unwrap();
        let start = size * usize::from(number - 1);
        self.bytes[start..self.bytes.len().min(start + size)].to_vec()
    }

    /// Uploads these parts by the URLs of the API, and returns them as the completion names them.
    async fn send(&self, app: &TestApp, numbers: &str) -> Vec<Value> {
        let urls = app.get("anna", &format!("{}/upload/parts?numbers={numbers}", self.path)).await;
        assert_eq!(urls.status, StatusCode::OK, "{urls:?}");
        let mut sent = Vec::new();
        for part in urls.view::<PartUploads>().parts {
            let (status, etag, _) =
                send(app, &part.method, &part.url, &part.headers, self.part(part.part_number)).await;
            assert_eq!(status, StatusCode::OK);
            sent.push(json!({ "part_number": part.part_number, "etag": etag }));
        }
        sent
    }

    async fn complete(&self, app: &TestApp, parts: &[Value]) -> Answer {
        app.post("anna", &format!("{}/upload/complete", self.path), json!({ "parts": parts })).await
    }

    async fn sign(&self, app: &TestApp, request: Value) -> SignedRequest {
        let signed = app.post("anna", &format!("{}/upload/sign", self.path), request).await;
        assert_eq!(signed.status, StatusCode::OK, "{signed:?}");
        signed.view()
    }

    async fn until_ready(&self, app: &TestApp) -> Value {
        let photo = app.until("anna", &self.path, &["ready", "failed"]).await.unwrap();
        assert_eq!(photo["status"], "ready", "{photo}");
        photo
    }
}

fn multipart(answer: &Answer) -> MultipartUpload {
    match answer.view::<PhotoWithUpload>().upload {
        Some(Upload::Multipart(upload)) => upload,
        other => panic!("{other:?}"),
    }
}

/// Sends a request to S3. Returns status, ETag and body.
async fn send(
    app: &TestApp,
    method: &str,
    url: &str,
    headers: &BTreeMap<String, String>,
    body: Vec<u8>,
) -> (StatusCode, String, String) {
    let mut request = app.http().request(method.parse().unwrap(), url).body(body);
    for (name, value) in headers {
        request = request.header(name, value);
    }
    let answer = request.send().await.unwrap();
    let etag = answer.headers().get("etag").map(|etag| etag.to_str().unwrap().to_owned());
    (answer.status(), etag.unwrap_or_default(), answer.text().await.unwrap())
}

async fn open_uploads(app: &TestApp) -> Vec<String> {
    let open = app.s3().list_multipart_uploads().bucket("photos").send().await.unwrap();
    open.uploads().iter().filter_map(|upload| upload.upload_id().map(str::to_owned)).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn photo_uploaded_in_parts_is_processed() {
    let app = TestApp::start().await;
    let photo = Announced::new(&app).await;
    assert_eq!((photo.upload.part_size_bytes, photo.upload.parts), (5 << 20, 3));
    let parts = photo.send(&app, "1-3").await;
    let completed = photo.complete(&app, &parts).await;
    assert_eq!(completed.status, StatusCode::OK, "{completed:?}");
    let ready = photo.until_ready(&app).await;
    assert_eq!((ready["size_bytes"].as_u64(), &ready["width"]), (Some(photo.bytes.len() as u64), &json!(2048)));
    assert_eq!(ready["content_type"], "image/tiff");
    let stored = app.s3().get_object().bucket("photos").key(&photo.upload.key).send().await.unwrap();
    assert_eq!(stored.content_type(), Some("image/tiff"));
    assert_eq!(stored.body.collect().await.unwrap().to_vec(), photo.bytes);
    assert!(open_uploads(&app).await.is_empty());
}

#[tokio::test(flavor = "multi_thread")]
async fn interrupted_upload_continues_with_missing_parts() {
    let app = TestApp::start().await;
    let photo = Announced::new(&app).await;
    let (upload, parts) = (format!("{}/upload", photo.path), app.get("anna", &format!("{}/upload", photo.path)).await);
    assert_eq!(parts.body["uploaded"], json!([]), "{parts:?}");
    photo.send(&app, "2").await;

    let progress: UploadProgress = app.get("anna", &upload).await.view();
    assert_eq!((&progress.upload.upload_id, progress.upload.parts), (&photo.upload.upload_id, 3));
    let there: Vec<_> = progress.uploaded.iter().map(|part| (part.part_number, part.size_bytes)).collect();
    assert_eq!(there, [(2, photo.upload.part_size_bytes)]);
    let mut parts = photo.send(&app, "1,3").await;
    parts.extend(progress.uploaded.iter().map(|part| json!({ "part_number": part.part_number, "etag": part.etag })));
    let completed = photo.complete(&app, &parts).await;
    assert_eq!(completed.status, StatusCode::OK, "parts in any order: {completed:?}");
    photo.until_ready(&app).await;
    for (method, path) in [(Method::GET, upload.clone()), (Method::GET, format!("{upload}/parts?numbers=1"))] {
        let refused = app.call("anna", method, &path, None).await;
        assert_eq!(refused.text("/type"), "/problems/already-uploaded", "{refused:?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn repeated_completion_returns_the_photo() {
    let app = TestApp::with(|options| options.by_hand = true).await;
    let photo = Announced::small(&app).await;
    let parts = photo.send(&app, "1").await;
    for _ in 0..2 {
        let completed = photo.complete(&app, &parts).await;
        assert_eq!((completed.status, completed.text("/status")), (StatusCode::OK, "awaiting_upload".into()));
    }
    app.work().await;
    let completed = photo.complete(&app, &parts).await;
    assert_eq!((completed.status, completed.text("/status")), (StatusCode::OK, "ready".into()));
}

/// The API stops at each of its await points while it completes an upload.
#[tokio::test(flavor = "multi_thread")]
async fn interrupted_completion_is_finished_on_repeat() {
    let stops = Stops::default();
    let app = TestApp::with(|options| options.layer = Some(stops.layer())).await;
    for waits in 0.. {
        let photo = Announced::small(&app).await;
        let parts = photo.send(&app, "1").await;
        stops.aim("api", 1, waits);
        let first = photo.complete(&app, &parts).await;
        let struck = stops.struck();
        let again = photo.complete(&app, &parts).await;
        assert_eq!(again.status, StatusCode::OK, "wait {waits}: {again:?}");
        photo.until_ready(&app).await;
        if !struck {
            assert_eq!(first.status, StatusCode::OK);
            assert!(waits > 3, "the request waited only {waits} times");
            break;
        }
    }
    assert!(open_uploads(&app).await.is_empty());
}

#[tokio::test(flavor = "multi_thread")]
async fn completion_after_put_returns_the_photo() {
    let app = TestApp::with(|options| options.by_hand = true).await;
    let photo = Announced::small(&app).await;
    let parts = photo.send(&app, "1").await;
    let put = photo.sign(&app, json!({ "method": "PUT" })).await;
    assert_eq!(put.headers.get("if-none-match").map(String::as_str), Some("*"));
    assert_eq!(send(&app, "PUT", &put.url, &put.headers, photo.bytes.clone()).await.0, StatusCode::OK);
    assert_eq!(send(&app, "PUT", &put.url, &put.headers, photo.bytes.clone()).await.0, StatusCode::PRECONDITION_FAILED);
    assert_eq!(photo.complete(&app, &parts).await.status, StatusCode::OK, "the original has arrived");
    assert!(open_uploads(&app).await.is_empty(), "parts that nobody needs are deleted");
}

/// S3's event of the completion is lost: the sweep finds the original within minutes.
#[tokio::test(flavor = "multi_thread")]
async fn completion_without_event_is_found() {
    let app = TestApp::by_hand().await;
    let photo = Announced::small(&app).await;
    let parts = photo.send(&app, "1").await;
    assert_eq!(photo.complete(&app, &parts).await.status, StatusCode::OK);
    app.system().queues().purge("uploads").unwrap();
    app.system().advance(Duration::from_secs(600));
    app.system().sweep().await.unwrap();
    app.work().await;
    assert_eq!(app.get("anna", &photo.path).await.body["status"], "ready");
}

#[tokio::test(flavor = "multi_thread")]
async fn repeated_announcement_returns_the_same_upload_until_arrival() {
    let app = TestApp::with(|options| options.by_hand = true).await;
    let bytes = jpeg(1, 60, 40);
    let mut new = announcement(&bytes);
    let announce = async |key: &str, new: &Value| app.post_keyed("anna", "/photos", key, new.clone()).await;
    let first = announce("m", &new).await;
    let upload = multipart(&first);
    assert_eq!(multipart(&announce("m", &new).await).upload_id, upload.upload_id);
    assert_eq!(open_uploads(&app).await, *std::slice::from_ref(&upload.upload_id));
    let photo = Announced { path: format!("/photos/{}", first.text("/photo/id")), bytes: bytes.clone(), upload };
    let parts = photo.send(&app, "1").await;
    assert_eq!(photo.complete(&app, &parts).await.status, StatusCode::OK);

    new["upload"] = "put".into();
    let put = announce("p", &new).await;
    assert_eq!(app.put(&put.body["upload"], bytes).await.unwrap(), StatusCode::OK);
    for processed in [false, true] {
        for (key, way) in [("m", "multipart"), ("p", "put")] {
            new["upload"] = way.into();
            let again = announce(key, &new).await;
            assert_eq!((again.status, &again.body["upload"]), (StatusCode::CREATED, &Value::Null), "{again:?}");
            let status = if processed { "ready" } else { "awaiting_upload" };
            assert_eq!(again.text("/photo/status"), status, "{way}");
        }
        app.work().await;
    }
    // A new request to renew the upload is refused, since it is not a repetition.
    let renewed = app.post("anna", &format!("{}/upload", photo.path), json!({})).await;
    assert_eq!(renewed.text("/type"), "/problems/already-uploaded");
}

#[tokio::test(flavor = "multi_thread")]
async fn aborted_upload_is_begun_anew_on_request() {
    let app = TestApp::start().await;
    let photo = Announced::small(&app).await;
    let upload = format!("{}/upload", photo.path);
    let lost = photo.send(&app, "1").await;
    for _ in 0..2 {
        assert_eq!(app.delete("anna", &upload).await.status, StatusCode::NO_CONTENT);
    }
    assert!(open_uploads(&app).await.is_empty());
    let none = "/problems/no-multipart-upload";
    assert_eq!(app.get("anna", &upload).await.text("/type"), none);
    assert_eq!(photo.complete(&app, &lost).await.text("/type"), none);

    let renewed = app.post("anna", &upload, json!({})).await;
    let renewed = Announced { upload: multipart(&renewed), ..photo };
    assert_eq!(open_uploads(&app).await, *std::slice::from_ref(&renewed.upload.upload_id));
    assert_eq!(multipart(&app.post("anna", &upload, json!({})).await).upload_id, renewed.upload.upload_id);
    let parts = renewed.send(&app, "1").await;
    assert_eq!(renewed.complete(&app, &parts).await.status, StatusCode::OK);
    assert_eq!(app.delete("anna", &upload).await.text("/type"), "/problems/already-uploaded");
    renewed.until_ready(&app).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn upload_changes_its_way_on_request() {
    let app = TestApp::start().await;
    let bytes = jpeg(1, 60, 40);
    let new = json!({ "filename": "a.jpg", "content_type": "image/jpeg", "size_bytes": bytes.len() });
    let made = app.post("anna", "/photos", new).await;
    let path = format!("/photos/{}", made.text("/photo/id"));
    let upload = format!("{path}/upload");
    assert_eq!(app.get("anna", &upload).await.text("/type"), "/problems/no-multipart-upload");
    assert_eq!(app.delete("anna", &upload).await.status, StatusCode::NO_CONTENT);
    let asked = json!({ "upload": "multipart" });
    let parts = Announced { path, bytes: bytes.clone(), upload: multipart(&app.post("anna", &upload, asked).await) };
    parts.send(&app, "1").await;
    let put = app.post("anna", &upload, json!({ "upload": "put" })).await;
    assert_eq!(app.put(&put.body["upload"], bytes).await.unwrap(), StatusCode::OK);
    parts.until_ready(&app).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn deletion_aborts_the_open_upload() {
    let app = TestApp::start().await;
    let photo = Announced::small(&app).await;
    let parts = photo.send(&app, "1").await;
    let id = &photo.upload.upload_id;
    let late = photo.sign(&app, json!({ "method": "PUT", "upload_id": id, "part_number": 1 })).await;
    let complete = photo.sign(&app, json!({ "method": "POST", "upload_id": id })).await;
    assert_eq!(app.delete("anna", &photo.path).await.status, StatusCode::NO_CONTENT);
    assert!(open_uploads(&app).await.is_empty());
    let part = send(&app, "PUT", &late.url, &late.headers, photo.bytes.clone()).await;
    let whole = send(&app, "POST", &complete.url, &complete.headers, completion(&parts)).await;
    assert_eq!((part.0, whole.0), (StatusCode::NOT_FOUND, StatusCode::NOT_FOUND), "{part:?} {whole:?}");
    assert_eq!(photo.complete(&app, &parts).await.status, StatusCode::NOT_FOUND);
}

#[tokio::test(flavor = "multi_thread")]
async fn completion_beside_deletion_leaves_no_original() {
    let app = TestApp::start().await;
    for _ in 0..10 {
        let photo = Announced::small(&app).await;
        let parts = photo.send(&app, "1").await;
        let (completed, deleted) = tokio::join!(photo.complete(&app, &parts), app.delete("anna", &photo.path));
        if deleted.status != StatusCode::NO_CONTENT {
            assert_eq!(deleted.status, StatusCode::CONFLICT, "{deleted:?}");
            photo.until_ready(&app).await;
            assert_eq!(app.delete("anna", &photo.path).await.status, StatusCode::NO_CONTENT, "{completed:?}");
        }
    }
    app.until_empty("photos").await;
    let left = app.s3().list_objects_v2().bucket("photos").send().await.unwrap();
    assert!(left.contents().is_empty() && open_uploads(&app).await.is_empty(), "{left:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn expired_part_url_is_renewed() {
    let behind = Arc::new(AtomicI64::new(0));
    let seconds = behind.clone();
    let app = TestApp::with(|options| {
        options.clock =
            Clock::simulated(move || Timestamp::now() - SignedDuration::from_secs(seconds.load(Ordering::SeqCst)));
    })
    .await;
    let photo = Announced::small(&app).await;
    // A URL that was signed two hours ago. Signing a part calls no service that would refuse this clock.
    let path = format!("{}/upload/parts?numbers=1", photo.path);
    behind.store(7_200, Ordering::SeqCst);
    let expired = app.get("anna", &path).await;
    behind.store(0, Ordering::SeqCst);
    let expired: PartUploads = expired.view();
    let expired = &expired.parts[0];
    let refused = send(&app, "PUT", &expired.url, &expired.headers, photo.part(1)).await;
    assert_eq!(refused.0, StatusCode::FORBIDDEN, "{refused:?}");
    let parts = photo.send(&app, "1").await;
    assert_eq!(photo.complete(&app, &parts).await.status, StatusCode::OK);
}

#[tokio::test(flavor = "multi_thread")]
async fn wrong_parts_are_refused_by_name() {
    let app = TestApp::start().await;
    let photo = Announced::new(&app).await;
    let parts = photo.send(&app, "1,2").await;
    let wrong = json!({ "part_number": 2, "etag": "\"0f343b0931126a20f133d67c2b018a3b\"" });
    let missing = json!({ "part_number": 3, "etag": parts[1]["etag"] });
    for (listed, field) in [
        (vec![parts[0].clone(), wrong], "parts[1].etag"),
        (vec![missing, parts[0].clone()], "parts[0].part_number"),
        (parts.clone(), "parts"),
        (vec![parts[0].clone(), parts[0].clone()], "parts[1].part_number"),
        (vec![json!({ "part_number": 0, "etag": "e" })], "parts[0].part_number"),
        (vec![json!({ "part_number": 1, "etag": "" })], "parts[0].etag"),
        (vec![json!({ "part_number": 1 })], "parts[0].etag"),
        (vec![], "parts"),
    ] {
        let refused = photo.complete(&app, &listed).await;
        assert_eq!((refused.status.as_u16(), refused.text("/field")), (422, field.into()), "{refused:?}");
    }
    for numbers in ["", "0", "1-101", "2-1", "x"] {
        let refused = app.get("anna", &format!("{}/upload/parts?numbers={numbers}", photo.path)).await;
        assert_eq!((refused.status.as_u16(), refused.text("/field")), (422, "numbers".into()), "{numbers}");
    }
    let all = [parts, photo.send(&app, "3").await].concat();
    assert_eq!(photo.complete(&app, &all).await.status, StatusCode::OK);
}

/// Parts of another size are taken, and small ones are named.
#[tokio::test(flavor = "multi_thread")]
async fn parts_of_the_clients_own_size_are_taken() {
    let app = TestApp::start().await;
    let photo = Announced::new(&app).await;
    let id = &photo.upload.upload_id;
    for (cut, expected) in [(MIB, 422), (6 * MIB, 200)] {
        let mut parts = Vec::new();
        for (number, part) in (1..).zip([&photo.bytes[..cut], &photo.bytes[cut..]]) {
            let part_number = json!({ "method": "PUT", "upload_id": id, "part_number": number });
            let put = photo.sign(&app, part_number).await;
            let etag = send(&app, "PUT", &put.url, &put.headers, part.to_vec()).await.1;
            parts.push(json!({ "part_number": number, "etag": etag }));
        }
        let completed = photo.complete(&app, &parts).await;
        assert_eq!(completed.status.as_u16(), expected, "{completed:?}");
        assert!(expected == 200 || completed.text("/field") == "parts[0].part_number", "{completed:?}");
    }
}

/// All requests of Uppy 6 go to S3, each signed by itself.
#[tokio::test(flavor = "multi_thread")]
async fn signed_requests_upload_in_parts() {
    let app = TestApp::start().await;
    // The page decides for parts after the announcement.
    let bytes = large_tiff();
    let mut new = announcement(&bytes);
    new["upload"] = "put".into();
    let made = app.post("anna", "/photos", new).await;
    let (path, key) =
        (format!("/photos/{}", made.text("/photo/id")), format!("originals/anna/{}", made.text("/photo/id")));
    let nothing = MultipartUpload {
        upload_id: String::new(),
        key: key.clone(),
        part_size_bytes: 5 << 20,
        parts: 3,
        expires_at: Timestamp::UNIX_EPOCH,
    };
    let photo = Announced { path, bytes, upload: nothing };
    let created = photo.sign(&app, json!({ "method": "POST" })).await;
    assert_eq!(created.key, key);
    let id = upload_id(&created.url);
    assert_eq!(upload_id(&photo.sign(&app, json!({ "method": "POST" })).await.url), id, "repeated");
    assert_eq!(open_uploads(&app).await, *std::slice::from_ref(&id));

    let mut parts = Vec::new();
    for number in 1..=3 {
        let part = json!({ "method": "PUT", "upload_id": id, "part_number": number });
        let put = photo.sign(&app, part).await;
        assert_eq!((put.key.as_str(), put.headers.len()), (key.as_str(), 0));
        let (status, etag, _) = send(&app, "PUT", &put.url, &put.headers, photo.part(number)).await;
        assert_eq!(status, StatusCode::OK);
        parts.push(json!({ "part_number": number, "etag": etag }));
    }
    let list = photo.sign(&app, json!({ "method": "GET", "upload_id": id })).await;
    let (status, _, listed) = send(&app, "GET", &list.url, &list.headers, Vec::new()).await;
    assert_eq!((status, listed.matches("<PartNumber>").count()), (StatusCode::OK, 3), "{listed}");

    let complete = photo.sign(&app, json!({ "method": "POST", "upload_id": id })).await;
    let unconditional = send(&app, "POST", &complete.url, &BTreeMap::new(), completion(&parts)).await;
    assert_eq!(unconditional.0, StatusCode::FORBIDDEN, "the condition is signed");
    let short = send(&app, "POST", &complete.url, &complete.headers, completion(&parts[..2])).await;
    assert_eq!(short.0, StatusCode::BAD_REQUEST, "the size is signed: {short:?}");
    let forged = complete.url.replace("/anna/", "/berta/");
    assert_eq!(send(&app, "POST", &forged, &complete.headers, completion(&parts)).await.0, StatusCode::FORBIDDEN);
    let (status, _, body) = send(&app, "POST", &complete.url, &complete.headers, completion(&parts)).await;
    assert_eq!(status, StatusCode::OK, "{body}");
    assert!(body.contains("<Location>") && body.contains(&format!("<Key>{key}</Key>")), "Uppy reads these: {body}");
    assert_eq!(photo.until_ready(&app).await["content_type"], "image/tiff");
    let late = app.post("anna", &format!("{}/upload/sign", photo.path), json!({ "method": "POST" })).await;
    assert_eq!(late.text("/type"), "/problems/already-uploaded");
}

#[tokio::test(flavor = "multi_thread")]
async fn signed_abortion_ends_the_upload_only() {
    let app = TestApp::start().await;
    let photo = Announced::small(&app).await;
    let id = &photo.upload.upload_id;
    let sign = format!("{}/upload/sign", photo.path);
    for (request, field) in [
        (json!({ "method": "DELETE" }), "method"),
        (json!({ "method": "HEAD" }), "method"),
        (json!({ "method": "GET" }), "upload_id"),
        (json!({ "method": "GET", "upload_id": "another" }), "upload_id"),
        (json!({ "method": "DELETE", "upload_id": "another" }), "upload_id"),
        (json!({ "method": "PUT", "upload_id": id }), "part_number"),
        (json!({ "method": "PUT", "upload_id": id, "part_number": 10_001 }), "part_number"),
        (json!({ "method": "PUT", "part_number": 1 }), "upload_id"),
        (json!({ "method": "POST", "upload_id": id, "part_number": 1 }), "part_number"),
        (json!({ "method": "POST", "key": "originals/berta/1" }), "key"),
    ] {
        let refused = app.post("anna", &sign, request).await;
        assert_eq!((refused.status.as_u16(), refused.text("/field")), (422, field.into()), "{refused:?}");
    }
    let abort = photo.sign(&app, json!({ "method": "DELETE", "upload_id": id })).await;
    // Without the upload in its query the URL would delete the object.
    let forged = abort.url.replace(&format!("uploadId={id}"), "x=y");
    assert_eq!(send(&app, "DELETE", &forged, &abort.headers, Vec::new()).await.0, StatusCode::FORBIDDEN);
    assert_eq!(send(&app, "DELETE", &abort.url, &abort.headers, Vec::new()).await.0, StatusCode::NO_CONTENT);
    assert!(open_uploads(&app).await.is_empty());
    let created = photo.sign(&app, json!({ "method": "POST" })).await;
    assert_eq!(open_uploads(&app).await, [upload_id(&created.url)], "a new one");
}

/// Pages of the shop may send all requests of an upload, and pages of others none.
#[tokio::test(flavor = "multi_thread")]
async fn pages_of_the_shop_may_upload_in_parts() {
    let shop = "https://shop.example.com";
    let app = TestApp::with(|options| options.cors_origins = vec![shop.to_owned()]).await;
    let photo = Announced::small(&app).await;
    let id = &photo.upload.upload_id;
    for request in [
        json!({ "method": "PUT" }),
        json!({ "method": "PUT", "upload_id": id, "part_number": 1 }),
        json!({ "method": "GET", "upload_id": id }),
        json!({ "method": "POST", "upload_id": id }),
        json!({ "method": "DELETE", "upload_id": id }),
    ] {
        let method = request["method"].as_str().unwrap().to_owned();
        let signed = photo.sign(&app, request).await;
        // Uppy sends a type with each body.
        let names: Vec<_> = signed.headers.keys().map(String::as_str).chain(["content-type"]).collect();
        assert!(!names.iter().any(|name| ["host", "content-length"].contains(name)), "pages cannot set {names:?}");
        for (origin, allowed) in [(shop, true), ("https://evil.example.com", false)] {
            let preflight = app.http().request(Method::OPTIONS, &signed.url).header("origin", origin);
            let preflight = preflight.header("access-control-request-method", &method);
            let answer = preflight.header("access-control-request-headers", names.join(",")).send().await.unwrap();
            assert_eq!(answer.status().is_success(), allowed, "{method} {names:?} from {origin}");
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn photos_up_to_five_gibibytes_are_announced() {
    const LARGEST: u64 = 5 << 30;
    let app = TestApp::start().await;
    for way in ["put", "multipart"] {
        let new = |size: u64| json!({ "filename": "a.psb", "content_type": "image/vnd.adobe.photoshop", "size_bytes": size, "upload": way });
        let made = app.post("anna", "/photos", new(LARGEST)).await;
        assert_eq!(made.status, StatusCode::CREATED, "{way}: {made:?}");
        if way == "multipart" {
            let upload = multipart(&made);
            assert_eq!((upload.part_size_bytes, upload.parts), (16 << 20, 320));
        }
        let refused = app.post("anna", "/photos", new(LARGEST + 1)).await;
        assert_eq!((refused.status.as_u16(), refused.text("/field")), (422, "size_bytes".into()));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn original_too_large_to_develop_is_delivered_without_pictures() {
    let app = TestApp::start().await;
    // A TIFF without directories.
    let mut bytes = vec![0; 257 * MIB];
    bytes[..8].copy_from_slice(b"II\x2A\0\x08\0\0\0");
    let id = app.upload("anna", "large.tif", "image/tiff", &bytes).await.unwrap();
    let photo = app.until("anna", &format!("/photos/{id}"), &["ready", "failed"]).await.unwrap();
    assert_eq!((&photo["status"], &photo["derivatives"]), (&json!("ready"), &json!("too_large")), "{photo}");
    assert_eq!((&photo["content_type"], &photo["width"]), (&json!("image/tiff"), &Value::Null));
    assert_eq!(photo["sha256"], hex::encode(Sha256::digest(&bytes)));
    assert_eq!(photo["crc32"], format!("{:08x}", crc32fast::hash(&bytes)));
    let order = app.order("anna", "L-1", &[id]).await;
    let (download, link) =
        app.download("anna", &order, json!({ "kind": "single", "notify": false, "photo_id": photo["id"] })).await;
    assert_eq!(app.fetch(&link).await.unwrap().len(), bytes.len(), "{download:?}");
}

/// Returns the id in the URL that answers the creation of an upload, as Uppy reads it.
fn upload_id(url: &str) -> String {
    let answer = STANDARD.decode(url.strip_prefix("data:application/xml;base64,").unwrap()).unwrap();
    let answer = String::from_utf8(answer).unwrap();
    let (_, id) = answer.split_once("<UploadId>").unwrap();
    assert!(answer.contains("<InitiateMultipartUploadResult"), "{answer}");
    id.split('<').next().unwrap().to_owned()
}

/// Returns the body of a completion, as Uppy writes it: ETags without quotes.
fn completion(parts: &[Value]) -> Vec<u8> {
    let parts = parts.iter().map(|part| {
        let etag = part["etag"].as_str().unwrap().trim_matches('"');
        format!("<Part><PartNumber>{}</PartNumber><ETag>{etag}</ETag></Part>", part["part_number"])
    });
    format!("<CompleteMultipartUpload>{}</CompleteMultipartUpload>", parts.collect::<String>()).into_bytes()
}
