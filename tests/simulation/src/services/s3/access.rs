//! Access without HTTP: state for checks, and the lifecycle rules that the driver applies.

use bytes::Bytes;
use http::HeaderValue;
use jiff::Timestamp;

use super::{
    S3,
    bucket::{Bucket, Object, Stamp, Version, Versioning},
    checksum::{Algorithm, Checksum},
    request::Attributes,
    rope::Rope,
};
use crate::services::Moment;

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
        let versioning = if versioned { Versioning::Enabled } else { Versioning::Never };
        self.buckets.entry(name.to_owned()).or_insert_with(|| Bucket { versioning, ..Bucket::default() });
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

    /// Returns the keys of all versions under `prefix`, older ones among them, without delete markers.
    pub fn versions(&self, bucket: &str, prefix: &str) -> Vec<String> {
        let Some(bucket) = self.buckets.get(bucket) else { return Vec::new() };
        let keys = bucket.keys.iter().filter(|(key, _)| key.starts_with(prefix));
        keys.flat_map(|(key, versions)| {
            versions.iter().filter(|it| matches!(it, Version::Object(_))).map(|_| key.clone())
        })
        .collect()
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

    /// Stores an object as a request does that states its CRC-32: with a version and a notification.
    pub fn put(&mut self, bucket: &str, key: &str, bytes: Bytes, moment: &mut Moment<'_>) {
        let content = Rope::from(bytes);
        let etag = self.etag(&content.sha256(), moment.random);
        let stamp = self.stamp(bucket, moment.random);
        let checksum = Some(Checksum::of(Algorithm::Crc32, &content));
        let attributes = Attributes::of_type(HeaderValue::from_static("image/jpeg"));
        let object =
            Object { version: None, number: stamp.number, created: moment.now, content, etag, attributes, checksum };
        if let Some(bucket) = self.buckets.get_mut(bucket) {
            bucket.insert(key.to_owned(), object, stamp);
        }
        let stored = self.buckets.get(bucket).and_then(|bucket| bucket.current(key)).cloned();
        if let Some(object) = stored {
            self.notify(bucket, key, &object, "ObjectCreated:Put");
        }
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
        let object =
            Object { version: None, number, created: now, content, etag: etag.clone(), attributes, checksum: None };
        if let Some(bucket) = self.buckets.get_mut(bucket) {
            bucket.insert(key.to_owned(), object, Stamp::new(number, 0));
        }
        format!("\"{etag}\"")
    }

    /// Deletes an object, if it exists. A versioned bucket keeps it under a delete marker.
    pub fn delete_raw(&mut self, bucket: &str, key: &str, now: Timestamp) {
        let marker = Stamp::new(self.next_number(), 0);
        if let Some(bucket) = self.buckets.get_mut(bucket) {
            bucket.delete(key, None, marker, now);
        }
    }

    /// Aborts the uploads of a bucket that were created before `cutoff`, as the rule `AbortIncompleteMultipartUpload` does.
    /// Returns their number.
    pub fn abort_uploads_older_than(&mut self, bucket: &str, cutoff: Timestamp) -> usize {
        let Some(bucket) = self.buckets.get_mut(bucket) else { return 0 };
        let before = bucket.uploads.len();
        bucket.uploads.retain(|_, upload| upload.started >= cutoff);
        before - bucket.uploads.len()
    }

    /// Deletes the objects under `prefix` that were written before `cutoff`, as the rule `Expiration` does. Returns
    /// their number.
    pub fn expire(&mut self, bucket: &str, prefix: &str, cutoff: Timestamp) -> usize {
        let expired = self.objects(bucket);
        let expired: Vec<Stored> =
            expired.into_iter().filter(|object| object.key.starts_with(prefix) && object.created < cutoff).collect();
        for object in &expired {
            self.delete_raw(bucket, &object.key, cutoff);
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
