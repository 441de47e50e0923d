//! Objects on disk, with an index in memory.
//!
//! The bytes of an object are written to a file of their own under `blobs/`, before anything refers to them. An object
//! exists only from the moment that its small record is renamed into place. A killed process leaves at most a blob
//! without a record, which the next start removes. Records are changed under one lock, so a condition (`If-None-Match:
//! *`) and the write after it are atomic.
//!
//! The version `null` of a key has its record under `objects/`, as has the only object of a key in a bucket without
//! versions. Other versions have theirs under `versions/`, in a folder per key. Each change of a version therefore
//! writes or removes one record. A record tells its place among the versions of its key.

mod files;
mod load;

use std::{
    collections::{BTreeMap, HashMap},
    fs,
    path::{Path, PathBuf},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use anyhow::Context;
use s3s::{S3Error, S3Result, s3_error};
use uuid::Uuid;

use self::files::{file_name, write_record};
use super::{
    bucket::{Bucket, BucketRecord, Versioning},
    members,
    object::{Blob, Object, Part, Record, Segment, Upload, UploadRecord},
    version::NULL,
};

/// The index of the objects and uploads on disk.
#[derive(Debug, Default)]
pub(super) struct Index {
    pub buckets: BTreeMap<String, Bucket>,
    pub uploads: HashMap<String, Upload>,
}

impl Index {
    pub fn bucket(&self, name: &str) -> S3Result<&Bucket> {
        let missing = || s3_error!(NoSuchBucket, "The specified bucket does not exist");
        self.buckets.get(name).ok_or_else(|| members::with(missing(), "BucketName", name))
    }

    /// Returns the upload with this id, if it belongs to this key.
    pub fn upload(&self, bucket: &str, key: &str, id: &str) -> S3Result<&Upload> {
        self.bucket(bucket)?;
        let upload = self.uploads.get(id).filter(|upload| upload.record.bucket == bucket && upload.record.key == key);
        let missing = "The specified upload does not exist. The upload ID may be invalid, or the upload may have been \
            aborted or completed.";
        upload.ok_or_else(|| members::with(s3_error!(NoSuchUpload, "{missing}"), "UploadId", id))
    }
}

/// The result of a deletion.
#[derive(Debug)]
pub(super) struct Deletion {
    /// The version that was removed or added, if the bucket has versions.
    pub version: Option<String>,
    /// Whether that version is a delete marker.
    pub marker: bool,
}

/// The folder of objects.
#[derive(Debug)]
pub(super) struct Store {
    root: PathBuf,
    index: Mutex<Index>,
}

impl Store {
    /// Reads the folder, and removes what a killed process left unfinished.
    pub fn open(root: &Path) -> anyhow::Result<Self> {
        for folder in ["blobs", "buckets", "uploads"] {
            let path = root.join(folder);
            fs::create_dir_all(&path).with_context(|| format!("Failed to create {}", path.display()))?;
        }
        let store = Self { root: root.to_owned(), index: Mutex::default() };
        store.load().with_context(|| format!("Failed to read the objects in {}", root.display()))?;
        Ok(store)
    }

    pub fn index(&self) -> MutexGuard<'_, Index> {
        self.index.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub fn new_blob(&self) -> Arc<Blob> {
        Blob::fresh(self.blob_path(&Uuid::new_v4().to_string()))
    }

    pub fn create_bucket(&self, name: &str, created: u64) -> S3Result<()> {
        let mut index = self.index();
        if index.buckets.contains_key(name) {
            return Err(s3_error!(BucketAlreadyOwnedByYou, "You already own this bucket."));
        }
        let record = BucketRecord { created, ..BucketRecord::default() };
        fs::create_dir_all(self.bucket_path(name).join("objects")).map_err(S3Error::internal_error)?;
        write_record(&self.bucket_path(name).join("bucket.json"), &record)?;
        index.buckets.insert(name.to_owned(), Bucket { record, keys: BTreeMap::new() });
        Ok(())
    }

    pub fn delete_bucket(&self, name: &str) -> S3Result<()> {
        let mut index = self.index();
        if !index.bucket(name)?.keys.is_empty() {
            return Err(s3_error!(BucketNotEmpty, "The bucket you tried to delete is not empty"));
        }
        fs::remove_dir_all(self.bucket_path(name)).map_err(S3Error::internal_error)?;
        index.buckets.remove(name);
        Ok(())
    }

    /// Changes the configuration of a bucket.
    pub fn configure(&self, name: &str, change: impl FnOnce(&mut BucketRecord)) -> S3Result<()> {
        let mut index = self.index();
        let mut record = index.bucket(name)?.record.clone();
        change(&mut record);
        write_record(&self.bucket_path(name).join("bucket.json"), &record)?;
        if let Some(bucket) = index.buckets.get_mut(name) {
            bucket.record = record;
        }
        Ok(())
    }

    /// Makes an object visible, if `condition` allows it in view of the current object.
    pub fn put(
        &self,
        bucket: &str,
        object: Object,
        condition: impl FnOnce(Option<&Object>) -> S3Result<()>,
    ) -> S3Result<Arc<Object>> {
        let mut index = self.index();
        condition(index.bucket(bucket)?.current(&object.key).map(Arc::as_ref))?;
        self.put_locked(&mut index, bucket, object)
    }

    fn put_locked(&self, index: &mut Index, bucket: &str, mut object: Object) -> S3Result<Arc<Object>> {
        let there = index.buckets.entry(bucket.to_owned()).or_default();
        there.identify(&mut object);
        let path = self.object_path(bucket, &object.key, object.version_id());
        object.record.key.clone_from(&object.key);
        object.record.blobs = object.segments.iter().map(Segment::record).collect();
        if let Some(folder) = path.parent() {
            fs::create_dir_all(folder).map_err(S3Error::internal_error)?;
        }
        write_record(&path, &object.record)?;
        object.hold();
        let object = Arc::new(object);
        if let Some(old) = there.insert(object.clone()) {
            old.release();
        }
        Ok(object)
    }

    /// Removes the unsent event from an object's record, unless the object was replaced or removed.
    pub fn announced(&self, bucket: &str, object: &Arc<Object>) -> S3Result<()> {
        let mut index = self.index();
        let there = index.buckets.entry(bucket.to_owned()).or_default();
        let id = object.version_id();
        if !there.version(&object.key, id).is_some_and(|version| Arc::ptr_eq(version, object)) {
            return Ok(());
        }
        let mut record = object.record.clone();
        record.unsent = None;
        write_record(&self.object_path(bucket, &object.key, id), &record)?;
        there.insert(Arc::new(Object { record, ..object.as_ref().clone() }));
        Ok(())
    }

    /// Deletes the current object or, for good, the requested version, if `condition` allows it in view of the current
    /// object. A bucket with versions keeps the current object under a delete marker of this time.
    pub fn delete(
        &self,
        bucket: &str,
        key: &str,
        version: Option<&str>,
        now: u64,
        condition: impl FnOnce(Option<&Object>) -> S3Result<()>,
    ) -> S3Result<Deletion> {
        let mut index = self.index();
        let there = index.bucket(bucket)?;
        let versioning = there.record.versioning;
        if let Some(id) = version {
            there.check_version(id)?;
        }
        condition(there.current(key).map(Arc::as_ref))?;
        if version.is_none() && versioning != Versioning::Never {
            let record = Record { marker: true, modified: now, ..Record::default() };
            let marker = Object { key: key.to_owned(), segments: Vec::new(), record };
            let marker = self.put_locked(&mut index, bucket, marker)?;
            return Ok(Deletion { version: Some(marker.version_id().to_owned()), marker: true });
        }
        let id = version.unwrap_or(NULL);
        let version = version.filter(|_| versioning != Versioning::Never).map(str::to_owned);
        let mut deletion = Deletion { version, marker: false };
        if there.version(key, id).is_some() {
            fs::remove_file(self.object_path(bucket, key, id)).map_err(S3Error::internal_error)?;
            let there = index.buckets.entry(bucket.to_owned()).or_default();
            if let Some(old) = there.remove(key, id) {
                deletion.marker = old.record.marker;
                old.release();
            }
        }
        Ok(deletion)
    }

    pub fn create_upload(&self, record: UploadRecord) -> S3Result<String> {
        let mut index = self.index();
        index.bucket(&record.bucket)?;
        let id = Uuid::new_v4().simple().to_string();
        fs::create_dir_all(self.upload_path(&id)).map_err(S3Error::internal_error)?;
        write_record(&self.upload_path(&id).join("upload.json"), &record)?;
        index.uploads.insert(id.clone(), Upload { record, parts: BTreeMap::new() });
        Ok(id)
    }

    /// Adds a part. It replaces an older part of the same number.
    pub fn put_part(&self, bucket: &str, key: &str, id: &str, number: i32, part: Part) -> S3Result<()> {
        let mut index = self.index();
        index.upload(bucket, key, id)?;
        write_record(&self.upload_path(id).join(format!("{number}.json")), &part.record)?;
        part.hold();
        if let Some(upload) = index.uploads.get_mut(id)
            && let Some(old) = upload.parts.insert(number, part)
        {
            old.release();
        }
        Ok(())
    }

    pub fn abort_upload(&self, bucket: &str, key: &str, id: &str) -> S3Result<()> {
        let mut index = self.index();
        index.upload(bucket, key, id)?;
        fs::remove_dir_all(self.upload_path(id)).map_err(S3Error::internal_error)?;
        for part in index.uploads.remove(id).into_iter().flat_map(|upload| upload.parts.into_values()) {
            part.release();
        }
        Ok(())
    }

    /// Turns an upload into an object. `assemble` returns the object for the upload and the current object.
    pub fn complete_upload(
        &self,
        bucket: &str,
        key: &str,
        id: &str,
        assemble: impl FnOnce(&Upload, &BucketRecord, Option<&Object>) -> S3Result<Object>,
    ) -> S3Result<Arc<Object>> {
        let mut index = self.index();
        let upload = index.upload(bucket, key, id)?;
        let there = index.bucket(bucket)?;
        let mut object = assemble(upload, &there.record, there.current(key).map(Arc::as_ref))?;
        object.record.upload = Some(id.to_owned());
        let object = self.put_locked(&mut index, bucket, object)?;
        // The object exists. If a kill prevents the removal of the upload's folder, `load` removes it.
        let _ = fs::remove_dir_all(self.upload_path(id));
        for part in index.uploads.remove(id).into_iter().flat_map(|upload| upload.parts.into_values()) {
            part.release();
        }
        Ok(object)
    }

    fn blob_path(&self, name: &str) -> PathBuf {
        self.root.join("blobs").join(name)
    }

    fn bucket_path(&self, name: &str) -> PathBuf {
        self.root.join("buckets").join(name)
    }

    fn upload_path(&self, id: &str) -> PathBuf {
        self.root.join("uploads").join(id)
    }

    /// Returns the path of a version's record: one folder per segment of the key, readable for people. The suffix
    /// separates the keys `a` and `a/b`.
    fn object_path(&self, bucket: &str, key: &str, version: &str) -> PathBuf {
        let bucket = self.bucket_path(bucket);
        if version != NULL {
            let mut path = bucket.join("versions");
            path.extend(key.split('/').map(file_name));
            return path.join(format!("{version}.json"));
        }
        let mut path = bucket.join("objects");
        let mut segments = key.split('/').map(file_name).peekable();
        while let Some(segment) = segments.next() {
            path.push(if segments.peek().is_some() { segment } else { segment + ".json" });
        }
        path
    }
}
