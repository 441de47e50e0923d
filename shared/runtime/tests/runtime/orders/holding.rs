//! Orders that hold a photo, which is therefore not deleted.

use domain::error::ServiceUnavailable;
use serde_json::json;

use super::{create, order, partition};
use crate::{
    cloud::{Cloud, Fate, at},
    records::{ANNA, id, studio},
};

#[tokio::test(start_paused = true)]
async fn order_holds_its_own_photos() {
    let cloud = Cloud::start().await;
    let order = create(&cloud, 801, &[id(1), id(2)]).await;
    let orders = cloud.orders();
    for (studio, photo, holds) in
        [(&*ANNA, id(1), true), (&*ANNA, id(2), true), (&*ANNA, id(3), false), (&studio("ben"), id(1), false)]
    {
        let held = orders.holding(studio, photo, at(500), true).await.expect("read");
        assert_eq!(held, Some(order.id).filter(|_| holds), "{studio} {photo}");
    }
    assert!(cloud.calls("Query").iter().all(|query| query["ConsistentRead"] == true));
}

#[tokio::test(start_paused = true)]
async fn unfinished_order_holds_photos_for_a_minute() {
    let cloud = Cloud::start().await;
    let (order, orders) = (order(801, 1), cloud.orders());
    orders.put_photos(&order, &[id(1)], at(0)).await.expect("written");
    for (seconds, holds) in [(0, true), (59, true), (60, false)] {
        for filled in [true, false] {
            let held = orders.holding(&ANNA, id(1), at(seconds), filled).await.expect("read");
            assert_eq!(held.is_some(), holds, "after {seconds} s");
        }
    }
}

#[tokio::test(start_paused = true)]
async fn erased_order_holds_nothing() {
    let cloud = Cloud::start().await;
    let order = create(&cloud, 801, &[id(1)]).await;
    let erase = |order: &mut domain::order::Order| {
        order.erase(at(1));
        Ok::<_, ()>(())
    };
    cloud.orders().table().update(&ANNA, order.id, erase).await.expect("written");
    assert_eq!(cloud.orders().holding(&ANNA, id(1), at(2), false).await.expect("read"), None);
}

#[tokio::test(start_paused = true)]
async fn order_that_counts_is_found_on_any_page() {
    let cloud = Cloud::start().await;
    let orders = cloud.orders();
    // Two orders whose requests crashed, and an item of no order.
    for number in [801, 802] {
        orders.put_photos(&order(number, 1), &[id(1)], at(0)).await.expect("written");
    }
    cloud.put_item(&json!({ "studio": partition(&ANNA, id(1)), "id": "0", "written_at": at(0).as_second() })).await;
    let order = create(&cloud, 803, &[id(1)]).await;
    cloud.limit_pages(1);
    assert_eq!(orders.holding(&ANNA, id(1), at(100), true).await.expect("read"), Some(order.id));
    assert_eq!(cloud.calls("Query").len(), 4);
}

#[tokio::test(start_paused = true)]
async fn chunks_of_earlier_builds_are_searched() {
    let cloud = Cloud::start().await;
    let order = create(&cloud, 801, &[id(1), id(2)]).await;
    // The order of an earlier build: without photo items.
    let key = |value: String| aws_sdk_dynamodb::types::AttributeValue::S(value);
    let delete = cloud.others.delete_item().table_name(crate::cloud::TABLE).key("studio", key(partition(&ANNA, id(2))));
    delete.key("id", key(order.id.to_string())).send().await.expect("deleted");
    let orders = cloud.orders();
    for (photo, filled, holds) in [(id(2), false, true), (id(2), true, false), (id(3), false, false)] {
        let held = orders.holding(&ANNA, photo, at(500), filled).await.expect("read");
        assert_eq!(held, Some(order.id).filter(|_| holds), "{photo}");
    }
    cloud.calls("Query");
    orders.holding(&ANNA, id(1), at(500), false).await.expect("read");
    assert_eq!(cloud.calls("Query").len(), 1, "a photo item suffices");
}

#[tokio::test(start_paused = true)]
async fn outage_does_not_count_as_no_order() {
    for operation in ["Query", "GetItem"] {
        let cloud = Cloud::start().await;
        create(&cloud, 801, &[id(1)]).await;
        cloud.disturb_next(operation, Fate::Denied);
        let error = cloud.orders().holding(&ANNA, id(1), at(500), true).await.expect_err("an outage");
        assert!(error.is::<ServiceUnavailable>(), "{operation}: {error:#}");
    }
}
