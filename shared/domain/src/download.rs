//! A download: one deliverable made of an order, and the rules by which its link opens.

use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::{
    error::RecordError,
    job_state::{Claim, JobState, MAX_TRIES_DOWNLOAD, NotAgain, NotOwner, TryId},
    object_key::ObjectKey,
    studio::Studio,
};

/// One counted POST on a link opens a window in which further ones are free, so that an interrupted download resumes.
pub const RESUME_WINDOW: SignedDuration = SignedDuration::from_hours(24);

/// Days that a link lives when the request names none.
pub const DEFAULT_EXPIRES_IN_DAYS: u32 = 7;

/// One archive of several photos, or one bare file.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "snake_case")]
pub enum DownloadKind {
    /// All photos of the order in one ZIP.
    Batch,
    /// One photo as it is, ready at once.
    Single,
}

/// Which bytes of each photo.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "snake_case")]
pub enum Variant {
    /// As uploaded.
    #[default]
    Original,
    /// The preview.
    Web,
}

/// Where a download stands; `expired` is derived, never stored.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum DownloadStatus {
    /// To be built.
    Pending,
    /// A worker holds the claim.
    Processing,
    /// The file lies in S3.
    Ready,
    /// Refused or given up.
    Failed,
    /// Taken back by the studio.
    Revoked,
}

impl DownloadStatus {
    /// The status as records and answers spell it.
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

/// How far a build is, in photos.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Progress {
    /// Photos whose last byte is stored.
    pub done: u32,
    /// Photos in all.
    pub total: u32,
}

/// The finished file.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct BuiltFile {
    /// Its key in the bucket it lies in.
    pub path: String,
    /// Bytes.
    pub size: u64,
    /// CRC-32 (IEEE) of the whole file.
    pub crc32: u32,
}

/// Where a build under way can be gone on with. What it has done so far, S3 itself lists.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Position {
    /// The archive's multipart upload.
    pub upload_id: String,
    /// Fingerprint of the plan by which its parts were made, in hex: parts of another plan are worthless.
    pub plan: String,
}

/// Files of a download: not known, known before they are built, or built.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(from = "StoredFiles", into = "StoredFiles")]
pub enum Files {
    /// Nothing is known of them: a build that was begun by operators or by SQS's redrive, and not laid out yet.
    #[default]
    Unknown,
    /// The archives as they will be, at least one.
    Planned(Vec<BuiltFile>),
    /// The files as they are, at least one.
    Built(Vec<BuiltFile>),
}

/// The attributes that records have had for their files from the beginning.
#[derive(Clone, Serialize, Deserialize)]
struct StoredFiles {
    #[serde(default)]
    planned: Vec<BuiltFile>,
    #[serde(default)]
    file: Option<BuiltFile>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    more_files: Vec<BuiltFile>,
}

impl From<StoredFiles> for Files {
    fn from(StoredFiles { planned, file, more_files }: StoredFiles) -> Self {
        match file {
            Some(file) => Self::Built(std::iter::once(file).chain(more_files).collect()),
            None if planned.is_empty() => Self::Unknown,
            None => Self::Planned(planned),
        }
    }
}

impl From<Files> for StoredFiles {
    fn from(files: Files) -> Self {
        let none = Self { planned: Vec::new(), file: None, more_files: Vec::new() };
        match files {
            Files::Unknown => none,
            Files::Planned(planned) => Self { planned, ..none },
            Files::Built(files) => {
                let mut files = files.into_iter();
                Self { file: files.next(), more_files: files.collect(), ..none }
            }
        }
    }
}

impl Files {
    /// The built files.
    pub fn built(&self) -> &[BuiltFile] {
        match self {
            Self::Built(files) => files,
            Self::Unknown | Self::Planned(_) => &[],
        }
    }

    /// The built files, or the planned ones before they are built.
    pub fn known(&self) -> &[BuiltFile] {
        match self {
            Self::Built(files) | Self::Planned(files) => files,
            Self::Unknown => &[],
        }
    }
}

