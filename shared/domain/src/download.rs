//! A download: the archives or the photo made from an order, and the rules by which its link works.

mod building;
mod closing;
mod fetches;
mod files;
mod notices;
pub mod pin;
mod selection;

pub use fetches::{DownloadFile, Fetch, FetchedBy, Fetches};
pub use files::{BuiltFile, Files};
use jiff::{SignedDuration, Timestamp};
pub use notices::{Notice, REMINDER_BEFORE};
pub use selection::Selection;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use self::pin::Pin;
use crate::{
    email_address::EmailAddress,
    error::RecordError,
    job_state::{GRACE, JobState, RestartError},
    object_key::ObjectKey,
    studio::Studio,
};

/// Window that a counted download opens. Further downloads in it are not counted, so that an interrupted one can
/// resume.
pub const RESUME_WINDOW: SignedDuration = SignedDuration::from_hours(24);

/// Interval in which a customer can ask for a new link once.
pub const RENEWAL_INTERVAL: SignedDuration = SignedDuration::from_hours(24);

/// Default number of days that a link works.
pub const DEFAULT_EXPIRES_IN_DAYS: u32 = 7;

/// Kind of a download.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "snake_case")]
pub enum DownloadKind {
    /// All photos of the order in one ZIP.
    Batch,
    /// One photo as a bare file, ready immediately.
    Single,
}

/// Version of the photos in a download.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "snake_case")]
pub enum Variant {
    /// Originals, as uploaded.
    #[default]
    Original,
    /// Previews.
    Web,
}

impl Variant {
    /// Returns the other version.
    #[must_use]
    pub fn other(self) -> Self {
        match self {
            Self::Original => Self::Web,
            Self::Web => Self::Original,
        }
    }
}

/// Stored status of a download. `expired` is derived and never stored.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum DownloadStatus {
    /// Waiting for a worker.
    Pending,
    /// A worker leases the download.
    Processing,
    /// The files are in S3.
    Ready,
    /// The build was rejected or has run out of attempts.
    Failed,
    /// The studio revoked the download.
    Revoked,
}

impl DownloadStatus {
    /// Returns the status as written in records and responses.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Pending => "pending",
            Self::Processing => "processing",
            Self::Ready => "ready",
            Self::Failed => "failed",
            Self::Revoked => "revoked",
        }
    }
}

/// Progress of a build, in photos.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Progress {
    /// Number of photos that are completely stored.
    pub done: u32,
    /// Total number of photos.
    pub total: u32,
}

/// Checkpoint of a build in progress. S3 itself lists the parts that are done.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Position {
    /// Id of the archive's multipart upload.
    pub upload_id: String,
    /// Fingerprint of the plan that its parts belong to, in hexadecimal digits. Parts of another plan cannot be used.
    pub plan: String,
}

/// A build of this or another download of the order, whose archives have the same sizes and checksums.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Twin {
    /// Id of the download.
    pub download: Uuid,
    /// Number of its build.
    pub build: u32,
}

/// Reason of a download's due date.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Due {
    /// The build must have progressed by this time.
    Build(Timestamp),
    /// The download is at rest, and its email must have been created by this time.
    Notification(Timestamp),
}

