//! Records in DynamoDB. Each change is one conditional write of the whole record, fenced by its revision.
//!
//! A change is a pure function on the record ([`Table::update`]). It is applied to the item as last seen and written on
//! condition that the revision is still the one seen; a lost race applies it to the newer item. A write whose reply was
//! lost is retried by the SDK and then meets its own condition: the old item that comes back bears our own write id,
//! which is success, not conflict. So nothing is ever applied twice, counters included.

mod due;
mod failures;
mod fill;
mod list;
mod orders;
mod range;
mod table;
mod tombstones;

pub(crate) use due::DUE_SHARDS;
pub use failures::{Failure, FailureKey, InvalidCursor, MOST_COUNTED};
use jiff::Timestamp;
pub use list::{ListIndex, Page};
pub use orders::Orders;
pub use range::ScanKey;
use serde::{Serialize, de::DeserializeOwned};
pub(crate) use table::INDEXED_VERSION;
pub use table::{Created, Table, Unreadable};
pub use tombstones::Tombstones;
use uuid::Uuid;

use crate::{
    download::{Download, DownloadStatus},
    email::{Email, EmailStatus},
    operation::Operation,
    photo::{Photo, PhotoStatus},
    studio::Studio,
};

/// Something that lies in a table under (studio, id).
pub trait Record: Serialize + DeserializeOwned + Clone + PartialEq + Send + Sync + 'static {
    /// What logs call it.
    const NAME: &'static str;

    /// Partition key.
    fn studio(&self) -> &Studio;
    /// Sort key.
    fn id(&self) -> Uuid;
    /// When it must have moved; `None` keeps it out of the sparse index.
    fn due_at(&self) -> Option<Timestamp> {
        None
    }
    /// When it failed for good, if it has; `None` keeps it out of the sparse index of failures.
    fn failed_at(&self) -> Option<Timestamp> {
        None
    }
    /// By what lists find it besides its studio: an index, and the value there.
    fn listed_by(&self) -> Vec<(ListIndex, String)> {
        Vec::new()
    }
    /// When DynamoDB may delete it.
    fn expires_at(&self) -> Option<Timestamp> {
        None
    }
}

impl Record for Photo {
    const NAME: &'static str = "photo";

    fn studio(&self) -> &Studio {
        &self.studio
    }
    fn id(&self) -> Uuid {
        self.id
    }
    fn due_at(&self) -> Option<Timestamp> {
        self.work.due_at
    }
    fn failed_at(&self) -> Option<Timestamp> {
        self.work.failed_at(self.status == PhotoStatus::Failed)
    }
    fn listed_by(&self) -> Vec<(ListIndex, String)> {
        vec![(ListIndex::Status, self.status.as_str().to_owned())]
    }
    fn expires_at(&self) -> Option<Timestamp> {
        self.forgotten_at()
    }
}

impl Record for Download {
    const NAME: &'static str = "download";

    fn studio(&self) -> &Studio {
        &self.studio
    }
    fn id(&self) -> Uuid {
        self.id
    }
    fn due_at(&self) -> Option<Timestamp> {
        self.work.due_at
    }
    fn failed_at(&self) -> Option<Timestamp> {
        self.work.failed_at(self.status == DownloadStatus::Failed)
    }
    fn listed_by(&self) -> Vec<(ListIndex, String)> {
        vec![(ListIndex::Status, self.status.as_str().to_owned()), (ListIndex::Order, self.order.to_string())]
    }
}

impl Record for Email {
    const NAME: &'static str = "email";

    fn studio(&self) -> &Studio {
        &self.studio
    }
    fn id(&self) -> Uuid {
        self.id
    }
    fn due_at(&self) -> Option<Timestamp> {
        self.work.due_at
    }
    fn failed_at(&self) -> Option<Timestamp> {
        self.work.failed_at(self.status == EmailStatus::Failed)
    }
}

impl Record for Operation {
    const NAME: &'static str = "operation";

    fn studio(&self) -> &Studio {
        &self.studio
    }
    fn id(&self) -> Uuid {
        self.id
    }
    fn due_at(&self) -> Option<Timestamp> {
        self.work.due_at
    }
    fn expires_at(&self) -> Option<Timestamp> {
        self.kept_until()
    }
}
