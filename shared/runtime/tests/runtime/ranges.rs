//! Reads of ranges of ids, and of whole tables.

use domain::{error::ServiceUnavailable, photo::Photo};
use runtime::store::{ScanKey, Table};
use serde_json::json;
use uuid::Uuid;

use crate::{
    cloud::{Cloud, Fate},
    lists::with_photos,
    records::{ANNA, id, photo, studio},
};

fn ids(photos: &[Photo]) -> Vec<Uuid> {
    photos.iter().map(|photo| photo.id).collect()
}

#[tokio::test(start_paused = true)]
async fn range_includes_both_of_its_ends() {
    let cloud = with_photos(1..=6).await;
    cloud.limit_pages(2);
    let table = cloud.table::<Photo>();
    let found = table.between(&ANNA, (id(2), id(5)), |photo| photo.id != id(4)).await.expect("read");
    assert_eq!(ids(&found), [2, 3, 5].map(id));
    assert!(cloud.calls("Query").iter().all(|query| query["ConsistentRead"] == true));
    let found = table.between(&studio("ben"), (id(2), id(5)), |_| true).await.expect("read");
    assert_eq!(found, []);
}

#[tokio::test(start_paused = true)]
async fn unreadable_items_do_not_block_a_range() {
    let cloud = with_photos(1..=3).await;
    cloud.patch_item("anna", id(2), json!({ "status": "from the future" })).await;
    let found = cloud.table::<Photo>().between(&ANNA, (id(1), id(3)), |_| true).await.expect("read");
    assert_eq!(ids(&found), [1, 3].map(id));
}

/// Returns the keys of all records that scans of a table return, in ascending order, and the number of scans.
async fn scan(table: &Table<Photo>) -> (Vec<(String, Uuid)>, usize) {
    let (mut found, mut start, mut pages) = (Vec::new(), None, 0);
    loop {
        let (photos, next) = table.scan(start).await.expect("read");
        found.extend(photos.into_iter().map(|photo| (photo.studio.to_string(), photo.id)));
        pages += 1;
        // The progress of an operation stores the key as text.
        start = next.map(|next| next.to_string().parse::<ScanKey>().expect("a key"));
        if start.is_none() {
            found.sort_unstable();
            return (found, pages);
        }
    }
}

#[tokio::test(start_paused = true)]
async fn scan_returns_records_of_all_studios_once() {
    let cloud = with_photos(1..=3).await;
    let mut of_ben = photo(1);
    of_ben.studio = studio("ben");
    cloud.table().create(&of_ben).await.expect("written");
    // An erased record, an unreadable one, and an item of another kind.
    cloud.patch_item("anna", id(2), json!({ "erased_at": "2027-01-01T00:00:00Z" })).await;
    cloud.patch_item("anna", id(3), json!({ "status": "from the future" })).await;
    cloud.put_item(&json!({ "studio": "anna", "id": "x#0", "photos": [] })).await;
    let all = [("anna".to_owned(), id(1)), ("ben".to_owned(), id(1))];
    assert_eq!(scan(&cloud.table()).await, (all.to_vec(), 1));
    cloud.limit_pages(1);
    // Five items. The last page may be empty.
    let (found, pages) = scan(&cloud.table()).await;
    assert_eq!((found, pages), (all.to_vec(), 6));
}

#[tokio::test(start_paused = true)]
async fn records_without_index_attributes_are_unfilled() {
    let cloud = with_photos(1..=5).await;
    cloud.patch_item("anna", id(2), json!({ "indexed": null })).await;
    cloud.patch_item("anna", id(4), json!({ "indexed": 1 })).await;
    cloud.patch_item("anna", id(5), json!({ "indexed": 3 })).await;
    cloud.put_item(&json!({ "studio": "anna", "id": "x#0", "photos": [] })).await;
    let table = cloud.table::<Photo>();
    let keys = [2, 4].map(|number| (ANNA.clone(), id(number)));
    assert_eq!(table.unfilled(None).await.expect("read"), (keys.to_vec(), None));

    cloud.limit_pages(2);
    let (first, next) = table.unfilled(None).await.expect("read");
    assert_eq!((first, next.clone()), (keys[..1].to_vec(), Some(format!("anna/{}", id(2)))));
    let (second, next) = table.unfilled(next.as_deref()).await.expect("read");
    assert_eq!((second, next), (keys[1..].to_vec(), Some(format!("anna/{}", id(4)))));
}

#[tokio::test(start_paused = true)]
async fn outage_is_an_error_of_every_read() {
    let cloud = Cloud::start().await;
    let table = cloud.table::<Photo>();
    cloud.disturb(|_| Fate::Denied);
    for (failed, call) in [
        (table.between(&ANNA, (id(1), id(2)), |_| true).await.map(drop), "between"),
        (table.scan(None).await.map(drop), "scan"),
        (table.unfilled(None).await.map(drop), "unfilled"),
    ] {
        let error = failed.expect_err(call);
        assert!(error.is::<ServiceUnavailable>(), "{call}: {error:#}");
    }
}
