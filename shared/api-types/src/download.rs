//! Downloads.

use domain::{
    download::{BuiltFile, Download, DownloadFile, DownloadKind, DownloadStatus, Fetch, FetchedBy, Progress, Variant},
    email::Email,
};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use uuid::Uuid;

use crate::hex;

/// State of a download.
///
/// A download is `pending` and then `processing` until it is built. Then it is `ready`, and `expired` once its link has
/// expired. It is `failed` if it could not be built; `error_code` gives the reason. It is `revoked` after the studio
/// has revoked it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum DownloadState {
    /// Waiting for a worker.
    Pending,
    /// A worker is building the archive.
    Processing,
    /// The customer can download the files.
    Ready,
    /// The build failed.
    Failed,
    /// The studio revoked the download.
    Revoked,
    /// The link has expired.
    Expired,
}

/// A download.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
#[schema(as = Download)]
pub struct DownloadView {
    /// Id of the download, a UUIDv7.
    pub id: Uuid,
    /// Id of the order.
    pub order_id: Uuid,
    /// State of the download.
    pub status: DownloadState,
    /// Whether the customer can download the files now. `false` if no counted downloads are left.
    pub is_ready: bool,
    /// `batch`: all photos in a ZIP. `single`: one photo as a bare file.
    pub kind: DownloadKind,
    /// Originals or web versions.
    pub variant: Variant,
    /// Id of the photo, for a download of a single photo.
    pub photo_id: Option<Uuid>,
    /// Number of the current build; each retry increments it.
    pub build: u32,
    /// Object key of the built file; of several archives, the first.
    pub file_path: Option<String>,
    /// Total size of all files in bytes, known before they are built.
    pub file_size_bytes: Option<u64>,
    /// CRC-32 of the file in 8 hexadecimal digits; `null` for several archives.
    pub crc32: Option<String>,
    /// Largest size of an archive in bytes. Only an archive that contains a single photo can be larger.
    pub split_bytes: Option<u64>,
    /// Archives, planned or built.
    pub archives: Vec<Archive>,
    /// Number of photos in the download.
    pub photo_count: u32,
    /// Whether the customer may choose between originals and previews.
    pub both_sizes: bool,
    /// State of the page's PIN: `none`, `set`, or `locked` after 100 wrong tries, until another is set.
    pub pin: PinState,
    /// Time at which the customer last asked for a new link.
    #[schema(value_type = Option<String>, format = DateTime)]
    pub renewal_asked_at: Option<Timestamp>,
    /// Progress of the build, in photos.
    pub progress: Progress,
    /// Error code of the failure, for programs.
    pub error_code: Option<String>,
    /// Message of the failure, for people.
    pub error_message: Option<String>,
    /// Number of attempts so far.
    pub attempts: u32,
    /// Id of the email that tells the customer about the result, set shortly after the build; `null` until then, and
    /// with `notify: false`.
    pub email_id: Option<Uuid>,
    /// Time at which the link expires.
    #[schema(value_type = Option<String>, format = DateTime)]
    pub expires_at: Option<Timestamp>,
    /// Largest number of counted downloads; `null` means unlimited.
    pub max_downloads: Option<u32>,
    /// Number of counted downloads so far.
    pub download_count: u32,
    /// Time of the request.
    #[schema(value_type = String, format = DateTime)]
    pub created_at: Timestamp,
    /// Address that emails about the download go to, if it is not the order's.
    #[schema(format = Email)]
    pub recipient: Option<String>,
    /// Time at which an email about the download bounced for good, or its recipient complained. Status and link stay.
    #[schema(value_type = Option<String>, format = DateTime)]
    pub undelivered_at: Option<Timestamp>,
    /// Time at which the download became ready.
    #[schema(value_type = Option<String>, format = DateTime)]
    pub ready_at: Option<Timestamp>,
}

/// One archive of a download.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
pub struct Archive {
    /// Object key of the archive.
    pub path: String,
    /// Size in bytes.
    pub size_bytes: u64,
    /// CRC-32 in 8 hexadecimal digits.
    pub crc32: String,
}

/// A download and the customer's link to it.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
pub struct DownloadWithLink {
    /// The download.
    pub download: DownloadView,
    /// Link for the customer: a page from which the files can be downloaded.
    pub link: String,
}

