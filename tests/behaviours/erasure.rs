mod builds;
mod customers;
mod retention;

use std::time::Duration;

use domain::order::Order;
use jiff::Timestamp;
use reqwest::StatusCode;
use runtime::{clock::Clock, store::Table};
use serde_json::{Value, json};
use tests::{Answer, TestApp, campaigns::Stops, jpeg};

const NAME: &str = "Eva Beispiel";
const ADDRESS: &str = "eva@example.com";

/// Returns every item of every table whose partition begins with the studio's name, as text.
async fn items(app: &TestApp, studio: &str) -> Vec<String> {
    let client = app.dynamodb();
    let mut found = Vec::new();
    for table in ["photos", "orders", "downloads", "emails", "requests"] {
        let mut pages = client.scan().table_name(table).into_paginator().send();
        while let Some(page) = pages.next().await {
            let items = page.unwrap().items.unwrap_or_default().into_iter();
            let own = items.filter(|item| item["studio"].as_s().unwrap().starts_with(studio));
            found.extend(own.map(|item| format!("{table}: {item:?}")));
        }
    }
    found
}

/// Returns the items that contain the customer's name or address or one of these words, in any case.
async fn tell(app: &TestApp, studio: &str, words: &[&str]) -> Vec<String> {
    let mut items = items(app, studio).await;
    items.retain(|item| {
        let item = item.to_lowercase();
        [NAME, ADDRESS].iter().chain(words).any(|word| item.contains(&word.to_lowercase()))
    });
    items
}

async fn step(app: &TestApp) {
    app.work().await;
}

/// Moves the clock past all leases, so that sweeps find what is due.
async fn let_hours_pass(app: &TestApp) {
    for _ in 0..4 {
        app.system().advance(Duration::from_secs(2_000));
        app.system().sweep().await.unwrap();
        step(app).await;
    }
}

async fn photo(app: &TestApp) -> String {
    let id = app.upload("anna", "a.jpg", "image/jpeg", &jpeg(1, 60, 40)).await.unwrap();
    step(app).await;
    id
}

async fn confirm(app: &TestApp, studio: &str, order: &str, to: &str) -> String {
    let new = json!({ "template": "order_confirmation", "to": to, "data": { "order_id": order } });
    let made = app.post(studio, "/emails", new).await;
    assert_eq!(made.status, StatusCode::ACCEPTED, "{made:?}");
    made.text("/email/id")
}

fn is_erased(answer: &Answer) -> bool {
    (answer.status, answer.text("/type")) == (StatusCode::GONE, "/problems/erased".into())
}

