//! Sweeps: records whose message or event was lost.

use std::time::Duration;

use aws_sdk_dynamodb::types::AttributeValue;
use serde_json::json;
use tests::{TestApp, jpeg};

/// S3's event is lost, or no worker could read the table during its deliveries: the photo is processed without a
/// request.
#[tokio::test(flavor = "multi_thread")]
async fn upload_without_event_is_found_after_url_expiry() {
    let app = TestApp::by_hand().await;
    let photo = app.upload("anna", "a.jpg", "image/jpeg", &jpeg(1, 60, 40)).await.unwrap();
    let new = json!({ "filename": "b.jpg", "content_type": "image/jpeg", "size_bytes": 10 });
    let never = app.post("anna", "/photos", new).await.text("/photo/id");
    app.system().queues().purge("uploads").unwrap();
    for (wait, status) in [(600, "awaiting_upload"), (3_600, "ready")] {
        app.system().advance(Duration::from_secs(wait));
        app.system().sweep().await.unwrap();
        app.work().await;
        assert_eq!(app.get("anna", &format!("/photos/{photo}")).await.body["status"], status);
        assert_eq!(app.get("anna", &format!("/photos/{never}")).await.body["status"], "awaiting_upload");
    }
}

/// Records of a newer build, or with manual changes, do not block the records behind them.
#[tokio::test(flavor = "multi_thread")]
async fn unreadable_record_blocks_no_others_in_sweeps() {
    let app = TestApp::by_hand().await;
    let photo = app.upload("anna", "a.jpg", "image/jpeg", &jpeg(1, 60, 40)).await.unwrap();
    app.work().await;
    let path = format!("/photos/{photo}");
    app.post("anna", &format!("{path}/process"), json!({})).await;
    app.system().queues().purge("photos").unwrap();
    assert_eq!(app.get("anna", &path).await.body["status"], "pending");

    let env = app.env();
    let dynamodb = runtime::aws::dynamodb(&env, &runtime::aws::config(&env, runtime::aws::Patience::Job).unwrap());
    for shard in 0..4 {
        let text = |text: String| AttributeValue::S(text);
        let unreadable = dynamodb.put_item().table_name(env.required("PHOTOS_TABLE").unwrap());
        let unreadable = unreadable.item("studio", text("aaa".into())).item("id", text(format!("unreadable-{shard}")));
        let due = AttributeValue::N("1".into());
        unreadable.item("due_shard", text(shard.to_string())).item("due_at", due).send().await.unwrap();
    }
    app.system().advance(Duration::from_secs(2_000));
    app.system().sweep().await.unwrap();
    app.work().await;
    assert_eq!(app.get("anna", &path).await.body["status"], "ready");
}
