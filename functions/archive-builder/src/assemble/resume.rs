//! Resumes an assembly from what an earlier attempt left in S3.
//!
//! Only S3 knows the progress of an assembly: parts are in their uploads, intermediate objects under
//! `work/{studio}/{download}/{build}/{plan}/`. The record stores the upload's id and the plan's fingerprint before the
//! first part. An attempt lists what exists, continues with what belongs to the same plan, and deletes the rest. When
//! the archive is complete, its intermediate objects are deleted; when the download fails, uploads are aborted too.

use std::{
    collections::HashMap,
    sync::{Mutex, PoisonError},
};

use domain::{JobError, ObjectKey, download::Position};

use super::Assembly;
use crate::{
    plan::{Object, Origin, Part},
    uploads::{DonePart, Found},
};

/// Objects and uploads of an earlier attempt; empty at the first attempt.
#[derive(Default)]
pub struct ResumeState(Option<Mutex<Found>>);

impl ResumeState {
    /// Creates the state from the results of an earlier attempt.
    pub fn of(found: Found) -> Self {
        Self(Some(Mutex::new(found)))
    }

    /// Returns the ETag of a finished object.
    pub(super) fn object(&self, key: &ObjectKey, size: u64) -> Option<String> {
        let found = self.0.as_ref()?.lock().unwrap_or_else(PoisonError::into_inner);
        found.objects.get(&key.to_string()).filter(|(found, _)| *found == size).map(|(_, etag)| etag.clone())
    }

    /// Returns the open uploads of a key, and removes them from the state.
    fn take_uploads(&self, key: &ObjectKey) -> Vec<String> {
        let Some(found) = &self.0 else { return Vec::new() };
        found.lock().unwrap_or_else(PoisonError::into_inner).uploads.remove(&key.to_string()).unwrap_or_default()
    }
}

/// Separates what belongs to this plan from what no plan needs any more.
///
/// Parts are identified by number only. So of the archive's uploads only the one that the checkpoint names for this
/// plan is continued.
pub fn sort(found: Found, archive: &ObjectKey, plan: u64, position: Option<&Position>) -> (Found, Found) {
    let archive = archive.to_string();
    let ours =
        |key: &str| matches!(ObjectKey::parse(key), Some(ObjectKey::Work { plan: theirs, .. }) if theirs == plan);
    let position = position.filter(|position| position.plan == format!("{plan:016x}"));
    let (mut kept, mut stale) = (Found::default(), Found::default());
    for (key, object) in found.objects {
        let side = if ours(&key) { &mut kept } else { &mut stale };
        side.objects.insert(key, object);
    }
    for (key, ids) in found.uploads {
        for id in ids {
            let known = if key == archive { position.is_some_and(|it| it.upload_id == id) } else { ours(&key) };
            let side = if known { &mut kept } else { &mut stale };
            side.uploads.entry(key.clone()).or_default().push(id);
        }
    }
    (kept, stale)
}

impl Assembly<'_> {
    /// Opens the upload under this key. Returns its id and its existing parts.
    pub(super) async fn open(
        &self,
        key: &ObjectKey,
        parts: &[Part],
    ) -> Result<(String, HashMap<i32, DonePart>), JobError> {
        let mut open = None;
        for id in self.resume_state.take_uploads(key) {
            if open.is_some() {
                self.uploads.abort(key.to_string(), &id).await?;
                continue;
            }
            let listed = self.uploads.parts(key, &id).await?;
            open = listed.map(|listed| (id, listed));
        }
        let Some((id, listed)) = open else {
            let _turn = self.concurrency.copy().await?;
            return Ok((self.uploads.begin(key).await?, HashMap::new()));
        };
        let mut done = HashMap::with_capacity(listed.len());
        for part in listed {
            let planned = usize::try_from(part.number - 1).ok().and_then(|index| parts.get(index));
            if let Some(planned) = planned.filter(|planned| planned.len() == part.size) {
                self.prove(planned, &part)?;
                done.insert(part.number, part);
            }
        }
        Ok((id, done))
    }

    /// Deletes the archive's intermediate objects.
    pub(super) async fn clear(&self) -> Result<(), JobError> {
        let mut keys = Vec::new();
        self.plan.pads.iter().for_each(|pad| self.name(pad, &mut keys));
        self.plan.parts.iter().for_each(|part| self.names(part, &mut keys));
        Ok(self.uploads.delete(keys).await?)
    }

    fn names(&self, part: &Part, keys: &mut Vec<String>) {
        if let Part::Copy { from: Origin::Work(object), .. } = part {
            self.name(object, keys);
        }
    }

    fn name(&self, object: &Object, keys: &mut Vec<String>) {
        keys.push(self.key(object).to_string());
        object.parts.iter().for_each(|part| self.names(part, keys));
    }
}
