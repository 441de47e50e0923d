//! Erasure of an order's personal data, with its chunks and photo items.

use domain::error::ServiceUnavailable;
use uuid::Uuid;

use super::{create, partition};
use crate::{
    cloud::{Cloud, Fate, at},
    records::{ANNA, id},
};

/// Returns whether the order has its chunk, and an item for its photo.
async fn parts(cloud: &Cloud, order: Uuid) -> (bool, bool) {
    let chunk = cloud.item("anna", format!("{order}#0")).await;
    (chunk.is_some(), cloud.item(&partition(&ANNA, id(1)), order).await.is_some())
}

#[tokio::test(start_paused = true)]
async fn erasure_removes_chunks_and_photo_items() {
    let cloud = Cloud::start().await;
    let orders = cloud.orders();
    let (order, other) = (create(&cloud, 801, &[id(1)]).await, create(&cloud, 802, &[id(1)]).await);
    // The second time finds nothing left to remove, and keeps the time of the first.
    for time in [at(7), at(8)] {
        let erased = orders.erase(&ANNA, order.id, time).await.expect("erased").expect("an order");
        assert_eq!((erased.erased_at, erased.reference.as_str()), (Some(at(7)), ""));
        assert_eq!(orders.get(&ANNA, order.id).await.expect("read"), Some(erased));
        assert_eq!(parts(&cloud, order.id).await, (false, false));
    }
    assert_eq!(parts(&cloud, other.id).await, (true, true));
    assert_eq!(orders.get(&ANNA, other.id).await.expect("read"), Some(other));
}

#[tokio::test(start_paused = true)]
async fn missing_order_is_not_erased() {
    let cloud = Cloud::start().await;
    assert_eq!(cloud.orders().erase(&ANNA, id(801), at(7)).await.expect("nothing to erase"), None);
}

#[tokio::test(start_paused = true)]
async fn interrupted_erasure_continues() {
    for (operation, left) in [
        ("PutItem", (true, true)),
        ("GetItem", (true, true)),
        ("BatchWriteItem", (true, true)),
        ("DeleteItem", (true, false)),
    ] {
        let cloud = Cloud::start().await;
        let order = create(&cloud, 801, &[id(1)]).await;
        cloud.disturb_next(operation, Fate::Denied);
        let error = cloud.orders().erase(&ANNA, order.id, at(7)).await.expect_err("an outage");
        assert!(error.is::<ServiceUnavailable>(), "{operation}: {error:#}");
        assert_eq!(parts(&cloud, order.id).await, left, "{operation}");
        cloud.orders().erase(&ANNA, order.id, at(8)).await.expect("erased").expect("an order");
        assert_eq!(parts(&cloud, order.id).await, (false, false), "{operation}");
    }
}

#[tokio::test(start_paused = true)]
async fn erasure_reads_every_chunk() {
    let cloud = Cloud::start().await;
    let order = super::order(801, 5_001);
    cloud.orders().create(&order).await.expect("written");
    cloud.put_item(&serde_json::json!({ "studio": "anna", "id": format!("{}#1", order.id), "photos": [id(1)] })).await;
    cloud.orders().erase(&ANNA, order.id, at(7)).await.expect("erased").expect("an order");
    assert!(cloud.item("anna", format!("{}#1", order.id)).await.is_none(), "although the first one was missing");
}
