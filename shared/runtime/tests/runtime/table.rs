//! Single records: creation, changes, deletion.

mod batches;
mod changes;
mod deletion;
mod races;
mod rewriting;

use domain::{operation::Operation, photo::Photo, record::Record as _};
use runtime::store::{Created, Unreadable};
use serde_json::json;

use crate::{
    cloud::{Cloud, Fate, at},
    records::{ANNA, id, operation, photo, sized, studio},
};

#[tokio::test(start_paused = true)]
async fn created_record_is_read_back() {
    let cloud = Cloud::start().await;
    let table = cloud.table::<Photo>();
    assert!(matches!(table.create(&photo(1)).await.expect("written"), Created::New));
    assert_eq!(table.get(&ANNA, id(1)).await.expect("read"), Some(photo(1)));
    assert_eq!(table.get(&ANNA, id(2)).await.expect("read"), None);
    assert_eq!(table.get(&studio("ben"), id(1)).await.expect("read"), None, "another studio");
}

#[tokio::test(start_paused = true)]
async fn item_has_attributes_of_all_its_indexes() {
    let cloud = Cloud::start().await;
    let expires_at = photo(7).expires_at().expect("nobody has uploaded it");
    cloud.table().create(&photo(7)).await.expect("written");
    let item = cloud.item("anna", id(7)).await.expect("written");
    for (name, value) in [
        ("revision", json!(1)),
        ("indexed", json!(3)),
        // The URL expires after an hour, and the sweep waits for two minutes more.
        ("due_at", json!(at(3720).as_millisecond())),
        ("due_shard", json!("3")),
        ("list_status", json!("anna/awaiting_upload")),
        ("ttl", json!(expires_at.as_second())),
    ] {
        assert_eq!(item[name], value, "{name}");
    }
    assert!(item.get("failed_at").is_none() && item.get("list_folder").is_none(), "sparse: {item}");
}

#[tokio::test(start_paused = true)]
async fn existing_record_is_returned_unchanged() {
    let cloud = Cloud::start().await;
    let table = cloud.table();
    table.create(&photo(1)).await.expect("written");
    let second = sized(1, 2);
    let Created::Existed(existing) = table.create(&second).await.expect("written") else { panic!("created twice") };
    assert_eq!(*existing, photo(1));
    assert_eq!(cloud.item("anna", id(1)).await.expect("written")["size"], 1);
}

#[tokio::test(start_paused = true)]
async fn creation_without_reply_counts_as_new() {
    let cloud = Cloud::start().await;
    cloud.disturb_next("PutItem", Fate::ReplyLost);
    assert!(matches!(cloud.table().create(&photo(1)).await.expect("written"), Created::New));
    assert_eq!(cloud.calls("PutItem").len(), 2, "the SDK sends it again");
}

#[tokio::test(start_paused = true)]
async fn outage_is_an_error_of_every_call() {
    let cloud = Cloud::start().await;
    let table = cloud.table::<Photo>();
    cloud.disturb(|_| Fate::Denied);
    for (failed, call) in [
        (table.create(&photo(1)).await.map(drop), "create"),
        (table.get(&ANNA, id(1)).await.map(drop), "get"),
        (table.update(&ANNA, id(1), |_| Ok::<_, ()>(())).await.map(drop), "update"),
        (table.rewrite(&ANNA, id(1)).await, "rewrite"),
        (table.delete(&ANNA, id(1)).await, "delete"),
        (table.get_many(&ANNA, &[id(1)]).await.map(drop), "get_many"),
    ] {
        let error = failed.expect_err(call);
        assert!(error.is::<domain::error::ServiceUnavailable>(), "{call}: {error:#}");
    }
}

#[tokio::test(start_paused = true)]
async fn item_of_newer_build_is_unreadable() {
    let cloud = Cloud::start().await;
    let table = cloud.table::<Photo>();
    for (number, change) in [
        (1, json!({ "status": "from the future" })),
        (2, json!({ "revision": null })),
        (3, json!({ "write_id": null })),
    ] {
        table.create(&photo(number)).await.expect("written");
        cloud.patch_item("anna", id(number), change).await;
        let error = table.get(&ANNA, id(number)).await.expect_err("unreadable");
        assert!(error.is::<Unreadable>(), "{error:#}");
        assert!(format!("{error:#}").contains("This build can't read it"), "{error:#}");
    }
}

#[tokio::test(start_paused = true)]
async fn filling_of_a_table_never_expires() {
    let cloud = Cloud::start().await;
    cloud.table::<Operation>().create(&operation()).await.expect("written");
    let item = cloud.item("anna", operation().id).await.expect("written");
    assert!(item.get("ttl").is_none(), "{item}");
}
