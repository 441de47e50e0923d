//! Records that workers claim: the interface between a record and the processing of its jobs.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::{
    download::{Download, DownloadStatus},
    email::{Email, EmailStatus},
    error::RecordError,
    job::Job,
    job_state::{
        AttemptId, Claim, Fate, JobState, MAX_ATTEMPTS_DELIVERY, MAX_ATTEMPTS_DOWNLOAD, MAX_ATTEMPTS_EMAIL,
        MAX_ATTEMPTS_OPERATION, MAX_ATTEMPTS_PHOTO, NotOwner, RestartError,
    },
    operation::{Operation, OperationStatus},
    photo::{Photo, PhotoStatus},
    queue_config::QueueName,
    record::Record,
    studio::Studio,
    webhook::{Delivery, DeliveryStatus},
};

/// Phase of a record's job.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "snake_case")]
pub enum JobPhase {
    /// Waiting for its first attempt, or for an upload.
    Waiting,
    /// A worker has the lease.
    Running,
    /// An attempt failed, or met an outage. The next one is due.
    Retrying,
    /// Failed for good.
    Failed,
    /// Nothing is left to do.
    Done,
}

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
    /// Returns the error of the last attempt.
    fn error(&self) -> Option<&RecordError>;
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
    /// Returns the job of a record at rest that has something to tell at `now`; `None` for most.
    fn notice_job(&self, _now: Timestamp) -> Option<Job> {
        None
    }
    /// Returns whether the record is at rest: done or failed. Follow-ups may still be due.
    fn is_at_rest(&self) -> bool {
        self.work().due_at.is_none()
    }
    /// Returns the phase of the job at `now`.
    fn phase(&self, now: Timestamp) -> JobPhase {
        let work = self.work();
        let is_leased = work.owner.is_some() && work.lease_until.is_some_and(|until| until > now);
        let has_failed = work.failures.is_some() || work.outage.is_some() || work.owner.is_some();
        match () {
            () if self.failure().is_some() => JobPhase::Failed,
            () if is_leased => JobPhase::Running,
            () if self.is_at_rest() => JobPhase::Done,
            () if has_failed => JobPhase::Retrying,
            () => JobPhase::Waiting,
        }
    }
    /// Returns whether the record waits for its next job after a job that ended without an error, so that its due date must
    /// stay.
    fn is_waiting(&self) -> bool {
        false
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
            fn error(&self) -> Option<&RecordError> {
                self.error.as_ref()
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
    fn is_at_rest(&self) -> bool {
        matches!(self.status, PhotoStatus::Ready | PhotoStatus::Failed) || self.work.due_at.is_none()
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
    fn notice_job(&self, now: Timestamp) -> Option<Job> {
        let due = self.notice_due(now).filter(|_| self.work.due_at.is_none());
        due.map(|_| Job::GiveNotice { studio: self.studio.clone(), download: self.id })
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
    fn release(&mut self) {
        self.release();
    }
    fn is_at_rest(&self) -> bool {
        !matches!(self.status, EmailStatus::Queued | EmailStatus::Sending)
    }
});
job_record!(Delivery, Webhooks, MAX_ATTEMPTS_DELIVERY, SendWebhook { delivery }, DeliveryStatus::Failed, {
    fn claim(&mut self, by: AttemptId, now: Timestamp, lease_until: Timestamp) -> Claim {
        self.claim(by, now, lease_until)
    }
    fn fail(&mut self, now: Timestamp) {
        self.fail(now);
    }
    fn release(&mut self) {}
    fn is_waiting(&self) -> bool {
        self.status == DeliveryStatus::Pending
    }
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::email::REPORT_WAIT;
    use crate::samples::{at, attempt, delivery, download, email, operation, photo};

    fn error() -> RecordError {
        RecordError::new("internal", "x")
    }

    /// Asserts the rules that all records share on a new record.
    fn assert_shared_rules<R: JobRecord + std::fmt::Debug>(new: &R) {
        let mut claimed = new.clone();
        assert_eq!(claimed.claim(attempt(1), at(0), at(60)), Claim::Claimed);
        assert_eq!(claimed.work().owner, Some(attempt(1)));
        assert_eq!(claimed.check(attempt(1)), Ok(()));
        assert_eq!(R::job(new.studio().clone(), new.id()).record(), Some((new.studio(), new.id())));

        assert_eq!(claimed.phase(at(1)), JobPhase::Running);
        assert_eq!(claimed.phase(at(60)), JobPhase::Retrying, "its worker is gone");

        let mut late = claimed.clone();
        assert_eq!(late.record_failure(attempt(2), at(1), Fate::GaveUp, Some(error())), Err(NotOwner));
        assert_eq!(late, claimed, "a late attempt changes nothing");

        let mut again = claimed.clone();
        again.record_failure(attempt(1), at(1), Fate::Again { due_at: at(5) }, Some(error())).expect("its own");
        assert_eq!((again.error_mut().clone(), again.failure()), (Some(error()), None), "it is retried");
        assert!(!again.is_at_rest() && again.claim(attempt(2), at(5), at(60)) == Claim::Claimed);

        let mut rejected = claimed.clone();
        rejected.record_failure(attempt(1), at(1), Fate::Rejected, Some(error())).expect("its own");
        let mut crashed = claimed.clone();
        crashed.give_up(at(1), error());
        for (mut failed, claim) in [(rejected, Claim::Done), (crashed, Claim::Exhausted)] {
            assert_eq!((failed.failure(), failed.failed_at()), (Some(&error()), Some(at(1))));
            assert!(failed.is_at_rest());
            assert_eq!(failed.claim(attempt(2), at(2), at(60)), claim);
            failed.restart(at(3), None).expect("it has failed");
            assert_eq!((failed.failure(), failed.is_at_rest()), (None, false));
            assert_eq!(failed.claim(attempt(2), at(3), at(60)), Claim::Claimed);
        }
    }

    #[test]
    fn every_record_fails_and_restarts_alike() {
        assert_shared_rules(&photo(PhotoStatus::Pending));
        assert_shared_rules(&download(DownloadStatus::Pending));
        assert_shared_rules(&email());
        assert_shared_rules(&delivery());
        assert_shared_rules(&operation());
    }

    #[test]
    fn retry_keeps_sending_status_and_finished_pages() {
        let (mut email, mut operation) = (email(), operation());
        for claim in [email.claim(attempt(1), at(0), at(60)), operation.claim(attempt(1), at(0), at(60))] {
            assert_eq!(claim, Claim::Claimed);
        }
        email.begin_sending(attempt(1), at(1), REPORT_WAIT, "Order 2026-1017").expect("its own");
        email.record_failure(attempt(1), at(1), Fate::Again { due_at: at(5) }, None).expect("its own");
        operation.record_failure(attempt(1), at(1), Fate::Again { due_at: at(5) }, None).expect("its own");
        let kept = (EmailStatus::Sending, OperationStatus::Processing);
        assert_eq!((email.status, operation.status), kept, "SES may have the email; pages are done");
    }

    #[test]
    fn retried_photo_and_download_are_pending_again() {
        let (mut photo, mut download) = (photo(PhotoStatus::Pending), download(DownloadStatus::Pending));
        for claim in
            [JobRecord::claim(&mut photo, attempt(1), at(0), at(60)), download.claim(attempt(1), at(0), at(60))]
        {
            assert_eq!(claim, Claim::Claimed);
        }
        photo.record_failure(attempt(1), at(1), Fate::Again { due_at: at(5) }, None).expect("its own");
        download.record_failure(attempt(1), at(1), Fate::Again { due_at: at(5) }, None).expect("its own");
        assert_eq!((photo.status, download.status), (PhotoStatus::Pending, DownloadStatus::Pending));
    }
}
