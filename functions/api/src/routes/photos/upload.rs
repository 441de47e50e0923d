//! Creation of photos: a record, and the request that uploads the original to S3.

use api_types::PhotoWithUpload;
use axum::{Json, extract::State as Shared};
use domain::{
    Studio,
    photo::{Announcement, MAX_ORIGINAL_BYTES, Photo},
};
use http::StatusCode;
use jiff::Timestamp;
use serde::Deserialize;
use utoipa::ToSchema;
use uuid::Uuid;

use crate::{
    app::photos::{self, UPLOAD_URL_LIVES, sha256_bytes},
    extract::{Body, Id, integer},
    idempotency::IdempotentRequest,
    identity::Caller,
    problem::{ApiResult, Problem, ProblemView},
    state::State,
};

/// Longest file name in characters. No file system allows longer ones; archives shorten them further.
const MAX_FILENAME: usize = 1024;
const MAX_CONTENT_TYPE: usize = 100;

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
    /// Size of the file in bytes, at most 256 MiB. S3 accepts exactly this size.
    #[serde(deserialize_with = "integer")]
    #[schema(minimum = 1, maximum = 268_435_456, example = 24_117_248)]
    size_bytes: u64,
    /// SHA-256 of the file in 64 hexadecimal digits. If given, S3 and the processor refuse any other file.
    #[schema(pattern = "^[0-9A-Fa-f]{64}$")]
    sha256: Option<String>,
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
        if !(1..=MAX_ORIGINAL_BYTES).contains(&self.size_bytes) {
            let detail = format!("A photo has 1 to {MAX_ORIGINAL_BYTES} bytes, this one {}.", self.size_bytes);
            return Err(Problem::invalid("size_bytes", detail));
        }
        let declared_sha256 = self.sha256.map(|hash| hash.to_ascii_lowercase());
        if declared_sha256.as_deref().is_some_and(|hash| sha256_bytes(hash).is_none()) {
            return Err(Problem::invalid("sha256", "It must be 64 hexadecimal digits."));
        }
        let new = Announcement { filename: self.filename, content_type, size: self.size_bytes, declared_sha256 };
        let upload_until = now.saturating_add(UPLOAD_URL_LIVES).unwrap_or(now);
        Ok(Photo::announced(studio, id, new, now, upload_until))
    }
}

/// Checks a declared media type: an image, a video beside the images, or `application/octet-stream` if the client
/// cannot tell.
fn content_type(declared: &str) -> Result<String, Problem> {
    let declared = declared.to_ascii_lowercase();
    let token = |b: u8| b.is_ascii_alphanumeric() || b"!#$&^_.+-".contains(&b);
    let subtype = declared.strip_prefix("image/").or_else(|| declared.strip_prefix("video/"));
    let is_typed = subtype.is_some_and(|s| !s.is_empty() && s.bytes().all(token));
    if (is_typed || declared == "application/octet-stream") && declared.len() <= MAX_CONTENT_TYPE {
        Ok(declared)
    } else {
        let detail =
            format!("It must be the type of a photo, such as image/jpeg, of at most {MAX_CONTENT_TYPE} characters.");
        Err(Problem::invalid("content_type", detail))
    }
}

/// Create a photo
///
/// Creates the record and returns the request that uploads the original to S3. The upload starts the processing.
/// Without an upload the record expires after 7 days, unless an order contains the photo.
#[utoipa::path(
    post, path = "/photos", tag = "photos", operation_id = "create_photo", request_body = NewPhoto,
    responses((status = 201, description = "The photo was created", body = PhotoWithUpload)),
)]
pub async fn create(
    Caller(studio): Caller,
    Shared(state): Shared<State>,
    request: IdempotentRequest,
    Body(new): Body<NewPhoto>,
) -> ApiResult<(StatusCode, Json<PhotoWithUpload>)> {
    let photo = new.parse(studio, request.id, state.clock.now())?;
    Ok((StatusCode::CREATED, Json(photos::announce(&state, &photo, &request).await?)))
}

/// Renew the upload of a photo
///
/// Returns a new upload URL for a photo that is not uploaded yet.
#[utoipa::path(
    post, path = "/photos/{id}/upload", tag = "photos", operation_id = "renew_upload",
    params(("id" = Uuid, Path, description = "Id of the photo")),
    responses(
        (status = 200, description = "The upload request", body = PhotoWithUpload),
        (status = 409, description = "The photo is uploaded already, or a request with this Idempotency-Key is under way", body = ProblemView, content_type = "application/problem+json"),
    ),
)]
pub async fn upload_again(
    Caller(studio): Caller,
    Shared(state): Shared<State>,
    Id(id): Id,
    request: IdempotentRequest,
) -> ApiResult<Json<PhotoWithUpload>> {
    Ok(Json(photos::renew_upload(&state, &studio, id, &request).await?))
}

#[cfg(test)]
mod tests {
    use super::content_type;

    #[test]
    fn images_and_videos_are_declared() {
        for declared in ["image/jpeg", "IMAGE/x-nikon-nef", "video/quicktime", "application/octet-stream"] {
            assert!(content_type(declared).is_ok_and(|taken| taken == declared.to_ascii_lowercase()), "{declared}");
        }
        for declared in ["image/", "video/", "video/a b", "audio/mpeg", "text/plain", ""] {
            assert!(content_type(declared).is_err(), "{declared}");
        }
    }
}
