//! The data that S3 keeps for an object.

use std::{
    collections::{BTreeMap, HashMap},
    ops::Range,
    path::PathBuf,
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicUsize, Ordering},
    },
    time::{Duration, UNIX_EPOCH},
};

use s3s::dto;
use serde::{Deserialize, Serialize};

use super::version::NULL;

/// An immutable file of bytes, shared by objects and parts: a copy is a reference. The file is removed once no record
/// on disk refers to it and no reader has it open. As on S3, a running download therefore survives the deletion of its
/// object.
#[derive(Debug)]
pub(super) struct Blob {
    pub path: PathBuf,
    /// The number of records on disk that refer to the blob.
    holders: AtomicUsize,
    /// CRC-32s of ranges, cached.
    crc32s: Mutex<HashMap<(u64, u64), u32>>,
}

impl Blob {
    /// Returns a blob without references. It is removed when its writer drops it.
    pub fn fresh(path: PathBuf) -> Arc<Self> {
        Arc::new(Self { path, holders: AtomicUsize::new(0), crc32s: Mutex::default() })
    }

    /// Counts a record on disk that now refers to the blob.
    pub fn hold(&self) {
        self.holders.fetch_add(1, Ordering::AcqRel);
    }

    /// Uncounts a record on disk that no longer exists.
    pub fn release(&self) {
        self.holders.fetch_sub(1, Ordering::AcqRel);
    }

    pub fn name(&self) -> String {
        self.path.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default()
    }

    pub fn known_crc32(&self, range: &Range<u64>) -> Option<u32> {
        self.crc32s.lock().unwrap_or_else(PoisonError::into_inner).get(&(range.start, range.end)).copied()
    }

    pub fn note_crc32(&self, range: &Range<u64>, crc32: u32) {
        self.crc32s.lock().unwrap_or_else(PoisonError::into_inner).insert((range.start, range.end), crc32);
    }
}

impl Drop for Blob {
    fn drop(&mut self) {
        if *self.holders.get_mut() == 0 {
            let _ = std::fs::remove_file(&self.path);
        }
    }
}

/// A range of a blob's bytes. A plain object has one segment; a multipart object has one or more per part. Neither a
/// copy nor a completion therefore moves any bytes.
#[derive(Debug, Clone)]
pub(super) struct Segment {
    pub blob: Arc<Blob>,
    pub offset: u64,
    pub size: u64,
}

/// A segment as stored on disk.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(super) struct SegmentRecord {
    pub blob: String,
    #[serde(default)]
    pub offset: u64,
    pub size: u64,
}

impl Segment {
    /// Returns the segment of a whole blob.
    pub fn whole(blob: Arc<Blob>, size: u64) -> Self {
        Self { blob, offset: 0, size }
    }

    pub fn record(&self) -> SegmentRecord {
        SegmentRecord { blob: self.blob.name(), offset: self.offset, size: self.size }
    }
}

/// Returns the segments, cut where needed, that contain this range of the object's bytes.
pub(super) fn slice(segments: &[Segment], range: &Range<u64>) -> Vec<Segment> {
    let mut start = 0;
    let mut slices: Vec<Segment> = Vec::new();
    for segment in segments {
        let end = start + segment.size;
        let (from, to) = (range.start.max(start), range.end.min(end));
        if from < to {
            let offset = segment.offset + (from - start);
            slices.push(Segment { blob: segment.blob.clone(), offset, size: to - from });
        }
        start = end;
    }
    slices
}

/// Digests in base64, as S3 shows them.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub(super) struct Digests {
    pub crc32: Option<String>,
    pub crc32c: Option<String>,
    pub crc64nvme: Option<String>,
    pub sha1: Option<String>,
    pub sha256: Option<String>,
    /// `FULL_OBJECT` or `COMPOSITE`.
    pub kind: Option<String>,
}

impl Digests {
    /// Returns whether there is a digest of this algorithm.
    pub fn has(&self, algorithm: &str) -> bool {
        let digest = match algorithm {
            dto::ChecksumAlgorithm::CRC32 => &self.crc32,
            dto::ChecksumAlgorithm::CRC32C => &self.crc32c,
            dto::ChecksumAlgorithm::CRC64NVME => &self.crc64nvme,
            dto::ChecksumAlgorithm::SHA1 => &self.sha1,
            dto::ChecksumAlgorithm::SHA256 => &self.sha256,
            _ => return false,
        };
        digest.is_some()
    }
}

