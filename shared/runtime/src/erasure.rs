//! Erasure of an order: its personal data, its downloads with their objects, and its emails.
//!
//! The order is marked first. From then on requests about it are refused, a build that finds the mark deletes its
//! archive, and an email that finds it is suppressed. A request that read the order before the mark may still create
//! records after this erasure has passed; the workers of those records erase them. Every step can be repeated.

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

/// Number of concurrent deletions of objects.
const DELETIONS_AT_ONCE: usize = 16;
/// Upper limit of the clock difference between machines that create ids, in milliseconds.
const CLOCK_SKEW_MS: u128 = 60_000;
/// Bits of a UUIDv7 below its first 48 bits, the time in milliseconds.
const BITS_BELOW_TIME: u32 = 80;

/// Stores that an erasure changes.
pub struct Erasure<'a> {
    /// Orders and their photo items.
    pub orders: &'a Orders,
    /// Downloads.
    pub downloads: &'a Table<Download>,
    /// Emails.
    pub emails: &'a Table<Email>,
    /// Bucket of archives.
    pub archives: &'a ObjectStore,
}

impl Erasure<'_> {
    /// Erases the order and everything derived from it. Returns false if the order does not exist.
    pub async fn order(&self, studio: &Studio, id: Uuid, now: Timestamp) -> Result<bool> {
        if self.orders.erase(studio, id, now).await?.is_none() {
            return Ok(false);
        }
        // Records that requests derived from the order have a UUIDv7 newer than the order's.
        let since = (earlier(id), last_id_at(now));
        let downloads = self.downloads.between(studio, since, |download| download.order == id).await?;
        for download in &downloads {
            self.download(studio, download.id, now).await?;
            // Emails of builds have a UUIDv5 derived from the download's id.
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

    /// Revokes the download and deletes its objects. The record is marked as erased last, when nothing is left to do.
    pub async fn download(&self, studio: &Studio, id: Uuid, now: Timestamp) -> Result<()> {
        let revoke = |download: &mut Download| {
            if download.status == DownloadStatus::Revoked {
                return Err(());
            }
            download.revoke(now);
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

    /// Removes the personal data of the email, if it exists.
    pub async fn email(&self, studio: &Studio, id: Uuid, now: Timestamp) -> Result<()> {
        let erase = |email: &mut Email| {
            email.erase(now);
            Ok::<_, std::convert::Infallible>(())
        };
        self.emails.update(studio, id, erase).await?;
        Ok(())
    }
}

/// Returns the lowest id that a machine with a slow clock can have created at the time of this id.
fn earlier(id: Uuid) -> Uuid {
    Uuid::from_u128(id.as_u128().saturating_sub(CLOCK_SKEW_MS << BITS_BELOW_TIME))
}

/// Returns an id above all ids that a machine with a fast clock can have created until `time`.
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
