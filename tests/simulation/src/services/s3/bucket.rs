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

/// A bucket.
#[derive(Default)]
pub struct Bucket {
    /// Whether the bucket keeps replaced and deleted versions.
    pub versioned: bool,
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
    },
}

/// An object.
#[derive(Clone)]
pub struct Object {
    /// Version id; `None` without versioning.
    pub version: Option<String>,
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

impl Version {
    fn id(&self) -> &str {
        match self {
            Self::Object(object) => object.version.as_deref().unwrap_or(NULL_VERSION),
            Self::Marker { id } => id,
        }
    }

    fn object(&self) -> Option<&Object> {
        match self {
            Self::Object(object) => Some(object),
            Self::Marker { .. } => None,
        }
    }
}

impl Bucket {
    /// Returns the current object of a key.
    pub fn current(&self, key: &str) -> Option<&Object> {
        self.keys.get(key)?.last()?.object()
    }

    /// Returns the current object of a key, or the requested version.
    pub fn object(&self, key: &str, version: Option<&str>) -> Result<&Object, Refusal> {
        let Some(id) = version else { return self.current(key).ok_or_else(|| Refusal::no_key(key)) };
        let found = self.keys.get(key).and_then(|versions| versions.iter().find(|version| version.id() == id));
        match found {
            Some(Version::Object(object)) => Ok(object),
            Some(Version::Marker { .. }) => {
                let message = "The specified method is not allowed against this resource.";
                Err(Refusal::new(http::StatusCode::METHOD_NOT_ALLOWED, "MethodNotAllowed", message))
            }
            None => {
                let refusal = Refusal::missing("NoSuchVersion", "The specified version does not exist.");
                Err(refusal.with("Key", key).with("VersionId", id))
            }
        }
    }

    /// Stores an object. A versioned bucket keeps the older ones, and gives the object this version id.
    pub fn insert(&mut self, key: String, mut object: Object, version: String) {
        let versions = self.keys.entry(key).or_default();
        if self.versioned {
            object.version = Some(version);
        } else {
            versions.clear();
        }
        versions.push(Version::Object(object));
    }

    /// Deletes the current object, or the requested version. A versioned bucket keeps the object under a new marker.
    pub fn delete(&mut self, key: &str, version: Option<&str>, marker: String) -> Deletion {
        if let Some(id) = version {
            let mut deletion = Deletion { version: Some(id.to_owned()), marker: false };
            if let Some(versions) = self.keys.get_mut(key) {
                deletion.marker = versions.iter().any(|version| version.id() == id && version.object().is_none());
                versions.retain(|version| version.id() != id);
                if versions.is_empty() {
                    self.keys.remove(key);
                }
            }
            return deletion;
        }
        if self.versioned {
            self.keys.entry(key.to_owned()).or_default().push(Version::Marker { id: marker.clone() });
            return Deletion { version: Some(marker), marker: true };
        }
        self.keys.remove(key);
        Deletion { version: None, marker: false }
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

    #[test]
    fn versioned_bucket_keeps_replaced_and_deleted_objects() {
        let mut bucket = Bucket { versioned: true, ..Bucket::default() };
        bucket.insert("a".to_owned(), object("one"), "1".to_owned());
        bucket.insert("a".to_owned(), object("two"), "2".to_owned());
        let deletion = bucket.delete("a", None, "3".to_owned());
        assert_eq!(deletion, Deletion { version: Some("3".to_owned()), marker: true });
        assert_eq!((etag(&bucket, None), etag(&bucket, Some("1"))), (Err("NoSuchKey"), Ok("one")));
        assert_eq!(
            (etag(&bucket, Some("3")), etag(&bucket, Some("9"))),
            (Err("MethodNotAllowed"), Err("NoSuchVersion"))
        );
        assert!(bucket.delete("a", Some("3"), String::new()).marker);
        assert_eq!(etag(&bucket, None), Ok("two"));
    }

    #[test]
    fn unversioned_bucket_keeps_one_object() {
        let mut bucket = Bucket::default();
        bucket.insert("a".to_owned(), object("one"), "1".to_owned());
        bucket.insert("a".to_owned(), object("two"), "2".to_owned());
        assert_eq!((etag(&bucket, None), etag(&bucket, Some("null"))), (Ok("two"), Ok("two")));
        assert_eq!(bucket.delete("a", None, String::new()), Deletion { version: None, marker: false });
        assert_eq!(etag(&bucket, None), Err("NoSuchKey"));
        assert!(bucket.keys.is_empty());
    }
}
