//! Orders.

use domain::order::{Order, OrderStatus};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use uuid::Uuid;

/// An order.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
#[schema(as = Order)]
pub struct OrderView {
    /// Id of the order, a UUIDv7.
    pub id: Uuid,
    /// State of the order.
    pub status: OrderStatus,
    /// Order number of the shop.
    pub reference: String,
    /// Customer who placed the order.
    pub customer: CustomerView,
    /// Number of photos in the order.
    pub photo_count: u32,
    /// Time at which the order was created.
    #[schema(value_type = String, format = DateTime)]
    pub created_at: Timestamp,
}

/// Customer of an order.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
#[schema(as = Customer)]
pub struct CustomerView {
    /// Name as the customer wrote it.
    pub name: String,
    /// Email address of the customer.
    #[schema(format = Email)]
    pub email: String,
    /// Language tag (BCP 47).
    pub locale: String,
}

/// An order with its photos.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
pub struct OrderWithPhotos {
    /// The order.
    #[serde(flatten)]
    pub order: OrderView,
    /// Ids of the photos, in the order of the request.
    pub photo_ids: Vec<Uuid>,
}

impl From<&Order> for OrderView {
    fn from(order: &Order) -> Self {
        let customer = order.customer.clone();
        Self {
            id: order.id,
            status: order.status,
            reference: order.reference.clone(),
            customer: CustomerView {
                name: customer.name,
                email: customer.email.as_str().to_owned(),
                locale: customer.locale,
            },
            photo_count: order.photo_count,
            created_at: order.created_at,
        }
    }
}

impl OrderWithPhotos {
    /// Returns the view of the order with these photo ids.
    pub fn new(order: &Order, photo_ids: Vec<Uuid>) -> Self {
        Self { order: order.into(), photo_ids }
    }
}
