//! Requests in the forms that clients in other languages send.

use reqwest::StatusCode;
use serde_json::json;
use tests::{TestApp, jpeg};

async fn post_raw(app: &TestApp, path: &str, key: Option<&str>, body: &str) -> (StatusCode, serde_json::Value) {
    let mut request = app.http().post(format!("{}{path}", app.api())).header("authorization", "Bearer dev:anna");
    request = request.header("content-type", "application/json");
    if let Some(key) = key {
        request = request.header("idempotency-key", key);
    }
    let answer = request.body(body.to_owned()).send().await.unwrap();
    (answer.status(), answer.json().await.unwrap_or_default())
}

/// Swift, Perl and Go vary the order of an object's members.
#[tokio::test(flavor = "multi_thread")]
async fn same_content_reordered_is_the_same_request() {
    let app = TestApp::start().await;
    let (a, b) = (
        r#"{"filename":"a.jpg","content_type":"image/jpeg","size_bytes":10}"#,
        "{\n  \"size_bytes\": 10, \"filename\": \"a.jpg\", \"content_type\": \"image/jpeg\" }",
    );
    let (first, second) =
        (post_raw(&app, "/photos", Some("k"), a).await, post_raw(&app, "/photos", Some("k"), b).await);
    assert_eq!((first.0, second.0), (StatusCode::CREATED, StatusCode::CREATED), "{second:?}");
    assert_eq!(first.1["photo"]["id"], second.1["photo"]["id"]);
    let other = post_raw(&app, "/photos", Some("k"), &b.replace("10", "11")).await;
    assert_eq!(other.1["type"], "/problems/idempotency-key-reused");
}

/// PHP's empty array is a list, and Laravel's empty body is `null`.
#[tokio::test(flavor = "multi_thread")]
async fn empty_list_and_null_mean_no_options() {
    let app = TestApp::start().await;
    let photo = app.ready_photo("anna", "a.jpg", &jpeg(1, 60, 40)).await;
    for body in ["[]", " [ ] ", "null", "", "{}"] {
        let path = format!("/photos/{photo}/process");
        let (status, answer) = post_raw(&app, &path, None, body).await;
        assert_eq!(status, StatusCode::ACCEPTED, "{body:?}: {answer}");
        app.until("anna", &format!("/photos/{photo}"), &["ready"]).await.unwrap();
    }
    let (status, _) = post_raw(&app, &format!("/photos/{photo}/process"), None, "[1]").await;
    assert_eq!(status, StatusCode::UNPROCESSABLE_ENTITY);
    let order = app.order("anna", "P-1", &[photo]).await;
    for body in ["[]", "null", ""] {
        let (status, answer) = post_raw(&app, &format!("/orders/{order}/downloads"), None, body).await;
        assert_eq!(status, StatusCode::ACCEPTED, "{body:?}: {answer}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn unix_locales_and_international_domains_are_accepted() {
    let app = TestApp::start().await;
    let photo = app.ready_photo("anna", "a.jpg", &jpeg(1, 60, 40)).await;
    for (locale, kept) in [("de_DE", "de-DE"), ("pt_BR", "pt-BR")] {
        let customer = json!({ "name": "Eva", "email": "eva@müller.example", "locale": locale });
        let order = json!({ "reference": "U-1", "customer": customer, "photo_ids": [photo] });
        let made = app.post("anna", "/orders", order).await;
        assert_eq!(made.status, StatusCode::CREATED, "{made:?}");
        let customer = &made.body["customer"];
        assert_eq!((&customer["locale"], &customer["email"]), (&json!(kept), &json!("eva@xn--mller-kva.example")));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn problem_names_twenty_and_counts_the_rest() {
    let app = TestApp::start().await;
    let ids: Vec<_> = (0..2_000).map(|_| uuid::Uuid::now_v7()).collect();
    let customer = json!({ "name": "Eva", "email": "eva@example.com" });
    let order = json!({ "reference": "B-1", "customer": customer, "photo_ids": ids });
    let refused = app.post("anna", "/orders", order).await;
    assert_eq!(refused.status, StatusCode::UNPROCESSABLE_ENTITY);
    assert_eq!((refused.body["photos"].as_array().unwrap().len(), &refused.body["photos_count"]), (20, &json!(2_000)));
}
