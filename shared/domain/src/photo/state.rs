//! State transitions of a photo. One conditional write applies each of them.

use jiff::{SignedDuration, Timestamp};
use uuid::Uuid;

use super::{Deletion, Derivatives, Development, Photo, PhotoStatus};
use crate::incoming::Source;
use crate::job_state::{AttemptId, Claim, GRACE, JobState, MAX_ATTEMPTS_PHOTO, NotOwner, RestartError};
use crate::queue_config::LONGEST_PAUSE;

/// Time after which a photo without upload expires.
const UPLOAD_EXPIRES_AFTER: SignedDuration = SignedDuration::from_hours(7 * 24);
/// Time after which S3 aborts a multipart upload (`abort-uploads` in `infra/storage.tf`). The URLs of its parts can be
/// renewed as long as the record waits for an upload.
const MULTIPART_LIVES: SignedDuration = UPLOAD_EXPIRES_AFTER;
/// Longest duration of an upload. S3 checks a URL when its request begins; 5 GiB take a day at 500 kbit/s. It also covers
/// the hours by which S3 aborts a multipart upload late, since it does so at midnight.
const LONGEST_UPLOAD: SignedDuration = SignedDuration::from_hours(24);
/// Longest wait of an upload's job: a queue can be paused for [`LONGEST_PAUSE`], and has work to do after it.
const JOBS_WAIT_FOR: SignedDuration = SignedDuration::from_hours(LONGEST_PAUSE.as_hours() + 24);
/// Interval of looking for an original whose event was lost.
const LOOK_AGAIN_AFTER: SignedDuration = SignedDuration::from_hours(24);

/// Time after which the mark of a deletion whose request was interrupted is removed. API Gateway ends requests after 30 s.
const MARK_LASTS: SignedDuration = SignedDuration::from_mins(15);

/// Refusal of a multipart upload: the photo has another one, or waits for no original.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Replaced;

impl Photo {
    /// Claims the photo. `etag` is the ETag of the stored original; `None` if there is no original.
    ///
    /// A ready photo with an unchanged original is done, because events can be delivered more than once. A ready photo
    /// whose original is gone is done too, because its results remain valid. The mark of an interrupted deletion is removed
    /// when it is due.
    pub fn claim(&mut self, by: AttemptId, now: Timestamp, lease_until: Timestamp, etag: Option<&str>) -> Claim {
        // The attempt that copied an upload and then rejected it did not record what it read.
        let was_rejected = self.status == PhotoStatus::Failed && self.etag.is_none() && self.source.is_some();
        let same_original = etag.is_none() || self.etag.as_deref() == etag || was_rejected;
        match self.status {
            PhotoStatus::AwaitingUpload if etag.is_none() => {
                self.work.due_at = self.next_look(now);
                return Claim::Void;
            }
            PhotoStatus::Deleting => return self.claim_deleted(by, now, lease_until, etag),
            PhotoStatus::Failed if same_original && self.work.gave_up => return Claim::Exhausted,
            PhotoStatus::Ready | PhotoStatus::Failed if same_original => return Claim::Done,
            PhotoStatus::Ready | PhotoStatus::Failed => self.work = JobState::default(),
            PhotoStatus::Processing if self.work.is_leased_at(now, by) => {
                return Claim::Leased { until: self.work.lease_until.unwrap_or(now) };
            }
            _ => {}
        }
        if self.work.exhausted(MAX_ATTEMPTS_PHOTO) {
            return Claim::Exhausted;
        }
        self.status = PhotoStatus::Processing;
        if !same_original {
            self.development = None;
        }
        if let Some(etag) = etag {
            self.etag = Some(etag.to_owned());
            self.uploaded_at.get_or_insert(now);
        }
        self.error = None;
        self.work.claim(by, lease_until);
        Claim::Claimed
    }

