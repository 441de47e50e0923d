//! Numbers of a table's unfinished and failed jobs, by the keys of its indexes.

use anyhow::Result;
use domain::{
    job_counts::{ErrorCount, JobCounter, SOON, StudioCount},
    job_record::JobRecord,
};
use jiff::Timestamp;

use super::{Failure, Table};

/// Number of failures per read.
const PAGE: usize = 1_000;

impl Failure {
    /// Returns the failure as one of its error.
    pub fn error_count(&self) -> ErrorCount {
        ErrorCount {
            error: self.error.clone(),
            cause: self.work.cause.clone(),
            count: 1,
            first_failed_at: self.first_failed_at(),
            last_failed_at: Some(self.key.failed_at),
        }
    }
}

impl<R: JobRecord> Table<R> {
    /// Adds the table's jobs to `jobs`, up to `most` of each kind, and until `is_over`. Returns whether these are all.
    pub async fn count_jobs(
        &self,
        jobs: &mut JobCounter,
        now: Timestamp,
        most: usize,
        is_over: impl Fn() -> bool,
    ) -> Result<bool> {
        let soon = now.saturating_add(SOON).unwrap_or(now);
        let due = self.due_keys(Timestamp::UNIX_EPOCH, soon, None, most).await?;
        let all_unfinished = due.len() < most;
        for key in due {
            jobs.add_studio(StudioCount { studio: key.studio, unfinished: 1, failed: 0 });
        }
        let (mut failed, mut after) = (0, None);
        loop {
            let page = self.failures(now, after.as_ref(), PAGE).await?;
            failed += page.len();
            for failure in &page {
                jobs.add_studio(StudioCount { studio: failure.key.studio.clone(), unfinished: 0, failed: 1 });
                jobs.add_error(failure.error_count());
            }
            let is_last = page.len() < PAGE;
            if is_last || failed >= most || is_over() {
                return Ok(all_unfinished && is_last);
            }
            after = page.last().map(|failure| failure.key.clone());
        }
    }
}
