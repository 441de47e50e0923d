//! Files that are whole or not there: `kill -9` at any moment leaves the old content or the new.

use std::io;
use std::path::Path;

use uuid::Uuid;

/// Ending of files that are still being written; [`remove_unfinished`] clears them away.
const UNFINISHED: &str = "unfinished";

/// Writes beside the file, then puts it in its place in one step.
pub fn write(path: &Path, content: &[u8]) -> io::Result<()> {
    let unfinished = path.with_extension(format!("{}.{UNFINISHED}", Uuid::new_v4().simple()));
    std::fs::write(&unfinished, content)?;
    std::fs::rename(&unfinished, path)
}

/// Removes what a killed process left half-written in this folder.
pub fn remove_unfinished(folder: &Path) -> io::Result<()> {
    for entry in std::fs::read_dir(folder)? {
        let path = entry?.path();
        if path.extension().is_some_and(|extension| extension == UNFINISHED) {
            std::fs::remove_file(path)?;
        }
    }
    Ok(())
}
