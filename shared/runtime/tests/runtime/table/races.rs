//! Changes while others change the same record.

use std::time::Duration;

use domain::{error::ServiceUnavailable, photo::Photo};
use futures::executor::block_on;

use crate::{
    cloud::Cloud,
    records::{ANNA, id, photo, sized},
};

/// Adds one to the photo's size while others change the photo this number of times, each time between the read and the
/// write. Returns the size at the end, and the milliseconds that were waited for.
async fn add_one(others: u64) -> (u64, u128) {
    let cloud = Cloud::start().await;
    let (table, other) = (cloud.table::<Photo>(), cloud.others::<Photo>());
    table.create(&sized(1, 0)).await.expect("written");
    let mut left = others;
    let changed = table.update(&ANNA, id(1), |photo| {
        if left > 0 {
            left -= 1;
            add_thousand(&other);
        }
        photo.size += 1;
        Ok::<_, ()>(photo.size)
    });
    let (record, size) = changed.await.expect("written").expect("a record");
    assert_eq!(Ok(record.size), size);
    let stored = table.get(&ANNA, id(1)).await.expect("read").expect("a record");
    assert_eq!(stored, record);
    (record.size, cloud.elapsed().as_millis())
}

/// Changes the photo at once.
fn add_thousand(other: &runtime::store::Table<Photo>) {
    let changed = other.update(&ANNA, id(1), |photo| {
        photo.size += 1000;
        Ok::<_, ()>(())
    });
    assert!(matches!(block_on(changed), Ok(Some(_))));
}

#[tokio::test(start_paused = true)]
async fn no_writer_overwrites_another() {
    assert_eq!(add_one(0).await, (1, 0));
    assert_eq!(add_one(1).await, (1001, 0), "the response shows the newer record");
}

#[tokio::test(start_paused = true)]
async fn waits_double_to_half_a_second() {
    assert_eq!(add_one(2).await, (2001, 20));
    assert_eq!(add_one(3).await, (3001, 20 + 40));
    assert_eq!(add_one(8).await, (8001, 20 + 40 + 80 + 160 + 320 + 500 + 500));
}

#[tokio::test(start_paused = true)]
async fn endless_contention_becomes_an_outage() {
    let cloud = Cloud::start().await;
    let (table, other) = (cloud.table::<Photo>(), cloud.others::<Photo>());
    table.create(&photo(1)).await.expect("written");
    let changed = table.update(&ANNA, id(1), |photo| {
        add_thousand(&other);
        photo.size += 1;
        Ok::<_, ()>(())
    });
    let error = changed.await.expect_err("others win");
    assert!(error.is::<ServiceUnavailable>(), "{error:#}");
    let took = cloud.elapsed();
    assert!(took > Duration::from_secs(8) && took < Duration::from_millis(8_600), "{took:?}");
}

#[tokio::test(start_paused = true)]
async fn record_deleted_meanwhile_does_not_return() {
    let cloud = Cloud::start().await;
    let (table, other) = (cloud.table::<Photo>(), cloud.others::<Photo>());
    table.create(&photo(1)).await.expect("written");
    let changed = table.update(&ANNA, id(1), |photo| {
        block_on(other.delete(&ANNA, id(1))).expect("deleted");
        photo.size += 1;
        Ok::<_, ()>(())
    });
    assert_eq!(changed.await.expect("refused"), None);
    assert_eq!(cloud.item("anna", id(1)).await, None);
}

#[tokio::test(start_paused = true)]
async fn refusal_after_a_conflict_shows_newer_record() {
    let cloud = Cloud::start().await;
    let (table, other) = (cloud.table::<Photo>(), cloud.others::<Photo>());
    table.create(&photo(1)).await.expect("written");
    let changed = table.update(&ANNA, id(1), |photo| {
        if photo.size > 1 {
            return Err("too large");
        }
        add_thousand(&other);
        photo.size += 1;
        Ok(())
    });
    assert_eq!(changed.await.expect("read"), Some((sized(1, 1001), Err("too large"))));
}
