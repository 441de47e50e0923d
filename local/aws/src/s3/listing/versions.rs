//! Pages of versions, for ListObjectVersions.

use std::{ops::Bound, sync::Arc};

use s3s::dto;

use super::{MAX_KEYS, group};
use crate::s3::{
    bucket::Bucket,
    object::Object,
    version::{self, NULL},
};

/// A page of a listing of versions.
#[derive(Debug, Default)]
pub(in crate::s3) struct VersionPage {
    /// Versions, each with whether it is the newest of its key.
    versions: Vec<(Arc<Object>, bool)>,
    /// Prefixes up to the delimiter. Each represents all keys that begin with it.
    prefixes: Vec<String>,
    /// The key or prefix, and the version id of a key, after which the next page starts, if there is one.
    pub next: Option<(String, Option<String>)>,
}

impl VersionPage {
    /// Returns the page of versions with `prefix` after a key, or after one of its versions: keys in byte order, the
    /// newest version of a key first.
    pub fn of(
        bucket: &Bucket,
        prefix: &str,
        delimiter: Option<&str>,
        after: Option<(&str, Option<&str>)>,
        max_keys: i32,
    ) -> Self {
        let max = usize::try_from(max_keys.clamp(0, MAX_KEYS)).unwrap_or_default();
        let mut page = Self::default();
        let mut last = None;
        let start = match after {
            Some((key, None)) if key >= prefix => Bound::Excluded(key),
            Some((key, Some(_))) if key >= prefix => Bound::Included(key),
            _ => Bound::Included(prefix),
        };
        'keys: for (key, versions) in bucket.keys.range::<str, _>((start, Bound::Unbounded)) {
            let Some(rest) = key.strip_prefix(prefix) else { break };
            if let Some(group) = group(key, rest, delimiter) {
                if page.prefixes.last() == Some(&group) || after.is_some_and(|(after, _)| after.starts_with(&group)) {
                    continue;
                }
                if page.len() == max {
                    page.next = last;
                    break;
                }
                last = Some((group.clone(), None));
                page.prefixes.push(group);
                continue;
            }
            let marker = after.and_then(|(after, id)| id.filter(|_| after == key));
            let end = marker.map_or(u64::MAX, |id| sequence(versions, id));
            for (number, version) in versions.iter().rev().enumerate() {
                if version.record.sequence >= end {
                    continue;
                }
                if page.len() == max {
                    page.next = last;
                    break 'keys;
                }
                last = Some((key.clone(), Some(version.version_id().to_owned())));
                page.versions.push((version.clone(), number == 0));
            }
        }
        page
    }

    fn len(&self) -> usize {
        self.versions.len() + self.prefixes.len()
    }

    pub fn versions(&self) -> Vec<dto::ObjectVersion> {
        let objects = self.versions.iter().filter(|(version, _)| !version.record.marker);
        objects
            .map(|(object, newest)| dto::ObjectVersion {
                e_tag: Some(object.e_tag()),
                is_latest: Some(*newest),
                key: Some(object.key.clone()),
                last_modified: Some(object.modified()),
                size: i64::try_from(object.size()).ok(),
                storage_class: Some(dto::ObjectVersionStorageClass::from_static(
                    dto::ObjectVersionStorageClass::STANDARD,
                )),
                version_id: Some(object.version_id().to_owned()),
                ..dto::ObjectVersion::default()
            })
            .collect()
    }

    pub fn delete_markers(&self) -> Vec<dto::DeleteMarkerEntry> {
        let markers = self.versions.iter().filter(|(version, _)| version.record.marker);
        markers
            .map(|(marker, newest)| dto::DeleteMarkerEntry {
                is_latest: Some(*newest),
                key: Some(marker.key.clone()),
                last_modified: Some(marker.modified()),
                version_id: Some(marker.version_id().to_owned()),
                ..dto::DeleteMarkerEntry::default()
            })
            .collect()
    }

    pub fn common_prefixes(&self) -> Vec<dto::CommonPrefix> {
        self.prefixes.iter().map(|prefix| dto::CommonPrefix { prefix: Some(prefix.clone()) }).collect()
    }
}

/// Returns the sequence of a version, which may have been removed since the last page.
fn sequence(versions: &[Arc<Object>], id: &str) -> u64 {
    let of_null = || versions.iter().find(|version| version.version_id() == NULL).map(|null| null.record.sequence);
    if id == NULL { of_null() } else { version::sequence(id) }.unwrap_or_default()
}
