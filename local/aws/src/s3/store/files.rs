//! Records as files, and the names of files.

use std::{
    fmt::Write as _,
    fs, io,
    path::{Path, PathBuf},
};

use anyhow::Context;
use s3s::{S3Error, S3Result};
use serde::{Serialize, de::DeserializeOwned};

use crate::sqs::md5_hex;

/// The longest name of a folder or file, in bytes: file systems refuse names above 255, and a suffix follows. The
/// record has the full key.
const LONGEST_NAME: usize = 200;

/// Returns a key's segment as a file name. Characters with a meaning for file systems are escaped.
pub(super) fn file_name(segment: &str) -> String {
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

pub(super) fn write_record(path: &Path, record: &impl Serialize) -> S3Result<()> {
    let fresh = path.with_extension("new");
    let content = serde_json::to_vec(record).map_err(S3Error::internal_error)?;
    fs::write(&fresh, content).and_then(|()| fs::rename(&fresh, path)).map_err(S3Error::internal_error)
}

pub(super) fn read_record<T: DeserializeOwned>(path: &Path) -> anyhow::Result<Option<T>> {
    match fs::read(path) {
        Ok(content) => {
            Ok(Some(serde_json::from_slice(&content).with_context(|| format!("{} is damaged", path.display()))?))
        }
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(error).with_context(|| format!("Failed to read {}", path.display())),
    }
}

/// Returns the paths of the records in a folder.
pub(super) fn record_paths(folder: &Path) -> io::Result<Vec<PathBuf>> {
    let mut paths = Vec::new();
    for entry in fs::read_dir(folder)? {
        let path = entry?.path();
        if path.extension().is_some_and(|extension| extension == "json") && path.is_file() {
            paths.push(path);
        }
    }
    Ok(paths)
}

pub(super) fn name_of(path: &Path) -> String {
    path.file_name().unwrap_or_default().to_string_lossy().into_owned()
}

pub(super) fn subfolders(folder: &Path) -> io::Result<Vec<PathBuf>> {
    let mut folders = Vec::new();
    for entry in fs::read_dir(folder)? {
        let entry = entry?;
        if entry.file_type()?.is_dir() {
            folders.push(entry.path());
        }
    }
    Ok(folders)
}
