//! Entry names that every system can extract, none of them twice.
//!
//! What photographers call their files meets Windows (reserved characters, device names, no difference between cases),
//! macOS (normal forms, no difference either), and customers who must not be fooled by what they can't see. Extractors
//! check little of it: hostile names are silently lost, merged or written elsewhere.

mod safe;

use std::collections::{HashMap, HashSet};

use unicode_normalization::UnicodeNormalization;

/// The archive's own file, beside the photos. No photo gets this name.
pub const MANIFEST: &str = "manifest.json";

/// What the folder is called if nothing of the order's reference can be kept.
const FOLDER: &str = "Order";

/// What a file is called if nothing of its name can be kept.
const FILE: &str = "photo";

/// A file's name as its photographer gave it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct OriginalName<'a> {
    /// Anything.
    pub filename: &'a str,
    /// What the file is. Where known, a name without extension, or with that of another kind of picture, gets the usual one.
    pub content_type: Option<&'a str>,
}

/// The name of a file that is delivered by itself, as safe as one in an archive.
pub fn file_name(original: OriginalName<'_>) -> String {
    safe::file_name(original.filename, FILE, original.content_type)
}

/// The names in one archive: `Order-reference/Filename.jpg`.
///
/// Each is NFC, without separators, control, invisible or bidirectional formatting characters, without anything that
/// Windows refuses (`<>:"|?*`, device names, dots and spaces at the end), not hidden (no dot in front), at most 200
/// bytes between slashes, and unique without regard to case. The same input makes the same names; names made here stay
/// as they are when put in again.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EntryNames {
    folder: String,
    files: Vec<String>,
}

impl EntryNames {
    /// Names the files of the order with this reference, in order.
    ///
    /// The first of several files with one name keeps it; the others become `Filename (2).jpg` and so on, around names
    /// that are in the list anyway.
    pub fn new<'a>(reference: &str, files: impl IntoIterator<Item = OriginalName<'a>>) -> Self {
        Self::besides([MANIFEST.to_owned()], reference, files)
    }

    /// The same, with names for the manifests of so many archives that may be extracted into one folder.
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

    /// The one folder that holds all.
    pub fn folder(&self) -> &str {
        &self.folder
    }

    /// The files' paths, in the order given.
    pub fn files(&self) -> impl ExactSizeIterator<Item = String> {
        self.files.iter().map(|file| format!("{}/{file}", self.folder))
    }

    /// The manifest's path.
    pub fn manifest(&self) -> String {
        format!("{}/{MANIFEST}", self.folder)
    }

    /// The manifest's path in one of several archives, from 1.
    pub fn manifest_of(&self, volume: usize) -> String {
        format!("{}/{}", self.folder, manifest_name(volume))
    }
}

fn manifest_name(volume: usize) -> String {
    format!("manifest-{volume}.json")
}

/// The first of `name (2)`, `name (3)` ... that is free.
fn numbered(name: &str, taken: &mut HashSet<String>, next: &mut HashMap<String, u32>) -> String {
    // Counted by the shortened name, not by the name: a thousand long names that differ only where they are cut off
    // share one counter, instead of each trying the same thousand numbers.
    let number = next.entry(caseless(&safe::numbered(name, 2))).or_insert(2);
    loop {
        let candidate = safe::numbered(name, *number);
        *number += 1;
        if taken.insert(caseless(&candidate)) {
            return candidate;
        }
    }
}

/// Equal for names that some file system takes for the same. Going up and down again finds what lower case alone
/// misses: APFS holds `ß` and `ss`, and `ς` and `σ`, for equal. Going down first takes `ẞ` along.
fn caseless(name: &str) -> String {
    name.nfd().flat_map(char::to_lowercase).flat_map(char::to_uppercase).flat_map(char::to_lowercase).nfc().collect()
}

#[cfg(test)]
mod tests;
