use api_types::PhotoPage;
use reqwest::StatusCode;
use serde_json::{Value, json};
use tests::{TestApp, jpeg};

fn with(base: &Value, field: &str, value: Value) -> Value {
    let mut body = base.clone();
    match field.split_once('.') {
        Some((outer, inner)) => body[outer][inner] = value,
        None => body[field] = value,
    }
    body
}

#[tokio::test(flavor = "multi_thread")]
async fn refusal_is_a_problem_naming_the_field() {
    let app = TestApp::start().await;
    let id = app.ready_photo("anna", "a.jpg", &jpeg(1, 60, 40)).await;
    let photo = json!({ "filename": "a.jpg", "content_type": "image/jpeg", "size_bytes": 10 });
    let customer = json!({ "name": "E", "email": "e@example.com" });
    let order = json!({ "reference": "R", "customer": customer, "photo_ids": [id] });
    let order_id = app.order("anna", "R", std::slice::from_ref(&id)).await;
    let downloads = format!("/orders/{order_id}/downloads");
    let email = json!({ "template": "order_confirmation", "to": "e@example.com", "data": { "order_id": order_id } });
    let cases = [
        ("/photos", &photo, "filename", json!("")),
        ("/photos", &photo, "filename", json!("x".repeat(1025))),
        ("/photos", &photo, "filename", json!(7)),
        ("/photos", &photo, "content_type", json!("text/plain")),
        ("/photos", &photo, "content_type", json!("image/jpeg\r\nx: y")),
        ("/photos", &photo, "content_type", json!(" image/jpeg")),
        ("/photos", &photo, "size_bytes", json!(0)),
        ("/photos", &photo, "size_bytes", json!(10.5)),
        ("/photos", &photo, "size_bytes", json!(-1)),
        ("/photos", &photo, "size_bytes", json!(1_u64 << 40)),
        ("/photos", &photo, "sha256", json!("short")),
        ("/photos", &photo, "surprise", json!(1)),
        ("/orders", &order, "reference", json!(" ")),
        ("/orders", &order, "reference", json!("a\nb")),
        ("/orders", &order, "reference", json!("a\n")),
        ("/orders", &order, "photo_ids", json!([])),
        ("/orders", &order, "photo_ids", json!([id, id])),
        ("/orders", &order, "photo_ids", json!([uuid::Uuid::now_v7()])),
        ("/orders", &order, "customer.email", json!("nobody")),
        ("/orders", &order, "customer.name", json!("")),
        ("/orders", &order, "customer.locale", json!("not a tag")),
        ("/orders", &order, "customer.surprise", json!(1)),
        ("/orders", &order, "customer", json!(["E", "e@example.com"])),
        (downloads.as_str(), &json!({}), "kind", json!("zip")),
        (downloads.as_str(), &json!({}), "photo_id", json!(id)),
        (downloads.as_str(), &json!({}), "expires_in_days", json!(0)),
        (downloads.as_str(), &json!({}), "expires_in_days", json!(31)),
        (downloads.as_str(), &json!({}), "max_downloads", json!(0)),
        (downloads.as_str(), &json!({}), "split_bytes", json!(999_999)),
        (downloads.as_str(), &json!({}), "split_bytes", json!(1_u64 << 53)),
        (downloads.as_str(), &json!({}), "surprise", json!(0)),
        ("/emails", &email, "template", json!("spam")),
        ("/emails", &email, "to", json!("a@b.cd,e@f.gh")),
        ("/emails", &email, "data", json!({ "order_id": uuid::Uuid::now_v7() })),
        ("/emails", &email, "data", json!({ "order_id": order_id, "html": "<b>" })),
        ("/emails", &email, "data", json!({ "order_id": order_id, "download_id": order_id })),
        ("/emails", &email, "data", json!([order_id])),
    ];
    for (path, base, field, value) in cases {
        let body = with(base, field, value);
        let answer = app.post("anna", path, body.clone()).await;
        assert_eq!(answer.status, StatusCode::UNPROCESSABLE_ENTITY, "{path} {body}: {answer:?}");
        let named = answer.text("/field");
        assert!(named.starts_with(field), "{path} {body}: names {named:?}, not {field:?}");
        assert!(answer.text("/type").starts_with("/problems/") && !answer.text("/detail").is_empty());
    }
    for body in ["", "{", "[1,", "nonsense", "null", r#"["a.jpg", "image/jpeg", 10, null]"#] {
        let request = app.http().post(format!("{}/photos", app.api())).header("authorization", "Bearer dev:anna");
        let answer = request.body(body).send().await.unwrap();
        assert!(answer.status().is_client_error(), "{body:?}");
        assert_eq!(answer.headers()["content-type"], "application/problem+json");
    }
    assert_eq!(app.get("anna", "/photos?limit=0").await.status, 422);
    assert_eq!(app.get("anna", "/photos?cursor=x").await.status, 422);
    assert_eq!(app.get("anna", "/photos?status=lost").await.status, 422);
    assert_eq!(app.get("anna", "/photos/not-an-id").await.status, 404);
    assert_eq!(app.get("anna", "/photos").await.body["items"].as_array().unwrap().len(), 1, "no half-written record");
}

/// JSON Schema allows the decimal point, and some languages write it for whole numbers.
#[tokio::test(flavor = "multi_thread")]
async fn whole_number_may_have_a_decimal_point() {
    let app = TestApp::start().await;
    let photo = json!({ "filename": "a.jpg", "content_type": "image/jpeg", "size_bytes": 10.0 });
    let answer = app.post("anna", "/photos", photo).await;
    assert_eq!((answer.status, &answer.body["photo"]["size_bytes"]), (StatusCode::CREATED, &json!(10)));
}

#[tokio::test(flavor = "multi_thread")]
async fn order_with_unready_photos_cannot_be_downloaded() {
    let app = TestApp::start().await;
    let new = json!({ "filename": "a.jpg", "content_type": "image/jpeg", "size_bytes": 10 });
    let awaited = app.post("anna", "/photos", new).await.text("/photo/id");
    let order = app.order("anna", "R", std::slice::from_ref(&awaited)).await;
    let refused = app.post("anna", &format!("/orders/{order}/downloads"), json!({})).await;
    assert_eq!(refused.status, StatusCode::CONFLICT);
    assert_eq!(refused.body["photos"], json!([{ "id": awaited, "status": "awaiting_upload" }]));
}

#[tokio::test(flavor = "multi_thread")]
async fn lists_page_by_cursor_and_filter_status() {
    let app = TestApp::start().await;
    let new = json!({ "filename": "a.jpg", "content_type": "image/jpeg", "size_bytes": 10 });
    let mut made = Vec::new();
    for _ in 0..5 {
        made.push(app.post("anna", "/photos", new.clone()).await.text("/photo/id"));
    }
    made.reverse();
    let (mut seen, mut path) = (Vec::new(), "/photos?limit=2&status=awaiting_upload".to_owned());
    loop {
        let page: PhotoPage = app.get("anna", &path).await.view();
        assert!(page.items.len() <= 2);
        seen.extend(page.items.iter().map(|photo| photo.id.to_string()));
        let Some(cursor) = page.next_cursor else { break };
        path = format!("/photos?limit=2&status=awaiting_upload&cursor={cursor}");
    }
    assert_eq!(seen, made, "newest first, each once");
    assert_eq!(app.get("anna", "/photos?status=ready").await.body["items"], json!([]));
}
