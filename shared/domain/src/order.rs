//! An order: the photos that a customer bought.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::{email_address::EmailAddress, studio::Studio};

/// Largest number of photos in an order. It also limits the number of chunk items of one order.
pub const MAX_PHOTOS: usize = 10_000;

/// Number of ids in a chunk item. An id has 36 bytes, so a chunk stays well below DynamoDB's limit of 400 KB per item.
pub const CHUNK: usize = 5_000;

/// Customer of an order.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Customer {
    /// Name as the customer wrote it.
    pub name: String,
    /// Address for emails.
    pub email: EmailAddress,
    /// Language tag (BCP 47); `en` by default.
    pub locale: String,
}

/// Record of an order. Chunk items contain its photo ids, because a DynamoDB item has at most 400 KB.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Order {
    /// Studio of the order.
    pub studio: Studio,
    /// Id of the order, a UUIDv7.
    pub id: Uuid,
    /// Status of the order: always `open`.
    pub status: OrderStatus,
    /// Order number of the shop.
    pub reference: String,
    /// Customer who placed the order.
    pub customer: Customer,
    /// Number of photos.
    pub photo_count: u32,
    /// Time at which the order was created.
    pub created_at: Timestamp,
    /// Time at which the personal data was erased. From then on nothing is derived from the order.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub erased_at: Option<Timestamp>,
}

impl Order {
    /// Returns whether the personal data was erased.
    pub fn is_erased(&self) -> bool {
        self.erased_at.is_some()
    }

    /// Removes the personal data. The language stays, because the page behind old links uses it.
    pub fn erase(&mut self, now: Timestamp) {
        if self.is_erased() {
            return;
        }
        self.erased_at = Some(now);
        self.reference.clear();
        self.customer.name.clear();
        self.customer.email = EmailAddress::erased();
    }
}

/// Status of an order.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "snake_case")]
pub enum OrderStatus {
    /// The only status.
    Open,
}

/// A part of an order's photo ids.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct OrderChunk {
    /// Photo ids, in the order's sequence.
    pub photos: Vec<Uuid>,
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::samples::{at, order};

    #[test]
    fn erased_order_keeps_no_personal_data() {
        let (first, second) = (at(1), at(2));
        let mut erased = order();
        erased.erase(first);
        let json = serde_json::to_string(&erased).expect("serializes");
        for personal in ["Eva", "Beispiel", "eva@", "example.com", "2026-1017"] {
            assert!(!json.contains(personal), "{json}");
        }
        assert_eq!((erased.photo_count, erased.customer.locale.as_str()), (3, "de"));
        let once = erased.clone();
        erased.erase(second);
        assert_eq!(erased, once, "the first time counts");
    }

    #[test]
    fn order_of_an_older_build_is_not_erased() {
        let mut item = serde_json::to_value(order()).expect("serializes");
        assert!(item.as_object_mut().expect("an object").remove("erased_at").is_none(), "absent until it is set");
        assert_eq!(serde_json::from_value::<Order>(item).expect("reads"), order());
    }
}
