//! Atomic file writes: after `kill -9` at any moment a file has its old or its new content.

use std::io;
use std::path::Path;

use uuid::Uuid;

/// Extension of files that are still being written; [`remove_unfinished`] deletes them.
const UNFINISHED: &str = "unfinished";

/// Writes the content to a file beside `path`, then renames it into place.
pub fn write(path: &Path, content: &[u8]) -> io::Result<()> {
    let unfinished = path.with_extension(format!("{}.{UNFINISHED}", Uuid::new_v4().simple()));
    std::fs::write(&unfinished, content)?;
    std::fs::rename(&unfinished, path)
}

/// Removes the unfinished files that a killed process left in this folder.
pub fn remove_unfinished(folder: &Path) -> io::Result<()> {
    for entry in std::fs::read_dir(folder)? {
        let path = entry?.path();
        if path.extension().is_some_and(|extension| extension == UNFINISHED) {
            std::fs::remove_file(path)?;
        }
    }
    Ok(())
}
