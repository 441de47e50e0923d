use std::{sync::Arc, time::Duration};

use futures::future::BoxFuture;
use http::Method;
use serde_json::json;
use tests::{
    TestApp,
    proxy::{Fate, Line, Seen},
};

/// S3 takes longer to complete an archive than any other call may take in all.
struct SlowCompletion;

const TAKES: Duration = Duration::from_secs(8);
/// Of the usual times: a call may take 6 s in all, its attempts and waits included.
const PERCENT: &str = "4";

impl Line for SlowCompletion {
    fn arrives(&self, seen: Seen) -> BoxFuture<'static, Fate> {
        Box::pin(async move {
            if seen.method == Method::POST
                && seen.uri.path().contains("/archives/")
                && seen.uri.to_string().contains("uploadId")
            {
                tokio::time::sleep(TAKES).await;
            }
            Fate::Pass
        })
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_completion_may_take_longer_than_other_calls() {
    let app = TestApp::without_builder().await;
    let photos = app.large_and_small("anna", "LL").await;
    let ids: Vec<String> = photos.iter().map(|(_, _, id)| id.clone()).collect();
    let order = app.order("anna", "P-1", &ids).await;
    let made = app.post("anna", &format!("/orders/{order}/downloads"), json!({ "notify": false })).await;
    let download = made.text("/download/id");
    let builder = app.builder_with(Arc::new(SlowCompletion), &[("SDK_PATIENCE_PERCENT", PERCENT)]).await;
    let answer = builder.build("anna", &download, 60).await;
    assert!(answer.batch_item_failures.is_empty(), "the try failed");
    let shown = app.get("anna", &format!("/downloads/{download}")).await.body;
    assert_eq!((&shown["status"], &shown["attempts"]), (&json!("ready"), &json!(1)), "{shown}");
}