#[tokio::test(flavor = "multi_thread")]
async fn erased_order_leaves_no_personal_data() {
    let app = TestApp::start().await;
    let mut orders = Vec::new();
    for studio in ["anna", "berta"] {
        let photo = app.ready_photo(studio, "a.jpg", &jpeg(1, 60, 40)).await;
        let order = app.order(studio, "Ref-1017", std::slice::from_ref(&photo)).await;
        let (batch, link) = app.download(studio, &order, json!({})).await;
        let (single, _) = app.download(studio, &order, json!({ "kind": "single", "photo_id": photo })).await;
        let email = confirm(&app, studio, &order, "friend@example.org").await;
        orders.push((photo, order, batch.id, single.id, link, email));
    }
    app.until_emails(6).await;
    let (photo, order, batch, single, link, email) = &orders[0];
    let download = format!("/downloads/{batch}");
    app.post("anna", &format!("{download}/retry"), json!({ "queue": false })).await;
    app.until_emails(7).await;
    let shown = app.get("anna", &download).await;
    assert!(!shown.body["files"].is_null(), "the API's cache has the index: {shown:?}");
    assert!(
        !tell(&app, "anna", &["Ref-1017", "friend@"]).await.is_empty(),
        "the search finds the name before the erasure"
    );
    let path = format!("/orders/{order}");

    assert_eq!(app.delete("berta", &path).await.status, StatusCode::NOT_FOUND);
    for _ in 0..2 {
        assert_eq!(app.delete("anna", &path).await.status, StatusCode::NO_CONTENT);
    }
    let left = tell(&app, "anna", &["Ref-1017", "friend@"]).await;
    assert!(left.is_empty(), "{left:#?}");
    assert_eq!(app.left_behind("archives/anna/").await, (vec![], vec![]));

    assert!(is_erased(&app.get("anna", &path).await));
    assert_eq!(app.get("anna", "/orders").await.body["items"], json!([]));
    for (made, body) in [("downloads", json!({})), ("downloads", json!({ "kind": "single", "photo_id": photo }))] {
        assert!(is_erased(&app.post("anna", &format!("{path}/{made}"), body).await));
    }
    assert!(is_erased(&app.post("anna", &format!("{download}/retry"), json!({})).await));
    let data = json!({ "order_id": order });
    let refused =
        app.post("anna", "/emails", json!({ "template": "order_confirmation", "to": ADDRESS, "data": data })).await;
    assert_eq!((refused.status.as_u16(), refused.text("/field")), (422, "data.order_id".into()));
    for request in [app.http().get(link), app.http().post(link)] {
        assert_eq!(request.send().await.unwrap().status(), StatusCode::GONE);
    }
    for id in [batch, single] {
        let shown = app.get("anna", &format!("/downloads/{id}")).await.body;
        assert_eq!((&shown["status"], &shown["files"]), (&json!("revoked"), &Value::Null));
    }
    let shown = app.get("anna", &format!("/emails/{email}")).await.body;
    assert_eq!((&shown["status"], &shown["to"], &shown["subject"]), (&json!("sent"), &Value::Null, &Value::Null));
    assert!(shown["erased_at"].is_string(), "{shown}");
    assert_eq!(app.delete("anna", &format!("/photos/{photo}")).await.status, StatusCode::NO_CONTENT);

    // An order with the same address at another studio.
    let (photo, order, .., link, email) = &orders[1];
    assert_eq!(app.get("berta", &format!("/orders/{order}")).await.body["customer"]["email"], ADDRESS);
    assert_eq!(app.get("berta", &format!("/emails/{email}")).await.body["to"], "friend@example.org");
    assert!(!app.fetch(link).await.unwrap().is_empty());
    assert_eq!(app.delete("berta", &format!("/photos/{photo}")).await.status, StatusCode::CONFLICT);
}

#[tokio::test(flavor = "multi_thread")]
async fn repeated_request_about_erased_order_reveals_nothing() {
    let app = TestApp::start().await;
    let photo = app.ready_photo("anna", "a.jpg", &jpeg(1, 60, 40)).await;
    let customer = json!({ "name": NAME, "email": ADDRESS });
    let new = json!({ "reference": "Ref-1", "customer": customer, "photo_ids": [photo] });
    let order = app.post_keyed("anna", "/orders", "o", new.clone()).await.text("/id");
    let downloads = format!("/orders/{order}/downloads");
    app.post_keyed("anna", &downloads, "d", json!({})).await;
    let email = json!({ "template": "order_confirmation", "to": ADDRESS, "data": { "order_id": order } });
    app.post_keyed("anna", "/emails", "e", email.clone()).await;
    app.until_emails(2).await;
    assert_eq!(app.delete("anna", &format!("/orders/{order}")).await.status, StatusCode::NO_CONTENT);
    assert!(is_erased(&app.post_keyed("anna", "/orders", "o", new).await));
    assert!(is_erased(&app.post_keyed("anna", &downloads, "d", json!({})).await));
    let again = app.post_keyed("anna", "/emails", "e", email).await;
    assert_eq!((again.status, &again.body["email"]["to"]), (StatusCode::ACCEPTED, &Value::Null));
    assert!(tell(&app, "anna", &["Ref-1"]).await.is_empty());
}

#[tokio::test(flavor = "multi_thread")]
async fn queued_email_of_an_erased_order_is_suppressed() {
    let app = TestApp::with(|options| options.by_hand = true).await;
    let photo = photo(&app).await;
    let order = app.order("anna", "Ref-1", &[photo]).await;
    let email = confirm(&app, "anna", &order, ADDRESS).await;
    assert_eq!(app.delete("anna", &format!("/orders/{order}")).await.status, StatusCode::NO_CONTENT);
    step(&app).await;
    let shown = app.get("anna", &format!("/emails/{email}")).await.body;
    assert_eq!((&shown["status"], &shown["error"]["code"]), (&json!("suppressed"), &json!("erased")));
    assert!(app.emails().await.is_empty());
}

