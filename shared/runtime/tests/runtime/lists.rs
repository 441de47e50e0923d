//! Pages of a studio's records, read from the table itself.

mod indexed;

use domain::photo::Photo;
use runtime::store::{IdRange, Page};
use serde_json::json;
use uuid::Uuid;

use crate::{
    cloud::{Cloud, Fate},
    records::{ANNA, id, photo, sized, studio},
};

/// Starts the services with the photos of these numbers.
pub async fn with_photos(numbers: impl IntoIterator<Item = u128>) -> Cloud {
    let cloud = Cloud::start().await;
    for number in numbers {
        cloud.table().create(&photo(number)).await.expect("written");
    }
    cloud.calls("PutItem");
    cloud
}

/// Returns the numbers of the page's photos, and that of its cursor.
pub fn numbers(page: &Page<Photo>) -> (Vec<u128>, Option<u128>) {
    let number = |of: Uuid| of.as_u128() - id(0).as_u128();
    (page.items.iter().map(|photo| number(photo.id)).collect(), page.next.map(number))
}

/// Returns the largest numbers of items that the queries since the last time asked for.
pub fn limits(cloud: &Cloud) -> Vec<u64> {
    cloud.calls("Query").iter().map(|query| query["Limit"].as_u64().expect("a limit")).collect()
}

#[tokio::test(start_paused = true)]
async fn pages_have_newest_photos_first() {
    let cloud = with_photos(1..=5).await;
    let table = cloud.table::<Photo>();
    for (after, page) in [
        (None, (vec![5, 4], Some(4))),
        (Some(4), (vec![3, 2], Some(2))),
        (Some(3), (vec![2, 1], None)),
        (Some(2), (vec![1], None)),
        (Some(1), (vec![], None)),
    ] {
        let listed = table.list(&ANNA, after.map(id), 2, |_| true).await.expect("read");
        assert_eq!(numbers(&listed), page, "after {after:?}");
        assert_eq!(limits(&cloud), [3], "one more than the page shows");
    }
    let others = table.list(&studio("ben"), None, 2, |_| true).await.expect("read");
    assert_eq!(numbers(&others), (vec![], None));
}

#[tokio::test(start_paused = true)]
async fn filtered_page_ends_before_next_match() {
    let cloud = with_photos(1..=6).await;
    let even = |photo: &Photo| photo.id.as_u128().is_multiple_of(2);
    let table = cloud.table::<Photo>();
    for (after, page) in [(None, (vec![6, 4], Some(3))), (Some(3), (vec![2], None)), (Some(6), (vec![4, 2], None))] {
        let listed = table.list(&ANNA, after.map(id), 2, even).await.expect("read");
        assert_eq!(numbers(&listed), page, "after {after:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn range_begins_with_its_lowest_id() {
    let cloud = with_photos(1..=5).await;
    let range = IdRange { after: Some(id(5)), since: Some(id(3)) };
    let listed = cloud.table::<Photo>().list(&ANNA, range, 9, |_| true).await.expect("read");
    assert_eq!(numbers(&listed), (vec![4, 3], None));
}

#[tokio::test(start_paused = true)]
async fn later_queries_of_a_page_read_hundred_items() {
    let cloud = with_photos(1..=3).await;
    cloud.limit_pages(1);
    let table = cloud.table::<Photo>();
    let listed = table.list(&ANNA, None, 2, |photo| photo.id != id(2)).await.expect("read");
    assert_eq!(numbers(&listed), (vec![3, 1], None));
    assert_eq!(limits(&cloud), [3, 100, 100, 100]);
    table.list(&ANNA, None, 100, |_| false).await.expect("read");
    assert_eq!(limits(&cloud), [100; 4], "DynamoDB reads 1 MB at most");
}

#[tokio::test(start_paused = true)]
async fn page_without_match_ends_after_forty_queries() {
    let cloud = with_photos(1..=45).await;
    cloud.limit_pages(1);
    let table = cloud.table::<Photo>();
    let oldest = |photo: &Photo| photo.id == id(1);
    let listed = table.list(&ANNA, None, 9, oldest).await.expect("read");
    assert_eq!((numbers(&listed), cloud.calls("Query").len()), ((vec![], Some(6)), 40));
    let listed = table.list(&ANNA, listed.next, 9, oldest).await.expect("read");
    assert_eq!(numbers(&listed), (vec![1], None));
}

#[tokio::test(start_paused = true)]
async fn unreadable_items_do_not_block_a_list() {
    let cloud = with_photos(1..=4).await;
    cloud.patch_item("anna", id(3), json!({ "status": "from the future" })).await;
    cloud.put_item(&json!({ "studio": "anna", "id": id(2), "photos": [] })).await;
    let listed = cloud.table::<Photo>().list(&ANNA, None, 9, |_| true).await.expect("read");
    assert_eq!(numbers(&listed), (vec![4, 1], None));
}

#[tokio::test(start_paused = true)]
async fn lists_show_changes_immediately() {
    let cloud = with_photos([1]).await;
    let change = |photo: &mut Photo| {
        photo.size = 7;
        Ok::<_, ()>(())
    };
    cloud.others().update(&ANNA, id(1), change).await.expect("written");
    let listed = cloud.table::<Photo>().list(&ANNA, None, 9, |_| true).await.expect("read");
    assert_eq!(listed.items, [sized(1, 7)]);
    assert_eq!(cloud.calls("Query")[0]["ConsistentRead"], true);
}

#[tokio::test(start_paused = true)]
async fn outage_is_an_error_of_every_list() {
    let cloud = with_photos([1]).await;
    let table = cloud.table::<Photo>();
    cloud.disturb(|_| Fate::Denied);
    let error = table.list(&ANNA, None, 9, |_| true).await.expect_err("an outage");
    assert!(error.is::<domain::error::ServiceUnavailable>(), "{error:#}");
}
