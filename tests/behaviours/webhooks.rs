//! Webhooks: events sent to a shop, signed, repeated, and given up.

mod addresses;

use std::time::Duration;

use api_types::{DeliveryPage, DeliveryView, EmailPage, WebhookPage};
use domain::{email::EmailStatus, webhook::DeliveryStatus};
use futures::future::join_all;
use reqwest::{Method, StatusCode};
use runtime::clock::Clock;
use serde_json::json;
use tests::{Answer, TestApp, faults::FaultNet, jpeg, shop::Shop, until::found};

const DAY: Duration = Duration::from_secs(24 * 3600);

/// Starts a system whose clock can be moved.
async fn start() -> TestApp {
    TestApp::with(|options| options.clock = Clock::movable()).await
}

/// Creates a webhook at this path of the shop, and returns its id and secret.
async fn hook(app: &TestApp, shop: &Shop, path: &str) -> (String, String) {
    let made = app.post("anna", "/webhooks", json!({ "url": format!("{}{path}", shop.url) })).await;
    assert_eq!(made.status, StatusCode::CREATED, "{made:?}");
    (made.text("/webhook/id"), made.text("/secret"))
}

/// A system by hand, a shop that accepts all, and the id of its webhook.
async fn by_hand() -> (TestApp, Shop, String) {
    let (app, shop) = (TestApp::by_hand().await, Shop::open(&[]).await);
    let (id, _) = hook(&app, &shop, "/").await;
    (app, shop, id)
}

async fn photo(app: &TestApp, seed: u32) -> String {
    app.ready_photo("anna", &format!("{seed}.jpg"), &jpeg(seed, 60, 40)).await
}

async fn deliveries(app: &TestApp, webhook: &str) -> Vec<DeliveryView> {
    app.get("anna", &format!("/webhooks/{webhook}/deliveries")).await.view::<DeliveryPage>().items
}

/// Waits until the newest delivery of the webhook is as `done` says.
async fn until(app: &TestApp, webhook: &str, done: impl Fn(&DeliveryView) -> bool) -> DeliveryView {
    let look = || async { deliveries(app, webhook).await.into_iter().next().filter(&done) };
    found(look).await.unwrap_or_else(|| panic!("a delivery of {webhook}"))
}

async fn show(app: &TestApp, webhook: &str) -> Answer {
    app.get("anna", &format!("/webhooks/{webhook}")).await
}

