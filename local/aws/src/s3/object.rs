//! What S3 keeps of an object.

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

/// A file of bytes that never change, which several objects and parts may share: a copy is a reference. Removed once no
/// record on disk refers to it and nobody reads it any more, so a download outlives the deletion of its object, as it
/// does on S3.
#[derive(Debug)]
pub(super) struct Blob {
    pub path: PathBuf,
    /// Records on disk that refer to it.
    holders: AtomicUsize,
    /// CRC-32s of ranges that were computed before.
    crc32s: Mutex<HashMap<(u64, u64), u32>>,
}

impl Blob {
    /// A blob that nothing refers to yet: it goes when its writer gives up.
    pub fn fresh(path: PathBuf) -> Arc<Self> {
        Arc::new(Self { path, holders: AtomicUsize::new(0), crc32s: Mutex::default() })
    }

    /// A record on disk refers to it from now on.
    pub fn hold(&self) {
        self.holders.fetch_add(1, Ordering::AcqRel);
    }

    /// A record on disk that referred to it is gone.
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

/// A run of an object's bytes: some of a blob's. A plain object has one; a multipart object one or more for each part,
/// so that neither copying nor completing an upload moves a byte.
#[derive(Debug, Clone)]
pub(super) struct Segment {
    pub blob: Arc<Blob>,
    pub offset: u64,
    pub size: u64,
}

/// A segment as it is written down.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(super) struct SegmentRecord {
    pub blob: String,
    #[serde(default)]
    pub offset: u64,
    pub size: u64,
}

impl Segment {
    /// All of a blob.
    pub fn whole(blob: Arc<Blob>, size: u64) -> Self {
        Self { blob, offset: 0, size }
    }

    pub fn record(&self) -> SegmentRecord {
        SegmentRecord { blob: self.blob.name(), offset: self.offset, size: self.size }
    }
}

/// Those segments, or pieces of them, that are these bytes of the whole.
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

/// Digests in base64, as S3 writes them.
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

/// What a caller says about an object, beside its bytes.
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

/// What is written down of an object.
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
    /// Where its bytes lie, in order.
    pub blobs: Vec<SegmentRecord>,
    /// The upload that it was, so that a kill between the object and the upload's end is understood.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub upload: Option<String>,
    /// The event that is still to be sent for it, such as `ObjectCreated:Put`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub unsent: Option<String>,
}

impl Object {
    pub fn size(&self) -> u64 {
        self.record.size
    }

    pub fn e_tag(&self) -> dto::ETag {
        dto::ETag::Strong(self.record.e_tag.clone())
    }

    pub fn modified(&self) -> dto::Timestamp {
        timestamp(self.record.modified)
    }

    /// Its record is on disk.
    pub fn hold(&self) {
        self.segments.iter().for_each(|segment| segment.blob.hold());
    }

    /// Its record is gone.
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
    /// Its record is on disk.
    pub fn hold(&self) {
        self.segments.iter().for_each(|segment| segment.blob.hold());
    }

    /// Its record is gone.
    pub fn release(&self) {
        self.segments.iter().for_each(|segment| segment.blob.release());
    }
}

/// What is written down of a part.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(super) struct PartRecord {
    pub blobs: Vec<SegmentRecord>,
    pub size: u64,
    /// MD5 in hex, which is a part's ETag. Of a copied range it is not the MD5 of its bytes but of where they lie: S3
    /// promises no more than that other bytes have another.
    pub md5: String,
    pub crc32: u32,
    pub modified: u64,
    pub digests: Digests,
}

/// What is written down of an upload when it is created.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub(super) struct UploadRecord {
    pub bucket: String,
    pub key: String,
    pub attributes: Attributes,
    /// `CRC32` and so on.
    pub algorithm: Option<String>,
    /// `FULL_OBJECT` or `COMPOSITE`.
    pub kind: Option<String>,
    pub initiated: u64,
}

/// An upload under way.
#[derive(Debug, Default)]
pub(super) struct Upload {
    pub record: UploadRecord,
    pub parts: BTreeMap<i32, Part>,
}

pub(super) fn timestamp(millis: u64) -> dto::Timestamp {
    (UNIX_EPOCH + Duration::from_millis(millis)).into()
}