/// Why a download has a due date.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Due {
    /// Its build must have moved by then.
    Build(Timestamp),
    /// It is at rest, and the email that tells the customer must be on its way by then.
    Notification(Timestamp),
}

/// The record.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Download {
    /// Owner.
    pub studio: Studio,
    /// UUIDv7.
    pub id: Uuid,
    /// What it was made of.
    pub order: Uuid,
    /// Where it stands.
    pub status: DownloadStatus,
    /// One ZIP or one bare file.
    pub kind: DownloadKind,
    /// Originals or previews.
    pub variant: Variant,
    /// The photo of a single download.
    pub photo: Option<Uuid>,
    /// Raised by a retry or rebuild only; it survives claims and crashes.
    pub build: u32,
    /// Archives are to be no longer than this, in bytes, but for one photo that is longer; `None` for one archive.
    pub split_bytes: Option<u64>,
    /// Its files: the archives, or the photo of a single download.
    #[serde(flatten)]
    pub files: Files,
    /// What of the build is in S3 and not yet an archive, so that the next owner goes on with it.
    pub position: Option<Position>,
    /// How many photos.
    pub photo_count: u32,
    /// How far.
    pub progress: Progress,
    /// Why it failed.
    pub error: Option<RecordError>,
    /// Tries, owner, lease.
    pub work: JobState,
    /// Days that the link lives, counted from ready.
    pub expires_in_days: u32,
    /// Set when ready.
    pub expires_at: Option<Timestamp>,
    /// Counted downloads allowed; `None` is no bound.
    pub max_downloads: Option<u32>,
    /// Counted downloads so far.
    pub download_count: u32,
    /// Until when further POSTs on the link are free.
    pub window_until: Option<Timestamp>,
    /// Raised to make every link so far worthless.
    pub generation: u32,
    /// Is the customer told by email?
    pub notify: bool,
    /// The build whose failure the customer is told: the first that failed since one went well.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub failure_told: Option<u32>,
    /// When the record was made.
    pub created_at: Timestamp,
    /// When it became ready.
    pub ready_at: Option<Timestamp>,
    /// When its order was erased and its objects were deleted.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub erased_at: Option<Timestamp>,
}

/// Why a link does not open.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Closed {
    /// Still being built.
    NotReady,
    /// The build failed.
    Failed,
    /// Its days are over.
    Expired,
    /// The studio took it back.
    Revoked,
    /// All counted downloads are used.
    Spent,
    /// It has no archive of this number.
    NoSuchArchive,
}

impl Download {
    /// Where the archive of this build lies, or this one of its several archives, from 1.
    pub fn archive(&self, volume: Option<u32>) -> ObjectKey {
        ObjectKey::Archive { studio: self.studio.clone(), download: self.id, build: self.build, volume }
    }

    /// Where the index of this build's archives lies.
    pub fn index(&self) -> ObjectKey {
        ObjectKey::ArchiveIndex { studio: self.studio.clone(), download: self.id, build: self.build }
    }

    /// The finished file of this number, from 1.
    pub fn volume(&self, number: usize) -> Option<&BuiltFile> {
        self.files.built().get(number.checked_sub(1)?)
    }

    /// Where its archives lie, or will. A bare photo is none: its file is the original itself.
    pub fn archive_keys(&self) -> impl Iterator<Item = ObjectKey> {
        let keys = self.files.known().iter().filter_map(|file| ObjectKey::parse(&file.path));
        keys.filter(|key| matches!(key, ObjectKey::Archive { .. }))
    }

    /// Why it has a due date; `None` where it has none.
    pub fn due(&self) -> Option<Due> {
        let at = self.work.due_at?;
        Some(if self.is_at_rest() { Due::Notification(at) } else { Due::Build(at) })
    }

    /// Is no build of it pending or under way?
    pub fn is_at_rest(&self) -> bool {
        matches!(self.status, DownloadStatus::Ready | DownloadStatus::Failed | DownloadStatus::Revoked)
    }

    /// Bytes of all files; `None` while there is no plan.
    pub fn size(&self) -> Option<u64> {
        self.files.known().iter().map(|file| file.size).reduce(u64::saturating_add)
    }

