//! Pages of operations, and the time that each needs.

use std::time::Duration;

use domain::{JobError, operation::Operation};
use runtime::lease::Lease;

/// Records of one page: what is lost of the count when a worker dies.
pub const PAGE: usize = 100;
/// No page begins with less time left than this.
const PAGE_TIME: Duration = Duration::from_secs(5);

/// Ends the try, with its position saved, before too little time is left for another page.
pub fn pause_in_time(lease: &Lease<Operation>) -> Result<(), JobError> {
    let left = Duration::try_from(lease.stops_at.duration_since(lease.now())).unwrap_or_default();
    if left < PAGE_TIME { Err(JobError::Paused) } else { Ok(()) }
}
