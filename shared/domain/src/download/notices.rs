//! Notices about a link: to whom, and when.

use jiff::{SignedDuration, Timestamp};

use super::{Download, DownloadStatus};
use crate::{email_address::EmailAddress, order::Order};

/// Time before the link expires at which a customer who has fetched nothing is reminded.
pub const REMINDER_BEFORE: SignedDuration = SignedDuration::from_hours(48);

/// A notice that a download is due to give.
///
/// A customer's activity is on the record before its event is written, so a request that ends in between owes the event.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Notice {
    /// The customer is reminded of the link, which works for two more days and was never used.
    Reminder,
    /// The shop is told that the link has expired.
    Expiry,
    /// The shop is told of the customer's activity: a fetched file, or a request for a new link.
    Activity,
}

impl Download {
    /// Returns the address that emails about the download go to.
    pub fn address<'a>(&'a self, order: &'a Order) -> &'a EmailAddress {
        self.recipient.as_ref().unwrap_or(&order.customer.email)
    }

    /// Replaces the address that emails about the download go to; `None` keeps it. What was reported about emails until now
    /// does not matter any more.
    pub fn address_to(&mut self, recipient: Option<EmailAddress>, now: Timestamp) {
        self.recipient = recipient.or_else(|| self.recipient.take());
        self.addressed_at = Some(now);
        self.undelivered_at = None;
    }

    /// Returns the next notice and its time. A link that works for less than three days has no reminder.
    pub fn next_notice(&self) -> Option<(Notice, Timestamp)> {
        let owed = self.publish_by.map(|at| (Notice::Activity, at));
        owed.into_iter().chain(self.next_of_link()).min_by_key(|(_, at)| *at)
    }

    /// Returns the next notice that the times of the link determine.
    fn next_of_link(&self) -> Option<(Notice, Timestamp)> {
        let (ready_at, expires_at) = (self.ready_at?, self.expires_at?);
        if self.status != DownloadStatus::Ready {
            return None;
        }
        let is_due = |at: Timestamp| self.noticed_until.is_none_or(|until| until < at);
        let reminder_at = expires_at.saturating_sub(REMINDER_BEFORE).unwrap_or(Timestamp::MIN);
        let is_long = reminder_at.duration_since(ready_at) >= SignedDuration::from_hours(24);
        if self.notify && self.download_count == 0 && is_long && is_due(reminder_at) {
            return Some((Notice::Reminder, reminder_at));
        }
        is_due(expires_at).then_some((Notice::Expiry, expires_at))
    }

    /// Returns the notice that is due at `now`, and its time. An expired link needs no reminder.
    pub fn notice_due(&self, now: Timestamp) -> Option<(Notice, Timestamp)> {
        let (notice, at) = self.next_notice().filter(|(_, at)| *at <= now)?;
        match self.expires_at {
            Some(expires_at) if expires_at <= now && notice == Notice::Reminder => Some((Notice::Expiry, expires_at)),
            _ => Some((notice, at)),
        }
    }

    /// Records that this notice, and any before it, was given.
    pub fn noticed(&mut self, notice: Notice, at: Timestamp) {
        match notice {
            // The customer may have done something else meanwhile.
            Notice::Activity if self.publish_by == Some(at) => self.publish_by = None,
            Notice::Activity => {}
            Notice::Reminder | Notice::Expiry => self.noticed_until = self.noticed_until.max(Some(at)),
        }
    }
}

#[cfg(test)]
mod tests {
    use uuid::Uuid;

    use super::*;
    use crate::{
        download::{DownloadFile, FetchedBy},
        samples::{at, download, order},
    };

    const DAY: i64 = 24 * 3600;

    fn ready(days: u32) -> Download {
        let mut download = download(DownloadStatus::Pending);
        (download.expires_in_days, download.notify) = (days, true);
        download.make_ready(at(0), vec![]);
        download
    }

    #[test]
    fn unfetched_link_is_reminded_of_two_days_before_its_end() {
        let mut download = ready(7);
        assert_eq!(download.next_notice(), Some((Notice::Reminder, at(5 * DAY))));
        assert_eq!(download.notice_due(at(5 * DAY - 1)), None);
        assert_eq!(download.notice_due(at(5 * DAY)), Some((Notice::Reminder, at(5 * DAY))));
        download.noticed(Notice::Reminder, at(5 * DAY));
        assert_eq!(download.next_notice(), Some((Notice::Expiry, at(7 * DAY))));
        download.noticed(Notice::Expiry, at(7 * DAY));
        assert_eq!(download.next_notice(), None);
    }

