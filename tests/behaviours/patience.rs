//! Slow responses of S3.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex},
    time::Duration,
};

use api_types::{DownloadState, DownloadView};
use futures::future::BoxFuture;
use http::Method;
use serde_json::json;
use tests::{
    TestApp,
    proxy::{Fate, Line, Seen},
};

/// A line on which S3 takes longer to complete an archive than the limit of any other call.
struct SlowCompletion;

const TAKES: Duration = Duration::from_secs(8);
/// The share of the usual time limits in percent: a call may take 6 s in total, including its attempts and waits.
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
async fn completion_may_take_longer_than_other_calls() {
    let app = TestApp::without_builder().await;
    let photos = app.large_and_small("anna", "LL").await;
    let ids: Vec<String> = photos.iter().map(|(_, _, id)| id.clone()).collect();
    let order = app.order("anna", "P-1", &ids).await;
    let made = app.post("anna", &format!("/orders/{order}/downloads"), json!({ "notify": false })).await;
    let download = made.text("/download/id");
    let builder = app.builder_with(Arc::new(SlowCompletion), &[("SDK_PATIENCE_PERCENT", PERCENT)]).await;
    let answer = builder.build("anna", &download, 60).await;
    assert!(answer.batch_item_failures.is_empty(), "the attempt failed");
    let shown: DownloadView = app.get("anna", &format!("/downloads/{download}")).await.view();
    assert_eq!((shown.status, shown.attempts), (DownloadState::Ready, 1), "{shown:?}");
}

/// A line on which S3 sends the head of copies and completions immediately and the body later.
struct HeadFirst {
    body_after: Duration,
    spaces: Option<Duration>,
    /// The number of requests per URI.
    asked: Mutex<HashMap<String, u32>>,
}

impl Line for HeadFirst {
    fn arrives(&self, seen: Seen) -> BoxFuture<'static, Fate> {
        let copies = seen.method == Method::PUT && seen.headers.contains_key("x-amz-copy-source");
        let completes = seen.method == Method::POST && seen.uri.to_string().contains("uploadId");
        if !copies && !completes {
            return Box::pin(std::future::ready(Fate::Pass));
        }
        *self.asked.lock().unwrap().entry(seen.uri.to_string()).or_default() += 1;
        Box::pin(std::future::ready(Fate::HeadFirst { body_after: self.body_after, spaces: self.spaces }))
    }
}

async fn built_though_bodies_come_late(body_after: Duration, spaces: Option<Duration>) {
    let app = TestApp::without_builder().await;
    let photos = app.large_and_small("anna", "LLs").await;
    let ids: Vec<String> = photos.iter().map(|(_, _, id)| id.clone()).collect();
    let order = app.order("anna", "P-2", &ids).await;
    let made = app.post("anna", &format!("/orders/{order}/downloads"), json!({ "notify": false })).await;
    let download = made.text("/download/id");
    let line = Arc::new(HeadFirst { body_after, spaces, asked: Mutex::default() });
    let builder = app.builder_with(line.clone(), &[]).await;
    let answer = builder.build("anna", &download, 890).await;
    assert!(answer.batch_item_failures.is_empty(), "the attempt failed");
    let shown: DownloadView = app.get("anna", &format!("/downloads/{download}")).await.view();
    assert_eq!((shown.status, shown.attempts), (DownloadState::Ready, 1), "{shown:?}");
    let asked = line.asked.lock().unwrap();
    assert!(asked.keys().any(|uri| uri.contains("partNumber")), "nothing was copied");
    assert!(asked.values().all(|times| *times == 1), "{asked:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn calls_with_late_bodies_are_sent_once() {
    let late = Duration::from_secs(8);
    let silent = built_though_bodies_come_late(late, None);
    tokio::join!(silent, built_though_bodies_come_late(late, Some(Duration::from_secs(7))));
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "long: .ci/run leaves it out"]
async fn calls_late_by_two_minutes_are_sent_once() {
    let late = Duration::from_secs(120);
    let silent = built_though_bodies_come_late(late, None);
    tokio::join!(silent, built_though_bodies_come_late(late, Some(Duration::from_secs(7))));
}
