//! Photos: lookup, creation, upload and repeated processing.

use std::{convert::Infallible, time::Duration};

use api_types::{PhotoWithUpload, Upload};
use domain::{
    Studio,
    job_state::RestartError,
    photo::{Photo, PhotoStatus},
};
use jiff::Timestamp;
use runtime::{objects::UploadTerms, store::Created};
use uuid::Uuid;

use crate::{
    idempotency::IdempotentRequest,
    problem::{ApiResult, Kind, Problem},
    state::State,
    synchronous,
};

/// Time within which an upload must start.
pub const UPLOAD_URL_LIVES: Duration = Duration::from_secs(3600);

/// Returns the studio's photo with this id.
pub async fn find(state: &State, studio: &Studio, id: Uuid) -> ApiResult<Photo> {
    Ok(state.photos.get(studio, id).await?.ok_or_else(|| Problem::not_found("photo"))?)
}

/// Creates the photo's record and returns the request that uploads its original. If the record exists already, returns
/// a new upload request for it.
pub async fn announce(state: &State, photo: &Photo, request: &IdempotentRequest) -> ApiResult<PhotoWithUpload> {
    let is_made = request.again && request.made(state.photos.get(&photo.studio, photo.id).await?)?.is_some();
    if is_made || matches!(state.photos.create(photo).await?, Created::Existed(_)) {
        return offer_upload(state, &photo.studio, photo.id).await;
    }
    with_upload(state, photo).await
}

/// Returns a new upload request for a photo that was not uploaded yet.
pub async fn renew_upload(
    state: &State,
    studio: &Studio,
    id: Uuid,
    request: &IdempotentRequest,
) -> ApiResult<PhotoWithUpload> {
    let photo = find(state, studio, id).await?;
    if photo.status != PhotoStatus::AwaitingUpload && !request.answered {
        return Err(Problem::new(Kind::AlreadyUploaded, "The photo has already been uploaded.").into());
    }
    offer_upload(state, studio, id).await
}

/// Returns a new upload request. The record stores its expiry before anybody can use it.
async fn offer_upload(state: &State, studio: &Studio, id: Uuid) -> ApiResult<PhotoWithUpload> {
    let until = state.clock.now().saturating_add(UPLOAD_URL_LIVES).unwrap_or(Timestamp::MAX);
    let offer = |photo: &mut Photo| {
        photo.offer_upload(until);
        Ok::<_, Infallible>(())
    };
    let offered = state.photos.update(studio, id, offer).await?;
    let (photo, _) = offered.ok_or_else(|| Problem::not_found("photo"))?;
    with_upload(state, &photo).await
}

async fn with_upload(state: &State, photo: &Photo) -> ApiResult<PhotoWithUpload> {
    let terms = UploadTerms {
        content_type: &photo.content_type,
        size: photo.size,
        sha256: photo.declared_sha256.as_deref().and_then(sha256_bytes),
    };
    let request = state.originals.presign_put(&photo.original(), &terms, UPLOAD_URL_LIVES).await?;
    let headers = request.headers().filter(|(name, _)| !name.eq_ignore_ascii_case("host"));
    let upload = Upload {
        method: request.method().to_owned(),
        url: request.uri().to_owned(),
        headers: headers.map(|(name, value)| (name.to_owned(), value.to_owned())).collect(),
        expires_at: state.clock.signing_time().saturating_add(UPLOAD_URL_LIVES).unwrap_or(Timestamp::MAX),
    };
    Ok(PhotoWithUpload { photo: photo.into(), upload })
}

/// Decodes a SHA-256 of 64 hexadecimal digits.
pub fn sha256_bytes(hex: &str) -> Option<[u8; 32]> {
    if hex.len() != 64 || !hex.bytes().all(|digit| digit.is_ascii_hexdigit()) {
        return None;
    }
    let mut bytes = [0; 32];
    for (n, byte) in bytes.iter_mut().enumerate() {
        *byte = u8::from_str_radix(hex.get(2 * n..2 * n + 2)?, 16).ok()?;
    }
    Some(bytes)
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
