//! Uploads of originals: announcement, renewal, and the requests that clients send to S3.
//!
//! An original is uploaded by one PUT or in parts. Either way its key is empty before, and S3 refuses a second object
//! under it (`If-None-Match: *`). The record states until when an upload may arrive before a request for it is signed.

mod multipart;
mod sign;

use std::{collections::BTreeMap, convert::Infallible, time::Duration};

use api_types::{MultipartUpload, PhotoWithUpload, PutUpload, Upload, UploadWay};
use domain::{
    ObjectKey, Studio,
    photo::{Photo, PhotoStatus, part_count, part_size},
    record::ListIndex,
};
use futures::{StreamExt as _, TryStreamExt as _, stream};
use jiff::Timestamp;
use runtime::{
    failed_jobs::CONCURRENCY,
    objects::{PresignedRequest, UploadTerms},
    store::Created,
};
use uuid::Uuid;

pub use self::{
    multipart::{GivenPart, abort, complete, part_urls, progress},
    sign::{Call, sign},
};
use super::{limits, photos::find};
use crate::{
    idempotency::IdempotentRequest,
    problem::{ApiResult, Kind, Problem},
    state::State,
};

/// Time within which an upload, or the upload of a part, must start.
pub const UPLOAD_URL_LIVES: Duration = Duration::from_secs(3600);
/// Number of photos with the same original that are looked at.
const DUPLICATES: usize = 100;

/// A photo that a client announces.
pub struct Wanted {
    /// Record to create.
    pub photo: Photo,
    /// How the original is uploaded.
    pub way: UploadWay,
    /// Whether a ready photo with the declared SHA-256 takes its place.
    pub reuse: bool,
}

/// Photo that a client announces, and whether it exists.
enum Announced {
    /// An earlier attempt of the request has created it.
    Made(Photo, UploadWay),
    /// A ready photo takes its place.
    Known(Box<Photo>),
    /// A new photo.
    New(Photo, UploadWay),
}

/// Creates the photos' records and returns the uploads of their originals, in the same order. Of a record that exists already
/// it returns the upload, or none if the original has arrived.
pub async fn announce_all(
    state: &State,
    wanted: Vec<Wanted>,
    request: &IdempotentRequest,
) -> ApiResult<Vec<PhotoWithUpload>> {
    let found: Vec<_> = wanted.into_iter().map(|wanted| find_announced(state, wanted, request)).collect();
    let mut found: Vec<_> = stream::iter(found).buffered(CONCURRENCY).try_collect().await?;
    let new = found.iter().filter_map(|one| if let Announced::New(photo, _) = one { Some(photo) } else { None });
    if let Some(studio) = new.clone().map(|photo| photo.studio.clone()).next() {
        limits::take_bytes(state, &studio, new.map(|photo| photo.size).sum()).await?;
        // A measurement that has begun in between counts only earlier photos.
        let now = state.clock.now();
        for one in &mut found {
            if let Announced::New(photo, _) = one {
                photo.created_at = now;
            }
        }
    }
    let announcements: Vec<_> = found.into_iter().map(|one| announce(state, one)).collect();
    stream::iter(announcements).buffered(CONCURRENCY).try_collect().await
}

async fn find_announced(state: &State, wanted: Wanted, request: &IdempotentRequest) -> ApiResult<Announced> {
    let Wanted { photo, way, reuse } = wanted;
    let made = if request.again { state.photos.get(&photo.studio, photo.id).await? } else { None };
    if let Some(made) = made {
        return Ok(Announced::Made(made, way));
    }
    let sha256 = photo.declared_sha256.clone().filter(|_| reuse);
    if let Some(sha256) = sha256
        && let Some(known) = oldest(state, &photo.studio, &sha256).await?
    {
        return Ok(Announced::Known(Box::new(known)));
    }
    request.made(made)?;
    Ok(Announced::New(photo, way))
}

async fn announce(state: &State, announced: Announced) -> ApiResult<PhotoWithUpload> {
    let (mut photo, way) = match announced {
        Announced::Made(photo, way) => return Box::pin(again(state, photo, way)).await,
        Announced::Known(photo) => return Ok(PhotoWithUpload { photo: (&*photo).into(), upload: None }),
        Announced::New(photo, way) => (photo, way),
    };
    if way == UploadWay::Multipart {
        photo = multipart::first(state, photo).await?;
    }
    if let Created::Existed(made) = state.photos.create(&photo).await? {
        if let Some(upload_id) = &photo.upload_id {
            multipart::forget(state, &photo, upload_id).await;
        }
        return Box::pin(again(state, *made, way)).await;
    }
    offered(state, &photo, way).await
}

/// Returns the studio's oldest ready photo with this SHA-256. A repeated request finds the same one, unless it was deleted.
async fn oldest(state: &State, studio: &Studio, sha256: &str) -> ApiResult<Option<Photo>> {
    let is_same = |photo: &Photo| {
        photo.status == PhotoStatus::Ready && photo.development.as_ref().is_some_and(|made| made.sha256 == sha256)
    };
    let found = state.photos.list_by(studio, (ListIndex::Sha256, sha256), None, DUPLICATES, is_same).await?;
    Ok(found.items.into_iter().next_back())
}

