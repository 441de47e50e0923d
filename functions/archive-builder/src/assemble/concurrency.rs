//! Limits on concurrent requests: of copies by number, of uploads by memory, of fetches by connections.

use anyhow::Result;
use bytes::Bytes;
use memmap2::MmapMut;
use tokio::sync::{Semaphore, SemaphorePermit};

use crate::plan::limits::Buffers;

/// Largest number of concurrent copies and requests of similar cost. S3 accepts 3,500 per second and prefix; a copy of
/// a photo takes more than half a second.
const COPIES: usize = 200;
/// Largest number of concurrent uploads, in addition to the limit on their memory.
const UPLOADS: usize = 32;
/// Largest number of concurrent fetches of small photos. At 75 MB/s and 60 ms per request, 16 fetches of 0.3 MB
/// saturate the connection. Each connection has a buffer of its own.
const FETCHES: usize = 16;
/// Unit of memory accounting, in bytes.
const UNIT: u64 = 64 << 10;

pub struct Concurrency {
    copies: Semaphore,
    uploads: Semaphore,
    fetches: Semaphore,
    memory: Semaphore,
    units: u64,
}

impl Concurrency {
    /// Creates the limits, with a total for all buffers.
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

    /// Waits until a copy may start.
    pub async fn copy(&self) -> Result<SemaphorePermit<'_>> {
        Ok(self.copies.acquire().await?)
    }

    /// Waits until an upload may start.
    pub async fn upload(&self) -> Result<SemaphorePermit<'_>> {
        Ok(self.uploads.acquire().await?)
    }

    /// Waits until a fetch may start.
    pub async fn fetch(&self) -> Result<SemaphorePermit<'_>> {
        Ok(self.fetches.acquire().await?)
    }

    /// Waits for `len` bytes of memory. Returns a zeroed buffer.
    pub async fn room(&self, len: u64) -> Result<Room<'_>> {
        let units = len.div_ceil(UNIT).clamp(1, self.units);
        let permit = self.memory.acquire_many(u32::try_from(units)?).await?;
        let len = usize::try_from(len)?;
        let bytes =
            if len as u64 > UNIT { Memory::Mapped(MmapMut::map_anon(len)?) } else { Memory::Small(vec![0; len]) };
        Ok(Room { bytes, permit })
    }
}

/// A zeroed buffer. Large ones are mapped pages, which return to the system when they are dropped. The allocator would
/// keep the gaps between buffers of many lengths, half as much memory again.
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

/// A buffer with the permit for its memory.
pub struct Room<'a> {
    /// Buffer to fill.
    pub bytes: Memory,
    permit: SemaphorePermit<'a>,
}

/// A filled buffer.
pub struct Filled<'a> {
    bytes: Bytes,
    _permit: SemaphorePermit<'a>,
}

impl<'a> Room<'a> {
    /// Makes the buffer immutable.
    pub fn filled(self) -> Filled<'a> {
        Filled { bytes: Bytes::from_owner(self.bytes), _permit: self.permit }
    }
}

impl Filled<'_> {
    /// Returns the bytes. A clone shares the memory.
    pub fn bytes(&self) -> Bytes {
        self.bytes.clone()
    }
}
