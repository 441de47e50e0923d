//! Originals that are too large for the memory: hashed as a stream.

use anyhow::{Result, anyhow};
use domain::ObjectKey;
use runtime::{
    aws::broken_off,
    objects::{GetError, ObjectStore},
};
use sha2::{Digest as _, Sha256};
use tracing::warn;

use crate::intake::Stored;

/// Bytes from the start that are kept: cameras and editors write their metadata there.
const START_BYTES: usize = 1 << 20;
/// Consecutive requests without a byte after which S3 counts as unavailable.
const MAX_FRUITLESS: u32 = 3;

/// Hashes of an original, and its first bytes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Hashed {
    /// At most [`START_BYTES`].
    pub start: Vec<u8>,
    /// SHA-256 of the original.
    pub sha256: [u8; 32],
    /// CRC-32 (IEEE) of the original.
    pub crc32: u32,
}

/// Hashes the original, which must have this ETag.
///
/// Memory holds one chunk of the response at a time. A response that breaks off is continued by another request: 5 GiB
/// take a minute, in which a connection may end.
pub async fn hash(objects: &ObjectStore, key: &ObjectKey, stored: &Stored) -> Result<Hashed> {
    let mut hashes = Hashes::default();
    let mut fruitless = 0;
    while hashes.length < stored.size {
        let before = hashes.length;
        let read = add_rest(&mut hashes, objects, key, stored).await;
        fruitless = if hashes.length > before { 0 } else { fruitless + 1 };
        match read {
            Err(Interrupted::BrokenOff(error)) if fruitless < MAX_FRUITLESS => {
                warn!(error = format!("{error:#}"), bytes = hashes.length, "Continues to read an original");
            }
            Err(Interrupted::BrokenOff(error) | Interrupted::Unreadable(error)) => return Err(error),
            Ok(()) if fruitless < MAX_FRUITLESS => {}
            Ok(()) => return Err(broken_off("Failed to read an original", anyhow!("The response is incomplete"))),
        }
    }
    Ok(hashes.finish())
}

/// Error of reading the rest of an original.
enum Interrupted {
    /// The response broke off.
    BrokenOff(anyhow::Error),
    /// Another request would fail too.
    Unreadable(anyhow::Error),
}

/// Hashes the bytes behind those that are hashed already.
async fn add_rest(
    hashes: &mut Hashes,
    objects: &ObjectStore,
    key: &ObjectKey,
    stored: &Stored,
) -> Result<(), Interrupted> {
    let rest = objects.open_range(key, &stored.etag, hashes.length..stored.size).await;
    let mut rest = rest.map_err(|error| Interrupted::Unreadable(unreadable(error)))?;
    while let Some(chunk) = rest.next().await {
        let chunk = chunk.map_err(|error| Interrupted::BrokenOff(broken_off("Failed to read an original", error)))?;
        hashes.add(&chunk);
    }
    Ok(())
}

/// Converts the error of opening an original. If it was replaced between HEAD and GET, the next attempt reads the new
/// one.
pub fn unreadable(error: GetError) -> anyhow::Error {
    match error {
        GetError::Changed | GetError::Missing => anyhow!("The original was changed meanwhile"),
        GetError::Other(error) => error,
    }
}

#[derive(Default)]
struct Hashes {
    start: Vec<u8>,
    sha256: Sha256,
    crc32: crc32fast::Hasher,
    length: u64,
}

impl Hashes {
    /// Adds bytes. A chunk of a response has some KB, so this does not keep the executor for long.
    fn add(&mut self, bytes: &[u8]) {
        let kept = bytes.len().min(START_BYTES - self.start.len());
        self.start.extend_from_slice(&bytes[..kept]);
        self.sha256.update(bytes);
        self.crc32.update(bytes);
        self.length += bytes.len() as u64;
    }

    fn finish(self) -> Hashed {
        Hashed { start: self.start, sha256: self.sha256.finalize().into(), crc32: self.crc32.finalize() }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn chunks_are_hashed_as_one(chunks: Vec<Vec<u8>>) {
            let mut hashes = Hashes::default();
            for chunk in &chunks {
                hashes.add(chunk);
            }
            let whole = chunks.concat();
            prop_assert_eq!(hashes.length, whole.len() as u64);
            let expected = Hashed {
                sha256: Sha256::digest(&whole).into(),
                crc32: crc32fast::hash(&whole),
                start: whole,
            };
            prop_assert_eq!(hashes.finish(), expected);
        }
    }

    #[test]
    fn only_the_start_is_kept() {
        let mut hashes = Hashes::default();
        for byte in 0..4 {
            hashes.add(&vec![byte; START_BYTES / 2 + 1]);
        }
        let start = hashes.finish().start;
        assert_eq!((start.len(), start[START_BYTES / 2], start[START_BYTES / 2 + 1]), (START_BYTES, 0, 1));
    }
}
