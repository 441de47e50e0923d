use serde_json::json;
use tests::{TestApp, jpeg, unzip};

#[tokio::test(flavor = "multi_thread")]
async fn sync_runs_each_job_before_responding() {
    let app = TestApp::with(|options| options.sync = true).await;
    let original = jpeg(1, 900, 600);
    let id = app.upload("anna", "a.jpg", "image/jpeg", &original).await.unwrap();
    assert_eq!(app.get("anna", &format!("/photos/{id}")).await.body["status"], "ready", "the job ran synchronously");
    let order = app.order("anna", "Y-1", &[id]).await;
    let made = app.post("anna", &format!("/orders/{order}/downloads"), json!({})).await;
    let path = format!("/downloads/{}", made.text("/download/id"));
    assert_eq!(app.get("anna", &path).await.body["status"], "ready", "the job ran synchronously");
    assert_eq!(app.emails().await.len(), 1, "the job ran synchronously");
    assert!(unzip(app.fetch(&made.text("/link")).await.unwrap())[0].1 == original);
}
