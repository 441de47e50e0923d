use std::time::Duration;

use local::Options;
use reqwest::StatusCode;
use runtime::clock::Clock;
use serde_json::json;
use tests::{TestApp, jpeg};

use super::{NAME, is_erased, items, let_hours_pass, photo, step, tell};

async fn years_later(retention: Option<u32>) -> (TestApp, Vec<String>, String) {
    let app = TestApp::with(|options: &mut Options| {
        options.by_hand = true;
        options.clock = Clock::movable();
        if let Some(days) = retention {
            options.erase_orders_after(days);
        }
    })
    .await;
    let mut old = Vec::new();
    for studio in ["anna", "berta"] {
        let photo = app.upload(studio, "a.jpg", "image/jpeg", &jpeg(1, 60, 40)).await.unwrap();
        step(&app).await;
        let order = app.order(studio, "Ref-1", &[photo]).await;
        app.post(studio, &format!("/orders/{order}/downloads"), json!({})).await;
        old.push(order);
        step(&app).await;
    }
    app.system().advance(Duration::from_secs(29 * 24 * 3600));
    let_hours_pass(&app).await;
    for (studio, order) in ["anna", "berta"].iter().zip(&old) {
        assert_eq!(app.get(studio, &format!("/orders/{order}")).await.status, StatusCode::OK, "29 days are not 30");
    }
    let photo = photo(&app).await;
    let new = app.order("anna", "New-1", &[photo]).await;
    app.system().advance(Duration::from_secs(24 * 3600));
    let_hours_pass(&app).await;
    (app, old, new)
}

#[tokio::test(flavor = "multi_thread")]
async fn orders_older_than_the_retention_are_erased() {
    let (app, old, new) = years_later(Some(30)).await;
    for (studio, order) in ["anna", "berta"].iter().zip(&old) {
        assert!(is_erased(&app.get(studio, &format!("/orders/{order}")).await), "{studio}");
        assert!(tell(&app, studio, &["Ref-1"]).await.iter().all(|item| item.contains(&new)), "{studio}");
    }
    assert_eq!(app.left_behind("").await, (vec![], vec![]));
    assert_eq!(app.get("anna", &format!("/orders/{new}")).await.body["customer"]["name"], NAME);
    let begun = items(&app, "retention").await;
    // Eight sweeps: four after 29 days, four after 30, each within a few hours, which may span midnight.
    assert!((2..=4).contains(&begun.len()), "one per day: {begun:#?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn orders_are_kept_without_a_retention() {
    let (app, old, _) = years_later(None).await;
    for (studio, order) in ["anna", "berta"].iter().zip(&old) {
        assert_eq!(app.get(studio, &format!("/orders/{order}")).await.body["customer"]["name"], NAME);
    }
    assert!(items(&app, "retention").await.is_empty());
}
