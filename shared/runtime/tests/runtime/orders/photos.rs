//! Photo ids of orders.

use std::time::Duration;

use domain::{error::ServiceUnavailable, order::CHUNK};
use serde_json::{Value, json};
use uuid::Uuid;

use super::{create, order, order_id, partition};
use crate::{
    cloud::{Cloud, Fate, TABLE, at},
    records::{ANNA, id},
};

/// Returns the number of items that a BatchWriteItem writes.
fn items(call: &Value) -> usize {
    call["RequestItems"][TABLE].as_array().expect("requests").len()
}

#[tokio::test(start_paused = true)]
async fn photos_keep_their_sequence() {
    let cloud = Cloud::start().await;
    let photos = [3, 1, 2].map(id);
    let order = create(&cloud, 801, &photos).await;
    assert_eq!(cloud.orders().photos(&order).await.expect("read"), photos);
    let chunk = cloud.item("anna", format!("{}#0", order.id)).await.expect("a chunk");
    assert_eq!((&chunk["photos"], &chunk["written_at"]), (&json!(photos), &at(0).as_second().into()));
    let item = cloud.item(&partition(&ANNA, id(2)), order.id).await.expect("an item");
    assert_eq!(item["written_at"], at(0).as_second());
}

#[tokio::test(start_paused = true)]
async fn large_order_has_several_chunks_and_batches() {
    let cloud = Cloud::start().await;
    // Photo items go to a DynamoDB that takes them all, because it would need seconds for thousands.
    cloud.disturb(|call| if call.operation == "BatchWriteItem" { Fate::Answered(json!({})) } else { Fate::Delivered });
    let photos: Vec<Uuid> = (1..=5_001).map(id).collect();
    let order = order(9_801, 5_001);
    cloud.orders().put_photos(&order, &photos, at(0)).await.expect("written");
    let mut batches: Vec<_> = cloud.calls("BatchWriteItem").iter().map(items).collect();
    batches.sort_unstable();
    assert_eq!(batches, [vec![1], vec![25; 200]].concat());
    let last = cloud.item("anna", format!("{}#1", order.id)).await.expect("a chunk");
    assert_eq!((CHUNK, &last["photos"]), (5_000, &json!([id(5_001)])));
    assert_eq!(cloud.orders().photos(&order).await.expect("read"), photos);
}

#[tokio::test(start_paused = true)]
async fn order_without_its_chunk_is_an_error() {
    let cloud = Cloud::start().await;
    let error = cloud.orders().photos(&order(801, 3)).await.expect_err("no chunk");
    assert!(format!("{error:#}").contains("chunk 0"), "{error:#}");
}

/// Writes the item of a photo while DynamoDB leaves it unprocessed `left` times. Returns the milliseconds waited, and
/// the number of requests.
async fn write(jitter: u32, left: u32) -> (u128, usize) {
    let cloud = Cloud::with_jitter(jitter).await;
    let mut left = left;
    cloud.disturb(move |call| {
        if left == 0 {
            return Fate::Delivered;
        }
        left -= 1;
        Fate::Answered(json!({ "UnprocessedItems": call.body["RequestItems"] }))
    });
    let written = cloud.orders().put_photo_items(&order(801, 1), &[id(1)], at(0)).await;
    let took = cloud.elapsed().as_millis();
    if let Err(error) = &written {
        assert!(error.is::<ServiceUnavailable>(), "{error:#}");
    }
    let item = cloud.item(&partition(&ANNA, id(1)), order_id(801)).await;
    assert_eq!(item.is_some(), written.is_ok());
    (took, cloud.calls("BatchWriteItem").len())
}

#[tokio::test(start_paused = true)]
async fn unprocessed_items_are_written_again() {
    assert_eq!(write(u32::MAX, 3).await, (30 + 60 + 120, 4), "each wait is half as long again");
    assert_eq!(write(0, 3).await, (10 + 20 + 40, 4), "or half as long");
}

#[tokio::test(start_paused = true)]
async fn items_left_sixteen_times_are_an_outage() {
    let (took, requests) = write(u32::MAX, 16).await;
    assert_eq!(requests, 16);
    assert!(Duration::from_millis(u64::try_from(took).expect("short")) < Duration::from_secs(25), "{took}");
}

#[tokio::test(start_paused = true)]
async fn failed_write_is_reported() {
    for operation in ["PutItem", "BatchWriteItem"] {
        let cloud = Cloud::start().await;
        cloud.disturb_next(operation, Fate::Denied);
        let error = cloud.orders().put_photos(&order(801, 1), &[id(1)], at(0)).await.expect_err("an outage");
        assert!(error.is::<ServiceUnavailable>(), "{operation}: {error:#}");
    }
}
