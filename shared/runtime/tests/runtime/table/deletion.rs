//! Deletion of records.

use domain::{error::ServiceUnavailable, photo::Photo};
use futures::executor::block_on;

use crate::{
    cloud::{Cloud, Fate},
    records::{ANNA, id, photo, sized},
};

#[tokio::test(start_paused = true)]
async fn deletion_can_be_repeated() {
    let cloud = Cloud::start().await;
    let table = cloud.table::<Photo>();
    for number in [1, 2] {
        table.create(&photo(number)).await.expect("written");
    }
    for _ in 0..2 {
        table.delete(&ANNA, id(1)).await.expect("deleted");
        assert_eq!(table.get(&ANNA, id(1)).await.expect("read"), None);
    }
    assert_eq!(table.get(&ANNA, id(2)).await.expect("read"), Some(photo(2)));
}

#[tokio::test(start_paused = true)]
async fn only_records_that_meet_condition_are_deleted() {
    let cloud = Cloud::start().await;
    let table = cloud.table::<Photo>();
    table.create(&photo(1)).await.expect("written");
    table.delete_if(&ANNA, id(1), |photo| photo.size > 1).await.expect("kept");
    assert_eq!(table.get(&ANNA, id(1)).await.expect("read"), Some(photo(1)));
    cloud.disturb_next("DeleteItem", Fate::ReplyLost);
    table.delete_if(&ANNA, id(1), |photo| photo.size == 1).await.expect("deleted");
    assert_eq!(table.get(&ANNA, id(1)).await.expect("read"), None);
    table.delete_if(&ANNA, id(1), |_| true).await.expect("nothing to delete");
}

#[tokio::test(start_paused = true)]
async fn record_changed_meanwhile_is_kept() {
    let cloud = Cloud::start().await;
    let (table, other) = (cloud.table::<Photo>(), cloud.others::<Photo>());
    table.create(&photo(1)).await.expect("written");
    let condition = |_: &Photo| {
        let changed = other.update(&ANNA, id(1), |photo| {
            photo.size = 9;
            Ok::<_, ()>(())
        });
        block_on(changed).expect("written");
        true
    };
    table.delete_if(&ANNA, id(1), condition).await.expect("kept");
    assert_eq!(table.get(&ANNA, id(1)).await.expect("read"), Some(sized(1, 9)));
}

#[tokio::test(start_paused = true)]
async fn failed_deletion_is_reported() {
    let cloud = Cloud::start().await;
    let table = cloud.table::<Photo>();
    table.create(&photo(1)).await.expect("written");
    cloud.disturb_next("DeleteItem", Fate::Denied);
    let error = table.delete_if(&ANNA, id(1), |_| true).await.expect_err("an outage");
    assert!(error.is::<ServiceUnavailable>(), "{error:#}");
}
