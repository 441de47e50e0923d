//! Buckets: objects with their versions, and open uploads.

use std::collections::BTreeMap;

use bytes::Bytes;
use jiff::Timestamp;

use super::{
    checksum::{Algorithm, Checksum, Coverage},
    refusal::Refusal,
    request::Attributes,
    rope::Rope,
};

/// Name of the version of an object that was stored without versioning.
pub const NULL_VERSION: &str = "null";
/// Length of a version id. S3's ids have as many characters.
const ID_LENGTH: usize = 32;

/// Whether a bucket keeps replaced and deleted objects.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Versioning {
    /// Versioning was never enabled. Each key has at most the version `null`.
    #[default]
    Never,
    /// Each write and each deletion adds a version.
    Enabled,
    /// Each write and each deletion replaces the version `null`. Other versions stay.
    Suspended,
}

/// A bucket.
#[derive(Default)]
pub struct Bucket {
    /// Whether the bucket keeps replaced and deleted objects.
    pub versioning: Versioning,
    /// Versions by key, the newest last. No list is empty.
    pub keys: BTreeMap<String, Vec<Version>>,
    /// Open uploads by key and id.
    pub uploads: BTreeMap<(String, String), Upload>,
    /// Responses to completions, by upload id.
    pub completed: BTreeMap<String, Bytes>,
}

/// Entry of a key.
pub enum Version {
    /// An object.
    Object(Object),
    /// A delete marker.
    Marker {
        /// Version id.
        id: String,
        /// Number that grows with each version.
        number: u64,
        /// Time of the deletion.
        created: Timestamp,
    },
}

/// Identity of a new version.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Stamp {
    /// Number that grows with each version.
    pub number: u64,
    /// Version id in a bucket that keeps versions. It begins with the number.
    pub id: String,
}

/// An object.
#[derive(Clone)]
pub struct Object {
    /// Version id; `None` for the version `null`.
    pub version: Option<String>,
    /// Number that grows with each version.
    pub number: u64,
    /// Time of the write.
    pub created: Timestamp,
    /// Bytes.
    pub content: Rope,
    /// ETag without quotes.
    pub etag: String,
    /// Stored headers.
    pub attributes: Attributes,
    /// Stored checksum.
    pub checksum: Option<Checksum>,
}

/// A multipart upload.
pub struct Upload {
    /// Time of the creation.
    pub started: Timestamp,
    /// Headers of the object.
    pub attributes: Attributes,
    /// Whether the key had an object at the creation.
    pub replaces: bool,
    /// Checksum algorithm and coverage that the creation named.
    pub checksum: Option<(Algorithm, Coverage)>,
    /// Parts by number.
    pub parts: BTreeMap<u32, Part>,
}

/// A part of an upload.
pub struct Part {
    /// Time of the write.
    pub created: Timestamp,
    /// Bytes.
    pub content: Rope,
    /// ETag without quotes.
    pub etag: String,
    /// Checksum in the upload's algorithm, or the declared one.
    pub checksum: Option<Checksum>,
}

/// Result of a deletion.
#[derive(Debug, PartialEq, Eq)]
pub struct Deletion {
    /// Version that was deleted or created.
    pub version: Option<String>,
    /// Whether that version is a delete marker.
    pub marker: bool,
}

impl Stamp {
    /// Creates an identity.
    pub fn new(number: u64, random: u64) -> Self {
        Self { number, id: format!("{number:016x}{random:016x}") }
    }
}

impl Version {
    /// Returns the version id.
    pub fn id(&self) -> &str {
        match self {
            Self::Object(object) => object.version(),
            Self::Marker { id, .. } => id,
        }
    }

    /// Returns the number that grows with each version.
    pub fn number(&self) -> u64 {
        match self {
            Self::Object(object) => object.number,
            Self::Marker { number, .. } => *number,
        }
    }

    fn object(&self) -> Option<&Object> {
        match self {
            Self::Object(object) => Some(object),
            Self::Marker { .. } => None,
        }
    }
}

impl Object {
    /// Returns the version id.
    pub fn version(&self) -> &str {
        self.version.as_deref().unwrap_or(NULL_VERSION)
    }
}

impl Bucket {
    /// Returns the current object of a key.
    pub fn current(&self, key: &str) -> Option<&Object> {
        self.keys.get(key)?.last()?.object()
    }

    /// Returns the current object of a key, or the requested version.
    pub fn object(&self, key: &str, version: Option<&str>) -> Result<&Object, Refusal> {
        let versions = self.keys.get(key);
        let Some(id) = version else {
            return match versions.and_then(|versions| versions.last()) {
                Some(Version::Object(object)) => Ok(object),
                Some(Version::Marker { id, .. }) => Err(Refusal::no_key(key).of_marker(id)),
                None => Err(Refusal::no_key(key)),
            };
        };
        self.check_version(id)?;
        match versions.and_then(|versions| versions.iter().find(|version| version.id() == id)) {
            Some(Version::Object(object)) => Ok(object),
            Some(Version::Marker { .. }) => Err(Refusal::not_allowed_on_marker(id)),
            None => Err(Refusal::no_version(key, id)),
        }
    }

    /// Returns an error unless a version of this bucket can have this id.
    pub fn check_version(&self, id: &str) -> Result<(), Refusal> {
        let is_id = id.len() == ID_LENGTH && id.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'));
        if id == NULL_VERSION || (self.versioning != Versioning::Never && is_id) {
            return Ok(());
        }
        let refusal = Refusal::argument("Invalid version id specified");
        Err(refusal.with("ArgumentName", "versionId").with("ArgumentValue", id))
    }

