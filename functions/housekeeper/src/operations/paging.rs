//! Pages of operations, and the time that each needs.

use std::time::Duration;

use domain::{JobError, operation::Operation};
use runtime::lease::Lease;

/// Number of records on a page. The count of a page is lost if a worker crashes.
pub const PAGE: usize = 100;
/// Least time left with which a page starts.
const PAGE_TIME: Duration = Duration::from_secs(5);

/// Ends the attempt, with its checkpoint stored, if too little time is left for another page.
pub fn pause_in_time(lease: &Lease<Operation>) -> Result<(), JobError> {
    let left = Duration::try_from(lease.stops_at.duration_since(lease.now())).unwrap_or_default();
    if left < PAGE_TIME { Err(JobError::Paused) } else { Ok(()) }
}
