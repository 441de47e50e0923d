use serde_json::json;
use tests::{TestApp, jpeg, unzip};

#[tokio::test(flavor = "multi_thread")]
async fn crashes_lose_and_double_nothing() {
    let mut app = TestApp::start().await;
    let mut ids = Vec::new();
    for n in 0..12 {
        ids.push(app.upload("anna", &format!("{n}.jpg"), "image/jpeg", &jpeg(n, 1600, 1200)).await.unwrap());
    }
    app.restart(|_| {}).await;
    for id in &ids {
        app.until("anna", &format!("/photos/{id}"), &["ready"]).await.unwrap();
    }
    let order = app.order("anna", "C-1", &ids).await;
    let made = app.post("anna", &format!("/orders/{order}/downloads"), json!({})).await;
    app.restart(|_| {}).await;
    let path = format!("/downloads/{}", made.text("/download/id"));
    app.until("anna", &path, &["ready"]).await.unwrap();
    let emails = app.until_emails(1).await;
    let text = emails[0].text.as_ref().unwrap();
    let token = made.text("/link").rsplit_once('/').unwrap().1.to_owned();
    assert!(text.contains(&token));
    // After the restart the port differs; the token is the same.
    let files = unzip(app.fetch(&format!("{}/d/{token}", app.api())).await.unwrap());
    assert_eq!(files.len(), 13);
}
