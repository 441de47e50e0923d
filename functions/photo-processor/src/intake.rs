//! Originals that are copied from another object of the bucket: the way of uploads under `incoming/`.

use domain::{
    JobError,
    incoming::{Checksum, Source},
    photo::{MAX_UPLOAD_BYTES, Photo},
};
use runtime::objects::{Copied, Head, SourceError};
use tracing::info;

use crate::state::State;

/// A stored original.
pub struct Stored {
    /// ETag, with quotes.
    pub etag: String,
    /// Size in bytes.
    pub size: u64,
}

/// ETag, size and checksum of an original, as S3 states them.
pub struct Stated {
    stored: Stored,
    checksum: Option<Checksum>,
}

impl From<&Head> for Stated {
    fn from(head: &Head) -> Self {
        Self { stored: Stored { etag: head.etag.clone(), size: head.size }, checksum: head.checksum.clone() }
    }
}

/// Copies the original from its source inside S3.
pub async fn copy(state: &State, photo: &Photo, source: &Source) -> Result<Stored, JobError> {
    if photo.size > MAX_UPLOAD_BYTES {
        let gib = MAX_UPLOAD_BYTES >> 30;
        return Err(JobError::reject(
            "too_large",
            format!("The file is larger than the {gib} GiB that a photo may have."),
        ));
    }
    match state.objects.copy(source, &photo.original(), &photo.content_type).await {
        Ok(Copied { etag, checksum }) => {
            check(Stated { stored: Stored { etag, size: photo.size }, checksum }, Some(source))
        }
        Err(SourceError::Missing) => Err(missing(state, photo).await?),
        Err(SourceError::Changed) => Err(anyhow::anyhow!("The source of an original was changed meanwhile").into()),
        Err(SourceError::Archived) => Err(JobError::reject(
            "archived_upload",
            "The file was uploaded to an archive storage class, in which it cannot be read. Please upload it to the standard class.",
        )),
        Err(SourceError::Encrypted) => Err(JobError::reject(
            "encrypted_upload",
            "The file was encrypted with a key of its uploader, so it cannot be read. Please upload it without such a key.",
        )),
        Err(SourceError::Other(error) | SourceError::Denied(error)) => Err(error.into()),
    }
}

/// Returns the error of an upload that is gone. The record of a photo that was deleted meanwhile is removed: a late event
/// has created it again.
async fn missing(state: &State, photo: &Photo) -> Result<JobError, JobError> {
    if state.tombstones.has(&photo.studio, photo.id).await? {
        state.photos.delete(&photo.studio, photo.id).await?;
        info!("Removed the record of a deleted photo");
    }
    Ok(original_missing())
}

/// Checks an original against its source.
pub fn check(stated: Stated, source: Option<&Source>) -> Result<Stored, JobError> {
    let (ours, theirs) = (stated.checksum.as_ref(), source.and_then(|source| source.checksum.as_ref()));
    match (ours, theirs) {
        (Some(ours), Some(theirs)) if ours.algorithm == theirs.algorithm && ours != theirs => {
            Err(anyhow::anyhow!("The copy of an original has another checksum than its source").into())
        }
        _ => Ok(stated.stored),
    }
}

/// Deletes the uploaded object of a ready photo, whose original is a verified copy of it.
pub async fn delete_source(state: &State, photo: &Photo) -> Result<(), JobError> {
    let Some(source) = &photo.source else { return Ok(()) };
    if let Some(key) = source.incoming() {
        state.objects.delete_version(&key, source.version.as_deref()).await?;
    }
    Ok(())
}

/// Returns the error of an original that is gone.
pub fn original_missing() -> JobError {
    JobError::reject("original_missing", "The original is not stored anymore. Please upload it again.")
}
