use std::{collections::BTreeSet, sync::Arc, time::Duration};

use local::functions::Invocation;
use reqwest::StatusCode;
use runtime::clock::Clock;
use serde_json::{Value, json};
use tests::{TestApp, campaigns::Stops, jpeg};

fn new_photo(name: &str) -> Value {
    json!({ "filename": name, "content_type": "image/jpeg", "size_bytes": 10 })
}

#[tokio::test(flavor = "multi_thread")]
async fn repeated_request_creates_nothing_and_returns_the_same() {
    let app = TestApp::start().await;
    let id = app.ready_photo("anna", "a.jpg", &jpeg(1, 60, 40)).await;
    let order = app.order("anna", "K-1", std::slice::from_ref(&id)).await;
    let customer = json!({ "name": "E", "email": "e@example.com" });
    let email = json!({ "template": "order_confirmation", "to": "e@example.com", "data": { "order_id": order } });
    let downloads = format!("/orders/{order}/downloads");
    let process = format!("/photos/{id}/process");
    let cases = [
        ("/photos", new_photo("b.jpg"), "/photo/id"),
        ("/orders", json!({ "reference": "K-2", "customer": customer, "photo_ids": [id] }), "/id"),
        (downloads.as_str(), json!({}), "/download/id"),
        (downloads.as_str(), json!({ "kind": "single", "photo_id": id }), "/download/id"),
        ("/emails", email, "/email/id"),
        ("/photos/process", json!({ "which": "failed" }), "/operation/id"),
        (process.as_str(), json!({ "queue": false }), "/id"),
    ];
    for (n, (path, body, id)) in cases.into_iter().enumerate() {
        let key = format!("key {n}");
        let first = app.post_keyed("anna", path, &key, body.clone()).await;
        assert!(first.status.is_success() && !first.text(id).is_empty(), "{path}: {first:?}");
        for _ in 0..2 {
            let again = app.post_keyed("anna", path, &key, body.clone()).await;
            assert_eq!((again.status, again.text(id)), (first.status, first.text(id)), "{path}: {again:?}");
        }
        // The same key of another studio is another key.
        let other = app.post_keyed("berta", path, &key, body.clone()).await;
        assert_ne!(other.text(id), first.text(id), "{path}: {other:?}");
        // Without the key it is a new request.
        if path == "/photos" {
            assert_ne!(app.post("anna", path, body).await.text(id), first.text(id));
        }
    }
    app.until_empty("emails").await;
    app.until_empty("downloads").await;
    // The emails are the order's confirmation and those of two downloads, each once.
    app.until_emails(3).await;
    let downloads = app.get("anna", "/downloads").await.body;
    assert_eq!(downloads["items"].as_array().unwrap().len(), 2);
    let photo = app.get("anna", &format!("/photos/{id}")).await.body;
    assert_eq!(photo["status"], "ready");
}

#[tokio::test(flavor = "multi_thread")]
async fn key_reused_for_another_request_is_refused() {
    let app = TestApp::start().await;
    let first = app.post_keyed("anna", "/photos", "k", new_photo("a.jpg")).await;
    assert_eq!(first.status, StatusCode::CREATED);
    let other_body = app.post_keyed("anna", "/photos", "k", new_photo("b.jpg")).await;
    let other_route = app.post_keyed("anna", "/photos/process", "k", json!({ "which": "all" })).await;
    for refused in [other_body, other_route] {
        assert_eq!(refused.status, StatusCode::UNPROCESSABLE_ENTITY);
        assert_eq!(refused.text("/type"), "/problems/idempotency-key-reused");
    }
    let wrong = app.post_keyed("anna", "/photos", "w", new_photo("")).await;
    assert_eq!((wrong.status.as_u16(), wrong.text("/field")), (422, "filename".into()));
    assert_eq!(app.post_keyed("anna", "/photos", "w", new_photo("c.jpg")).await.status, StatusCode::CREATED);
    for bad in ["", &"k".repeat(256), "k\u{e9}"] {
        let refused = app.post_keyed("anna", "/photos", bad, new_photo("a.jpg")).await;
        assert_eq!((refused.status.as_u16(), refused.text("/field")), (422, "Idempotency-Key".into()), "{bad:?}");
    }
    assert_eq!(app.post_keyed("anna", "/photos", &"k".repeat(255), new_photo("a.jpg")).await.status, 201);
    // A record that was deleted since cannot be returned again.
    app.delete("anna", &format!("/photos/{}", first.text("/photo/id"))).await;
    let gone = app.post_keyed("anna", "/photos", "k", new_photo("a.jpg")).await;
    assert_eq!((gone.status, gone.text("/type")), (StatusCode::GONE, "/problems/gone".into()));
}

#[tokio::test(flavor = "multi_thread")]
async fn key_is_valid_for_24_hours() {
    let app = TestApp::with(|options| options.clock = Clock::movable()).await;
    let first = app.post_keyed("anna", "/photos", "k", new_photo("a.jpg")).await.text("/photo/id");
    app.system().advance(Duration::from_secs(24 * 3600 - 60));
    assert_eq!(app.post_keyed("anna", "/photos", "k", new_photo("a.jpg")).await.text("/photo/id"), first);
    app.system().advance(Duration::from_secs(120));
    let later = app.post_keyed("anna", "/photos", "k", new_photo("b.jpg")).await;
    assert_eq!(later.status, StatusCode::CREATED, "{later:?}");
    assert_ne!(later.text("/photo/id"), first);
}

