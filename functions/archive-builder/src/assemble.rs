//! Execution of a part plan: S3 copies the photos, the function uploads the bytes between them, and S3 verifies the
//! archive.
//!
//! An assembly can be stopped between any two requests. Its results are in S3: finished parts in their uploads,
//! finished objects under keys that contain the plan. [`resume`] finds them, and the next attempt makes only the rest.

mod buffer;
mod checksums;
mod concurrency;
mod resume;

use std::{
    collections::HashMap,
    sync::atomic::{AtomicBool, Ordering},
};

use archive::{Layout, contents::Source, crc::RunningCrc32};
use domain::{JobError, ObjectKey, Studio, object_key::WorkPiece};
use futures::{TryStreamExt as _, future::BoxFuture, stream::FuturesUnordered};
use runtime::objects::ObjectStore;
use tokio::sync::OnceCell;
use uuid::Uuid;

pub use self::resume::{ResumeState, sort};
use self::{checksums::Checksums, concurrency::Concurrency};
use crate::{
    plan::{Object, Origin, Part, PartPlan},
    uploads::{CopyError, CopySource, DonePart, Expected, StoreError, Uploads},
};

/// Largest number of the archive's parts in progress. Each part can have several requests in progress or waiting.
const MAX_PARTS_IN_FLIGHT: usize = 120;
/// Largest number of parts in progress if they are groups of parts.
const MAX_GROUPS_IN_FLIGHT: usize = 16;
/// Largest number of parts in progress of one intermediate object.
const MAX_INNER_PARTS_IN_FLIGHT: usize = 24;

/// Identity of an archive.
#[derive(Debug, Clone)]
pub struct Place {
    /// Studio of the download.
    pub studio: Studio,
    /// Id of the download.
    pub download: Uuid,
    /// Number of the build.
    pub build: u32,
    /// Number of the archive, from 1, if there are several.
    pub volume: Option<u32>,
}

impl Place {
    /// Returns the key of the archive.
    pub fn archive(&self) -> ObjectKey {
        let Self { studio, download, build, volume } = self.clone();
        ObjectKey::Archive { studio, download, build, volume }
    }

    fn work(&self, plan: u64, piece: WorkPiece) -> ObjectKey {
        let Self { studio, download, build, .. } = self.clone();
        ObjectKey::Work { studio, download, build, plan, piece }
    }
}

/// Store of a build's progress.
pub trait ProgressStore: Sync {
    /// Records the archive's upload, started or resumed, and the number of files in it. Called before the first part is
    /// made.
    fn begun(&self, upload_id: &str, plan: u64, files: usize) -> impl Future<Output = Result<(), JobError>> + Send;
    /// Records the number of files in the archive.
    fn stored(&self, files: usize) -> impl Future<Output = Result<(), JobError>> + Send;
}

/// A store that discards progress, for builds that nobody watches or resumes.
pub struct Unwritten;

impl ProgressStore for Unwritten {
    async fn begun(&self, _: &str, _: u64, _: usize) -> Result<(), JobError> {
        Ok(())
    }

    async fn stored(&self, _: usize) -> Result<(), JobError> {
        Ok(())
    }
}

/// Assembly of one archive.
pub struct Assembly<'a> {
    layout: &'a Layout<Source>,
    plan: &'a PartPlan,
    fingerprint: u64,
    place: Place,
    originals: &'a ObjectStore,
    uploads: &'a Uploads,
    resume_state: ResumeState,
    concurrency: Concurrency,
    checksums: Checksums,
    /// ETags of the finished pads.
    pads: Vec<OnceCell<String>>,
    /// Set after any part is finished.
    made_progress: &'a AtomicBool,
}

impl<'a> Assembly<'a> {
    /// Creates an assembly of this layout by this plan. `resume_state` contains the finished parts and objects.
    /// `made_progress` is set when anything is finished, so that a stopped assembly is worth resuming.
    pub fn new(
        (layout, plan): (&'a Layout<Source>, &'a PartPlan),
        place: Place,
        (originals, uploads): (&'a ObjectStore, &'a Uploads),
        resume_state: ResumeState,
        made_progress: &'a AtomicBool,
    ) -> Self {
        Self {
            layout,
            plan,
            fingerprint: fingerprint(layout, plan),
            place,
            originals,
            uploads,
            resume_state,
            concurrency: Concurrency::new(plan.buffers),
            checksums: Checksums::default(),
            pads: plan.pads.iter().map(|_| OnceCell::new()).collect(),
            made_progress,
        }
    }

