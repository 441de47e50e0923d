//! Cache of archive indexes in a warm function. Polling a download causes no request to S3.

use std::{
    collections::VecDeque,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use anyhow::Result;
use archive::DownloadIndex;
use domain::download::{BuiltFile, Download};
use jiff::{SignedDuration, Timestamp};
use runtime::{clock::Clock, objects::ObjectStore};

/// Age at which an index is read again, because S3 may have deleted it.
const KEPT_FOR: SignedDuration = SignedDuration::from_mins(10);
/// Largest number of files in all cached indexes together; about 3 MB.
const MAX_FILES: usize = 20_000;

/// Cache of the indexes in the downloads bucket.
pub struct Indexes {
    archives: ObjectStore,
    clock: Clock,
    /// Cached indexes, oldest first.
    kept: Mutex<VecDeque<Kept>>,
}

struct Kept {
    /// The archives that the index describes. Their paths name download and build, their checksums the content.
    archives: Vec<BuiltFile>,
    /// Index; `None` if S3 has deleted it.
    index: Option<Arc<DownloadIndex>>,
    until: Timestamp,
}

impl Indexes {
    /// Returns an empty cache.
    pub fn new(archives: ObjectStore, clock: Clock) -> Self {
        Self { archives, clock, kept: Mutex::default() }
    }

    /// Returns the index of a download's archives; `None` before they are planned and after S3 has deleted them.
    pub async fn of(&self, download: &Download) -> Result<Option<Arc<DownloadIndex>>> {
        let archives: Vec<BuiltFile> = download.files.known().to_vec();
        if archives.is_empty() {
            return Ok(None);
        }
        let now = self.clock.now();
        if let Some(kept) = self.kept().iter().find(|kept| kept.archives == archives && kept.until > now) {
            return Ok(kept.index.clone());
        }
        let found = self.archives.get(&download.index()).await?;
        let index = found.map(|json| serde_json::from_slice(&json).map(Arc::new)).transpose()?;
        let until = now.saturating_add(KEPT_FOR)?;
        self.keep(Kept { archives, index: index.clone(), until });
        Ok(index)
    }

    fn keep(&self, new: Kept) {
        // A build writes its index before its record, so the index may describe newer archives than the record.
        if new.index.as_ref().is_some_and(|index| !describes(index, &new.archives)) {
            return;
        }
        let mut kept = self.kept();
        kept.retain(|old| old.archives != new.archives);
        kept.push_back(new);
        while kept.len() > 1 && kept.iter().map(Kept::files).sum::<usize>() > MAX_FILES {
            kept.pop_front();
        }
    }

    fn kept(&self) -> MutexGuard<'_, VecDeque<Kept>> {
        self.kept.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Kept {
    /// Returns the files that count towards [`MAX_FILES`].
    fn files(&self) -> usize {
        let entries = self.index.iter().flat_map(|index| &index.archives).map(|archive| archive.entries.len());
        entries.sum::<usize>().max(1)
    }
}

fn describes(index: &DownloadIndex, archives: &[BuiltFile]) -> bool {
    let of_index = index.archives.iter().map(|archive| (archive.size, archive.crc32));
    of_index.eq(archives.iter().map(|archive| (archive.size, archive.crc32)))
}

#[cfg(test)]
mod tests {
    use archive::ArchiveIndex;
    use runtime::env::Env;

    use super::*;

    fn indexes() -> Indexes {
        let variables = ["AWS_REGION", "AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"];
        let env = Env::of(variables.map(|name| (name.to_owned(), "test".to_owned())).into());
        let config = runtime::aws::config(&env, runtime::aws::Patience::Request).unwrap();
        Indexes::new(ObjectStore::new(runtime::aws::s3(&env, &config), "none"), Clock::system())
    }

    fn kept(path: usize, crc32: u32, files: usize) -> Kept {
        let entry = serde_json::json!({ "name": "a", "offset": 0, "size": 1, "crc32": 1 });
        let entries = vec![serde_json::from_value(entry).unwrap(); files];
        let index = DownloadIndex { version: 1, archives: vec![ArchiveIndex { size: 9, crc32: 1, entries }] };
        let archives = vec![BuiltFile { path: path.to_string(), size: 9, crc32 }];
        Kept { archives, index: Some(Arc::new(index)), until: Timestamp::MAX }
    }

    #[test]
    fn oldest_indexes_are_evicted_first() {
        let indexes = indexes();
        for path in 0..5 {
            indexes.keep(kept(path, 1, MAX_FILES / 2));
        }
        let paths: Vec<_> = indexes.kept().iter().map(|kept| kept.archives[0].path.clone()).collect();
        assert_eq!(paths, ["3", "4"]);
        indexes.keep(kept(5, 1, 2 * MAX_FILES));
        assert_eq!(indexes.kept().len(), 1, "the newest is kept whatever it holds");
    }

    #[test]
    fn index_of_other_archives_is_not_kept() {
        let indexes = indexes();
        indexes.keep(kept(1, 2, 1));
        assert!(indexes.kept().is_empty());
    }
}
