//! What S3 knows of objects and uploads beside their bytes, and `s3s-fs` does not: whole-object CRC-32s and parts.

use std::{
    collections::BTreeMap,
    path::{Path, PathBuf},
};

use base64::{
    Engine as _,
    engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD},
};
use serde::{Deserialize, Serialize, de::DeserializeOwned};

use crate::stand_ins::atomic_file;

/// One part of an upload under way.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PartFacts {
    pub etag: String,
    pub size: u64,
    pub crc32: u32,
}

/// An upload under way.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub struct UploadFacts {
    /// Begun with algorithm CRC32: every completed part must name its checksum.
    pub checked: bool,
}

/// Small JSON files in one folder.
pub struct Facts(PathBuf);

impl Facts {
    pub fn open(folder: &Path) -> anyhow::Result<Self> {
        std::fs::create_dir_all(folder)?;
        Ok(Self(folder.to_owned()))
    }

    fn object(&self, bucket: &str, key: &str) -> PathBuf {
        // Names of files end at 255 bytes, keys at 1,024: a long key is told by its hash.
        let name = URL_SAFE_NO_PAD.encode(format!("{bucket}/{key}"));
        let name = if name.len() > 200 { hex::encode(s3s::crypto::Checksum::finalize(hashed(&name))) } else { name };
        self.0.join(format!("object-{name}.json"))
    }

    fn upload(&self, id: &str) -> PathBuf {
        self.0.join(format!("upload-{}.json", URL_SAFE_NO_PAD.encode(id)))
    }

    fn part(&self, id: &str, number: i32) -> PathBuf {
        self.0.join(format!("part-{}-{number}.json", URL_SAFE_NO_PAD.encode(id)))
    }

    /// The whole object's CRC-32, where its upload proved one.
    pub fn crc32(&self, bucket: &str, key: &str) -> Option<u32> {
        read(&self.object(bucket, key))
    }

    pub fn keep_crc32(&self, bucket: &str, key: &str, crc32: Option<u32>) -> std::io::Result<()> {
        match crc32 {
            Some(crc32) => write(&self.object(bucket, key), &crc32),
            None => remove(&self.object(bucket, key)),
        }
    }

    pub fn begin(&self, id: &str, upload: &UploadFacts) -> std::io::Result<()> {
        write(&self.upload(id), upload)
    }

    pub fn upload_of(&self, id: &str) -> Option<UploadFacts> {
        read(&self.upload(id))
    }

    pub fn keep_part(&self, id: &str, number: i32, part: &PartFacts) -> std::io::Result<()> {
        write(&self.part(id, number), part)
    }

    pub fn parts(&self, id: &str, numbers: impl Iterator<Item = i32>) -> BTreeMap<i32, PartFacts> {
        numbers.filter_map(|number| Some((number, read(&self.part(id, number))?))).collect()
    }

    /// The upload is over, one way or the other.
    pub fn end(&self, id: &str, numbers: impl Iterator<Item = i32>) -> std::io::Result<()> {
        for number in numbers {
            remove(&self.part(id, number))?;
        }
        remove(&self.upload(id))
    }
}

fn hashed(name: &str) -> s3s::crypto::Md5 {
    use s3s::crypto::Checksum as _;
    let mut hash = s3s::crypto::Md5::new();
    hash.update(name.as_bytes());
    hash
}

fn read<T: DeserializeOwned>(path: &Path) -> Option<T> {
    serde_json::from_slice(&std::fs::read(path).ok()?).ok()
}

fn write(path: &Path, value: &impl Serialize) -> std::io::Result<()> {
    atomic_file::write(path, &serde_json::to_vec(value)?)
}

fn remove(path: &Path) -> std::io::Result<()> {
    match std::fs::remove_file(path) {
        Err(error) if error.kind() != std::io::ErrorKind::NotFound => Err(error),
        _ => Ok(()),
    }
}

/// As S3 writes a CRC-32: base64 of its four bytes, big-endian.
pub fn encode(crc32: u32) -> String {
    STANDARD.encode(crc32.to_be_bytes())
}