    /// Assembles the archive and deletes its intermediate objects.
    pub async fn run(&self, progress: &impl ProgressStore) -> Result<(), JobError> {
        self.store(&self.place.archive(), progress).await?;
        self.clear().await
    }

    async fn store(&self, key: &ObjectKey, progress: &impl ProgressStore) -> Result<(), JobError> {
        let expected = expected(self.layout);
        if let [Part::Upload(stretches)] = &self.plan.parts[..] {
            let buffer = self.buffer(stretches).await?;
            self.uploads.put(key, buffer.bytes(), expected).await.map_err(mismatch)?;
            return Ok(());
        }
        let (upload_id, done) = self.open(key, &self.plan.parts).await?;
        let parts = self.make(key, &upload_id, done, progress).await?;
        self.uploads.complete(key, &upload_id, &parts, expected).await.map_err(mismatch)?;
        Ok(())
    }

    /// Makes the archive's missing parts. Returns them together with the `done` ones, in order.
    async fn make(
        &self,
        key: &ObjectKey,
        upload_id: &str,
        mut done: HashMap<i32, DonePart>,
        progress: &impl ProgressStore,
    ) -> Result<Vec<DonePart>, JobError> {
        let grouped = self.plan.parts.iter().any(is_group);
        let at_once = if grouped { MAX_GROUPS_IN_FLIGHT } else { MAX_PARTS_IN_FLIGHT };
        let (mut files, mut at, mut missing) = (0, 0, Vec::new());
        for (number, part) in (1..).zip(&self.plan.parts) {
            let before = self.layout.entries_before(at);
            at += part.len();
            let within = self.layout.entries_before(at) - before;
            if done.contains_key(&number) {
                files += within;
            } else {
                missing.push((number, part, within));
            }
        }
        progress.begun(upload_id, self.fingerprint, files).await?;
        let within: HashMap<i32, usize> = missing.iter().map(|(number, _, within)| (*number, *within)).collect();
        // Started one by one, because ten thousand waiting parts would take more memory than all buffers.
        let mut missing = missing.into_iter();
        let mut making = FuturesUnordered::new();
        loop {
            while making.len() < at_once
                && let Some((number, part, _)) = missing.next()
            {
                making.push(self.part(key, upload_id, number, part));
            }
            let Some(part) = making.try_next().await? else { break };
            files += within.get(&part.number).copied().unwrap_or_default();
            done.insert(part.number, part);
            progress.stored(files).await?;
        }
        Ok(in_order(done))
    }

