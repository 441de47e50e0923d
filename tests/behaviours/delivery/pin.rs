//! Pages with a PIN.

use reqwest::Method;
use serde_json::{Value, json};
use tests::{Answer, TestApp};

use super::{browse, delivered, location, page, shown};

async fn set_pin(app: &TestApp, download: &str, pin: Value) -> Answer {
    app.call("anna", Method::PUT, &format!("/downloads/{download}/pin"), Some(json!({ "pin": pin }))).await
}

#[tokio::test(flavor = "multi_thread")]
async fn page_with_a_pin_shows_nothing_before_it() {
    let (app, _, download, link) = delivered(2, json!({ "notify": false, "pin": "135790" })).await;
    let before = shown(&app, &download).await;
    assert_eq!(before["pin"], "set");
    assert!(!before.to_string().contains("135790"), "{before}");
    for url in [link.clone(), format!("{link}/photo/1"), format!("{link}.AAAA"), format!("{link}.")] {
        let (status, shown) = page(browse(&app, Method::GET, &url, None).await).await;
        assert!(status == 200 && shown.contains("name=\"pin\"") && !shown.contains("<img"), "{url}: {shown}");
    }
    for url in [link.clone(), format!("{link}/photo/1")] {
        assert_eq!(page(browse(&app, Method::POST, &url, Some("")).await).await.0, 403, "{url}");
    }
    let (status, again) = page(browse(&app, Method::POST, &format!("{link}/pin"), Some("pin=246810")).await).await;
    assert!(status == 403 && again.contains("aria-invalid"), "{again}");

    let open = location(&browse(&app, Method::POST, &format!("{link}/pin"), Some("pin=135+790")).await);
    let (status, shown_page) = page(browse(&app, Method::GET, &open, None).await).await;
    assert!(status == 200 && shown_page.matches("<img").count() == 2, "{shown_page}");
    assert!(!app.fetch(&open).await.unwrap().is_empty());
    assert!(!app.fetch(&format!("{open}/photo/2")).await.unwrap().is_empty());
    // The ticket alone opens nothing.
    let ticket = app.ticket(&open).await.unwrap();
    let stolen = ticket.replace(open.rsplit('/').next().unwrap(), link.rsplit('/').next().unwrap());
    assert_ne!(stolen, ticket);
    assert_eq!(page(browse(&app, Method::GET, &stolen, None).await).await.0, 403);
    assert_eq!(shown(&app, &download).await["download_count"], 1);

    assert_eq!(set_pin(&app, &download, json!("111111")).await.body["pin"], "set");
    let (_, asks_again) = page(browse(&app, Method::GET, &open, None).await).await;
    assert!(asks_again.contains("name=\"pin\""), "{asks_again}");
    assert_eq!(set_pin(&app, &download, json!(null)).await.body["pin"], "none");
    assert!(!app.fetch(&link).await.unwrap().is_empty());
}

#[tokio::test(flavor = "multi_thread")]
async fn flood_of_pins_is_stopped_after_ten() {
    let (app, _, download, link) = delivered(1, json!({ "notify": false, "pin": "13579024" })).await;
    let url = format!("{link}/pin");
    let tries = (0..40).map(|n| {
        let (app, url) = (&app, &url);
        async move { browse(app, Method::POST, url, Some(&format!("pin={n:06}"))).await.status().as_u16() }
    });
    let mut statuses = futures::future::join_all(tries).await;
    statuses.sort_unstable();
    assert_eq!(statuses, [[403].repeat(10), [429].repeat(30)].concat());
    let late = browse(&app, Method::POST, &url, Some("pin=13579024")).await;
    let wait: u64 = late.headers()["retry-after"].to_str().unwrap().parse().unwrap();
    assert!(late.status() == 429 && (3000..=3600).contains(&wait), "{wait}");
    set_pin(&app, &download, json!("222222")).await;
    location(&browse(&app, Method::POST, &url, Some("pin=222222")).await);
}

#[tokio::test(flavor = "multi_thread")]
async fn only_digits_are_a_pin() {
    let (app, order, download, _) = delivered(1, json!({ "notify": false })).await;
    for pin in [json!("12345"), json!("123456789"), json!("12345x"), json!("１２３４５６"), json!(123_456), json!("")]
    {
        let made = app.post("anna", &format!("/orders/{order}/downloads"), json!({ "pin": pin })).await;
        assert_eq!((made.status.as_u16(), &made.body["field"]), (422, &json!("pin")), "{made:?}");
        let set = set_pin(&app, &download, pin).await;
        assert_eq!((set.status.as_u16(), &set.body["field"]), (422, &json!("pin")), "{set:?}");
    }
    let set = app.call("anna", Method::PUT, &format!("/downloads/{download}/pin"), Some(json!({}))).await;
    assert_eq!(set.status, 422, "an empty body removes no PIN: {set:?}");
}
