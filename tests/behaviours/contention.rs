//! Concurrent requests for one record, and records that this build cannot read.

use std::time::Duration;

use aws_sdk_dynamodb::types::AttributeValue;
use domain::photo::Photo;
use futures::{StreamExt as _, stream};
use serde_json::json;
use tests::{TestApp, jpeg, oracle::table};

#[tokio::test(flavor = "multi_thread")]
async fn concurrent_presses_of_one_link_count_once() {
    const REQUESTS: usize = 500;
    const CONCURRENCY: usize = 24;
    let app = TestApp::start().await;
    let photo = app.ready_photo("anna", "a.jpg", &jpeg(1, 60, 40)).await;
    let order = app.order("anna", "C-1", &[photo]).await;
    let (download, link) = app.download("anna", &order, json!({ "notify": false })).await;
    let urls = stream::iter(0..REQUESTS).map(|_| app.file_url(&link)).buffer_unordered(CONCURRENCY);
    let failed: Vec<_> = urls.filter_map(async |url| url.err()).collect().await;
    assert!(failed.is_empty(), "{failed:?}");
    let shown = app.get("anna", &format!("/downloads/{}", download.id)).await.body;
    assert_eq!(shown["download_count"], 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn conditional_delete_removes_only_matching_record() {
    let app = TestApp::start().await;
    let id = app.ready_photo("anna", "a.jpg", &jpeg(1, 60, 40)).await.parse().unwrap();
    let (photos, anna) = (table::<Photo>(&app, "PHOTOS_TABLE").unwrap(), "anna".parse().unwrap());
    photos.delete_if(&anna, id, |photo| photo.filename == "b.jpg").await.unwrap();
    assert!(photos.get(&anna, id).await.unwrap().is_some());
    photos.delete_if(&anna, id, |photo| photo.filename == "a.jpg").await.unwrap();
    assert!(photos.get(&anna, id).await.unwrap().is_none());
    photos.delete_if(&anna, id, |_| true).await.unwrap();
}

/// Records of a newer build: this build leaves them out, and they block no other record.
#[tokio::test(flavor = "multi_thread")]
async fn unreadable_records_block_no_lists_sweeps_or_start() {
    const UNREADABLE: usize = 420;
    let mut app = TestApp::by_hand().await;
    let photo = app.upload("anna", "a.jpg", "image/jpeg", &jpeg(1, 60, 40)).await.unwrap();
    app.work().await;
    let path = format!("/photos/{photo}");
    app.post("anna", &format!("{path}/process"), json!({})).await;
    app.system().queues().purge("photos").unwrap();

    let env = app.env();
    let dynamodb = runtime::aws::dynamodb(&env, &runtime::aws::config(&env, runtime::aws::Patience::Job).unwrap());
    let name = env.required("PHOTOS_TABLE").unwrap();
    let text = |text: &str| AttributeValue::S(text.to_owned());
    let read = dynamodb.get_item().table_name(&name).key("studio", text("anna")).key("id", text(&photo));
    let readable = read.send().await.unwrap().item.unwrap();
    // More than 100 in each shard of the index, all of them due earlier than the readable one.
    for n in 0..UNREADABLE {
        let mut item = readable.clone();
        item.insert("id".into(), text(&uuid::Uuid::now_v7().to_string()));
        item.insert("status".into(), text("developing_in_3d"));
        item.insert("due_shard".into(), text(&(n % 4).to_string()));
        item.insert("due_at".into(), AttributeValue::N("1".into()));
        dynamodb.put_item().table_name(&name).set_item(Some(item)).send().await.unwrap();
    }
    let listed = app.get("anna", "/photos").await;
    assert_eq!(listed.status.as_u16(), 200, "{listed:?}");
    assert_eq!(listed.body["items"][0]["id"], json!(photo), "the readable photo behind them");
    app.system().advance(Duration::from_secs(2_000));
    app.system().sweep().await.unwrap();
    app.work().await;
    assert_eq!(app.get("anna", &path).await.body["status"], "ready");
    assert_eq!(app.depth("photos").await, 0, "the sweep passes over them");
    app.restart(|_| {}).await;
    assert_eq!(app.get("anna", &path).await.body["status"], "ready");
}
