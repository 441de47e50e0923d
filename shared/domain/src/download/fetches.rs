//! Fetches of customers: files, times and ways, without addresses.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

/// Largest number of fetches on a record; the oldest are dropped.
const MAX_FETCHES: usize = 100;

/// File of a download.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum DownloadFile {
    /// The built file with this number, from 1: an archive, or the photo of a single download.
    Volume(u16),
    /// One photo of the order.
    Photo(Uuid),
    /// One photo of the order, not in the download's version but in the other one.
    OtherSize(Uuid),
}

/// Way in which a customer fetched a file.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "snake_case")]
pub enum FetchedBy {
    /// As an archive.
    Zip,
    /// A photo by itself.
    Single,
    /// A photo, handed to the photo library of a phone.
    Phone,
}

/// A file that a customer fetched.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Fetch {
    /// Time of the request.
    pub at: Timestamp,
    /// The file.
    pub file: DownloadFile,
    /// The way.
    pub by: FetchedBy,
}

/// Fetches of a download, oldest first.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Fetches(Vec<Fetch>);

impl Fetches {
    /// Records a fetch. Another one of the same file in the same way, not older than `since`, is its repetition, and not
    /// recorded again: a request that continues an interrupted one, or one of many at once.
    pub(super) fn record(&mut self, fetch: Fetch, since: Timestamp) {
        let repeats = |old: &Fetch| old.at >= since && (old.file, old.by) == (fetch.file, fetch.by);
        if self.0.iter().any(repeats) {
            return;
        }
        self.0.push(fetch);
        let surplus = self.0.len().saturating_sub(MAX_FETCHES);
        self.0.drain(..surplus);
    }

    /// Returns the fetches, oldest first.
    pub fn iter(&self) -> impl Iterator<Item = &Fetch> {
        self.0.iter()
    }

    /// Returns whether nothing was fetched.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::samples::at;

    #[test]
    fn repeated_fetch_is_recorded_once() {
        let mut fetches = Fetches::default();
        let fetch = |second, file, by| Fetch { at: at(second), file, by };
        let (zip, photo) = (DownloadFile::Volume(1), DownloadFile::Photo(Uuid::nil()));
        fetches.record(fetch(1, zip, FetchedBy::Zip), at(0));
        fetches.record(fetch(2, zip, FetchedBy::Zip), at(0));
        fetches.record(fetch(3, photo, FetchedBy::Single), at(0));
        fetches.record(fetch(4, photo, FetchedBy::Phone), at(0));
        fetches.record(fetch(9, zip, FetchedBy::Zip), at(5));
        let known: Vec<_> = fetches.iter().map(|fetch| (fetch.at, fetch.by)).collect();
        let expected = [(1, FetchedBy::Zip), (3, FetchedBy::Single), (4, FetchedBy::Phone), (9, FetchedBy::Zip)];
        assert_eq!(known, expected.map(|(second, by)| (at(second), by)));
    }

    #[test]
    fn oldest_fetches_are_dropped() {
        let mut fetches = Fetches::default();
        for second in 0..250 {
            let file = DownloadFile::Photo(Uuid::from_u128(second));
            let second = i64::try_from(second).expect("small");
            fetches.record(Fetch { at: at(second), file, by: FetchedBy::Single }, at(0));
        }
        assert_eq!((fetches.iter().count(), fetches.iter().next().map(|fetch| fetch.at)), (100, Some(at(150))));
    }
}
