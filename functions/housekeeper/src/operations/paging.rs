//! Pages of operations, and the time that each needs.

use std::time::Duration;

use domain::{JobError, operation::Operation};
use runtime::lease::Lease;

/// Number of records on a page. The count of a page is lost if a worker crashes.
pub const PAGE: usize = 100;
/// Least time left with which a page starts.
const PAGE_TIME: Duration = Duration::from_secs(5);

/// Records the last page and the end of the operation in one write. A worker that crashes between two writes would start
/// over.
pub async fn end(lease: &Lease<Operation>, done: u64) -> Result<Operation, JobError> {
    let now = lease.now();
    let end = |operation: &mut Operation| {
        operation.advance(lease.by, done, operation.position.clone())?;
        operation.complete(lease.by, now)
    };
    lease.change(end).await
}

/// Ends the attempt, with its checkpoint stored, if too little time is left for another page.
pub fn pause_in_time(lease: &Lease<Operation>) -> Result<(), JobError> {
    let left = Duration::try_from(lease.stops_at.duration_since(lease.now())).unwrap_or_default();
    if left < PAGE_TIME { Err(JobError::Paused) } else { Ok(()) }
}
