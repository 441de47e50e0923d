//! Pieces of an archive, for any range of bytes.

use std::ops::Range;

use bytes::Bytes;

use super::layout::Layout;

/// Approximate size in bytes of a piece of the central directory; a header can exceed it.
const DIRECTORY_PIECE: usize = 64 << 10;

/// Consecutive bytes of the archive.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Piece {
    /// Bytes of headers, inline entries or end records.
    Bytes(Bytes),
    /// A range of an entry's content, to be fetched from its source.
    Body {
        /// Index of the entry in [`Layout::entries`].
        entry: usize,
        /// Range of the content; `0..size` for all of it.
        range: Range<u64>,
    },
}

impl Piece {
    /// Returns the number of bytes, never 0.
    #[expect(clippy::len_without_is_empty, reason = "a piece is never empty")]
    pub fn len(&self) -> u64 {
        match self {
            Self::Bytes(bytes) => bytes.len() as u64,
            Self::Body { range, .. } => range.end - range.start,
        }
    }
}

impl<S> Layout<S> {
    /// Returns the pieces of a range of the archive, in order and without gaps. Bytes after the end of the archive are
    /// omitted.
    pub fn pieces(&self, range: Range<u64>) -> Pieces<'_, S> {
        Pieces { layout: self, at: range.start, end: range.end.min(self.size()) }
    }
}

/// Iterator over the pieces of a range: see [`Layout::pieces`]. One piece at a time is in memory, and none is larger
/// than an inline entry or about 64 KiB.
#[derive(Debug)]
pub struct Pieces<'a, S> {
    layout: &'a Layout<S>,
    at: u64,
    end: u64,
}

impl<S> Iterator for Pieces<'_, S> {
    type Item = Piece;

    fn next(&mut self) -> Option<Piece> {
        if self.at >= self.end {
            return None;
        }
        let directory = self.layout.directory_range();
        let piece = if self.at < directory.start {
            self.of_entry(self.layout.entry_at(self.at))
        } else if self.at < directory.end {
            let first = self.layout.central_entry_at(self.at);
            self.cut(self.layout.central_offset(first), &self.central_headers(first))
        } else {
            self.cut(directory.end, &self.layout.end_records())
        };
        self.at += piece.len();
        Some(piece)
    }
}

impl<S> Pieces<'_, S> {
    fn of_entry(&self, index: usize) -> Piece {
        let (header, body) = (self.layout.header_range(index), self.layout.body_range(index));
        if self.at < header.end {
            return self.cut(header.start, &self.layout.header(index));
        }
        match self.layout.entries()[index].content() {
            Some(content) => self.cut(body.start, content),
            None => Piece::Body { entry: index, range: self.at - body.start..self.end.min(body.end) - body.start },
        }
    }

    /// Returns central headers from entry `first` on, until they fill a piece or reach the end.
    fn central_headers(&self, first: usize) -> Bytes {
        let mut out = Vec::with_capacity(DIRECTORY_PIECE);
        for index in first..self.layout.entries().len() {
            let requested = self.layout.central_offset(index) < self.end;
            if !requested || out.len() >= DIRECTORY_PIECE {
                break;
            }
            self.layout.write_central_header(index, &mut out);
        }
        out.into()
    }

    /// Returns the part of `bytes`, which begin at `start` in the archive, that is in the rest of the range.
    fn cut(&self, start: u64, bytes: &Bytes) -> Piece {
        // Both offsets are within `bytes`, whose length is a usize.
        let offset = |at: u64| usize::try_from(at - start).unwrap_or(usize::MAX).min(bytes.len());
        Piece::Bytes(bytes.slice(offset(self.at)..offset(self.end)))
    }
}

#[cfg(test)]
mod tests {
    use proptest::{collection::vec, prelude::*};

    use super::{super::layout::Entry, *};
    use crate::Modified;

    fn modified() -> Modified {
        Modified::taken("2024-06-15T14:30:05", Some("+02:00")).expect("a time")
    }

    fn content_of(index: usize, size: u8) -> Vec<u8> {
        (0..size).map(|byte| byte.wrapping_mul(31) ^ index.to_le_bytes()[0]).collect()
    }

    /// Returns a layout of entries with these sizes. Every third entry is inline; the others have a source.
    fn layout(sizes: &[u8]) -> Layout<Vec<u8>> {
        let entry = |(index, &size): (usize, &u8)| {
            let (name, content) = (format!("Order/{index}.jpg"), content_of(index, size));
            if index % 3 == 2 {
                Entry::inline(name, modified(), content)
            } else {
                Entry::stored(name, modified(), size.into(), crc32fast::hash(&content), content)
            }
        };
        Layout::new(sizes.iter().enumerate().map(entry).collect()).expect("a layout")
    }

    fn read(layout: &Layout<Vec<u8>>, range: Range<u64>) -> Vec<u8> {
        let mut out = Vec::new();
        for piece in layout.pieces(range) {
            assert!(piece.len() > 0, "a piece is never empty");
            match piece {
                Piece::Bytes(bytes) => out.extend(bytes),
                Piece::Body { entry, range } => {
                    let [start, end] = [range.start, range.end].map(|at| usize::try_from(at).expect("small"));
                    out.extend(&layout.entries()[entry].source().expect("not inline")[start..end]);
                }
            }
        }
        out
    }

    proptest! {
        #[test]
        fn whole_stream_matches_layout_size_and_checksum(sizes in vec(any::<u8>(), 1..30)) {
            let layout = layout(&sizes);
            let whole = read(&layout, 0..layout.size());
            prop_assert_eq!(whole.len() as u64, layout.size());
            prop_assert_eq!(crc32fast::hash(&whole), layout.crc32());
        }

        #[test]
        fn any_range_reads_as_the_archive_does(sizes in vec(any::<u8>(), 1..20), a in any::<u64>(), b in any::<u64>()) {
            let layout = layout(&sizes);
            let whole = read(&layout, 0..u64::MAX);
            let [a, b] = [a, b].map(|at| at % (layout.size() + 1));
            let expected: Vec<u8> = (a.min(b)..a.max(b)).map(|at| whole[usize::try_from(at).expect("small")]).collect();
            prop_assert_eq!(read(&layout, a.min(b)..a.max(b)), expected);
        }
    }

    #[test]
    fn large_central_directory_comes_in_small_pieces() {
        let layout = layout(&[1; 10_000]);
        let pieces = layout.pieces(layout.directory_range());
        let sizes: Vec<u64> = pieces.map(|piece| piece.len()).collect();
        assert_eq!(sizes.iter().sum::<u64>(), layout.directory_range().end - layout.directory_range().start);
        assert!(sizes.len() > 5 && sizes.iter().all(|&size| size < 66 << 10), "{sizes:?}");
    }
}
