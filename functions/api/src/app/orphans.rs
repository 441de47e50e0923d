//! Orphans: objects under `originals/` that belong to no photo. Somebody stored them past the API, or a table was restored.
//!
//! Nothing deletes them by itself. Operators have them taken in as uploads, or deleted.

use std::collections::HashMap;

use api_types::{Orphan, OrphanPage, OrphansSettled, Skipped};
use domain::{ObjectKey, Studio, incoming::Source, object_key::ORIGINALS};
use futures::{StreamExt as _, TryStreamExt as _, stream};
use runtime::{
    failed_jobs::CONCURRENCY,
    objects::{Listed, SourceError},
};
use uuid::Uuid;

use crate::{problem::ApiResult, state::State};

/// S3: at most 1,000 objects per list.
const LISTED: i32 = 1_000;
/// S3: at most 1,024 bytes per key.
pub const MAX_KEY_BYTES: usize = 1_024;
/// Largest number of lists for one page.
const MAX_LISTS: usize = 10;

/// What operators have done with orphans.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Action {
    /// Move them to `incoming/`, whence they become photos.
    TakeIn,
    /// Delete them.
    Delete,
}

/// Returns orphans in the order of their keys, after a key. A page can have fewer than `limit` and still have a next one,
/// because the work of one request is limited.
pub async fn page(state: &State, mut after: Option<String>, limit: usize) -> ApiResult<OrphanPage> {
    let mut items = Vec::new();
    for _ in 0..MAX_LISTS {
        let (objects, more) = state.originals.page(ORIGINALS, after.as_deref(), LISTED).await?;
        after = objects.last().map(|object| object.key.clone()).filter(|_| more);
        for orphan in orphans(state, objects).await? {
            if items.len() == limit {
                let next_cursor = items.last().map(|last: &Orphan| last.key.clone());
                return Ok(OrphanPage { items, next_cursor });
            }
            items.push(orphan);
        }
        if after.is_none() {
            break;
        }
    }
    Ok(OrphanPage { items, next_cursor: after })
}

/// Returns those of the objects that belong to no photo.
async fn orphans(state: &State, objects: Vec<Listed>) -> ApiResult<Vec<Orphan>> {
    let mut ids: HashMap<Studio, Vec<Uuid>> = HashMap::new();
    for object in &objects {
        if let Some(ObjectKey::Original { studio, photo }) = ObjectKey::parse(&object.key) {
            ids.entry(studio).or_default().push(photo);
        }
    }
    let mut known = HashMap::new();
    for (studio, ids) in ids {
        let photos = state.photos.get_many(&studio, &ids).await?;
        known.insert(studio, photos);
    }
    let mut found = Vec::new();
    for Listed { key, size, modified } in objects {
        if let Some(ObjectKey::Original { studio, photo }) = ObjectKey::parse(&key) {
            let has_record = known.get(&studio).is_some_and(|photos| photos.contains_key(&photo));
            // A worker deletes what arrives under a tombstone.
            if has_record || state.tombstones.has(&studio, photo).await? {
                continue;
            }
        }
        found.push(Orphan { key, size_bytes: size, modified_at: modified });
    }
    Ok(found)
}

/// Takes in, or deletes, the objects with these keys that are orphans.
pub async fn settle(state: &State, action: Action, keys: &[String]) -> ApiResult<OrphansSettled> {
    let settled: Vec<_> = keys.iter().map(|key| one(state, action, key)).collect();
    let settled: Vec<_> = stream::iter(settled).buffered(CONCURRENCY).try_collect().await?;
    let mut outcome = OrphansSettled::default();
    for (key, reason) in keys.iter().zip(settled) {
        match reason {
            None => outcome.settled.push(key.clone()),
            Some(reason) => outcome.skipped.push(Skipped { id: key.clone(), reason: reason.to_owned() }),
        }
    }
    Ok(outcome)
}

/// Settles one orphan. Returns the reason if it is skipped.
async fn one(state: &State, action: Action, key: &str) -> ApiResult<Option<&'static str>> {
    const NO_ORPHAN: &str = "It is no orphan.";
    if !key.starts_with(ORIGINALS) || key.len() > MAX_KEY_BYTES {
        return Ok(Some(NO_ORPHAN));
    }
    let head = match state.originals.head_version(key, None).await {
        Ok(head) => head,
        Err(SourceError::Missing) => return Ok(Some(NO_ORPHAN)),
        Err(SourceError::Other(error) | SourceError::Denied(error)) => return Err(error.into()),
        Err(_) => return Ok(Some("It cannot be read.")),
    };
    let listed = Listed { key: key.to_owned(), size: head.size, modified: head.modified.unwrap_or_default() };
    if orphans(state, vec![listed]).await?.is_empty() {
        return Ok(Some(NO_ORPHAN));
    }
    if action == Action::TakeIn {
        let Some(upload) = upload_of(key) else {
            return Ok(Some("Its key names no studio. It can only be deleted."));
        };
        let source = Source {
            bucket: None,
            key: key.to_owned(),
            // The current version: the API may not read others.
            version: None,
            etag: head.etag,
            checksum: head.checksum,
            allotment: Uuid::nil(),
        };
        let content_type = head.content_type.unwrap_or_else(|| "application/octet-stream".to_owned());
        match state.originals.copy(&source, &upload, &content_type).await {
            Ok(_) => {}
            Err(SourceError::Other(error)) => return Err(error.into()),
            Err(_) => return Ok(Some("It cannot be copied.")),
        }
    }
    state.originals.delete_named(key).await?;
    Ok(None)
}

/// Returns the key under `incoming/` to which an orphan is moved: that of its studio, with the rest of its path.
fn upload_of(key: &str) -> Option<ObjectKey> {
    let (studio, path) = key.strip_prefix(ORIGINALS)?.split_once('/')?;
    Some(ObjectKey::Incoming { studio: studio.parse().ok()?, path: path.to_owned() }).filter(|_| !path.is_empty())
}

#[cfg(test)]
mod tests {
    use super::upload_of;

    #[test]
    fn orphan_keeps_studio_and_path() {
        let of = |key: &str| upload_of(key).map(|key| key.to_string());
        assert_eq!(of("originals/anna/w/a.jpg").as_deref(), Some("incoming/anna/w/a.jpg"));
        for key in ["originals/a.jpg", "originals/Anna/a.jpg", "originals/anna/"] {
            assert_eq!(of(key), None, "{key}");
        }
    }
}
