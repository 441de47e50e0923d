//! The index as read from disk.

use std::{
    collections::{BTreeMap, HashMap, HashSet},
    fs,
    sync::Arc,
};

use super::{
    Store,
    files::{name_of, read_record, record_paths, subfolders},
};
use crate::s3::{
    bucket::{Bucket, BucketRecord},
    object::{Blob, Object, Part, PartRecord, Record, Segment, SegmentRecord, Upload, UploadRecord},
};

impl Store {
    /// Reads the folder into the index, and removes what a killed process left unfinished.
    pub(super) fn load(&self) -> anyhow::Result<()> {
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
            let mut bucket = Bucket { record, keys: BTreeMap::new() };
            // A bucket that never had versions has no folder of them.
            let mut folders = vec![folder.join("objects"), folder.join("versions")];
            folders.retain(|folder| folder.exists());
            while let Some(folder) = folders.pop() {
                folders.extend(subfolders(&folder)?);
                for path in record_paths(&folder)? {
                    let Some(record) = read_record::<Record>(&path)? else { continue };
                    completed.extend(record.upload.clone());
                    let segments = segments(&record.blobs);
                    bucket.insert(Arc::new(Object { key: record.key.clone(), segments, record }));
                }
            }
            index.buckets.insert(name_of(&folder), bucket);
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
            for path in record_paths(&folder)? {
                let number = path.file_stem().and_then(|name| name.to_str()).and_then(|name| name.parse().ok());
                if let Some(number) = number
                    && let Some(record) = read_record::<PartRecord>(&path)?
                {
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
}

#[cfg(test)]
mod tests {
    use super::*;

    const ID: &str = "0006400000000000aaaaaaaaaaaaaaaa";

    fn write(path: &std::path::Path, text: &str) {
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, text).unwrap();
    }

    #[test]
    fn records_without_versions_are_versions_null() {
        let data = tempfile::tempdir().unwrap();
        let bucket = data.path().join("buckets/photos");
        write(&bucket.join("bucket.json"), r#"{"created":1,"notifications":[],"cors":[]}"#);
        let record = |key: &str| {
            format!(
                r#"{{"key":"{key}","size":1,"e_tag":"{key}","modified":1,"attributes":{{}},"digests":{{}},
                "blobs":[{{"blob":"{key}","size":1}}]}}"#
            )
        };
        // The second name is that of an upload's own record.
        for key in ["a", "upload"] {
            write(&bucket.join(format!("objects/{key}.json")), &record(key));
            write(&data.path().join("blobs").join(key), "x");
        }
        let store = Store::open(data.path()).unwrap();
        for key in ["a", "upload"] {
            let object = store.index().bucket("photos").unwrap().object(key, Some("null")).unwrap();
            assert_eq!((object.record.e_tag.as_str(), object.record.sequence), (key, 0));
            assert!(object.segments[0].blob.path.exists());
        }
    }

    #[test]
    fn versions_are_read_in_the_order_of_their_sequences() {
        let data = tempfile::tempdir().unwrap();
        let bucket = data.path().join("buckets/photos");
        write(&bucket.join("bucket.json"), r#"{"versioning":"Suspended"}"#);
        let record = |sequence: u64, rest: &str| {
            format!(
                r#"{{"key":"a","size":0,"e_tag":"","modified":1,"attributes":{{}},"digests":{{}},"blobs":[],
                "sequence":{sequence}{rest}}}"#
            )
        };
        write(&bucket.join("objects/a.json"), &record(9, r#","marker":true"#));
        write(&bucket.join(format!("versions/a/{ID}.json")), &record(5, &format!(r#","version":"{ID}""#)));
        let store = Store::open(data.path()).unwrap();
        let index = store.index();
        let ids: Vec<_> =
            index.bucket("photos").unwrap().keys["a"].iter().map(|version| version.version_id()).collect();
        assert_eq!(ids, [ID, "null"]);
        assert!(index.bucket("photos").unwrap().current("a").is_none());
    }
}
