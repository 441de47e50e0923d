//! Numbers of a queue's failed and unfinished jobs, by error and by studio.
//!
//! DynamoDB counts items by reading them: a page about 100,000 failed jobs would read all of them, each time. While a queue
//! has more than [`FEW`] failed or [`FEW`] unfinished jobs, each sweep counts them once and stores the numbers, which the
//! API returns with the time of counting. Requests count fewer jobs themselves. Numbers older than [`OUTDATED_AFTER`] are
//! ignored: the sweeps have stopped. Causes of an erased order's failures disappear with the next count.

use std::collections::BTreeMap;

use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::{error::RecordError, queue_config::QueueName, record::Record, studio::Studio};

/// Largest number of failed or unfinished jobs that a request counts. So many keys are one read: DynamoDB returns up to 1 MB
/// each time.
pub const FEW: u64 = 200;
/// Age from which numbers are ignored: three sweeps.
pub const OUTDATED_AFTER: SignedDuration = SignedDuration::from_mins(15);
/// Time within which an unfinished job is due. The longest wait of a retry is a day; what is due later is a notice, such as
/// the reminder of a link that expires.
pub const SOON: SignedDuration = SignedDuration::from_hours(24);
/// Largest number of error codes with numbers of their own. DynamoDB: an item has at most 400 KB; an error with its cause
/// has up to 3 KB.
const MOST_ERRORS: usize = 100;
/// Largest number of studios with numbers of their own, of about 120 bytes each.
const MOST_STUDIOS: usize = 200;

/// Record of a queue's numbers.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct JobCounts {
    /// A studio of no customer.
    pub studio: Studio,
    /// Id, derived from the queue.
    pub id: Uuid,
    /// Queue.
    pub queue: QueueName,
    /// Numbers of the last sweep; `None` if there were few jobs, or none was counted yet.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub counted: Option<Counted>,
}

/// Numbers of jobs at one time.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Counted {
    /// Time of counting.
    pub at: Timestamp,
    /// Number of failed jobs.
    pub failed: u64,
    /// Failed jobs by error: the most frequent errors, up to 100.
    pub errors: Vec<ErrorCount>,
    /// Jobs by studio: those with the most unfinished jobs, up to 200.
    pub studios: Vec<StudioCount>,
    /// Whether these are all jobs and all studios.
    pub is_complete: bool,
}

impl Counted {
    /// Returns whether requests use the number of failed jobs, instead of counting them.
    pub fn has_many_failed(&self) -> bool {
        self.failed > FEW
    }
}

/// Failed jobs with the same error code.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ErrorCount {
    /// Error of the newest of them.
    pub error: RecordError,
    /// Cause of its last failure.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cause: Option<String>,
    /// Number of failed jobs.
    pub count: u64,
    /// Time of the earliest first failure.
    pub first_failed_at: Timestamp,
    /// Time of the latest failure; `None` for dead letters.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub last_failed_at: Option<Timestamp>,
}

/// Jobs of a studio.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct StudioCount {
    /// Studio.
    pub studio: Studio,
    /// Number of jobs that are not finished.
    pub unfinished: u64,
    /// Number of failed jobs.
    pub failed: u64,
}

impl JobCounts {
    /// Returns the record of a queue with few jobs.
    pub fn of(queue: QueueName) -> Self {
        let id = Uuid::new_v5(&Uuid::NAMESPACE_OID, format!("darkroom/job-counts/{queue}").as_bytes());
        Self { studio: Studio::nobody(), id, queue, counted: None }
    }

    /// Stores the numbers of `at`, unless newer ones are stored.
    pub fn store(&mut self, counted: Option<&Counted>, at: Timestamp) {
        if self.counted.as_ref().is_none_or(|stored| stored.at <= at) {
            self.counted = counted.cloned();
        }
    }

    /// Returns the stored numbers, unless they are outdated.
    pub fn fresh(self, now: Timestamp) -> Option<Counted> {
        self.counted.filter(|counted| now.duration_since(counted.at) < OUTDATED_AFTER)
    }
}

impl Record for JobCounts {
    const NAME: &'static str = "number of jobs";

    fn studio(&self) -> &Studio {
        &self.studio
    }
    fn id(&self) -> Uuid {
        self.id
    }
}

/// Counts jobs.
#[derive(Debug, Default)]
pub struct JobCounter {
    errors: BTreeMap<String, ErrorCount>,
    studios: BTreeMap<Studio, (u64, u64)>,
}

impl JobCounter {
    /// Adds failed jobs with the same error. Error and cause of the first call for a code stay.
    pub fn add_error(&mut self, added: ErrorCount) {
        let Some(known) = self.errors.get_mut(&added.error.code) else {
            self.errors.insert(added.error.code.clone(), added);
            return;
        };
        known.count += added.count;
        known.first_failed_at = known.first_failed_at.min(added.first_failed_at);
        known.last_failed_at = known.last_failed_at.max(added.last_failed_at);
    }

    /// Adds jobs of a studio.
    pub fn add_studio(&mut self, added: StudioCount) {
        let (unfinished, failed) = self.studios.entry(added.studio).or_default();
        *unfinished += added.unfinished;
        *failed += added.failed;
    }

