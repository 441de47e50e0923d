//! XMP sidecars: files with metadata that editors write beside a photo, such as `IMG_1.xmp` for `IMG_1.CR3`.
//!
//! A sidecar is copied to `sidecars/` under an id that folder and name determine, where photo-processor looks for it. Photos
//! that are processed already are processed again. The index of stems lags behind, so a photo that was created just before
//! may be missing in it: the event is delivered once more, and the upload is deleted then.

use domain::{
    JobError, ObjectKey, Studio,
    incoming::{Source, file_and_folder, sidecars_of, stems_of_sidecar},
    job_state::RestartError,
    photo::Photo,
    queue_config::QueueName,
    record::ListIndex,
};
use jiff::SignedDuration;
use runtime::{
    failed_jobs::restart,
    metrics,
    objects::{Head, SourceError},
    worker::TakenIn,
};
use tracing::warn;
use uuid::Uuid;

use crate::state::State;

/// Largest sidecar in bytes. Those of Lightroom have some kilobytes, with masks up to some megabytes.
const MAX_SIDECAR: u64 = 8 << 20;
/// Age of the copy from which every photo before it is in the index. DynamoDB: usually less than a second.
const INDEXED_AFTER: SignedDuration = SignedDuration::from_secs(30);
/// Number of photos of one stem that are read together. There are few: a raw file and a JPEG.
const PAGE: usize = 100;

/// Stores the current version of the sidecar, and has its photos processed again. `version` is that of the event, if there
/// was one.
pub async fn take_in(
    state: &State,
    key: &ObjectKey,
    (studio, path): (&Studio, &str),
    id: Uuid,
    version: Option<&str>,
) -> Result<TakenIn, JobError> {
    let head = match state.uploads.head_version(&key.to_string(), None).await {
        Ok(head) if head.size <= MAX_SIDECAR => head,
        Err(SourceError::Missing) => return Ok(TakenIn::Done),
        Err(SourceError::Other(error) | SourceError::Denied(error)) => return Err(error.into()),
        Ok(_) | Err(_) => return Ok(ignore(key)),
    };
    if version.is_some() && head.version.as_deref() != version {
        // A newer one has replaced it, and has an event of its own.
        state.uploads.delete_version(key, version).await?;
        return Ok(TakenIn::Done);
    }
    let stored = ObjectKey::Sidecar { studio: studio.clone(), id };
    let known = state.uploads.head(&stored).await?;
    let is_stored = known.as_ref().is_some_and(|known| is_same(known, &head));
    let stored_later = known.as_ref().is_some_and(|known| known.modified > head.modified);
    if !is_stored && stored_later {
        // A name that differs in case only, or in empty parts, was uploaded later.
        state.uploads.delete_version(key, head.version.as_deref()).await?;
        return Ok(TakenIn::Done);
    }
    if !is_stored && !copy(state, key, &head, &stored).await? {
        return Ok(ignore(key));
    }
    let under_way = process_again(state, studio, path, id, &head).await?;
    let stored_at = known.filter(|_| is_stored).and_then(|known| known.modified);
    let is_indexed = stored_at.is_some_and(|at| state.clock.now().duration_since(at) >= INDEXED_AFTER);
    if under_way || !is_indexed {
        return Ok(TakenIn::Waits);
    }
    state.uploads.delete_version(key, head.version.as_deref()).await?;
    Ok(TakenIn::Done)
}

fn is_same(one: &Head, other: &Head) -> bool {
    match (&one.checksum, &other.checksum) {
        (Some(one), Some(other)) if one.algorithm == other.algorithm => one == other,
        _ => one.size == other.size && one.etag == other.etag,
    }
}

fn ignore(key: &ObjectKey) -> TakenIn {
    warn!(%key, "Ignored a sidecar that is too large, or cannot be read");
    metrics::ignored();
    TakenIn::Done
}

/// Copies the sidecar. Returns whether it can be read.
async fn copy(state: &State, key: &ObjectKey, head: &Head, stored: &ObjectKey) -> Result<bool, JobError> {
    let source = Source {
        bucket: None,
        key: key.to_string(),
        version: head.version.clone(),
        etag: head.etag.clone(),
        checksum: head.checksum.clone(),
        allotment: Uuid::nil(),
    };
    let content_type = stored.content_type().unwrap_or_default();
    match state.uploads.copy(&source, stored, content_type).await {
        Ok(_) => Ok(true),
        Err(SourceError::Archived | SourceError::Encrypted) => Ok(false),
        Err(SourceError::Other(error) | SourceError::Denied(error)) => Err(error.into()),
        Err(error) => Err(anyhow::Error::new(error).into()),
    }
}

/// Restarts the photos of this sidecar. Returns whether one of them is being processed, which may have begun before the
/// sidecar was stored.
async fn process_again(state: &State, studio: &Studio, path: &str, id: Uuid, head: &Head) -> Result<bool, JobError> {
    let (_, folder) = file_and_folder(path);
    // The same sidecar restarts a photo once.
    let by = Uuid::new_v5(&id, head.etag.as_bytes());
    let is_its =
        |photo: &Photo| photo.folder == folder && sidecars_of(photo.folder.as_deref(), &photo.filename).contains(&id);
    let mut under_way = false;
    for stem in stems_of_sidecar(path) {
        let mut after = None;
        loop {
            let page = state.photos.list_by(studio, (ListIndex::Stem, &stem.to_string()), after, PAGE, is_its).await?;
            for photo in page.items {
                under_way |= restart_photo(state, studio, photo.id, by).await?;
            }
            after = page.next;
            if after.is_none() {
                break;
            }
        }
    }
    Ok(under_way)
}

/// Restarts a photo. Returns whether it is being processed.
async fn restart_photo(state: &State, studio: &Studio, photo: Uuid, by: Uuid) -> Result<bool, JobError> {
    let mut is_busy = false;
    let set = |photo: &mut Photo| {
        let set = photo.restart(state.clock.now(), Some(by));
        is_busy = set == Err(RestartError::UnderWay);
        set
    };
    restart(&state.photos, state.queues.of(QueueName::Photos), (studio, photo), set).await?;
    Ok(is_busy)
}
