//! Addresses that emails reach, or do not: lists of emails, suppressed addresses, and another address for a download.

use std::time::Duration;

use api_types::{EmailPage, EmailView};
use domain::email::EmailStatus;
use reqwest::{Method, StatusCode};
use runtime::clock::Clock;
use serde_json::{Value, json};
use tests::{TestApp, jpeg, until::found};

const BOUNCES: &str = "bounce@simulator.amazonses.com";
const ARRIVES: &str = "success@simulator.amazonses.com";

async fn order_for(app: &TestApp, reference: &str, email: &str) -> String {
    let photo = app.ready_photo("anna", "a.jpg", &jpeg(1, 60, 40)).await;
    let customer = json!({ "name": "Eva", "email": email });
    let new = json!({ "reference": reference, "customer": customer, "photo_ids": [photo] });
    app.post("anna", "/orders", new).await.text("/id")
}

/// Sends an email about the order, and returns it once it has one of these states.
async fn email(app: &TestApp, order: &str, to: &str, states: &[&str]) -> EmailView {
    let new = json!({ "template": "order_confirmation", "to": to, "data": { "order_id": order } });
    let id = app.post("anna", "/emails", new).await.text("/email/id");
    app.until_view("anna", &format!("/emails/{id}"), states).await
}

fn code(email: &EmailView) -> Option<&str> {
    email.error.as_ref().map(|error| error.code.as_str())
}

/// Returns the download once it is marked as undelivered.
async fn undelivered(app: &TestApp, path: &str) -> Value {
    let shown = found(async || {
        let shown = app.get("anna", path).await.body;
        shown["undelivered_at"].is_string().then_some(shown)
    });
    shown.await.expect("the download is marked")
}

#[tokio::test(flavor = "multi_thread")]
async fn emails_are_listed_by_state_and_subject_matter() {
    let app = TestApp::with(|options| options.clock = Clock::movable()).await;
    let order = order_for(&app, "R-1", "eva@example.com").await;
    let mut sent = Vec::new();
    for number in 0..5 {
        app.system().advance(Duration::from_secs(2));
        sent.insert(0, email(&app, &order, &format!("eva{number}@example.com"), &["sent"]).await.id);
    }
    app.system().advance(Duration::from_secs(2));
    // The id of this email is derived from the download's, and is in no order.
    let (download, _) = app.download("anna", &order, json!({})).await;
    app.until("anna", &format!("/emails/{}", download.email_id.unwrap()), &["sent"]).await.unwrap();
    sent.insert(0, download.email_id.unwrap());

    let list = async |query: &str| -> EmailPage { app.get("anna", &format!("/emails?{query}")).await.view() };
    let ids = |page: &EmailPage| page.items.iter().map(|email| email.id).collect::<Vec<_>>();
    assert_eq!(ids(&list("status=sent").await), sent, "newest first");
    assert_eq!(ids(&list(&format!("about={order}")).await), sent[1..]);
    assert_eq!(ids(&list(&format!("about={}", download.id)).await), sent[..1]);
    assert!(ids(&list(&format!("about={order}&status=failed")).await).is_empty());
    assert!(ids(&list("status=queued").await).is_empty());
    let (mut paged, mut query) = (Vec::new(), "status=sent&limit=2".to_owned());
    for left in [true, true, false] {
        let page = list(&query).await;
        paged.extend(ids(&page));
        assert_eq!(page.next_cursor.is_some(), left, "{paged:?}");
        query = format!("status=sent&limit=2&cursor={}", page.next_cursor.unwrap_or_default());
    }
    assert_eq!(paged, sent);
    let refused = app.get("anna", "/emails").await;
    assert_eq!((refused.status.as_u16(), &refused.body["field"]), (422, &json!("status")), "{refused:?}");
    let others: EmailPage = app.get("ben", &format!("/emails?about={order}")).await.view();
    assert!(others.items.is_empty());
}

