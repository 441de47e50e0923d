use std::{
    collections::BTreeMap,
    sync::{
        Arc, Mutex,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use api_types::{DownloadState, DownloadView};
use aws_sdk_s3::types::ChecksumMode;
use futures::future::BoxFuture;
use http::StatusCode;
use runtime::objects::decode_crc32;
use serde_json::json;
use tests::{
    TestApp,
    builder::Builder,
    proxy::{Fate, Line, Seen},
    unzip,
};
use tokio::sync::Notify;

/// A line on which one request is the builder's last.
#[derive(Default)]
struct LastRequest {
    /// The number of the last request, from 1, and its fate.
    last: Mutex<Option<(usize, Fate)>>,
    count: AtomicUsize,
    reached: Arc<Notify>,
    /// The number of answered requests that made a part.
    parts: AtomicUsize,
}

impl Line for LastRequest {
    fn arrives(&self, _: Seen) -> BoxFuture<'static, Fate> {
        let number = self.count.fetch_add(1, Ordering::SeqCst) + 1;
        let fate = match *self.last.lock().unwrap() {
            Some((last, fate)) if number == last => {
                self.reached.notify_one();
                fate
            }
            // A dead builder sends nothing more.
            Some((last, _)) if number > last => Fate::Lost,
            _ => Fate::Pass,
        };
        Box::pin(std::future::ready(fate))
    }

    fn answered(&self, seen: &Seen, status: StatusCode) {
        if status.is_success() && seen.uri.query().is_some_and(|query| query.contains("partNumber=")) {
            self.parts.fetch_add(1, Ordering::SeqCst);
        }
    }
}

impl LastRequest {
    fn set(&self, last: Option<(usize, Fate)>) -> usize {
        *self.last.lock().unwrap() = last;
        self.parts.store(0, Ordering::SeqCst);
        self.count.swap(0, Ordering::SeqCst)
    }
}

/// Photos that are built again and again.
struct Sold<'a> {
    app: &'a TestApp,
    ids: Vec<String>,
    /// Order of all downloads, which are then copied from the first one.
    same_order: Option<String>,
}

impl Sold<'_> {
    /// Requests a download, of an order of its own unless all have the same. Returns its id.
    async fn ask(&self) -> String {
        let order = match &self.same_order {
            Some(order) => order.clone(),
            None => self.app.order("anna", "K-1", &self.ids).await,
        };
        ask(self.app, &order).await
    }
}

async fn ask(app: &TestApp, order: &str) -> String {
    let made = app.post("anna", &format!("/orders/{order}/downloads"), json!({ "notify": false })).await;
    made.text("/download/id")
}

/// Builds until the line reports the last request. Returns whether the build ended before.
async fn build_until_killed(builder: &Arc<Builder>, line: &LastRequest, download: &str) -> bool {
    let (working, id) = (builder.clone(), download.to_owned());
    let mut build = tokio::spawn(async move { working.build("anna", &id, 60).await });
    tokio::select! {
        ended = &mut build => { ended.unwrap(); return true; }
        () = line.reached.notified() => {}
    }
    build.abort();
    let _ = build.await;
    // Requests in progress may still take effect. A real lease gives them minutes.
    tokio::time::sleep(Duration::from_millis(60)).await;
    false
}

#[tokio::test(flavor = "multi_thread")]
async fn builder_killed_at_some_requests_resumes() {
    killed_at_every(7, false).await;
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "long: .ci/run runs it"]
async fn builder_killed_at_any_request_resumes() {
    killed_at_every(1, false).await;
}

/// The archives that the order has already are copied.
#[tokio::test(flavor = "multi_thread")]
async fn builder_killed_at_any_request_of_a_copy_resumes() {
    killed_at_every(1, true).await;
}

/// Kills a build at its first request, and other builds at every `step`-th request.
async fn killed_at_every(step: usize, same_order: bool) {
    let app = TestApp::without_builder().await;
    // The layout has two prefixes and so a pad object, a suffix with a small photo, and a photo that is copied
    // unchanged.
    let photos = app.large_and_small("anna", "LsLL").await;
    let ids: Vec<String> = photos.iter().map(|(_, _, id)| id.clone()).collect();
    let same_order = if same_order { Some(app.order("anna", "K-1", &ids).await) } else { None };
    let sold = Sold { app: &app, ids, same_order };
    let line = Arc::new(LastRequest::default());
    let builder = Arc::new(app.builder(line.clone()).await);

    let undisturbed = sold.ask().await;
    assert!(build_until_killed(&builder, &line, &undisturbed).await);
    let all_parts = line.parts.load(Ordering::SeqCst);
    let all_requests = line.set(None);
    assert!(all_parts >= 9 && all_requests > 25, "{all_parts} parts, {all_requests} requests");

    let copies = sold.same_order.is_some();
    if copies {
        // The next second: an equal archive must not depend on the time at which it was asked for.
        tokio::time::sleep(Duration::from_secs(1)).await;
        assert!(builder.record("anna", &sold.ask().await).await.twin.is_some(), "a later one is copied");
    }
    for fate in [Fate::Lost, Fate::AnswerLost] {
        for last in (1..).step_by(step) {
            assert!(last < 2 * all_requests, "the build ends");
            let download = sold.ask().await;
            line.set(Some((last, fate)));
            let ended = build_until_killed(&builder, &line, &download).await;
            let parts_before = line.parts.load(Ordering::SeqCst);
            line.set(None);
            if !ended {
                builder.let_lease_end("anna", &download).await;
                builder.build("anna", &download, 60).await;
            }
            let told = format!("{fate:?} at request {last}");
            let parts_after = line.parts.load(Ordering::SeqCst);
            assert!(ended || parts_before + parts_after <= all_parts, "{told}: {parts_before} + {parts_after} parts");
            check(&app, &builder, &download, &told).await;
            if last % 5 == 0 || step > 1 || ended {
                check_photos(&app, &download, &photos, &told).await;
            }
            if ended {
                assert_eq!(
                    last < all_requests * 3 / 4,
                    copies,
                    "{told}: only a copy takes few of {all_requests} requests"
                );
                break;
            }
        }
    }
}