    /// Returns the failed jobs by error, the most frequent error first.
    pub fn errors(self) -> Vec<ErrorCount> {
        let mut errors: Vec<_> = self.errors.into_values().collect();
        errors.sort_by(|a, b| b.count.cmp(&a.count).then_with(|| a.error.code.cmp(&b.error.code)));
        errors
    }

    /// Returns the jobs by studio, that with the most unfinished ones first.
    pub fn studios(&self) -> Vec<StudioCount> {
        let count = |(studio, &(unfinished, failed)): (&Studio, &(u64, u64))| StudioCount {
            studio: studio.clone(),
            unfinished,
            failed,
        };
        let mut studios: Vec<_> = self.studios.iter().map(count).collect();
        studios.sort_by(|a, b| (b.unfinished, b.failed).cmp(&(a.unfinished, a.failed)).then(a.studio.cmp(&b.studio)));
        studios
    }

    /// Returns the numbers to store; `None` if the jobs are few. `is_complete` says whether all jobs were added.
    pub fn counted(self, at: Timestamp, is_complete: bool) -> Option<Counted> {
        let mut studios = self.studios();
        let failed = studios.iter().map(|count| count.failed).sum();
        let unfinished: u64 = studios.iter().map(|count| count.unfinished).sum();
        let mut errors = self.errors();
        let is_complete = is_complete && studios.len() <= MOST_STUDIOS;
        errors.truncate(MOST_ERRORS);
        studios.truncate(MOST_STUDIOS);
        (failed > FEW || unfinished > FEW).then_some(Counted { at, failed, errors, studios, is_complete })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::samples::at;

    fn failure(code: &str, failed_at: i64) -> ErrorCount {
        ErrorCount {
            error: RecordError::new(code, format!("at {failed_at}")),
            cause: None,
            count: 1,
            first_failed_at: at(failed_at - 10),
            last_failed_at: Some(at(failed_at)),
        }
    }

    fn studio(n: u64, unfinished: u64, failed: u64) -> StudioCount {
        StudioCount { studio: format!("studio-{n}").parse().expect("valid"), unfinished, failed }
    }

    #[test]
    fn errors_have_numbers_times_and_the_newest_sentence() {
        let mut jobs = JobCounter::default();
        for (code, failed_at) in [("b", 90), ("a", 80), ("b", 70), ("c", 60)] {
            jobs.add_error(failure(code, failed_at));
        }
        let errors = jobs.errors();
        let codes: Vec<_> = errors.iter().map(|it| (it.error.code.as_str(), it.count)).collect();
        assert_eq!(codes, [("b", 2), ("a", 1), ("c", 1)]);
        assert_eq!(errors[0].error.message, "at 90");
        assert_eq!((errors[0].first_failed_at, errors[0].last_failed_at), (at(60), Some(at(90))));
    }

    #[test]
    fn few_jobs_are_not_stored() {
        for (unfinished, failed, is_stored) in
            [(0, 0, false), (FEW, FEW, false), (FEW + 1, 0, true), (0, FEW + 1, true)]
        {
            let mut jobs = JobCounter::default();
            jobs.add_studio(studio(1, unfinished, 0));
            jobs.add_studio(studio(1, 0, failed));
            let counted = jobs.counted(at(0), true);
            assert_eq!(counted.is_some(), is_stored, "{unfinished} unfinished, {failed} failed");
            let Some(counted) = counted else { continue };
            assert_eq!(counted.studios, [studio(1, unfinished, failed)]);
            assert_eq!((counted.failed, counted.is_complete), (failed, true));
            assert_eq!(counted.has_many_failed(), failed > FEW);
        }
    }

    #[test]
    fn older_numbers_neither_replace_newer_ones_nor_last() {
        let numbers = |at| {
            let mut jobs = JobCounter::default();
            jobs.add_studio(studio(1, FEW + 1, 0));
            jobs.counted(at, true)
        };
        let mut counts = JobCounts::of(QueueName::Photos);
        counts.store(numbers(at(60)).as_ref(), at(60));
        counts.store(None, at(59));
        assert_eq!(counts.counted, numbers(at(60)));
        assert!(counts.clone().fresh(at(60 + 899)).is_some() && counts.clone().fresh(at(60 + 900)).is_none());
        counts.store(None, at(60));
        assert_eq!(counts, JobCounts::of(QueueName::Photos));
    }

    #[test]
    fn item_of_many_errors_and_studios_fits_dynamodb() {
        let mut jobs = JobCounter::default();
        for n in 0..1_000 {
            jobs.add_error(ErrorCount { cause: Some("ä".repeat(500)), ..failure(&format!("error_{n}"), 0) });
            jobs.add_studio(studio(n, n, 1));
        }
        let counted = jobs.counted(at(0), true).expect("many");
        assert_eq!((counted.failed, counted.errors.len(), counted.is_complete), (1_000, 100, false));
        assert_eq!(counted.studios.first(), Some(&studio(999, 999, 1)));
        assert!(serde_json::to_vec(&counted).expect("serializable").len() < 200_000);
    }
}
