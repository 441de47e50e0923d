//! Operations on many failed jobs: page after page, until none is left or the function's time is up.

use std::{collections::HashSet, sync::Arc, time::Duration};

use anyhow::Result;
use futures::{StreamExt as _, TryStreamExt as _, stream};
use uuid::Uuid;

use super::{DeadLetter, Dealt, Deed, Desk, Entry, NOT_BEGUN, dead_letters::LOOKED_AT};
use crate::{
    batch::{Delivery, Disposition},
    error::JobError,
    hold::{self, Hold},
    job::Job,
    operation::{Operation, Selection, Task},
    queue::Queue,
    store::{Failure, FailureKey, Table},
    studio::Studio,
    workable::Workable,
};

/// Records of one page: what is lost of the count when a worker dies.
pub const PAGE: usize = 100;
/// Records worked on at once.
pub const AT_ONCE: usize = 16;
/// No page begins with less time left than this.
const PAGE_TIME: Duration = Duration::from_secs(5);
/// Dead letters that somebody else is looking at are waited for: until they are shown again, and a little.
const WAIT_FOR_OTHERS: Duration = Duration::from_secs(LOOKED_AT.as_secs() + 5);
/// How long between two looks.
const LOOK_EVERY: Duration = Duration::from_secs(2);

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

/// Tries failed jobs again, or forgets them, as the operation says.
pub async fn repair<R: Workable>(desk: &Desk<R>, hold: Arc<Hold<Operation>>) -> Result<Operation, JobError> {
    let (deed, selection) = match &hold.record.task {
        Task::Retry { selection } => (Deed::Retry, selection.clone()),
        Task::Forget { selection } => (Deed::Forget, selection.clone()),
        Task::Regenerate { .. } => {
            return Err(JobError::reject("wrong_queue", "This worker has no photos to develop again."));
        }
        Task::Erase { .. } | Task::Retention { .. } => {
            return Err(JobError::reject("wrong_queue", "This worker erases nothing: the archive builder does."));
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
    let position = position.as_ref().map(ToString::to_string);
    let mut kept = Vec::new();
    let ended = letters(desk, deed, (&selection, position), &hold, &mut kept).await;
    desk.dead_letters.put_back(&kept.iter().collect::<Vec<_>>()).await;
    ended?;
    let now = hold.now();
    hold.change(|operation| operation.complete(hold.by, now)).await
}

async fn record<R: Workable>(desk: &Desk<R>, deed: Deed, failure: &Failure, hold: &Hold<Operation>) -> Result<bool> {
    let key = &failure.key;
    match deed {
        Deed::Retry => desk.retry(&key.studio, key.id, hold.now(), hold.record.id).await,
        Deed::Forget => desk.forget(&key.studio, key.id).await,
    }
}

/// Deals with all dead letters, round by round. Those that are kept stay hidden until all were looked at: so each round
/// brings others.
async fn letters<R: Workable>(
    desk: &Desk<R>,
    deed: Deed,
    (selection, position): (&Selection, Option<String>),
    hold: &Hold<Operation>,
    kept: &mut Vec<DeadLetter>,
) -> Result<(), JobError> {
    let operation = &hold.record;
    // What came later is none of its business; and an upload's only notice is not thrown away by the dozen.
    let chosen = |letter: &DeadLetter, entry: &Entry| {
        let spared = deed == Deed::Forget && selection.error.is_none() && entry.error.code == NOT_BEGUN;
        letter.sent_at <= operation.created_at && !spared && selection.takes(&entry.error.code, entry.studio.as_ref())
    };
    let mut seen = HashSet::new();
    let mut waited = Duration::ZERO;
    loop {
        pause_in_time(hold)?;
        let found = desk.dead_letters.look(PAGE, true).await?;
        let new: Vec<_> = found.into_iter().filter(|letter| seen.insert(letter.id.clone())).collect();
        if new.is_empty() {
            let counts = desk.dead_letters.counts().await?;
            let others = counts.waiting + counts.in_flight > kept.len() as u64;
            if !others || waited >= WAIT_FOR_OTHERS {
                return Ok(());
            }
            tokio::time::sleep(LOOK_EVERY).await;
            waited += LOOK_EVERY;
            continue;
        }
        let deeds: Vec<_> =
            new.iter().map(|letter| desk.deal(letter, deed, operation.id, |entry| chosen(letter, entry))).collect();
        let dealt: Vec<Result<Dealt>> = stream::iter(deeds).buffered(AT_ONCE).collect().await;
        let done = dealt.iter().filter(|dealt| matches!(dealt, Ok(Dealt::Done))).count() as u64;
        let gone = |dealt: &Result<Dealt>| matches!(dealt, Ok(Dealt::Cleared | Dealt::Done));
        let stays: Vec<_> = dealt.iter().map(|dealt| !gone(dealt)).collect();
        kept.extend(new.into_iter().zip(stays).filter_map(|(letter, stays)| stays.then_some(letter)));
        dealt.into_iter().collect::<Result<Vec<_>>>()?;
        hold.change(|operation| operation.advance(hold.by, done, position.clone())).await?;
    }
}

/// Ends the try, with its position saved, before too little time is left for another page.
pub fn pause_in_time(hold: &Hold<Operation>) -> Result<(), JobError> {
    let left = Duration::try_from(hold.stops_at.duration_since(hold.now())).unwrap_or_default();
    if left < PAGE_TIME { Err(JobError::Paused) } else { Ok(()) }
}
