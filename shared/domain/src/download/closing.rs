//! Revocation and erasure of downloads, and emails about them that reached nobody.

use jiff::{SignedDuration, Timestamp};

use super::{Download, DownloadKind, DownloadStatus, Fetches};
use crate::email_address::EmailAddress;

/// Time after which no write of a build arrives. Lambda: a function runs for at most 15 minutes. S3: a request is refused 15
/// minutes after its signature. A minute for clocks that differ.
const LATE_WRITES: SignedDuration = SignedDuration::from_mins(31);

impl Download {
    /// Revokes the download. Existing links stop working. Archives are due to be deleted once more when no write of a
    /// build can arrive any more.
    pub fn revoke(&mut self, now: Timestamp) {
        self.status = DownloadStatus::Revoked;
        self.generation += 1;
        self.work.settle();
        self.work.gave_up = false;
        self.late_writes_until = now.saturating_add(LATE_WRITES).ok().filter(|_| self.kind == DownloadKind::Batch);
        self.work.due_at = self.late_writes_until;
    }

    /// Records that an email about the download to this address reached nobody. Its status and link stay. Emails to an
    /// address that the shop has replaced since, and reports from before, do not matter.
    pub fn undelivered(&mut self, to: &EmailAddress, at: Timestamp) {
        let is_replaced = self.recipient.as_ref().is_some_and(|recipient| recipient != to);
        let is_late = self.addressed_at.is_some_and(|addressed_at| at <= addressed_at);
        if self.erased_at.is_none() && !is_replaced && !is_late {
            self.undelivered_at.get_or_insert(at);
        }
    }

    /// Marks the download as erased, after it was revoked and its objects were deleted. Errors are removed because they
    /// name photos.
    pub fn erase(&mut self, now: Timestamp) {
        self.erased_at = Some(now);
        self.fetches = Fetches::default();
        self.publish_by = None;
        self.recipient = None;
        self.pin = None;
        self.error = None;
        self.work.gave_up = false;
        self.work.erase();
    }
}