/// The API stops at each of its await points in turn; then the client repeats its request.
#[tokio::test(flavor = "multi_thread")]
async fn crashed_and_repeated_request_creates_one_record() {
    let stops = Stops::default();
    let app = TestApp::with(|options| {
        options.clock = Clock::movable();
        options.layer = Some(stops.layer());
    })
    .await;
    let id = app.ready_photo("anna", "a.jpg", &jpeg(1, 60, 40)).await;
    let order = app.order("anna", "C-1", std::slice::from_ref(&id)).await;
    let path = format!("/orders/{order}/downloads");
    let mut made = BTreeSet::new();
    for waits in 0.. {
        let key = format!("key {waits}");
        let ask = || app.post_keyed("anna", &path, &key, json!({}));
        stops.aim("api", 1, waits);
        let first = ask().await;
        if !stops.struck() {
            assert_eq!(first.status, StatusCode::ACCEPTED, "{first:?}");
            made.insert(first.text("/download/id"));
            break;
        }
        assert_eq!(first.status, StatusCode::INTERNAL_SERVER_ERROR, "wait {waits}: {first:?}");
        // The first request still owns its key, unless it stopped before it began or after it had ended.
        let soon = ask().await;
        assert!(matches!(soon.status.as_u16(), 409 | 202), "wait {waits}: {soon:?}");
        assert!(soon.status != StatusCode::CONFLICT || soon.text("/type") == "/problems/request-in-flight");
        app.system().advance(Duration::from_secs(31));
        let again = ask().await;
        assert_eq!(again.status, StatusCode::ACCEPTED, "wait {waits}: {again:?}");
        made.insert(again.text("/download/id"));
    }
    assert!(made.len() > 5, "it waited {} times only", made.len());
    for download in &made {
        app.until("anna", &format!("/downloads/{download}"), &["ready"]).await.unwrap();
    }
    let downloads = app.get("anna", "/downloads?limit=200").await.body;
    assert_eq!(downloads["items"].as_array().unwrap().len(), made.len(), "each request created one");
    app.until_emails(made.len()).await;
}

/// A page is reloaded while its request runs. API Gateway does not end an invocation whose client has left.
#[tokio::test(flavor = "multi_thread")]
async fn request_whose_client_left_is_finished() {
    let slow = |_: &str, run: Invocation| -> Invocation {
        Box::pin(async {
            tokio::time::sleep(Duration::from_millis(300)).await;
            run.await
        })
    };
    let app = TestApp::with(|options| options.layer = Some(Arc::new(slow))).await;
    let request = app.http().post(format!("{}/photos", app.api())).bearer_auth("dev:anna").json(&new_photo("a.jpg"));
    let left = request.timeout(Duration::from_millis(100)).send().await;
    assert!(left.is_err_and(|error| error.is_timeout()));
    tokio::time::sleep(Duration::from_millis(1000)).await;
    let photos = app.get("anna", "/photos").await;
    assert_eq!(photos.body["items"].as_array().map(Vec::len), Some(1), "{photos:?}");
}

/// Later events do not change the response to a repeated request, and the repeated request does nothing more.
#[tokio::test(flavor = "multi_thread")]
async fn late_repeat_of_a_request_does_nothing() {
    let app = TestApp::start().await;
    let id = app.ready_photo("anna", "a.jpg", &jpeg(1, 60, 40)).await;
    let (photo, process) = (format!("/photos/{id}"), format!("/photos/{id}/process"));
    let at_once = json!({ "queue": false });
    assert_eq!(app.post_keyed("anna", &process, "k", at_once.clone()).await.status, StatusCode::OK);
    assert_eq!(app.post("anna", &process, at_once.clone()).await.status, StatusCode::OK);
    // Links to the pictures are signed anew each second, so only `processed_at` shows whether the photo was processed
    // again.
    let processed = app.get("anna", &photo).await.text("/processed_at");
    let again = app.post_keyed("anna", &process, "k", at_once).await;
    assert_eq!((again.status, again.text("/status")), (StatusCode::OK, "ready".into()), "{again:?}");
    assert_eq!(app.get("anna", &photo).await.text("/processed_at"), processed);

    let bytes = jpeg(2, 60, 40);
    let new = json!({ "filename": "b.jpg", "content_type": "image/jpeg", "size_bytes": bytes.len() });
    let made = app.post("anna", "/photos", new).await;
    let renew = format!("/photos/{}/upload", made.text("/photo/id"));
    let renewed = app.post_keyed("anna", &renew, "u", json!({})).await;
    app.put(&renewed.body["upload"], bytes).await.unwrap();
    app.until("anna", &format!("/photos/{}", made.text("/photo/id")), &["ready"]).await.unwrap();
    assert_eq!(app.post_keyed("anna", &renew, "u", json!({})).await.status, StatusCode::OK);
    assert_eq!(app.post("anna", &renew, json!({})).await.status, StatusCode::CONFLICT);

    app.send("emails-dlq", "no job").await;
    let listed = app.operator().get("/queues/emails/failed").await.body["items"][0]["id"].clone();
    let retry = json!({ "ids": [listed] });
    let first = app.operator().post_keyed("/queues/emails/failed/retry", "r", retry.clone()).await;
    assert_eq!(first.body, json!({ "retried": [listed], "skipped": [] }));
    let again = app.operator().post_keyed("/queues/emails/failed/retry", "r", retry).await;
    assert_eq!((again.status, again.body), (first.status, first.body));
}

#[tokio::test(flavor = "multi_thread")]
async fn idempotency_key_is_not_an_operation() {
    let app = TestApp::start().await;
    app.post_keyed("anna", "/photos", "k", new_photo("a.jpg")).await;
    let namespace = uuid::Uuid::from_u128(0x6b0e_5c0e_9f0b_4c37_8f6a_d1b0_53a1_77e2);
    let id = uuid::Uuid::new_v5(&namespace, b"k");
    assert_eq!(app.get("anna", &format!("/operations/{id}")).await.status, StatusCode::NOT_FOUND);
}
