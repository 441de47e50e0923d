//! Photos: a record and an upload URL first; the bytes go to S3 directly.

use std::time::Duration;

use axum::{
    Json,
    extract::{Query, State as Shared, rejection::QueryRejection},
};
use http::StatusCode;
use jiff::Timestamp;
use serde::Deserialize;
use serde_json::{Value, json};
use shared::{
    ObjectKey, Studio,
    object_key::Picture,
    objects::UploadTerms,
    photo::{Derivative, Derivatives, MAX_ORIGINAL_BYTES, Photo, PhotoStatus},
    work::Work,
};
use uuid::Uuid;

use super::{Paging, page, query};
use crate::{
    body::{Body, Id, line},
    identity::Caller,
    problem::{ApiResult, Problem},
    state::State,
};

/// An upload may take this long to begin.
const UPLOAD_URL_LIVES: Duration = Duration::from_secs(3600);
/// Long enough to show a page of thumbnails.
const PICTURE_URL_LIVES: Duration = Duration::from_secs(900);
/// Longer names exist on no file system; archives shorten them further.
const MAX_FILENAME: usize = 1024;

/// What a photographer says about a photo before uploading it.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub struct NewPhoto {
    filename: String,
    content_type: String,
    size_bytes: u64,
    sha256: Option<String>,
}

