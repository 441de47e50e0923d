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
    /// Where emails go.
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
    /// When its personal data was erased. Nothing is made of the order from then on.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub erased_at: Option<Timestamp>,
}

impl Order {
    /// Returns whether the personal data was erased.
    pub fn is_erased(&self) -> bool {
        self.erased_at.is_some()
    }

    /// Removes the personal data. The language stays: the page behind the customer's old links is shown in it.
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

#[cfg(test)]
mod tests {
    use super::*;

    fn order() -> Order {
        let (name, email) = ("Eva Beispiel".to_owned(), "eva@example.com".parse().expect("valid"));
        Order {
            studio: "anna".parse().expect("valid"),
            id: Uuid::nil(),
            status: OrderStatus::Open,
            reference: "2026-1017".into(),
            customer: Customer { name, email, locale: "de".into() },
            photo_count: 3,
            created_at: Timestamp::UNIX_EPOCH,
            erased_at: None,
        }
    }

    #[test]
    fn erased_order_keeps_no_personal_data() {
        let (first, second) = (Timestamp::from_second(1).expect("valid"), Timestamp::from_second(2).expect("valid"));
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
