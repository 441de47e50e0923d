//! A photo: an original, its metadata, and the pictures made from it.

mod content_type;
mod exif;
mod file_types;
mod parts;
mod state;

pub use content_type::{MAX_CONTENT_TYPE, declared_content_type};
pub use exif::{Exif, Gps, TakenAt};
pub use file_types::{FILE_TYPES, FileType};
use jiff::Timestamp;
pub use parts::{MAX_PARTS, MIN_PART_BYTES, part_count, part_size};
use serde::{Deserialize, Serialize};
use uuid::Uuid;

pub use self::state::Replaced;
use crate::{error::RecordError, incoming::Source, job_state::JobState, object_key::ObjectKey, studio::Studio};

/// Version of the processor. A change of its results increments it, so that older photos can be found and processed
/// again.
pub const PROCESSOR_VERSION: u32 = 3;

/// Status of a photo.
///
/// A photo is `awaiting_upload` until its original is stored, for at most 7 days, or 12 days after its last multipart
/// upload began, unless an order contains it. It is `pending` and `processing` until it is processed. Then it is `ready`, or `failed` with the reason in `error`. It is
/// `deleting` during its deletion.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "snake_case")]
pub enum PhotoStatus {
    /// The original is not uploaded yet. The record expires after 7 days (8 with a multipart upload), unless an order
    /// contains the photo.
    AwaitingUpload,
    /// Waiting for a worker.
    Pending,
    /// A worker is processing the photo.
    Processing,
    /// The photo is processed. If its format cannot be decoded, only the original is available.
    Ready,
    /// The photo was rejected or has run out of attempts; `error` gives the reason.
    Failed,
    /// A request is deleting the photo. Repeating the request continues an interrupted deletion. If an interrupted deletion is
    /// not repeated and nothing was deleted yet, the photo has its status before again after about 15 minutes.
    Deleting,
}

impl PhotoStatus {
    /// Returns the status as written in records and responses.
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

/// A picture made from an original.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Derivative {
    /// Width in pixels, upright.
    pub width: u32,
    /// Height in pixels, upright.
    pub height: u32,
    /// Size in bytes.
    pub size: u64,
    /// CRC-32 (IEEE) of the object, so that an archive of previews can be planned without reading them.
    pub crc32: u32,
    /// SHA-256 in lower-case hexadecimal digits, for an archive's manifest.
    pub sha256: String,
    /// ETag as S3 returned it, with quotes.
    pub etag: String,
}

/// Pictures made from an original.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Derivatives {
    /// Preview (2048 px) and thumbnail (400 px).
    Made {
        /// Preview; its long edge has at most 2048 px.
        preview: Derivative,
        /// Thumbnail; its long edge has at most 400 px.
        thumb: Derivative,
    },
    /// The processor cannot decode the file. The original is stored and can be delivered.
    UnsupportedFormat,
}

/// Result of developing an original, set in one write.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Development {
    /// Media type detected from the file's content, independent of the declared one.
    pub sniffed_content_type: String,
    /// SHA-256 of the original in lower-case hexadecimal digits.
    pub sha256: String,
    /// CRC-32 (IEEE) of the original.
    pub crc32: u32,
    /// Width in pixels, upright; `None` if the format cannot be read.
    pub width: Option<u32>,
    /// Height in pixels, upright.
    pub height: Option<u32>,
    /// EXIF orientation, 1 to 8.
    pub orientation: u8,
    /// Metadata written by the camera.
    pub exif: Exif,
    /// ThumbHash, base64.
    pub thumbhash: Option<String>,
    /// Pictures made from the original.
    pub derivatives: Derivatives,
    /// Value of [`PROCESSOR_VERSION`] at the time.
    pub processor_version: u32,
}

