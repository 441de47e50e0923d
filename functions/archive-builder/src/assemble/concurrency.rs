//! How much is under way at the same time: copies are waited for only, uploads take memory, fetches take connections.

use anyhow::Result;
use bytes::Bytes;
use memmap2::MmapMut;
use tokio::sync::{Semaphore, SemaphorePermit};

use crate::plan::limits::Buffers;

/// Copies, and requests as small, under way at most. S3 takes 3,500 of them a second for each prefix; a copy of a photo
/// takes more than half a second.
const COPIES: usize = 200;
/// Uploads under way at most, besides the bound on their memory.
const UPLOADS: usize = 32;
/// Fetches of small photos under way at most: at 75 MB/s and 60 ms a request, 16 of 0.3 MB fill the line, and each
/// connection has a buffer of its own.
const FETCHES: usize = 16;
/// Memory is handed out in so many bytes.
const UNIT: u64 = 64 << 10;

pub struct Concurrency {
    copies: Semaphore,
    uploads: Semaphore,
    fetches: Semaphore,
    memory: Semaphore,
    units: u64,
}

impl Concurrency {
    /// With these bounds for all buffers together.
    pub fn new(Buffers { total, .. }: Buffers) -> Self {
        let units = total.div_ceil(UNIT).max(1);
        Self {
            copies: Semaphore::new(COPIES),
            uploads: Semaphore::new(UPLOADS),
            fetches: Semaphore::new(FETCHES),
            memory: Semaphore::new(usize::try_from(units).unwrap_or(Semaphore::MAX_PERMITS)),
            units,
        }
    }

    /// Waits for a copy's turn.
    pub async fn copy(&self) -> Result<SemaphorePermit<'_>> {
        Ok(self.copies.acquire().await?)
    }

    /// Waits for an upload's turn.
    pub async fn upload(&self) -> Result<SemaphorePermit<'_>> {
        Ok(self.uploads.acquire().await?)
    }

    /// Waits for a fetch's turn.
    pub async fn fetch(&self) -> Result<SemaphorePermit<'_>> {
        Ok(self.fetches.acquire().await?)
    }

    /// Waits for room for so many bytes, and hands them out as zeros.
    pub async fn room(&self, len: u64) -> Result<Room<'_>> {
        let units = len.div_ceil(UNIT).clamp(1, self.units);
        let permit = self.memory.acquire_many(u32::try_from(units)?).await?;
        let len = usize::try_from(len)?;
        let bytes =
            if len as u64 > UNIT { Memory::Mapped(MmapMut::map_anon(len)?) } else { Memory::Small(vec![0; len]) };
        Ok(Room { bytes, permit })
    }
}

/// Zeros, to be written over. Larger ones are pages of their own, which go back to the system when they are dropped:
/// the allocator would keep the gaps that buffers of many lengths leave, half as much again.
pub enum Memory {
    Mapped(MmapMut),
    Small(Vec<u8>),
}

impl AsMut<[u8]> for Memory {
    fn as_mut(&mut self) -> &mut [u8] {
        match self {
            Self::Mapped(pages) => pages,
            Self::Small(bytes) => bytes,
        }
    }
}

impl AsRef<[u8]> for Memory {
    fn as_ref(&self) -> &[u8] {
        match self {
            Self::Mapped(pages) => pages,
            Self::Small(bytes) => bytes,
        }
    }
}

/// Memory, and the right to it.
pub struct Room<'a> {
    /// To be filled.
    pub bytes: Memory,
    permit: SemaphorePermit<'a>,
}

/// What a room was filled with.
pub struct Filled<'a> {
    bytes: Bytes,
    _permit: SemaphorePermit<'a>,
}

impl<'a> Room<'a> {
    /// It is full.
    pub fn filled(self) -> Filled<'a> {
        Filled { bytes: Bytes::from_owner(self.bytes), _permit: self.permit }
    }
}

impl Filled<'_> {
    /// The bytes; a clone of them shares the memory.
    pub fn bytes(&self) -> Bytes {
        self.bytes.clone()
    }
}
