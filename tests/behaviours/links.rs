use reqwest::{Method, StatusCode};
use serde_json::json;
use tests::{TestApp, jpeg};

async fn status(app: &TestApp, method: Method, link: &str) -> (u16, String) {
    let answer = app.http().request(method, link).send().await.unwrap();
    (answer.status().as_u16(), answer.text().await.unwrap())
}

#[tokio::test(flavor = "multi_thread")]
async fn viewing_spends_nothing_and_resuming_is_free() {
    let app = TestApp::start().await;
    let id = app.ready_photo("anna", "a.jpg", &jpeg(1, 60, 40)).await;
    let order = app.order("anna", "L-1", &[id]).await;
    let (download, link) = app.download("anna", &order, json!({ "max_downloads": 1, "notify": false })).await;
    for _ in 0..5 {
        assert_eq!(status(&app, Method::GET, &link).await.0, 200);
        assert_eq!(status(&app, Method::HEAD, &link).await.0, 200);
    }
    let path = format!("/downloads/{}", download.id);
    assert_eq!(app.get("anna", &path).await.body["download_count"], 0);
    for _ in 0..3 {
        assert!(!app.fetch(&link).await.unwrap().is_empty(), "within the window a repetition is free");
    }
    let after = app.get("anna", &path).await.body;
    assert_eq!((&after["download_count"], &after["is_ready"]), (&json!(1), &json!(true)));
}

#[tokio::test(flavor = "multi_thread")]
async fn revoked_link_is_gone_and_forged_is_unknown() {
    let app = TestApp::start().await;
    let id = app.ready_photo("anna", "a.jpg", &jpeg(1, 60, 40)).await;
    let order = app.order("anna", "L-2", &[id]).await;
    let (download, link) = app.download("anna", &order, json!({ "notify": false })).await;
    let (page, token) = link.rsplit_once('/').unwrap();
    let mut forged = token.to_owned();
    let last = if forged.ends_with('A') { "B" } else { "A" };
    forged.replace_range(8..9, last);
    for token in [forged.as_str(), "x", "", "AAAA", &token[..token.len() - 4]] {
        for method in [Method::GET, Method::POST] {
            assert_eq!(status(&app, method, &format!("{page}/{token}")).await.0, 404, "{token}");
        }
    }
    let path = format!("/downloads/{}", download.id);
    let revoked = app.call("anna", Method::DELETE, &path, None).await;
    assert_eq!((revoked.status, &revoked.body["status"]), (StatusCode::OK, &json!("revoked")));
    for method in [Method::GET, Method::POST] {
        let (code, page) = status(&app, method, &link).await;
        assert_eq!(code, 410);
        assert!(page.contains("withdrawn"), "{page}");
    }
}

/// S3 URLs issued before stay valid for a while, but their objects are deleted.
#[tokio::test(flavor = "multi_thread")]
async fn revoked_archive_is_deleted_but_photo_stays() {
    let app = TestApp::start().await;
    let id = app.ready_photo("anna", "a.jpg", &jpeg(1, 60, 40)).await;
    let order = app.order("anna", "L-9", std::slice::from_ref(&id)).await;
    let single = json!({ "kind": "single", "photo_id": id, "notify": false });
    for (terms, after) in [(json!({ "notify": false }), 404), (single, 200)] {
        let (download, link) = app.download("anna", &order, terms).await;
        let handed_out = app.file_url(&link).await.unwrap();
        assert_eq!(status(&app, Method::GET, &handed_out).await.0, 200);
        let path = format!("/downloads/{}", download.id);
        assert_eq!(app.call("anna", Method::DELETE, &path, None).await.status, StatusCode::OK);
        assert_eq!(status(&app, Method::GET, &handed_out).await.0, after);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn link_of_unfinished_download_returns_no_file() {
    let app = TestApp::with(|options| {
        options.set("archive-builder", "DOWNLOADS_BUCKET", "no-such-bucket");
    })
    .await;
    let id = app.ready_photo("anna", "a.jpg", &jpeg(1, 60, 40)).await;
    let order = app.order("anna", "L-3", &[id]).await;
    let made = app.post("anna", &format!("/orders/{order}/downloads"), json!({ "notify": false })).await;
    let link = made.text("/link");
    let (code, page) = status(&app, Method::GET, &link).await;
    assert!(code == 200 && page.contains("being packed"), "{page}");
    assert_eq!(status(&app, Method::POST, &link).await.0, 409);
    app.until("anna", &format!("/downloads/{}", made.text("/download/id")), &["failed"]).await.unwrap();
    let (code, page) = status(&app, Method::GET, &link).await;
    assert!(code == 200 && page.contains("could not be packed"), "{page}");
}

/// An archive that does not exist is not delivered either if a build ends between two reads of the request.
#[tokio::test(flavor = "multi_thread")]
async fn missing_archive_is_neither_delivered_nor_counted() {
    let app = TestApp::start().await;
    let id = app.ready_photo("anna", "a.jpg", &jpeg(1, 60, 40)).await;
    let order = app.order("anna", "L-4", &[id]).await;
    let (download, link) = app.download("anna", &order, json!({ "notify": false })).await;
    let path = format!("/downloads/{}", download.id);
    let second = format!("{link}?volume=2");
    assert_eq!(status(&app, Method::POST, &second).await.0, 404);
    assert_eq!(status(&app, Method::POST, &format!("{link}?volume=0")).await.0, 404);
    for _ in 0..10 {
        assert_eq!(app.post("anna", &format!("{path}/retry"), json!({})).await.status, StatusCode::ACCEPTED);
        while app.get("anna", &path).await.body["status"] != "ready" {
            for (code, _) in futures::future::join_all((0..8).map(|_| status(&app, Method::POST, &second))).await {
                assert!(matches!(code, 404 | 409), "{code}");
            }
        }
    }
    assert_eq!(app.get("anna", &path).await.body["download_count"], 0);
}
