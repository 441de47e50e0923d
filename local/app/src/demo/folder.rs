//! The files of a folder, with the properties that the API needs.

use std::fs::File;
use std::io::{BufReader, Read};
use std::path::{Path, PathBuf};

use anyhow::{Context, Result};
use domain::photo::FileType;
use sha2::{Digest, Sha256};

/// The bytes per read.
const CHUNK_BYTES: usize = 256 * 1024;

/// Returns all regular files below `folder`, sorted, without hidden files and folders. Links to files count; links to
/// folders do not, since they could form a circle.
pub fn files(folder: &Path) -> Result<Vec<PathBuf>> {
    let mut found = Vec::new();
    let mut folders = vec![folder.to_owned()];
    while let Some(folder) = folders.pop() {
        let trouble = || format!("Failed to read the folder {}", folder.display());
        for entry in std::fs::read_dir(&folder).with_context(trouble)? {
            let entry = entry.with_context(trouble)?;
            if entry.file_name().as_encoded_bytes().starts_with(b".") {
                continue;
            }
            let path = entry.path();
            if entry.file_type().with_context(trouble)?.is_dir() {
                folders.push(path);
            } else if path.metadata().is_ok_and(|it| it.is_file()) {
                found.push(path);
            }
        }
    }
    found.sort();
    Ok(found)
}

/// Returns the last part of the path. Invalid Unicode is replaced, because JSON cannot represent it.
pub fn filename(path: &Path) -> String {
    path.file_name().map(|it| it.to_string_lossy().into_owned()).unwrap_or_default()
}

/// Returns the media type of a file extension.
pub fn content_type(filename: &str) -> &'static str {
    let ending = filename.rsplit_once('.').and_then(|(_, ending)| FileType::of_extension(ending));
    ending.map_or("application/octet-stream", |file_type| file_type.content_type)
}

/// Returns the size in bytes and the SHA-256 in hex.
pub fn measure(path: &Path) -> std::io::Result<(u64, String)> {
    let mut reader = BufReader::with_capacity(CHUNK_BYTES, File::open(path)?);
    let (mut size, mut hash) = (0, Sha256::new());
    let mut chunk = vec![0; CHUNK_BYTES];
    loop {
        let read = reader.read(&mut chunk)?;
        if read == 0 {
            return Ok((size, hex::encode(hash.finalize())));
        }
        size += read as u64;
        hash.update(&chunk[..read]);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn regular_files_are_found_and_hidden_ones_ignored() {
        let folder = tempfile::tempdir().unwrap();
        std::fs::create_dir_all(folder.path().join("b/.git")).unwrap();
        for name in ["ä.jpg", "a.jpg", ".DS_Store", "b/c.png", "b/.git/d.jpg"] {
            std::fs::write(folder.path().join(name), "x").unwrap();
        }
        let names: Vec<_> = files(folder.path()).unwrap().iter().map(|it| filename(it)).collect();
        assert_eq!(names, ["a.jpg", "c.png", "ä.jpg"]);
    }

    #[test]
    fn measure_returns_size_and_hash() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("abc");
        std::fs::write(&path, "abc").unwrap();
        let (size, sha256) = measure(&path).unwrap();
        assert_eq!(size, 3);
        assert_eq!(sha256, "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
    }

    #[test]
    fn extension_gives_content_type_in_any_case() {
        assert_eq!(content_type("IMG.JPG"), "image/jpeg");
        assert_eq!(content_type("notes"), "application/octet-stream");
    }
}
