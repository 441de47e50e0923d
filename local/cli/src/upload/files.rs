//! Files of a folder.

use std::{
    fs::{self, File},
    io::{Read as _, Seek as _, SeekFrom},
    path::{Path, PathBuf},
};

use anyhow::{Context as _, Result};
use bytes::Bytes;
use domain::incoming::is_ignored;
use sha2::{Digest as _, Sha256};

/// Bytes that are read together.
const CHUNK: usize = 1 << 20;

/// A file to upload.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LocalFile {
    /// Path on this machine.
    pub path: PathBuf,
    /// Path within the folder, with slashes.
    pub name: String,
    /// Size in bytes.
    pub size: u64,
}

/// Returns the files of the folder and of all folders in it, by name. Links to folders are not followed.
pub fn walk(folder: &Path) -> Result<Vec<LocalFile>> {
    let mut files = Vec::new();
    collect(folder, "", &mut files)?;
    files.sort_by(|a, b| a.name.cmp(&b.name));
    Ok(files)
}

fn collect(folder: &Path, prefix: &str, files: &mut Vec<LocalFile>) -> Result<()> {
    let entries =
        fs::read_dir(folder).with_context(|| format!("{} is no folder that can be read", folder.display()))?;
    for entry in entries {
        let path = entry?.path();
        let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
        let name = if prefix.is_empty() { name } else { format!("{prefix}/{name}") };
        let kind = path.symlink_metadata()?;
        if kind.is_dir() {
            collect(&path, &name, files)?;
        } else if path.is_file() && !is_ignored(&name) {
            let size = path.metadata()?.len();
            files.push(LocalFile { path, name, size });
        }
    }
    Ok(())
}

impl LocalFile {
    /// Returns the SHA-256 of the file.
    pub fn sha256(&self) -> Result<[u8; 32]> {
        let mut file = self.open()?;
        let (mut hash, mut chunk) = (Sha256::new(), vec![0; CHUNK]);
        loop {
            let read = file.read(&mut chunk)?;
            if read == 0 {
                return Ok(hash.finalize().into());
            }
            hash.update(chunk.get(..read).unwrap_or_default());
        }
    }

    /// Returns `length` bytes from `offset` on.
    pub fn range(&self, offset: u64, length: u64) -> Result<Bytes> {
        let mut file = self.open()?;
        file.seek(SeekFrom::Start(offset))?;
        let mut bytes = vec![0; usize::try_from(length)?];
        file.read_exact(&mut bytes).with_context(|| format!("{} became shorter", self.name))?;
        Ok(bytes.into())
    }

    fn open(&self) -> Result<File> {
        File::open(&self.path).with_context(|| format!("{} can't be read", self.name))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn folder_is_walked_without_clutter() {
        let folder = tempfile::tempdir().unwrap();
        fs::create_dir_all(folder.path().join("b/c")).unwrap();
        for (name, bytes) in [("z.jpg", "1"), ("b/c/a.jpg", "four"), (".DS_Store", "x"), ("b/._z.jpg", "x")] {
            fs::write(folder.path().join(name), bytes).unwrap();
        }
        let files = walk(folder.path()).unwrap();
        let found: Vec<_> = files.iter().map(|file| (file.name.as_str(), file.size)).collect();
        assert_eq!(found, [("b/c/a.jpg", 4), ("z.jpg", 1)]);
        assert_eq!(files[0].range(1, 2).unwrap(), "ou");
        assert!(files[0].range(3, 2).is_err());
        assert_eq!(hex::encode(files[1].sha256().unwrap())[..8], *"6b86b273");
        assert!(walk(&folder.path().join("none")).is_err());
    }
}
