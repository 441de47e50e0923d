//! An archive as a sequence of pieces, from any byte to any byte, and its cutting into parts of a multipart upload.

use std::{num::NonZeroU64, ops::Range};

use bytes::Bytes;

use super::layout::Layout;

const MIB: u64 = 1 << 20;

/// Smallest part that we cut, in bytes. S3 asks for 5 MiB; below 8 MiB the round trip outweighs the transfer.
pub const MIN_PART_SIZE: u64 = 8 * MIB;

/// S3: at most 5 GiB a part.
/// <https://docs.aws.amazon.com/AmazonS3/latest/userguide/qfacts.html>
pub const MAX_PART_SIZE: u64 = 5 << 30;

/// S3: at most 10,000 parts an upload (same source).
pub const MAX_PARTS: u64 = 10_000;

/// How much of the central directory goes into one piece, in bytes, give or take a header.
const DIRECTORY_PIECE: usize = 64 << 10;

/// Bytes that follow each other in the archive.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Piece {
    /// These.
    Bytes(Bytes),
    /// Some of an entry's content, to be fetched from its source.
    Body {
        /// The entry's place in [`Layout::entries`].
        entry: usize,
        /// Which bytes of the content; all of them where this is `0..size`.
        range: Range<u64>,
    },
}

impl Piece {
    /// Bytes; never 0.
    #[expect(clippy::len_without_is_empty, reason = "a piece is never empty")]
    pub fn len(&self) -> u64 {
        match self {
            Self::Bytes(bytes) => bytes.len() as u64,
            Self::Body { range, .. } => range.end - range.start,
        }
    }
}

/// One part of a multipart upload.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Part {
    /// From 1.
    pub number: i32,
    /// Which bytes of the archive.
    pub range: Range<u64>,
}

/// The part size in bytes for an archive of `total` bytes: the smallest from 8 MiB, in whole MiB, that needs no more
/// than 10,000 parts. `None` if S3 can't hold it (48.8 TiB, 10,000 parts of 5 GiB).
pub fn part_size_for(total: u64) -> Option<NonZeroU64> {
    let size = total.div_ceil(MAX_PARTS).checked_next_multiple_of(MIB)?.max(MIN_PART_SIZE);
    NonZeroU64::new(size).filter(|size| size.get() <= MAX_PART_SIZE)
}

impl<S> Layout<S> {
    /// The archive cut into parts of `part_size` bytes, the last one shorter. A part's content is
    /// [`pieces`](Self::pieces) of its range, so an upload can be resumed at any part.
    pub fn parts(&self, part_size: NonZeroU64) -> impl Iterator<Item = Part> + use<S> {
        let (total, size) = (self.size(), part_size.get());
        (0..total.div_ceil(size)).zip(1..).map(move |(index, number)| Part {
            number,
            range: index * size..total.min((index + 1).saturating_mul(size)),
        })
    }

    /// What lies in these bytes of the archive, in order and without gaps. Anything beyond the archive's end is left out.
    pub fn pieces(&self, range: Range<u64>) -> Pieces<'_, S> {
        Pieces { layout: self, at: range.start, end: range.end.min(self.size()) }
    }
}

