//! Intake of uploads: an event of S3 about a new object becomes the job of its photo or logo.
//!
//! Walk of an object `incoming/anna/wedding/a.jpg`: HEAD tells size and checksum, the allotment of path and content names
//! the photo, the photo's record is created with the object as its source, and its job is sent. photo-processor copies the
//! object to `originals/`, processes it, and deletes it. A crash after any step repeats the walk with the same allotment.

use std::sync::Arc;

use domain::{
    Job, JobError, ObjectKey,
    incoming::{is_ignored, sidecar},
    queue_config::QueueName,
};
use runtime::{
    metrics,
    objects::{Head, SourceError},
    s3_event::NewObject,
    worker::{TakenIn, UploadHandler},
};
use tracing::{info, warn};

use crate::{
    admission::{Admitted, Found, admit, send},
    sidecars,
    state::State,
};

/// Handler of S3's events about new objects of the photos bucket.
pub struct Intake(pub Arc<State>);

impl UploadHandler for Intake {
    async fn take_in(&self, object: &NewObject) -> Result<TakenIn, JobError> {
        let state = &self.0;
        if object.bucket != state.uploads.bucket() {
            warn!(bucket = object.bucket, "Acknowledged an event of another bucket");
            return Ok(TakenIn::Done);
        }
        match ObjectKey::parse(&object.key) {
            // The upload of a photo that the API announced.
            Some(ObjectKey::Original { studio, photo }) => {
                send(state, studio, photo).await?;
                Ok(TakenIn::Done)
            }
            Some(ObjectKey::LogoUpload { studio, upload }) => {
                state.queues.of(QueueName::Photos).send(&Job::ProcessLogo { studio, upload }).await?;
                Ok(TakenIn::Done)
            }
            // photo-processor has stored it.
            Some(ObjectKey::Logo { .. }) => Ok(TakenIn::Done),
            Some(ObjectKey::Incoming { path, .. }) if is_ignored(&path) => Ok(ignore(object)),
            Some(key @ ObjectKey::Incoming { .. }) => incoming(state, &key, object).await,
            _ => Ok(ignore(object)),
        }
    }
}

fn ignore(object: &NewObject) -> TakenIn {
    warn!(key = object.key, "Ignored a new object that is no photo of a studio");
    metrics::ignored();
    TakenIn::Done
}

async fn incoming(state: &State, key: &ObjectKey, object: &NewObject) -> Result<TakenIn, JobError> {
    if let ObjectKey::Incoming { studio, path } = key
        && let Some(sidecar) = sidecar(path)
    {
        return sidecars::take_in(state, key, (studio, path), sidecar, object.version.as_deref()).await;
    }
    let head = match state.uploads.head_version(&object.key, object.version.as_deref()).await {
        Ok(head) => head,
        Err(SourceError::Missing) => {
            info!("The object of an event is gone: it was taken in, or its owner deleted it");
            return Ok(TakenIn::Done);
        }
        // photo-processor cannot copy it either, and tells the photographer.
        Err(SourceError::Encrypted) => unreadable(object),
        Err(SourceError::Other(error) | SourceError::Denied(error)) => return Err(error.into()),
        Err(error) => return Err(anyhow::Error::new(error).into()),
    };
    match take_in(state, key, object.version.clone(), head).await? {
        Admitted::Waits => Ok(TakenIn::Waits),
        Admitted::Done | Admitted::IsKnown => Ok(TakenIn::Done),
    }
}

/// Takes in the current version of an upload whose event was lost. Returns whether its photo was not ready before.
pub async fn overdue(state: &State, key: ObjectKey) -> Result<bool, JobError> {
    if let ObjectKey::Incoming { studio, path } = &key
        && let Some(sidecar) = sidecar(path)
    {
        return Ok(sidecars::take_in(state, &key, (studio, path), sidecar, None).await? == TakenIn::Done);
    }
    let head = match state.uploads.head_version(&key.to_string(), None).await {
        Ok(head) => head,
        Err(SourceError::Other(error)) => return Err(error.into()),
        Err(error) => {
            warn!(%key, %error, "An upload could not be looked at");
            return Ok(false);
        }
    };
    let version = head.version.clone();
    Ok(take_in(state, &key, version, head).await? != Admitted::IsKnown)
}

async fn take_in(state: &State, key: &ObjectKey, version: Option<String>, head: Head) -> Result<Admitted, JobError> {
    let ObjectKey::Incoming { studio, path } = key else { return Ok(Admitted::Done) };
    let found = Found { bucket: None, key: key.to_string(), version: version.clone(), path, head };
    let admitted = admit(state, studio, found).await?;
    if admitted == Admitted::IsKnown {
        state.uploads.delete_version(key, version.as_deref()).await?;
        info!(%studio, "Deleted an upload whose photo is ready");
    }
    Ok(admitted)
}

/// Returns what the event tells of an object that cannot be read.
fn unreadable(object: &NewObject) -> Head {
    let (version, etag) = (object.version.clone(), object.etag.clone());
    Head { size: object.size, version, etag, modified: None, content_type: None, crc32: None, checksum: None }
}
