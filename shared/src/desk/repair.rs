//! Operations on many failed jobs: page after page, until none is left or the function's time is up.

use std::{sync::Arc, time::Duration};

use anyhow::Result;
use futures::{StreamExt as _, TryStreamExt as _, stream};
use uuid::Uuid;

use super::{DeadLetter, Desk, Retried, Standing};
use crate::{
    batch::{Delivery, Disposition},
    error::JobError,
    hold::{self, Hold, Workable},
    job::Job,
    operation::{Operation, Selection, Task},
    queue::Queue,
    store::{Failure, FailureKey, Table},
    studio::Studio,
};

/// Records of one page: what is lost of the count when a worker dies.
const PAGE: usize = 100;
/// Dead letters looked at in one round.
const LETTERS: usize = 500;
/// Records worked on at once.
const AT_ONCE: usize = 16;
/// No page begins with less time left than this.
const PAGE_TIME: Duration = Duration::from_secs(5);

/// Works the operation of this id with `run`, and sends its job again where it paused.
pub async fn operate<F>(
    operations: &Arc<Table<Operation>>,
    queue: &Queue,
    delivery: &Delivery,
    (studio, id): (&Studio, Uuid),
    run: impl FnOnce(Arc<Hold<Operation>>) -> F,
) -> Result<Disposition, JobError>
where
    F: Future<Output = Result<Operation, JobError>> + Send,
{
    let ended = hold::work(operations, delivery, (studio, id), Operation::claim, run).await?;
    if ended.paused {
        queue.send(&Job::Operate { studio: studio.clone(), operation: id }).await?;
    }
    Ok(ended.disposition)
}

/// What is done with each failed job.
#[derive(Clone, Copy)]
enum Deed {
    Retry,
    Forget,
}

/// Tries failed jobs again, or forgets them, as the operation says.
pub async fn repair<R: Workable>(desk: &Desk<R>, hold: Arc<Hold<Operation>>) -> Result<Operation, JobError> {
    let (deed, selection) = match &hold.record.task {
        Task::Retry { selection } => (Deed::Retry, selection.clone()),
        Task::Forget { selection } => (Deed::Forget, selection.clone()),
        Task::Regenerate { .. } => {
            return Err(JobError::reject("wrong_queue", "This worker has no photos to develop again."));
        }
    };
    let until = hold.record.created_at;
    let mut position: Option<FailureKey> = hold.record.position.as_deref().and_then(|cursor| cursor.parse().ok());
    loop {
        let page = desk.table.failures(until, position.as_ref(), PAGE).await?;
        let Some(last) = page.last().map(|failure| failure.key.clone()) else { break };
        let chosen = page.iter().filter(|failure| selection.takes(&failure.error.code, Some(&failure.key.studio)));
        let deeds: Vec<_> = chosen.map(|failure| record(desk, deed, failure, &hold)).collect();
        let done: Vec<bool> = stream::iter(deeds).buffer_unordered(AT_ONCE).try_collect().await?;
        let done = done.iter().filter(|done| **done).count() as u64;
        hold.change(|operation| operation.advance(hold.by, done, Some(last.to_string()))).await?;
        position = Some(last);
        pause_in_time(&hold)?;
    }
    // Whoever looks at the letters meanwhile hides them from us; a round that removes nothing is the last.
    loop {
        let letters = desk.dead_letters.look(LETTERS).await?;
        let deeds: Vec<_> = letters.iter().map(|found| letter(desk, deed, (&hold.record, &selection), found)).collect();
        let fates: Vec<Result<Fate>> = stream::iter(deeds).buffered(AT_ONCE).collect().await;
        let gone = |fate: &Result<Fate>| matches!(fate, Ok(Fate::Cleared | Fate::Dealt));
        let kept: Vec<_> = letters.iter().zip(&fates).filter(|(_, fate)| !gone(fate)).map(|(kept, _)| kept).collect();
        desk.dead_letters.put_back(&kept).await;
        let fates = fates.into_iter().collect::<Result<Vec<_>>>()?;
        let dealt = fates.iter().filter(|fate| **fate == Fate::Dealt).count() as u64;
        let position = position.as_ref().map(ToString::to_string);
        hold.change(|operation| operation.advance(hold.by, dealt, position.clone())).await?;
        if fates.iter().all(|fate| *fate == Fate::Kept) {
            break;
        }
        pause_in_time(&hold)?;
    }
    let now = hold.now();
    hold.change(|operation| operation.complete(hold.by, now)).await
}

async fn record<R: Workable>(desk: &Desk<R>, deed: Deed, failure: &Failure, hold: &Hold<Operation>) -> Result<bool> {
    let key = &failure.key;
    match deed {
        Deed::Retry => {
            let retried = desk.retry(&key.studio, key.id, hold.now(), hold.record.id).await?;
            Ok(retried != Retried::NotFailed)
        }
        Deed::Forget => desk.forget(&key.studio, key.id).await,
    }
}

/// What became of a dead letter.
#[derive(PartialEq, Eq)]
enum Fate {
    Kept,
    /// It was left over by a record that this operation, or another, has dealt with.
    Cleared,
    /// It was an entry of its own, and chosen.
    Dealt,
}

async fn letter<R: Workable>(
    desk: &Desk<R>,
    deed: Deed,
    (operation, selection): (&Operation, &Selection),
    letter: &DeadLetter,
) -> Result<Fate> {
    let entry = match desk.standing(letter).await? {
        Standing::OfFailure(_) => return Ok(Fate::Kept),
        Standing::Forgotten => None,
        Standing::Alone(entry) if entry.ordered_by == Some(operation.id) => None,
        Standing::Alone(entry) => Some(entry),
    };
    let Some(entry) = entry else {
        desk.dead_letters.remove(letter).await?;
        return Ok(Fate::Cleared);
    };
    if letter.sent_at > operation.created_at || !selection.takes(&entry.error.code, entry.studio.as_ref()) {
        return Ok(Fate::Kept);
    }
    match deed {
        Deed::Retry => desk.redrive(letter).await?,
        Deed::Forget => desk.dead_letters.remove(letter).await?,
    }
    Ok(Fate::Dealt)
}

fn pause_in_time(hold: &Hold<Operation>) -> Result<(), JobError> {
    let left = Duration::try_from(hold.stops_at.duration_since(hold.now())).unwrap_or_default();
    if left < PAGE_TIME { Err(JobError::Paused) } else { Ok(()) }
}
