//! Adds up the bytes of a studio's photos, for its limit.

use std::sync::Arc;

use domain::{JobError, operation::Operation, photo::Photo};
use runtime::lease::Lease;

use super::paging::{PAGE, end, pause_in_time};
use crate::state::State;

/// Reads all photos that were there when the operation was requested, and adds their bytes to its `done`.
pub async fn measure(state: &State, lease: &Arc<Lease<Operation>>) -> Result<Operation, JobError> {
    let requested_at = lease.record.created_at;
    let was_there = |photo: &Photo| photo.created_at < requested_at;
    let mut position = lease.record.position.as_deref().and_then(|id| id.parse().ok());
    loop {
        let page = state.photos.list(&lease.record.studio, position, PAGE, was_there).await?;
        let bytes = page.items.iter().map(|photo| photo.size).sum();
        let Some(next) = page.next else { return end(lease, bytes).await };
        lease.change(|operation| operation.advance(lease.by, bytes, Some(next.to_string()))).await?;
        position = Some(next);
        pause_in_time(lease)?;
    }
}