#[tokio::test(flavor = "multi_thread")]
async fn bounced_address_gets_no_further_email_of_the_studio() {
    let app = TestApp::start().await;
    let order = order_for(&app, "R-2", "eva@example.com").await;
    email(&app, &order, BOUNCES, &["bounced"]).await;
    app.until_quiet("default").await;
    let before = app.emails().await.len();
    let suppressed = email(&app, &order, "BOUNCE@simulator.amazonses.com", &["suppressed"]).await;
    assert_eq!((suppressed.status, code(&suppressed)), (EmailStatus::Suppressed, Some("address_suppressed")));
    assert_eq!(app.emails().await.len(), before, "SES was not asked");
    // Another studio may send to it.
    let photo = app.ready_photo("ben", "b.jpg", &jpeg(2, 60, 40)).await;
    let bens = app.order("ben", "R-2", &[photo]).await;
    let new = json!({ "template": "order_confirmation", "to": BOUNCES, "data": { "order_id": bens } });
    let id = app.post("ben", "/emails", new).await.text("/email/id");
    app.until("ben", &format!("/emails/{id}"), &["bounced"]).await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn operators_lift_a_suppression_here_and_at_ses() {
    let app = TestApp::start().await;
    let order = order_for(&app, "R-3", "eva@example.com").await;
    email(&app, &order, BOUNCES, &["bounced"]).await;
    app.until_quiet("default").await;
    let put = json!({ "EmailAddress": "eva@example.com", "Reason": "BOUNCE" });
    let ses = format!("{}/v2/email/suppression/addresses", app.environment()["AWS_ENDPOINT_URL"]);
    let signed = "AWS4-HMAC-SHA256 Credential=test/20261130/us-east-1/ses/aws4_request";
    let put = app.http().put(&ses).header("authorization", signed).json(&put).send().await.unwrap();
    assert!(put.status().is_success(), "{put:?}");

    let path = "/studios/anna/suppressions/lift";
    let lift = async |address: &str| app.operator().post(path, json!({ "email": address })).await.body;
    assert_eq!(app.post("anna", path, json!({ "email": BOUNCES })).await.status, StatusCode::FORBIDDEN);
    let lifted = lift(BOUNCES).await;
    assert_eq!((&lifted["reason"], &lifted["by_ses"]), (&json!("bounced"), &json!(false)), "{lifted}");
    let by_ses = lift("Eva@example.com").await;
    assert_eq!((&by_ses["reason"], &by_ses["by_ses"]), (&Value::Null, &json!(true)), "{by_ses}");
    let nothing = lift("Eva@example.com").await;
    assert_eq!((&nothing["reason"], &nothing["by_ses"]), (&Value::Null, &json!(false)), "{nothing}");
    email(&app, &order, "eva@example.com", &["sent"]).await;
    // It bounces again, and is suppressed again.
    email(&app, &order, BOUNCES, &["bounced"]).await;
    app.until_quiet("default").await;
    email(&app, &order, BOUNCES, &["suppressed"]).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn download_is_sent_to_another_address() {
    let app = TestApp::start().await;
    let order = order_for(&app, "R-4", BOUNCES).await;
    let (download, _) = app.download("anna", &order, json!({})).await;
    let path = format!("/downloads/{}", download.id);
    assert_eq!(undelivered(&app, &path).await["status"], "ready");
    app.until_quiet("default").await;

    let notify = format!("{path}/notify");
    let new = json!({ "to": ARRIVES, "queue": false });
    let told = app.post_keyed("anna", &notify, "once", new.clone()).await;
    assert_eq!(told.status, StatusCode::CREATED, "{told:?}");
    let id = told.text("/email/id");
    app.until("anna", &format!("/emails/{id}"), &["delivered"]).await.unwrap();
    let shown = app.get("anna", &path).await.body;
    assert_eq!((&shown["undelivered_at"], &shown["recipient"]), (&Value::Null, &json!(ARRIVES)), "{shown}");
    let again = app.post_keyed("anna", &notify, "once", new).await;
    assert_eq!(again.text("/email/id"), id, "a repeated request sends no second email");

    // A new build announces itself to the new address, and an erasure removes it.
    app.post("anna", &format!("{path}/retry"), json!({})).await;
    let rebuilt = app.until("anna", &path, &["ready"]).await.unwrap();
    let email = rebuilt["email_id"].as_str().unwrap().to_owned();
    assert_eq!(app.until("anna", &format!("/emails/{email}"), &["delivered"]).await.unwrap()["to"], ARRIVES);
    app.delete("anna", &format!("/orders/{order}")).await;
    let erased = app.get("anna", &path).await.body;
    assert_eq!(erased["recipient"], Value::Null, "{erased}");
}

#[tokio::test(flavor = "multi_thread")]
async fn suppressed_customer_marks_the_download() {
    let app = TestApp::start().await;
    let order = order_for(&app, "R-5", BOUNCES).await;
    email(&app, &order, BOUNCES, &["bounced"]).await;
    app.until_quiet("default").await;
    let (download, _) = app.download("anna", &order, json!({})).await;
    undelivered(&app, &format!("/downloads/{}", download.id)).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn closed_links_are_not_sent_again() {
    let app = TestApp::with(|options| options.clock = Clock::movable()).await;
    let order = order_for(&app, "R-6", "eva@example.com").await;
    let (download, _) = app.download("anna", &order, json!({ "notify": false, "expires_in_days": 1 })).await;
    let path = format!("/downloads/{}", download.id);
    let notify = async |body: Value| app.post("anna", &format!("{path}/notify"), body).await;
    let told = notify(json!({})).await;
    assert_eq!(told.status, StatusCode::ACCEPTED, "{told:?}");
    let refused = notify(json!({ "to": "nobody" })).await;
    assert_eq!((refused.status.as_u16(), &refused.body["field"]), (422, &json!("to")), "{refused:?}");
    app.system().advance(Duration::from_secs(25 * 3600));
    let expired = notify(json!({})).await;
    assert_eq!((expired.status, expired.text("/type")), (StatusCode::CONFLICT, "/problems/link-closed".into()));
    app.delete("anna", &path).await;
    let revoked = notify(json!({})).await;
    assert_eq!((revoked.status, revoked.text("/type")), (StatusCode::CONFLICT, "/problems/revoked".into()));
    let missing = app.call("anna", Method::POST, &format!("/downloads/{order}/notify"), Some(json!({}))).await;
    assert_eq!(missing.status, StatusCode::NOT_FOUND);
}

#[tokio::test(flavor = "multi_thread")]
async fn address_of_an_unfinished_download_is_replaced() {
    let app = TestApp::without_builder().await;
    let order = order_for(&app, "R-7", "eva@example.com").await;
    let made = app.post("anna", &format!("/orders/{order}/downloads"), json!({ "notify": false })).await;
    let path = format!("/downloads/{}", made.text("/download/id"));
    let told = app.post("anna", &format!("{path}/notify"), json!({ "to": ARRIVES })).await;
    assert_eq!((told.status, &told.body["email"]), (StatusCode::ACCEPTED, &Value::Null), "{told:?}");
    let shown = app.get("anna", &path).await.body;
    assert_eq!((&shown["recipient"], &shown["status"]), (&json!(ARRIVES), &json!("pending")), "{shown}");
}