/// Record of a download.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Download {
    /// Studio of the download.
    pub studio: Studio,
    /// Id of the download, a UUIDv7.
    pub id: Uuid,
    /// Id of the order.
    pub order: Uuid,
    /// Status of the download.
    pub status: DownloadStatus,
    /// ZIP of all photos, or one bare file.
    pub kind: DownloadKind,
    /// Originals or previews.
    pub variant: Variant,
    /// Id of the photo of a single download.
    pub photo: Option<Uuid>,
    /// Photos of the order that a ZIP contains; `None` for all.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub selection: Option<Selection>,
    /// Number of the build. A retry or rebuild increments it; claims and crashes do not.
    pub build: u32,
    /// Largest size of an archive in bytes, except for a single larger photo; `None` for one archive.
    pub split_bytes: Option<u64>,
    /// Files: the archives, or the photo of a single download.
    #[serde(flatten)]
    pub files: Files,
    /// Whether the customer may choose between originals and previews.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub both_sizes: bool,
    /// Build with the same archives, from which they are copied.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub twin: Option<Twin>,
    /// Checkpoint of the build, from which the next owner continues.
    pub position: Option<Position>,
    /// Number of photos.
    pub photo_count: u32,
    /// Progress of the build.
    pub progress: Progress,
    /// Reason of the failure.
    pub error: Option<RecordError>,
    /// Attempts, owner and lease.
    pub work: JobState,
    /// Number of days that the link works, counted from when the download is ready.
    pub expires_in_days: u32,
    /// Time at which the link expires, set when the download becomes ready.
    pub expires_at: Option<Timestamp>,
    /// Largest number of counted downloads; `None` means unlimited.
    pub max_downloads: Option<u32>,
    /// Number of counted downloads so far.
    pub download_count: u32,
    /// End of the window in which further downloads are not counted.
    pub window_until: Option<Timestamp>,
    /// Files that the customer fetched.
    #[serde(default, skip_serializing_if = "Fetches::is_empty")]
    pub fetches: Fetches,
    /// PIN that the page asks for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub pin: Option<Pin>,
    /// Time at which the customer last asked for a new link.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub renewal_asked_at: Option<Timestamp>,
    /// Generation of the links. A higher number makes existing links stop working.
    pub generation: u32,
    /// Whether the customer receives an email about the result.
    pub notify: bool,
    /// Build whose failure the customer is notified of: the first failed one since the last success.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub failure_told: Option<u32>,
    /// Time at which the record was created.
    pub created_at: Timestamp,
    /// Time at which the download became ready.
    pub ready_at: Option<Timestamp>,
    /// Time at which its order was erased and its objects were deleted.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub erased_at: Option<Timestamp>,
    /// Address that its emails go to; `None` for the order's customer.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub recipient: Option<EmailAddress>,
    /// Time at which the shop last named the recipient.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub addressed_at: Option<Timestamp>,
    /// Time at which an email about the download bounced for good, or its recipient complained.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub undelivered_at: Option<Timestamp>,
    /// Time by which the event of the customer's last fetch or request must be written; `None` once it is.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub publish_by: Option<Timestamp>,
    /// Time of the last notice that was given.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub noticed_until: Option<Timestamp>,
    /// Time until which writes of builds may arrive; set when the download is revoked.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub late_writes_until: Option<Timestamp>,
}

/// Reason why a link does not work.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Closed {
    /// The download is still being built.
    NotReady,
    /// The build failed.
    Failed,
    /// The link has expired.
    Expired,
    /// The studio revoked the download.
    Revoked,
    /// No counted downloads are left.
    Spent,
    /// The page asks for the PIN.
    NeedsPin,
    /// The download has no such file.
    NoSuchFile,
}

impl Download {
    /// Returns the key of this build's archive, or of one of its archives, from 1.
    pub fn archive(&self, volume: Option<u32>) -> ObjectKey {
        ObjectKey::Archive { studio: self.studio.clone(), download: self.id, build: self.build, volume }
    }

    /// Returns the key of the index of this build's archives.
    pub fn index(&self) -> ObjectKey {
        ObjectKey::ArchiveIndex { studio: self.studio.clone(), download: self.id, build: self.build }
    }

    /// Returns the built file with this number, from 1.
    pub fn volume(&self, number: usize) -> Option<&BuiltFile> {
        self.files.built().get(number.checked_sub(1)?)
    }

    /// Returns the id of the download of the same photos in the other size. That download's other size is this one.
    pub fn other_size_id(&self) -> Uuid {
        // The last bit is random in a UUIDv7, so both are listed beside each other.
        Uuid::from_u128(self.id.as_u128() ^ 1)
    }

    /// Creates the download of the same photos in the other size, with the same terms.
    #[must_use]
    pub fn in_other_size(&self, now: Timestamp) -> Self {
        Self {
            id: self.other_size_id(),
            status: DownloadStatus::Pending,
            variant: self.variant.other(),
            build: 1,
            files: Files::Unknown,
            twin: None,
            position: None,
            progress: Progress { done: 0, total: self.photo_count },
            error: None,
            work: JobState::sent(now),
            expires_at: None,
            download_count: 0,
            window_until: None,
            fetches: Fetches::default(),
            pin: self.pin.as_ref().map(|pin| Pin::new(pin.hash.clone())),
            renewal_asked_at: None,
            generation: 1,
            failure_told: None,
            created_at: now,
            ready_at: None,
            erased_at: None,
            undelivered_at: None,
            publish_by: None,
            noticed_until: None,
            late_writes_until: None,
            ..self.clone()
        }
    }

    /// Returns the last build if it has the same archives as this plan.
    pub fn twin_of(&self, plan: &[BuiltFile]) -> Option<Twin> {
        let built = self.files.built();
        let is_same = |(a, b): (&BuiltFile, &BuiltFile)| (a.size, a.crc32) == (b.size, b.crc32);
        let are_same = self.kind == DownloadKind::Batch && built.len() == plan.len() && !plan.is_empty();
        (are_same && built.iter().zip(plan).all(is_same)).then_some(Twin { download: self.id, build: self.build })
    }

