//! Rescan of `incoming/`: once a day, uploads whose events were lost are taken in. Usually the prefix is almost empty,
//! because an upload is deleted once its photo is ready.

use std::sync::Arc;

use anyhow::Result;
use domain::{
    JobError, ObjectKey,
    incoming::is_ignored,
    object_key::INCOMING,
    operation::{Operation, Task},
    queue_config::QueueName,
};
use futures::{StreamExt as _, future, stream};
use jiff::{SignedDuration, Timestamp};
use runtime::{failed_jobs::CONCURRENCY, lease::Lease, metrics};
use tracing::warn;
use uuid::Uuid;

use super::{
    daily,
    paging::{end, pause_in_time},
};
use crate::{intake, state::State};

/// Partition of the daily operation.
const PARTITION: &str = "rescan";
/// Namespace of the ids of daily operations.
const NAMESPACE: Uuid = Uuid::from_u128(0x84c1_0d5b_6a7e_4f39_b2d8_17e6_95a3_0cf4);
/// Number of keys on a page.
const PAGE: i32 = 100;
/// Age from which an upload should have been taken in.
const OVERDUE: SignedDuration = SignedDuration::from_hours(1);

/// Starts the operation of the day. Part of every sweep.
pub async fn begin(state: &State, now: Timestamp) -> Result<()> {
    daily::begin(state, (PARTITION, NAMESPACE), QueueName::Uploads, Task::Rescan, now).await
}

/// Takes in one upload. Returns whether its photo was not ready before. What fails here is tried again tomorrow: one object,
/// such as one under a key of its uploader, must not keep back those of all studios after it.
async fn one(state: &State, key: ObjectKey) -> bool {
    let name = key.to_string();
    intake::overdue(state, key).await.unwrap_or_else(|error| {
        warn!(key = name, %error, "An overdue upload was not taken in");
        metrics::ignored();
        false
    })
}

/// Takes in overdue uploads, page by page in the order of their keys.
pub async fn rescan(state: &State, lease: &Arc<Lease<Operation>>) -> Result<Operation, JobError> {
    let before = lease.record.created_at.saturating_sub(OVERDUE).unwrap_or(Timestamp::MIN);
    let mut position = lease.record.position.clone();
    loop {
        let (objects, more) = state.uploads.page(INCOMING, position.as_deref(), PAGE).await?;
        let last = objects.last().map(|object| object.key.clone());
        let overdue = objects.into_iter().filter(|object| object.modified < before);
        let keys = overdue.filter_map(|object| ObjectKey::parse(&object.key));
        let uploads = keys.filter(|key| matches!(key, ObjectKey::Incoming { path, .. } if !is_ignored(path)));
        let uploads: Vec<_> = uploads.map(|key| one(state, key)).collect();
        let done =
            stream::iter(uploads).buffer_unordered(CONCURRENCY).filter(|done| future::ready(*done)).count().await;
        let done = done as u64;
        let Some(last) = last.filter(|_| more) else { return end(lease, done).await };
        lease.change(|operation| operation.advance(lease.by, done, Some(last.clone()))).await?;
        position = Some(last);
        pause_in_time(lease)?;
    }
}
