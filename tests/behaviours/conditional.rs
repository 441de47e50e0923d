use reqwest::{StatusCode, header};
use serde_json::json;
use tests::{TestApp, jpeg};

#[tokio::test(flavor = "multi_thread")]
async fn unchanged_record_is_not_sent_again() {
    let app = TestApp::start().await;
    let photo = app.ready_photo("anna", "a.jpg", &jpeg(1, 60, 40)).await;
    let order = app.order("anna", "E-1", std::slice::from_ref(&photo)).await;
    let (download, link) = app.download("anna", &order, json!({ "notify": false, "max_downloads": 9 })).await;
    let download = download.id;
    let email = json!({ "template": "order_confirmation", "to": "e@example.com", "data": { "order_id": order }, "queue": false });
    let email = app.post("anna", "/emails", email).await.text("/email/id");
    let get = async |path: &str, tag: &str| {
        let request = app.http().get(format!("{}{path}", app.api())).header("authorization", "Bearer dev:anna");
        request.header("if-none-match", tag).send().await.unwrap()
    };
    for path in [
        format!("/photos/{photo}"),
        format!("/orders/{order}"),
        format!("/downloads/{download}"),
        format!("/emails/{email}"),
    ] {
        let first = get(&path, "\"another\"").await;
        assert_eq!(first.status(), StatusCode::OK);
        let tag = first.headers()["etag"].to_str().unwrap().to_owned();
        let again = get(&path, &format!("\"x\", {tag}")).await;
        assert_eq!(
            (again.status(), again.headers()["etag"].to_str().unwrap()),
            (StatusCode::NOT_MODIFIED, tag.as_str())
        );
        assert!(again.bytes().await.unwrap().is_empty());
    }
    let path = format!("/downloads/{download}");
    let tag = get(&path, "").await.headers()["etag"].to_str().unwrap().to_owned();
    app.fetch(&link).await.unwrap();
    assert_eq!(get(&path, &tag).await.status(), StatusCode::OK, "a download was counted");
}

#[tokio::test(flavor = "multi_thread")]
async fn responses_have_security_headers_and_allowed_methods() {
    let app = TestApp::start().await;
    for path in ["/health", "/photos", "/photos/x", "/d/forged"] {
        let request = app.http().get(format!("{}{path}", app.api())).header("authorization", "Bearer dev:anna");
        let answer = request.send().await.unwrap();
        let header = |name: &str| answer.headers().get(name).map(|value| value.to_str().unwrap().to_owned());
        assert_eq!(header("x-content-type-options").as_deref(), Some("nosniff"), "{path}");
        assert!(
            header("content-security-policy").is_some_and(|policy| policy.starts_with("default-src 'none'")),
            "{path}"
        );
        assert!(header("strict-transport-security").is_some() && header("cache-control").is_some(), "{path}");
    }
    let request = app.http().patch(format!("{}/photos", app.api())).header("authorization", "Bearer dev:anna");
    let answer = request.send().await.unwrap();
    assert_eq!(answer.status(), StatusCode::METHOD_NOT_ALLOWED);
    let allowed = answer.headers()[header::ALLOW].to_str().unwrap();
    assert!(allowed.contains("GET") && allowed.contains("POST"), "{allowed}");
}
