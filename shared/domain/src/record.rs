//! Records of tables, and what all kinds of them have in common.

use jiff::Timestamp;
use serde::{Serialize, de::DeserializeOwned};
use uuid::Uuid;

use crate::{
    download::{Download, DownloadStatus},
    email::{Email, EmailStatus},
    operation::{Operation, OperationStatus},
    order::Order,
    photo::{Photo, PhotoStatus},
    studio::Studio,
};

/// A sparse index for filtered lists. Its hash key is the studio with the filter's value, its range key the record's
/// id. The index contains keys only; the records themselves are read consistently.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ListIndex {
    /// Index by status.
    Status,
    /// Index by order.
    Order,
    /// Index by the shop's reference.
    Reference,
}

impl ListIndex {
    /// Returns the name of the index and of its hash key.
    pub fn name(self) -> &'static str {
        match self {
            Self::Status => "list_status",
            Self::Order => "list_order",
            Self::Reference => "list_reference",
        }
    }
}

/// A record in a table under (studio, id).
pub trait Record: Serialize + DeserializeOwned + Clone + PartialEq + Send + Sync + 'static {
    /// Name of this kind of record, for logs.
    const NAME: &'static str;

    /// Returns the partition key.
    fn studio(&self) -> &Studio;
    /// Returns the sort key.
    fn id(&self) -> Uuid;
    /// Returns the time by which the record must progress; `None` keeps it out of the sparse index.
    fn due_at(&self) -> Option<Timestamp> {
        None
    }
    /// Returns the time at which the record failed for good; `None` keeps it out of the sparse index of failures.
    fn failed_at(&self) -> Option<Timestamp> {
        None
    }
    /// Returns the indexes in which lists find the record, with its value in each.
    fn listed_by(&self) -> Vec<(ListIndex, String)> {
        Vec::new()
    }
    /// Returns the time after which DynamoDB may delete the record.
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
    fn failed_at(&self) -> Option<Timestamp> {
        self.work.failed_at(self.status == OperationStatus::Failed)
    }
    fn expires_at(&self) -> Option<Timestamp> {
        self.kept_until()
    }
}

impl Record for Order {
    const NAME: &'static str = "order";

    fn studio(&self) -> &Studio {
        &self.studio
    }
    fn id(&self) -> Uuid {
        self.id
    }
    fn listed_by(&self) -> Vec<(ListIndex, String)> {
        if self.is_erased() { Vec::new() } else { vec![(ListIndex::Reference, self.reference.clone())] }
    }
}
