//! Photos: lookup and repeated processing.

use domain::{
    Studio,
    job_state::RestartError,
    photo::{Photo, PhotoStatus},
    queue_config::QueueName,
};
use uuid::Uuid;

use super::pauses;
use crate::{
    idempotency::IdempotentRequest,
    problem::{ApiResult, Kind, Problem},
    state::State,
    synchronous,
};

/// Returns the studio's photo with this id.
pub async fn find(state: &State, studio: &Studio, id: Uuid) -> ApiResult<Photo> {
    Ok(state.photos.get(studio, id).await?.ok_or_else(|| Problem::not_found("photo"))?)
}

/// Restarts the processing of the photo, and waits for it if `wait` is set. Returns the photo, and whether it is
/// finished.
pub async fn process_again(
    state: &State,
    studio: &Studio,
    id: Uuid,
    wait: bool,
    request: IdempotentRequest,
) -> ApiResult<(Photo, bool)> {
    let found = find(state, studio, id).await?;
    if request.answered {
        return Ok((found, true));
    }
    pauses::refuse_to_wait(state, QueueName::Photos, wait).await?;
    if wait {
        state.workers.check(synchronous::photo(found.size))?;
    }
    // The photo was uploaded but S3's event was lost. The job makes up for the event.
    let lost = found.status == PhotoStatus::AwaitingUpload && state.originals.head(&found.original()).await?.is_some();
    let now = state.clock.now();
    let set = state.photos.update(studio, id, |photo: &mut Photo| {
        if lost && photo.status == PhotoStatus::AwaitingUpload {
            photo.work = photo.work.restarted(now, Some(request.id))?;
            return Ok(());
        }
        photo.restart(now, Some(request.id))
    });
    let (photo, set) = set.await?.ok_or_else(|| Problem::not_found("photo"))?;
    match set {
        Ok(()) | Err(RestartError::Repeated) => {}
        Err(RestartError::UnderWay) => return Err(Problem::new(Kind::UnderWay, "The photo is being processed.").into()),
        Err(RestartError::Impossible) => {
            return Err(Problem::new(Kind::NotUploaded, "The photo has no original yet, or is being deleted.").into());
        }
    }
    state.workers.dispatch(&state.photos, photo, wait, request).await
}
