//! Limits of studios: set by operators, refused by name, and without effect where they refuse.

use std::time::Duration;

use reqwest::{Method, StatusCode};
use runtime::clock::Clock;
use serde_json::{Value, json};
use tests::{Answer, TestApp, jpeg, until::found};

const LIMITS: &str = "/studios/anna/limits";
const DAY: Duration = Duration::from_secs(24 * 3600);

async fn limit(app: &TestApp, limits: Value) -> Value {
    let set = app.call("operators:operator", Method::PUT, LIMITS, Some(limits)).await;
    assert_eq!(set.status, StatusCode::OK, "{set:?}");
    set.body
}

async fn used(app: &TestApp) -> Value {
    app.get("operators:operator", LIMITS).await.body["used"].clone()
}

#[track_caller]
fn assert_refused(answer: &Answer, limit: &str) {
    assert_eq!(answer.status, StatusCode::TOO_MANY_REQUESTS, "{answer:?}");
    assert_eq!((&answer.body["type"], &answer.body["limit"]), (&json!("/problems/limit-reached"), &json!(limit)));
    assert!(answer.retry_after.is_some_and(|seconds| (1..=24 * 3600).contains(&seconds)), "{answer:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn limits_are_replaced_as_a_whole() {
    let app = TestApp::start().await;
    let none = json!({
        "studio": "anna", "emails_a_day": null, "bytes": null, "archives_a_day": null, "concurrent_operations": null,
        "used": { "emails": 0, "archives": 0, "bytes": null },
    });
    assert_eq!(app.get("operators:operator", LIMITS).await.body, none);
    let set = limit(&app, json!({ "emails_a_day": 5, "bytes": 9_007_199_254_740_991_u64 })).await;
    assert_eq!((&set["emails_a_day"], &set["bytes"]), (&json!(5), &json!(9_007_199_254_740_991_u64)));
    let set = limit(&app, json!({ "archives_a_day": 0, "emails_a_day": null })).await;
    assert_eq!((&set["emails_a_day"], &set["bytes"], &set["archives_a_day"]), (&Value::Null, &Value::Null, &json!(0)));
    for (limits, field) in [
        (json!({ "emails_a_day": -1 }), "emails_a_day"),
        (json!({ "bytes": 9_007_199_254_740_992_u64 }), "bytes"),
        (json!({ "archives_a_day": "many" }), "archives_a_day"),
        (json!({ "photos": 1 }), "photos"),
    ] {
        let refused = app.call("operators:operator", Method::PUT, LIMITS, Some(limits)).await;
        assert_eq!((refused.status, &refused.body["field"]), (StatusCode::UNPROCESSABLE_ENTITY, &json!(field)));
    }
    let unknown = app.get("operators:operator", "/studios/Anna%2F/limits").await;
    assert_eq!(unknown.status, StatusCode::NOT_FOUND, "{unknown:?}");
    assert_eq!(app.get("operators:operator", "/studios/berta/limits").await.body["archives_a_day"], Value::Null);
}

#[tokio::test(flavor = "multi_thread")]
async fn emails_and_archives_of_a_day_are_limited() {
    let app = TestApp::with(|options| options.clock = Clock::movable()).await;
    let photo = app.ready_photo("anna", "a.jpg", &jpeg(1, 60, 40)).await;
    let order = app.order("anna", "L-1", &[photo]).await;
    limit(&app, json!({ "emails_a_day": 1, "archives_a_day": 1 })).await;

    let email = json!({ "template": "order_confirmation", "to": "eva@example.com", "data": { "order_id": order } });
    let first = app.post_keyed("anna", "/emails", "first", email.clone()).await;
    assert_eq!(first.status, StatusCode::ACCEPTED, "{first:?}");
    assert_refused(&app.post_keyed("anna", "/emails", "second", email.clone()).await, "emails_a_day");
    let again = app.post_keyed("anna", "/emails", "first", email.clone()).await;
    assert_eq!(again.text("/email/id"), first.text("/email/id"), "a repeated request counts once");

    let downloads = format!("/orders/{order}/downloads");
    let download = app.post("anna", &downloads, json!({})).await;
    assert_eq!(download.status, StatusCode::ACCEPTED, "{download:?}");
    assert_refused(&app.post("anna", &downloads, json!({})).await, "archives_a_day");
    let of_order = app.get("anna", &format!("/downloads?order_id={order}")).await;
    assert_eq!(of_order.body["items"].as_array().unwrap().len(), 1, "the refused one was not created");
    assert_eq!(used(&app).await, json!({ "emails": 1, "archives": 1, "bytes": null }));

    // The email that follows from a download is sent despite the limit.
    app.until("anna", &format!("/downloads/{}", download.text("/download/id")), &["ready"]).await.unwrap();
    app.until_emails(2).await;

    app.system().advance(DAY);
    assert_eq!(used(&app).await, json!({ "emails": 0, "archives": 0, "bytes": null }));
    let next_day = app.post_keyed("anna", "/emails", "second", email).await;
    assert_eq!(next_day.status, StatusCode::ACCEPTED, "the key of a refused request can be used again: {next_day:?}");
    assert_eq!(app.post("anna", &downloads, json!({})).await.status, StatusCode::ACCEPTED);
}

#[tokio::test(flavor = "multi_thread")]
async fn bytes_of_photos_are_limited_and_measured() {
    let app = TestApp::with(|options| options.clock = Clock::movable()).await;
    let bytes = jpeg(1, 60, 40);
    let there = app.ready_photo("anna", "a.jpg", &bytes).await;
    let size = bytes.len() as u64;
    limit(&app, json!({ "bytes": size + 100 })).await;
    let measured = found(async || used(&app).await["bytes"].as_u64()).await;
    assert_eq!(measured, Some(size), "photos that were there before the limit count");

    let photo = |size: u64| json!({ "filename": "b.jpg", "content_type": "image/jpeg", "size_bytes": size });
    assert_refused(&app.post("anna", "/photos", photo(101)).await, "bytes");
    let batch = json!({ "photos": [photo(60), photo(41)] });
    assert_refused(&app.post("anna", "/photos/batch", batch).await, "bytes");
    for _ in 0..2 {
        let announced = app.post_keyed("anna", "/photos", "fits", photo(100)).await;
        assert_eq!(announced.status, StatusCode::CREATED, "{announced:?}");
    }
    assert_eq!(used(&app).await["bytes"], size + 100);
    assert_refused(&app.post("anna", "/photos", photo(1)).await, "bytes");

    assert_eq!(app.delete("anna", &format!("/photos/{there}")).await.status, StatusCode::NO_CONTENT);
    app.system().advance(Duration::from_secs(3600));
    assert_refused(&app.post("anna", "/photos", photo(size)).await, "bytes");
    let measured = found(async || used(&app).await["bytes"].as_u64().filter(|bytes| *bytes < size)).await;
    assert_eq!(measured, Some(100), "the next measurement leaves the deleted photo out");
    assert_eq!(app.post("anna", "/photos", photo(size)).await.status, StatusCode::CREATED);
}

#[tokio::test(flavor = "multi_thread")]
async fn concurrent_operations_are_limited() {
    let app = TestApp::start().await;
    let all = json!({ "which": "all" });
    limit(&app, json!({ "concurrent_operations": 0 })).await;
    assert_refused(&app.post("anna", "/photos/process", all.clone()).await, "concurrent_operations");
    let customer = json!({ "email": "eva@example.com" });
    let erased = app.post("anna", "/customers/erase", customer).await;
    assert_eq!(erased.status, StatusCode::ACCEPTED, "an erasure is never limited: {erased:?}");
    limit(&app, json!({ "concurrent_operations": 1 })).await;
    for _ in 0..3 {
        let begun = app.post("anna", "/photos/process", all.clone()).await;
        assert_eq!(begun.status, StatusCode::ACCEPTED, "the one before has ended: {begun:?}");
        app.until_done("anna", &begun).await;
    }
    assert_eq!(app.post("berta", "/photos/process", all).await.status, StatusCode::ACCEPTED, "berta has no limits");
}
