//! Contents of objects, as shared segments of bytes.

use std::ops::Range;

use bytes::{Bytes, BytesMut};
use sha2::{Digest as _, Sha256};

/// Bytes in segments. Copies and joins share the segments, and the CRC-32 of a join is computed from the segments'.
#[derive(Debug, Clone, Default)]
pub struct Rope {
    segments: Vec<Segment>,
    len: u64,
}

/// Bytes and their CRC-32.
#[derive(Debug, Clone)]
struct Segment {
    bytes: Bytes,
    crc32: u32,
}

impl Segment {
    fn len(&self) -> u64 {
        self.bytes.len() as u64
    }
}

impl From<Bytes> for Rope {
    fn from(bytes: Bytes) -> Self {
        let len = bytes.len() as u64;
        let segments =
            if bytes.is_empty() { Vec::new() } else { vec![Segment { crc32: crc32fast::hash(&bytes), bytes }] };
        Self { segments, len }
    }
}

impl Rope {
    /// Returns the number of bytes.
    pub fn len(&self) -> u64 {
        self.len
    }

    /// Appends the segments of another rope.
    pub fn append(&mut self, other: &Self) {
        self.segments.extend_from_slice(&other.segments);
        self.len += other.len;
    }

    /// Returns the bytes of a range, which must not end after the rope. Whole segments keep their CRC-32.
    #[must_use]
    pub fn slice(&self, range: &Range<u64>) -> Self {
        let (mut slice, mut start) = (Self::default(), 0);
        for segment in &self.segments {
            let end = start + segment.len();
            let (from, to) = (range.start.max(start), range.end.min(end));
            if from < to {
                slice.len += to - from;
                slice.segments.push(if to - from == segment.len() {
                    segment.clone()
                } else {
                    let bytes = segment.bytes.slice(index(from - start)..index(to - start));
                    Segment { crc32: crc32fast::hash(&bytes), bytes }
                });
            }
            start = end;
        }
        slice
    }

    /// Returns the bytes of a range in one piece. Bytes of a single segment are shared.
    pub fn read(&self, range: &Range<u64>) -> Bytes {
        let mut start = 0;
        let mut pieces = self.segments.iter().filter_map(|segment| {
            let end = start + segment.len();
            let (from, to) = (range.start.max(start), range.end.min(end));
            let piece = (from < to).then(|| segment.bytes.slice(index(from - start)..index(to - start)));
            start = end;
            piece
        });
        let first = pieces.next().unwrap_or_default();
        let Some(second) = pieces.next() else { return first };
        let mut whole = BytesMut::with_capacity(index(range.end.saturating_sub(range.start)));
        whole.extend_from_slice(&first);
        whole.extend_from_slice(&second);
        pieces.for_each(|piece| whole.extend_from_slice(&piece));
        whole.freeze()
    }

    /// Returns all bytes in one piece.
    pub fn to_bytes(&self) -> Bytes {
        self.read(&(0..self.len))
    }

    /// Returns the CRC-32 of all bytes.
    pub fn crc32(&self) -> u32 {
        let mut whole = crc32fast::Hasher::new();
        for segment in &self.segments {
            whole.combine(&crc32fast::Hasher::new_with_initial_len(segment.crc32, segment.len()));
        }
        whole.finalize()
    }

    /// Computes the SHA-256 of all bytes.
    pub fn sha256(&self) -> [u8; 32] {
        let mut hasher = Sha256::new();
        self.segments.iter().for_each(|segment| hasher.update(&segment.bytes));
        hasher.finalize().into()
    }
}

/// Converts a position inside a segment. Segments are in memory, so their positions fit.
fn index(position: u64) -> usize {
    usize::try_from(position).unwrap_or(usize::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn slices_and_joins_equal_those_of_bytes() {
        let mut rope = Rope::from(Bytes::from_static(b"hello "));
        rope.append(&Rope::from(Bytes::from_static(b"small ")));
        rope.append(&Rope::from(Bytes::from_static(b"world")));
        let whole = b"hello small world";
        for start in 0..=whole.len() {
            for end in start..=whole.len() {
                let range = start as u64..end as u64;
                let slice = rope.slice(&range);
                assert_eq!(slice.to_bytes(), whole[start..end]);
                assert_eq!(rope.read(&range), whole[start..end]);
                assert_eq!((slice.len(), slice.crc32()), ((end - start) as u64, crc32fast::hash(&whole[start..end])));
            }
        }
        assert_eq!(rope.sha256(), <[u8; 32]>::from(Sha256::digest(whole)));
    }

    #[test]
    fn copy_of_one_segment_shares_bytes() {
        let bytes = Bytes::from(vec![7; 100]);
        let rope = Rope::from(bytes.clone());
        assert_eq!(rope.slice(&(10..20)).to_bytes().as_ptr(), bytes[10..].as_ptr());
    }
}
