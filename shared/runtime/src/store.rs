//! Records in DynamoDB. Each change is one conditional write of the whole record, fenced by its revision.
//!
//! A change is a pure function on the record ([`Table::update`]). It is applied to the item as last seen and written on
//! condition that the revision is still the one seen; a lost race applies it to the newer item. A write whose reply was
//! lost is retried by the SDK and then meets its own condition: the old item that comes back bears our own write id,
//! which is success, not conflict. So nothing is ever applied twice, counters included.

mod due;
mod failures;
mod fill;
mod index;
mod item;
mod list;
mod orders;
mod range;
mod table;
mod tombstones;

pub use failures::{Failure, FailureKey, InvalidCursor, MOST_COUNTED};
pub use index::DUE_SHARDS;
pub use item::Item;
pub use list::Page;
pub use orders::Orders;
pub use range::ScanKey;
pub(crate) use table::INDEXED_VERSION;
pub use table::{Created, Table, Unreadable};
pub use tombstones::Tombstones;
