//! Operations on many failed jobs: page after page, until none is left or the function's time is up.

use std::sync::Arc;

use anyhow::Result;
use domain::{
    error::JobError,
    job::Job,
    job_record::JobRecord,
    operation::{Operation, Selection, Task},
    studio::Studio,
};
use futures::{StreamExt as _, TryStreamExt as _, stream};
use tracing::warn;
use uuid::Uuid;

use super::{
    DeadLetterAction, Desk,
    letters::{Walk, letters},
    paging::{CONCURRENCY, PAGE, pause_in_time},
};
use crate::{
    batch::{Delivery, Disposition},
    lease::{self, Lease},
    metrics,
    queue::Queue,
    store::{Failure, FailureKey, Table, Unreadable},
};

/// Works the operation of this id with `run`, and sends its job again where it paused.
pub async fn operate<F>(
    operations: &Arc<Table<Operation>>,
    queue: &Queue,
    delivery: &Delivery,
    (studio, id): (&Studio, Uuid),
    run: impl FnOnce(Arc<Lease<Operation>>) -> F,
) -> Result<Disposition, JobError>
where
    F: Future<Output = Result<Operation, JobError>> + Send,
{
    let ended = lease::work(operations, delivery, (studio, id), Operation::claim, run).await?;
    if ended.paused {
        queue.send(&Job::Operate { studio: studio.clone(), operation: id }).await?;
    }
    Ok(ended.disposition)
}

/// Tries failed jobs again, or forgets them, as the operation says.
pub async fn bulk<R: JobRecord>(desk: &Desk<R>, lease: Arc<Lease<Operation>>) -> Result<Operation, JobError> {
    let (action, selection) = match &lease.record.task {
        Task::Retry { selection } => (DeadLetterAction::Retry, selection.clone()),
        Task::Forget { selection } => (DeadLetterAction::Forget, selection.clone()),
        Task::Regenerate { .. } | Task::Fill { .. } => {
            return Err(JobError::reject("wrong_queue", "This worker does no such operation."));
        }
        Task::Erase { .. } | Task::Retention { .. } => {
            return Err(JobError::reject("wrong_queue", "This worker erases nothing: the archive builder does."));
        }
    };
    let position = lease.record.position.as_deref();
    let walk = position.and_then(|position| position.parse::<Walk>().ok());
    if walk.is_none() {
        records(desk, action, &selection, &lease, position.and_then(|cursor| cursor.parse().ok())).await?;
    }
    letters(desk, action, &selection, &lease, walk).await?;
    let now = lease.now();
    lease.change(|operation| operation.complete(lease.by, now)).await
}

/// Deals with the failed records that the operation chooses, from `position` on.
async fn records<R: JobRecord>(
    desk: &Desk<R>,
    action: DeadLetterAction,
    selection: &Selection,
    lease: &Lease<Operation>,
    mut position: Option<FailureKey>,
) -> Result<(), JobError> {
    let until = lease.record.created_at;
    loop {
        let page = desk.table.failures(until, position.as_ref(), PAGE).await?;
        let Some(last) = page.last().map(|failure| failure.key.clone()) else { return Ok(()) };
        let chosen = page.iter().filter(|failure| selection.takes(&failure.error.code, Some(&failure.key.studio)));
        let actions: Vec<_> = chosen.map(|failure| record(desk, action, failure, lease)).collect();
        let done: Vec<bool> = stream::iter(actions).buffer_unordered(CONCURRENCY).try_collect().await?;
        let done = done.iter().filter(|done| **done).count() as u64;
        lease.change(|operation| operation.advance(lease.by, done, Some(last.to_string()))).await?;
        position = Some(last);
        pause_in_time(lease)?;
    }
}

async fn record<R: JobRecord>(
    desk: &Desk<R>,
    action: DeadLetterAction,
    failure: &Failure,
    lease: &Lease<Operation>,
) -> Result<bool> {
    let key = &failure.key;
    let done = match action {
        DeadLetterAction::Retry => desk.retry(&key.studio, key.id, lease.now(), lease.record.id).await,
        DeadLetterAction::Forget => desk.forget(&key.studio, key.id).await,
    };
    match done {
        Err(error) if error.downcast_ref::<Unreadable>().is_some() => {
            warn!(studio = %key.studio, id = %key.id, error = format!("{error:#}"), "Left a {} that can't be read", R::NAME);
            metrics::unreadable();
            Ok(false)
        }
        done => done,
    }
}
