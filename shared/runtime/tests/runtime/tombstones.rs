//! Tombstones of deleted photos.

use domain::error::ServiceUnavailable;
use runtime::store::Tombstones;

use crate::{
    cloud::{Cloud, Fate, TABLE, at},
    records::{ANNA, id, studio},
};

#[tokio::test(start_paused = true)]
async fn tombstone_is_of_one_photo() {
    let cloud = Cloud::start().await;
    let tombstones = Tombstones::new(cloud.dynamodb.clone(), TABLE);
    assert!(!tombstones.has(&ANNA, id(1)).await.expect("read"));
    tombstones.set(&ANNA, id(1), at(20), at(50)).await.expect("written");
    assert!(tombstones.has(&ANNA, id(1)).await.expect("read"));
    assert!(!tombstones.has(&ANNA, id(2)).await.expect("read"));
    assert!(!tombstones.has(&studio("ben"), id(1)).await.expect("read"));
    let item = cloud.item("anna", format!("tombstone#{}", id(1))).await.expect("an item");
    assert_eq!(item["ttl"], at(50).as_second());
}

#[tokio::test(start_paused = true)]
async fn tombstone_is_due_once() {
    let cloud = Cloud::start().await;
    let tombstones = Tombstones::new(cloud.dynamodb.clone(), TABLE);
    tombstones.set(&ANNA, id(1), at(20), at(50)).await.expect("written");
    assert_eq!(tombstones.due(at(19)).await.expect("read"), []);
    assert_eq!(tombstones.due(at(20)).await.expect("read"), [(ANNA.clone(), id(1))]);
    tombstones.sent(&ANNA, id(1)).await.expect("written");
    assert_eq!(tombstones.due(at(20)).await.expect("read"), []);
    assert!(tombstones.has(&ANNA, id(1)).await.expect("read"), "late objects are deleted");
    assert_eq!(cloud.item("anna", format!("tombstone#{}", id(1))).await.expect("an item")["ttl"], at(50).as_second());
}

#[tokio::test(start_paused = true)]
async fn outage_does_not_count_as_no_tombstone() {
    let cloud = Cloud::start().await;
    let tombstones = Tombstones::new(cloud.dynamodb.clone(), TABLE);
    cloud.disturb(|_| Fate::Denied);
    for failed in [tombstones.has(&ANNA, id(1)).await.map(drop), tombstones.set(&ANNA, id(1), at(20), at(50)).await] {
        let error = failed.expect_err("an outage");
        assert!(error.is::<ServiceUnavailable>(), "{error:#}");
    }
}