    /// Ready, not expired, not revoked, and not used up (an open window counts as not used up).
    pub fn is_ready(&self, now: Timestamp) -> bool {
        self.opens(now).is_ok()
    }

    /// May the customer fetch it at `now`? If not, why not.
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

    /// It has failed for good.
    pub fn fail(&mut self, now: Timestamp) {
        self.status = DownloadStatus::Failed;
        self.failure_told.get_or_insert(self.build);
        self.customer_waits(now);
    }

    /// At rest, but for its email: due until that is on the way. Should its sender die before, the sweep has it sent.
    fn customer_waits(&mut self, now: Timestamp) {
        self.work.due_at = JobState::sent(now).due_at.filter(|_| self.notify);
    }

    /// Another try follows.
    pub fn release(&mut self) {
        self.status = DownloadStatus::Pending;
    }

    /// It is to be built (again): a new build, of which nothing is known yet. Links stay good; counted downloads stay counted.
    pub fn restart(&mut self, now: Timestamp, ordered_by: Option<Uuid>) -> Result<(), NotAgain> {
        let work = self.work.sent_again(now, ordered_by)?;
        match self.status {
            DownloadStatus::Pending | DownloadStatus::Processing => return Err(NotAgain::UnderWay),
            DownloadStatus::Revoked => return Err(NotAgain::Impossible),
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

    /// The customer fetches the archive of this number, from 1: counts one, unless the window of an earlier one is open.
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

    /// A worker asks for the build.
    pub fn claim(&mut self, by: TryId, now: Timestamp, lease_until: Timestamp) -> Claim {
        match self.status {
            DownloadStatus::Failed if self.work.gave_up => return Claim::Exhausted,
            DownloadStatus::Ready | DownloadStatus::Failed => return Claim::Done,
            DownloadStatus::Revoked => {
                self.work.due_at = None;
                return Claim::Void;
            }
            DownloadStatus::Processing if self.work.held_at(now, by) => {
                return Claim::Held { until: self.work.lease_until.unwrap_or(now) };
            }
            _ => {}
        }
        if self.work.exhausted(MAX_TRIES_DOWNLOAD) {
            return Claim::Exhausted;
        }
        self.status = DownloadStatus::Processing;
        // Parts of an earlier attempt lie in S3: `done` stays until the build has listed them.
        self.progress.total = self.photo_count;
        self.error = None;
        self.work.claim(by, lease_until);
        Claim::Claimed
    }

    /// The archive lies in S3, proven by its checksum; or all of several.
    pub fn complete(&mut self, by: TryId, now: Timestamp, files: Vec<BuiltFile>) -> Result<(), NotOwner> {
        self.check(by)?;
        self.position = None;
        self.progress = Progress { done: self.photo_count, total: self.photo_count };
        self.make_ready(now, files);
        Ok(())
    }

    /// Ready, with its days counted from now.
    pub fn make_ready(&mut self, now: Timestamp, files: Vec<BuiltFile>) {
        self.status = DownloadStatus::Ready;
        self.failure_told = None;
        self.files = Files::Built(files);
        self.ready_at = Some(now);
        self.expires_at = now.saturating_add(SignedDuration::from_hours(24 * i64::from(self.expires_in_days))).ok();
        self.work.succeed();
        self.customer_waits(now);
    }

    /// Fencing, and a revocation in the meantime wins.
    pub fn check(&self, by: TryId) -> Result<(), NotOwner> {
        if self.status == DownloadStatus::Revoked { Err(NotOwner) } else { self.work.check(by) }
    }

    /// Taken back: every link so far is worthless from now on.
    pub fn revoke(&mut self) {
        self.status = DownloadStatus::Revoked;
        self.generation += 1;
        self.work.settle();
    }

    /// Its order was erased, and it was revoked and lost its objects. Its errors name photos.
    pub fn erase(&mut self, now: Timestamp) {
        self.erased_at = Some(now);
        self.error = None;
        self.work.cause = None;
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn pending(now: Timestamp) -> Download {
        Download {
            studio: "anna".parse().expect("valid"),
            id: Uuid::nil(),
            order: Uuid::nil(),
            status: DownloadStatus::Pending,
            kind: DownloadKind::Batch,
            variant: Variant::Original,
            photo: None,
            build: 1,
            split_bytes: None,
            files: Files::Unknown,
            position: None,
            photo_count: 1,
            progress: Progress::default(),
            error: None,
            work: JobState::default(),
            expires_in_days: 7,
            expires_at: None,
            max_downloads: None,
            download_count: 0,
            window_until: None,
            generation: 1,
            notify: true,
            failure_told: None,
            created_at: now,
            ready_at: None,
            erased_at: None,
        }
    }

    #[test]
    fn files_are_stored_as_before() {
        let now = Timestamp::from_second(1_000).expect("in range");
        let file = |path: &str| BuiltFile { path: path.into(), size: 1, crc32: 0 };
        let stored = |files| serde_json::to_value(Download { files, ..pending(now) }).expect("writes");
        for (files, planned, first, more) in [
            (Files::Unknown, json!([]), json!(null), json!(null)),
            (Files::Planned(vec![file("a"), file("b")]), json!([file("a"), file("b")]), json!(null), json!(null)),
            (Files::Built(vec![file("a")]), json!([]), json!(file("a")), json!(null)),
            (Files::Built(vec![file("a"), file("b")]), json!([]), json!(file("a")), json!([file("b")])),
        ] {
            let record = stored(files.clone());
            assert_eq!((&record["planned"], &record["file"], &record["more_files"]), (&planned, &first, &more));
            assert_eq!(serde_json::from_value::<Download>(record).expect("reads").files, files);
        }
        // The release before kept the plan of what it had built; the first release had none.
        let mut old = stored(Files::Built(vec![file("a")]));
        old["planned"] = json!([file("a")]);
        assert_eq!(serde_json::from_value::<Download>(old).expect("reads").files, Files::Built(vec![file("a")]));
        let mut oldest = stored(Files::Unknown);
        oldest.as_object_mut().expect("an object").remove("planned");
        assert_eq!(serde_json::from_value::<Download>(oldest).expect("reads").files, Files::Unknown);
    }

    #[test]
    fn due_date_at_rest_is_the_notifications() {
        let now = Timestamp::from_second(1_000).expect("in range");
        let mut download = Download { work: JobState::sent(now), ..pending(now) };
        assert!(matches!(download.due(), Some(Due::Build(_))));
        download.make_ready(now, vec![BuiltFile { path: "a".into(), size: 1, crc32: 0 }]);
        assert!(matches!(download.due(), Some(Due::Notification(_))));
        download.work.due_at = None;
        assert_eq!(download.due(), None);
    }

    #[test]
    fn an_archive_that_is_not_there_is_refused_and_counts_nothing() {
        let now = Timestamp::from_second(1_000).expect("in range");
        let mut download = pending(now);
        assert_eq!(download.fetch(now, 2), Err(Closed::NotReady));
        download.make_ready(now, vec![BuiltFile { path: "a".into(), size: 1, crc32: 0 }]);
        for volume in [0, 2] {
            assert_eq!(download.fetch(now, volume), Err(Closed::NoSuchArchive));
        }
        assert_eq!(download.download_count, 0);
        assert_eq!((download.fetch(now, 1), download.download_count), (Ok(()), 1));
    }

    #[test]
    fn claim_keeps_progress_and_new_build_resets_it() {
        let now = Timestamp::from_second(1_000).expect("in range");
        let later = Timestamp::from_second(2_000).expect("in range");
        let mut download = Download { photo_count: 8, ..pending(now) };
        assert_eq!(download.claim(TryId(Uuid::from_u128(1)), now, later), Claim::Claimed);
        assert_eq!(download.progress, Progress { done: 0, total: 8 });
        download.progress.done = 5;
        download.release();
        assert_eq!(download.claim(TryId(Uuid::from_u128(2)), later, later), Claim::Claimed);
        assert_eq!(download.progress, Progress { done: 5, total: 8 });
        download.fail(later);
        download.restart(later, None).expect("it has failed");
        assert_eq!(download.progress, Progress { done: 0, total: 8 });
    }
}
