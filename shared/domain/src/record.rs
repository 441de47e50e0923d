//! Records of tables, and what all kinds of them have in common.

use jiff::Timestamp;
use serde::{Serialize, de::DeserializeOwned};
use uuid::Uuid;

use crate::{
    download::{Download, DownloadStatus},
    email::{Email, EmailStatus},
    incoming::stem_id,
    operation::{Operation, OperationStatus},
    order::Order,
    photo::{Photo, PhotoStatus},
    studio::Studio,
    studio_profile::StudioProfile,
};

/// A sparse index for filtered lists. Its hash key is the studio with the filter's value, its range key the record's
/// id or [position](Record::position). The index contains keys only; the records themselves are read consistently.
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
    /// Index of photos by folder and name without extension, by which sidecars find them.
    Stem,
    /// Index of emails by status, in order of creation.
    EmailStatus,
    /// Index of emails by the order or download that they are about, in order of creation.
    About,
    /// Index of a studio's events, in order of creation.
    Events,
    /// Index of deliveries by webhook, in order of creation.
    Webhook,
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
            Self::Stem => "list_stem",
            Self::EmailStatus => "list_email_status",
            Self::About => "list_about",
            Self::Events => "list_events",
            Self::Webhook => "list_webhook",
        }
    }

    /// Returns the name of its range key.
    pub fn range(self) -> &'static str {
        match self {
            Self::Status | Self::Order | Self::Reference | Self::Folder | Self::Sha256 | Self::Stem => "id",
            Self::EmailStatus | Self::About | Self::Events | Self::Webhook => POSITION,
        }
    }
}

/// Attribute with the position of a record whose id is not in order of creation.
pub const POSITION: &str = "position";

/// Returns the position of a record with an id of any version: the time of creation in the first 48 bits, as in a UUIDv7
/// (RFC 9562, section 5.7), and the last 80 bits of the id.
pub(crate) fn position(created_at: Timestamp, id: Uuid) -> Uuid {
    Uuid::from_u128(first_position(created_at).as_u128() | id.as_u128() & ((1 << 80) - 1))
}

/// Returns the lowest position of a millisecond.
pub fn first_position(created_at: Timestamp) -> Uuid {
    Uuid::from_u128(u128::try_from(created_at.as_millisecond()).unwrap_or(0) << 80)
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
    /// Returns the place of the record in lists by an index, in order of creation. A UUIDv7 is its own.
    fn position(&self) -> Uuid {
        self.id()
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
        let stem = (ListIndex::Stem, stem_id(self.folder.as_deref(), &self.filename).to_string());
        let status = (ListIndex::Status, self.status.as_str().to_owned());
        [Some(status), Some(stem), folder, sha256].into_iter().flatten().collect()
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
        self.work.due_at.or_else(|| self.next_notice().map(|(_, at)| at))
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
    fn listed_by(&self) -> Vec<(ListIndex, String)> {
        let about = self.message.about().id().to_string();
        vec![(ListIndex::EmailStatus, self.status.as_str().to_owned()), (ListIndex::About, about)]
    }
    // The id of an email about a build is derived, and has no time.
    fn position(&self) -> Uuid {
        position(self.created_at, self.id)
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
        samples::{at, delivery, development, download, email, operation, order, photo, studio},
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
        let by_stem = |photo: &Photo| (ListIndex::Stem, stem_id(photo.folder.as_deref(), &photo.filename).to_string());
        assert_eq!(photo.listed_by(), [(ListIndex::Status, "ready".to_owned()), by_stem(&photo)]);
        photo.folder = Some("wedding".to_owned());
        photo.development = Some(development(false));
        let sha256 = photo.development.as_ref().map(|made| made.sha256.clone()).unwrap_or_default();
        let by_folder = (ListIndex::Folder, "wedding".to_owned());
        assert_eq!(photo.listed_by()[1..], [by_stem(&photo), by_folder, (ListIndex::Sha256, sha256)]);
        let by_order = (ListIndex::Order, download.order.to_string());
        assert_eq!(download.listed_by(), [(ListIndex::Status, "failed".to_owned()), by_order]);
        assert_eq!(order.listed_by(), [(ListIndex::Reference, order.reference.clone())]);
        assert_eq!(operation().listed_by(), []);
        assert_eq!(delivery().listed_by(), [(ListIndex::Webhook, delivery().webhook.to_string())]);
        let about = email().message.about().id().to_string();
        assert_eq!(email().listed_by(), [(ListIndex::EmailStatus, "queued".to_owned()), (ListIndex::About, about)]);
        let (folder, stem) = (ListIndex::Folder, ListIndex::Stem);
        let indexes = [ListIndex::Status, ListIndex::Order, ListIndex::Reference, folder, ListIndex::Sha256, stem];
        let names = ["list_status", "list_order", "list_reference", "list_folder", "list_sha256", "list_stem"];
        assert_eq!(indexes.map(ListIndex::name), names, "as Terraform creates them");
        assert_eq!(indexes.map(ListIndex::range), ["id"; 6]);
        let in_order = [ListIndex::EmailStatus, ListIndex::About, ListIndex::Events, ListIndex::Webhook];
        let names = ["list_email_status", "list_about", "list_events", "list_webhook"];
        assert_eq!(in_order.map(ListIndex::name), names);
        assert_eq!(in_order.map(ListIndex::range), [POSITION; 4]);
    }

    #[test]
    fn positions_are_in_order_of_creation() {
        let (mut early, mut late) = (email(), email());
        (early.id, early.created_at) = (Uuid::from_u128(u128::MAX), at(1));
        (late.id, late.created_at) = (Uuid::from_u128(2), at(2));
        assert!(early.position() < late.position());
        let id: Uuid = "01940000-1234-7abc-8def-0123456789ab".parse().expect("a UUIDv7");
        let created_at = Timestamp::from_millisecond(0x0194_0000_1234).expect("in range");
        assert_eq!(position(created_at, id), id, "a UUIDv7 is its own position");
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
        assert!(awaited.expires_at().is_some_and(|at| at > awaited.uploads_end_at()));
        assert_eq!((operation.expires_at(), operation.expires_at().is_some()), (operation.kept_until(), true));
        assert_eq!(Record::expires_at(&download(DownloadStatus::Ready)), None);
        assert_eq!((Record::expires_at(&email()), Record::expires_at(&order())), (None, None));
    }
}
