//! Addresses to which nothing may be sent.

use domain::webhook::DeliveryStatus;
use reqwest::StatusCode;
use serde_json::json;
use tests::{TestApp, jpeg, shop::Shop};

use super::{hook, until};

#[tokio::test(flavor = "multi_thread")]
async fn private_addresses_are_refused_at_once() {
    let app = TestApp::with(|options| options.set("api", "WEBHOOK_TARGETS", "public")).await;
    for url in [
        "http://shop.example.com/",
        "https://127.0.0.1/",
        "https://2130706433/",
        "https://[::ffff:169.254.169.254]/latest/meta-data/",
        "https://localhost:8080/",
        "https://db.internal/",
        "https://user:pass@shop.example.com/",
        "file:///etc/passwd",
        "gopher://shop.example.com/",
        "",
    ] {
        let refused = app.post("anna", "/webhooks", json!({ "url": url })).await;
        assert_eq!(
            (refused.status, refused.text("/field").as_str()),
            (StatusCode::UNPROCESSABLE_ENTITY, "url"),
            "{url}"
        );
    }
    let made = app.post("anna", "/webhooks", json!({ "url": "https://shop.example.com/hook" })).await;
    assert_eq!(made.status, StatusCode::CREATED, "{made:?}");
}

/// A name that resolves to this machine, and an address that an earlier build has stored.
#[tokio::test(flavor = "multi_thread")]
async fn nothing_is_sent_to_private_addresses() {
    let app = TestApp::with(|options| options.set("webhook-sender", "WEBHOOK_TARGETS", "public")).await;
    let shop = Shop::open(&[]).await;
    let (by_address, _) = hook(&app, &shop, "/").await;
    app.ready_photo("anna", "a.jpg", &jpeg(1, 60, 40)).await;
    let refused = until(&app, &by_address, |delivery| delivery.attempts == 1).await;
    assert_eq!(refused.last_error.map(|error| error.code), Some("address_refused".to_owned()));
    assert_eq!((refused.status, shop.received().len()), (DeliveryStatus::Pending, 0));
}
