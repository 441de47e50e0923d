//! Orders with their chunks and photo items.

mod erasure;
mod holding;
mod photos;

use domain::{
    order::{Customer, Order, OrderStatus},
    studio::Studio,
};
use runtime::store::Created;
use uuid::Uuid;

use crate::{
    cloud::{Cloud, at},
    records::{ANNA, id},
};

/// Returns an order of this many photos.
pub fn order(number: u128, photo_count: u32) -> Order {
    Order {
        studio: ANNA.clone(),
        id: id(number),
        status: OrderStatus::Open,
        reference: format!("2027-{number}"),
        customer: Customer {
            name: "Eva Beispiel".to_owned(),
            email: "eva@example.com".parse().expect("valid"),
            locale: "de".to_owned(),
        },
        photo_count,
        created_at: at(0),
        erased_at: None,
    }
}

/// Returns the id of the order of this number.
pub fn order_id(number: u128) -> Uuid {
    order(number, 0).id
}

/// Creates an order of these photos.
pub async fn create(cloud: &Cloud, number: u128, photos: &[Uuid]) -> Order {
    let order = order(number, u32::try_from(photos.len()).expect("few"));
    let orders = cloud.orders();
    orders.put_photos(&order, photos, at(0)).await.expect("written");
    assert!(matches!(orders.create(&order).await.expect("written"), Created::New));
    cloud.all_calls();
    order
}

/// Returns the partition with an item for each order of a photo.
pub fn partition(studio: &Studio, photo: Uuid) -> String {
    format!("{studio}#{photo}")
}

#[tokio::test(start_paused = true)]
async fn created_order_is_found_by_every_read() {
    let cloud = Cloud::start().await;
    let orders = cloud.orders();
    let (first, second) = (create(&cloud, 801, &[id(1)]).await, create(&cloud, 802, &[id(1), id(2)]).await);
    let Created::Existed(existing) = orders.create(&order(801, 7)).await.expect("read") else {
        panic!("created twice")
    };
    assert_eq!(*existing, first);

    assert_eq!(orders.get(&ANNA, first.id).await.expect("read"), Some(first.clone()));
    assert_eq!(orders.get(&ANNA, id(803)).await.expect("read"), None);
    let many = orders.get_many(&ANNA, &[id(802), id(803)]).await.expect("read");
    assert_eq!(many, [(second.id, second.clone())].into());
    assert_eq!(orders.table().get(&ANNA, first.id).await.expect("read"), Some(first.clone()));

    let page = orders.list(&ANNA, None, 1, |_| true).await.expect("read");
    assert_eq!((page.items, page.next), (vec![second.clone()], Some(second.id)));
    let page = orders.list(&ANNA, Some(second.id), 1, |_| true).await.expect("read");
    assert_eq!((page.items, page.next), (vec![first.clone()], None));

    let page = orders.list_by_reference(&ANNA, "2027-801", None, 9).await.expect("read");
    assert_eq!((page.items, page.next), (vec![first.clone()], None));
    assert!(orders.list_by_reference(&ANNA, "2027-8", None, 9).await.expect("read").items.is_empty());

    let (mut scanned, next) = orders.scan(None).await.expect("read");
    scanned.sort_unstable_by_key(|order| order.id);
    assert_eq!((scanned, next), (vec![first, second], None), "without chunks and photo items");
}
