//! Creation of photos: a record, and the upload of the original to S3.

use anyhow::Context as _;
use api_types::{PhotoWithUpload, PhotosWithUploads, UploadWay};
use axum::{Json, extract::State as Shared};
use domain::{
    Studio,
    photo::{Announcement, MAX_CONTENT_TYPE, MAX_UPLOAD_BYTES, Photo, declared_content_type, position_id},
};
use http::StatusCode;
use jiff::Timestamp;
use serde::Deserialize;
use utoipa::ToSchema;
use uuid::Uuid;

use crate::{
    app::uploads::{self, UPLOAD_URL_LIVES, Wanted, sha256_bytes},
    extract::{Body, BodyOrNone, Id, integer},
    idempotency::IdempotentRequest,
    identity::Caller,
    openapi::{Limited, examples},
    problem::{ApiError, ApiResult, Problem, ProblemView},
    state::State,
};

/// Longest file name in characters. No file system allows longer ones; archives shorten them further.
const MAX_FILENAME: usize = 1024;
/// Longest folder in characters.
const MAX_FOLDER: usize = 1024;
/// Longest folder in bytes. DynamoDB: the key of an index has at most 2,048 bytes, of which 64 are for the studio.
const MAX_FOLDER_BYTES: usize = 1984;
/// Largest number of photos of a batch.
const MAX_BATCH: usize = 100;

/// Request body of a new photo.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct NewPhoto {
    /// File name, at most 1,024 characters; used in archives.
    #[schema(min_length = 1, max_length = 1024, pattern = r"\S", example = "IMG_0001.jpg")]
    filename: String,
    /// `image/…` or `video/…`; `application/octet-stream` if unknown.
    #[schema(
        max_length = 100,
        pattern = r"^((image|video)/[A-Za-z0-9!#$&^_.+-]+|application/octet-stream)$",
        example = "image/jpeg"
    )]
    content_type: String,
    /// Size of the file in bytes, at most 5 GiB. S3 accepts exactly this size. A photo of more than 256 MiB has no
    /// pictures.
    #[serde(deserialize_with = "integer")]
    #[schema(minimum = 1, maximum = 5_368_709_120_u64, example = 24_117_248)]
    size_bytes: u64,
    /// SHA-256 of the file in 64 hexadecimal digits. If given, S3 and the processor refuse any other file.
    #[schema(pattern = "^[0-9A-Fa-f]{64}$")]
    sha256: Option<String>,
    /// Folder in which the photographer has the file, with slashes between its parts: a filter of lists, and a choice of
    /// orders.
    #[schema(min_length = 1, max_length = 1024, example = "wedding/church")]
    folder: Option<String>,
    /// How the original is uploaded. Default `put`.
    #[serde(default)]
    #[schema(default = "put")]
    upload: UploadWay,
    /// What happens if the studio has a ready photo with this SHA-256. Default `create`. `reuse` requires `sha256`.
    #[serde(default)]
    #[schema(default = "create")]
    on_duplicate: OnDuplicate,
}

/// What happens if the studio has a ready photo with the same original.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum OnDuplicate {
    /// Creates another photo. Its `duplicate_of` names the older one.
    #[default]
    Create,
    /// Returns the older photo, without an upload.
    Reuse,
}

impl NewPhoto {
    fn parse(self, studio: Studio, id: Uuid, now: Timestamp) -> Result<Photo, Problem> {
        if self.filename.trim().is_empty() || self.filename.chars().count() > MAX_FILENAME {
            return Err(Problem::invalid(
                "filename",
                format!("It must have 1 to {MAX_FILENAME} characters, not all blank."),
            ));
        }
        let content_type = content_type(&self.content_type)?;
        if !(1..=MAX_UPLOAD_BYTES).contains(&self.size_bytes) {
            let detail = format!("A photo has 1 to {MAX_UPLOAD_BYTES} bytes, this one {}.", self.size_bytes);
            return Err(Problem::invalid("size_bytes", detail));
        }
        let declared_sha256 = self.sha256.map(|hash| hash.to_ascii_lowercase());
        if declared_sha256.as_deref().is_some_and(|hash| sha256_bytes(hash).is_none()) {
            return Err(Problem::invalid("sha256", "It must be 64 hexadecimal digits."));
        }
        if self.on_duplicate == OnDuplicate::Reuse && declared_sha256.is_none() {
            return Err(Problem::invalid("sha256", "It is required with on_duplicate: reuse."));
        }
        let new = Announcement {
            filename: self.filename,
            folder: self.folder.as_deref().map(folder).transpose()?,
            content_type,
            size: self.size_bytes,
            declared_sha256,
        };
        let upload_until = now.saturating_add(UPLOAD_URL_LIVES).unwrap_or(now);
        Ok(Photo::announced(studio, id, new, now, upload_until))
    }
}

/// Checks a folder and removes empty parts of it.
pub fn folder(text: &str) -> Result<String, Problem> {
    let folder = domain::incoming::folder(text);
    if folder.trim().is_empty() || text.chars().count() > MAX_FOLDER || folder.len() > MAX_FOLDER_BYTES {
        return Err(Problem::invalid("folder", format!("It must have 1 to {MAX_FOLDER} characters, not all blank.")));
    }
    Ok(folder)
}

impl NewPhoto {
    fn wanted(self, studio: Studio, id: Uuid, now: Timestamp) -> Result<Wanted, Problem> {
        let (way, reuse) = (self.upload, self.on_duplicate == OnDuplicate::Reuse);
        Ok(Wanted { photo: self.parse(studio, id, now)?, way, reuse })
    }
}

