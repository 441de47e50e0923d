//! Sparse indexes: what is due, and what has failed.

use domain::{
    error::{RecordError, ServiceUnavailable},
    job_record::JobRecord as _,
    photo::Photo,
};
use jiff::Timestamp;
use runtime::store::{DUE_SHARDS, FailureKey, MOST_COUNTED};
use serde_json::json;
use uuid::Uuid;

use crate::{
    cloud::{Cloud, Fate, TABLE, at},
    records::{ANNA, id, photo},
};

/// Starts the services with photos of these numbers, each due so many seconds after the beginning.
async fn with_due(photos: &[(u128, i64)]) -> Cloud {
    let cloud = Cloud::start().await;
    for (number, due) in photos {
        let mut photo = photo(*number);
        photo.work.due_at = Some(at(*due));
        cloud.table().create(&photo).await.expect("written");
    }
    cloud
}

#[tokio::test(start_paused = true)]
async fn all_due_records_of_all_shards_are_found() {
    let cloud = with_due(&[(1, 10), (2, 20), (3, 30), (4, 40), (5, 50), (9, 60)]).await;
    let mut at_rest = photo(6);
    at_rest.work.due_at = None;
    cloud.table().create(&at_rest).await.expect("written");
    cloud.limit_pages(1);
    let mut due = cloud.table::<Photo>().all_due().await.expect("read");
    due.sort_unstable_by_key(|(_, id)| *id);
    assert_eq!(due, [1, 2, 3, 4, 5, 9].map(|number| (ANNA.clone(), id(number))));
    let shards: Vec<_> =
        cloud.calls("Query").iter().map(|query| query["ExpressionAttributeValues"][":shard"]["S"].clone()).collect();
    assert_eq!(shards, ["0", "0", "1", "1", "1", "1", "2", "2", "3", "3"], "each ends with an empty page");
}

#[tokio::test(start_paused = true)]
async fn longest_overdue_records_come_first() {
    let cloud = with_due(&[(1, 50), (5, 30), (9, 40), (13, 60), (2, 10)]).await;
    let table = cloud.table::<Photo>();
    let keys = |numbers: &[u128]| numbers.iter().map(|number| (ANNA.clone(), id(*number))).collect::<Vec<_>>();
    let shard = 1 % DUE_SHARDS;
    let (first, next) = table.due_page(shard, at(50), 2, None).await.expect("read");
    assert_eq!((first, next.is_some()), (keys(&[5, 9]), true));
    let (second, next) = table.due_page(shard, at(50), 2, next).await.expect("read");
    assert_eq!((second, next), (keys(&[1]), None));
}

#[tokio::test(start_paused = true)]
async fn due_item_without_a_record_key_is_skipped() {
    let cloud = with_due(&[(4, 10)]).await;
    for (studio, key) in [("anna", "x#0"), ("Not A Studio", &id(8).to_string())] {
        cloud.put_item(&json!({ "studio": studio, "id": key, "due_shard": "0", "due_at": 5 })).await;
    }
    assert_eq!(cloud.table::<Photo>().all_due().await.expect("read"), [(ANNA.clone(), id(4))]);
}

fn error() -> RecordError {
    RecordError::new("broken", "It is broken.")
}

/// Starts the services with photos of these numbers, each of which failed so many seconds after the beginning.
async fn with_failed(photos: &[(u128, i64)]) -> Cloud {
    let cloud = Cloud::start().await;
    for (number, failed) in photos {
        let mut photo = photo(*number);
        photo.give_up(at(*failed), error());
        cloud.table().create(&photo).await.expect("written");
    }
    cloud.table().create(&photo(99)).await.expect("written");
    cloud
}

fn key(number: u128, failed: i64) -> FailureKey {
    FailureKey { failed_at: at(failed), studio: ANNA.clone(), id: id(number) }
}

/// Returns the ids of the failures by `until` after `after`.
async fn failures(cloud: &Cloud, until: i64, after: Option<&FailureKey>, limit: usize) -> Vec<Uuid> {
    let failures = cloud.table::<Photo>().failures(at(until), after, limit).await.expect("read");
    failures.into_iter().map(|failure| failure.key.id).collect()
}