/// A download with its list of files.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
pub struct DownloadWithFiles {
    /// The download.
    #[serde(flatten)]
    pub download: DownloadView,
    /// Files in the archives; `null` for a single photo, and before the archives are planned.
    pub files: Option<Vec<FileView>>,
    /// What the customer fetched, oldest first: the last 100 fetches. A repetition within 24 hours of a counted download
    /// is left out.
    pub fetches: Vec<FetchView>,
}

/// State of the PIN of a download's page.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum PinState {
    /// The page asks for none.
    None,
    /// The page asks for it.
    Set,
    /// The page takes no more tries until the studio sets another.
    Locked,
}

/// A file that the customer fetched.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
#[schema(as = Fetch)]
pub struct FetchView {
    /// Time.
    #[schema(value_type = String, format = DateTime)]
    pub at: Timestamp,
    /// Way: `zip`, `single`, or `phone` for a photo that was handed to a phone's photo library.
    pub by: FetchedBy,
    /// Originals or previews.
    pub variant: Variant,
    /// Id of the photo; `null` for an archive.
    pub photo_id: Option<Uuid>,
    /// Number of the archive, from 1; `null` for a photo.
    pub volume: Option<u16>,
}

/// A file in an archive.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
#[schema(as = File)]
pub struct FileView {
    /// Name in the archive.
    pub name: String,
    /// Size in bytes.
    pub size_bytes: u64,
    /// CRC-32 in 8 hexadecimal digits.
    pub crc32: String,
    /// Id of the photo; `null` for the manifest.
    pub photo_id: Option<Uuid>,
    /// Number of the archive that contains the file, from 1; `null` if there is one archive.
    pub volume: Option<u32>,
    /// Offset of the file's bytes in the archive. One range request fetches them.
    pub offset: u64,
}

impl PinState {
    /// Returns the state of the download's PIN.
    pub fn of(download: &Download) -> Self {
        match &download.pin {
            None => Self::None,
            Some(pin) if pin.is_locked() => Self::Locked,
            Some(_) => Self::Set,
        }
    }
}

impl FetchView {
    /// Returns what the customer of this download fetched.
    pub fn all_of(download: &Download) -> Vec<Self> {
        let view = |fetch: &Fetch| {
            let (photo_id, volume) = match (fetch.file, download.photo) {
                (DownloadFile::Photo(id) | DownloadFile::OtherSize(id), _) | (DownloadFile::Volume(_), Some(id)) => {
                    (Some(id), None)
                }
                (DownloadFile::Volume(number), None) => (None, Some(number)),
            };
            let is_other = matches!(fetch.file, DownloadFile::OtherSize(_));
            let variant = if is_other { download.variant.other() } else { download.variant };
            Self { at: fetch.at, by: fetch.by, variant, photo_id, volume }
        };
        download.fetches.iter().map(view).collect()
    }
}

impl DownloadView {
    /// Returns the view of the download at `now`.
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
            // Each of several archives has its own checksum; no checksum covers them all.
            crc32: if let [only] = known[..] { Some(hex(only.crc32)) } else { None },
            split_bytes: download.split_bytes,
            archives: known.iter().map(archive).collect(),
            photo_count: download.photo_count,
            both_sizes: download.both_sizes,
            pin: PinState::of(download),
            renewal_asked_at: download.renewal_asked_at,
            progress: download.progress,
            error_code: download.error.as_ref().map(|error| error.code.clone()),
            error_message: download.error.as_ref().map(|error| error.message.clone()),
            attempts: download.work.attempts,
            email_id: Email::id_telling_of(download),
            expires_at: download.expires_at,
            max_downloads: download.max_downloads,
            download_count: download.download_count,
            created_at: download.created_at,
            recipient: download.recipient.as_ref().map(|address| address.as_str().to_owned()),
            undelivered_at: download.undelivered_at,
            ready_at: download.ready_at,
        }
    }
}

impl DownloadState {
    /// Returns the stored status of downloads in this state.
    pub fn stored(self) -> DownloadStatus {
        match self {
            Self::Pending => DownloadStatus::Pending,
            Self::Processing => DownloadStatus::Processing,
            Self::Ready | Self::Expired => DownloadStatus::Ready,
            Self::Failed => DownloadStatus::Failed,
            Self::Revoked => DownloadStatus::Revoked,
        }
    }

    /// Returns the state of the download at `now`: its stored status, or `Expired`.
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
