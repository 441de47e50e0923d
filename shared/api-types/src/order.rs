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
    /// UUIDv7.
    pub id: Uuid,
    /// Where it stands.
    pub status: OrderStatus,
    /// The shop's own number for it.
    pub reference: String,
    /// Who bought.
    pub customer: CustomerView,
    /// How many photos it holds.
    pub photo_count: u32,
    /// When it was made.
    #[schema(value_type = String, format = DateTime)]
    pub created_at: Timestamp,
}

/// Who bought.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
#[schema(as = Customer)]
pub struct CustomerView {
    /// As the customer wrote it.
    pub name: String,
    /// Where emails go.
    #[schema(format = Email)]
    pub email: String,
    /// A language tag (BCP 47).
    pub locale: String,
}

/// An order with its photos.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
pub struct OrderWithPhotos {
    /// The order.
    #[serde(flatten)]
    pub order: OrderView,
    /// As ordered.
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
    /// The order with these.
    pub fn new(order: &Order, photo_ids: Vec<Uuid>) -> Self {
        Self { order: order.into(), photo_ids }
    }
}
