//! Unique entry names that every system can extract.
//!
//! File names of photographers meet Windows (reserved characters, device names, case-insensitive names), macOS (normal
//! forms, case-insensitive names), and customers, who must not be deceived by invisible characters. Extractors check
//! little of this: they silently lose, merge or misplace files with hostile names.

mod ascii;
mod extension;
mod joiners;
mod length;
mod order;
mod safe;

use std::collections::{HashMap, HashSet};

use unicode_normalization::UnicodeNormalization;

use self::length::MAX_NAME_BYTES;
pub use self::{ascii::ascii_name, extension::served_content_type, order::OrderNames};

/// Name of the manifest beside the photos. No photo gets this name.
pub const MANIFEST: &str = "manifest.json";

/// File name that the photographer gave.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct OriginalName<'a> {
    /// Unchecked file name.
    pub filename: &'a str,
    /// Content type of the delivered bytes, if known. It determines the extension: see [`file_name`].
    pub content_type: Option<&'a str>,
}

/// Returns the name of a file that is delivered by itself. Files in archives are named by the same rules.
///
/// - The extension says what the bytes are, whatever the photographer's file was: a web version is `x.jpg`. RAW files keep
///   the extension of their vendor.
/// - A path on the photographer's machine becomes its last segment. Other slashes become underscores.
/// - The name is NFC and contains no separators, no control or bidirectional formatting characters, and nothing that
///   Windows refuses (`<>:"|?*`, device names, dots and spaces at the end) or browsers replace (percent signs, tildes at
///   the edges). No file is hidden (no dot at the start).
/// - Invisible characters stay only where they shape: joiners in cursive and Indic scripts, and within emoji.
/// - The name has at most 150 bytes of UTF-8, and is cut between characters as users see them.
pub fn file_name(original: OriginalName<'_>) -> String {
    safe::file_name(original.filename, original.content_type, MAX_NAME_BYTES)
}

/// Names in one archive: `Order-reference/Filename.jpg`.
///
/// Each is a name as [`file_name`] makes it. In one folder, names are unique without regard to case, and no extracted
/// path is too long for Windows Explorer. The same input produces the same names, and names made here stay unchanged
/// when used as input.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EntryNames {
    folder: String,
    files: Vec<String>,
}

impl EntryNames {
    /// Names the files of an order, in its sequence.
    ///
    /// The first of several files with the same name keeps it. The others become `Filename (2).jpg` and so on, skipping
    /// names that are in the list.
    pub fn new<'a>(order: &OrderNames, files: impl IntoIterator<Item = OriginalName<'a>>) -> Self {
        Self::besides([MANIFEST.to_owned()], order, order.room_for_files(1), files)
    }

    /// Names the files of an order that is split into `volumes` archives. Their manifests have different names too, so
    /// that all can be extracted into one folder.
    pub fn for_volumes<'a>(
        order: &OrderNames,
        files: impl IntoIterator<Item = OriginalName<'a>>,
        volumes: usize,
    ) -> Self {
        let manifests = (1..=volumes).map(manifest_name);
        let manifests = [MANIFEST.to_owned()].into_iter().chain(manifests);
        Self::besides(manifests, order, order.room_for_files(volumes), files)
    }

    fn besides<'a>(
        manifests: impl IntoIterator<Item = String>,
        order: &OrderNames,
        room: usize,
        files: impl IntoIterator<Item = OriginalName<'a>>,
    ) -> Self {
        let requested: Vec<String> =
            files.into_iter().map(|file| safe::file_name(file.filename, file.content_type, room)).collect();
        let mut taken: HashSet<String> = manifests.into_iter().map(|name| caseless(&name)).collect();
        let firsts: Vec<bool> = requested.iter().map(|name| taken.insert(caseless(name))).collect();
        let mut next = HashMap::new();
        let files = requested
            .into_iter()
            .zip(firsts)
            .map(|(name, first)| if first { name } else { numbered(&name, room, &mut taken, &mut next) });
        let files = files.collect();
        Self { folder: order.folder().to_owned(), files }
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
fn numbered(name: &str, room: usize, taken: &mut HashSet<String>, next: &mut HashMap<String, u32>) -> String {
    // Counted by the shortened name. A thousand long names that differ only after the cut share one counter, so that
    // each does not try the same thousand numbers.
    let number = next.entry(caseless(&safe::numbered(name, 2, room))).or_insert(2);
    loop {
        let candidate = safe::numbered(name, *number, room);
        *number += 1;
        if taken.insert(caseless(&candidate)) {
            return candidate;
        }
    }
}

/// Returns a form that is equal for names that some file system considers equal. HFS+ ignores joiners. Upper case between
/// lower cases is necessary because APFS considers `ß` and `ss`, and `ς` and `σ`, equal. The first lower case handles
/// `ẞ`.
fn caseless(name: &str) -> String {
    let visible = name.nfd().filter(|c| !joiners::is_joiner(*c));
    visible.flat_map(char::to_lowercase).flat_map(char::to_uppercase).flat_map(char::to_lowercase).nfc().collect()
}

#[cfg(test)]
mod tests;