#[tokio::test(flavor = "multi_thread")]
async fn event_is_delivered_once_with_a_valid_signature() {
    let (app, shop) = (start().await, Shop::open(&[]).await);
    let (id, secret) = hook(&app, &shop, "/hook?shop=1").await;
    let photo = photo(&app, 1).await;
    let received = shop.until_received(1).await;
    let [hook] = received.as_slice() else { panic!("{received:?}") };
    assert!(hook.is_signed_by(&secret), "{hook:?}");
    assert_eq!((hook.path.as_str(), hook.header("content-type")), ("/hook", "application/json"));
    let event = hook.json();
    assert_eq!(
        (event["type"].as_str(), event["data"]["photo_id"].as_str()),
        (Some("photo.ready"), Some(photo.as_str()))
    );
    assert_eq!(event["id"].as_str(), Some(hook.header("webhook-id")));
    let delivery = until(&app, &id, |delivery| delivery.status == DeliveryStatus::Delivered).await;
    assert_eq!((delivery.attempts, delivery.last_status), (1, Some(200)));

    // The jobs come again.
    for job in [
        json!({ "v": 1, "job": "send_webhook", "studio": "anna", "delivery": delivery.id }),
        json!({ "v": 1, "job": "publish_event", "studio": "anna", "event": delivery.event_id }),
        json!({ "v": 1, "job": "process_photo", "studio": "anna", "photo": photo }),
    ] {
        app.send(if job["photo"].is_null() { "webhooks" } else { "photos" }, &job.to_string()).await;
    }
    app.until_idle().await;
    assert_eq!((shop.received().len(), deliveries(&app, &id).await.len()), (1, 1));
    let failed = app.operator().queues().await.iter().map(|queue| queue.failed + queue.dead_letters).sum::<u64>();
    assert_eq!(failed, 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn webhook_gets_the_types_that_it_names() {
    let (app, shop) = (start().await, Shop::open(&[]).await);
    let new = json!({ "url": format!("{}/failures", shop.url), "types": ["photo.failed", "download.failed"] });
    assert_eq!(app.post("anna", "/webhooks", new).await.status, StatusCode::CREATED);
    hook(&app, &shop, "/all").await;
    photo(&app, 1).await;
    let bad = app.upload("anna", "b.jpg", "image/jpeg", b"no photo").await.unwrap();
    app.until("anna", &format!("/photos/{bad}"), &["failed"]).await.unwrap();
    let received = shop.until_received(3).await;
    let mut got: Vec<_> = received.iter().map(|hook| format!("{} {}", hook.path, hook.json()["type"])).collect();
    got.sort();
    assert_eq!(got, [r#"/all "photo.failed""#, r#"/all "photo.ready""#, r#"/failures "photo.failed""#]);
}

#[tokio::test(flavor = "multi_thread")]
async fn failed_attempt_is_repeated() {
    let (app, shop) = (start().await, Shop::open(&[500, 503]).await);
    let (id, secret) = hook(&app, &shop, "/").await;
    photo(&app, 1).await;
    let waiting = until(&app, &id, |delivery| delivery.attempts == 1).await;
    assert_eq!((waiting.status, waiting.last_status), (DeliveryStatus::Pending, Some(500)));
    assert!(waiting.next_attempt_at.is_some());
    assert!(show(&app, &id).await.body["failing_since"].is_string());
    app.system().advance(Duration::from_secs(8));
    until(&app, &id, |delivery| delivery.attempts == 2).await;
    app.system().advance(Duration::from_secs(90));
    let delivered = until(&app, &id, |delivery| delivery.status == DeliveryStatus::Delivered).await;
    assert_eq!((delivered.attempts, delivered.last_status, delivered.next_attempt_at), (3, Some(200), None));
    assert!(show(&app, &id).await.body["failing_since"].is_null());
    let received = shop.received();
    assert!(
        received
            .iter()
            .all(|hook| hook.is_signed_by(&secret) && hook.header("webhook-id") == received[0].header("webhook-id"))
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn next_attempt_is_under_way_before_the_record_tells_of_it() {
    let net = FaultNet::start(&["webhook-sender"]).await.unwrap();
    let overrides = net.overrides.clone();
    let app = TestApp::with(|options| options.overrides = overrides).await;
    net.connect(&app.environment());
    let shop = Shop::open(&[500]).await;
    let (id, _) = hook(&app, &shop, "/").await;
    photo(&app, 1).await;
    until(&app, &id, |delivery| delivery.attempts == 1).await;
    app.until_idle().await;
    let calls: Vec<_> = net.log().into_iter().map(|answered| answered.site.call).collect();
    let last = |operations: &[&str]| calls.iter().rposition(|call| operations.contains(&call.operation.as_str()));
    let (sent, written) = (last(&["SendMessage"]), last(&["UpdateItem", "PutItem"]));
    assert!(sent.is_some() && sent < written, "a worker that dies in between leaves no message: {calls:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn strange_answers_cost_ten_seconds_at_most() {
    let (app, shop) = (start().await, Shop::open(&[]).await);
    let begun = std::time::Instant::now();
    let (redirecting, _) = hook(&app, &shop, "/redirect").await;
    let (endless, _) = hook(&app, &shop, "/endless").await;
    let (slow, _) = hook(&app, &shop, "/slow").await;
    let closed = app.post("anna", "/webhooks", json!({ "url": "http://127.0.0.1:1/" })).await.text("/webhook/id");
    photo(&app, 1).await;
    let tried = |delivery: &DeliveryView| delivery.attempts >= 1;
    let redirected = until(&app, &redirecting, tried).await;
    assert_eq!((redirected.status, redirected.last_status), (DeliveryStatus::Pending, Some(307)));
    assert_eq!(until(&app, &endless, tried).await.status, DeliveryStatus::Delivered);
    let slow = until(&app, &slow, tried).await;
    assert_eq!(slow.last_error.map(|error| error.code), Some("timeout".to_owned()));
    let closed = until(&app, &closed, tried).await;
    assert_eq!(closed.last_error.map(|error| error.code), Some("not_reached".to_owned()));
    assert!(begun.elapsed() < Duration::from_secs(40), "{:?}", begun.elapsed());
    assert!(shop.received().iter().all(|hook| hook.path != "/elsewhere"), "no redirect is followed");
}

#[tokio::test(flavor = "multi_thread")]
async fn shop_that_never_answers_raises_no_alarm() {
    let app = TestApp::by_hand().await;
    let shop = Shop::open(&[500; 40]).await;
    let (id, _) = hook(&app, &shop, "/").await;
    app.upload("anna", "a.jpg", "image/jpeg", &jpeg(1, 60, 40)).await.unwrap();
    let step = async || app.work().await;
    step().await;
    let wait = async |seconds| {
        app.system().advance(Duration::from_secs(seconds));
        app.system().sweep().await.unwrap();
        step().await;
    };
    for seconds in [10, 90, 420, 2_400, 9_000, 25_000, 50_000, 97_000, 97_000] {
        wait(seconds).await;
    }
    let [delivery] = &deliveries(&app, &id).await[..] else { panic!("one delivery") };
    assert_eq!((delivery.status, delivery.attempts), (DeliveryStatus::Failed, 10));
    assert_eq!(delivery.error.as_ref().map(|error| error.code.as_str()), Some("not_accepted"));
    let webhooks = app.operator().queues().await.into_iter().find(|queue| queue.queue.as_str() == "webhooks").unwrap();
    assert_eq!((webhooks.failed, webhooks.dead_letters, webhooks.waiting), (0, 0, 0));
    assert_eq!(show(&app, &id).await.body["enabled"], true, "three days are not five");
    wait(3 * 86_400).await;
    app.upload("anna", "b.jpg", "image/jpeg", &jpeg(2, 60, 40)).await.unwrap();
    step().await;
    assert_eq!(show(&app, &id).await.text("/disabled_reason"), "failing");
    app.call(
        "anna",
        Method::PUT,
        "/studio",
        Some(json!({ "name": "Foto Anna", "reply_to": "anna@example.com", "locale": "de" })),
    )
    .await;
    wait(60).await;
    // The studio is told once.
    wait(400).await;
    let emails = app.get("anna", &format!("/emails?about={id}")).await.view::<EmailPage>().items;
    let [email] = emails.as_slice() else { panic!("{emails:?}") };
    assert_eq!((email.template.as_str(), email.status), ("webhook_disabled", EmailStatus::Sent));
    assert_eq!(email.to.as_deref(), Some("anna@example.com"));
    assert_eq!(email.subject.as_deref(), Some("Ihr Shop erhält keine Ereignisse mehr"));
    assert!(app.emails().await[0].text.as_deref().is_some_and(|text| text.contains(&shop.url)), "it names the address");
    let error = deliveries(&app, &id).await[0].error.as_ref().map(|error| error.code.clone());
    assert_eq!(error, Some("webhook_disabled".to_owned()));
}

#[tokio::test(flavor = "multi_thread")]
async fn gone_disables_until_enabled_and_replay_makes_up_for_it() {
    let (app, shop) = (start().await, Shop::open(&[410]).await);
    let (id, _) = hook(&app, &shop, "/").await;
    photo(&app, 1).await;
    until(&app, &id, |delivery| delivery.status == DeliveryStatus::Failed).await;
    let disabled = show(&app, &id).await;
    assert_eq!(
        (disabled.body["enabled"].as_bool(), disabled.text("/disabled_reason")),
        (Some(false), "gone".to_owned())
    );
    photo(&app, 2).await;
    app.until_idle().await;
    assert_eq!(shop.received().len(), 1);
    let path = format!("/webhooks/{id}");
    let since = json!({ "since": "2020-01-01T00:00:00Z" });
    let refused = app.post("anna", &format!("{path}/replay"), since.clone()).await;
    assert_eq!((refused.status, refused.text("/type").as_str()), (StatusCode::CONFLICT, "/problems/webhook-disabled"));

    assert_eq!(app.post("anna", &format!("{path}/enable"), json!({})).await.body["enabled"], true);
    app.system().advance(Duration::from_secs(20));
    let replayed = app.post_keyed("anna", &format!("{path}/replay"), "r", since.clone()).await;
    assert_eq!(replayed.status, StatusCode::ACCEPTED, "{replayed:?}");
    let received = shop.until_received(3).await;
    app.post_keyed("anna", &format!("{path}/replay"), "r", since.clone()).await;
    app.system().advance(Duration::from_secs(20));
    app.until_idle().await;
    assert_eq!(shop.received().len(), 3, "the same request replays once");
    let first = received[0].header("webhook-id");
    assert!(received[1..].iter().any(|hook| hook.header("webhook-id") == first), "queues keep no order");

    let delivery = deliveries(&app, &id).await[0].id;
    let retried = app.post("anna", &format!("{path}/deliveries/{delivery}/retry"), json!({})).await;
    assert_eq!(retried.status, StatusCode::ACCEPTED, "{retried:?}");
    shop.until_received(4).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn two_secrets_are_valid_during_a_rotation() {
    let (app, shop) = (start().await, Shop::open(&[]).await);
    let (id, old) = hook(&app, &shop, "/").await;
    let path = format!("/webhooks/{id}/rotate");
    let new = app.post_keyed("anna", &path, "once", json!({})).await.text("/secret");
    assert_ne!(old, new);
    assert_eq!(app.post_keyed("anna", &path, "once", json!({})).await.text("/secret"), new, "a repeated request");
    photo(&app, 1).await;
    let hooks = shop.until_received(1).await;
    assert!(hooks[0].is_signed_by(&old) && hooks[0].is_signed_by(&new));
    app.system().advance(DAY + Duration::from_secs(60));
    photo(&app, 2).await;
    let hooks = shop.until_received(2).await;
    assert!(!hooks[1].is_signed_by(&old) && hooks[1].is_signed_by(&new));
}

#[tokio::test(flavor = "multi_thread")]
async fn repeated_request_gets_the_same_secret() {
    let (app, shop) = (start().await, Shop::open(&[]).await);
    let new = json!({ "url": shop.url });
    let first = app.post_keyed("anna", "/webhooks", "k", new.clone()).await;
    let again = app.post_keyed("anna", "/webhooks", "k", new).await;
    assert_eq!((first.status, &first.body), (again.status, &again.body));
    assert!(first.text("/secret").starts_with("whsec_"));
    let shown = show(&app, &first.text("/webhook/id")).await;
    assert!(shown.status == 200 && !shown.body.to_string().contains("whsec_"), "{shown:?}");
    assert_eq!(app.get("anna", "/webhooks").await.body["items"].as_array().map(Vec::len), Some(1));
}

#[tokio::test(flavor = "multi_thread")]
async fn studio_has_ten_webhooks_at_most() {
    let app = start().await;
    let new = json!({ "url": "http://127.0.0.1:1/" });
    let mut last = String::new();
    for _ in 0..10 {
        last = app.post("anna", "/webhooks", new.clone()).await.text("/webhook/id");
    }
    let refused = app.post("anna", "/webhooks", new.clone()).await;
    assert_eq!((refused.status, refused.text("/type").as_str()), (StatusCode::CONFLICT, "/problems/too-many-webhooks"));
    assert_eq!(app.post("berta", "/webhooks", new.clone()).await.status, StatusCode::CREATED);
    assert_eq!(app.delete("anna", &format!("/webhooks/{last}")).await.status, StatusCode::NO_CONTENT);
    assert_eq!(app.post("anna", "/webhooks", new).await.status, StatusCode::CREATED);
}

#[tokio::test(flavor = "multi_thread")]
async fn requests_at_once_make_ten_webhooks_at_most() {
    let app = start().await;
    let new = json!({ "url": "http://127.0.0.1:1/" });
    let made = join_all((0..30).map(|_| app.post("anna", "/webhooks", new.clone()))).await;
    assert!(made.iter().all(|made| [StatusCode::CREATED, StatusCode::CONFLICT].contains(&made.status)), "{made:?}");
    let answered = made.iter().filter(|made| made.status == StatusCode::CREATED).count();
    let kept = app.get("anna", "/webhooks").await.view::<WebhookPage>().items.len();
    assert!(kept <= 10 && kept == answered, "{kept} of {answered}");
}

#[tokio::test(flavor = "multi_thread")]
async fn studio_is_not_told_of_a_webhook_enabled_meanwhile() {
    let app = TestApp::by_hand().await;
    app.call("anna", Method::PUT, "/studio", Some(json!({ "name": "Foto Anna", "reply_to": "anna@example.com" })))
        .await;
    let shop = Shop::open(&[410]).await;
    let (id, _) = hook(&app, &shop, "/").await;
    app.upload("anna", "a.jpg", "image/jpeg", &jpeg(1, 60, 40)).await.unwrap();
    app.work().await;
    app.system().sweep().await.unwrap();
    let default = app.system().source("default").unwrap();
    while default.poll(0).await.unwrap() {}
    app.post("anna", &format!("/webhooks/{id}/enable"), json!({})).await;
    app.work().await;
    let [email] = &app.get("anna", &format!("/emails?about={id}")).await.view::<EmailPage>().items[..] else {
        panic!("an email")
    };
    let code = email.error.as_ref().map(|error| error.code.as_str());
    assert_eq!((email.status, code), (EmailStatus::Suppressed, Some("outdated")));
}

#[tokio::test(flavor = "multi_thread")]
async fn deleted_webhook_gets_nothing_more() {
    let (app, shop) = (start().await, Shop::open(&[500]).await);
    let (id, _) = hook(&app, &shop, "/").await;
    photo(&app, 1).await;
    until(&app, &id, |delivery| delivery.attempts == 1).await;
    app.delete("anna", &format!("/webhooks/{id}")).await;
    assert_eq!(app.get("anna", &format!("/webhooks/{id}/deliveries")).await.status, StatusCode::NOT_FOUND);
    app.system().advance(Duration::from_secs(8));
    photo(&app, 2).await;
    app.until_idle().await;
    assert_eq!(shop.received().len(), 1);
}

/// The message about an event, and that about a delivery, are lost.
#[tokio::test(flavor = "multi_thread")]
async fn lost_messages_are_made_up_for_by_sweeps() {
    let (app, shop, _) = by_hand().await;
    app.upload("anna", "a.jpg", "image/jpeg", &jpeg(1, 60, 40)).await.unwrap();
    let (uploads, photos) = (app.system().source("uploads").unwrap(), app.system().source("photos").unwrap());
    while uploads.poll(0).await.unwrap() || photos.poll(0).await.unwrap() {}
    for _ in 0..2 {
        app.system().queues().purge("webhooks").unwrap();
        app.system().advance(Duration::from_secs(1_000));
        app.system().sweep().await.unwrap();
        let (default, webhooks) = (app.system().source("default").unwrap(), app.system().source("webhooks").unwrap());
        while default.poll(0).await.unwrap() {}
        // One batch: the event's job makes the delivery, whose job is lost.
        webhooks.poll(0).await.unwrap();
    }
    assert_eq!(shop.received().len(), 1);
}

/// Messages of a paused queue wait. Sweeps add none to them, and make up for lost ones after the pause.
#[tokio::test(flavor = "multi_thread")]
async fn sweeps_fill_no_paused_queue() {
    let (app, shop, _) = by_hand().await;
    app.operator().post("/queues/webhooks/pause", json!({})).await;
    app.upload("anna", "a.jpg", "image/jpeg", &jpeg(1, 60, 40)).await.unwrap();
    app.work().await;
    app.system().queues().purge("webhooks").unwrap();
    for _ in 0..3 {
        app.system().advance(Duration::from_secs(1_000));
        app.system().sweep().await.unwrap();
        app.work().await;
        assert_eq!((app.depth("webhooks").await, shop.received().len()), (0, 0));
    }
    app.operator().post("/queues/webhooks/resume", json!({})).await;
    app.system().advance(Duration::from_secs(73 * 3600));
    app.system().sweep().await.unwrap();
    app.work().await;
    assert_eq!(shop.received().len(), 1);
}

/// An index of events lags behind the newest ones. A replay begins when those before it are in the index.
#[tokio::test(flavor = "multi_thread")]
async fn replay_waits_for_the_newest_events() {
    let (app, shop, id) = by_hand().await;
    app.upload("anna", "a.jpg", "image/jpeg", &jpeg(1, 60, 40)).await.unwrap();
    app.work().await;
    assert_eq!(shop.received().len(), 1);
    app.system().advance(Duration::from_secs(1));
    let since = json!({ "since": "2020-01-01T00:00:00Z" });
    assert_eq!(app.post("anna", &format!("/webhooks/{id}/replay"), since).await.status, StatusCode::ACCEPTED);
    app.system().advance(Duration::from_secs(14));
    app.work().await;
    assert_eq!(shop.received().len(), 1, "the index may lag behind");
    app.system().advance(Duration::from_secs(2));
    app.work().await;
    assert_eq!(shop.received().len(), 2);
}
