//! What S3 keeps of an object.

use std::{
    collections::{BTreeMap, HashMap},
    path::PathBuf,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::{Duration, UNIX_EPOCH},
};

use s3s::dto;
use serde::{Deserialize, Serialize};

/// A file of bytes that never change. Removed once it is doomed and nobody reads it any more, so a download outlives the
/// deletion of its object, as it does on S3.
#[derive(Debug)]
pub(super) struct Blob {
    pub path: PathBuf,
    doomed: AtomicBool,
}

impl Blob {
    /// A blob that something on disk refers to.
    pub fn kept(path: PathBuf) -> Arc<Self> {
        Arc::new(Self { path, doomed: AtomicBool::new(false) })
    }

    /// A blob that nothing refers to yet: it goes when its writer gives up.
    pub fn fresh(path: PathBuf) -> Arc<Self> {
        Arc::new(Self { path, doomed: AtomicBool::new(true) })
    }

    pub fn doom(&self, doomed: bool) {
        self.doomed.store(doomed, Ordering::Release);
    }

    pub fn name(&self) -> String {
        self.path.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default()
    }
}

impl Drop for Blob {
    fn drop(&mut self) {
        if self.doomed.load(Ordering::Acquire) {
            let _ = std::fs::remove_file(&self.path);
        }
    }
}

/// A run of an object's bytes. A plain object has one; a multipart object one for each part, so that completing an
/// upload copies nothing.
#[derive(Debug, Clone)]
pub(super) struct Segment {
    pub blob: Arc<Blob>,
    pub size: u64,
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
    /// Names and sizes of its blobs, in order.
    pub blobs: Vec<(String, u64)>,
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

    /// Marks the bytes as belonging to something on disk, or to nothing.
    pub fn doom(&self, doomed: bool) {
        for segment in &self.segments {
            segment.blob.doom(doomed);
        }
    }
}

/// A part of an upload.
#[derive(Debug, Clone)]
pub(super) struct Part {
    pub blob: Arc<Blob>,
    pub record: PartRecord,
}

/// What is written down of a part.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(super) struct PartRecord {
    pub blob: String,
    pub size: u64,
    /// MD5 in hex, which is a part's ETag.
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
