//! Lists read only what they show, and show all matching records, including records of an earlier build.

use std::{sync::Arc, time::Duration};

use api_types::Page;
use aws_sdk_dynamodb::types::AttributeValue;
use domain::{
    Studio,
    photo::{Photo, PhotoStatus},
    record::ListIndex,
};
use futures::{StreamExt as _, future::BoxFuture, stream};
use reqwest::StatusCode;
use runtime::{env::Env, store::Table};
use serde::Deserialize;
use serde_json::json;
use tests::{
    TestApp, jpeg,
    oracle::table,
    proxy::{Fate, Line, Proxy, Seen},
};
use uuid::Uuid;

/// The environment variable with the number of the studio's photos.
const RECORDS: &str = "DARKROOM_RECORDS";
const SHOWN: usize = 50;

struct Watched;

impl Line for Watched {
    fn arrives(&self, _: Seen) -> BoxFuture<'static, Fate> {
        Box::pin(std::future::ready(Fate::Pass))
    }
}

/// One photo in a hundred has failed. The test compares the cost of a page of failed photos with that of a page of all.
#[tokio::test(flavor = "multi_thread")]
async fn filtered_page_reads_at_most_twice_as_much() {
    let app = TestApp::start().await;
    let studio: Studio = "anna".parse().unwrap();
    let made =
        app.post("anna", "/photos", json!({ "filename": "a.jpg", "content_type": "image/jpeg", "size_bytes": 9 }));
    let template = made.await.text("/photo/id").parse().unwrap();
    let photos = table::<Photo>(&app, "PHOTOS_TABLE").unwrap();
    let template = photos.get(&studio, template).await.unwrap().unwrap();
    let records: usize = std::env::var(RECORDS).map_or(2_000, |records| records.parse().unwrap());
    let add = async |n: usize| {
        let mut photo = template.clone();
        photo.id = Uuid::now_v7();
        photo.status = if n.is_multiple_of(100) { PhotoStatus::Failed } else { PhotoStatus::Ready };
        photos.create(&photo).await.unwrap();
    };
    stream::iter(0..records).for_each_concurrent(32, add).await;

    let mut environment = app.system().environment.clone();
    let proxy = Proxy::start(&environment["AWS_ENDPOINT_URL_DYNAMODB"], Arc::new(Watched)).await.unwrap();
    environment.insert("AWS_ENDPOINT_URL_DYNAMODB".into(), proxy.endpoint.clone());
    let env = Env::of(environment);
    let client = runtime::aws::dynamodb(&env, &runtime::aws::config(&env, runtime::aws::Patience::Request).unwrap());
    let photos = Table::<Photo>::new(client, env.required("PHOTOS_TABLE").unwrap(), env.world());
    let failed = |photo: &Photo| photo.status == PhotoStatus::Failed;
    let by = (ListIndex::Status, "failed");
    let all = photos.list(&studio, None, SHOWN, |_| true).await.unwrap();
    let (of_all, _) = proxy.traffic.bytes();
    let filtered = photos.list_by(&studio, by, None, SHOWN, failed).await.unwrap();
    let of_filtered = proxy.traffic.bytes().0 - of_all;
    assert_eq!((all.items.len(), filtered.items.len()), (SHOWN, SHOWN.min(records / 100)));
    assert!(filtered.items.iter().all(failed));
    assert!(
        of_filtered <= 2 * of_all,
        "{records} records: {of_filtered} bytes for a filtered page, {of_all} for one of all"
    );

    // The next page continues behind the last item, and a filter without matches reads nothing.
    let next = photos.list_by(&studio, by, Some(filtered.items[9].id), 5, failed).await.unwrap();
    let ids = |photos: &[Photo]| photos.iter().map(|photo| photo.id).collect::<Vec<_>>();
    assert_eq!(ids(&next.items), ids(&filtered.items[10..15]));
    let before = proxy.traffic.bytes().0;
    let none = photos.list_by(&studio, (ListIndex::Status, "deleting"), None, SHOWN, |_| true).await.unwrap();
    assert!(none.items.is_empty() && none.next.is_none());
    assert!(proxy.traffic.bytes().0 - before < 2_000);
}

#[tokio::test(flavor = "multi_thread")]
async fn each_filter_pages_through_its_records() {
    let app = TestApp::start().await;
    let photo = app.ready_photo("anna", "a.jpg", &jpeg(1, 60, 40)).await;
    let other = app.order("anna", "L-0", std::slice::from_ref(&photo)).await;
    let mut orders = Vec::new();
    for _ in 0..3 {
        orders.insert(0, app.order("anna", "L/1 ünï", std::slice::from_ref(&photo)).await);
    }
    app.order("berta", "L/1 ünï", &[app.ready_photo("berta", "b.jpg", &jpeg(2, 60, 40)).await]).await;
    assert_eq!(pages(&app, "/orders?reference=L%2F1%20%C3%BCn%C3%AF").await, orders);

    let mut downloads = Vec::new();
    for _ in 0..3 {
        let (download, _) = app.download("anna", &orders[0], json!({ "notify": false })).await;
        downloads.insert(0, download.id.to_string());
    }
    let (elsewhere, _) = app.download("anna", &other, json!({ "notify": false })).await;
    assert_eq!(pages(&app, &format!("/downloads?order_id={}", orders[0])).await, downloads);
    assert_eq!(app.delete("anna", &format!("/downloads/{}", downloads[1])).await.status, StatusCode::OK);
    let left = [elsewhere.id.to_string(), downloads[0].clone(), downloads[2].clone()];
    for filter in ["status=ready", "active=true"] {
        assert_eq!(pages(&app, &format!("/downloads?{filter}")).await, left, "{filter}");
    }
    assert_eq!(pages(&app, &format!("/downloads?order_id={}&status=revoked", orders[0])).await, [&*downloads[1]]);
    assert_eq!(pages(&app, "/downloads?status=expired").await, [""; 0]);
}