    /// Stores an object. A bucket that keeps versions gives the object this version id; others replace the version
    /// `null`.
    pub fn insert(&mut self, key: String, mut object: Object, stamp: Stamp) {
        let versions = self.keys.entry(key).or_default();
        object.number = stamp.number;
        if self.versioning == Versioning::Enabled {
            object.version = Some(stamp.id);
        } else {
            versions.retain(|version| version.id() != NULL_VERSION);
        }
        versions.push(Version::Object(object));
    }

    /// Deletes the current object, or the requested version. A bucket with versions gets a delete marker.
    pub fn delete(&mut self, key: &str, version: Option<&str>, marker: Stamp, now: Timestamp) -> Deletion {
        if version.is_some() || self.versioning == Versioning::Never {
            let id = version.unwrap_or(NULL_VERSION);
            let named = version.filter(|_| self.versioning != Versioning::Never);
            let mut deletion = Deletion { version: named.map(str::to_owned), marker: false };
            if let Some(versions) = self.keys.get_mut(key) {
                deletion.marker = versions.iter().any(|version| version.id() == id && version.object().is_none());
                versions.retain(|version| version.id() != id);
                if versions.is_empty() {
                    self.keys.remove(key);
                }
            }
            return deletion;
        }
        let versions = self.keys.entry(key.to_owned()).or_default();
        let id = if self.versioning == Versioning::Enabled {
            marker.id
        } else {
            versions.retain(|version| version.id() != NULL_VERSION);
            NULL_VERSION.to_owned()
        };
        versions.push(Version::Marker { id: id.clone(), number: marker.number, created: now });
        Deletion { version: Some(id), marker: true }
    }

    /// Returns the upload with this id, if it belongs to this key.
    pub fn upload(&mut self, key: &str, id: &str) -> Result<&mut Upload, Refusal> {
        self.uploads.get_mut(&(key.to_owned(), id.to_owned())).ok_or_else(|| Refusal::no_upload(id))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn object(text: &'static str) -> Object {
        Object {
            version: None,
            number: 0,
            created: Timestamp::UNIX_EPOCH,
            content: Bytes::from_static(text.as_bytes()).into(),
            etag: text.to_owned(),
            attributes: Attributes::default(),
            checksum: None,
        }
    }

    fn etag<'a>(bucket: &'a Bucket, version: Option<&str>) -> Result<&'a str, &'static str> {
        bucket.object("a", version).map(|object| object.etag.as_str()).map_err(|refusal| refusal.code())
    }

    fn stamp(number: u64) -> Stamp {
        Stamp::new(number, 0)
    }

    fn delete(bucket: &mut Bucket, version: Option<&str>, number: u64) -> Deletion {
        bucket.delete("a", version, stamp(number), Timestamp::UNIX_EPOCH)
    }

    #[test]
    fn versioned_bucket_keeps_replaced_and_deleted_objects() {
        let mut bucket = Bucket { versioning: Versioning::Enabled, ..Bucket::default() };
        bucket.insert("a".to_owned(), object("one"), stamp(1));
        bucket.insert("a".to_owned(), object("two"), stamp(2));
        let [first, marker, missing] = [1, 3, 9].map(|number| stamp(number).id);
        let deletion = delete(&mut bucket, None, 3);
        assert_eq!(deletion, Deletion { version: Some(marker.clone()), marker: true });
        assert_eq!((etag(&bucket, None), etag(&bucket, Some(&first))), (Err("NoSuchKey"), Ok("one")));
        assert_eq!(
            (etag(&bucket, Some(&marker)), etag(&bucket, Some(&missing)), etag(&bucket, Some("9"))),
            (Err("MethodNotAllowed"), Err("NoSuchVersion"), Err("InvalidArgument"))
        );
        assert!(delete(&mut bucket, Some(&marker), 4).marker);
        assert_eq!(etag(&bucket, None), Ok("two"));
    }

    #[test]
    fn suspended_bucket_replaces_version_null() {
        let mut bucket = Bucket { versioning: Versioning::Enabled, ..Bucket::default() };
        bucket.insert("a".to_owned(), object("kept"), stamp(1));
        bucket.versioning = Versioning::Suspended;
        bucket.insert("a".to_owned(), object("one"), stamp(2));
        bucket.insert("a".to_owned(), object("two"), stamp(3));
        assert_eq!((bucket.keys["a"].len(), etag(&bucket, Some("null"))), (2, Ok("two")));
        let deletion = delete(&mut bucket, None, 4);
        assert_eq!(deletion, Deletion { version: Some("null".to_owned()), marker: true });
        assert_eq!(etag(&bucket, None), Err("NoSuchKey"));
        assert!(delete(&mut bucket, Some("null"), 5).marker);
        assert_eq!(etag(&bucket, None), Ok("kept"));
    }

    #[test]
    fn unversioned_bucket_keeps_one_object() {
        let mut bucket = Bucket::default();
        bucket.insert("a".to_owned(), object("one"), stamp(1));
        bucket.insert("a".to_owned(), object("two"), stamp(2));
        assert_eq!((etag(&bucket, None), etag(&bucket, Some("null"))), (Ok("two"), Ok("two")));
        assert_eq!(delete(&mut bucket, None, 3), Deletion { version: None, marker: false });
        assert_eq!(etag(&bucket, None), Err("NoSuchKey"));
        assert!(bucket.keys.is_empty());
    }
}
