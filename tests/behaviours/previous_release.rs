//! Messages that the previous release sent and this release receives.

use domain::{Job, operation::Operation};
use jiff::Timestamp;
use serde_json::json;
use tests::{TestApp, jpeg, oracle::table};

const WORKERS_OF_JOBS: [&str; 3] = ["emails", "photos", "downloads"];

#[tokio::test(flavor = "multi_thread")]
async fn old_sweeps_are_acknowledged() {
    let app = TestApp::with(|options| options.by_hand = true).await;
    for queue in WORKERS_OF_JOBS {
        app.send(queue, &Job::Sweep.encode(Timestamp::now())).await;
    }
    app.work().await;
    for queue in WORKERS_OF_JOBS {
        assert_eq!(app.system().queues().peek_all(queue).unwrap().len(), 0, "{queue}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn old_operations_are_processed_by_the_housekeeper() {
    let app = TestApp::with(|options| options.by_hand = true).await;
    let photo = app.upload("anna", "a.jpg", "image/jpeg", &jpeg(1, 60, 40)).await.unwrap();
    app.work().await;
    let begun = app.post("anna", "/photos/process", json!({ "which": "all" })).await;
    let operation = begun.text("/operation/id");
    // The previous release sent the message to the queue of its records.
    let sent = app.system().queues().peek_all("default").unwrap();
    app.system().queues().purge("default").unwrap();
    app.send("photos", &sent[0].body).await;
    app.work().await;
    let ended = app.get("anna", &format!("/operations/{operation}")).await.body;
    assert_eq!((&ended["status"], &ended["done"]), (&json!("done"), &json!(1)), "{ended}");
    assert_eq!(app.get("anna", &format!("/photos/{photo}")).await.body["status"], "ready");
    let stored = table::<Operation>(&app, "REQUESTS_TABLE").unwrap();
    let stored = stored.get(&"anna".parse().unwrap(), operation.parse().unwrap()).await.unwrap().unwrap();
    assert_eq!(stored.work.claims, 1);
}

/// An operator retries an operation's dead letter in the queue of the previous release.
#[tokio::test(flavor = "multi_thread")]
async fn old_dead_letter_of_an_operation_is_retried() {
    let app = TestApp::start().await;
    let operation = json!({ "v": 1, "job": "operate", "studio": "anna", "operation": uuid::Uuid::now_v7() });
    app.send("photos-dlq", &operation.to_string()).await;
    let listed = app.operator().get("/queues/photos/failed").await;
    assert_eq!(listed.text("/items/0/error/code"), "operation_failed", "{listed:?}");
    let retried =
        app.operator().post("/queues/photos/failed/retry", json!({ "ids": [listed.text("/items/0/id")] })).await;
    assert_eq!(retried.body["retried"].as_array().map(Vec::len), Some(1), "{retried:?}");
    app.until_quiet("photos").await;
    app.until_quiet("default").await;
    assert_eq!(app.depth("photos-dlq").await + app.depth("default-dlq").await, 0);
}
