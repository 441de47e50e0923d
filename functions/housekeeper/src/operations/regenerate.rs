//! Processes many photos again: page after page, each photo restarted and sent as a job of its own.

use std::sync::Arc;

use domain::{
    JobError,
    operation::{Operation, Photos},
    photo::{Photo, PhotoStatus},
    queue_config::QueueName,
};
use futures::{StreamExt as _, TryStreamExt as _, stream};
use runtime::{
    failed_jobs::{CONCURRENCY, restart},
    lease::Lease,
};

use super::paging::{PAGE, pause_in_time};
use crate::state::State;

/// Restarts the operation's photos. Photos created later are not affected, and photos in progress are skipped.
pub async fn regenerate(state: &State, lease: &Arc<Lease<Operation>>, which: Photos) -> Result<Operation, JobError> {
    let (studio, id) = (&lease.record.studio, lease.record.id);
    // A page that is repeated after a crash finds its own photos again.
    let chosen = |photo: &Photo| is_one(photo, which) || photo.work.requested_by == Some(id);
    // From the newest photo before the operation to the oldest, because ids are in the order of time.
    let mut position = Some(lease.record.position.as_deref().and_then(|id| id.parse().ok()).unwrap_or(id));
    while position.is_some() {
        let page = state.photos.list(studio, position, PAGE, chosen).await?;
        let photos: Vec<_> = page.items.iter().map(|photo| again(state, lease, photo)).collect();
        let done: Vec<bool> = stream::iter(photos).buffer_unordered(CONCURRENCY).try_collect().await?;
        let done = done.iter().filter(|done| **done).count() as u64;
        let begun_at = position;
        position = page.next;
        // Stored after the last page too, even an empty one. Repeated from the newest, it would include photos that
        // failed since.
        let reached = position.or(page.items.last().map(|photo| photo.id)).or(begun_at).map(|id| id.to_string());
        lease.change(|operation| operation.advance(lease.by, done, reached.clone())).await?;
        if position.is_some() {
            pause_in_time(lease)?;
        }
    }
    let now = lease.now();
    lease.change(|operation| operation.complete(lease.by, now)).await
}

fn is_one(photo: &Photo, which: Photos) -> bool {
    match which {
        Photos::All => matches!(photo.status, PhotoStatus::Ready | PhotoStatus::Failed),
        Photos::Failed => photo.status == PhotoStatus::Failed,
        Photos::Older { processor_version } => {
            photo.development.as_ref().is_some_and(|made| made.processor_version < processor_version)
        }
    }
}

/// Restarts a photo. Returns whether this operation restarted it.
async fn again(state: &State, lease: &Lease<Operation>, photo: &Photo) -> anyhow::Result<bool> {
    let set = |photo: &mut Photo| photo.restart(lease.now(), Some(lease.record.id));
    restart(&state.photos, state.queues.of(QueueName::Photos), (&photo.studio, photo.id), set).await
}