/// Returns the upload of a photo that was announced before, or none if the original has arrived.
async fn again(state: &State, photo: Photo, way: UploadWay) -> ApiResult<PhotoWithUpload> {
    if photo.status != PhotoStatus::AwaitingUpload || has_original(state, &photo).await? {
        return Ok(PhotoWithUpload { photo: (&photo).into(), upload: None });
    }
    offer(state, photo, way).await
}

/// Returns a new upload of a photo whose original has not arrived. Without `way` it is the photo's last one.
pub async fn renew(
    state: &State,
    studio: &Studio,
    id: Uuid,
    way: Option<UploadWay>,
    request: &IdempotentRequest,
) -> ApiResult<PhotoWithUpload> {
    let photo = find(state, studio, id).await?;
    let way = way.unwrap_or(if photo.upload_id.is_some() { UploadWay::Multipart } else { UploadWay::Put });
    if request.answered {
        return Box::pin(again(state, photo, way)).await;
    }
    let photo = awaiting(photo)?;
    if has_original(state, &photo).await? {
        return Err(already_uploaded().into());
    }
    Box::pin(offer(state, photo, way)).await
}

/// Returns an upload of a photo that awaits it.
async fn offer(state: &State, photo: Photo, way: UploadWay) -> ApiResult<PhotoWithUpload> {
    let photo = match way {
        UploadWay::Put => expect_original(state, &photo, UPLOAD_URL_LIVES).await?,
        UploadWay::Multipart => multipart::open(state, photo).await?,
    };
    offered(state, &photo, way).await
}

async fn offered(state: &State, photo: &Photo, way: UploadWay) -> ApiResult<PhotoWithUpload> {
    let upload = match way {
        UploadWay::Put => Upload::Put(put(state, photo).await?),
        UploadWay::Multipart => Upload::Multipart(multipart_view(photo)?),
    };
    Ok(PhotoWithUpload { photo: photo.into(), upload: Some(upload) })
}

/// Records that a request that stores the original may begin within this time.
async fn expect_original(state: &State, photo: &Photo, within: Duration) -> ApiResult<Photo> {
    let until = state.clock.now().saturating_add(within).unwrap_or(Timestamp::MAX);
    let expect = |photo: &mut Photo| {
        photo.offer_upload(until);
        Ok::<_, Infallible>(())
    };
    let expected = state.photos.update(&photo.studio, photo.id, expect).await?;
    Ok(expected.ok_or_else(|| Problem::not_found("photo"))?.0)
}

async fn put(state: &State, photo: &Photo) -> ApiResult<PutUpload> {
    let terms = UploadTerms {
        content_type: &photo.content_type,
        size: photo.size,
        sha256: photo.declared_sha256.as_deref().and_then(sha256_bytes),
    };
    signed(state, &photo.original(), &terms).await
}

/// Returns a signed PUT of a new object in the photos bucket.
pub async fn signed(state: &State, key: &ObjectKey, terms: &UploadTerms<'_>) -> ApiResult<PutUpload> {
    let request = state.originals.presign_put(key, terms, UPLOAD_URL_LIVES).await?;
    Ok(PutUpload {
        method: request.method().to_owned(),
        url: request.uri().to_owned(),
        headers: headers(&request),
        expires_at: urls_expire_at(state),
    })
}

fn multipart_view(photo: &Photo) -> ApiResult<MultipartUpload> {
    Ok(MultipartUpload {
        upload_id: photo.upload_id.clone().ok_or_else(no_multipart)?,
        key: photo.original().to_string(),
        part_size_bytes: part_size(photo.size),
        parts: part_count(photo.size),
        expires_at: photo.upload_until.unwrap_or(photo.created_at),
    })
}

/// Returns the signed headers that a client sets. HTTP clients set the host and the length themselves, and pages must not
/// name them.
fn headers(request: &PresignedRequest) -> BTreeMap<String, String> {
    let set_by_client = |name: &str| ["host", "content-length"].iter().any(|set| name.eq_ignore_ascii_case(set));
    let headers = request.headers().filter(|(name, _)| !set_by_client(name));
    headers.map(|(name, value)| (name.to_owned(), value.to_owned())).collect()
}

/// Returns the time at which URLs that are signed now expire.
fn urls_expire_at(state: &State) -> Timestamp {
    state.clock.signing_time().saturating_add(UPLOAD_URL_LIVES).unwrap_or(Timestamp::MAX)
}

async fn has_original(state: &State, photo: &Photo) -> ApiResult<bool> {
    Ok(state.originals.head(&photo.original()).await?.is_some())
}

/// Refuses a photo that awaits no upload.
fn awaiting(photo: Photo) -> Result<Photo, Problem> {
    match photo.status {
        PhotoStatus::AwaitingUpload => Ok(photo),
        PhotoStatus::Deleting => Err(Problem::new(Kind::UnderWay, "The photo is being deleted.")),
        _ => Err(already_uploaded()),
    }
}

fn already_uploaded() -> Problem {
    Problem::new(Kind::AlreadyUploaded, "The photo has already been uploaded.")
}

fn no_multipart() -> Problem {
    let detail = "The photo has no open multipart upload: it has none, or it was aborted or has expired. POST \
        /photos/{id}/upload with \"upload\": \"multipart\" begins one.";
    Problem::new(Kind::NoMultipartUpload, detail)
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
