//! Buffer of one upload. Its bytes stay in memory, so that the upload can be retried; a stream could not.

use std::ops::Range;

use anyhow::anyhow;
use archive::Piece;
use domain::JobError;
use futures::{TryStreamExt as _, stream::FuturesUnordered};
use runtime::{aws::broken_off, objects::GetError};
use tracing::warn;

use super::{Assembly, concurrency::Filled};
use crate::plan::Stretch;

/// Largest number of fetches of one buffer that wait or are in progress.
const FETCHES_AHEAD: usize = 16;
/// Attempts of reading a body that ends early. The SDK retries requests, but not bodies.
const FETCH_TRIES: u32 = 3;

impl Assembly<'_> {
    /// Waits for memory and fills it with these stretches.
    pub(super) async fn buffer(&self, stretches: &[Stretch]) -> Result<Filled<'_>, JobError> {
        let len = stretches.iter().map(Stretch::len).sum();
        let mut room = self.concurrency.room(len).await?;
        let mut rest = room.bytes.as_mut();
        let too_long = || anyhow!("An upload is longer than its stretches");
        let mut missing = Vec::new();
        for stretch in stretches {
            match stretch {
                Stretch::Zeros(len) => {
                    rest.split_off_mut(..usize::try_from(*len)?).ok_or_else(too_long)?;
                }
                Stretch::Archive(range) => {
                    for piece in self.layout.pieces(range.clone()) {
                        let slot = rest.split_off_mut(..usize::try_from(piece.len())?).ok_or_else(too_long)?;
                        match piece {
                            Piece::Bytes(bytes) => slot.copy_from_slice(&bytes),
                            Piece::Body { entry, range } => missing.push((entry, range, slot)),
                        }
                    }
                }
            }
        }
        let (mut missing, mut fetching) = (missing.into_iter(), FuturesUnordered::new());
        loop {
            while fetching.len() < FETCHES_AHEAD
                && let Some((entry, range, slot)) = missing.next()
            {
                fetching.push(self.fetch(entry, range, slot));
            }
            if fetching.try_next().await?.is_none() {
                break;
            }
        }
        drop((missing, fetching));
        Ok(room.filled())
    }

    /// Fetches a range of an entry's content, identified by its ETag, into a slot of the same length.
    async fn fetch(&self, entry: usize, range: Range<u64>, slot: &mut [u8]) -> Result<(), JobError> {
        let content = &self.layout.entries()[entry];
        let source = content.source().ok_or_else(|| anyhow!("An entry to be fetched has no source"))?;
        for attempt in 1.. {
            let _turn = self.concurrency.fetch().await?;
            let whole = range == (0..content.size());
            let opened = if whole {
                self.originals.open(&source.key, &source.etag).await
            } else {
                self.originals.open_range(&source.key, &source.etag, range.clone()).await
            };
            let body = match opened {
                Ok(body) => body,
                Err(GetError::Missing) => return Err(JobError::Reject(source.missing())),
                Err(GetError::Changed) => return Err(JobError::Reject(source.changed())),
                Err(GetError::Other(error)) => return Err(error.into()),
            };
            match read(body, slot).await {
                Ok(()) => break,
                Err(error) if attempt < FETCH_TRIES => warn!(photo.id = %source.photo, %error, "Reading a photo again"),
                Err(error) => return Err(broken_off("Failed to read a photo", error).into()),
            }
        }
        self.checksums.seen(self.layout, entry, range, crc32fast::hash(slot))
    }
}

/// Reads exactly as many bytes as the slot has.
async fn read(mut body: aws_sdk_s3::primitives::ByteStream, slot: &mut [u8]) -> anyhow::Result<()> {
    let mut at = 0;
    while let Some(chunk) = body.try_next().await? {
        let room = slot.get_mut(at..at + chunk.len()).ok_or_else(|| anyhow!("A body is longer than it says"))?;
        room.copy_from_slice(&chunk);
        at += chunk.len();
    }
    if at == slot.len() { Ok(()) } else { Err(anyhow!("A body ended after {at} of {} bytes", slot.len())) }
}
