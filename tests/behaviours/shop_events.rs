//! Events of a studio's records, for programs that poll.

use std::{collections::BTreeSet, time::Duration};

use api_types::{EventList, EventView};
use clap::Parser as _;
use darkroom::Cli;
use domain::event::EventType;
use reqwest::StatusCode;
use runtime::clock::Clock;
use serde_json::json;
use tests::{TestApp, jpeg, shop::Shop, until::found};

/// Starts a system whose clock can be moved.
async fn start() -> TestApp {
    TestApp::with(|options| options.clock = Clock::movable()).await
}

async fn page(app: &TestApp, query: &str) -> EventList {
    app.get("anna", &format!("/events{query}")).await.view()
}

/// Polls until there are this many events, moving the clock past the time after which events are listed.
async fn until(app: &TestApp, count: usize) -> Vec<EventView> {
    app.system().advance(Duration::from_secs(20));
    let look = || async {
        let items = page(app, "?limit=200").await.items;
        if items.len() < count {
            app.system().advance(Duration::from_secs(20));
        }
        Some(items).filter(|items| items.len() >= count)
    };
    found(look).await.expect("events")
}

fn kinds(events: &[EventView]) -> BTreeSet<EventType> {
    events.iter().map(|event| event.kind).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn way_of_an_order_is_told() {
    let app = start().await;
    let photo = app.ready_photo("anna", "a.jpg", &jpeg(1, 60, 40)).await;
    let bad = app.upload("anna", "b.jpg", "image/jpeg", b"no photo").await.unwrap();
    app.until("anna", &format!("/photos/{bad}"), &["failed"]).await.unwrap();
    let order = app.order("anna", "E-1", std::slice::from_ref(&photo)).await;
    let (download, link) = app.download("anna", &order, json!({})).await;
    app.until_emails(1).await;
    app.fetch(&link).await.unwrap();
    app.fetch(&link).await.unwrap();
    let single = json!({ "kind": "single", "photo_id": photo, "notify": false });
    let (single, _) = app.download("anna", &order, single).await;

    let events = until(&app, 6).await;
    let expected = [
        EventType::PhotoReady,
        EventType::PhotoFailed,
        EventType::DownloadReady,
        EventType::DownloadFetched,
        EventType::EmailSent,
    ];
    assert_eq!(kinds(&events), expected.into());
    let of = |kind| events.iter().filter(move |event| event.kind == kind).collect::<Vec<_>>();
    assert_eq!(of(EventType::PhotoReady)[0].data.photo_id.map(|id| id.to_string()), Some(photo));
    assert_eq!(of(EventType::PhotoFailed)[0].data.status, "failed");
    let ready: Vec<_> = of(EventType::DownloadReady).iter().filter_map(|event| event.data.download_id).collect();
    assert_eq!(ready, [download.id, single.id]);
    assert_eq!(of(EventType::DownloadFetched).len(), 1, "the second fetch is in the window of the first");
    assert_eq!(of(EventType::DownloadFetched)[0].data.order_id.map(|id| id.to_string()), Some(order));
    assert_eq!(events.len(), 6, "{events:#?}");
    assert!(events.windows(2).all(|pair| pair[0].position < pair[1].position), "oldest first");

    let failed = page(&app, "?type=photo.failed").await;
    assert_eq!(
        failed.items,
        events.iter().filter(|event| event.kind == EventType::PhotoFailed).cloned().collect::<Vec<_>>()
    );
    assert_eq!(page(&app, &format!("?after={}", events[5].position)).await.items, []);
    assert!(app.get("berta", "/events").await.view::<EventList>().items.is_empty());
}

#[tokio::test(flavor = "multi_thread")]
async fn poller_misses_nothing_and_sees_nothing_twice() {
    let app = start().await;
    assert_eq!(page(&app, "").await.after, None);
    let mut photos = BTreeSet::new();
    let (mut seen, mut after) = (Vec::new(), None);
    let poll = async |seen: &mut Vec<EventView>, after: &mut Option<uuid::Uuid>| {
        let from = after.map(|after| format!("&after={after}")).unwrap_or_default();
        let page = page(&app, &format!("?limit=2{from}")).await;
        *after = page.after.or(*after);
        seen.extend(page.items);
        page.more
    };
    for n in 0..6 {
        photos.insert(app.ready_photo("anna", &format!("{n}.jpg"), &jpeg(n, 60, 40)).await);
        app.system().advance(Duration::from_secs(7));
        poll(&mut seen, &mut after).await;
    }
    app.system().advance(Duration::from_secs(20));
    let all = found(|| async { Some(until(&app, 6).await).filter(|all| all.len() == 6) }).await.unwrap();
    while poll(&mut seen, &mut after).await || seen.len() < 6 {}
    assert_eq!(seen, all);
    assert_eq!(
        seen.iter().filter_map(|event| event.data.photo_id).map(|id| id.to_string()).collect::<BTreeSet<_>>(),
        photos
    );
    assert!(!poll(&mut seen, &mut after).await && seen.len() == 6);
}

#[tokio::test(flavor = "multi_thread")]
async fn fresh_events_are_not_listed() {
    let app = start().await;
    app.ready_photo("anna", "a.jpg", &jpeg(1, 60, 40)).await;
    tokio::time::sleep(Duration::from_millis(500)).await;
    assert!(page(&app, "").await.items.is_empty());
    assert_eq!(until(&app, 1).await.len(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn repeated_jobs_make_one_event() {
    let app = start().await;
    let photo = app.ready_photo("anna", "a.jpg", &jpeg(1, 60, 40)).await;
    let job = json!({ "v": 1, "job": "process_photo", "studio": "anna", "photo": photo }).to_string();
    for _ in 0..4 {
        app.send("photos", &job).await;
    }
    app.until_idle().await;
    assert_eq!(until(&app, 1).await.len(), 1);
    app.post("anna", &format!("/photos/{photo}/process"), json!({ "queue": false })).await;
    assert_eq!(until(&app, 2).await.len(), 2, "it was processed again");
}

#[tokio::test(flavor = "multi_thread")]
async fn command_forwards_events_with_signatures() {
    let (app, shop) = (start().await, Shop::open(&[]).await);
    app.ready_photo("anna", "a.jpg", &jpeg(1, 60, 40)).await;
    until(&app, 1).await;
    let (url, secret) = (format!("{}/dev", shop.url), "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw");
    let words = ["darkroom", "--api", app.api(), "listen", "--studio", "anna", "--all", "--once", "--forward", &url];
    let words = words.into_iter().chain(["--secret", secret]);
    let outcome = darkroom::run(&Cli::try_parse_from(words).unwrap()).await;
    assert_eq!(outcome.code, 0, "{outcome:?}");
    let [hook] = &shop.received()[..] else { panic!("one event") };
    assert!(hook.is_signed_by(secret) && hook.path == "/dev", "{hook:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn wrong_queries_are_refused() {
    let app = start().await;
    for (query, field) in [
        ("?after=x", "after"),
        ("?limit=0", "limit"),
        ("?limit=201", "limit"),
        ("?type=photo.gone", "type"),
        ("?since=1", "since"),
    ] {
        let refused = app.get("anna", &format!("/events{query}")).await;
        assert_eq!((refused.status, refused.text("/field").as_str()), (StatusCode::UNPROCESSABLE_ENTITY, field));
    }
}
