//! Records that workers claim: the interface between a record and the processing of its jobs.

use jiff::Timestamp;
use uuid::Uuid;

use crate::{
    download::{Download, DownloadStatus},
    email::{Email, EmailStatus},
    error::RecordError,
    job::Job,
    job_state::{
        AttemptId, Claim, Fate, JobState, MAX_ATTEMPTS_DOWNLOAD, MAX_ATTEMPTS_EMAIL, MAX_ATTEMPTS_OPERATION,
        MAX_ATTEMPTS_PHOTO, NotOwner, RestartError,
    },
    operation::{Operation, OperationStatus},
    photo::{Photo, PhotoStatus},
    queue_config::QueueName,
    record::Record,
    studio::Studio,
};

/// A record that workers claim.
pub trait JobRecord: Record {
    /// Queue of the record's jobs.
    const QUEUE: QueueName;
    /// Largest number of attempts before the record fails.
    const MAX_ATTEMPTS: u32;

    /// Returns the job that works on the record.
    fn job(studio: Studio, id: Uuid) -> Job;
    /// Returns attempts, owner and lease.
    fn work(&self) -> &JobState;
    /// Returns attempts, owner and lease, to change them.
    fn work_mut(&mut self) -> &mut JobState;
    /// Returns the error of the last attempt, to change it.
    fn error_mut(&mut self) -> &mut Option<RecordError>;
    /// Claims the record for an attempt. A photo's claim depends on its original: see [`Photo::claim`].
    fn claim(&mut self, by: AttemptId, now: Timestamp, lease_until: Timestamp) -> Claim;
    /// Refuses writes of an attempt that does not own the lease.
    fn check(&self, by: AttemptId) -> Result<(), NotOwner> {
        self.work().check(by)
    }
    /// Marks the record as failed for good.
    fn fail(&mut self, now: Timestamp);
    /// Releases the record for another attempt.
    fn release(&mut self);
    /// Records an attempt that did not succeed.
    fn record_failure(
        &mut self,
        by: AttemptId,
        now: Timestamp,
        fate: Fate,
        error: Option<RecordError>,
    ) -> Result<(), NotOwner> {
        self.check(by)?;
        *self.error_mut() = error;
        if self.work_mut().record_failure(now, fate) {
            self.fail(now);
        } else {
            self.release();
        }
        Ok(())
    }
    /// Fails the record after its last attempts crashed without recording a failure.
    fn give_up(&mut self, now: Timestamp, error: RecordError) {
        self.work_mut().give_up(now);
        self.fail(now);
        *self.error_mut() = Some(error);
    }
    /// Restarts the record from the first attempt, for the request `requested_by`. Does not send the job.
    fn restart(&mut self, now: Timestamp, requested_by: Option<Uuid>) -> Result<(), RestartError>;
    /// Returns the error of a failed record; `None` otherwise.
    fn failure(&self) -> Option<&RecordError>;
    /// Returns whether the record is at rest: done or failed. Follow-ups may still be due.
    fn is_at_rest(&self) -> bool {
        self.work().due_at.is_none()
    }
}

/// Implements [`JobRecord`]. The common part is here, and each record adds its own items.
macro_rules! job_record {
    ($record:ident, $queue:ident, $max_attempts:ident, $job:ident { $id:ident }, $failed:path, { $($own:tt)* }) => {
        impl JobRecord for $record {
            const QUEUE: QueueName = QueueName::$queue;
            const MAX_ATTEMPTS: u32 = $max_attempts;

            fn job(studio: Studio, $id: Uuid) -> Job {
                Job::$job { studio, $id }
            }
            fn work(&self) -> &JobState {
                &self.work
            }
            fn work_mut(&mut self) -> &mut JobState {
                &mut self.work
            }
            fn error_mut(&mut self) -> &mut Option<RecordError> {
                &mut self.error
            }
            fn restart(&mut self, now: Timestamp, requested_by: Option<Uuid>) -> Result<(), RestartError> {
                self.restart(now, requested_by)
            }
            fn failure(&self) -> Option<&RecordError> {
                self.error.as_ref().filter(|_| self.status == $failed)
            }
            $($own)*
        }
    };
}

job_record!(Photo, Photos, MAX_ATTEMPTS_PHOTO, ProcessPhoto { photo }, PhotoStatus::Failed, {
    fn claim(&mut self, by: AttemptId, now: Timestamp, lease_until: Timestamp) -> Claim {
        self.claim(by, now, lease_until, None)
    }
    fn fail(&mut self, now: Timestamp) {
        self.fail(now);
    }
    fn release(&mut self) {
        self.release();
    }
});
job_record!(Download, Downloads, MAX_ATTEMPTS_DOWNLOAD, BuildArchive { download }, DownloadStatus::Failed, {
    fn claim(&mut self, by: AttemptId, now: Timestamp, lease_until: Timestamp) -> Claim {
        self.claim(by, now, lease_until)
    }
    fn check(&self, by: AttemptId) -> Result<(), NotOwner> {
        self.check(by)
    }
    fn fail(&mut self, now: Timestamp) {
        self.fail(now);
    }
    fn release(&mut self) {
        self.release();
    }
    fn is_at_rest(&self) -> bool {
        self.is_at_rest()
    }
});
job_record!(Email, Emails, MAX_ATTEMPTS_EMAIL, SendEmail { email }, EmailStatus::Failed, {
    fn claim(&mut self, by: AttemptId, now: Timestamp, lease_until: Timestamp) -> Claim {
        self.claim(by, now, lease_until)
    }
    fn fail(&mut self, _: Timestamp) {
        self.fail();
    }
    // A record that is `Sending` keeps this status, because the response of SES was lost.
    fn release(&mut self) {}
});
job_record!(Operation, Default, MAX_ATTEMPTS_OPERATION, Operate { operation }, OperationStatus::Failed, {
    fn claim(&mut self, by: AttemptId, now: Timestamp, lease_until: Timestamp) -> Claim {
        self.claim(by, now, lease_until)
    }
    fn fail(&mut self, now: Timestamp) {
        self.fail(now);
    }
    // The operation keeps its status, because its finished pages remain.
    fn release(&mut self) {}
});
