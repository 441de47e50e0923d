//! Attempts of a job, for operators.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::{AttemptId, Fate};

/// Number of attempts that a record keeps.
pub const MAX_KEPT: usize = 10;
/// Largest number of characters of an attempt's cause. The cause of the last attempt is kept longer, beside the history.
const MAX_CAUSE: usize = 200;

/// Attempts, oldest first: the last [`MAX_KEPT`].
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct History(Vec<Attempt>);

/// An attempt of a job.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Attempt {
    /// Id of the attempt.
    pub id: AttemptId,
    /// Time of the claim.
    pub started_at: Timestamp,
    /// Time at which the outcome was recorded; `None` while the attempt runs, and if it was lost.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ended_at: Option<Timestamp>,
    /// Id of the function's invocation, which its log lines have; `None` outside of Lambda.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub request_id: Option<String>,
    /// Outcome; `None` while the attempt runs.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub outcome: Option<AttemptOutcome>,
    /// Cause of the failure. It may reveal internals.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cause: Option<String>,
}

/// Outcome of an attempt.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "snake_case")]
pub enum AttemptOutcome {
    /// The job is done.
    Succeeded,
    /// The record failed for good.
    Failed,
    /// The attempt failed, and is followed by another one.
    Retried,
    /// A service was unavailable. The attempt does not count.
    Unavailable,
    /// The job made progress, and continues in the next attempt.
    Paused,
    /// The worker crashed, or was stopped by Lambda.
    Lost,
}

impl AttemptOutcome {
    /// Returns the outcome as written in records and responses.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Succeeded => "succeeded",
            Self::Failed => "failed",
            Self::Retried => "retried",
            Self::Unavailable => "unavailable",
            Self::Paused => "paused",
            Self::Lost => "lost",
        }
    }
}

impl From<Fate> for AttemptOutcome {
    fn from(fate: Fate) -> Self {
        match fate {
            Fate::Rejected | Fate::GaveUp => Self::Failed,
            Fate::Again { .. } => Self::Retried,
            Fate::Waits { .. } => Self::Unavailable,
            Fate::Paused => Self::Paused,
        }
    }
}

impl History {
    /// Returns whether there was no attempt.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Returns the attempts, oldest first.
    pub fn attempts(&self) -> &[Attempt] {
        &self.0
    }

    /// Adds an attempt that begins. One that has not ended was lost.
    pub fn begin(&mut self, id: AttemptId, now: Timestamp, request_id: Option<String>) {
        self.lose();
        self.0.push(Attempt { id, started_at: now, ended_at: None, request_id, outcome: None, cause: None });
        let forgotten = self.0.len().saturating_sub(MAX_KEPT);
        self.0.drain(..forgotten);
    }

    /// Records the outcome of the attempt, unless it has one.
    pub fn end(&mut self, id: AttemptId, now: Timestamp, outcome: AttemptOutcome, cause: Option<&str>) {
        let open = self.0.iter_mut().find(|attempt| attempt.id == id && attempt.outcome.is_none());
        if let Some(attempt) = open {
            attempt.ended_at = Some(now);
            attempt.outcome = Some(outcome);
            attempt.cause = cause.map(|cause| cause.chars().take(MAX_CAUSE).collect());
        }
    }

    /// Marks the attempt that has not ended as lost.
    pub fn lose(&mut self) {
        if let Some(attempt) = self.0.last_mut().filter(|attempt| attempt.outcome.is_none()) {
            attempt.outcome = Some(AttemptOutcome::Lost);
        }
    }

    /// Removes the causes, which may name personal data.
    pub fn erase(&mut self) {
        for attempt in &mut self.0 {
            attempt.cause = None;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::samples::{at, attempt};

    fn outcomes(history: &History) -> Vec<Option<AttemptOutcome>> {
        history.attempts().iter().map(|attempt| attempt.outcome).collect()
    }

    #[test]
    fn attempt_without_an_end_is_lost_when_the_next_begins() {
        let mut history = History::default();
        history.begin(attempt(1), at(0), Some("r-1".to_owned()));
        history.end(attempt(9), at(1), AttemptOutcome::Failed, None);
        assert_eq!(outcomes(&history), [None], "another attempt's outcome changes nothing");
        history.begin(attempt(2), at(5), None);
        history.end(attempt(2), at(6), AttemptOutcome::Retried, Some("x"));
        history.end(attempt(2), at(7), AttemptOutcome::Succeeded, None);
        assert_eq!(outcomes(&history), [Some(AttemptOutcome::Lost), Some(AttemptOutcome::Retried)]);
        let last = &history.attempts()[1];
        assert_eq!((last.ended_at, last.cause.as_deref()), (Some(at(6)), Some("x")));
        history.lose();
        assert_eq!(outcomes(&history)[1], Some(AttemptOutcome::Retried), "it has ended");
    }

    #[test]
    fn last_ten_attempts_are_kept() {
        let mut history = History::default();
        for n in 0..13 {
            history.begin(attempt(n), at(0), None);
            history.end(attempt(n), at(1), AttemptOutcome::Paused, Some(&"c".repeat(300)));
        }
        let kept = history.attempts();
        assert_eq!((kept.len(), kept[0].id, kept[9].id), (MAX_KEPT, attempt(3), attempt(12)));
        assert_eq!(kept[0].cause.as_ref().map(String::len), Some(MAX_CAUSE));
        history.erase();
        assert!(history.attempts().iter().all(|attempt| attempt.cause.is_none()));
    }

    #[test]
    fn fate_decides_the_outcome() {
        let outcome = |fate| AttemptOutcome::from(fate);
        assert_eq!([outcome(Fate::Rejected), outcome(Fate::GaveUp)], [AttemptOutcome::Failed; 2]);
        assert_eq!(outcome(Fate::Again { due_at: at(0) }), AttemptOutcome::Retried);
        assert_eq!(outcome(Fate::Waits { due_at: at(0), quota: false }), AttemptOutcome::Unavailable);
        assert_eq!(outcome(Fate::Paused), AttemptOutcome::Paused);
    }
}
