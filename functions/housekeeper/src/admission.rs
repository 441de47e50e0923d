//! Admission of an object as a photo: allotment, record, job. Shared by uploads and imports.

use std::convert::Infallible;

use domain::{
    Job, JobError, Studio,
    allotment::{Allotment, identity},
    incoming::{Source, file_and_folder},
    job_state::RestartError,
    photo::{Announcement, Deletion, Photo, PhotoStatus, declared_content_type},
    queue_config::QueueName,
};
use runtime::{objects::Head, store::Created};
use uuid::Uuid;

use crate::state::State;

/// An object that becomes a photo.
pub struct Found<'a> {
    /// Bucket; `None` is the photos bucket.
    pub bucket: Option<String>,
    /// Key.
    pub key: String,
    /// Version, of a bucket that has versions.
    pub version: Option<String>,
    /// Path that the photographer knows: folder and file name.
    pub path: &'a str,
    /// Attributes.
    pub head: Head,
}

/// Outcome of an admission.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Admitted {
    /// The photo's job is sent, or nothing is left to do.
    Done,
    /// Another object with the same path and content is being processed.
    Waits,
    /// The photo needs the object no more: it is ready, or has failed by the same bytes, or an imported photo was deleted.
    IsKnown,
}

/// Sends the job of a photo.
pub async fn send(state: &State, studio: Studio, photo: Uuid) -> anyhow::Result<()> {
    state.queues.of(QueueName::Photos).send(&Job::ProcessPhoto { studio, photo }).await
}

/// Makes the object a photo of the studio, unless it is one.
pub async fn admit(state: &State, studio: &Studio, found: Found<'_>) -> Result<Admitted, JobError> {
    let Found { bucket, key, version, path, head } = found;
    let content = head.checksum.as_ref().map_or_else(|| head.etag.clone(), ToString::to_string);
    let place = bucket.as_ref().map_or_else(|| path.to_owned(), |bucket| format!("s3://{bucket}/{key}"));
    let id = identity(&place, head.size, &content);
    let Some(photo) = allot(state, studio, id).await? else { return Ok(Admitted::IsKnown) };
    let source = Source { bucket, key, version, etag: head.etag, checksum: head.checksum, allotment: id };
    let (filename, folder) = file_and_folder(path);
    let content_type = declared_content_type(head.content_type.as_deref().unwrap_or_default());
    let new = Announcement {
        filename,
        folder,
        content_type: content_type.unwrap_or_else(|| "application/octet-stream".to_owned()),
        size: head.size,
        declared_sha256: None,
    };
    create(state, Photo::arrived(studio.clone(), photo, new, source.clone(), state.clock.now()), &source).await
}

/// Returns the id of the object's photo: a new one, or that of the first admission of this path and content. `None` if the
/// photo was imported and deleted.
async fn allot(state: &State, studio: &Studio, id: Uuid) -> Result<Option<Uuid>, JobError> {
    let photo = state.world.uuid_v7();
    let new = Allotment { studio: studio.clone(), id, photo, created_at: state.clock.now(), deleted: false };
    Ok(match state.allotments.create(&new).await? {
        Created::New => Some(photo),
        Created::Existed(allotment) => Some(allotment.photo).filter(|_| !allotment.deleted),
    })
}

/// Creates the photo's record and sends its job. If the record exists, the file was admitted before.
async fn create(state: &State, photo: Photo, source: &Source) -> Result<Admitted, JobError> {
    let (studio, id) = (photo.studio.clone(), photo.id);
    let Created::Existed(known) = state.photos.create(&photo).await? else {
        send(state, studio, id).await?;
        return Ok(Admitted::Done);
    };
    let is_same = is_of(&known, source);
    match known.status {
        // The deletion takes the object with it; a failed photo keeps it.
        PhotoStatus::Deleting | PhotoStatus::Failed if is_same => Ok(Admitted::Done),
        // The studio has deleted the photo, and uploaded the file again since.
        PhotoStatus::Deleting if known.deletion() == Deletion::Condemned => replace(state, photo, source).await,
        PhotoStatus::Ready | PhotoStatus::Failed => {
            // The upload may be the last copy.
            let is_stored = state.uploads.head(&known.original()).await?.is_some();
            if is_stored && known.status == PhotoStatus::Ready {
                return Ok(Admitted::IsKnown);
            }
            let again = |photo: &mut Photo| photo.arrive_again(source.clone(), state.clock.now(), is_stored);
            match state.photos.update(&studio, id, again).await? {
                Some((_, Ok(()))) => {}
                // The same bytes were rejected before.
                Some((now, Err(RestartError::Repeated))) if !is_of(&now, source) => return Ok(Admitted::IsKnown),
                // Another event has restarted it meanwhile, perhaps from this very object.
                _ => return Ok(Admitted::Waits),
            }
            send(state, studio, id).await?;
            // Otherwise it would be the current version again once the new one is deleted.
            if let Some(old) = known.source.as_ref().filter(|_| !is_same)
                && let Some(key) = old.incoming()
            {
                state.uploads.delete_version(&key, old.version.as_deref()).await?;
            }
            Ok(Admitted::Done)
        }
        PhotoStatus::AwaitingUpload | PhotoStatus::Pending | PhotoStatus::Processing if is_same => {
            send(state, studio, id).await?;
            Ok(Admitted::Done)
        }
        // For the end of the processing, or for the decision whether an order keeps the photo.
        PhotoStatus::Deleting | PhotoStatus::AwaitingUpload | PhotoStatus::Pending | PhotoStatus::Processing => {
            Ok(Admitted::Waits)
        }
    }
}

/// Returns whether this version of the object is the source of the photo.
fn is_of(photo: &Photo, source: &Source) -> bool {
    photo.source.as_ref().is_some_and(|known| known.version == source.version)
}

/// Allots another id to the file of a photo that is being deleted.
async fn replace(state: &State, mut photo: Photo, source: &Source) -> Result<Admitted, JobError> {
    let (studio, deleted, next) = (photo.studio.clone(), photo.id, state.world.uuid_v7());
    let replace = |allotment: &mut Allotment| {
        if allotment.photo == deleted {
            allotment.photo = next;
        }
        Ok::<_, Infallible>(allotment.photo)
    };
    photo.id = match state.allotments.update(&studio, source.allotment, replace).await? {
        Some((_, Ok(id))) => id,
        // The deletion has removed it meanwhile.
        None => match allot(state, &studio, source.allotment).await? {
            Some(id) => id,
            None => return Ok(Admitted::IsKnown),
        },
    };
    Box::pin(create(state, photo, source)).await
}