fn content_type(declared: &str) -> Result<String, Problem> {
    declared_content_type(declared).ok_or_else(|| {
        let detail =
            format!("It must be the type of a photo, such as image/jpeg, of at most {MAX_CONTENT_TYPE} characters.");
        Problem::invalid("content_type", detail)
    })
}

/// Create a photo
///
/// Creates the record and returns the upload of its original. The upload starts the processing. Without an upload the
/// record expires after 7 days, unless an order contains the photo.
///
/// `"upload": "put"` returns one presigned request. If its answer is lost, send it again: S3 answers 412 if the original
/// has arrived. `"upload": "multipart"` returns a multipart upload, whose parts are uploaded by the URLs of `GET
/// /photos/{id}/upload/parts` and completed by `POST /photos/{id}/upload/complete`; an interrupted upload continues with
/// the missing parts. Both take files up to 5 GiB.
///
/// A request that is sent again with its Idempotency-Key returns the same photo and the same multipart upload. `upload` is
/// `null` if the original has arrived.
#[utoipa::path(
    post, path = "/photos", tag = "photos", operation_id = "create_photo",
    request_body(
        content = NewPhoto,
        examples(
            ("put" = (summary = "One PUT", value = json!({
                "filename": "IMG_0001.jpg", "content_type": "image/jpeg", "size_bytes": 24_117_248, "folder": "wedding/church",
            }))),
            ("multipart" = (summary = "A multipart upload", value = json!({
                "filename": "IMG_0001.jpg", "content_type": "image/jpeg", "size_bytes": 24_117_248, "folder": "wedding/church",
                "upload": "multipart",
            }))),
        ),
    ),
    responses((
        status = 201, description = "The photo was created", body = PhotoWithUpload,
        examples(
            ("put" = (summary = "One PUT", value = json!(examples::photo_with_put()))),
            ("multipart" = (summary = "A multipart upload", value = json!(examples::photo_with_multipart()))),
        ),
    ), Limited),
)]
pub async fn create(
    Caller(studio): Caller,
    Shared(state): Shared<State>,
    request: IdempotentRequest,
    Body(new): Body<NewPhoto>,
) -> ApiResult<(StatusCode, Json<PhotoWithUpload>)> {
    let wanted = vec![new.wanted(studio, request.id, state.clock.now())?];
    let mut made = uploads::announce_all(&state, wanted, &request).await?;
    let made = made.pop().context("A photo has no answer").map_err(ApiError::Internal)?;
    Ok((StatusCode::CREATED, Json(made)))
}

/// Request body of a batch of new photos.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct NewPhotos {
    /// The photos.
    #[schema(min_items = 1, max_items = 100)]
    photos: Vec<NewPhoto>,
}

/// Create up to 100 photos
///
/// Like as many requests to `POST /photos`, with one Idempotency-Key: all are created, or none if one of them is refused.
/// The response has them in the same order.
#[utoipa::path(
    post, path = "/photos/batch", tag = "photos", operation_id = "create_photos",
    request_body(
        content = NewPhotos,
        example = json!({ "photos": [
            { "filename": "IMG_0001.jpg", "content_type": "image/jpeg", "size_bytes": 24_117_248, "folder": "wedding/church" },
            { "filename": "IMG_0002.jpg", "content_type": "image/jpeg", "size_bytes": 23_998_101, "folder": "wedding/church" },
        ] }),
    ),
    responses((
        status = 201, description = "The photos were created", body = PhotosWithUploads,
        example = json!(examples::photos_with_puts()),
    ), Limited),
)]
pub async fn create_batch(
    Caller(studio): Caller,
    Shared(state): Shared<State>,
    request: IdempotentRequest,
    Body(new): Body<NewPhotos>,
) -> ApiResult<(StatusCode, Json<PhotosWithUploads>)> {
    if !(1..=MAX_BATCH).contains(&new.photos.len()) {
        let detail = format!("A batch has 1 to {MAX_BATCH} photos, this one {}.", new.photos.len());
        return Err(Problem::invalid("photos", detail).into());
    }
    let now = state.clock.now();
    let wanted = new.photos.into_iter().enumerate().map(|(n, photo)| {
        let wanted = photo.wanted(studio.clone(), position_id(request.id, n), now);
        wanted.map_err(|problem| problem.within(&format!("photos[{n}]")))
    });
    let wanted = wanted.collect::<Result<Vec<_>, _>>()?;
    Ok((StatusCode::CREATED, Json(PhotosWithUploads { items: uploads::announce_all(&state, wanted, &request).await? })))
}

/// Request body for renewing an upload.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct RenewUpload {
    /// How the original is uploaded. Default: as before.
    upload: Option<UploadWay>,
}

/// Renew the upload of a photo
///
/// Returns a new upload URL for a photo that is not uploaded yet, or its multipart upload. A multipart upload that was
/// aborted or has expired is begun anew, without parts.
#[utoipa::path(
    post, path = "/photos/{id}/upload", tag = "photos", operation_id = "renew_upload",
    params(("id" = Uuid, Path, description = "Id of the photo")),
    request_body(content = Option<RenewUpload>, example = json!({ "upload": "multipart" })),
    responses(
        (
            status = 200, description = "The upload", body = PhotoWithUpload, example = json!(examples::photo_with_put()),
        ),
        (status = 409, description = "The photo is uploaded already, or a request with this Idempotency-Key is under way", body = ProblemView, content_type = "application/problem+json"),
    ),
)]
pub async fn upload_again(
    Caller(studio): Caller,
    Shared(state): Shared<State>,
    Id(id): Id,
    request: IdempotentRequest,
    BodyOrNone(body): BodyOrNone<RenewUpload>,
) -> ApiResult<Json<PhotoWithUpload>> {
    Ok(Json(uploads::renew(&state, &studio, id, body.upload, &request).await?))
}
