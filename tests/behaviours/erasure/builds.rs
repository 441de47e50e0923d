use std::{
    sync::{
        Arc, Mutex,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use futures::future::BoxFuture;
use reqwest::StatusCode;
use serde_json::json;
use tests::{
    TestApp,
    proxy::{Fate, Line, Seen},
};
use tokio::sync::Notify;

use super::tell;

/// A line that delays one request until the test releases it.
#[derive(Default)]
struct Held {
    /// The number of the delayed request, from 1.
    number: Mutex<Option<usize>>,
    count: AtomicUsize,
    reached: Arc<Notify>,
    let_go: Arc<Notify>,
}

impl Line for Held {
    fn arrives(&self, _: Seen) -> BoxFuture<'static, Fate> {
        let number = self.count.fetch_add(1, Ordering::SeqCst) + 1;
        let is_held = *self.number.lock().unwrap() == Some(number);
        let (reached, let_go) = (self.reached.clone(), self.let_go.clone());
        Box::pin(async move {
            if is_held {
                reached.notify_one();
                let_go.notified().await;
            }
            Fate::Pass
        })
    }
}

/// Erases an order during every third request of its build.
#[tokio::test(flavor = "multi_thread")]
async fn build_during_an_erasure_leaves_no_archive() {
    let app = TestApp::without_builder().await;
    let photos = app.large_and_small("anna", "LsL").await;
    let ids: Vec<String> = photos.into_iter().map(|(_, _, id)| id).collect();
    let line = Arc::new(Held::default());
    let builder = Arc::new(app.builder(line.clone()).await);
    let (mut before, mut behind) = (0, 0);
    for number in (3..).step_by(3) {
        let order = app.order("anna", "Ref-1", &ids).await;
        let made = app.post("anna", &format!("/orders/{order}/downloads"), json!({})).await.text("/download/id");
        *line.number.lock().unwrap() = Some(number);
        line.count.store(0, Ordering::SeqCst);
        let (working, id) = (builder.clone(), made.clone());
        let mut build = tokio::spawn(async move { working.build("anna", &id, 60).await });
        let ended = tokio::select! {
            ended = &mut build => { ended.unwrap(); true }
            () = line.reached.notified() => false,
        };
        let (objects, _) = app.left_behind(&format!("archives/anna/{made}/1.zip")).await;
        before += usize::from(objects.is_empty());
        behind += usize::from(!objects.is_empty());
        assert_eq!(app.delete("anna", &format!("/orders/{order}")).await.status, StatusCode::NO_CONTENT);
        line.let_go.notify_one();
        if !ended {
            build.await.unwrap();
        }
        // The message is delivered again, whatever the build returned.
        *line.number.lock().unwrap() = None;
        builder.build("anna", &made, 60).await;
        assert_eq!(app.left_behind("").await, (vec![], vec![]), "request {number}");
        assert_eq!(app.get("anna", &format!("/downloads/{made}")).await.body["status"], "revoked", "request {number}");
        let left = tell(&app, "anna", &["Ref-1"]).await;
        assert!(left.is_empty(), "request {number}: {left:#?}");
        if ended {
            break;
        }
        // A release without a waiting request is stored by `Notify`; the timeout discards it.
        let _ = tokio::time::timeout(Duration::from_millis(1), line.let_go.notified()).await;
    }
    assert!(before > 3 && behind > 0, "{before} before the archive existed, {behind} after");
    app.until_empty("emails").await;
    assert!(app.emails().await.len() <= 1, "only a build that ended before the erasure may send an email");
}