impl NewPhoto {
    fn parse(self, studio: Studio, now: Timestamp) -> Result<Photo, Problem> {
        if self.filename.trim().is_empty() || self.filename.len() > MAX_FILENAME {
            return Err(Problem::invalid("filename", format!("It must have 1 to {MAX_FILENAME} bytes.")));
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
        Ok(Photo {
            studio,
            id: Uuid::now_v7(),
            status: PhotoStatus::AwaitingUpload,
            filename: self.filename,
            content_type,
            size: self.size_bytes,
            declared_sha256,
            etag: None,
            development: None,
            work: Work::default(),
            error: None,
            created_at: now,
            uploaded_at: None,
            processed_at: None,
        })
    }
}

/// Photos declare themselves as images; what can't tell may say `application/octet-stream`.
fn content_type(declared: &str) -> Result<String, Problem> {
    let declared = line("content_type", declared, 100)?.to_ascii_lowercase();
    let token = |b: u8| b.is_ascii_alphanumeric() || b"!#$&^_.+-".contains(&b);
    let subtype = declared.strip_prefix("image/").is_some_and(|s| !s.is_empty() && s.bytes().all(token));
    if subtype || declared == "application/octet-stream" {
        Ok(declared)
    } else {
        Err(Problem::invalid("content_type", "It must be the type of a photo, such as image/jpeg."))
    }
}

fn sha256_bytes(hex: &str) -> Option<[u8; 32]> {
    if hex.len() != 64 || !hex.is_ascii() {
        return None;
    }
    let mut bytes = [0; 32];
    for (n, byte) in bytes.iter_mut().enumerate() {
        *byte = u8::from_str_radix(hex.get(2 * n..2 * n + 2)?, 16).ok()?;
    }
    Some(bytes)
}

/// POST /photos
pub async fn create(
    Caller(studio): Caller,
    Shared(state): Shared<State>,
    Body(new): Body<NewPhoto>,
) -> ApiResult<(StatusCode, Json<Value>)> {
    let photo = new.parse(studio, state.clock.now())?;
    state.photos.create(&photo).await?;
    Ok((StatusCode::CREATED, Json(with_upload(&state, &photo).await?)))
}

/// POST /photos/{id}/upload: a fresh URL for a photo whose upload has not happened.
pub async fn upload_again(Caller(studio): Caller, Shared(state): Shared<State>, Id(id): Id) -> ApiResult<Json<Value>> {
    let photo = state.photos.get(&studio, id).await?.ok_or_else(|| Problem::not_found("photo"))?;
    if photo.status != PhotoStatus::AwaitingUpload {
        let detail = "The photo is uploaded already.";
        return Err(Problem::new(StatusCode::CONFLICT, "already-uploaded", detail).into());
    }
    Ok(Json(with_upload(&state, &photo).await?))
}

async fn with_upload(state: &State, photo: &Photo) -> ApiResult<Value> {
    let terms = UploadTerms {
        content_type: &photo.content_type,
        size: photo.size,
        sha256: photo.declared_sha256.as_deref().and_then(sha256_bytes),
    };
    let request = state.originals.presign_put(&photo.original(), &terms, UPLOAD_URL_LIVES).await?;
    let headers: serde_json::Map<_, _> = request
        .headers()
        .filter(|(name, _)| !name.eq_ignore_ascii_case("host"))
        .map(|(name, value)| (name.to_owned(), value.into()))
        .collect();
    let upload = json!({
        "method": request.method(),
        "url": request.uri(),
        "headers": headers,
        "expires_at": Timestamp::now().saturating_add(UPLOAD_URL_LIVES).ok(),
    });
    Ok(json!({ "photo": view(photo), "upload": upload }))
}

/// Which photos.
#[derive(Deserialize)]
pub struct Filter {
    status: Option<PhotoStatus>,
    #[serde(flatten)]
    paging: PagingText,
}

/// Flattened query parameters arrive as text.
#[derive(Deserialize)]
pub struct PagingText {
    limit: Option<String>,
    cursor: Option<String>,
}

impl PagingText {
    pub(super) fn parse(self) -> Result<(Option<Uuid>, usize), Problem> {
        let limit = self.limit.map(|n| n.parse()).transpose();
        let limit = limit.map_err(|_| Problem::invalid("limit", "It must be a number."))?;
        Paging { limit, cursor: self.cursor }.parse()
    }
}

/// GET /photos
pub async fn list(
    Caller(studio): Caller,
    Shared(state): Shared<State>,
    filter: Result<Query<Filter>, QueryRejection>,
) -> ApiResult<Json<Value>> {
    let filter = query(filter)?;
    let (after, limit) = filter.paging.parse()?;
    let keep = |photo: &Photo| filter.status.is_none_or(|status| photo.status == status);
    Ok(page(&state.photos.list(&studio, after, limit, keep).await?, view))
}

/// GET /photos/{id}, with short-lived URLs of its pictures.
pub async fn show(Caller(studio): Caller, Shared(state): Shared<State>, Id(id): Id) -> ApiResult<Json<Value>> {
    let photo = state.photos.get(&studio, id).await?.ok_or_else(|| Problem::not_found("photo"))?;
    let mut shown = view(&photo);
    let version = photo.development.as_ref().map(|made| made.processor_version);
    if let (Some(version), true) = (version, photo.has_previews()) {
        for (name, picture) in [("preview", Picture::Preview), ("thumb", Picture::Thumb)] {
            let key = ObjectKey::Derivative { studio: studio.clone(), photo: id, version, picture };
            shown["derivatives"][name]["url"] =
                state.originals.presign_get(&key, None, PICTURE_URL_LIVES).await?.into();
        }
    }
    Ok(Json(shown))
}

fn derivative(made: &Derivative) -> Value {
    json!({
        "width": made.width, "height": made.height, "size_bytes": made.size,
        "crc32": format!("{:08x}", made.crc32), "etag": made.etag,
    })
}

/// A photo as the API shows it.
pub fn view(photo: &Photo) -> Value {
    let made = photo.development.as_ref();
    let derivatives = made.map(|made| match &made.derivatives {
        Derivatives::Made { preview, thumb } => json!({ "preview": derivative(preview), "thumb": derivative(thumb) }),
        Derivatives::UnsupportedFormat => json!("unsupported_format"),
    });
    json!({
        "id": photo.id,
        "status": photo.status,
        "filename": photo.filename,
        "content_type": made.map_or(&photo.content_type, |made| &made.sniffed_content_type),
        "size_bytes": photo.size,
        "etag": photo.etag,
        "sha256": made.map(|made| &made.sha256),
        "crc32": made.map(|made| format!("{:08x}", made.crc32)),
        "width": made.and_then(|made| made.width),
        "height": made.and_then(|made| made.height),
        "orientation": made.map(|made| made.orientation),
        "exif": made.map(|made| &made.exif),
        "thumbhash": made.and_then(|made| made.thumbhash.as_ref()),
        "derivatives": derivatives,
        "processor_version": made.map(|made| made.processor_version),
        "attempts": photo.work.attempts,
        "error": photo.error,
        "created_at": photo.created_at,
        "uploaded_at": photo.uploaded_at,
        "processed_at": photo.processed_at,
    })
}
