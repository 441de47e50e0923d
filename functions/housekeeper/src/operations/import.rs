//! Import: photos of a studio from objects that lie in a bucket. The objects stay; each is a photo once, however often it
//! is imported.

use std::sync::Arc;

use anyhow::Result;
use domain::{
    JobError, Studio,
    incoming::{ImportSource, is_ignored, sidecar},
    operation::Operation,
};
use futures::{StreamExt as _, TryStreamExt as _, stream};
use runtime::{
    failed_jobs::CONCURRENCY,
    lease::Lease,
    metrics,
    objects::{ObjectStore, SourceError},
};
use tracing::warn;

use super::paging::{end, pause_in_time};
use crate::{
    admission::{Admitted, Found, admit},
    state::State,
};

/// Number of keys on a page.
const PAGE: i32 = 100;

/// Admits the objects with this prefix, page by page in the order of their keys. XMP sidecars are left out.
pub async fn import(
    state: &State,
    lease: &Arc<Lease<Operation>>,
    (studio, bucket, prefix): (&Studio, &str, &str),
) -> Result<Operation, JobError> {
    let source = ImportSource { bucket: bucket.to_owned(), prefix: prefix.to_owned() };
    let objects = state.uploads.in_bucket(bucket);
    let mut position = lease.record.position.clone();
    loop {
        let (page, more) = objects.page(prefix, position.as_deref(), PAGE).await?;
        let keys: Vec<_> = page.into_iter().map(|object| object.key).collect();
        let last = keys.last().cloned();
        let is_photo = |key: &String| !is_ignored(key) && sidecar(key).is_none();
        let chosen = keys.into_iter().filter(|key| source.may_import(key, state.uploads.bucket()) && is_photo(key));
        let admissions: Vec<_> = chosen.map(|key| one(state, &objects, studio, prefix, key)).collect();
        let done: Vec<bool> = stream::iter(admissions).buffer_unordered(CONCURRENCY).try_collect().await?;
        let done = done.iter().filter(|done| **done).count() as u64;
        let Some(last) = last.filter(|_| more) else { return end(lease, done).await };
        lease.change(|operation| operation.advance(lease.by, done, Some(last.clone()))).await?;
        position = Some(last);
        pause_in_time(lease)?;
    }
}

/// Admits one object. Returns whether its photo was not ready before.
async fn one(
    state: &State,
    objects: &ObjectStore,
    studio: &Studio,
    prefix: &str,
    key: String,
) -> Result<bool, JobError> {
    let head = match objects.head_version(&key, None).await {
        Ok(head) => head,
        Err(SourceError::Other(error)) => return Err(error.into()),
        Err(error) => {
            warn!(key, %error, "An object was not imported");
            metrics::ignored();
            return Ok(false);
        }
    };
    let path = key.strip_prefix(prefix).unwrap_or(&key).to_owned();
    let bucket = Some(objects.bucket().to_owned());
    let admitted = admit(state, studio, Found { bucket, key, version: None, path: &path, head }).await?;
    Ok(admitted != Admitted::IsKnown)
}
