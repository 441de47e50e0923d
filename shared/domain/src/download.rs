//! A download: the archives or the photo made from an order, and the rules by which its link works.

mod files;

pub use files::{BuiltFile, Files};
use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::{
    error::RecordError,
    job_state::{AttemptId, Claim, JobState, MAX_ATTEMPTS_DOWNLOAD, NotOwner, RestartError},
    object_key::ObjectKey,
    studio::Studio,
};

/// Window that a counted download opens. Further downloads in it are not counted, so that an interrupted one can
/// resume.
pub const RESUME_WINDOW: SignedDuration = SignedDuration::from_hours(24);

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
    /// Number of the build. A retry or rebuild increments it; claims and crashes do not.
    pub build: u32,
    /// Largest size of an archive in bytes, except for a single larger photo; `None` for one archive.
    pub split_bytes: Option<u64>,
    /// Files: the archives, or the photo of a single download.
    #[serde(flatten)]
    pub files: Files,
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
    /// The download has no archive with this number.
    NoSuchArchive,
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

    /// Marks the download as failed for good.
    pub fn fail(&mut self, now: Timestamp) {
        self.status = DownloadStatus::Failed;
        self.failure_told.get_or_insert(self.build);
        self.customer_waits(now);
    }

    /// Sets the due date of the email. If its sender crashes, the sweep finds the download and sends the email.
    fn customer_waits(&mut self, now: Timestamp) {
        self.work.due_at = JobState::sent(now).due_at.filter(|_| self.notify);
    }

    /// Releases the download for another attempt.
    pub fn release(&mut self) {
        self.status = DownloadStatus::Pending;
    }

    /// Starts a new build with unknown files. Links stay valid, and counted downloads stay counted.
    pub fn restart(&mut self, now: Timestamp, requested_by: Option<Uuid>) -> Result<(), RestartError> {
        let work = self.work.restarted(now, requested_by)?;
        match self.status {
            DownloadStatus::Pending | DownloadStatus::Processing => return Err(RestartError::UnderWay),
            DownloadStatus::Revoked => return Err(RestartError::Impossible),
            DownloadStatus::Ready | DownloadStatus::Failed => {}
        }
        self.work = work;
        self.status = DownloadStatus::Pending;
        self.build += 1;
        self.files = Files::Unknown;
        self.position = None;
        self.progress = Progress { done: 0, total: self.photo_count };
        self.error = None;
        self.expires_at = None;
        self.ready_at = None;
        Ok(())
    }

    /// Counts a download of the archive with this number, from 1, unless a window is open.
    pub fn fetch(&mut self, now: Timestamp, volume: usize) -> Result<(), Closed> {
        self.opens(now)?;
        if self.volume(volume).is_none() {
            return Err(Closed::NoSuchArchive);
        }
        if !self.window_open(now) {
            self.download_count += 1;
            self.window_until = now.saturating_add(RESUME_WINDOW).ok();
        }
        Ok(())
    }

    /// Claims the download for a build.
    pub fn claim(&mut self, by: AttemptId, now: Timestamp, lease_until: Timestamp) -> Claim {
        match self.status {
            DownloadStatus::Failed if self.work.gave_up => return Claim::Exhausted,
            DownloadStatus::Ready | DownloadStatus::Failed => return Claim::Done,
            DownloadStatus::Revoked => {
                self.work.due_at = None;
                return Claim::Void;
            }
            DownloadStatus::Processing if self.work.is_leased_at(now, by) => {
                return Claim::Leased { until: self.work.lease_until.unwrap_or(now) };
            }
            _ => {}
        }
        if self.work.exhausted(MAX_ATTEMPTS_DOWNLOAD) {
            return Claim::Exhausted;
        }
        self.status = DownloadStatus::Processing;
        // Parts of an earlier attempt can be in S3, so `done` stays until the build has listed them.
        self.progress.total = self.photo_count;
        self.error = None;
        self.work.claim(by, lease_until);
        Claim::Claimed
    }

    /// Completes the build. The checksums of all archives in S3 were verified.
    pub fn complete(&mut self, by: AttemptId, now: Timestamp, files: Vec<BuiltFile>) -> Result<(), NotOwner> {
        self.check(by)?;
        self.position = None;
        self.progress = Progress { done: self.photo_count, total: self.photo_count };
        self.make_ready(now, files);
        Ok(())
    }

    /// Marks the download as ready. Its days are counted from `now`.
    pub fn make_ready(&mut self, now: Timestamp, files: Vec<BuiltFile>) {
        self.status = DownloadStatus::Ready;
        self.failure_told = None;
        self.files = Files::Built(files);
        self.ready_at = Some(now);
        self.expires_at = now.saturating_add(SignedDuration::from_hours(24 * i64::from(self.expires_in_days))).ok();
        self.work.succeed();
        self.customer_waits(now);
    }

    /// Refuses writes of an attempt that lost the lease, or whose download was revoked meanwhile.
    pub fn check(&self, by: AttemptId) -> Result<(), NotOwner> {
        if self.status == DownloadStatus::Revoked { Err(NotOwner) } else { self.work.check(by) }
    }

    /// Revokes the download. Existing links stop working.
    pub fn revoke(&mut self) {
        self.status = DownloadStatus::Revoked;
        self.generation += 1;
        self.work.settle();
    }

    /// Marks the download as erased, after it was revoked and its objects were deleted. Errors are removed because they
    /// name photos.
    pub fn erase(&mut self, now: Timestamp) {
        self.erased_at = Some(now);
        self.error = None;
        self.work.cause = None;
    }
}

#[cfg(test)]
mod tests;
