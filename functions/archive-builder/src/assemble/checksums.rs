//! Comparison of each photo with its record, from the stretches in which it was read or copied. A damaged photo can be
//! named.

use std::{
    collections::HashMap,
    ops::Range,
    sync::{Mutex, PoisonError},
};

use archive::{Layout, contents::Source, crc::RunningCrc32};
use domain::JobError;

/// Stretches of incomplete photos. If an earlier attempt read the beginning of a photo, it stays incomplete here; the
/// archive's checksum still verifies it.
#[derive(Default)]
pub struct Checksums(Mutex<HashMap<usize, Stretches>>);

/// Ranges of one entry with their CRC-32.
type Stretches = Vec<(Range<u64>, u32)>;

impl Checksums {
    /// Records the CRC-32 of a range, and compares the entry's checksum once the entry is complete.
    pub fn seen(&self, layout: &Layout<Source>, entry: usize, range: Range<u64>, crc32: u32) -> Result<(), JobError> {
        let content = &layout.entries()[entry];
        let whole =
            if range == (0..content.size()) { Some(crc32) } else { self.joined(entry, range, crc32, content.size()) };
        match (whole, content.source()) {
            (Some(found), Some(source)) if found != content.crc32() => Err(JobError::Reject(source.corrupt())),
            _ => Ok(()),
        }
    }

    /// Returns the CRC-32 of the whole entry once it is complete.
    fn joined(&self, entry: usize, range: Range<u64>, crc32: u32, size: u64) -> Option<u32> {
        let mut open = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let stretches = open.entry(entry).or_default();
        stretches.push((range, crc32));
        stretches.sort_unstable_by_key(|(range, _)| range.start);
        let (mut at, mut crc) = (0, RunningCrc32::new());
        for (range, crc32) in stretches.iter() {
            if range.start != at {
                return None;
            }
            crc.append(*crc32, range.end - range.start);
            at = range.end;
        }
        if at < size {
            return None;
        }
        open.remove(&entry);
        Some(crc.value())
    }
}
