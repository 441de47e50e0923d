//! Reads of many records by their ids.

use std::time::Duration;

use domain::{error::ServiceUnavailable, photo::Photo};
use runtime::store::Unreadable;
use serde_json::{Value, json};

use crate::{
    cloud::{Cloud, Fate, TABLE},
    records::{ANNA, id, photo},
};

/// Returns the number of keys that a BatchGetItem asks for.
fn keys(call: &Value) -> usize {
    call["RequestItems"][TABLE]["Keys"].as_array().expect("keys").len()
}

/// Returns the response of a DynamoDB that reads nothing of this request.
fn nothing_read(call: &Value) -> Fate {
    Fate::Answered(json!({ "Responses": {}, "UnprocessedKeys": call["RequestItems"] }))
}

#[tokio::test(start_paused = true)]
async fn hundred_keys_are_read_per_request() {
    let cloud = Cloud::start().await;
    let table = cloud.table::<Photo>();
    for number in [1, 100, 101, 202] {
        table.create(&photo(number)).await.expect("written");
    }
    let ids: Vec<_> = (1..=202).map(id).collect();
    let found = table.get_many(&ANNA, &ids).await.expect("read");
    assert_eq!(found, [1, 100, 101, 202].map(|number| (id(number), photo(number))).into());
    let mut requested: Vec<_> = cloud.calls("BatchGetItem").iter().map(keys).collect();
    requested.sort_unstable();
    assert_eq!(requested, [2, 100, 100]);
}

#[tokio::test(start_paused = true)]
async fn no_id_needs_no_request() {
    let cloud = Cloud::start().await;
    assert!(cloud.table::<Photo>().get_many(&ANNA, &[]).await.expect("nothing to read").is_empty());
    assert!(cloud.calls("BatchGetItem").is_empty());
}

#[tokio::test(start_paused = true)]
async fn unprocessed_keys_are_read_again() {
    let cloud = Cloud::start().await;
    let table = cloud.table::<Photo>();
    table.create(&photo(1)).await.expect("written");
    let mut left = 3;
    cloud.disturb(move |call| {
        if call.operation == "BatchGetItem" && left > 0 {
            left -= 1;
            return nothing_read(&call.body);
        }
        Fate::Delivered
    });
    let found = table.get_many(&ANNA, &[id(1), id(2)]).await.expect("read");
    assert_eq!(found, [(id(1), photo(1))].into());
    assert_eq!(cloud.calls("BatchGetItem").iter().map(keys).collect::<Vec<_>>(), [2; 4]);
    assert_eq!(cloud.elapsed(), Duration::from_millis(20 + 40 + 80));
}

#[tokio::test(start_paused = true)]
async fn keys_left_sixteen_times_are_an_outage() {
    let cloud = Cloud::start().await;
    cloud.disturb(|call| nothing_read(&call.body));
    let error = cloud.table::<Photo>().get_many(&ANNA, &[id(1)]).await.expect_err("unread");
    assert!(error.is::<ServiceUnavailable>(), "{error:#}");
    assert_eq!(cloud.calls("BatchGetItem").len(), 16);
}

#[tokio::test(start_paused = true)]
async fn unreadable_record_fails_a_batch() {
    let cloud = Cloud::start().await;
    let table = cloud.table::<Photo>();
    for number in [1, 2] {
        table.create(&photo(number)).await.expect("written");
    }
    cloud.patch_item("anna", id(2), json!({ "status": "from the future" })).await;
    let error = table.get_many(&ANNA, &[id(1), id(2)]).await.expect_err("unreadable");
    assert!(error.is::<Unreadable>(), "{error:#}");
}
