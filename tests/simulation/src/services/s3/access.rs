//! Access without HTTP: state for checks, and the lifecycle rules that the driver applies.

use bytes::Bytes;
use http::HeaderValue;
use jiff::Timestamp;

use super::{
    S3,
    bucket::{Bucket, Object},
    request::Attributes,
    rope::Rope,
};

/// A current object.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Stored {
    /// Key.
    pub key: String,
    /// Size in bytes.
    pub size: u64,
    /// Time of the write.
    pub created: Timestamp,
    /// ETag, with quotes.
    pub etag: String,
}

/// An open multipart upload.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OpenUpload {
    /// Key.
    pub key: String,
    /// Upload id.
    pub id: String,
    /// Time of the creation.
    pub started: Timestamp,
}

impl S3 {
    /// Creates a bucket, if it does not exist.
    pub fn create_bucket(&mut self, name: &str) {
        let versioned = self.settings.versioned.contains(name);
        self.buckets.entry(name.to_owned()).or_insert_with(|| Bucket { versioned, ..Bucket::default() });
    }

    /// Returns the current objects of a bucket in the order of their keys; none for a missing bucket.
    pub fn objects(&self, bucket: &str) -> Vec<Stored> {
        let Some(bucket) = self.buckets.get(bucket) else { return Vec::new() };
        let current = bucket.keys.keys().filter_map(|key| bucket.current(key).map(|object| (key, object)));
        let stored = current.map(|(key, object)| Stored {
            key: key.clone(),
            size: object.content.len(),
            created: object.created,
            etag: format!("\"{}\"", object.etag),
        });
        stored.collect()
    }

    /// Returns the size of a current object in bytes.
    pub fn size(&self, bucket: &str, key: &str) -> Option<u64> {
        self.buckets.get(bucket)?.current(key).map(|object| object.content.len())
    }

    /// Returns the bytes of a current object.
    pub fn read(&self, bucket: &str, key: &str) -> Option<Bytes> {
        self.buckets.get(bucket)?.current(key).map(|object| object.content.to_bytes())
    }

    /// Returns the open uploads of a bucket in the order of their keys and creation.
    pub fn uploads(&self, bucket: &str) -> Vec<OpenUpload> {
        let uploads = self.buckets.get(bucket).into_iter().flat_map(|bucket| &bucket.uploads);
        let open =
            uploads.map(|((key, id), upload)| OpenUpload { key: key.clone(), id: id.clone(), started: upload.started });
        open.collect()
    }

    /// Stores an object without a notification; creates its bucket. Returns the ETag, with quotes.
    pub fn put_raw(
        &mut self,
        bucket: &str,
        key: &str,
        content_type: Option<&str>,
        bytes: Bytes,
        now: Timestamp,
    ) -> String {
        self.create_bucket(bucket);
        let content = Rope::from(bytes);
        let (number, sha256) = (self.next_number(), content.sha256());
        let etag = if self.settings.etag_is_no_digest {
            format!("{number:032x}")
        } else {
            hex::encode(&sha256[..super::ETAG_BYTES])
        };
        let content_type = content_type.and_then(|text| HeaderValue::try_from(text).ok());
        let attributes = content_type.map(Attributes::of_type).unwrap_or_default();
        let object = Object { version: None, created: now, content, etag: etag.clone(), attributes, checksum: None };
        if let Some(bucket) = self.buckets.get_mut(bucket) {
            bucket.insert(key.to_owned(), object, format!("{number:032x}"));
        }
        format!("\"{etag}\"")
    }

    /// Deletes an object, if it exists. A versioned bucket keeps it under a delete marker.
    pub fn delete_raw(&mut self, bucket: &str, key: &str) {
        let marker = format!("{:032x}", self.next_number());
        if let Some(bucket) = self.buckets.get_mut(bucket) {
            bucket.delete(key, None, marker);
        }
    }

    /// Aborts all uploads that were created before `cutoff`, as the rule `AbortIncompleteMultipartUpload` does. Returns
    /// their number.
    pub fn abort_uploads_older_than(&mut self, cutoff: Timestamp) -> usize {
        let mut aborted = 0;
        for bucket in self.buckets.values_mut() {
            let before = bucket.uploads.len();
            bucket.uploads.retain(|_, upload| upload.started >= cutoff);
            aborted += before - bucket.uploads.len();
        }
        aborted
    }

    /// Deletes the objects under `prefix` that were written before `cutoff`, as the rule `Expiration` does. Returns
    /// their number.
    pub fn expire(&mut self, bucket: &str, prefix: &str, cutoff: Timestamp) -> usize {
        let expired = self.objects(bucket);
        let expired: Vec<Stored> =
            expired.into_iter().filter(|object| object.key.starts_with(prefix) && object.created < cutoff).collect();
        for object in &expired {
            self.delete_raw(bucket, &object.key);
        }
        expired.len()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::services::s3::Settings;

    #[test]
    fn old_objects_under_the_prefix_expire() {
        let mut s3 = S3::new(Settings::default());
        let at = |second| Timestamp::from_second(second).unwrap();
        for (key, second) in [("work/old", 1), ("work/new", 9), ("kept/old", 1)] {
            s3.put_raw("downloads", key, Some("text/plain"), Bytes::from_static(b"x"), at(second));
        }
        assert_eq!(s3.expire("downloads", "work/", at(5)), 1);
        let keys: Vec<String> = s3.objects("downloads").into_iter().map(|object| object.key).collect();
        assert_eq!(keys, ["kept/old", "work/new"]);
        assert_eq!(s3.read("downloads", "work/new").unwrap(), "x");
        assert_eq!(s3.read("downloads", "work/old"), None);
    }

    #[test]
    fn etags_tell_contents_or_writes() {
        for (etag_is_no_digest, equal) in [(false, true), (true, false)] {
            let mut s3 = S3::new(Settings { etag_is_no_digest, ..Settings::default() });
            let mut put = |text| s3.put_raw("b", "k", None, Bytes::from_static(text), Timestamp::UNIX_EPOCH);
            let (first, second, other) = (put(b"one"), put(b"one"), put(b"two"));
            assert_eq!(first == second, equal);
            assert_ne!(first, other);
        }
    }
}
