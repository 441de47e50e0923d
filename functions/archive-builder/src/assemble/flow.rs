//! How much is under way at the same time: copies are waited for only, uploads take memory, fetches take connections.

use anyhow::Result;
use tokio::sync::{Semaphore, SemaphorePermit};

/// Copies, and requests as small, under way at most. S3 takes 3,500 of them a second for each prefix; a copy of a photo
/// takes more than half a second.
const COPIES: usize = 200;
/// Uploads under way at most, besides the bound on their memory.
const UPLOADS: usize = 32;
/// Fetches of small photos under way at most: at 75 MB/s and 60 ms a request, 32 of 0.15 MB fill the line.
const FETCHES: usize = 32;
/// Memory is handed out in so many bytes.
const UNIT: u64 = 64 << 10;

pub struct Flow {
    copies: Semaphore,
    uploads: Semaphore,
    fetches: Semaphore,
    memory: Semaphore,
    units: u64,
}

impl Flow {
    /// With so many bytes for all buffers together.
    pub fn new(memory: u64) -> Self {
        let units = memory.div_ceil(UNIT).max(1);
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

    /// Waits for room for so many bytes.
    pub async fn room(&self, bytes: u64) -> Result<SemaphorePermit<'_>> {
        let units = bytes.div_ceil(UNIT).clamp(1, self.units);
        Ok(self.memory.acquire_many(u32::try_from(units)?).await?)
    }
}