    /// Claims the photo as if it were not marked for deletion, if the request that marked it was interrupted long ago. A mark
    /// of the release before has no time: it lasts from now on.
    fn claim_deleted(&mut self, by: AttemptId, now: Timestamp, lease_until: Timestamp, etag: Option<&str>) -> Claim {
        match (self.deletion(), self.marked_at) {
            (Deletion::Marked { .. }, Some(at)) if now.duration_since(at) >= MARK_LASTS => {
                self.keep(now);
                let claim = self.claim(by, now, lease_until, etag);
                let is_at_rest = matches!(self.status, PhotoStatus::Ready | PhotoStatus::Failed);
                // Unlike those of records at rest, a void claim is stored.
                return if is_at_rest { Claim::Void } else { claim };
            }
            (Deletion::Marked { .. }, Some(_)) => {}
            (Deletion::Marked { .. }, None) => self.mark(now),
            _ => self.work.due_at = None,
        }
        Claim::Void
    }

    /// Records that a request that stores the original may begin until `until`: an upload URL is about to be created, or
    /// a multipart upload completed.
    pub fn offer_upload(&mut self, until: Timestamp) {
        self.upload_until = self.upload_until.max(Some(until));
        if self.status == PhotoStatus::AwaitingUpload {
            self.work.due_at = until.checked_add(GRACE).ok();
        }
    }

    /// Records the multipart upload `upload_id`, which replaces the upload `seen`. Refused if the photo has another
    /// upload meanwhile, or waits for no original.
    pub fn begin_multipart(&mut self, upload_id: &str, seen: Option<&str>, now: Timestamp) -> Result<(), Replaced> {
        if self.status != PhotoStatus::AwaitingUpload || self.upload_id.as_deref() != seen {
            return Err(Replaced);
        }
        self.upload_id = Some(upload_id.to_owned());
        self.upload_until = self.upload_until.max(now.checked_add(MULTIPART_LIVES).ok());
        self.work.due_at = self.next_look(now);
        Ok(())
    }

    /// Returns the time after which no upload can arrive. Records of earlier builds do not contain the expiry of their
    /// last URL.
    pub fn uploads_end_at(&self) -> Timestamp {
        let last_url = self.upload_until.or_else(|| self.created_at.checked_add(UPLOAD_EXPIRES_AFTER).ok());
        last_url.and_then(|until| until.checked_add(LONGEST_UPLOAD).ok()).unwrap_or(Timestamp::MAX)
    }

    /// Returns the time at which a record without upload may be removed; `None` if it must be kept.
    pub(crate) fn forgotten_at(&self) -> Option<Timestamp> {
        if self.status != PhotoStatus::AwaitingUpload || self.ordered {
            return None;
        }
        let last_job = self.uploads_end_at().saturating_add(JOBS_WAIT_FOR).unwrap_or(Timestamp::MAX);
        self.created_at.checked_add(UPLOAD_EXPIRES_AFTER).ok().max(Some(last_job))
    }

    /// Returns the next time to look for the original: after the URL has expired, but at least daily, until no upload
    /// can arrive.
    fn next_look(&self, now: Timestamp) -> Option<Timestamp> {
        let expired = self.upload_until.and_then(|until| until.checked_add(GRACE).ok());
        let daily = now.checked_add(LOOK_AGAIN_AFTER).ok();
        let next = expired.filter(|at| *at > now).map(|at| daily.map_or(at, |daily| at.min(daily))).or(daily);
        next.filter(|_| now < self.uploads_end_at())
    }

    /// Marks the photo as processed. `etag` and `size` are those of the stored original; `duplicate_of` is an older photo
    /// with the same original.
    pub fn complete(
        &mut self,
        by: AttemptId,
        now: Timestamp,
        (etag, size): (&str, u64),
        development: Development,
        duplicate_of: Option<Uuid>,
    ) -> Result<(), NotOwner> {
        self.work.check(by)?;
        self.status = PhotoStatus::Ready;
        self.etag = Some(etag.to_owned());
        self.size = size;
        self.development = Some(development);
        self.duplicate_of = duplicate_of;
        self.processed_at = Some(now);
        self.work.succeed();
        Ok(())
    }

    /// Marks the photo as failed for good.
    pub fn fail(&mut self, now: Timestamp) {
        self.status = PhotoStatus::Failed;
        self.processed_at = Some(now);
        // If the worker crashes before it has told of the failure, the sweep finds the photo.
        self.work.due_at = JobState::sent(now).due_at;
    }

    /// Releases the photo for another attempt.
    pub fn release(&mut self) {
        self.status = PhotoStatus::Pending;
    }

