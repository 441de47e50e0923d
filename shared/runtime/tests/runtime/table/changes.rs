//! Changes by one writer.

use domain::photo::Photo;

use crate::{
    cloud::{Cloud, Fate},
    records::{ANNA, id, photo, sized},
};

#[tokio::test(start_paused = true)]
async fn change_raises_the_revision_by_one() {
    let cloud = Cloud::start().await;
    let table = cloud.table::<Photo>();
    table.create(&photo(1)).await.expect("written");
    for size in [10, 20] {
        let grow = |photo: &mut Photo| {
            let before = photo.size;
            photo.size = size;
            Ok::<_, ()>(before)
        };
        let changed = table.update(&ANNA, id(1), grow).await.expect("written");
        assert_eq!(changed, Some((sized(1, size), Ok(if size == 10 { 1 } else { 10 }))));
    }
    let item = cloud.item("anna", id(1)).await.expect("written");
    assert_eq!((&item["revision"], &item["size"]), (&3.into(), &20.into()));
}

#[tokio::test(start_paused = true)]
async fn refused_change_writes_nothing() {
    let cloud = Cloud::start().await;
    let table = cloud.table::<Photo>();
    table.create(&photo(1)).await.expect("written");
    cloud.calls("PutItem");
    let refuse = |photo: &mut Photo| {
        photo.size = 10;
        Err::<(), _>("no")
    };
    assert_eq!(table.update(&ANNA, id(1), refuse).await.expect("read"), Some((photo(1), Err("no"))));
    assert!(cloud.calls("PutItem").is_empty());
}

#[tokio::test(start_paused = true)]
async fn change_without_effect_writes_nothing() {
    let cloud = Cloud::start().await;
    let table = cloud.table::<Photo>();
    table.create(&photo(1)).await.expect("written");
    cloud.calls("PutItem");
    let unchanged = table.update(&ANNA, id(1), |_| Ok::<_, ()>(7)).await.expect("read");
    assert_eq!(unchanged, Some((photo(1), Ok(7))));
    assert!(cloud.calls("PutItem").is_empty());
}

#[tokio::test(start_paused = true)]
async fn missing_record_is_not_changed() {
    let cloud = Cloud::start().await;
    let table = cloud.table::<Photo>();
    let changed = table.update(&ANNA, id(1), |_| -> Result<(), ()> { panic!("nothing to change") });
    assert_eq!(changed.await.expect("read"), None);
}

#[tokio::test(start_paused = true)]
async fn change_without_reply_applies_once() {
    let cloud = Cloud::start().await;
    let table = cloud.table::<Photo>();
    table.create(&photo(1)).await.expect("written");
    cloud.disturb_next("PutItem", Fate::ReplyLost);
    let changed = table.update(&ANNA, id(1), |photo| {
        photo.size += 1;
        Ok::<_, ()>(())
    });
    assert_eq!(changed.await.expect("written"), Some((sized(1, 2), Ok(()))));
    let item = cloud.item("anna", id(1)).await.expect("written");
    assert_eq!((&item["revision"], &item["size"]), (&2.into(), &2.into()));
}