/// Record of a photo.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Photo {
    /// Studio of the photo.
    pub studio: Studio,
    /// Id of the photo, a UUIDv7.
    pub id: Uuid,
    /// Status of the photo.
    pub status: PhotoStatus,
    /// File name that the photographer gave.
    pub filename: String,
    /// Folder in which the photographer has the file, without slashes at its ends.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub folder: Option<String>,
    /// Id of an older photo with the same original, found when this one was processed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub duplicate_of: Option<Uuid>,
    /// Object from which the original is copied; `None` for an original that was uploaded to its own key.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub source: Option<Source>,
    /// Declared content type.
    pub content_type: String,
    /// Size in bytes: as declared, and after the upload as S3 reports it.
    pub size: u64,
    /// Declared SHA-256 in lower-case hexadecimal digits.
    pub declared_sha256: Option<String>,
    /// ETag of the stored original, with quotes, once known.
    pub etag: Option<String>,
    /// Result of developing the original.
    pub development: Option<Development>,
    /// Attempts, owner and lease.
    pub work: JobState,
    /// Reason of the failure.
    pub error: Option<RecordError>,
    /// Status before a marked deletion; see [`Photo::deletion`].
    #[serde(default, skip_serializing_if = "Option::is_none")]
    before_deleting: Option<PhotoStatus>,
    /// Time of the last request that marked the photo for deletion; `None` without a mark.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    marked_at: Option<Timestamp>,
    /// Id of the last multipart upload that S3 began for the original. S3 knows whether it is still open.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub upload_id: Option<String>,
    /// Time at which the last upload URL, or the multipart upload, expires.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub upload_until: Option<Timestamp>,
    /// Whether an order was created, or started, before the upload. The record then does not expire.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub ordered: bool,
    /// Time at which the id was assigned, at or shortly before the creation of the record.
    pub created_at: Timestamp,
    /// Time at which S3 reported the original.
    pub uploaded_at: Option<Timestamp>,
    /// Time at which the photo became ready or failed.
    pub processed_at: Option<Timestamp>,
}

/// State of a photo's deletion.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Deletion {
    /// No request deletes the photo.
    None,
    /// A request is deleting the photo, and removes the mark if an order contains it.
    Marked {
        /// Status before the mark, restored when the mark is removed.
        before: PhotoStatus,
    },
    /// No order contains the photo or ever will. The deletion is irreversible.
    Condemned,
}

/// Declared properties of a new photo.
#[derive(Debug, Clone)]
pub struct Announcement {
    /// File name that the photographer gave.
    pub filename: String,
    /// Folder in which the photographer has the file, without slashes at its ends.
    pub folder: Option<String>,
    /// Declared content type.
    pub content_type: String,
    /// Declared size in bytes.
    pub size: u64,
    /// Declared SHA-256 in lower-case hexadecimal digits.
    pub declared_sha256: Option<String>,
}

impl Photo {
    /// Creates a photo that waits for its upload until `upload_until`.
    pub fn announced(studio: Studio, id: Uuid, new: Announcement, now: Timestamp, upload_until: Timestamp) -> Self {
        let mut photo = Self {
            studio,
            id,
            status: PhotoStatus::AwaitingUpload,
            filename: new.filename,
            folder: new.folder,
            duplicate_of: None,
            source: None,
            content_type: new.content_type,
            size: new.size,
            declared_sha256: new.declared_sha256,
            etag: None,
            development: None,
            work: JobState::default(),
            error: None,
            before_deleting: None,
            marked_at: None,
            upload_id: None,
            upload_until: None,
            ordered: false,
            created_at: time_of(id).unwrap_or(now),
            uploaded_at: None,
            processed_at: None,
        };
        photo.offer_upload(upload_until);
        photo
    }

    /// Creates a photo whose original is stored at `source` and waits to be copied and processed.
    pub fn arrived(studio: Studio, id: Uuid, new: Announcement, source: Source, now: Timestamp) -> Self {
        Self {
            status: PhotoStatus::Pending,
            source: Some(source),
            upload_until: None,
            work: JobState::sent(now),
            uploaded_at: Some(now),
            ..Self::announced(studio, id, new, now, now)
        }
    }

    /// Returns the state of the deletion.
    pub fn deletion(&self) -> Deletion {
        match (self.status, self.before_deleting) {
            (PhotoStatus::Deleting, Some(before)) => Deletion::Marked { before },
            (PhotoStatus::Deleting, None) => Deletion::Condemned,
            _ => Deletion::None,
        }
    }

    /// Returns the key of the original.
    pub fn original(&self) -> ObjectKey {
        ObjectKey::Original { studio: self.studio.clone(), photo: self.id }
    }
}

