//! Layout of an archive: the position of every byte.

use std::{collections::HashSet, ops::Range};

use bytes::Bytes;

use super::{
    crc::RunningCrc32,
    records::{EndRecord, FileRecord},
    timestamp::Modified,
};

/// Longest name in bytes: the length field has 16 bits (APPNOTE 4.4.10).
const MAX_NAME_LEN: usize = u16::MAX as usize;

/// A file of an archive.
#[derive(Debug, Clone)]
pub struct Entry<S> {
    name: String,
    size: u64,
    crc32: u32,
    modified: Modified,
    content: Content<S>,
}

#[derive(Debug, Clone)]
enum Content<S> {
    Elsewhere(S),
    Inline(Bytes),
}

impl<S> Entry<S> {
    /// Creates an entry whose `size` bytes with this CRC-32 come from `source`, such as an object's key.
    pub fn stored(name: impl Into<String>, modified: Modified, size: u64, crc32: u32, source: S) -> Self {
        Self { name: name.into(), size, crc32, modified, content: Content::Elsewhere(source) }
    }

    /// Creates an entry with inline content.
    pub fn inline(name: impl Into<String>, modified: Modified, content: impl Into<Bytes>) -> Self {
        let content = content.into();
        Self {
            name: name.into(),
            size: content.len() as u64,
            crc32: crc32fast::hash(&content),
            modified,
            content: Content::Inline(content),
        }
    }

    /// Returns the path in the archive.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Returns the size of the content in bytes.
    pub fn size(&self) -> u64 {
        self.size
    }

    /// Returns the CRC-32 of the content.
    pub fn crc32(&self) -> u32 {
        self.crc32
    }

    /// Returns the source of the content; `None` for an inline entry.
    pub fn source(&self) -> Option<&S> {
        match &self.content {
            Content::Elsewhere(source) => Some(source),
            Content::Inline(_) => None,
        }
    }

    /// Returns the content of an inline entry.
    pub fn content(&self) -> Option<&Bytes> {
        match &self.content {
            Content::Elsewhere(_) => None,
            Content::Inline(content) => Some(content),
        }
    }
}

/// Reason why entries do not form an archive.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum LayoutError {
    /// There are no entries.
    #[error("an archive needs at least one entry")]
    Empty,
    /// Entry `index` has no name.
    #[error("entry {index} has no name")]
    Unnamed {
        /// Index in the list.
        index: usize,
    },
    /// The name of entry `index` is too long for a header.
    #[error("the name of entry {index} has {len} bytes, of 65,535 possible")]
    NameTooLong {
        /// Index in the list.
        index: usize,
        /// Length in bytes.
        len: usize,
    },
    /// Two entries have the same name. Extractors would overwrite one with the other.
    #[error("two entries are named {name:?}")]
    DuplicateName {
        /// Name of both entries.
        name: String,
    },
    /// The archive's size does not fit into 64 bits.
    #[error("the archive is larger than 64 bits can say")]
    TooLarge,
}

/// Position of an entry's records.
#[derive(Debug, Clone, Copy)]
struct Placed {
    /// Offset of the local header in the archive.
    header: u64,
    /// Offset of the body in the archive; the body ends where the next header begins.
    body: u64,
    /// Offset of the central header in the archive.
    central: u64,
}

/// Layout of an archive: local headers and bodies in the order of the entries, then the central directory and its end.
///
/// The layout stores offsets (24 bytes per entry) and encodes headers on request. Equal entries produce equal bytes.
#[derive(Debug, Clone)]
pub struct Layout<S> {
    entries: Vec<Entry<S>>,
    placed: Vec<Placed>,
    end: EndRecord,
    size: u64,
    crc32: u32,
}

impl<S> Layout<S> {
    /// Lays out the entries. Takes about a microsecond per entry, independent of its size.
    pub fn new(entries: Vec<Entry<S>>) -> Result<Self, LayoutError> {
        check_names(&entries)?;
        let (mut placed, directory_offset) = place_bodies(&entries)?;
        let mut crc = RunningCrc32::new();
        let mut buffer = Vec::new();
        for (entry, place) in entries.iter().zip(&placed) {
            buffer.clear();
            record(entry, place.header).write_local(&mut buffer);
            crc.update(&buffer);
            crc.append(entry.crc32, entry.size);
        }
        let mut at = directory_offset;
        for (entry, place) in entries.iter().zip(&mut placed) {
            buffer.clear();
            record(entry, place.header).write_central(&mut buffer);
            crc.update(&buffer);
            place.central = at;
            at = at.checked_add(buffer.len() as u64).ok_or(LayoutError::TooLarge)?;
        }
        let end = EndRecord { count: entries.len() as u64, directory_offset, directory_size: at - directory_offset };
        buffer.clear();
        end.write(&mut buffer);
        crc.update(&buffer);
        let size = at.checked_add(end.len()).ok_or(LayoutError::TooLarge)?;
        Ok(Self { entries, placed, end, size, crc32: crc.value() })
    }

