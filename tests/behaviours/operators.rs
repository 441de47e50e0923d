//! Jobs as operators see them, and pauses of queues.

use std::time::Duration;

use api_types::{
    JobPage, JobStory, OrdersFound, PhotoView, QueueMetrics, QueueSwitched, QueueView, RecordKind, StudioLoad,
    StudioLoads, Verdict,
};
use domain::{
    job_record::JobPhase,
    job_state::{AttemptId, AttemptOutcome},
    photo::{Photo, PhotoStatus},
    queue_config::QueueName,
};
use jiff::{SignedDuration, Timestamp};
use reqwest::StatusCode;
use runtime::{clock::Clock, store::Table, world::World};
use serde_json::json;
use tests::{TestApp, jpeg};
use uuid::Uuid;

const DAY: Duration = Duration::from_secs(24 * 3600);

/// Starts a system that works on no queue by itself, and whose clock can be moved.
async fn by_hand() -> TestApp {
    TestApp::with(|options| {
        options.by_hand = true;
        options.clock = Clock::movable();
    })
    .await
}

/// Works on all queues until no message is visible.
async fn work(app: &TestApp) {
    app.work().await;
}

async fn jobs(app: &TestApp, queue: &str, state: &str) -> JobPage {
    app.operator().get(&format!("/queues/{queue}/jobs?state={state}")).await.view()
}

async fn story(app: &TestApp, id: &str) -> JobStory {
    app.operator().get(&format!("/jobs/anna/{id}")).await.view()
}

async fn queue(app: &TestApp, name: QueueName) -> QueueView {
    app.operator().queues().await.into_iter().find(|queue| queue.queue == name).unwrap()
}

