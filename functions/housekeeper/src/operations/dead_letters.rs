//! Walk over all dead letters of a queue, which several runs of an operation can continue.
//!
//! SQS cannot list messages. It delivers visible ones, in any order. So the walk keeps letters hidden until it ends,
//! and the hidden letters are its progress. The end of the walk is stored before it starts, so that a later run hides
//! letters until the same time.

use std::{collections::HashSet, fmt, str::FromStr, time::Duration};

use domain::{
    JobError,
    job_record::JobRecord,
    operation::{Operation, Selection},
};
use futures::{StreamExt as _, stream};
use jiff::{SignedDuration, Timestamp};
use runtime::{
    failed_jobs::{
        CONCURRENCY, DeadLetter, DeadLetterAction, DeadLetterOutcome, Entry, FailedJobs, LOOKED_AT, NOT_BEGUN,
    },
    lease::Lease,
};
use tokio::time::Instant;

use super::paging::{PAGE, pause_in_time};

/// Time that a walk has for each waiting letter. A run reads hundreds per second.
const PER_LETTER: SignedDuration = SignedDuration::from_millis(10);
/// Longest walk. SQS: messages are hidden for at most 12 hours.
const LONGEST: SignedDuration = SignedDuration::from_hours(11);
/// Time to wait for letters that another reader has hidden: until they are visible again, and a little longer.
const WAIT_FOR_OTHERS: Duration = Duration::from_secs(LOOKED_AT.as_secs() + 5);
/// Interval of looking for those letters.
const LOOK_EVERY: Duration = Duration::from_secs(2);
/// Least time left of a walk with which a page starts. With less, the first letters would be visible again before the
/// last ones are read.
const MARGIN: SignedDuration = SignedDuration::from_secs(10);

/// A walk, in the text form of an operation's checkpoint: `letters/{end in ms since the epoch}/{length in ms}/{letters
/// kept}`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Walk {
    ends_at: Timestamp,
    length: SignedDuration,
    /// Number of letters that the walk has read and hidden.
    kept: u64,
}

impl Walk {
    fn begin(now: Timestamp, length: SignedDuration) -> Self {
        let length = length.min(LONGEST);
        Self { ends_at: now.saturating_add(length).unwrap_or(now), length, kept: 0 }
    }

    /// Returns the first walk over this number of letters.
    fn over(letters: u64, now: Timestamp) -> Self {
        let letters = i32::try_from(letters).unwrap_or(i32::MAX);
        Self::begin(now, PER_LETTER * letters + MARGIN + SignedDuration::try_from(LOOKED_AT).unwrap_or_default())
    }

    /// Returns this walk, or, if its time is over, a new one of twice the length. So a walk always ends, however slow
    /// SQS is.
    fn go_on(self, now: Timestamp) -> Self {
        if self.left(now) > MARGIN { self } else { Self::begin(now, self.length * 2) }
    }

    fn left(self, now: Timestamp) -> SignedDuration {
        self.ends_at.duration_since(now)
    }
}

impl fmt::Display for Walk {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "letters/{}/{}/{}", self.ends_at.as_millisecond(), self.length.as_millis(), self.kept)
    }
}

/// Error: the text is not the checkpoint of a walk.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct NoWalk;

impl FromStr for Walk {
    type Err = NoWalk;

    fn from_str(position: &str) -> Result<Self, NoWalk> {
        let mut parts = position.strip_prefix("letters/").ok_or(NoWalk)?.split('/');
        let mut next = || parts.next().and_then(|part| part.parse::<i64>().ok()).ok_or(NoWalk);
        let ends_at = Timestamp::from_millisecond(next()?).map_err(|_| NoWalk)?;
        Ok(Self { ends_at, length: SignedDuration::from_millis(next()?), kept: next()?.unsigned_abs() })
    }
}

