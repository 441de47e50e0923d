//! Operations on many failed jobs. They work page by page, until no job is left or the function's time is up.

use std::sync::Arc;

use anyhow::Result;
use domain::{
    JobError,
    job_record::JobRecord,
    operation::{Operation, Selection, Task},
};
use futures::{StreamExt as _, TryStreamExt as _, stream};
use runtime::{
    failed_jobs::{CONCURRENCY, DeadLetterAction, FailedJobs},
    lease::Lease,
    metrics,
    store::{Failure, FailureKey, Unreadable},
};
use tracing::warn;

use super::{
    dead_letters::{Walk, letters},
    paging::{PAGE, pause_in_time},
};

/// Retries or forgets failed jobs, depending on the operation.
pub async fn bulk<R: JobRecord>(failed: &FailedJobs<R>, lease: Arc<Lease<Operation>>) -> Result<Operation, JobError> {
    let (action, selection) = match &lease.record.task {
        Task::Retry { selection } => (DeadLetterAction::Retry, selection.clone()),
        Task::Forget { selection } => (DeadLetterAction::Forget, selection.clone()),
        Task::Regenerate { .. }
        | Task::Fill { .. }
        | Task::Erase { .. }
        | Task::Import { .. }
        | Task::Measure
        | Task::Rescan
        | Task::Retention { .. } => {
            return Err(JobError::reject("wrong_task", "The operation does not act on failed jobs."));
        }
    };
    let position = lease.record.position.as_deref();
    let walk = position.and_then(|position| position.parse::<Walk>().ok());
    if walk.is_none() {
        records(failed, action, &selection, &lease, position.and_then(|cursor| cursor.parse().ok())).await?;
    }
    letters(failed, action, &selection, &lease, walk).await?;
    let now = lease.now();
    lease.change(|operation| operation.complete(lease.by, now)).await
}

/// Applies the action to the selected failed records, from `position` on.
async fn records<R: JobRecord>(
    failed: &FailedJobs<R>,
    action: DeadLetterAction,
    selection: &Selection,
    lease: &Lease<Operation>,
    mut position: Option<FailureKey>,
) -> Result<(), JobError> {
    let until = lease.record.created_at;
    loop {
        let page = failed.failures(until, position.as_ref(), PAGE).await?;
        let Some(last) = page.last().map(|failure| failure.key.clone()) else { return Ok(()) };
        let chosen = page.iter().filter(|failure| selection.takes(&failure.error.code, Some(&failure.key.studio)));
        let actions: Vec<_> = chosen.map(|failure| record(failed, action, failure, lease)).collect();
        let done: Vec<bool> = stream::iter(actions).buffer_unordered(CONCURRENCY).try_collect().await?;
        let done = done.iter().filter(|done| **done).count() as u64;
        lease.change(|operation| operation.advance(lease.by, done, Some(last.to_string()))).await?;
        position = Some(last);
        pause_in_time(lease)?;
    }
}

async fn record<R: JobRecord>(
    failed: &FailedJobs<R>,
    action: DeadLetterAction,
    failure: &Failure,
    lease: &Lease<Operation>,
) -> Result<bool> {
    let key = &failure.key;
    let done = match action {
        DeadLetterAction::Retry => failed.retry(&key.studio, key.id, lease.now(), lease.record.id).await,
        DeadLetterAction::Forget => failed.forget(&key.studio, key.id).await,
    };
    match done {
        Err(error) if error.downcast_ref::<Unreadable>().is_some() => {
            warn!(studio = %key.studio, id = %key.id, error = format!("{error:#}"), "Skipped an unreadable {}", R::NAME);
            metrics::unreadable();
            Ok(false)
        }
        done => done,
    }
}