/// The state of an erasure that read the downloads and emails before these were written.
#[tokio::test(flavor = "multi_thread")]
async fn workers_finding_an_erasure_mark_erase_their_work() {
    let app = TestApp::with(|options| options.by_hand = true).await;
    let photo = photo(&app).await;
    let order = app.order("anna", "Ref-1", std::slice::from_ref(&photo)).await;
    let download = app.post("anna", &format!("/orders/{order}/downloads"), json!({})).await.text("/download/id");
    let email = confirm(&app, "anna", &order, ADDRESS).await;
    let table = Table::<Order>::new(app.dynamodb(), "orders", &runtime::world::World::system());
    let mark = |order: &mut Order| {
        order.erase(Timestamp::now());
        Ok::<_, ()>(())
    };
    table.update(&"anna".parse().unwrap(), order.parse().unwrap(), mark).await.unwrap().unwrap().1.unwrap();
    step(&app).await;
    assert_eq!(app.get("anna", &format!("/downloads/{download}")).await.body["status"], "revoked");
    assert_eq!(app.left_behind("").await, (vec![], vec![]));
    assert_eq!(app.get("anna", &format!("/emails/{email}")).await.body["status"], "suppressed");
    assert!(app.emails().await.is_empty());
    assert!(tell(&app, "anna", &["Ref-1"]).await.is_empty());
    assert_eq!(app.delete("anna", &format!("/photos/{photo}")).await.status, StatusCode::NO_CONTENT);
}

/// The API stops at each of its await points. The same request, or the sweep, finishes what it began.
#[tokio::test(flavor = "multi_thread")]
async fn interrupted_erasure_finishes_by_request_or_sweep() {
    let stops = Stops::default();
    let app = TestApp::with(|options| {
        options.by_hand = true;
        options.clock = Clock::movable();
        options.layer = Some(stops.layer());
    })
    .await;
    let photo = photo(&app).await;
    for waits in 0.. {
        let order = app.order("anna", "Ref-1", std::slice::from_ref(&photo)).await;
        let made = app.post("anna", &format!("/orders/{order}/downloads"), json!({})).await;
        step(&app).await;
        let queued = confirm(&app, "anna", &order, ADDRESS).await;
        let path = format!("/orders/{order}");
        stops.aim("api", 1, waits);
        let first = app.delete("anna", &path).await;
        let struck = stops.struck();
        stops.aim("none", 1, 0);
        if struck && waits % 2 == 0 {
            assert_eq!(app.delete("anna", &path).await.status, StatusCode::NO_CONTENT, "wait {waits}");
        } else if struck {
            let_hours_pass(&app).await;
        }
        // A request that stopped before its first write has erased nothing.
        let untouched = struck && waits % 2 == 1 && app.get("anna", &path).await.status == StatusCode::OK;
        assert!(!untouched || waits < 10, "wait {waits}");
        if untouched {
            assert_eq!(app.http().get(made.text("/link")).send().await.unwrap().status(), StatusCode::OK);
            assert_eq!(app.delete("anna", &path).await.status, StatusCode::NO_CONTENT);
        }
        assert!(is_erased(&app.get("anna", &path).await), "wait {waits}");
        let left = tell(&app, "anna", &["Ref-1"]).await;
        assert!(left.is_empty(), "wait {waits}: {left:#?}");
        assert_eq!(app.left_behind("").await, (vec![], vec![]), "wait {waits}");
        let link = app.http().get(made.text("/link")).send().await.unwrap();
        assert_eq!(link.status(), StatusCode::GONE, "wait {waits}");
        let shown = app.get("anna", &format!("/emails/{queued}")).await.body;
        assert_eq!(shown["to"], Value::Null, "wait {waits}");
        step(&app).await;
        if !struck {
            assert_eq!(first.status, StatusCode::NO_CONTENT);
            assert!(waits > 15, "the request waited only {waits} times");
            break;
        }
    }
}