/// Checks that there is one ready archive and nothing else.
async fn check(app: &TestApp, builder: &Builder, download: &str, told: &str) {
    let shown: DownloadView = app.get("anna", &format!("/downloads/{download}")).await.view();
    assert_eq!(shown.status, DownloadState::Ready, "{told}: {shown:?}");
    let archives = format!("archives/anna/{download}/");
    let (objects, uploads) = app.left_behind(&archives).await;
    assert_eq!(objects, [format!("{archives}1.index.json"), format!("{archives}1.zip")], "{told}");
    assert!(uploads.is_empty(), "{told}: {uploads:?}");
    assert_eq!(app.left_behind("work/").await, (vec![], vec![]), "{told}");
    assert_eq!(builder.record("anna", download).await.position, None, "{told}");

    // The checksum that the store computed from its bytes is compared with the one that the layout computed before.
    let s3 = app.s3();
    let head =
        s3.head_object().bucket("downloads").key(format!("{archives}1.zip")).checksum_mode(ChecksumMode::Enabled);
    let crc32 = head.send().await.unwrap().checksum_crc32.as_deref().and_then(decode_crc32).unwrap();
    assert_eq!(shown.crc32, Some(format!("{crc32:08x}")), "{told}");
}

/// Checks that every photo is in the archive.
async fn check_photos(app: &TestApp, download: &str, photos: &[(String, Vec<u8>, String)], told: &str) {
    let key = format!("archives/anna/{download}/1.zip");
    let object = app.s3().get_object().bucket("downloads").key(key).send().await.unwrap();
    let archive = object.body.collect().await.unwrap().to_vec();
    let files: BTreeMap<String, Vec<u8>> = unzip(archive).into_iter().collect();
    assert_eq!(files.len(), photos.len() + 1, "{told}");
    for (name, bytes, _) in photos {
        assert!(files.get(&format!("Order-K-1/{name}")) == Some(bytes), "{told}: {name}");
    }
}

/// A line on which parts arrive one by one, each after a delay.
#[derive(Default)]
struct SlowParts {
    one_by_one: Arc<tokio::sync::Mutex<()>>,
    parts: AtomicUsize,
}

impl Line for SlowParts {
    fn arrives(&self, seen: Seen) -> BoxFuture<'static, Fate> {
        let turn = self.one_by_one.clone();
        let is_part = seen.uri.query().is_some_and(|query| query.contains("partNumber="));
        Box::pin(async move {
            if is_part {
                let _turn = turn.lock().await;
                tokio::time::sleep(Duration::from_millis(150)).await;
            }
            Fate::Pass
        })
    }

    fn answered(&self, seen: &Seen, status: StatusCode) {
        if status.is_success() && seen.uri.query().is_some_and(|query| query.contains("partNumber=")) {
            self.parts.fetch_add(1, Ordering::SeqCst);
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn build_out_of_time_resumes_without_failure() {
    let app = TestApp::without_builder().await;
    let photos = app.large_and_small("anna", "LLsLLsL").await;
    let ids: Vec<String> = photos.iter().map(|(_, _, id)| id.clone()).collect();
    let order = app.order("anna", "K-1", &ids).await;
    let line = Arc::new(SlowParts::default());
    let builder = app.builder(line.clone()).await;
    let undisturbed = ask(&app, &order).await;
    builder.build("anna", &undisturbed, 60).await;
    let all_parts = line.parts.swap(0, Ordering::SeqCst);

    // Another order: the archive of this one would be copied.
    let download = ask(&app, &app.order("anna", "K-1", &ids).await).await;
    let (mut pauses, mut shown) = (0, 0);
    loop {
        // Lambda's deadline minus the time for settling leaves about a second.
        let answer = builder.build("anna", &download, 6).await;
        assert!(answer.batch_item_failures.is_empty(), "{answer:?}");
        let record = builder.record("anna", &download).await;
        if !record.files.built().is_empty() {
            assert_eq!(record.work.attempts, 1, "pauses are not counted as attempts");
            break;
        }
        assert_eq!((record.work.attempts, record.error), (0, None), "a pause is not a failure");
        assert!(record.position.is_some());
        assert!(record.progress.done >= shown, "{:?} after {shown}", record.progress);
        shown = record.progress.done;
        pauses += 1;
        assert!(pauses < 20, "the build makes progress");
    }
    assert!(pauses >= 2, "{pauses} pauses");
    assert!(shown > 0, "a resumed build shows the stored parts");
    let made = line.parts.load(Ordering::SeqCst);
    assert!(made <= all_parts + pauses, "{made} parts made in {pauses} pauses, of {all_parts}");
    check(&app, &builder, &download, "after pauses").await;
    check_photos(&app, &download, &photos, "after pauses").await;
}
