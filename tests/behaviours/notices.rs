//! Notices about links: the reminder two days before one expires.

use std::time::Duration;

use api_types::{EmailPage, EmailView};
use domain::download::{Download, DownloadFile, FetchedBy};
use jiff::Timestamp;
use runtime::clock::Clock;
use serde_json::json;
use tests::{TestApp, jpeg, oracle, until::found};

const DAY: Duration = Duration::from_secs(24 * 3600);

async fn start(reference: &str) -> (TestApp, String) {
    let app = TestApp::with(|options| options.clock = Clock::movable()).await;
    let photo = app.ready_photo("anna", "a.jpg", &jpeg(1, 60, 40)).await;
    let order = app.order("anna", reference, &[photo]).await;
    (app, order)
}

/// Lets the sweep look, and the jobs that it sends be done.
async fn sweep(app: &TestApp) {
    app.system().sweep().await.unwrap();
    for queue in ["default", "emails"] {
        app.until_quiet(queue).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn customer_who_fetched_nothing_is_reminded_once() {
    let (app, order) = start("N-1").await;
    let (download, link) = app.download("anna", &order, json!({})).await;
    app.until_emails(1).await;
    app.system().advance(4 * DAY + Duration::from_secs(23 * 3600));
    sweep(&app).await;
    assert_eq!(app.emails().await.len(), 1, "an hour too early");
    app.system().advance(Duration::from_secs(3700));
    sweep(&app).await;
    sweep(&app).await;
    let reminder = app.until_emails(2).await.remove(1);
    assert!(reminder.text.unwrap().contains(link.rsplit('/').next().unwrap()), "it has the link");
    let about: EmailPage = app.get("anna", &format!("/emails?about={}", download.id)).await.view();
    let templates: Vec<_> = about.items.iter().map(|email: &EmailView| email.template.as_str()).collect();
    assert_eq!(templates, ["download_expiring", "download_ready"]);
    for _ in 0..3 {
        app.system().advance(DAY);
        sweep(&app).await;
    }
    assert_eq!(app.emails().await.len(), 2, "no second reminder, and none of an expired link");
    let expired = app.get("anna", "/events?type=download.expired").await.body["items"].clone();
    let ids: Vec<_> = expired.as_array().unwrap().iter().map(|event| event["data"]["download_id"].clone()).collect();
    assert_eq!(ids, [json!(download.id)], "{expired}");
    assert_eq!(app.depth("default-dlq").await, 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn fetched_and_silent_downloads_are_not_reminded_of() {
    let (app, order) = start("N-2").await;
    let (_, link) = app.download("anna", &order, json!({})).await;
    app.until_emails(1).await;
    app.fetch(&link).await.unwrap();
    app.download("anna", &order, json!({ "notify": false })).await;
    for _ in 0..8 {
        app.system().advance(DAY);
        sweep(&app).await;
    }
    assert_eq!(app.emails().await.len(), 1);
}

/// The job is delivered twice, and again later.
#[tokio::test(flavor = "multi_thread")]
async fn repeated_notice_sends_one_reminder() {
    let (app, order) = start("N-3").await;
    let (download, _) = app.download("anna", &order, json!({})).await;
    app.until_emails(1).await;
    let job = json!({ "v": 1, "job": "give_notice", "studio": "anna", "download": download.id }).to_string();
    app.send("default", &job).await;
    app.until_quiet("default").await;
    assert_eq!(app.emails().await.len(), 1, "nothing is due yet");
    app.system().advance(5 * DAY + Duration::from_secs(60));
    app.send("default", &job).await;
    app.send("default", &job).await;
    app.until_quiet("default").await;
    app.until_emails(2).await;
    app.send("default", &job).await;
    let missing = json!({ "v": 1, "job": "give_notice", "studio": "anna", "download": order }).to_string();
    app.send("default", &missing).await;
    app.until_quiet("default").await;
    app.until_quiet("emails").await;
    assert_eq!((app.emails().await.len(), app.depth("default-dlq").await), (2, 0));
}

/// A request that counted a fetch ended before it had published the event.
#[tokio::test(flavor = "multi_thread")]
async fn fetch_whose_request_was_interrupted_is_told_by_the_sweep() {
    let (app, order) = start("N-5").await;
    let (download, _) = app.download("anna", &order, json!({})).await;
    app.until_emails(1).await;
    let downloads = oracle::table::<Download>(&app, "DOWNLOADS_TABLE").unwrap();
    let now = Timestamp::now();
    let fetch = |download: &mut Download| download.fetch(now, DownloadFile::Volume(1), FetchedBy::Zip);
    downloads.update(&"anna".parse().unwrap(), download.id, fetch).await.unwrap().unwrap().1.unwrap();
    let told = async || {
        app.system().advance(Duration::from_secs(60));
        sweep(&app).await;
        app.get("anna", "/events?type=download.fetched").await.body["items"].as_array().map(Vec::len)
    };
    assert_eq!(told().await, Some(0), "the request may still be under way");
    found(async || (told().await == Some(1)).then_some(())).await.expect("an event");
    app.system().advance(2 * DAY);
    assert_eq!(told().await, Some(1));
    let known = downloads.get(&"anna".parse().unwrap(), download.id).await.unwrap().unwrap();
    assert_eq!(known.publish_by, None);
}

#[tokio::test(flavor = "multi_thread")]
async fn renewed_link_is_reminded_of_again() {
    let (app, order) = start("N-4").await;
    let (download, _) = app.download("anna", &order, json!({})).await;
    app.until_emails(1).await;
    app.system().advance(8 * DAY);
    sweep(&app).await;
    let path = format!("/downloads/{}", download.id);
    app.post("anna", &format!("{path}/renew"), json!({})).await;
    app.until("anna", &path, &["ready"]).await.unwrap();
    app.until_emails(2).await;
    app.system().advance(5 * DAY + Duration::from_secs(60));
    let reminded = found(async || {
        sweep(&app).await;
        (app.emails().await.len() == 3).then_some(())
    });
    reminded.await.expect("a reminder of the new link");
}