    /// Returns the keys of the archives, planned or built. Excludes a bare photo, whose file is the original itself.
    pub fn archive_keys(&self) -> impl Iterator<Item = ObjectKey> {
        let keys = self.files.known().iter().filter_map(|file| ObjectKey::parse(&file.path));
        keys.filter(|key| matches!(key, ObjectKey::Archive { .. }))
    }

    /// Returns the reason of the due date; `None` without a due date.
    pub fn due(&self) -> Option<Due> {
        let at = self.work.due_at?;
        Some(if self.is_at_rest() { Due::Notification(at) } else { Due::Build(at) })
    }

    /// Returns whether no build is pending or in progress.
    pub fn is_at_rest(&self) -> bool {
        matches!(self.status, DownloadStatus::Ready | DownloadStatus::Failed | DownloadStatus::Revoked)
    }

    /// Returns the size of all files in bytes; `None` before they are planned.
    pub fn size(&self) -> Option<u64> {
        self.files.known().iter().map(|file| file.size).reduce(u64::saturating_add)
    }

    /// Returns whether the customer can download the files at `now`.
    pub fn is_ready(&self, now: Timestamp) -> bool {
        self.opens(now).is_ok()
    }

    /// Checks whether the customer can download the files at `now`: ready, not expired, not revoked, and with counted
    /// downloads left or an open window. The error is the reason.
    pub fn opens(&self, now: Timestamp) -> Result<(), Closed> {
        match self.status {
            DownloadStatus::Pending | DownloadStatus::Processing => return Err(Closed::NotReady),
            DownloadStatus::Failed => return Err(Closed::Failed),
            DownloadStatus::Revoked => return Err(Closed::Revoked),
            DownloadStatus::Ready => {}
        }
        if self.expires_at.is_some_and(|at| at <= now) {
            return Err(Closed::Expired);
        }
        let spent = self.max_downloads.is_some_and(|max| self.download_count >= max);
        if spent && !self.window_open(now) { Err(Closed::Spent) } else { Ok(()) }
    }

    fn window_open(&self, now: Timestamp) -> bool {
        self.window_until.is_some_and(|until| until > now)
    }

    /// Starts a new build whose link works as long and as often as the first one's.
    pub fn renew(&mut self, now: Timestamp, requested_by: Option<Uuid>) -> Result<(), RestartError> {
        self.restart(now, requested_by)?;
        self.download_count = 0;
        self.window_until = None;
        Ok(())
    }

    /// Records that the customer asks for a new link at `now`; `false` if that is not possible: the link works, or was
    /// revoked, or was asked for less than [`RENEWAL_INTERVAL`] ago.
    pub fn ask_for_renewal(&mut self, now: Timestamp) -> bool {
        let is_over = matches!(self.opens(now), Err(Closed::Expired | Closed::Spent));
        let may_ask_from = self.renewal_asked_at.and_then(|at| at.checked_add(RENEWAL_INTERVAL).ok());
        if !is_over || may_ask_from.is_some_and(|from| from > now) {
            return false;
        }
        self.renewal_asked(now);
        true
    }

    /// Records that the customer asks for a new link at `now`.
    pub fn renewal_asked(&mut self, now: Timestamp) {
        self.renewal_asked_at = Some(now);
        self.publish_by = now.checked_add(GRACE).ok();
    }

    /// Checks whether the customer can fetch this file at `now`.
    pub fn offers(&self, now: Timestamp, file: DownloadFile) -> Result<(), Closed> {
        self.opens(now)?;
        match file {
            DownloadFile::Volume(number) if self.volume(number.into()).is_none() => Err(Closed::NoSuchFile),
            DownloadFile::OtherSize(_) if !self.both_sizes => Err(Closed::NoSuchFile),
            DownloadFile::Volume(_) | DownloadFile::Photo(_) | DownloadFile::OtherSize(_) => Ok(()),
        }
    }

    /// Counts a download of this file, unless a window is open.
    pub fn fetch(&mut self, now: Timestamp, file: DownloadFile, by: FetchedBy) -> Result<(), Closed> {
        self.offers(now, file)?;
        if !self.window_open(now) {
            self.download_count += 1;
            self.window_until = now.saturating_add(RESUME_WINDOW).ok();
            self.publish_by = now.checked_add(GRACE).ok();
        }
        let opened = self.window_until.and_then(|until| until.checked_sub(RESUME_WINDOW).ok()).unwrap_or(now);
        self.fetches.record(Fetch { at: now, file, by }, opened);
        Ok(())
    }
}

#[cfg(test)]
mod tests;
