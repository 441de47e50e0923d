//! Where every byte of an archive lies.

use std::{collections::HashSet, ops::Range};

use bytes::Bytes;

use super::{
    crc::RunningCrc32,
    records::{EndRecord, FileRecord},
    timestamp::Modified,
};

/// The name length field has 16 bits (APPNOTE 4.4.10).
const MAX_NAME_LEN: usize = u16::MAX as usize;

/// One file of an archive.
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
    /// A file whose `size` bytes with this CRC-32 are to be had from `source`: an object's key, say.
    pub fn stored(name: impl Into<String>, modified: Modified, size: u64, crc32: u32, source: S) -> Self {
        Self { name: name.into(), size, crc32, modified, content: Content::Elsewhere(source) }
    }

    /// A file whose content is here.
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

    /// Its path in the archive.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Bytes.
    pub fn size(&self) -> u64 {
        self.size
    }

    /// CRC-32 of the content.
    pub fn crc32(&self) -> u32 {
        self.crc32
    }

    /// Where the content is to be had; `None` for an inline entry.
    pub fn source(&self) -> Option<&S> {
        match &self.content {
            Content::Elsewhere(source) => Some(source),
            Content::Inline(_) => None,
        }
    }

    /// The content of an inline entry.
    pub fn content(&self) -> Option<&Bytes> {
        match &self.content {
            Content::Elsewhere(_) => None,
            Content::Inline(content) => Some(content),
        }
    }
}

/// Why entries make no archive.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum LayoutError {
    /// An archive of nothing is somebody's mistake.
    #[error("an archive needs at least one entry")]
    Empty,
    /// Entry `index` has no name.
    #[error("entry {index} has no name")]
    Unnamed {
        /// Its place in the list.
        index: usize,
    },
    /// Entry `index` has a name that no header can hold.
    #[error("the name of entry {index} has {len} bytes, of 65,535 possible")]
    NameTooLong {
        /// Its place in the list.
        index: usize,
        /// Bytes.
        len: usize,
    },
    /// Two entries have the same name: extractors would overwrite one with the other.
    #[error("two entries are named {name:?}")]
    DuplicateName {
        /// Theirs.
        name: String,
    },
    /// The archive's size does not fit into 64 bits.
    #[error("the archive is larger than 64 bits can say")]
    TooLarge,
}

/// Where an entry's records lie.
#[derive(Debug, Clone, Copy)]
struct Placed {
    /// The local header's offset in the archive.
    header: u64,
    /// The body's offset in the archive; it ends where the next header begins.
    body: u64,
    /// The central header's offset in the archive.
    central: u64,
}

/// An archive, laid out: local headers and bodies in the order of the entries, then the central directory and its end.
///
/// Offsets are kept (24 bytes an entry), headers are encoded when they are asked for. The same entries make the same
/// bytes.
#[derive(Debug, Clone)]
pub struct Layout<S> {
    entries: Vec<Entry<S>>,
    placed: Vec<Placed>,
    end: EndRecord,
    size: u64,
    crc32: u32,
}

impl<S> Layout<S> {
    /// Lays the entries out. Takes about a microsecond an entry, whatever their sizes.
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

    /// The entries, in the archive's order. Never empty.
    pub fn entries(&self) -> &[Entry<S>] {
        &self.entries
    }

    /// The archive's size in bytes.
    pub fn size(&self) -> u64 {
        self.size
    }

    /// The CRC-32 of the whole archive.
    pub fn crc32(&self) -> u32 {
        self.crc32
    }

    /// Where entry `index`'s local header lies in the archive.
    ///
    /// Panics if there is no such entry, as the next three do.
    pub fn header_range(&self, index: usize) -> Range<u64> {
        self.placed[index].header..self.placed[index].body
    }

    /// Where entry `index`'s content lies in the archive.
    pub fn body_range(&self, index: usize) -> Range<u64> {
        let start = self.placed[index].body;
        start..start + self.entries[index].size
    }

    /// Entry `index`'s local header.
    pub fn header(&self, index: usize) -> Bytes {
        let mut out = Vec::new();
        record(&self.entries[index], self.placed[index].header).write_local(&mut out);
        out.into()
    }

    /// Entry `index`'s header in the central directory, appended to `out`.
    pub(super) fn write_central_header(&self, index: usize, out: &mut Vec<u8>) {
        record(&self.entries[index], self.placed[index].header).write_central(out);
    }

    /// Where the central directory lies in the archive, without its end records.
    pub fn directory_range(&self) -> Range<u64> {
        self.end.directory_offset..self.end.directory_offset + self.end.directory_size
    }

    /// Where entry `index`'s central header begins in the archive.
    pub(super) fn central_offset(&self, index: usize) -> u64 {
        self.placed[index].central
    }

    /// What follows the central directory, to the end of the archive.
    pub fn end_records(&self) -> Bytes {
        let mut out = Vec::new();
        self.end.write(&mut out);
        out.into()
    }

    /// The entry whose local header or body holds this byte of the archive; the last entry for any byte behind.
    pub(super) fn entry_at(&self, offset: u64) -> usize {
        self.placed.partition_point(|place| place.header <= offset).saturating_sub(1)
    }

    /// How many entries, from the first, lie wholly before this byte of the archive.
    pub fn entries_before(&self, offset: u64) -> usize {
        if offset < self.end.directory_offset { self.entry_at(offset) } else { self.entries.len() }
    }

    /// The entry whose central header holds this byte of the archive.
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

/// Places headers and bodies one behind the other; also says where they end. Central offsets are left at 0.
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