    #[test]
    fn fetched_short_and_silent_links_only_expire() {
        let mut fetched = ready(7);
        let photo = DownloadFile::Photo(Uuid::nil());
        fetched.fetch(at(1), photo, FetchedBy::Single).expect("open");
        let silent = Download { notify: false, ..ready(7) };
        fetched.noticed(Notice::Activity, fetched.publish_by.expect("owed"));
        for (days, download) in [(7, fetched), (7, silent), (2, ready(2)), (1, ready(1))] {
            assert_eq!(download.next_notice(), Some((Notice::Expiry, at(days * DAY))));
        }
        assert_eq!(ready(3).next_notice(), Some((Notice::Reminder, at(DAY))));
    }

    #[test]
    fn activity_is_owed_until_it_was_told() {
        let mut download = ready(7);
        let photo = DownloadFile::Photo(Uuid::nil());
        download.fetch(at(10), photo, FetchedBy::Single).expect("open");
        let owed = download.publish_by.expect("owed");
        assert_eq!(download.notice_due(owed), Some((Notice::Activity, owed)));
        download.fetch(at(20), photo, FetchedBy::Single).expect("open");
        assert_eq!(download.publish_by, Some(owed), "it is one event");
        download.noticed(Notice::Activity, at(1));
        assert_eq!(download.publish_by, Some(owed), "another one was told");
        download.noticed(Notice::Activity, owed);
        assert_eq!(download.next_notice(), Some((Notice::Expiry, at(7 * DAY))));
        assert!(download.ask_for_renewal(at(8 * DAY)));
        let owed = download.publish_by.expect("owed");
        assert_eq!(download.notice_due(at(7 * DAY)), Some((Notice::Expiry, at(7 * DAY))));
        download.noticed(Notice::Expiry, at(7 * DAY));
        assert_eq!(
            (download.notice_due(at(8 * DAY)), download.notice_due(owed)),
            (None, Some((Notice::Activity, owed)))
        );
    }

    #[test]
    fn renewed_link_is_reminded_of_though_the_first_one_was_used() {
        let mut download = ready(7);
        download.fetch(at(10), DownloadFile::Photo(Uuid::nil()), FetchedBy::Single).expect("open");
        download.noticed(Notice::Activity, download.publish_by.expect("owed"));
        download.renew(at(8 * DAY), None).expect("possible");
        download.make_ready(at(8 * DAY), vec![]);
        assert_eq!(download.next_notice(), Some((Notice::Reminder, at(13 * DAY))));
    }

    #[test]
    fn missed_reminder_is_dropped_once_the_link_has_expired() {
        let mut download = ready(7);
        assert_eq!(download.notice_due(at(8 * DAY)), Some((Notice::Expiry, at(7 * DAY))));
        download.noticed(Notice::Expiry, at(7 * DAY));
        assert_eq!(download.next_notice(), None);
    }

    #[test]
    fn closed_download_gives_no_notice_and_a_new_build_gives_its_own() {
        let mut download = ready(7);
        download.noticed(Notice::Expiry, at(7 * DAY));
        download.renew(at(8 * DAY), None).expect("possible");
        assert_eq!(download.next_notice(), None);
        download.make_ready(at(8 * DAY), vec![]);
        assert_eq!(download.next_notice(), Some((Notice::Reminder, at(13 * DAY))));
        download.revoke(at(9 * DAY));
        assert_eq!(download.next_notice(), None);
    }

    #[test]
    fn replaced_address_forgets_what_was_reported() {
        let (mut download, order) = (ready(7), order());
        let customer = order.customer.email.clone();
        let other: EmailAddress = "other@example.com".parse().expect("valid");
        assert_eq!(download.address(&order), &customer);
        download.undelivered(&customer, at(10));
        download.address_to(Some(other.clone()), at(20));
        assert_eq!((download.address(&order), download.undelivered_at), (&other, None));
        download.undelivered(&customer, at(30));
        download.undelivered(&other, at(20));
        assert_eq!(download.undelivered_at, None, "of the address before, or from before");
        download.undelivered(&other, at(21));
        assert_eq!(download.undelivered_at, Some(at(21)));
    }
}