/// Applies the action to all dead letters that the operation selects, and keeps the others. Continues `walk` if an
/// earlier run has started one.
pub async fn letters<R: JobRecord>(
    failed: &FailedJobs<R>,
    action: DeadLetterAction,
    selection: &Selection,
    lease: &Lease<Operation>,
    walk: Option<Walk>,
) -> Result<(), JobError> {
    let mut walk = walk;
    // `seen`: letters that this run has read before. `kept`: letters that this run puts back at the end.
    let (mut seen, mut kept) = (HashSet::new(), Vec::new());
    let mut others_since = None;
    loop {
        pause_in_time(lease)?;
        let going_on = match walk {
            Some(walk) => walk.go_on(lease.now()),
            None => Walk::over(failed.dead_letters.counts().await?.waiting, lease.now()),
        };
        if walk != Some(going_on) {
            lease.change(|operation| operation.advance(lease.by, 0, Some(going_on.to_string()))).await?;
            walk = Some(going_on);
        }
        let left = Duration::try_from(going_on.left(lease.now())).unwrap_or_default();
        let found = failed.dead_letters.look(PAGE, true, left).await?;
        let new: Vec<_> = found.into_iter().filter(|letter| seen.insert(letter.id.clone())).collect();
        if new.is_empty() {
            let counts = failed.dead_letters.counts().await?;
            let others = counts.waiting + counts.in_flight > going_on.kept;
            let since = *others_since.get_or_insert_with(Instant::now);
            if !others || since.elapsed() >= WAIT_FOR_OTHERS {
                break;
            }
            tokio::time::sleep(LOOK_EVERY).await;
            continue;
        }
        others_since = None;
        let page = page(failed, action, selection, lease, new).await;
        let reached = Walk { kept: going_on.kept + page.kept.len() as u64, ..going_on };
        lease.change(|operation| operation.advance(lease.by, page.done, Some(reached.to_string()))).await?;
        walk = Some(reached);
        kept.extend(page.kept);
        page.outcome?;
    }
    // Letters of earlier runs become visible when the walk ends.
    failed.dead_letters.put_back(&kept.iter().collect::<Vec<_>>()).await;
    Ok(())
}

/// Outcome of a page of letters.
struct Page {
    done: u64,
    kept: Vec<DeadLetter>,
    /// First failure. Letters whose action failed become visible again.
    outcome: anyhow::Result<()>,
}

/// Applies the action to the letters of one page.
async fn page<R: JobRecord>(
    failed: &FailedJobs<R>,
    action: DeadLetterAction,
    selection: &Selection,
    lease: &Lease<Operation>,
    letters: Vec<DeadLetter>,
) -> Page {
    let operation = &lease.record;
    // Later letters are not affected. An upload without a processed record has no other trace, so `all` does not forget
    // its letter.
    let chosen = |letter: &DeadLetter, entry: &Entry| {
        let spared = action == DeadLetterAction::Forget && selection.error.is_none() && entry.error.code == NOT_BEGUN;
        letter.sent_at <= operation.created_at && !spared && selection.takes(&entry.error.code, entry.studio.as_ref())
    };
    let actions: Vec<_> = letters
        .iter()
        .map(|letter| failed.settle(letter, action, operation.id, |entry| chosen(letter, entry)))
        .collect();
    let outcome: Vec<anyhow::Result<DeadLetterOutcome>> = stream::iter(actions).buffered(CONCURRENCY).collect().await;
    let done = outcome.iter().filter(|outcome| matches!(outcome, Ok(DeadLetterOutcome::Done))).count() as u64;
    let (mut kept, mut unsettled, mut first_error) = (Vec::new(), Vec::new(), None);
    for (letter, outcome) in letters.into_iter().zip(outcome) {
        match outcome {
            Ok(DeadLetterOutcome::Cleared | DeadLetterOutcome::Done) => {}
            Ok(DeadLetterOutcome::Kept) => kept.push(letter),
            Err(error) => {
                unsettled.push(letter);
                first_error.get_or_insert(error);
            }
        }
    }
    // The next attempt must find them.
    failed.dead_letters.put_back(&unsettled.iter().collect::<Vec<_>>()).await;
    Page { done, kept, outcome: first_error.map_or(Ok(()), Err) }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(second: i64) -> Timestamp {
        Timestamp::from_second(second).expect("in range")
    }

    #[test]
    fn resumed_walk_keeps_end_and_restarted_walk_doubles() {
        let walk = Walk { kept: 7, ..Walk::over(54_000, at(1_000)) };
        assert_eq!(walk.ends_at, at(1_580));
        assert_eq!(walk.to_string().parse(), Ok(walk));
        assert_eq!(walk.go_on(at(1_500)), walk);
        let anew = walk.go_on(at(1_575));
        assert_eq!((anew.ends_at, anew.length, anew.kept), (at(1_575 + 2 * 580), walk.length * 2, 0));
        assert_eq!(Walk::over(u64::MAX, at(0)).ends_at, at(11 * 3600));
    }

    #[test]
    fn other_positions_are_no_walks() {
        for position in ["", "letters/", "letters/1", "letters/1/2", "letters/x/1/2", "letters/1/x/2", "MTIz"] {
            assert_eq!(position.parse::<Walk>(), Err(NoWalk), "{position}");
        }
    }
}
