//! Emails that a shop requests, and the email that follows a build.

use std::time::Duration;

use api_types::EmailView;
use domain::email::EmailStatus;
use local::Options;
use reqwest::{Method, StatusCode};
use runtime::clock::Clock;
use serde_json::{Value, json};
use tests::{TestApp, jpeg};

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