    /// Restarts the processing, also of a ready photo.
    pub fn restart(&mut self, now: Timestamp, requested_by: Option<Uuid>) -> Result<(), RestartError> {
        let work = self.work.restarted(now, requested_by)?;
        match self.status {
            PhotoStatus::AwaitingUpload | PhotoStatus::Deleting => return Err(RestartError::Impossible),
            PhotoStatus::Pending | PhotoStatus::Processing => return Err(RestartError::UnderWay),
            PhotoStatus::Ready | PhotoStatus::Failed => {}
        }
        self.work = work;
        self.status = PhotoStatus::Pending;
        self.error = None;
        Ok(())
    }

    /// Restarts a photo whose file was uploaded again to `source`. Repeated for the same object version, a failed photo
    /// changes nothing. A rejected file stays rejected, because the same bytes end the same way, unless they were never read
    /// or the original is not stored (any more). A ready photo needs its file only if the original is gone.
    pub fn arrive_again(&mut self, source: Source, now: Timestamp, is_stored: bool) -> Result<(), RestartError> {
        let is_new = self.source.as_ref().is_none_or(|known| known.version != source.version);
        let was_read = self.etag.is_some() && is_stored;
        match self.status {
            PhotoStatus::Failed if is_new && (self.work.gave_up || !was_read) => self.restart(now, None)?,
            PhotoStatus::Ready if !is_stored => self.restart(now, None)?,
            PhotoStatus::Ready | PhotoStatus::Failed => return Err(RestartError::Repeated),
            PhotoStatus::Pending | PhotoStatus::Processing => return Err(RestartError::UnderWay),
            PhotoStatus::AwaitingUpload | PhotoStatus::Deleting => return Err(RestartError::Impossible),
        }
        self.source = Some(source);
        Ok(())
    }

    /// Marks the photo for deletion. No order and no worker accepts a marked photo. Refused while a worker leases it. The mark
    /// is due after 15 minutes, because its request may never continue.
    pub fn begin_deleting(&mut self, now: Timestamp) -> Result<(), RestartError> {
        if self.work.is_leased_at(now, AttemptId(Uuid::nil())) {
            return Err(RestartError::UnderWay);
        }
        if self.deletion() == Deletion::None {
            self.before_deleting = Some(self.status);
            self.status = PhotoStatus::Deleting;
            self.work.settle();
        }
        if self.deletion() != Deletion::Condemned {
            self.mark(now);
        }
        Ok(())
    }

    fn mark(&mut self, now: Timestamp) {
        self.marked_at = Some(now);
        self.work.due_at = now.checked_add(MARK_LASTS).ok();
    }

    /// Condemns the marked photo, because no order contains it or ever will.
    pub fn condemn(&mut self) -> Result<(), RestartError> {
        match self.deletion() {
            Deletion::None => Err(RestartError::UnderWay),
            Deletion::Marked { .. } | Deletion::Condemned => {
                (self.before_deleting, self.marked_at, self.work.due_at) = (None, None, None);
                Ok(())
            }
        }
    }

    /// Removes the mark of a deletion. A photo that was in progress or uploaded meanwhile becomes due, because its
    /// message may have found nothing to do.
    pub fn keep(&mut self, now: Timestamp) {
        let Deletion::Marked { before } = self.deletion() else { return };
        (self.before_deleting, self.marked_at, self.work.due_at) = (None, None, None);
        self.status = before;
        match before {
            PhotoStatus::Pending | PhotoStatus::Processing => self.status = PhotoStatus::Pending,
            PhotoStatus::AwaitingUpload => {}
            _ => return,
        }
        self.work.due_at = JobState::sent(now).due_at;
    }

    /// Returns whether the photo can be in an archive.
    ///
    /// Results stay valid while the photo is processed again, and if that fails. A photo marked for deletion can be in
    /// an archive, because an order takes precedence.
    pub fn is_ready(&self) -> bool {
        self.development.is_some()
    }

    /// Returns whether the photo has a preview and a thumbnail.
    pub fn has_previews(&self) -> bool {
        matches!(self.development, Some(Development { derivatives: Derivatives::Made { .. }, .. }))
    }
}

#[cfg(test)]
mod tests;
