//! The transitions of a photo; each is applied by one conditional write.

use jiff::{SignedDuration, Timestamp};

use uuid::Uuid;

use super::{Derivatives, Development, Photo, PhotoStatus};
use crate::{
    error::RecordError,
    work::{Claim, Fate, MAX_TRIES_PHOTO, NotAgain, NotOwner, TryId, Work},
};

/// An upload that never came is forgotten after this long.
pub const UPLOAD_EXPIRES_AFTER: SignedDuration = SignedDuration::from_hours(7 * 24);

impl Photo {
    /// A worker asks for the photo. `etag` is the stored original's; `None` where there is none.
    ///
    /// A ready photo whose original is unchanged is done already: events come more than once. So is one whose original
    /// is gone: what was developed stays true.
    pub fn claim(&mut self, by: TryId, now: Timestamp, lease_until: Timestamp, etag: Option<&str>) -> Claim {
        let same_original = etag.is_none() || self.etag.as_deref() == etag;
        match self.status {
            PhotoStatus::AwaitingUpload if etag.is_none() => return Claim::Void,
            PhotoStatus::Deleting => return Claim::Void,
            PhotoStatus::Failed if same_original && self.work.gave_up => return Claim::Exhausted,
            PhotoStatus::Ready | PhotoStatus::Failed if same_original => return Claim::Done,
            PhotoStatus::Ready | PhotoStatus::Failed => self.work = Work::default(),
            PhotoStatus::Processing if self.work.held_at(now, by) => {
                return Claim::Held { until: self.work.lease_until.unwrap_or(now) };
            }
            _ => {}
        }
        if self.work.exhausted(MAX_TRIES_PHOTO) {
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

    /// Developing went well.
    pub fn complete(&mut self, by: TryId, now: Timestamp, size: u64, development: Development) -> Result<(), NotOwner> {
        self.work.check(by)?;
        self.status = PhotoStatus::Ready;
        self.size = size;
        self.development = Some(development);
        self.processed_at = Some(now);
        self.work.succeed();
        Ok(())
    }

    /// Developing did not go well: `fate` says what becomes of the photo.
    pub fn fall(&mut self, by: TryId, now: Timestamp, fate: Fate, error: Option<RecordError>) -> Result<(), NotOwner> {
        self.work.check(by)?;
        self.error = error;
        if self.work.fall(now, fate) {
            self.status = PhotoStatus::Failed;
            self.processed_at = Some(now);
        } else {
            self.status = PhotoStatus::Pending;
        }
        Ok(())
    }

    /// The tries are spent, by owners that died before they could say so.
    pub fn give_up(&mut self, now: Timestamp, error: RecordError) {
        self.status = PhotoStatus::Failed;
        self.error = Some(error);
        self.processed_at = Some(now);
        self.work.give_up(now);
    }

    /// It is to be developed (again): on request, whatever became of it before.
    pub fn send_again(&mut self, now: Timestamp, ordered_by: Option<Uuid>) -> Result<(), NotAgain> {
        match self.status {
            PhotoStatus::AwaitingUpload | PhotoStatus::Deleting => return Err(NotAgain::Impossible),
            PhotoStatus::Pending | PhotoStatus::Processing => return Err(NotAgain::UnderWay),
            PhotoStatus::Ready | PhotoStatus::Failed => {}
        }
        self.work = self.work.sent_again(now, ordered_by)?;
        self.status = PhotoStatus::Pending;
        self.error = None;
        Ok(())
    }

    /// It is to be deleted: from now on no order takes it, and no worker. Refused while one has it.
    pub fn begin_deleting(&mut self, now: Timestamp) -> Result<(), NotAgain> {
        if self.work.held_at(now, TryId::new()) {
            return Err(NotAgain::UnderWay);
        }
        if self.status != PhotoStatus::Deleting {
            self.before_deleting = Some(self.status);
            self.status = PhotoStatus::Deleting;
            self.work.settle();
        }
        Ok(())
    }

    /// It stays after all. What was under way is due: its message may have come meanwhile, and found nothing to do.
    pub fn keep(&mut self, now: Timestamp) {
        let Some(before) = self.before_deleting.take() else { return };
        self.status = before;
        if matches!(before, PhotoStatus::Pending | PhotoStatus::Processing) {
            self.status = PhotoStatus::Pending;
            self.work.due_at = Work::sent(now).due_at;
        }
    }

    /// May it stand in an archive? While it is developed anew, and where that fails, what was developed before stays true.
    pub fn is_ready(&self) -> bool {
        self.development.is_some() && self.status != PhotoStatus::Deleting
    }

    /// The pictures, where there are any.
    pub fn has_previews(&self) -> bool {
        matches!(self.development, Some(Development { derivatives: Derivatives::Made { .. }, .. }))
    }
}
