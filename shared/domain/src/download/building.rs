//! Builds of downloads: claimed, completed, refused to those that have lost the lease.

use jiff::{SignedDuration, Timestamp};
use uuid::Uuid;

use super::{BuiltFile, Download, DownloadStatus, Files, Progress};
use crate::job_state::{AttemptId, Claim, JobState, MAX_ATTEMPTS_DOWNLOAD, NotOwner, RestartError};

impl Download {
    /// Claims the download for a build.
    pub fn claim(&mut self, by: AttemptId, now: Timestamp, lease_until: Timestamp) -> Claim {
        match self.status {
            DownloadStatus::Failed if self.work.gave_up => return Claim::Exhausted,
            DownloadStatus::Ready | DownloadStatus::Failed => return Claim::Done,
            DownloadStatus::Revoked => {
                self.work.due_at = self.late_writes_until.filter(|until| *until > now);
                return Claim::Void;
            }
            DownloadStatus::Processing if self.work.is_leased_at(now, by) => {
                return Claim::Leased { until: self.work.lease_until.unwrap_or(now) };
            }
            _ => {}
        }
        if self.work.exhausted(MAX_ATTEMPTS_DOWNLOAD) {
            return Claim::Exhausted;
        }
        self.status = DownloadStatus::Processing;
        // Parts of an earlier attempt can be in S3, so `done` stays until the build has listed them.
        self.progress.total = self.photo_count;
        self.error = None;
        self.work.claim(by, lease_until);
        Claim::Claimed
    }

    /// Completes the build. The checksums of all archives in S3 were verified.
    pub fn complete(&mut self, by: AttemptId, now: Timestamp, files: Vec<BuiltFile>) -> Result<(), NotOwner> {
        self.check(by)?;
        self.position = None;
        self.progress = Progress { done: self.photo_count, total: self.photo_count };
        self.make_ready(now, files);
        Ok(())
    }

    /// Marks the download as ready. Its days are counted from `now`.
    pub fn make_ready(&mut self, now: Timestamp, files: Vec<BuiltFile>) {
        self.status = DownloadStatus::Ready;
        self.failure_told = None;
        self.files = Files::Built(files);
        self.ready_at = Some(now);
        self.expires_at = now.saturating_add(SignedDuration::from_hours(24 * i64::from(self.expires_in_days))).ok();
        self.work.succeed();
        self.customer_waits(now);
    }

    /// Refuses writes of an attempt that lost the lease, or whose download was revoked meanwhile.
    pub fn check(&self, by: AttemptId) -> Result<(), NotOwner> {
        if self.status == DownloadStatus::Revoked { Err(NotOwner) } else { self.work.check(by) }
    }

    /// Marks the download as failed for good.
    pub fn fail(&mut self, now: Timestamp) {
        self.status = DownloadStatus::Failed;
        self.failure_told.get_or_insert(self.build);
        self.customer_waits(now);
    }

    /// Sets the due date of event and email. If their sender crashes, the sweep finds the download and sends them.
    fn customer_waits(&mut self, now: Timestamp) {
        self.work.due_at = JobState::sent(now).due_at;
    }

    /// Releases the download for another attempt.
    pub fn release(&mut self) {
        self.status = DownloadStatus::Pending;
    }

    /// Starts a new build with unknown files. Links stay valid, and counted downloads stay counted.
    pub fn restart(&mut self, now: Timestamp, requested_by: Option<Uuid>) -> Result<(), RestartError> {
        let work = self.work.restarted(now, requested_by)?;
        match self.status {
            DownloadStatus::Pending | DownloadStatus::Processing => return Err(RestartError::UnderWay),
            DownloadStatus::Revoked => return Err(RestartError::Impossible),
            DownloadStatus::Ready | DownloadStatus::Failed => {}
        }
        self.work = work;
        self.status = DownloadStatus::Pending;
        self.build += 1;
        self.files = Files::Unknown;
        self.twin = None;
        self.position = None;
        self.progress = Progress { done: 0, total: self.photo_count };
        self.error = None;
        self.expires_at = None;
        self.ready_at = None;
        Ok(())
    }
}
