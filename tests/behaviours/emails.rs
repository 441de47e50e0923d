//! Emails that a shop requests, and the email that follows a build.

use std::time::Duration;

use api_types::EmailView;
use domain::email::EmailStatus;
use local::Options;
use reqwest::{Method, StatusCode};
use runtime::clock::Clock;
use serde_json::{Value, json};
use tests::{TestApp, jpeg, until::found};

async fn ask(app: &TestApp, template: &str, data: Value) -> (StatusCode, String) {
    let email = json!({ "template": template, "to": "eva@example.com", "data": data, "queue": false });
    let answer = app.post("anna", "/emails", email).await;
    let detail = answer.body["detail"].as_str().unwrap_or_default().to_owned();
    if answer.status == StatusCode::UNPROCESSABLE_ENTITY {
        let field = if data.get("order_id").is_some() { "data.order_id" } else { "data.download_id" };
        assert_eq!(answer.body["field"], field, "{answer:?}");
    }
    (answer.status, detail)
}

#[tokio::test(flavor = "multi_thread")]
async fn no_email_promises_what_is_not_so() {
    let app = TestApp::with(|options| options.clock = Clock::movable()).await;
    let photo = app.ready_photo("anna", "a.jpg", &jpeg(1, 60, 40)).await;
    let order = app.order("anna", "M-1", &[photo]).await;
    let terms = json!({ "notify": false, "max_downloads": 1, "expires_in_days": 3 });
    let (download, link) = app.download("anna", &order, terms).await;
    let id = download.id;
    let about = json!({ "download_id": id });

    let unknown = json!({ "order_id": id });
    assert_eq!(ask(&app, "order_confirmation", unknown).await.1, "There is no such order.");
    assert_eq!(ask(&app, "download_ready", json!({ "download_id": order })).await.1, "There is no such download.");
    assert_eq!(ask(&app, "download_failed", about.clone()).await.1, "The download has not failed.");
    assert_eq!(ask(&app, "download_ready", about.clone()).await.0, StatusCode::CREATED);

    // The archive was fetched, and the window for repeated fetches is over: the link no longer works.
    app.fetch(&link).await.unwrap();
    assert_eq!(ask(&app, "download_ready", about.clone()).await.0, StatusCode::CREATED);
    app.system().advance(Duration::from_secs(25 * 3600));
    let spent = ask(&app, "download_ready", about.clone()).await;
    assert!(spent.0 == 422 && spent.1.contains("All downloads are used"), "{spent:?}");
    app.system().advance(Duration::from_secs(72 * 3600));
    let expired = ask(&app, "download_ready", about.clone()).await;
    assert!(expired.0 == 422 && expired.1.contains("has expired"), "{expired:?}");
    app.call("anna", Method::DELETE, &format!("/downloads/{id}"), None).await;
    let revoked = ask(&app, "download_ready", about).await;
    assert!(revoked.0 == 422 && revoked.1.contains("was revoked"), "{revoked:?}");
    assert_eq!(app.emails().await.len(), 2);
}

#[tokio::test(flavor = "multi_thread")]
async fn download_names_its_notification_email() {
    let app = TestApp::start().await;
    let photo = app.ready_photo("anna", "a.jpg", &jpeg(1, 60, 40)).await;
    let order = app.order("anna", "M-2", &[photo]).await;
    let (download, _) = app.download("anna", &order, json!({})).await;
    app.until_emails(1).await;
    let email: EmailView = app.get("anna", &format!("/emails/{}", download.email_id.unwrap())).await.view();
    assert_eq!((email.template.as_str(), email.status), ("download_ready", EmailStatus::Sent));

    let (silent, _) = app.download("anna", &order, json!({ "notify": false })).await;
    assert_eq!(silent.email_id, None);
}

fn without(function: &str, variable: &str) -> impl FnOnce(&mut Options) {
    let variable = (function.to_owned(), variable.to_owned());
    move |options| {
        options.clock = Clock::movable();
        options.overrides.insert(variable, "no-such-table".to_owned());
    }
}

/// The email was queued, and the download was revoked in the meantime.
#[tokio::test(flavor = "multi_thread")]
async fn outdated_email_is_not_sent() {
    let mut app = TestApp::with(without("email-sender", "ORDERS_TABLE")).await;
    let photo = app.ready_photo("anna", "a.jpg", &jpeg(1, 60, 40)).await;
    let order = app.order("anna", "M-3", &[photo]).await;
    let (download, _) = app.download("anna", &order, json!({})).await;
    let email_id = download.email_id.unwrap();
    let email = format!("/emails/{email_id}");
    app.until("anna", &email, &["failed"]).await.unwrap();
    let path = format!("/downloads/{}", download.id);
    assert_eq!(app.delete("anna", &path).await.body["status"], "revoked");

    app.restart(|options| options.overrides.clear()).await;
    let ids = json!({ "ids": [format!("anna:{email_id}")] });
    let retried = app.operator().post("/queues/emails/failed/retry", ids).await;
    assert_eq!(retried.status, StatusCode::OK, "{retried:?}");
    let outdated: EmailView = app.until_view("anna", &email, &["sent", "suppressed"]).await;
    let code = outdated.error.map(|error| error.code);
    assert_eq!((outdated.status, code.as_deref()), (EmailStatus::Suppressed, Some("outdated")));
    assert!(app.emails().await.is_empty());
    assert_eq!(app.operator().get("/queues/emails/failed").await.body["items"], json!([]));
}

