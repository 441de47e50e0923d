//! An order: the photos that one customer bought.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::{email_address::EmailAddress, studio::Studio};

/// More would be no order but an export; it also bounds the chunk items of one order.
pub const MAX_PHOTOS: usize = 10_000;

/// Ids in one chunk item: 36 bytes each, well under DynamoDB's 400 KB an item.
pub const CHUNK: usize = 5_000;

/// Who bought.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Customer {
    /// As the customer wrote it.
    pub name: String,
    /// Where mails go.
    pub email: EmailAddress,
    /// BCP 47; `en` when not said.
    pub locale: String,
}

/// The record. Its photo ids lie in chunk items, since a DynamoDB item ends at 400 KB.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Order {
    /// Owner.
    pub studio: Studio,
    /// UUIDv7.
    pub id: Uuid,
    /// `open`; an order has no other state yet.
    pub status: OrderStatus,
    /// The shop's own number for it.
    pub reference: String,
    /// Who bought.
    pub customer: Customer,
    /// How many photos.
    pub photo_count: u32,
    /// When it was made.
    pub created_at: Timestamp,
}

/// Where an order stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "snake_case")]
pub enum OrderStatus {
    /// The only one.
    Open,
}

/// Some of an order's photo ids, in order.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct OrderChunk {
    /// In order.
    pub photos: Vec<Uuid>,
}
