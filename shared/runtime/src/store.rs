//! Records in DynamoDB. Each change is one conditional write of the whole record, fenced by its revision.
//!
//! A change is a pure function on the record ([`Table::update`]). The store applies it to the current item and writes
//! the result on condition that the revision is unchanged; otherwise it applies the change to the newer item. If the
//! response of a write is lost, the SDK retries the write, which then fails its own condition. The returned old item
//! contains the same write id, which means success. So no change is applied twice, counters included.

mod counts;
mod due;
mod failures;
mod fill;
mod index;
mod item;
mod list;
mod oldest;
mod orders;
mod range;
mod table;
mod tombstones;

pub use due::DueKey;
pub use failures::{Failure, FailureKey, InvalidCursor, MOST_COUNTED};
pub use index::DUE_SHARDS;
pub use item::Item;
pub use list::{IdRange, Page};
pub use oldest::Oldest;
pub use orders::Orders;
pub use range::ScanKey;
pub(crate) use table::INDEXED_VERSION;
pub use table::{Created, Table, Unreadable};
pub use tombstones::Tombstones;
