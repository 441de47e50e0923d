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
    studio_profile::StudioProfile,
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
    /// Index by folder.
    Folder,
    /// Index by the SHA-256 of the original.
    Sha256,
}

impl ListIndex {
    /// Returns the name of the index and of its hash key.
    pub fn name(self) -> &'static str {
        match self {
            Self::Status => "list_status",
            Self::Order => "list_order",
            Self::Reference => "list_reference",
            Self::Folder => "list_folder",
            Self::Sha256 => "list_sha256",
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
        let folder = self.folder.as_ref().map(|folder| (ListIndex::Folder, folder.clone()));
        let sha256 = self.development.as_ref().map(|made| (ListIndex::Sha256, made.sha256.clone()));
        [Some((ListIndex::Status, self.status.as_str().to_owned())), folder, sha256].into_iter().flatten().collect()
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

impl Record for StudioProfile {
    const NAME: &'static str = "studio";

    fn studio(&self) -> &Studio {
        &self.studio
    }
    fn id(&self) -> Uuid {
        self.id
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        error::RecordError,
        job_record::JobRecord,
        samples::{at, development, download, email, operation, order, photo, studio},
    };

    /// Returns the studio and id by which a table finds the record.
    fn key(record: &impl Record) -> (Studio, u128) {
        (record.studio().clone(), record.id().as_u128())
    }

    #[test]
    fn record_is_stored_under_studio_and_id() {
        let keys = [
            key(&photo(PhotoStatus::Ready)),
            key(&download(DownloadStatus::Ready)),
            key(&order()),
            key(&email()),
            key(&operation()),
            key(&StudioProfile::neutral(studio())),
        ];
        assert_eq!(keys, [1, 2, 3, 4, 5, 0].map(|id| (studio(), id)));
    }

    fn assert_indexed(mut record: impl JobRecord) {
        record.work_mut().due_at = Some(at(10));
        assert_eq!((record.due_at(), record.failed_at()), (Some(at(10)), None));
        record.give_up(at(20), RecordError::new("internal", "x"));
        assert_eq!(record.failed_at(), Some(at(20)));
        record.work_mut().dismissed = true;
        assert_eq!(record.failed_at(), None);
    }

    #[test]
    fn job_records_are_indexed_by_due_and_failure() {
        assert_indexed(photo(PhotoStatus::Pending));
        assert_indexed(download(DownloadStatus::Pending));
        assert_indexed(email());
        assert_indexed(operation());
        assert_eq!((order().due_at(), order().failed_at()), (None, None));
    }

    #[test]
    fn lists_find_records_by_their_filters() {
        let (mut photo, download, order) = (photo(PhotoStatus::Ready), download(DownloadStatus::Failed), order());
        assert_eq!(photo.listed_by(), [(ListIndex::Status, "ready".to_owned())]);
        photo.folder = Some("wedding".to_owned());
        photo.development = Some(development(false));
        let sha256 = photo.development.as_ref().map(|made| made.sha256.clone()).unwrap_or_default();
        let by_folder = (ListIndex::Folder, "wedding".to_owned());
        assert_eq!(photo.listed_by()[1..], [by_folder, (ListIndex::Sha256, sha256)]);
        let by_order = (ListIndex::Order, download.order.to_string());
        assert_eq!(download.listed_by(), [(ListIndex::Status, "failed".to_owned()), by_order]);
        assert_eq!(order.listed_by(), [(ListIndex::Reference, order.reference.clone())]);
        assert_eq!((email().listed_by(), operation().listed_by()), (vec![], vec![]));
        let indexes = [ListIndex::Status, ListIndex::Order, ListIndex::Reference, ListIndex::Folder, ListIndex::Sha256];
        let names = ["list_status", "list_order", "list_reference", "list_folder", "list_sha256"];
        assert_eq!(indexes.map(ListIndex::name), names, "as Terraform creates them");
    }

    #[test]
    fn erased_order_is_not_found_by_reference() {
        let mut order = order();
        order.erase(at(1));
        assert_eq!(order.listed_by(), []);
    }

    #[test]
    fn only_unneeded_records_are_deleted_by_dynamodb() {
        let (awaited, operation) = (photo(PhotoStatus::AwaitingUpload), operation());
        assert_eq!((awaited.expires_at(), awaited.expires_at().is_some()), (Some(awaited.uploads_end_at()), true));
        assert_eq!((operation.expires_at(), operation.expires_at().is_some()), (operation.kept_until(), true));
        assert_eq!(Record::expires_at(&download(DownloadStatus::Ready)), None);
        assert_eq!((Record::expires_at(&email()), Record::expires_at(&order())), (None, None));
    }
}
