use std::time::Duration;

use api_types::FailedKind;
use futures::future::join_all;
use reqwest::StatusCode;
use runtime::clock::Clock;
use serde_json::{Value, json};
use tests::{TestApp, campaigns::Stops, jpeg};

use super::{ADDRESS, NAME, confirm, is_erased, let_hours_pass, photo, step, tell};

/// Two workers stop in the middle. Orders created afterwards and other customers' orders are kept.
#[tokio::test(flavor = "multi_thread")]
async fn customer_with_many_orders_is_erased_despite_crashes() {
    let stops = Stops::default();
    let app = TestApp::with(|options| {
        options.by_hand = true;
        options.clock = Clock::movable();
        options.layer = Some(stops.layer());
    })
    .await;
    let photo = photo(&app).await;
    let order = async |n: usize, email: &str| {
        let customer = json!({ "name": NAME, "email": email });
        let new = json!({ "reference": format!("Ref-{n}"), "customer": customer, "photo_ids": [photo] });
        app.post("anna", "/orders", new).await.text("/id")
    };
    let spelled = |n: usize| if n.is_multiple_of(2) { "Eva@example.com" } else { ADDRESS };
    let orders = join_all((0..120).map(|n| order(n, spelled(n)))).await;
    for order in orders.iter().step_by(20) {
        app.post("anna", &format!("/orders/{order}/downloads"), json!({})).await;
        confirm(&app, "anna", order, "friend@example.org").await;
        step(&app).await;
    }
    let other = app.post(
        "anna",
        "/orders",
        json!({ "reference": "Other", "customer": { "name": "Otto", "email": "otto@example.com" }, "photo_ids": [photo] }),
    );
    let other = other.await.text("/id");
    let to_her = confirm(&app, "anna", &other, ADDRESS).await;
    let to_him = confirm(&app, "anna", &other, "otto@example.com").await;
    let annas = json!({ "email": "EVA@example.com" });
    let begun = app.post_keyed("anna", "/customers/erase", "k", annas.clone()).await;
    assert_eq!((begun.status, begun.text("/operation/kind")), (StatusCode::ACCEPTED, "erase".into()), "{begun:?}");
    let later = order(1_000, ADDRESS).await;

    // Both within the first page. A busy machine answers several calls between two waits, so a page has few.
    for waits in [20, 20] {
        stops.aim("housekeeper", 1, waits);
        step(&app).await;
        assert!(stops.struck(), "the worker waited fewer than {waits} times");
        stops.aim("none", 1, 0);
        // The message is visible again.
        app.system().advance(Duration::from_secs(4_000));
    }
    let_hours_pass(&app).await;
    // Two workers that died within one page have used up the attempts, which operators see.
    let failed = app.operator().failed("default").await.items;
    let told: Vec<_> = failed.iter().map(|job| (job.kind, job.job.as_deref(), job.error.code.as_str())).collect();
    assert_eq!(told, [(FailedKind::Record, Some("operate"), "tries_exhausted")], "{failed:?}");
    // Requested again, the operation continues.
    let again = app.post_keyed("anna", "/customers/erase", "k", annas).await;
    assert_eq!(again.text("/operation/id"), begun.text("/operation/id"));
    let_hours_pass(&app).await;
    let path = format!("/operations/{}", begun.text("/operation/id"));
    let ended = app.get("anna", &path).await.body;
    assert_eq!(ended["status"], "done", "{ended}");
    let left = app.operator().failed("default").await.items;
    assert!(left.iter().all(|job| job.kind == FailedKind::Message), "{left:?}");

    for order in &orders {
        assert!(is_erased(&app.get("anna", &format!("/orders/{order}")).await));
    }
    assert_eq!(app.left_behind("").await, (vec![], vec![]));
    let left = tell(&app, "anna", &["friend@", "Ref-"]).await;
    assert!(left.iter().all(|item| item.contains(&later)) && left.len() == 1, "{left:#?}");
    assert_eq!(app.get("anna", &format!("/orders/{other}")).await.body["customer"]["name"], "Otto");
    assert_eq!(app.get("anna", &format!("/emails/{to_her}")).await.body["to"], Value::Null);
    assert_eq!(app.get("anna", &format!("/emails/{to_him}")).await.body["to"], "otto@example.com");
}

#[tokio::test(flavor = "multi_thread")]
async fn erased_customer_is_another_studios_customer_still() {
    let app = TestApp::start().await;
    let mut orders = Vec::new();
    for studio in ["anna", "berta"] {
        let photo = app.ready_photo(studio, "a.jpg", &jpeg(1, 60, 40)).await;
        orders.push(app.order(studio, "Ref-1", std::slice::from_ref(&photo)).await);
        orders.push(app.order(studio, "Ref-2", &[photo]).await);
    }
    let begun = app.post("anna", "/customers/erase", json!({ "email": ADDRESS })).await;
    let ended = app.until_done("anna", &begun).await;
    assert_eq!((&ended["done"], &ended["selection"]), (&json!(2), &json!({})), "{ended}");
    assert!(tell(&app, "anna", &["Ref-"]).await.is_empty());
    for order in &orders[2..] {
        assert_eq!(app.get("berta", &format!("/orders/{order}")).await.body["customer"]["name"], NAME);
    }
    for wrong in [json!({}), json!({ "email": "eva" }), json!({ "email": ADDRESS, "name": NAME })] {
        assert_eq!(app.post("anna", "/customers/erase", wrong.clone()).await.status, 422, "{wrong}");
    }
}
