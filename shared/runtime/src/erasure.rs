//! Erasure of an order: its personal data, its downloads with their objects, its emails.
//!
//! The order is marked first. From then on nothing is made of it: requests about it are refused, a build that finds the mark
//! deletes its archive, an email that finds it is suppressed. So whatever a request that read the order before the mark makes
//! after this erasure has passed, its own worker erases. Every step can be repeated.

mod position;

use anyhow::Result;
use domain::{
    download::{Download, DownloadStatus},
    email::Email,
    object_key::ObjectKey,
    studio::Studio,
};
use futures::{StreamExt as _, TryStreamExt as _, stream};
use jiff::Timestamp;
use tracing::info;
use uuid::Uuid;

pub use self::position::{Pass, Position};
use crate::{
    objects::ObjectStore,
    store::{Orders, Table},
};

/// Objects deleted at once.
const DELETIONS_AT_ONCE: usize = 16;
/// Clocks of the machines that make ids differ by less than this, in milliseconds.
const CLOCK_SKEW_MS: u128 = 60_000;
/// A UUIDv7 begins with 48 bits of milliseconds, above these.
const BITS_BELOW_TIME: u32 = 80;

/// The stores that hold what is erased.
pub struct Erasure<'a> {
    /// Orders and their photo items.
    pub orders: &'a Orders,
    /// Downloads.
    pub downloads: &'a Table<Download>,
    /// Emails.
    pub emails: &'a Table<Email>,
    /// The bucket of archives.
    pub archives: &'a ObjectStore,
}

impl Erasure<'_> {
    /// Erases the order and all that was made of it; false where there is no such order.
    pub async fn order(&self, studio: &Studio, id: Uuid, now: Timestamp) -> Result<bool> {
        if self.orders.erase(studio, id, now).await?.is_none() {
            return Ok(false);
        }
        // What requests made of the order has a UUIDv7 that is newer than the order's.
        let since = (earlier(id), last_id_at(now));
        let downloads = self.downloads.between(studio, since, |download| download.order == id).await?;
        for download in &downloads {
            self.download(studio, download.id, now).await?;
            // Emails of builds have a UUIDv5, which follows from the download's id.
            for email in Email::ids_telling_of_builds(download) {
                self.email(studio, email, now).await?;
            }
        }
        let about = |email: &Email| {
            email.message.order() == Some(id)
                || email.message.download().is_some_and(|id| downloads.iter().any(|download| download.id == id))
        };
        for email in self.emails.between(studio, since, about).await? {
            self.email(studio, email.id, now).await?;
        }
        info!(%studio, order.id = %id, downloads = downloads.len(), "Order erased");
        Ok(true)
    }

    /// Revokes the download and deletes its objects. It is marked last: a mark says that nothing is left to do.
    pub async fn download(&self, studio: &Studio, id: Uuid, now: Timestamp) -> Result<()> {
        let revoke = |download: &mut Download| {
            if download.status == DownloadStatus::Revoked {
                return Err(());
            }
            download.revoke();
            Ok(())
        };
        self.downloads.update(studio, id, revoke).await?;
        self.objects(studio, id).await?;
        let mark = |download: &mut Download| {
            if download.erased_at.is_some() {
                return Err(());
            }
            download.erase(now);
            Ok(())
        };
        self.downloads.update(studio, id, mark).await?;
        Ok(())
    }

    /// Deletes the archives and indexes of all builds of the download.
    pub async fn objects(&self, studio: &Studio, download: Uuid) -> Result<()> {
        loop {
            let keys = self.archives.list(&ObjectKey::archives_of_download(studio, download)).await?;
            if keys.is_empty() {
                return Ok(());
            }
            let deletions: Vec<_> = keys.iter().map(|key| self.archives.delete(key)).collect();
            stream::iter(deletions).buffer_unordered(DELETIONS_AT_ONCE).try_collect::<()>().await?;
        }
    }

    /// Removes the personal data of the email, where there is one of this id.
    pub async fn email(&self, studio: &Studio, id: Uuid, now: Timestamp) -> Result<()> {
        let erase = |email: &mut Email| {
            email.erase(now);
            Ok::<_, std::convert::Infallible>(())
        };
        self.emails.update(studio, id, erase).await?;
        Ok(())
    }
}

/// Returns the first id that a machine whose clock is behind can have made when this one was made.
fn earlier(id: Uuid) -> Uuid {
    Uuid::from_u128(id.as_u128().saturating_sub(CLOCK_SKEW_MS << BITS_BELOW_TIME))
}

/// Returns an id behind all that a machine whose clock is ahead can have made until this time.
fn last_id_at(time: Timestamp) -> Uuid {
    let milliseconds = u128::try_from(time.as_millisecond()).unwrap_or_default() + CLOCK_SKEW_MS;
    Uuid::from_u128(((milliseconds + 1) << BITS_BELOW_TIME) - 1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bounds_are_a_minute_apart_from_the_time() {
        let id: Uuid = "0199e0a0-0000-7000-8000-000000000001".parse().expect("valid");
        let minute = 0xea60_u128;
        assert_eq!(earlier(id).as_u128() >> 80, (id.as_u128() >> 80) - minute);
        assert_eq!(earlier(Uuid::nil()), Uuid::nil());
        let time = Timestamp::from_millisecond(0x0199_e0a0_0000).expect("in range");
        assert_eq!(last_id_at(time).as_u128() >> 80, 0x0199_e0a0_0000 + minute);
        assert!(id < last_id_at(time));
    }
}
