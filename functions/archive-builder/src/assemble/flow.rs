//! How much is under way at the same time: copies are waited for only, uploads take memory, fetches take connections.

use std::sync::{Mutex, PoisonError};

use anyhow::Result;
use bytes::{Bytes, BytesMut};
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

pub struct Flow {
    copies: Semaphore,
    uploads: Semaphore,
    fetches: Semaphore,
    memory: Semaphore,
    units: u64,
    largest: u64,
    idle: Mutex<Vec<BytesMut>>,
}

impl Flow {
    /// With these bounds for all buffers together.
    pub fn new(Buffers { largest, total }: Buffers) -> Self {
        let units = total.div_ceil(UNIT).max(1);
        Self {
            copies: Semaphore::new(COPIES),
            uploads: Semaphore::new(UPLOADS),
            fetches: Semaphore::new(FETCHES),
            memory: Semaphore::new(usize::try_from(units).unwrap_or(Semaphore::MAX_PERMITS)),
            units,
            largest,
            idle: Mutex::default(),
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
    ///
    /// Those that are half as long as the longest or more take as much as it does, and are used again: the allocator
    /// would keep the gaps that buffers of many lengths leave.
    pub async fn room(&self, len: u64) -> Result<Room<'_>> {
        let is_large = len >= self.largest / 2;
        let capacity = if is_large { len.max(self.largest) } else { len };
        let units = capacity.div_ceil(UNIT).clamp(1, self.units);
        let permit = self.memory.acquire_many(u32::try_from(units)?).await?;
        let idle = if is_large { self.idle().pop() } else { None };
        let capacity = usize::try_from(capacity)?;
        let mut bytes = idle.unwrap_or_else(|| BytesMut::with_capacity(capacity));
        bytes.resize(usize::try_from(len)?, 0);
        Ok(Room { flow: self, bytes, permit })
    }

    fn idle(&self) -> std::sync::MutexGuard<'_, Vec<BytesMut>> {
        self.idle.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Memory, and the right to it.
pub struct Room<'a> {
    flow: &'a Flow,
    /// To be filled.
    pub bytes: BytesMut,
    permit: SemaphorePermit<'a>,
}

/// What a room was filled with. Large ones go back to be filled again, unless somebody still reads them.
pub struct Filled<'a> {
    flow: &'a Flow,
    bytes: Bytes,
    _permit: SemaphorePermit<'a>,
}

impl<'a> Room<'a> {
    /// These are its bytes from now on.
    pub fn filled(self, bytes: BytesMut) -> Filled<'a> {
        Filled { flow: self.flow, bytes: bytes.freeze(), _permit: self.permit }
    }
}

impl Filled<'_> {
    /// The bytes; a clone of them shares the memory.
    pub fn bytes(&self) -> Bytes {
        self.bytes.clone()
    }
}

impl Drop for Filled<'_> {
    fn drop(&mut self) {
        if let Ok(mut bytes) = std::mem::take(&mut self.bytes).try_into_mut() {
            bytes.clear();
            if bytes.capacity() as u64 >= self.flow.largest {
                self.flow.idle().push(bytes);
            }
        }
    }
}