    /// Returns the entries, in the archive's order. Never empty.
    pub fn entries(&self) -> &[Entry<S>] {
        &self.entries
    }

    /// Returns the size of the archive in bytes.
    pub fn size(&self) -> u64 {
        self.size
    }

    /// Returns the CRC-32 of the whole archive.
    pub fn crc32(&self) -> u32 {
        self.crc32
    }

    /// Returns the range of entry `index`'s local header in the archive.
    ///
    /// Panics if there is no such entry, like the next three functions.
    pub fn header_range(&self, index: usize) -> Range<u64> {
        self.placed[index].header..self.placed[index].body
    }

    /// Returns the range of entry `index`'s content in the archive.
    pub fn body_range(&self, index: usize) -> Range<u64> {
        let start = self.placed[index].body;
        start..start + self.entries[index].size
    }

    /// Returns entry `index`'s local header.
    pub fn header(&self, index: usize) -> Bytes {
        let mut out = Vec::new();
        record(&self.entries[index], self.placed[index].header).write_local(&mut out);
        out.into()
    }

    /// Appends entry `index`'s header in the central directory to `out`.
    pub(super) fn write_central_header(&self, index: usize, out: &mut Vec<u8>) {
        record(&self.entries[index], self.placed[index].header).write_central(out);
    }

    /// Returns the range of the central directory in the archive, without its end records.
    pub fn directory_range(&self) -> Range<u64> {
        self.end.directory_offset..self.end.directory_offset + self.end.directory_size
    }

    /// Returns the offset of entry `index`'s central header in the archive.
    pub(super) fn central_offset(&self, index: usize) -> u64 {
        self.placed[index].central
    }

    /// Returns the records from the end of the central directory to the end of the archive.
    pub fn end_records(&self) -> Bytes {
        let mut out = Vec::new();
        self.end.write(&mut out);
        out.into()
    }

    /// Returns the entry whose local header or body contains this byte of the archive; the last entry for later bytes.
    pub(super) fn entry_at(&self, offset: u64) -> usize {
        self.placed.partition_point(|place| place.header <= offset).saturating_sub(1)
    }

    /// Returns the number of entries, from the first, that end before this byte of the archive.
    pub fn entries_before(&self, offset: u64) -> usize {
        if offset < self.end.directory_offset { self.entry_at(offset) } else { self.entries.len() }
    }

    /// Returns the entry whose central header contains this byte of the archive.
    pub(super) fn central_entry_at(&self, offset: u64) -> usize {
        self.placed.partition_point(|place| place.central <= offset).saturating_sub(1)
    }
}

fn record<S>(entry: &Entry<S>, header_offset: u64) -> FileRecord<'_> {
    FileRecord { name: &entry.name, size: entry.size, crc32: entry.crc32, modified: entry.modified, header_offset }
}

fn check_names<S>(entries: &[Entry<S>]) -> Result<(), LayoutError> {
    if entries.is_empty() {
        return Err(LayoutError::Empty);
    }
    let mut seen = HashSet::with_capacity(entries.len());
    for (index, Entry { name, .. }) in entries.iter().enumerate() {
        if name.is_empty() {
            return Err(LayoutError::Unnamed { index });
        }
        if name.len() > MAX_NAME_LEN {
            return Err(LayoutError::NameTooLong { index, len: name.len() });
        }
        if !seen.insert(name.as_str()) {
            return Err(LayoutError::DuplicateName { name: name.clone() });
        }
    }
    Ok(())
}

/// Places headers and bodies one after the other, and returns their end. Central offsets stay 0.
fn place_bodies<S>(entries: &[Entry<S>]) -> Result<(Vec<Placed>, u64), LayoutError> {
    let mut placed = Vec::with_capacity(entries.len());
    let mut at = 0_u64;
    for entry in entries {
        let header = at;
        let body = header.checked_add(record(entry, header).local_len()).ok_or(LayoutError::TooLarge)?;
        at = body.checked_add(entry.size).ok_or(LayoutError::TooLarge)?;
        placed.push(Placed { header, body, central: 0 });
    }
    Ok((placed, at))
}

#[cfg(test)]
mod tests;