/// Returns the id of the n-th photo of a batch, a UUIDv7 of the same time. Repeated, it is the same. Ids of a batch are in
/// the order of their positions, which must be below 4,096.
pub fn position_id(batch: Uuid, n: usize) -> Uuid {
    const RANDOM_BITS: u128 = (1 << 62) - 1;
    const POSITION: u128 = 0xFFF << 64;
    let hash = Uuid::new_v5(&batch, &n.to_be_bytes()).as_u128() & RANDOM_BITS;
    let position = (n as u128) << 64 & POSITION;
    Uuid::from_u128(batch.as_u128() & !(RANDOM_BITS | POSITION) | position | hash)
}

/// Returns the time in a UUIDv7, in milliseconds. Lists by time read a range of ids, so records state the same time.
fn time_of(id: Uuid) -> Option<Timestamp> {
    let (seconds, nanoseconds) = id.get_timestamp().filter(|_| id.get_version_num() == 7)?.to_unix();
    Timestamp::new(i64::try_from(seconds).ok()?, i32::try_from(nanoseconds).ok()?).ok()
}

/// Largest size of an original that is developed: 256 MiB, more than any camera writes. Originals are developed in
/// memory. Larger ones are hashed as a stream and have no pictures.
pub const MAX_ORIGINAL_BYTES: u64 = 256 << 20;
/// Largest size of an upload: 5 GiB. S3 accepts no larger single PUT, and copies no larger part into an archive.
/// <https://docs.aws.amazon.com/AmazonS3/latest/userguide/upload-objects.html>
pub const MAX_UPLOAD_BYTES: u64 = 5 << 30;

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{job_state::GRACE, samples::at};

    #[test]
    fn announced_photo_waits_for_its_upload() {
        let (studio, id) = ("anna".parse::<Studio>().expect("valid"), Uuid::from_u128(7));
        let new = Announcement {
            filename: "a.jpg".to_owned(),
            folder: None,
            content_type: "image/jpeg".to_owned(),
            size: 9,
            declared_sha256: Some("00".to_owned()),
        };
        let photo = Photo::announced(studio.clone(), id, new, at(5), at(60));
        assert_eq!((photo.status, photo.deletion()), (PhotoStatus::AwaitingUpload, Deletion::None));
        assert_eq!((photo.upload_until, photo.work.due_at), (Some(at(60)), at(60).checked_add(GRACE).ok()));
        assert_eq!(photo.original(), ObjectKey::Original { studio, photo: id });
    }

    #[test]
    fn photo_is_created_at_the_time_of_its_id() {
        let id = Uuid::from_u128((1_800_000_000_123 << 80) | (7 << 76) | (2 << 62));
        assert_eq!(time_of(id), Timestamp::from_millisecond(1_800_000_000_123).ok());
        assert_eq!(time_of(Uuid::nil()), None);
    }

    #[test]
    fn photos_of_a_batch_have_ids_of_its_time_in_order() {
        let batch = Uuid::from_u128((1_800_000_000_123 << 80) | (7 << 76) | (0xABC << 64) | (2 << 62) | 0x63);
        let ids: Vec<_> = (0..100).map(|n| position_id(batch, n)).collect();
        assert!(ids.is_sorted_by(|a, b| a < b));
        for id in &ids {
            assert_eq!((id.get_version_num(), time_of(*id)), (7, time_of(batch)));
            assert_eq!(id.get_variant(), batch.get_variant());
        }
        assert_eq!(ids[7], position_id(batch, 7));
    }

    #[test]
    fn mark_counts_only_while_deleting() {
        let deletion =
            |status, before_deleting| Photo { status, before_deleting, ..crate::samples::photo(status) }.deletion();
        let ready = PhotoStatus::Ready;
        assert_eq!(deletion(PhotoStatus::Deleting, Some(ready)), Deletion::Marked { before: ready });
        assert_eq!(deletion(PhotoStatus::Deleting, None), Deletion::Condemned);
        assert_eq!((deletion(ready, Some(ready)), deletion(ready, None)), (Deletion::None, Deletion::None));
    }

    #[test]
    fn limits_are_256_mebibytes_and_5_gibibytes() {
        assert_eq!((MAX_ORIGINAL_BYTES, MAX_UPLOAD_BYTES), (268_435_456, 5_368_709_120));
    }

    #[test]
    fn record_without_multipart_upload_reads_and_stays() {
        let photo = crate::samples::photo(PhotoStatus::AwaitingUpload);
        let stored = serde_json::to_value(&photo).expect("writes");
        assert!(stored.get("upload_id").is_none());
        assert_eq!(serde_json::from_value::<Photo>(stored).expect("reads"), photo);
    }
}
