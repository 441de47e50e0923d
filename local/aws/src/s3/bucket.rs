//! A bucket in memory: its configuration, and its keys with their versions.

use std::{collections::BTreeMap, sync::Arc};

use s3s::{S3Result, s3_error};
use serde::{Deserialize, Serialize};

use super::{
    conditions::no_such_key,
    cors::CorsRule,
    members,
    notify::Rule,
    object::Object,
    version::{self, NULL},
};

/// The record of a bucket: its configuration.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
#[serde(default)]
pub(super) struct BucketRecord {
    pub created: u64,
    pub notifications: Vec<Rule>,
    pub cors: Vec<CorsRule>,
    pub versioning: Versioning,
}

/// Whether a bucket keeps replaced and deleted objects.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(super) enum Versioning {
    /// Versioning was never enabled. Each key has at most the version `null`.
    #[default]
    Never,
    /// Each write and each deletion adds a version.
    Enabled,
    /// Each write and each deletion replaces the version `null`. Other versions stay.
    Suspended,
}

/// A bucket.
#[derive(Debug, Default)]
pub(super) struct Bucket {
    pub record: BucketRecord,
    /// Versions by key, the newest last. No list is empty.
    pub keys: BTreeMap<String, Vec<Arc<Object>>>,
}

impl Bucket {
    /// Returns the current object of a key. A delete marker counts as absent.
    pub fn current(&self, key: &str) -> Option<&Arc<Object>> {
        self.keys.get(key).and_then(|versions| current(versions))
    }

    /// Returns the current object of a key, or the requested version.
    pub fn object(&self, key: &str, version: Option<&str>) -> S3Result<Arc<Object>> {
        let Some(id) = version else {
            return match self.keys.get(key).and_then(|versions| versions.last()) {
                None => Err(no_such_key(key)),
                Some(marker) if marker.record.marker => Err(version::of_marker(no_such_key(key), marker.version_id())),
                Some(object) => Ok(object.clone()),
            };
        };
        self.check_version(id)?;
        match self.version(key, id) {
            None => Err(version::no_such_version(key, id)),
            Some(marker) if marker.record.marker => Err(version::not_allowed_on_marker(id)),
            Some(object) => Ok(object.clone()),
        }
    }

    /// Returns the object that a copy names as its source.
    pub fn source(&self, key: &str, version: Option<&str>) -> S3Result<Arc<Object>> {
        if let Some(id) = version
            && self.version(key, id).is_some_and(|version| version.record.marker)
        {
            return Err(s3_error!(
                InvalidRequest,
                "The source of a copy request may not specifically refer to a delete marker by version id."
            ));
        }
        self.object(key, version)
    }

    /// Returns an error unless a version of this bucket can have this id.
    pub fn check_version(&self, id: &str) -> S3Result<()> {
        if id == NULL || (self.record.versioning != Versioning::Never && version::is_id(id)) {
            return Ok(());
        }
        let error = s3_error!(InvalidArgument, "Invalid version id specified");
        Err(members::with(members::with(error, "ArgumentName", "versionId"), "ArgumentValue", id))
    }

    /// Returns the version with this id, which may be a delete marker.
    pub fn version(&self, key: &str, id: &str) -> Option<&Arc<Object>> {
        self.keys.get(key)?.iter().find(|version| version.version_id() == id)
    }

    /// Returns the version id that a response about a stored object names. S3 names none before versioning is enabled.
    pub fn shown_version(&self, object: &Object) -> Option<String> {
        (self.record.versioning != Versioning::Never).then(|| object.version_id().to_owned())
    }

    /// Makes an object the newest version of its key.
    pub fn identify(&self, object: &mut Object) {
        let record = &mut object.record;
        if self.record.versioning != Versioning::Never {
            let newest = self.keys.get(&object.key).and_then(|versions| versions.last());
            record.sequence = version::next_sequence(newest.map_or(0, |newest| newest.record.sequence));
        }
        if self.record.versioning == Versioning::Enabled {
            record.version = Some(version::new_id(record.sequence));
        }
    }

    /// Adds a version in its place. Returns the version of the same id that it replaces.
    pub fn insert(&mut self, object: Arc<Object>) -> Option<Arc<Object>> {
        let versions = self.keys.entry(object.key.clone()).or_default();
        let same = versions.iter().position(|version| version.record.version == object.record.version);
        let replaced = same.map(|at| versions.remove(at));
        let at = versions.partition_point(|version| version.record.sequence <= object.record.sequence);
        versions.insert(at, object);
        replaced
    }

    /// Removes the version with this id.
    pub fn remove(&mut self, key: &str, id: &str) -> Option<Arc<Object>> {
        let versions = self.keys.get_mut(key)?;
        let at = versions.iter().position(|version| version.version_id() == id)?;
        let removed = versions.remove(at);
        if versions.is_empty() {
            self.keys.remove(key);
        }
        Some(removed)
    }
}

/// Returns the newest version, unless it is a delete marker.
pub(super) fn current(versions: &[Arc<Object>]) -> Option<&Arc<Object>> {
    versions.last().filter(|newest| !newest.record.marker)
}
