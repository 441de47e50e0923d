//! Unique entry names that every system can extract.
//!
//! File names of photographers meet Windows (reserved characters, device names, case-insensitive names), macOS (normal
//! forms, case-insensitive names), and customers, who must not be deceived by invisible characters. Extractors check
//! little of this: they silently lose, merge or misplace files with hostile names.

mod safe;

use std::collections::{HashMap, HashSet};

use unicode_normalization::UnicodeNormalization;

/// Name of the manifest beside the photos. No photo gets this name.
pub const MANIFEST: &str = "manifest.json";

/// Name of the folder if no character of the order's reference can be kept.
const FOLDER: &str = "Order";

/// Name of a file if no character of its name can be kept.
const FILE: &str = "photo";

/// File name that the photographer gave.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct OriginalName<'a> {
    /// Unchecked file name.
    pub filename: &'a str,
    /// Content type of the file, if known. A name without extension, or with that of another kind of picture, gets the
    /// usual one.
    pub content_type: Option<&'a str>,
}

/// Returns a safe name for a file that is delivered by itself.
pub fn file_name(original: OriginalName<'_>) -> String {
    safe::file_name(original.filename, FILE, original.content_type)
}

/// Names in one archive: `Order-reference/Filename.jpg`.
///
/// Each name is NFC and contains no separators, no control, invisible or bidirectional formatting characters, and
/// nothing that Windows refuses (`<>:"|?*`, device names, dots and spaces at the end). No file is hidden (no dot at the
/// start). A name has at most 200 bytes between slashes, and is unique without regard to case. The same input produces
/// the same names, and names made here stay unchanged when used as input.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EntryNames {
    folder: String,
    files: Vec<String>,
}

impl EntryNames {
    /// Names the files of the order with this reference, in order.
    ///
    /// The first of several files with the same name keeps it. The others become `Filename (2).jpg` and so on, skipping
    /// names that are in the list.
    pub fn new<'a>(reference: &str, files: impl IntoIterator<Item = OriginalName<'a>>) -> Self {
        Self::besides([MANIFEST.to_owned()], reference, files)
    }

    /// Names the files of an order that is split into `volumes` archives. Their manifests have different names too, so
    /// that all can be extracted into one folder.
    pub fn for_volumes<'a>(reference: &str, files: impl IntoIterator<Item = OriginalName<'a>>, volumes: usize) -> Self {
        let manifests = (1..=volumes).map(manifest_name);
        Self::besides([MANIFEST.to_owned()].into_iter().chain(manifests), reference, files)
    }

    fn besides<'a>(
        manifests: impl IntoIterator<Item = String>,
        reference: &str,
        files: impl IntoIterator<Item = OriginalName<'a>>,
    ) -> Self {
        let requested: Vec<String> =
            files.into_iter().map(|file| safe::file_name(file.filename, FILE, file.content_type)).collect();
        let mut taken: HashSet<String> = manifests.into_iter().map(|name| caseless(&name)).collect();
        let firsts: Vec<bool> = requested.iter().map(|name| taken.insert(caseless(name))).collect();
        let mut next = HashMap::new();
        let files = requested
            .into_iter()
            .zip(firsts)
            .map(|(name, first)| if first { name } else { numbered(&name, &mut taken, &mut next) });
        let files = files.collect();
        Self { folder: safe::file_name(reference, FOLDER, None), files }
    }

    /// Returns the folder that contains all files.
    pub fn folder(&self) -> &str {
        &self.folder
    }

    /// Returns the files' paths, in the given order.
    pub fn files(&self) -> impl ExactSizeIterator<Item = String> {
        self.files.iter().map(|file| format!("{}/{file}", self.folder))
    }

    /// Returns the manifest's path.
    pub fn manifest(&self) -> String {
        format!("{}/{MANIFEST}", self.folder)
    }

    /// Returns the manifest's path in one of several archives, from 1.
    pub fn manifest_of(&self, volume: usize) -> String {
        format!("{}/{}", self.folder, manifest_name(volume))
    }
}

fn manifest_name(volume: usize) -> String {
    format!("manifest-{volume}.json")
}

/// Returns the first free name of `name (2)`, `name (3)` and so on.
fn numbered(name: &str, taken: &mut HashSet<String>, next: &mut HashMap<String, u32>) -> String {
    // Counted by the shortened name. A thousand long names that differ only after the cut share one counter, so that
    // each does not try the same thousand numbers.
    let number = next.entry(caseless(&safe::numbered(name, 2))).or_insert(2);
    loop {
        let candidate = safe::numbered(name, *number);
        *number += 1;
        if taken.insert(caseless(&candidate)) {
            return candidate;
        }
    }
}

/// Returns a form that is equal for names that some file system considers equal. Upper case between lower cases is
/// necessary because APFS considers `ß` and `ss`, and `ς` and `σ`, equal. The first lower case handles `ẞ`.
fn caseless(name: &str) -> String {
    name.nfd().flat_map(char::to_lowercase).flat_map(char::to_uppercase).flat_map(char::to_lowercase).nfc().collect()
}

#[cfg(test)]
mod tests;