/// The pieces of a byte range: see [`Layout::pieces`]. Only one of them is in memory at a time, and none is larger than
/// an inline entry or some 64 KiB.
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

    /// Central headers from entry `first`, until they fill a piece or reach the end.
    fn central_headers(&self, first: usize) -> Bytes {
        let mut out = Vec::with_capacity(DIRECTORY_PIECE);
        for index in first..self.layout.entries().len() {
            let wanted = self.layout.central_offset(index) < self.end;
            if !wanted || out.len() >= DIRECTORY_PIECE {
                break;
            }
            self.layout.write_central_header(index, &mut out);
        }
        out.into()
    }

    /// Those of `bytes`, which begin at `start` in the archive, that lie in what is left of the range.
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
    use crate::zip::Modified;

    fn modified() -> Modified {
        Modified::taken("2024-06-15T14:30:05", Some("+02:00")).expect("a time")
    }

    fn content_of(index: usize, size: u8) -> Vec<u8> {
        (0..size).map(|byte| byte.wrapping_mul(31) ^ index.to_le_bytes()[0]).collect()
    }

    /// Entries of the given sizes; every third is inline, the others are read from their source.
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
        fn parts_joined_are_the_archive(sizes in vec(any::<u8>(), 1..30), part_size in 1_u64..5_000) {
            let layout = layout(&sizes);
            let whole = read(&layout, 0..layout.size());
            prop_assert_eq!(whole.len() as u64, layout.size());
            prop_assert_eq!(crc32fast::hash(&whole), layout.crc32());

            let parts: Vec<Part> = layout.parts(NonZeroU64::new(part_size).expect("not 0")).collect();
            prop_assert!(parts.iter().map(|part| part.number).eq(1..=i32::try_from(parts.len()).expect("few")));
            let (last, others) = parts.split_last().expect("a part");
            prop_assert!(others.iter().all(|part| part.range.end - part.range.start == part_size));
            prop_assert!(!last.range.is_empty() && last.range.end == layout.size());
            let joined: Vec<u8> = parts.into_iter().flat_map(|part| read(&layout, part.range)).collect();
            prop_assert_eq!(joined, whole);
        }

        #[test]
        fn any_range_reads_as_the_archive_does(sizes in vec(any::<u8>(), 1..20), a in any::<u64>(), b in any::<u64>()) {
            let layout = layout(&sizes);
            let whole = read(&layout, 0..u64::MAX);
            let [a, b] = [a, b].map(|at| at % (layout.size() + 1));
            let expected: Vec<u8> = (a.min(b)..a.max(b)).map(|at| whole[usize::try_from(at).expect("small")]).collect();
            prop_assert_eq!(read(&layout, a.min(b)..a.max(b)), expected);
        }

        #[test]
        fn a_part_size_keeps_to_the_limits_of_s3(total in 0_u64..MAX_PARTS * MAX_PART_SIZE) {
            let size = part_size_for(total).expect("not too large").get();
            prop_assert!((MIN_PART_SIZE..=MAX_PART_SIZE).contains(&size) && size.is_multiple_of(MIB));
            prop_assert!(total.div_ceil(size) <= MAX_PARTS);
            prop_assert!(size == MIN_PART_SIZE || total.div_ceil(size - MIB) > MAX_PARTS, "no smaller size would do");
        }
    }

    #[test]
    fn a_part_is_eight_mebibytes_until_ten_thousand_do_not_suffice() {
        assert_eq!(part_size_for(0).map(NonZeroU64::get), Some(8 * MIB));
        assert_eq!(part_size_for(80_000 * MIB).map(NonZeroU64::get), Some(8 * MIB));
        assert_eq!(part_size_for(80_000 * MIB + 1).map(NonZeroU64::get), Some(9 * MIB));
        assert_eq!(part_size_for(MAX_PARTS * MAX_PART_SIZE).map(NonZeroU64::get), Some(MAX_PART_SIZE));
        assert_eq!(part_size_for(MAX_PARTS * MAX_PART_SIZE + 1), None);
        assert_eq!(part_size_for(u64::MAX), None);
    }

    #[test]
    fn a_large_central_directory_comes_in_small_pieces() {
        let layout = layout(&[1; 10_000]);
        let pieces = layout.pieces(layout.directory_range());
        let sizes: Vec<u64> = pieces.map(|piece| piece.len()).collect();
        assert_eq!(sizes.iter().sum::<u64>(), layout.directory_range().end - layout.directory_range().start);
        assert!(sizes.len() > 5 && sizes.iter().all(|&size| size < 66 << 10), "{sizes:?}");
    }
}
