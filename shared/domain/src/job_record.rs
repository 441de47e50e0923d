//! Records that workers claim: what the machinery around a job asks of them.

use jiff::Timestamp;
use uuid::Uuid;

use crate::{
    download::{Download, DownloadStatus},
    email::{Email, EmailStatus},
    error::RecordError,
    job::Job,
    job_state::{
        Claim, Fate, JobState, MAX_TRIES_DOWNLOAD, MAX_TRIES_EMAIL, MAX_TRIES_OPERATION, MAX_TRIES_PHOTO, NotAgain,
        NotOwner, TryId,
    },
    operation::{Operation, OperationStatus},
    photo::{Photo, PhotoStatus},
    queue_config::QueueName,
    record::Record,
    studio::Studio,
};

/// A record that workers claim.
pub trait JobRecord: Record {
    /// Queue of its jobs.
    const QUEUE: QueueName;
    /// Tries before it is failed.
    const MAX_TRIES: u32;

    /// The job that works on it.
    fn job(studio: Studio, id: Uuid) -> Job;
    /// Its tries, owner and lease.
    fn work(&self) -> &JobState;
    /// The same, to change.
    fn work_mut(&mut self) -> &mut JobState;
    /// Why its last try failed.
    fn error_mut(&mut self) -> &mut Option<RecordError>;
    /// Claims the record for an attempt. A photo's claim depends on its original: see [`Photo::claim`].
    fn claim(&mut self, by: TryId, now: Timestamp, lease_until: Timestamp) -> Claim;
    /// Fencing: only the present owner may write.
    fn check(&self, by: TryId) -> Result<(), NotOwner> {
        self.work().check(by)
    }
    /// It has failed for good.
    fn fail(&mut self, now: Timestamp);
    /// Another try follows.
    fn release(&mut self);
    /// Its try did not end well.
    fn record_failure(
        &mut self,
        by: TryId,
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
    /// Its tries are spent, by owners that died before they could say so.
    fn give_up(&mut self, now: Timestamp, error: RecordError) {
        self.work_mut().give_up(now);
        self.fail(now);
        *self.error_mut() = Some(error);
    }
    /// It is to be worked on again, from its first try; `ordered_by` is the request that wants so. Its message is not sent yet.
    fn restart(&mut self, now: Timestamp, ordered_by: Option<Uuid>) -> Result<(), NotAgain>;
    /// Failed, and why; `None` while it is not.
    fn failure(&self) -> Option<&RecordError>;
    /// Is it done with, one way or the other? What follows from it may still be due.
    fn is_at_rest(&self) -> bool {
        self.work().due_at.is_none()
    }
}

/// What these records have alike; what each has of its own stands behind.
macro_rules! job_record {
    ($record:ident, $queue:ident, $max_tries:ident, $job:ident { $id:ident }, $failed:path, { $($own:tt)* }) => {
        impl JobRecord for $record {
            const QUEUE: QueueName = QueueName::$queue;
            const MAX_TRIES: u32 = $max_tries;

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
            fn restart(&mut self, now: Timestamp, ordered_by: Option<Uuid>) -> Result<(), NotAgain> {
                self.restart(now, ordered_by)
            }
            fn failure(&self) -> Option<&RecordError> {
                self.error.as_ref().filter(|_| self.status == $failed)
            }
            $($own)*
        }
    };
}

job_record!(Photo, Photos, MAX_TRIES_PHOTO, ProcessPhoto { photo }, PhotoStatus::Failed, {
    fn claim(&mut self, by: TryId, now: Timestamp, lease_until: Timestamp) -> Claim {
        self.claim(by, now, lease_until, None)
    }
    fn fail(&mut self, now: Timestamp) {
        self.fail(now);
    }
    fn release(&mut self) {
        self.release();
    }
});
job_record!(Download, Downloads, MAX_TRIES_DOWNLOAD, BuildArchive { download }, DownloadStatus::Failed, {
    fn claim(&mut self, by: TryId, now: Timestamp, lease_until: Timestamp) -> Claim {
        self.claim(by, now, lease_until)
    }
    fn check(&self, by: TryId) -> Result<(), NotOwner> {
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
job_record!(Email, Emails, MAX_TRIES_EMAIL, SendEmail { email }, EmailStatus::Failed, {
    fn claim(&mut self, by: TryId, now: Timestamp, lease_until: Timestamp) -> Claim {
        self.claim(by, now, lease_until)
    }
    fn fail(&mut self, _: Timestamp) {
        self.fail();
    }
    // One that is `Sending` stays so: nobody heard what SES did with it.
    fn release(&mut self) {}
});
job_record!(Operation, Default, MAX_TRIES_OPERATION, Operate { operation }, OperationStatus::Failed, {
    fn claim(&mut self, by: TryId, now: Timestamp, lease_until: Timestamp) -> Claim {
        self.claim(by, now, lease_until)
    }
    fn fail(&mut self, now: Timestamp) {
        self.fail(now);
    }
    // Its pages so far stand: it is under way.
    fn release(&mut self) {}
});
