//! Records of tables, by what every kind of them has.

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

/// A sparse index by which lists with a filter are read: its hash key is the studio with the filter's value, its range key the
/// record's id. It holds keys only; the records themselves are read consistently.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ListIndex {
    /// By status.
    Status,
    /// By order.
    Order,
    /// By the shop's reference.
    Reference,
}

impl ListIndex {
    /// Its name, and its hash key's.
    pub fn name(self) -> &'static str {
        match self {
            Self::Status => "list_status",
            Self::Order => "list_order",
            Self::Reference => "list_reference",
        }
    }
}

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
