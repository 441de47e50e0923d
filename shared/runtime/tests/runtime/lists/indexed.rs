//! Pages of the records with one value, which an index finds.

use domain::{error::ServiceUnavailable, photo::Photo, record::ListIndex};
use futures::executor::block_on;
use runtime::store::{IdRange, Page, Table};
use serde_json::json;

use super::{limits, numbers, with_photos};
use crate::{
    cloud::{Call, Cloud, Fate},
    records::{ANNA, id, photo, studio},
};

const AWAITED: (ListIndex, &str) = (ListIndex::Status, "awaiting_upload");

/// Returns a page of photos that wait for their uploads.
async fn awaited(table: &Table<Photo>, range: impl Into<IdRange>, limit: usize) -> Page<Photo> {
    let keep = |photo: &Photo| photo.status.as_str() == AWAITED.1;
    table.list_by(&ANNA, AWAITED, range, limit, keep).await.expect("read")
}

#[tokio::test(start_paused = true)]
async fn pages_have_newest_matches_first() {
    let cloud = with_photos(1..=5).await;
    let table = cloud.table::<Photo>();
    for (after, page) in [
        (None, (vec![5, 4], Some(4))),
        (Some(4), (vec![3, 2], Some(2))),
        (Some(3), (vec![2, 1], None)),
        (Some(2), (vec![1], None)),
        (Some(1), (vec![], None)),
    ] {
        let listed = awaited(&table, after.map(id), 2).await;
        assert_eq!(numbers(&listed), page, "after {after:?}");
        assert_eq!(limits(&cloud), [3], "one more than the page shows");
    }
}

#[tokio::test(start_paused = true)]
async fn only_records_of_studio_and_value_are_listed() {
    let cloud = with_photos([1]).await;
    let table = cloud.table::<Photo>();
    let all = |_: &Photo| true;
    let listed = table.list_by(&ANNA, (ListIndex::Status, "ready"), None, 9, all).await.expect("read");
    assert_eq!(numbers(&listed), (vec![], None));
    let listed = table.list_by(&studio("ben"), AWAITED, None, 9, all).await.expect("read");
    assert_eq!(numbers(&listed), (vec![], None));
    assert!(cloud.calls("BatchGetItem").is_empty(), "no key, no read");
}

#[tokio::test(start_paused = true)]
async fn range_begins_with_its_lowest_id() {
    let cloud = with_photos(1..=5).await;
    let range = IdRange { after: Some(id(5)), since: Some(id(3)) };
    assert_eq!(numbers(&awaited(&cloud.table(), range, 9).await), (vec![4, 3], None));
}

#[tokio::test(start_paused = true)]
async fn record_that_left_the_value_is_not_listed() {
    let cloud = with_photos(1..=4).await;
    for number in [2, 3] {
        cloud.patch_item("anna", id(number), json!({ "status": "pending" })).await;
    }
    let table = cloud.table::<Photo>();
    assert_eq!(numbers(&awaited(&table, None, 9).await), (vec![4, 1], None));
    assert_eq!(numbers(&awaited(&table, None, 1).await), (vec![4], Some(2)), "the last one looked at");
    assert_eq!(numbers(&awaited(&table, Some(id(3)), 1).await), (vec![1], None));
}

#[tokio::test(start_paused = true)]
async fn deleted_or_unreadable_record_is_not_listed() {
    let cloud = with_photos(1..=3).await;
    cloud.patch_item("anna", id(3), json!({ "revision": null })).await;
    let other = cloud.others::<Photo>();
    cloud.disturb(move |call: &Call| {
        if call.operation == "BatchGetItem" {
            block_on(other.delete(&ANNA, id(2))).expect("deleted");
        }
        Fate::Delivered
    });
    assert_eq!(numbers(&awaited(&cloud.table(), None, 9).await), (vec![1], None));
}

#[tokio::test(start_paused = true)]
async fn queries_read_as_many_keys_as_are_left() {
    let cloud = with_photos(1..=5).await;
    cloud.limit_pages(1);
    let table = cloud.table::<Photo>();
    assert_eq!(numbers(&awaited(&table, None, 3).await), (vec![5, 4, 3], Some(3)));
    assert_eq!(limits(&cloud), [4, 3, 2, 1]);
    awaited(&table, Some(id(1)), 500).await;
    assert_eq!(limits(&cloud), [100], "the largest batch of reads");
}

#[tokio::test(start_paused = true)]
async fn page_without_match_ends_after_forty_queries() {
    let cloud = with_photos(1..=45).await;
    cloud.limit_pages(1);
    let table = cloud.table::<Photo>();
    let oldest = |photo: &Photo| photo.id == id(1);
    let listed = table.list_by(&ANNA, AWAITED, None, 9, oldest).await.expect("read");
    assert_eq!((numbers(&listed), cloud.calls("Query").len()), ((vec![], Some(6)), 40));
    let listed = table.list_by(&ANNA, AWAITED, listed.next, 9, oldest).await.expect("read");
    assert_eq!(numbers(&listed), (vec![1], None));
}

#[tokio::test(start_paused = true)]
async fn outage_of_index_or_table_is_an_error() {
    for operation in ["Query", "BatchGetItem"] {
        let cloud = Cloud::start().await;
        let table = cloud.table::<Photo>();
        table.create(&photo(1)).await.expect("written");
        cloud.disturb_next(operation, Fate::Denied);
        let error = table.list_by(&ANNA, AWAITED, None, 9, |_| true).await.expect_err("an outage");
        assert!(error.is::<ServiceUnavailable>(), "{operation}: {error:#}");
    }
}