/// A record of any list.
#[derive(Deserialize)]
struct Listed {
    id: String,
}

/// Returns the ids on all pages of two records.
async fn pages(app: &TestApp, path: &str) -> Vec<String> {
    let (mut ids, mut next) = (Vec::new(), Some(format!("{path}&limit=2")));
    while let Some(path_of_page) = next {
        let page: Page<Listed> = app.get("anna", &path_of_page).await.view();
        ids.extend(page.items.into_iter().map(|listed| listed.id));
        next = page.next_cursor.map(|cursor| format!("{path}&limit=2&cursor={cursor}"));
    }
    ids
}

/// Records of the previous build have no index attributes, and its orders no items for their photos. Lists and
/// deletions handle them before and after an operation has added these.
#[tokio::test(flavor = "multi_thread")]
async fn unindexed_records_are_listed_before_and_after_backfill() {
    let mut app = TestApp::by_hand().await;
    let photo = app.upload("anna", "a.jpg", "image/jpeg", &jpeg(1, 60, 40)).await.unwrap();
    work(&app).await;
    let order = app.order("anna", "L-2", std::slice::from_ref(&photo)).await;
    let made = app.post("anna", &format!("/orders/{order}/downloads"), json!({ "notify": false })).await;
    let download = made.text("/download/id");
    work(&app).await;
    as_the_build_before(&app).await;
    // A deployment starts new processes, which know nothing of the records yet.
    app.restart(|_| {}).await;

    let filled = async |hours: u64| {
        app.system().advance(Duration::from_secs(hours * 3_600 + 60));
        app.system().sweep().await.unwrap();
        work(&app).await;
        unindexed(&app).await
    };
    assert_eq!(unindexed(&app).await, 3);
    for (hours, left) in [(0, 3), (0, 3), (1, 0), (0, 0)] {
        assert_eq!(filled(hours).await, left, "after {hours} h");
        for (path, id) in [
            ("/photos?status=ready".to_owned(), &photo),
            ("/orders?reference=L-2".to_owned(), &order),
            ("/downloads?status=ready".to_owned(), &download),
            (format!("/downloads?order_id={order}"), &download),
        ] {
            assert_eq!(pages(&app, &path).await, [id.as_str()], "{path}");
        }
        let refused = app.delete("anna", &format!("/photos/{photo}")).await;
        assert_eq!(refused.text("/type"), "/problems/photo-ordered", "{refused:?}");
    }
}

async fn work(app: &TestApp) {
    app.work().await;
}

const INDEXED: [&str; 3] = ["PHOTOS_TABLE", "ORDERS_TABLE", "DOWNLOADS_TABLE"];

/// Recreates the tables of the previous build.
async fn as_the_build_before(app: &TestApp) {
    let (dynamodb, env) = (app.dynamodb(), app.env());
    for variable in INDEXED {
        let name = env.required(variable).unwrap();
        for mut item in items(&dynamodb, &name).await {
            let studio = item["studio"].as_s().unwrap();
            if studio.contains('#') {
                let delete = dynamodb.delete_item().table_name(&name);
                delete.key("studio", item["studio"].clone()).key("id", item["id"].clone()).send().await.unwrap();
                continue;
            }
            item.retain(|attribute, _| !attribute.starts_with("list_") && attribute != "indexed");
            dynamodb.put_item().table_name(&name).set_item(Some(item)).send().await.unwrap();
        }
    }
    let requests = env.required("REQUESTS_TABLE").unwrap();
    for item in items(&dynamodb, &requests).await {
        if item["studio"] == AttributeValue::S("darkroom".into()) {
            let delete = dynamodb.delete_item().table_name(&requests);
            delete.key("studio", item["studio"].clone()).key("id", item["id"].clone()).send().await.unwrap();
        }
    }
}

/// Returns the number of records without the index attributes of lists.
async fn unindexed(app: &TestApp) -> usize {
    let (dynamodb, env) = (app.dynamodb(), app.env());
    let mut count = 0;
    for variable in INDEXED {
        let items = items(&dynamodb, &env.required(variable).unwrap()).await;
        count += items.iter().filter(|item| item.contains_key("revision") && !item.contains_key("indexed")).count();
    }
    count
}

async fn items(
    dynamodb: &aws_sdk_dynamodb::Client,
    table: &str,
) -> Vec<std::collections::HashMap<String, AttributeValue>> {
    dynamodb.scan().table_name(table).send().await.unwrap().items.unwrap_or_default()
}

/// A cursor of an older list, or an invented one. DynamoDB refuses a query that begins outside of its range.
#[tokio::test(flavor = "multi_thread")]
async fn cursor_before_the_range_ends_the_list() {
    let app = TestApp::start().await;
    app.ready_photo("anna", "a.jpg", &jpeg(1, 60, 40)).await;
    let range = "since=8650-09-17T00:00:00Z&cursor=2102beab-9011-1a47-945c-d9190b2e5cdf";
    for filter in ["", "&status=ready", "&folder=x"] {
        let listed = app.get("anna", &format!("/photos?{range}{filter}")).await;
        assert_eq!((listed.status.as_u16(), &listed.body["items"]), (200, &json!([])), "{filter}: {listed:?}");
    }
}