/// Claims a photo as a worker that stays busy.
async fn claim(app: &TestApp, id: &str) {
    let photos = Table::<Photo>::new(app.dynamodb(), "photos", &World::system());
    let (by, now) = (AttemptId(Uuid::new_v4()), Timestamp::now());
    let claim = |photo: &mut Photo| {
        photo.work.claim(by, now.checked_add(SignedDuration::from_secs(300)).unwrap());
        photo.work.history.begin(by, now, Some("request-1".to_owned()));
        photo.status = PhotoStatus::Processing;
        Ok::<_, std::convert::Infallible>(())
    };
    photos.update(&"anna".parse().unwrap(), id.parse().unwrap(), claim).await.unwrap().unwrap().1.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn unfinished_jobs_are_listed_by_state() {
    let app = by_hand().await;
    let mut ids = Vec::new();
    for n in 0..3 {
        ids.push(app.upload("anna", &format!("{n}.jpg"), "image/jpeg", &jpeg(n, 60, 40)).await.unwrap());
    }
    let uploads = app.system().source("uploads").unwrap();
    while uploads.poll(0).await.unwrap() {}
    claim(&app, &ids[0]).await;
    let running = jobs(&app, "photos", "running").await;
    let [one] = running.items.as_slice() else { panic!("{running:?}") };
    assert_eq!(
        (one.record_id.to_string(), one.phase, one.studio.as_str()),
        (ids[0].clone(), JobPhase::Running, "anna")
    );
    assert_eq!(one.attempts[0].request_id.as_deref(), Some("request-1"));
    let waiting = jobs(&app, "photos", "waiting").await;
    let mut listed: Vec<_> = waiting.items.iter().map(|job| job.record_id.to_string()).collect();
    listed.sort();
    assert_eq!(listed, ids[1..]);

    // In pages of one, each job is seen once.
    let (mut seen, mut cursor) = (Vec::new(), String::new());
    loop {
        let path = format!("/queues/photos/jobs?state=waiting&limit=1{cursor}");
        let page: JobPage = app.operator().get(&path).await.view();
        seen.extend(page.items.into_iter().map(|job| job.record_id.to_string()));
        match page.next_cursor {
            Some(next) => cursor = format!("&cursor={next}"),
            None => break,
        }
    }
    seen.sort();
    assert_eq!(seen, ids[1..]);
    for (query, field) in
        [("state=failed", "state"), ("state=running&cursor=x", "cursor"), ("state=running&limit=0", "limit")]
    {
        let refused = app.operator().get(&format!("/queues/photos/jobs?{query}")).await;
        assert_eq!((refused.status, refused.text("/field")), (StatusCode::UNPROCESSABLE_ENTITY, field.to_owned()));
    }
    assert_eq!(jobs(&app, "uploads", "waiting").await.items.len(), 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn attempts_of_a_failed_job_are_kept() {
    let app = TestApp::start().await;
    let bad = app.upload("anna", "b.jpg", "image/jpeg", b"no photo").await.unwrap();
    app.until("anna", &format!("/photos/{bad}"), &["failed"]).await.unwrap();
    let story = story(&app, &bad).await;
    let job = story.job.unwrap();
    let [attempt] = job.attempts.as_slice() else { panic!("{job:?}") };
    assert_eq!((attempt.outcome, job.phase), (Some(AttemptOutcome::Failed), JobPhase::Failed));
    assert!(attempt.cause.is_some() && attempt.request_id.is_some() && attempt.ended_at >= Some(attempt.started_at));
    assert_eq!((story.record.kind, story.record.title.as_str()), (RecordKind::Photo, "b.jpg"));
    let photo: PhotoView = app.get("anna", &format!("/photos/{bad}")).await.view();
    assert_eq!(photo.error.map(|error| error.code), job.error.map(|error| error.code));
}

#[tokio::test(flavor = "multi_thread")]
async fn story_of_an_order_has_all_that_followed() {
    let app = TestApp::start().await;
    let photo = app.ready_photo("anna", "a.jpg", &jpeg(1, 60, 40)).await;
    let order = app.order("anna", "A-17", std::slice::from_ref(&photo)).await;
    let (download, link) = app.download("anna", &order, json!({})).await;
    app.until_emails(1).await;
    app.fetch(&link).await.unwrap();
    app.until_idle().await;
    let of_order = story(&app, &order).await;
    assert_eq!((of_order.record.kind, of_order.record.title.as_str()), (RecordKind::Order, "A-17"));
    assert!(of_order.job.is_none());
    let steps: Vec<_> = of_order.timeline.iter().map(|step| (step.kind, step.step.as_str())).collect();
    for expected in [
        (RecordKind::Order, "created"),
        (RecordKind::Download, "created"),
        (RecordKind::Download, "attempt_started"),
        (RecordKind::Download, "attempt_ended"),
        (RecordKind::Download, "ready"),
        (RecordKind::Download, "download.ready"),
        (RecordKind::Download, "fetched"),
        (RecordKind::Email, "sent"),
        (RecordKind::Email, "email.sent"),
    ] {
        assert!(steps.contains(&expected), "{expected:?} is not in {steps:?}");
    }
    assert!(of_order.timeline.is_sorted_by_key(|step| step.at));
    let whole = serde_json::to_string(&of_order).unwrap();
    assert!(!whole.contains('@'), "no address: {whole}");

    let found: OrdersFound = app.operator().get("/studios/anna/orders?reference=A-17").await.view();
    let found: Vec<_> = found.items.iter().map(|order| order.id.to_string()).collect();
    assert_eq!(found, std::slice::from_ref(&order));
    let refused = app.operator().get("/studios/anna/orders?reference=%20").await;
    assert_eq!((refused.status.as_u16(), refused.text("/field").as_str()), (422, "reference"));
    let of_download = story(&app, &download.id.to_string()).await;
    assert!(of_download.related.iter().any(|record| record.id.to_string() == order));
    let email = of_download.related.iter().find(|record| record.kind == RecordKind::Email).unwrap().id;
    let of_email = story(&app, &email.to_string()).await;
    assert_eq!(of_email.record.title, "download_ready");
    assert!(of_email.related.iter().any(|record| record.id == download.id));
    for path in [format!("/jobs/berta/{order}"), format!("/jobs/anna/{}", Uuid::now_v7()), "/jobs/anna/x".to_owned()] {
        assert_eq!(app.operator().get(&path).await.status, StatusCode::NOT_FOUND, "{path}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn studios_are_listed_by_load() {
    let app = by_hand().await;
    for (studio, count) in [("anna", 1), ("berta", 3)] {
        for n in 0..count {
            app.upload(studio, &format!("{n}.jpg"), "image/jpeg", &jpeg(n, 60, 40)).await.unwrap();
        }
    }
    let loads: StudioLoads = app.operator().get("/studios").await.view();
    let listed: Vec<_> =
        loads.items.iter().map(|StudioLoad { studio, unfinished, .. }| (studio.as_str(), *unfinished)).collect();
    assert!(loads.complete && listed.starts_with(&[("berta", 3), ("anna", 1)]), "{listed:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn paused_queue_keeps_its_jobs_until_it_resumes() {
    let app = by_hand().await;
    let switched: QueueSwitched = app.operator().post("/queues/photos/pause", json!({})).await.view();
    let pause = switched.paused.unwrap();
    assert_eq!(pause.until.duration_since(pause.at), SignedDuration::from_hours(72));
    let again: QueueSwitched = app.operator().post("/queues/photos/pause", json!({})).await.view();
    assert_eq!(again.paused.map(|paused| paused.at), Some(pause.at), "two operators press the same button");
    let id = app.upload("anna", "a.jpg", "image/jpeg", &jpeg(1, 60, 40)).await.unwrap();
    work(&app).await;
    let status = async || app.get("anna", &format!("/photos/{id}")).await.text("/status");
    assert_ne!(status().await, "ready");
    let view = queue(&app, QueueName::Photos).await;
    assert_eq!((view.verdict, view.waiting, view.paused.is_some()), (Verdict::Paused, 1, true));
    assert!(view.reasons[0].starts_with("paused by "), "{:?}", view.reasons);

    // Sweeps add no messages to those that wait.
    for _ in 0..3 {
        app.system().advance(Duration::from_secs(1_000));
        app.system().sweep().await.unwrap();
        work(&app).await;
    }
    assert_eq!(queue(&app, QueueName::Photos).await.waiting, 1);

    let resumed: QueueSwitched = app.operator().post("/queues/photos/resume", json!({})).await.view();
    assert!(resumed.paused.is_none());
    work(&app).await;
    assert_eq!(status().await, "ready");
    assert_eq!(queue(&app, QueueName::Photos).await.verdict, Verdict::Ok);
}

#[tokio::test(flavor = "multi_thread")]
async fn pause_ends_by_itself_after_three_days() {
    let app = by_hand().await;
    app.operator().post("/queues/photos/pause", json!({})).await;
    let id = app.upload("anna", "a.jpg", "image/jpeg", &jpeg(1, 60, 40)).await.unwrap();
    app.system().advance(2 * DAY);
    app.system().sweep().await.unwrap();
    work(&app).await;
    assert_ne!(app.get("anna", &format!("/photos/{id}")).await.text("/status"), "ready");
    app.system().advance(DAY + Duration::from_secs(60));
    app.system().sweep().await.unwrap();
    work(&app).await;
    assert_eq!(app.get("anna", &format!("/photos/{id}")).await.text("/status"), "ready");
    assert!(queue(&app, QueueName::Photos).await.paused.is_none());
}

#[tokio::test(flavor = "multi_thread")]
async fn request_does_not_wait_for_a_paused_queue() {
    let app = TestApp::start().await;
    let photo = app.ready_photo("anna", "a.jpg", &jpeg(1, 60, 40)).await;
    let order = app.order("anna", "A-1", std::slice::from_ref(&photo)).await;
    for queue in ["emails", "photos", "downloads"] {
        app.operator().post(&format!("/queues/{queue}/pause"), json!({})).await;
    }
    let email = json!({ "template": "order_confirmation", "to": "eva@example.com", "data": { "order_id": order }, "queue": false });
    let paths = [
        (format!("/photos/{photo}/process"), json!({ "queue": false })),
        (format!("/orders/{order}/downloads"), json!({ "queue": false })),
        ("/emails".to_owned(), email),
    ];
    for (path, body) in paths {
        let refused = app.post("anna", &path, body).await;
        assert_eq!(
            (refused.status, refused.text("/type").as_str()),
            (StatusCode::CONFLICT, "/problems/queue-paused"),
            "{path}"
        );
        assert_eq!(refused.text("/field"), "queue");
    }
    assert_eq!(app.get("anna", "/downloads").await.body["items"], json!([]), "nothing was made");
    let never = app.operator().post("/queues/default/pause", json!({})).await;
    assert_eq!((never.status, never.text("/type").as_str()), (StatusCode::CONFLICT, "/problems/never-paused"));
    assert_eq!(app.operator().post("/queues/none/pause", json!({})).await.status, StatusCode::NOT_FOUND);
}

#[tokio::test(flavor = "multi_thread")]
async fn metrics_show_throughput_and_run_time() {
    let app = TestApp::start().await;
    for n in 0..3 {
        app.ready_photo("anna", &format!("{n}.jpg"), &jpeg(n, 60, 40)).await;
    }
    let bad = app.upload("anna", "b.jpg", "image/jpeg", b"no photo").await.unwrap();
    app.until("anna", &format!("/photos/{bad}"), &["failed"]).await.unwrap();
    for (period, step, steps) in [("1h", 60, 60), ("24h", 900, 96), ("7d", 7_200, 84)] {
        let metrics: QueueMetrics = app.operator().get(&format!("/queues/photos/metrics?period={period}")).await.view();
        assert_eq!((metrics.step_seconds, metrics.points.len()), (step, steps));
        assert_eq!((metrics.done, metrics.failed, metrics.function.as_str()), (3, 1, "photo-processor"));
        let timed: Vec<_> = metrics.points.iter().filter(|point| point.run_p50_ms.is_some()).collect();
        assert!((1..=2).contains(&timed.len()), "{timed:?}");
        assert!(
            timed.iter().all(|point| point.run_p95_ms >= point.run_p50_ms && point.wait_p95_ms.is_some()),
            "{timed:?}"
        );
    }
    let refused = app.operator().get("/queues/photos/metrics?period=2h").await;
    assert_eq!((refused.status, refused.text("/field").as_str()), (StatusCode::UNPROCESSABLE_ENTITY, "period"));
}