#[tokio::test(start_paused = true)]
async fn latest_failures_come_first() {
    let cloud = with_failed(&[(1, 10), (2, 40), (3, 20), (4, 30)]).await;
    assert_eq!(failures(&cloud, 30, None, 9).await, [4, 3, 1].map(id), "the second one failed later");
    assert_eq!(failures(&cloud, 50, Some(&key(2, 40)), 2).await, [4, 3].map(id));
    assert_eq!(failures(&cloud, 50, Some(&key(3, 20)), 2).await, [1].map(id));
    let all = cloud.table::<Photo>().failures(at(50), None, 1).await.expect("read");
    assert_eq!((all[0].key.clone(), all[0].error.clone()), (key(2, 40), error()));
    assert!(all[0].work.gave_up);
}

#[tokio::test(start_paused = true)]
async fn failures_are_read_until_limit_is_reached() {
    let cloud = with_failed(&[(1, 10), (2, 20), (3, 30), (4, 40)]).await;
    cloud.limit_pages(1);
    cloud.calls("Query");
    assert_eq!(failures(&cloud, 50, None, 3).await, [4, 3, 2].map(id));
    let limits: Vec<_> = cloud.calls("Query").iter().map(|query| query["Limit"].clone()).collect();
    assert_eq!(limits, [3, 2, 1]);
    assert_eq!(failures(&cloud, 50, None, 0).await, [] as [Uuid; 0]);
}

#[tokio::test(start_paused = true)]
async fn unreadable_failure_does_not_block_the_list() {
    let cloud = with_failed(&[(1, 10), (2, 20), (3, 30)]).await;
    cloud.patch_item("anna", id(2), json!({ "work": "from the future" })).await;
    cloud.patch_item("anna", id(3), json!({ "error": null })).await;
    let listed = cloud.table::<Photo>().failures(at(50), None, 2).await.expect("read");
    let codes: Vec<_> = listed.iter().map(|failure| (failure.key.id, failure.error.code.as_str())).collect();
    assert_eq!(codes, [(id(3), "unknown"), (id(1), "broken")]);
}

#[tokio::test(start_paused = true)]
async fn failures_are_counted_over_all_pages() {
    let cloud = with_failed(&[(1, 10), (2, 20), (3, 30), (4, 40)]).await;
    cloud.limit_pages(2);
    let table = cloud.table::<Photo>();
    assert_eq!(table.count_failures(at(30)).await.expect("read"), 3);
    assert_eq!(table.count_failures(at(5)).await.expect("read"), 0);
}

#[tokio::test(start_paused = true)]
async fn counting_ends_at_the_most() {
    let cloud = Cloud::start().await;
    let half = json!({
        "Count": MOST_COUNTED / 2,
        "ScannedCount": MOST_COUNTED / 2,
        "LastEvaluatedKey": { "studio": { "S": "anna" }, "id": { "S": "x" } },
    });
    cloud.disturb(move |_| Fate::Answered(half.clone()));
    assert_eq!(cloud.table::<Photo>().count_failures(at(0)).await.expect("counted"), MOST_COUNTED);
    let counts = cloud.calls("Query");
    assert_eq!(counts.len(), 2);
    assert!(counts.iter().all(|query| query["Select"] == "COUNT" && query["TableName"] == TABLE));
}

#[tokio::test(start_paused = true)]
async fn outage_is_an_error_of_every_index() {
    let cloud = Cloud::start().await;
    let table = cloud.table::<Photo>();
    cloud.disturb(|_| Fate::Denied);
    for (failed, call) in [
        (table.all_due().await.map(drop), "all_due"),
        (table.due_page(0, Timestamp::MAX, 1, None).await.map(drop), "due_page"),
        (table.failures(at(0), None, 1).await.map(drop), "failures"),
        (table.count_failures(at(0)).await.map(drop), "count_failures"),
    ] {
        let error = failed.expect_err(call);
        assert!(error.is::<ServiceUnavailable>(), "{call}: {error:#}");
    }
}
