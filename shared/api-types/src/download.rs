//! Downloads.

use domain::{
    download::{BuiltFile, Download, DownloadKind, DownloadStatus, Progress, Variant},
    email::Email,
};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use uuid::Uuid;

use crate::hex;

/// Where a download stands: `pending` and `processing` until it is built; then `ready`, and after its days `expired`; or `failed`,
/// and `error_code` says why; `revoked` once the studio has taken it back.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum DownloadState {
    /// To be built.
    Pending,
    /// Being built.
    Processing,
    /// The customer can fetch it.
    Ready,
    /// It could not be built.
    Failed,
    /// The studio took it back.
    Revoked,
    /// Its days are over.
    Expired,
}

/// A download.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
#[schema(as = Download)]
pub struct DownloadView {
    /// UUIDv7.
    pub id: Uuid,
    /// Of which order.
    pub order_id: Uuid,
    /// Where it stands.
    pub status: DownloadState,
    /// Can the customer fetch it now? Not if its counted downloads are used up.
    pub is_ready: bool,
    /// All photos in a ZIP, or one photo as it is.
    pub kind: DownloadKind,
    /// Originals or web versions.
    pub variant: Variant,
    /// The photo of a single download.
    pub photo_id: Option<Uuid>,
    /// Raised by each retry.
    pub build: u32,
    /// The finished file's key; of several the first.
    pub file_path: Option<String>,
    /// Of all files; known before they are built.
    pub file_size_bytes: Option<u64>,
    /// CRC-32 of the file, in hexadecimal digits; `null` where there are several.
    pub crc32: Option<String>,
    /// No archive is longer than this, but for one photo that is longer.
    pub split_bytes: Option<u64>,
    /// The archives, as they are or will be.
    pub archives: Vec<Archive>,
    /// How many photos.
    pub photo_count: u32,
    /// How far the build is.
    pub progress: Progress,
    /// Why it failed, for programs.
    pub error_code: Option<String>,
    /// Why it failed, for people.
    pub error_message: Option<String>,
    /// Tries so far.
    pub attempts: u32,
    /// The email that tells the customer how it ended, a moment later; `null` until then, and with `notify: false`.
    pub email_id: Option<Uuid>,
    /// When the link stops opening it.
    #[schema(value_type = Option<String>, format = DateTime)]
    pub expires_at: Option<Timestamp>,
    /// Counted downloads allowed; `null` is no bound.
    pub max_downloads: Option<u32>,
    /// Counted downloads so far.
    pub download_count: u32,
    /// When it was asked for.
    #[schema(value_type = String, format = DateTime)]
    pub created_at: Timestamp,
    /// When it became ready.
    #[schema(value_type = Option<String>, format = DateTime)]
    pub ready_at: Option<Timestamp>,
}

/// One archive of a download.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
pub struct Archive {
    /// Its key.
    pub path: String,
    /// Its size.
    pub size_bytes: u64,
    /// CRC-32, in hexadecimal digits.
    pub crc32: String,
}

/// A download and the customer's link to it.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
pub struct DownloadWithLink {
    /// The download.
    pub download: DownloadView,
    /// For the customer: a page, and from there the file.
    pub link: String,
}

/// A download with its list of files.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
pub struct DownloadWithFiles {
    /// The download.
    #[serde(flatten)]
    pub download: DownloadView,
    /// The files in its archives; `null` for a single file, and while nobody has laid them out.
    pub files: Option<Vec<FileView>>,
}

/// A file in an archive.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
#[schema(as = File)]
pub struct FileView {
    /// Its name there.
    pub name: String,
    /// Its size.
    pub size_bytes: u64,
    /// CRC-32, in hexadecimal digits.
    pub crc32: String,
    /// Which photo; `null` for the manifest.
    pub photo_id: Option<Uuid>,
    /// In which of several archives, from 1.
    pub volume: Option<u32>,
    /// Where its bytes begin in the archive: one range fetches them.
    pub offset: u64,
}

impl DownloadView {
    /// As it is at `now`.
    pub fn new(download: &Download, now: Timestamp) -> Self {
        let file = download.files.built().first();
        let known: Vec<&BuiltFile> = download.files.known().iter().collect();
        let archive =
            |file: &&BuiltFile| Archive { path: file.path.clone(), size_bytes: file.size, crc32: hex(file.crc32) };
        Self {
            id: download.id,
            order_id: download.order,
            status: DownloadState::of(download, now),
            is_ready: download.is_ready(now),
            kind: download.kind,
            variant: download.variant,
            photo_id: download.photo,
            build: download.build,
            file_path: file.map(|file| file.path.clone()),
            file_size_bytes: download.size(),
            // Of several archives each has its own, and there is none of all together.
            crc32: if let [only] = known[..] { Some(hex(only.crc32)) } else { None },
            split_bytes: download.split_bytes,
            archives: known.iter().map(archive).collect(),
            photo_count: download.photo_count,
            progress: download.progress,
            error_code: download.error.as_ref().map(|error| error.code.clone()),
            error_message: download.error.as_ref().map(|error| error.message.clone()),
            attempts: download.work.attempts,
            email_id: Email::id_telling_of(download),
            expires_at: download.expires_at,
            max_downloads: download.max_downloads,
            download_count: download.download_count,
            created_at: download.created_at,
            ready_at: download.ready_at,
        }
    }
}

impl DownloadState {
    /// The status that records of this state are stored with.
    pub fn stored(self) -> DownloadStatus {
        match self {
            Self::Pending => DownloadStatus::Pending,
            Self::Processing => DownloadStatus::Processing,
            Self::Ready | Self::Expired => DownloadStatus::Ready,
            Self::Failed => DownloadStatus::Failed,
            Self::Revoked => DownloadStatus::Revoked,
        }
    }

    /// The stored status, or that its days are over at `now`.
    pub fn of(download: &Download, now: Timestamp) -> Self {
        match download.status {
            DownloadStatus::Pending => Self::Pending,
            DownloadStatus::Processing => Self::Processing,
            DownloadStatus::Ready if download.expires_at.is_some_and(|at| at <= now) => Self::Expired,
            DownloadStatus::Ready => Self::Ready,
            DownloadStatus::Failed => Self::Failed,
            DownloadStatus::Revoked => Self::Revoked,
        }
    }
}
