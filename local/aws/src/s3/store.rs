//! Objects on disk, with an index in memory.
//!
//! The bytes of an object are written to a file of their own under `blobs/`, before anything refers to them. An object
//! exists only from the moment that its small record is renamed into place. A killed process leaves at most a blob
//! without a record, which the next start removes. Records are changed under one lock, so a condition (`If-None-Match:
//! *`) and the write after it are atomic.

use std::{
    collections::{BTreeMap, HashMap, HashSet},
    fmt::Write as _,
    fs, io,
    path::{Path, PathBuf},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use anyhow::Context;
use s3s::{S3Error, S3Result, s3_error};
use serde::{Deserialize, Serialize, de::DeserializeOwned};
use uuid::Uuid;

use super::{
    conditions::no_such_key,
    cors::CorsRule,
    members,
    notify::Rule,
    object::{Blob, Object, Part, PartRecord, Record, Segment, SegmentRecord, Upload, UploadRecord},
};
use crate::sqs::md5_hex;

/// The longest name of a folder or file, in bytes: file systems refuse names above 255, and a suffix follows. The
/// record has the full key.
const LONGEST_NAME: usize = 200;

/// The record of a bucket: its configuration.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
#[serde(default)]
pub(super) struct BucketRecord {
    pub created: u64,
    pub notifications: Vec<Rule>,
    pub cors: Vec<CorsRule>,
}

/// A bucket.
#[derive(Debug, Default)]
pub(super) struct Bucket {
    pub record: BucketRecord,
    pub objects: BTreeMap<String, Arc<Object>>,
}

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

    pub fn object(&self, bucket: &str, key: &str) -> S3Result<Arc<Object>> {
        let object = self.bucket(bucket)?.objects.get(key);
        object.cloned().ok_or_else(|| no_such_key(key))
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
        index.buckets.insert(name.to_owned(), Bucket { record, objects: BTreeMap::new() });
        Ok(())
    }

    pub fn delete_bucket(&self, name: &str) -> S3Result<()> {
        let mut index = self.index();
        if !index.bucket(name)?.objects.is_empty() {
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
        let old = index.bucket(bucket)?.objects.get(&object.key);
        condition(old.map(Arc::as_ref))?;
        self.put_locked(&mut index, bucket, object)
    }

    fn put_locked(&self, index: &mut Index, bucket: &str, mut object: Object) -> S3Result<Arc<Object>> {
        let path = self.object_path(bucket, &object.key);
        object.record.key.clone_from(&object.key);
        object.record.blobs = object.segments.iter().map(Segment::record).collect();
        if let Some(folder) = path.parent() {
            fs::create_dir_all(folder).map_err(S3Error::internal_error)?;
        }
        write_record(&path, &object.record)?;
        object.hold();
        let object = Arc::new(object);
        let objects = &mut index.buckets.entry(bucket.to_owned()).or_default().objects;
        if let Some(old) = objects.insert(object.key.clone(), object.clone()) {
            old.release();
        }
        Ok(object)
    }

    /// Removes the unsent event from an object's record, unless another object has replaced it.
    pub fn announced(&self, bucket: &str, object: &Arc<Object>) -> S3Result<()> {
        let mut index = self.index();
        let objects = &mut index.buckets.entry(bucket.to_owned()).or_default().objects;
        if !objects.get(&object.key).is_some_and(|current| Arc::ptr_eq(current, object)) {
            return Ok(());
        }
        let mut record = object.record.clone();
        record.unsent = None;
        write_record(&self.object_path(bucket, &object.key), &record)?;
        objects.insert(object.key.clone(), Arc::new(Object { record, ..object.as_ref().clone() }));
        Ok(())
    }

    /// Removes an object, if it exists.
    pub fn delete(&self, bucket: &str, key: &str) -> S3Result<()> {
        let mut index = self.index();
        index.bucket(bucket)?;
        let objects = &mut index.buckets.entry(bucket.to_owned()).or_default().objects;
        if objects.contains_key(key) {
            fs::remove_file(self.object_path(bucket, key)).map_err(S3Error::internal_error)?;
            if let Some(old) = objects.remove(key) {
                old.release();
            }
        }
        Ok(())
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
        let mut object = assemble(upload, &there.record, there.objects.get(key).map(Arc::as_ref))?;
        object.record.upload = Some(id.to_owned());
        let object = self.put_locked(&mut index, bucket, object)?;
        // The object exists. If a kill prevents the removal of the upload's folder, `load` removes it.
        let _ = fs::remove_dir_all(self.upload_path(id));
        for part in index.uploads.remove(id).into_iter().flat_map(|upload| upload.parts.into_values()) {
            part.release();
        }
        Ok(object)
    }

    fn load(&self) -> anyhow::Result<()> {
        let mut index = self.index();
        let mut blobs: HashMap<String, Arc<Blob>> = HashMap::new();
        let mut segments = |records: &[SegmentRecord]| -> Vec<Segment> {
            let mut blob = |name: &str| {
                let blob = blobs.entry(name.to_owned()).or_insert_with(|| Blob::fresh(self.blob_path(name)));
                blob.hold();
                blob.clone()
            };
            records.iter().map(|it| Segment { blob: blob(&it.blob), offset: it.offset, size: it.size }).collect()
        };
        let mut completed = HashSet::new();
        for folder in subfolders(&self.root.join("buckets"))? {
            // A bucket without a record was being created or deleted by a process that was killed.
            let Some(record) = read_record::<BucketRecord>(&folder.join("bucket.json"))? else { continue };
            let mut objects = BTreeMap::new();
            let mut folders = vec![folder.join("objects")];
            while let Some(folder) = folders.pop() {
                folders.extend(subfolders(&folder)?);
                for (_, record) in records::<Record>(&folder)? {
                    completed.extend(record.upload.clone());
                    let segments = segments(&record.blobs);
                    objects.insert(record.key.clone(), Arc::new(Object { key: record.key.clone(), segments, record }));
                }
            }
            index.buckets.insert(name_of(&folder), Bucket { record, objects });
        }
        for folder in subfolders(&self.root.join("uploads"))? {
            let Some(record) = read_record::<UploadRecord>(&folder.join("upload.json"))? else { continue };
            if completed.contains(&name_of(&folder)) {
                // The upload was completed before a kill: the object exists, but the upload's folder was not yet
                // removed.
                fs::remove_dir_all(&folder)?;
                continue;
            }
            let mut parts: BTreeMap<i32, Part> = BTreeMap::new();
            for (name, record) in records::<PartRecord>(&folder)? {
                if let Ok(number) = name.parse() {
                    parts.insert(number, Part { segments: segments(&record.blobs), record });
                }
            }
            index.uploads.insert(name_of(&folder), Upload { record, parts });
        }
        for entry in fs::read_dir(self.root.join("blobs"))? {
            let entry = entry?;
            if !blobs.contains_key(entry.file_name().to_string_lossy().as_ref()) {
                fs::remove_file(entry.path())?;
            }
        }
        Ok(())
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

    /// Returns the path of a key: one folder per segment, readable for people. The suffix separates the keys `a` and
    /// `a/b`.
    fn object_path(&self, bucket: &str, key: &str) -> PathBuf {
        let mut path = self.bucket_path(bucket).join("objects");
        let mut segments = key.split('/').map(file_name).peekable();
        while let Some(segment) = segments.next() {
            path.push(if segments.peek().is_some() { segment } else { segment + ".json" });
        }
        path
    }
}

/// Returns a key's segment as a file name. Characters with a meaning for file systems are escaped.
fn file_name(segment: &str) -> String {
    let mut name = String::from(if segment.is_empty() { "%" } else { "" });
    for byte in segment.bytes() {
        // Capitals are escaped too: some file systems ignore case.
        match byte {
            b'a'..=b'z' | b'0'..=b'9' | b'-' | b'_' => name.push(char::from(byte)),
            _ => {
                let _ = write!(name, "%{byte:02x}");
            }
        }
    }
    if name.len() > LONGEST_NAME { format!("%%{}", md5_hex(segment.as_bytes())) } else { name }
}

fn write_record(path: &Path, record: &impl Serialize) -> S3Result<()> {
    let fresh = path.with_extension("new");
    let content = serde_json::to_vec(record).map_err(S3Error::internal_error)?;
    fs::write(&fresh, content).and_then(|()| fs::rename(&fresh, path)).map_err(S3Error::internal_error)
}

fn read_record<T: DeserializeOwned>(path: &Path) -> anyhow::Result<Option<T>> {
    match fs::read(path) {
        Ok(content) => {
            Ok(Some(serde_json::from_slice(&content).with_context(|| format!("{} is damaged", path.display()))?))
        }
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(error).with_context(|| format!("Failed to read {}", path.display())),
    }
}

/// Returns the records of a folder, with their names.
fn records<T: DeserializeOwned>(folder: &Path) -> anyhow::Result<Vec<(String, T)>> {
    let mut records = Vec::new();
    for entry in fs::read_dir(folder)? {
        let path = entry?.path();
        let is_record = path.extension().is_some_and(|extension| extension == "json") && path.is_file();
        if is_record
            && name_of(&path) != "upload.json"
            && let Some(record) = read_record(&path)?
        {
            records.push((path.file_stem().unwrap_or_default().to_string_lossy().into_owned(), record));
        }
    }
    Ok(records)
}

fn name_of(path: &Path) -> String {
    path.file_name().unwrap_or_default().to_string_lossy().into_owned()
}

fn subfolders(folder: &Path) -> io::Result<Vec<PathBuf>> {
    let mut folders = Vec::new();
    for entry in fs::read_dir(folder)? {
        let entry = entry?;
        if entry.file_type()?.is_dir() {
            folders.push(entry.path());
        }
    }
    Ok(folders)
}
