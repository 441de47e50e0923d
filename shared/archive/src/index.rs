//! `{build}.index.json`: offset and size of each file in its archive. One range request fetches a single photo from the
//! ZIP, because stored entries are uncompressed. The index is written before the archive is built.

use bytes::Bytes;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use super::layout::Layout;

/// Version of the format. A change of a field's meaning increments it; new fields do not.
const VERSION: u32 = 1;

/// Content of the index.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct DownloadIndex {
    /// Version of the format: 1.
    pub version: u32,
    /// Archives; several if the download is split.
    pub archives: Vec<ArchiveIndex>,
}

/// Index of one archive.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ArchiveIndex {
    /// Size of the archive in bytes.
    pub size: u64,
    /// CRC-32 of the whole archive.
    pub crc32: u32,
    /// Files, in the archive's order.
    pub entries: Vec<IndexEntry>,
}

/// A file of the archive.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct IndexEntry {
    /// Path in the archive.
    pub name: String,
    /// Id of the photo; `None` for the manifest.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub photo_id: Option<Uuid>,
    /// Offset of the first byte in the archive.
    pub offset: u64,
    /// Size in bytes.
    pub size: u64,
    /// CRC-32 of the file.
    pub crc32: u32,
}

impl DownloadIndex {
    /// Creates the index of these archives. `photo_id` returns the photo of a source.
    pub fn new<S>(layouts: &[Layout<S>], photo_id: impl Fn(&S) -> Uuid) -> Self {
        let archives = layouts.iter().map(|layout| ArchiveIndex::new(layout, &photo_id)).collect();
        Self { version: VERSION, archives }
    }

    /// Serializes the index in compact form.
    pub fn to_json(&self) -> serde_json::Result<Bytes> {
        serde_json::to_vec(self).map(Bytes::from)
    }
}

impl ArchiveIndex {
    /// Creates the index of this archive. `photo_id` returns the photo of a source.
    pub fn new<S>(layout: &Layout<S>, photo_id: impl Fn(&S) -> Uuid) -> Self {
        let entry = |(index, entry): (usize, &super::layout::Entry<S>)| IndexEntry {
            name: entry.name().to_owned(),
            photo_id: entry.source().map(&photo_id),
            offset: layout.body_range(index).start,
            size: entry.size(),
            crc32: entry.crc32(),
        };
        let entries = layout.entries().iter().enumerate().map(entry).collect();
        Self { size: layout.size(), crc32: layout.crc32(), entries }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Entry, Modified};

    #[test]
    fn file_lies_where_the_index_says() {
        let modified = Modified::taken("2024-06-15T14:30:05", None).expect("a time");
        let layout = Layout::new(vec![
            Entry::stored("a/1.jpg", modified, 5, 0x3610_A686, Uuid::from_u128(1)),
            Entry::inline("a/manifest.json", modified, "{}"),
        ])
        .expect("a layout");
        let size_and_crc32 = (layout.size(), layout.crc32());
        let whole = DownloadIndex::new(&[layout], |&id| id);
        let index = &whole.archives[0];
        assert_eq!(
            index.entries,
            [
                IndexEntry {
                    name: "a/1.jpg".into(),
                    photo_id: Some(Uuid::from_u128(1)),
                    offset: 30 + 7,
                    size: 5,
                    crc32: 0x3610_A686
                },
                IndexEntry {
                    name: "a/manifest.json".into(),
                    photo_id: None,
                    offset: 30 + 7 + 5 + 30 + 15,
                    size: 2,
                    crc32: crc32fast::hash(b"{}")
                },
            ]
        );
        assert_eq!((index.size, index.crc32), size_and_crc32);
        let json = whole.to_json().expect("JSON");
        assert_eq!(serde_json::from_slice::<DownloadIndex>(&json).expect("an index"), whole);
    }
}
