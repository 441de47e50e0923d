use reqwest::{Method, StatusCode};
use serde_json::json;
use tests::{TestApp, jpeg};

#[tokio::test(flavor = "multi_thread")]
async fn another_studios_ids_are_not_found() {
    let app = TestApp::start().await;
    let photo = app.ready_photo("anna", "a.jpg", &jpeg(1, 60, 40)).await;
    let order = app.order("anna", "S-1", std::slice::from_ref(&photo)).await;
    let (download, _) = app.download("anna", &order, json!({ "notify": false })).await;
    let download = download.id;
    let new = json!({ "template": "order_confirmation", "to": "eva@example.com", "data": { "order_id": order } });
    let email = app.post("anna", "/emails", new.clone()).await.text("/email/id");
    for path in [
        format!("/photos/{photo}"),
        format!("/orders/{order}"),
        format!("/downloads/{download}"),
        format!("/emails/{email}"),
    ] {
        assert_eq!(app.get("anna", &path).await.status, StatusCode::OK, "{path}");
        assert_eq!(app.get("berta", &path).await.status, StatusCode::NOT_FOUND, "{path}");
    }
    let upload_again = app.post("berta", &format!("/photos/{photo}/upload"), json!({})).await;
    let revoke = app.call("berta", Method::DELETE, &format!("/downloads/{download}"), None).await;
    let build = app.post("berta", &format!("/orders/{order}/downloads"), json!({})).await;
    for answer in [upload_again, revoke, build] {
        assert_eq!(answer.status, StatusCode::NOT_FOUND, "{answer:?}");
    }
    assert_eq!(app.post("berta", "/emails", new).await.status, StatusCode::UNPROCESSABLE_ENTITY);
    for path in ["/photos", "/orders", "/downloads"] {
        assert_eq!(app.get("berta", path).await.body["items"], json!([]), "{path}");
        assert_eq!(app.get("anna", path).await.body["items"].as_array().unwrap().len(), 1, "{path}");
    }
    let customer = json!({ "name": "B", "email": "b@example.com" });
    let theft = json!({ "reference": "X", "customer": customer, "photo_ids": [photo] });
    let refused = app.post("berta", "/orders", theft).await;
    assert_eq!(refused.status, StatusCode::UNPROCESSABLE_ENTITY);
    assert_eq!(refused.body["photos"], json!([{ "id": photo, "reason": "unknown" }]));
}

#[tokio::test(flavor = "multi_thread")]
async fn without_a_token_only_the_open_doors_open() {
    let app = TestApp::start().await;
    for (path, status) in [("/photos", 401), ("/orders", 401), ("/health", 200), ("/d/forged", 404), ("/nowhere", 401)]
    {
        let answer = app.http().get(format!("{}{path}", app.api())).send().await.unwrap();
        assert_eq!(answer.status().as_u16(), status, "{path}");
    }
    assert_eq!(app.get("not_a_studio!", "/photos").await.status, StatusCode::FORBIDDEN);
}