/// The email could not be written at first, and the message that would have retried it is gone.
#[tokio::test(flavor = "multi_thread")]
async fn unrecorded_email_is_sent_by_the_sweep() {
    let mut app = TestApp::with(without("archive-builder", "EMAILS_TABLE")).await;
    let photo = app.ready_photo("anna", "a.jpg", &jpeg(1, 60, 40)).await;
    let order = app.order("anna", "M-4", &[photo]).await;
    app.download("anna", &order, json!({})).await;
    app.sqs().purge_queue().queue_url(app.queue_url("downloads")).send().await.unwrap();
    assert!(app.emails().await.is_empty());

    app.restart(|options| options.overrides.clear()).await;
    app.system().advance(Duration::from_secs(300));
    app.system().sweep().await.unwrap();
    app.until_emails(1).await;
    // Nothing is due any more.
    app.system().advance(Duration::from_secs(1_000));
    app.system().sweep().await.unwrap();
    app.until_quiet("downloads").await;
    app.until_emails(1).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn email_bears_the_studios_name_and_goes_back_to_it() {
    let app = TestApp::start().await;
    let photo = app.ready_photo("anna", "a.jpg", &jpeg(1, 60, 40)).await;
    let order = app.order("anna", "M-3", &[photo]).await;
    let profile = json!({ "name": "Foto Müller & Söhne", "reply_to": "studio@example.com", "footer": "Imprint" });
    app.call("anna", Method::PUT, "/studio", Some(profile)).await;
    assert_eq!(ask(&app, "order_confirmation", json!({ "order_id": order })).await.0, StatusCode::CREATED);
    let email = app.until_emails(1).await.remove(0);
    assert!(email.from.starts_with("=?UTF-8?B?") && !email.from.contains("Darkroom"), "{}", email.from);
    assert_eq!(email.reply_to, ["studio@example.com"]);
    assert_eq!(email.headers, [("Auto-Submitted".to_owned(), "auto-generated".to_owned())]);
    assert!(email.text.is_some_and(|text| text.ends_with("\n-- \nImprint\n")));
}

#[tokio::test(flavor = "multi_thread")]
async fn studio_writes_to_its_customer() {
    let app = TestApp::start().await;
    let photo = app.ready_photo("anna", "a.jpg", &jpeg(1, 60, 40)).await;
    let order = app.order("anna", "M-4", &[photo]).await;
    let words = json!({ "order_id": order, "subject": "Your album", "text": "Dear Eva,\r\n\r\nit arrives on Friday." });
    let preview = app.post("anna", "/emails/preview", json!({ "template": "message", "data": words })).await;
    assert_eq!((preview.status, preview.text("/subject")), (StatusCode::OK, "Your album".to_owned()), "{preview:?}");
    assert_eq!(app.emails().await.len(), 0, "a preview sends nothing");
    assert_eq!(ask(&app, "message", words).await.0, StatusCode::CREATED);
    let email = app.until_emails(1).await.remove(0);
    assert_eq!((email.subject, email.text), ("Your album".to_owned(), Some(preview.text("/text"))));
    assert!(preview.text("/text").contains("Dear Eva,\n\nit arrives on Friday."), "{preview:?}");
    for (data, field) in [
        (json!({ "order_id": order, "subject": "S" }), "data.text"),
        (json!({ "order_id": order, "text": "T" }), "data.subject"),
        (json!({ "order_id": order, "subject": "a\nb", "text": "T" }), "data.subject"),
        (json!({ "order_id": order, "subject": "S", "text": "x".repeat(10_001) }), "data.text"),
    ] {
        let new = json!({ "template": "message", "to": "eva@example.com", "data": data });
        let refused = app.post("anna", "/emails", new).await;
        assert_eq!((refused.status.as_u16(), &refused.body["field"]), (422, &json!(field)), "{refused:?}");
    }
    let erased = app.delete("anna", &format!("/orders/{order}")).await;
    assert_eq!(erased.status, StatusCode::NO_CONTENT, "{erased:?}");
    let stored = tests::oracle::table::<domain::email::Email>(&app, "EMAILS_TABLE").unwrap();
    let left = stored.list(&"anna".parse().unwrap(), None, 10, |_| true).await.unwrap();
    assert!(!format!("{left:?}").contains("Friday"), "what the studio wrote is erased too: {left:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn reminder_is_sent_only_if_nothing_was_fetched() {
    let app = TestApp::start().await;
    let photo = app.ready_photo("anna", "a.jpg", &jpeg(1, 60, 40)).await;
    let order = app.order("anna", "M-5", &[photo]).await;
    let (download, link) = app.download("anna", &order, json!({ "notify": false })).await;
    let about = json!({ "download_id": download.id });
    assert_eq!(ask(&app, "download_expiring", about.clone()).await.0, StatusCode::CREATED);
    let email = app.until_emails(1).await.remove(0);
    assert!(email.text.is_some_and(|text| text.contains("/d/")), "it has the link");
    app.fetch(&link).await.unwrap();
    let refused = ask(&app, "download_expiring", about).await;
    assert!(refused.0 == 422 && refused.1.contains("has fetched"), "{refused:?}");
}

/// Returns the email to an address of SES's mailbox simulator, once it has this status.
async fn simulated(app: &TestApp, order: &str, name: &str, status: &str) -> Value {
    let to = format!("{name}@simulator.amazonses.com");
    let new = json!({ "template": "order_confirmation", "to": to, "data": { "order_id": order } });
    let id = app.post("anna", "/emails", new).await.text("/email/id");
    app.until("anna", &format!("/emails/{id}"), &[status]).await.unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn reports_of_ses_change_the_email() {
    let app = TestApp::start().await;
    let photo = app.ready_photo("anna", "a.jpg", &jpeg(1, 60, 40)).await;
    let order = app.order("anna", "M-6", &[photo]).await;
    let delivered = simulated(&app, &order, "success+1", "delivered").await;
    assert!(delivered["delivered_at"].is_string() && delivered["sent_at"].is_string(), "{delivered}");
    let bounced = simulated(&app, &order, "bounce", "bounced").await;
    assert_eq!((&bounced["bounce"], &bounced["error"]), (&json!("permanent"), &Value::Null), "{bounced}");
    let suppressed = simulated(&app, &order, "suppressionlist", "bounced").await;
    assert!(suppressed["bounced_at"].is_string(), "an address on SES's list reads no longer as sent: {suppressed}");
    // Reports come in any order, and each is recorded.
    let complained = simulated(&app, &order, "complaint", "complained").await;
    let path = format!("/emails/{}", complained["id"].as_str().unwrap());
    let whole = found(async || {
        let shown = app.get("anna", &path).await.body;
        (shown["delivered_at"].is_string() && shown["complained_at"].is_string()).then_some(shown)
    });
    assert_eq!(whole.await.expect("both are recorded")["status"], "complained");
    let absent = simulated(&app, &order, "ooto", "delivered").await;
    assert!(absent["bounce"] == "transient" || absent["bounce"].is_null(), "an absence note is no bounce: {absent}");
    assert_eq!(app.depth("default-dlq").await, 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn download_whose_email_bounced_says_so() {
    let app = TestApp::start().await;
    let photo = app.ready_photo("anna", "a.jpg", &jpeg(1, 60, 40)).await;
    let customer = json!({ "name": "Eva", "email": "bounce@simulator.amazonses.com" });
    let new = json!({ "reference": "M-7", "customer": customer, "photo_ids": [photo] });
    let order = app.post("anna", "/orders", new).await.text("/id");
    let (download, link) = app.download("anna", &order, json!({})).await;
    let path = format!("/downloads/{}", download.id);
    let shown = found(async || {
        let shown = app.get("anna", &path).await.body;
        shown["undelivered_at"].is_string().then_some(shown)
    });
    assert_eq!(shown.await.expect("the bounce is seen")["status"], "ready");
    assert!(!app.fetch(&link).await.unwrap().is_empty(), "the link works");
    // The shop asks for another address.
    let about = json!({ "download_id": download.id });
    let new = json!({ "template": "download_ready", "to": "success@simulator.amazonses.com", "data": about });
    let again = app.post("anna", "/emails", new).await.text("/email/id");
    app.until("anna", &format!("/emails/{again}"), &["delivered"]).await.unwrap();
}

/// Doubled, late, and about emails that are not there.
#[tokio::test(flavor = "multi_thread")]
async fn unusual_reports_do_no_harm() {
    let app = TestApp::start().await;
    let photo = app.ready_photo("anna", "a.jpg", &jpeg(1, 60, 40)).await;
    let order = app.order("anna", "M-8", &[photo]).await;
    let id = simulated(&app, &order, "success", "delivered").await["id"].as_str().unwrap().to_owned();
    let report = |email: &str, event: &str| {
        json!({
            "v": 1, "job": "email_event", "studio": "anna", "email": email, "event": event,
            "time": "2026-11-24T10:00:00Z", "message_id": "m",
        })
        .to_string()
    };
    for body in [report(&id, "Send"), report(&id, "Delivery"), report(&id, "Delivery"), report(&order, "Delivery")] {
        app.send("default", &body).await;
    }
    app.until_quiet("default").await;
    assert_eq!(app.depth("default-dlq").await, 0);
    assert_eq!(app.get("anna", &format!("/emails/{id}")).await.body["status"], "delivered");
    // A report that this release does not know is kept for operators.
    app.send("default", &report(&id, "Opened")).await;
    app.until_depth("default-dlq", 1).await;
}