impl From<dto::Checksum> for Digests {
    fn from(checksum: dto::Checksum) -> Self {
        Self {
            crc32: checksum.checksum_crc32,
            crc32c: checksum.checksum_crc32c,
            crc64nvme: checksum.checksum_crc64nvme,
            sha1: checksum.checksum_sha1,
            sha256: checksum.checksum_sha256,
            kind: None,
        }
    }
}

/// The caller's attributes of an object, without its bytes.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
#[serde(default)]
pub(super) struct Attributes {
    pub content_type: Option<String>,
    pub content_disposition: Option<String>,
    pub content_encoding: Option<String>,
    pub content_language: Option<String>,
    pub cache_control: Option<String>,
    pub metadata: HashMap<String, String>,
}

/// An object.
#[derive(Debug, Clone)]
pub(super) struct Object {
    pub key: String,
    pub segments: Vec<Segment>,
    pub record: Record,
}

/// The record of an object on disk.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub(super) struct Record {
    pub key: String,
    pub size: u64,
    /// Without quotes.
    pub e_tag: String,
    /// Milliseconds since 1970.
    pub modified: u64,
    pub attributes: Attributes,
    pub digests: Digests,
    /// The segments with the object's bytes, in order.
    pub blobs: Vec<SegmentRecord>,
    /// The id of the upload that became this object. After a kill it shows that the upload was completed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub upload: Option<String>,
    /// The event still to be sent for the object, such as `ObjectCreated:Put`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub unsent: Option<String>,
    /// The version id; none for the version `null`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub version: Option<String>,
    /// The place among the versions of the key. It is 0 for an object that was written before versioning was enabled.
    #[serde(default)]
    pub sequence: u64,
    /// Whether the version is a delete marker.
    #[serde(default)]
    pub marker: bool,
}

impl Object {
    pub fn size(&self) -> u64 {
        self.record.size
    }

    pub fn version_id(&self) -> &str {
        self.record.version.as_deref().unwrap_or(NULL)
    }

    pub fn e_tag(&self) -> dto::ETag {
        dto::ETag::Strong(self.record.e_tag.clone())
    }

    pub fn modified(&self) -> dto::Timestamp {
        timestamp(self.record.modified)
    }

    /// Counts the object's record, which is now on disk.
    pub fn hold(&self) {
        self.segments.iter().for_each(|segment| segment.blob.hold());
    }

    /// Uncounts the object's record, which is removed.
    pub fn release(&self) {
        self.segments.iter().for_each(|segment| segment.blob.release());
    }
}

/// A part of an upload.
#[derive(Debug, Clone)]
pub(super) struct Part {
    pub segments: Vec<Segment>,
    pub record: PartRecord,
}

impl Part {
    /// Counts the part's record, which is now on disk.
    pub fn hold(&self) {
        self.segments.iter().for_each(|segment| segment.blob.hold());
    }

    /// Uncounts the part's record, which is removed.
    pub fn release(&self) {
        self.segments.iter().for_each(|segment| segment.blob.release());
    }
}

/// The record of a part on disk.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(super) struct PartRecord {
    pub blobs: Vec<SegmentRecord>,
    pub size: u64,
    /// MD5 in hex, which is a part's ETag. For a copied range it is the MD5 of the range's position instead of its
    /// bytes: S3 guarantees only that different bytes have different ETags.
    pub md5: String,
    pub crc32: u32,
    pub modified: u64,
    pub digests: Digests,
}

/// The record of an upload on disk, written at its creation.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub(super) struct UploadRecord {
    pub bucket: String,
    pub key: String,
    pub attributes: Attributes,
    /// The checksum algorithm, such as `CRC32`.
    pub algorithm: Option<String>,
    /// `FULL_OBJECT` or `COMPOSITE`.
    pub kind: Option<String>,
    pub initiated: u64,
}

/// An upload in progress.
#[derive(Debug, Default)]
pub(super) struct Upload {
    pub record: UploadRecord,
    pub parts: BTreeMap<i32, Part>,
}

pub(super) fn timestamp(millis: u64) -> dto::Timestamp {
    (UNIX_EPOCH + Duration::from_millis(millis)).into()
}
