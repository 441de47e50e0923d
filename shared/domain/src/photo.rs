//! A photo: one original, what is known about it, and what was made of it.

mod exif;
mod file_types;
mod state;

pub use exif::{Exif, Gps, TakenAt};
pub use file_types::{FILE_TYPES, FileType};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::{error::RecordError, job_state::JobState, object_key::ObjectKey, studio::Studio};

/// Raised when developing changes what it makes, so that older photos can be found and made anew.
pub const PROCESSOR_VERSION: u32 = 2;

/// Where a photo stands: `awaiting_upload` until its original is stored, for 7 days at most unless an order holds it; `pending` and `processing` until it
/// is developed; then `ready`, or `failed` with an `error` that says why; `deleting` on its way out.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "snake_case")]
pub enum PhotoStatus {
    /// The record exists, its original does not yet; expires after 7 days, unless an order holds it.
    AwaitingUpload,
    /// To be developed (again).
    Pending,
    /// A worker holds the claim.
    Processing,
    /// Developed, or stored as it is where its format can't be developed yet.
    Ready,
    /// Refused or given up; `error` says why.
    Failed,
    /// On its way out: asked to be deleted again, it goes on with that.
    Deleting,
}

impl PhotoStatus {
    /// The status as records and answers spell it.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::AwaitingUpload => "awaiting_upload",
            Self::Pending => "pending",
            Self::Processing => "processing",
            Self::Ready => "ready",
            Self::Failed => "failed",
            Self::Deleting => "deleting",
        }
    }
}

/// One of the pictures made from an original.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Derivative {
    /// Pixels, upright.
    pub width: u32,
    /// Pixels, upright.
    pub height: u32,
    /// Bytes.
    pub size: u64,
    /// CRC-32 (IEEE) of the object, so that an archive of previews needs no reading either.
    pub crc32: u32,
    /// SHA-256, lower-case hex, for an archive's manifest.
    pub sha256: String,
    /// As S3 returned it, with quotes.
    pub etag: String,
}

/// What was made of an original.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Derivatives {
    /// Preview (2048 px) and thumbnail (400 px).
    Made {
        /// Long edge 2048 px at most.
        preview: Derivative,
        /// Long edge 400 px at most.
        thumb: Derivative,
    },
    /// A coding that the processor does not decode: stored and deliverable, but not developed.
    UnsupportedFormat,
}

/// What developing found out about an original; all of it is set in one write.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Development {
    /// What the bytes are, whatever was declared.
    pub sniffed_content_type: String,
    /// SHA-256 of the original, lower-case hex.
    pub sha256: String,
    /// CRC-32 (IEEE) of the original.
    pub crc32: u32,
    /// Pixels, upright; `None` where the format can't be read.
    pub width: Option<u32>,
    /// Pixels, upright.
    pub height: Option<u32>,
    /// EXIF orientation, 1 to 8.
    pub orientation: u8,
    /// What the camera wrote.
    pub exif: Exif,
    /// base64 of the thumbhash.
    pub thumbhash: Option<String>,
    /// The pictures made.
    pub derivatives: Derivatives,
    /// [`PROCESSOR_VERSION`] at the time.
    pub processor_version: u32,
}

/// The record.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Photo {
    /// Owner.
    pub studio: Studio,
    /// UUIDv7.
    pub id: Uuid,
    /// Where it stands.
    pub status: PhotoStatus,
    /// The photographer's name for it, as given.
    pub filename: String,
    /// The content type declared at upload.
    pub content_type: String,
    /// Bytes, as declared; after the upload, as S3 says.
    pub size: u64,
    /// SHA-256 that the uploader declared, lower-case hex.
    pub declared_sha256: Option<String>,
    /// The stored original's ETag, with quotes, once seen.
    pub etag: Option<String>,
    /// Set by developing.
    pub development: Option<Development>,
    /// Tries, owner, lease.
    pub work: JobState,
    /// Why it failed.
    pub error: Option<RecordError>,
    /// While its deletion is marked, the status before; see [`Photo::deletion`].
    #[serde(default, skip_serializing_if = "Option::is_none")]
    before_deleting: Option<PhotoStatus>,
    /// When the last upload URL expires that was given out.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub upload_until: Option<Timestamp>,
    /// An order was made, or begun, while it waited for its upload: it is not forgotten.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub ordered: bool,
    /// When the record was made.
    pub created_at: Timestamp,
    /// When S3 said that the original arrived.
    pub uploaded_at: Option<Timestamp>,
    /// When it became ready or failed.
    pub processed_at: Option<Timestamp>,
}

/// Deletion of a photo.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Deletion {
    /// Nobody deletes it.
    None,
    /// A request deletes it, and takes that back if an order has it.
    Marked {
        /// The status that it returns to then.
        before: PhotoStatus,
    },
    /// No order has it and none will: it is not kept any more.
    Condemned,
}

/// A photo as it is announced.
#[derive(Debug, Clone)]
pub struct Announcement {
    /// The photographer's name for it.
    pub filename: String,
    /// The declared content type.
    pub content_type: String,
    /// The declared size in bytes.
    pub size: u64,
    /// The declared SHA-256, lower-case hex.
    pub declared_sha256: Option<String>,
}

impl Photo {
    /// A photo that waits for its upload until `upload_until`.
    pub fn announced(studio: Studio, id: Uuid, new: Announcement, now: Timestamp, upload_until: Timestamp) -> Self {
        let mut photo = Self {
            studio,
            id,
            status: PhotoStatus::AwaitingUpload,
            filename: new.filename,
            content_type: new.content_type,
            size: new.size,
            declared_sha256: new.declared_sha256,
            etag: None,
            development: None,
            work: JobState::default(),
            error: None,
            before_deleting: None,
            upload_until: None,
            ordered: false,
            created_at: now,
            uploaded_at: None,
            processed_at: None,
        };
        photo.offer_upload(upload_until);
        photo
    }

    /// Returns where its deletion stands.
    pub fn deletion(&self) -> Deletion {
        match (self.status, self.before_deleting) {
            (PhotoStatus::Deleting, Some(before)) => Deletion::Marked { before },
            (PhotoStatus::Deleting, None) => Deletion::Condemned,
            _ => Deletion::None,
        }
    }

    /// Where the original lies.
    pub fn original(&self) -> ObjectKey {
        ObjectKey::Original { studio: self.studio.clone(), photo: self.id }
    }
}

/// An original is held in memory while it is developed; 256 MiB is more than any camera writes.
pub const MAX_ORIGINAL_BYTES: u64 = 256 << 20;