    /// Makes one part. Boxed because making its source is recursive.
    fn part<'s>(
        &'s self,
        key: &'s ObjectKey,
        upload_id: &'s str,
        number: i32,
        part: &'s Part,
    ) -> BoxFuture<'s, Result<DonePart, JobError>> {
        Box::pin(async move {
            let done = match part {
                Part::Upload(stretches) => {
                    let buffer = self.buffer(stretches).await?;
                    let _turn = self.concurrency.upload().await?;
                    self.uploads.send(key, upload_id, number, buffer.bytes()).await?
                }
                Part::Copy { from, range } => {
                    let (source, etag, size) = self.source(from).await?;
                    let len = range.end - range.start;
                    // S3 accepts no range of a source of 5 MiB or less. A whole source needs none.
                    let some = (len < size).then(|| range.clone());
                    let _turn = self.concurrency.copy().await?;
                    let copy = CopySource { key: source, etag, range: some, len };
                    let done = self.uploads.copy(key, upload_id, number, copy).await;
                    let done = done.map_err(|error| self.blame(from, error))?;
                    self.prove(part, &done)?;
                    done
                }
            };
            self.made_progress.store(true, Ordering::Relaxed);
            Ok(done)
        })
    }

    /// Returns key, ETag and size of the object that a part is copied from. Makes the object if necessary.
    async fn source(&self, from: &Origin) -> Result<(ObjectKey, String, u64), JobError> {
        match from {
            Origin::Entry(entry) => {
                let entry = &self.layout.entries()[*entry];
                let source = entry.source().ok_or_else(|| anyhow::anyhow!("A copied entry has no source"))?;
                Ok((source.key.clone(), source.etag.clone(), entry.size()))
            }
            Origin::Pad(number) => {
                let pad = &self.plan.pads[*number];
                let etag = self.pads[*number].get_or_try_init(|| self.object(pad)).await?;
                Ok((self.key(pad), etag.clone(), pad.size))
            }
            Origin::Work(object) => Ok((self.key(object), self.object(object).await?, object.size)),
        }
    }

    fn key(&self, object: &Object) -> ObjectKey {
        self.place.work(self.fingerprint, object.name)
    }

    /// Makes an intermediate object unless it exists. Returns its ETag.
    async fn object(&self, object: &Object) -> Result<String, JobError> {
        let key = self.key(object);
        if let Some(etag) = self.resume_state.object(&key, object.size) {
            return Ok(etag);
        }
        if let [Part::Upload(stretches)] = &object.parts[..] {
            let buffer = self.buffer(stretches).await?;
            let _turn = self.concurrency.upload().await?;
            let expected = Expected { size: object.size, crc32: None, first: false };
            return self.uploads.put(&key, buffer.bytes(), expected).await.map_err(mismatch);
        }
        let (upload_id, mut done) = self.open(&key, &object.parts).await?;
        let mut missing = (1..).zip(&object.parts);
        let mut making = FuturesUnordered::new();
        loop {
            while making.len() < MAX_INNER_PARTS_IN_FLIGHT
                && let Some((number, part)) = missing.next()
            {
                if !done.contains_key(&number) {
                    making.push(self.part(&key, &upload_id, number, part));
                }
            }
            let Some(part) = making.try_next().await? else { break };
            done.insert(part.number, part);
        }
        let parts = in_order(done);
        let expected = Expected { size: object.size, crc32: combined(&parts), first: false };
        let _turn = self.concurrency.copy().await?;
        self.uploads.complete(&key, &upload_id, &parts, expected).await.map_err(mismatch)
    }

    /// Checks that a part copied from an entry has the entry's checksum. S3 would refuse the archive anyway, but this
    /// check can name the photo.
    fn prove(&self, part: &Part, done: &DonePart) -> Result<(), JobError> {
        match (part, done.crc32) {
            (Part::Copy { from: Origin::Entry(entry), range }, Some(crc32)) => {
                self.checksums.seen(self.layout, *entry, range.clone(), crc32)
            }
            _ => Ok(()),
        }
    }

    /// Returns the error of a failed copy, which names the photo.
    fn blame(&self, from: &Origin, error: CopyError) -> JobError {
        let source = match from {
            Origin::Entry(entry) => self.layout.entries()[*entry].source(),
            _ => None,
        };
        match (source, error) {
            (_, CopyError::Other(error)) => error.into(),
            (Some(source), CopyError::Missing) => JobError::Reject(source.missing()),
            (Some(source), CopyError::Changed) => JobError::Reject(source.changed()),
            // The next attempt makes a missing intermediate object again.
            (None, error) => anyhow::Error::new(error).context("An intermediate object is gone").into(),
        }
    }
}

/// Returns the fingerprint of this plan for this layout.
pub fn fingerprint(layout: &Layout<Source>, plan: &PartPlan) -> u64 {
    plan.fingerprint(layout, |source| &source.etag)
}

/// Returns the expected properties of an archive with this layout.
pub fn expected(layout: &Layout<Source>) -> Expected {
    Expected { size: layout.size(), crc32: Some(layout.crc32()), first: true }
}

fn is_group(part: &Part) -> bool {
    matches!(part, Part::Copy { from: Origin::Work(object), .. } if matches!(object.name, WorkPiece::Group(_)))
}

fn in_order(parts: HashMap<i32, DonePart>) -> Vec<DonePart> {
    let mut parts: Vec<_> = parts.into_values().collect();
    parts.sort_unstable_by_key(|part| part.number);
    parts
}

/// Returns the checksum of the whole, if the checksum of each part is known.
fn combined(parts: &[DonePart]) -> Option<u32> {
    let mut whole = RunningCrc32::new();
    for part in parts {
        whole.append(part.crc32?, part.size);
    }
    Some(whole.value())
}

/// Rejects the job after a mismatch, because a retry would have the same result.
fn mismatch(error: StoreError) -> JobError {
    match error {
        StoreError::Mismatch => JobError::reject(
            "archive_mismatch",
            "A stored photo has changed since it was processed: the archive's checksum differs from the photos' records.",
        ),
        StoreError::Other(error) => error.into(),
    }
}
