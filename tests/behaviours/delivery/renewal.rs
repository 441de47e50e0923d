//! Customers who ask for a new link.

use std::time::Duration;

use reqwest::Method;
use runtime::clock::Clock;
use serde_json::{Value, json};
use tests::TestApp;

use super::{browse, delivered_by, page, shown};

/// Starts a system whose clock can be moved, with a link of one day that has ended.
async fn ended(profile: Value) -> (TestApp, Clock, String, String) {
    let clock = Clock::movable();
    let moved = clock.clone();
    let app = TestApp::with(move |options| options.clock = moved).await;
    app.call("anna", Method::PUT, "/studio", Some(profile)).await;
    let terms = json!({ "expires_in_days": 1, "max_downloads": 1, "notify": false });
    let (app, _, download, link) = delivered_by(app, 1, terms).await;
    app.fetch(&link).await.unwrap();
    clock.advance(Duration::from_secs(25 * 3600));
    (app, clock, download, link)
}

async fn ask(app: &TestApp, link: &str) -> (u16, String) {
    page(browse(app, Method::POST, &format!("{link}/renew"), Some("")).await).await
}

async fn sent(app: &TestApp, to: &str) -> usize {
    app.emails().await.iter().filter(|email| email.to.iter().any(|address| address == to)).count()
}

#[tokio::test(flavor = "multi_thread")]
async fn studio_is_told_once_a_day_and_renews() {
    let (app, clock, download, link) = ended(json!({ "reply_to": "studio@example.com" })).await;
    let (status, closed) = page(browse(&app, Method::GET, &link, None).await).await;
    assert!(status == 410 && closed.contains("/renew"), "{closed}");
    for _ in 0..3 {
        let (status, asked) = ask(&app, &link).await;
        assert!(status == 200 && asked.contains("The studio has your request"), "{asked}");
    }
    assert!(shown(&app, &download).await["renewal_asked_at"].is_string());
    let (_, closed) = page(browse(&app, Method::GET, &link, None).await).await;
    assert!(!closed.contains("/renew"), "{closed}");
    while sent(&app, "studio@example.com").await == 0 {
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    clock.advance(Duration::from_secs(25 * 3600));
    ask(&app, &link).await;
    while sent(&app, "studio@example.com").await == 1 {
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    let renewed = app.post("anna", &format!("/downloads/{download}/renew"), json!({ "queue": false })).await;
    assert_eq!(renewed.status, 200, "{renewed:?}");
    assert!(!app.fetch(&link).await.unwrap().is_empty());
    assert_eq!(shown(&app, &download).await["download_count"], 1);
    assert_eq!(sent(&app, "studio@example.com").await, 2);
}

#[tokio::test(flavor = "multi_thread")]
async fn link_is_renewed_where_the_studio_allows_it() {
    let (app, _, download, link) = ended(json!({ "renewal": "automatic", "reply_to": "studio@example.com" })).await;
    let (status, asked) = ask(&app, &link).await;
    assert!(status == 200 && asked.contains("A new link is on its way"), "{asked}");
    app.until("anna", &format!("/downloads/{download}"), &["ready"]).await.unwrap();
    assert!(!app.fetch(&link).await.unwrap().is_empty());
    assert_eq!(shown(&app, &download).await["build"], 2);
    let email = app.until_view::<Value>("anna", &format!("/downloads/{download}"), &["ready"]).await;
    assert!(email["email_id"].is_string(), "the customer is told at the order's address: {email}");
    assert_eq!(sent(&app, "studio@example.com").await, 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn revoked_or_working_link_is_not_renewed() {
    let (app, _, download, link) = ended(json!({ "renewal": "automatic" })).await;
    app.delete("anna", &format!("/downloads/{download}")).await;
    let (status, closed) = ask(&app, &link).await;
    assert!(status == 410 && closed.contains("withdrawn") && !closed.contains("/renew"), "{closed}");
    assert_eq!(shown(&app, &download).await["status"], "revoked");
}
