//! Items of earlier builds, which get the attributes of this one.

use domain::photo::Photo;
use serde_json::json;

use crate::{
    cloud::{Call, Cloud, Fate},
    records::{ANNA, id, photo, sized},
};

#[tokio::test(start_paused = true)]
async fn older_item_gets_its_index_attributes() {
    let cloud = Cloud::start().await;
    let table = cloud.table::<Photo>();
    table.create(&photo(1)).await.expect("written");
    cloud.patch_item("anna", id(1), json!({ "revision": 5, "indexed": null, "list_status": null })).await;
    table.rewrite(&ANNA, id(1)).await.expect("written");
    let item = cloud.item("anna", id(1)).await.expect("written");
    let rewritten = (&item["revision"], &item["indexed"], &item["list_status"]);
    assert_eq!(rewritten, (&6.into(), &3.into(), &"anna/awaiting_upload".into()));
    assert_eq!(table.get(&ANNA, id(1)).await.expect("read"), Some(photo(1)));
}

#[tokio::test(start_paused = true)]
async fn missing_or_unreadable_item_is_left_alone() {
    let cloud = Cloud::start().await;
    let table = cloud.table::<Photo>();
    table.create(&photo(1)).await.expect("written");
    cloud.patch_item("anna", id(1), json!({ "status": "from the future" })).await;
    let before = cloud.item("anna", id(1)).await;
    cloud.calls("PutItem");
    table.rewrite(&ANNA, id(1)).await.expect("skipped");
    table.rewrite(&ANNA, id(2)).await.expect("skipped");
    assert_eq!(cloud.item("anna", id(1)).await, before);
    assert!(cloud.calls("PutItem").is_empty());
}

#[tokio::test(start_paused = true)]
async fn rewriting_overwrites_no_concurrent_change() {
    let cloud = Cloud::start().await;
    let table = cloud.table::<Photo>();
    table.create(&photo(1)).await.expect("written");
    let other = cloud.others::<Photo>();
    cloud.disturb(move |call: &Call| {
        if call.operation == "PutItem" {
            let changed = other.update(&ANNA, id(1), |photo| {
                photo.size = 9;
                Ok::<_, ()>(())
            });
            futures::executor::block_on(changed).expect("written");
        }
        Fate::Delivered
    });
    table.rewrite(&ANNA, id(1)).await.expect("refused");
    assert_eq!(table.get(&ANNA, id(1)).await.expect("read"), Some(sized(1, 9)));
}

#[tokio::test(start_paused = true)]
async fn failed_rewriting_is_reported() {
    let cloud = Cloud::start().await;
    let table = cloud.table::<Photo>();
    table.create(&photo(1)).await.expect("written");
    cloud.disturb_next("PutItem", Fate::Denied);
    table.rewrite(&ANNA, id(1)).await.expect_err("an outage");
}
