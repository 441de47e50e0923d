//! Photos: a record and an upload. The original goes directly to S3.

mod multipart;
mod process;
mod upload;

use std::time::Duration;

use api_types::{DerivativesView, PhotoPage, PhotoView, Pictures};
use axum::{Json, extract::State as Shared, response::Response};
use domain::{
    ObjectKey,
    object_key::Picture,
    operation::Filled,
    photo::{Photo, PhotoStatus},
    record::ListIndex,
};
use http::{HeaderMap, StatusCode};
use jiff::Timestamp;
use runtime::store::IdRange;
use serde::Deserialize;
use utoipa::IntoParams;
use uuid::Uuid;

pub use self::{multipart::*, process::*, upload::*};
use super::{page, page_of};
use crate::{
    app::{deletion, photos, uploads::sha256_bytes},
    etag,
    extract::{Id, Query},
    identity::Caller,
    openapi::examples,
    problem::{ApiResult, Problem, ProblemView},
    state::State,
};

/// Lifetime of presigned URLs of pictures, long enough to show a page of thumbnails.
const PICTURE_URL_LIVES: Duration = Duration::from_secs(900);
/// Seconds after which a photo's entity tag changes. A client with a current tag keeps its URLs, and those work for at
/// least five more minutes.
const PICTURE_URLS_KNOWN: i64 = 600;

/// Filter of the list of photos.
#[derive(Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct Filter {
    /// Photos in this state.
    status: Option<PhotoStatus>,
    /// Photos of this folder, without those of folders in it.
    #[param(example = "wedding/church")]
    folder: Option<String>,
    /// Photos with this original: 64 hexadecimal digits.
    #[param(pattern = "^[0-9A-Fa-f]{64}$")]
    sha256: Option<String>,
    /// Photos created at this time or later. Can be combined with each other filter.
    #[param(value_type = Option<String>, format = DateTime)]
    since: Option<Timestamp>,
    /// Number of records on the page.
    #[param(minimum = 1, maximum = 200, default = 50)]
    limit: Option<usize>,
    /// Value of `next_cursor` of the previous page.
    #[param(format = Uuid)]
    cursor: Option<String>,
}

impl Filter {
    /// Returns the index that finds the photos, with the value in it; `None` lists all. Refuses two filters that each need
    /// an index.
    fn index(&self) -> Result<Option<(ListIndex, String)>, Problem> {
        if self.sha256.as_deref().is_some_and(|hash| sha256_bytes(hash).is_none()) {
            return Err(Problem::invalid("sha256", "It must be 64 hexadecimal digits."));
        }
        let by_status = self.status.map(|status| ("status", ListIndex::Status, status.as_str().to_owned()));
        let by_folder = self.folder.clone().map(|folder| ("folder", ListIndex::Folder, folder));
        let by_sha256 = self.sha256.as_ref().map(|hash| ("sha256", ListIndex::Sha256, hash.to_ascii_lowercase()));
        let mut filters = [by_status, by_folder, by_sha256].into_iter().flatten();
        let first = filters.next();
        if let Some((field, ..)) = filters.next() {
            return Err(Problem::invalid(field, "Only one of status, folder and sha256 can be a filter."));
        }
        Ok(first.map(|(_, index, value)| (index, value)))
    }

    /// Returns whether the photo matches all filters.
    fn takes(&self, photo: &Photo) -> bool {
        let sha256 = photo.development.as_ref().map(|made| &made.sha256);
        self.status.is_none_or(|status| photo.status == status)
            && self.folder.as_ref().is_none_or(|folder| photo.folder.as_ref() == Some(folder))
            && self.sha256.as_ref().is_none_or(|hash| sha256.is_some_and(|sha256| hash.eq_ignore_ascii_case(sha256)))
    }
}

/// Returns the lowest UUIDv7 of a time.
fn lowest_id(time: Timestamp) -> Uuid {
    let milliseconds = u64::try_from(time.as_millisecond()).unwrap_or_default();
    Uuid::from_u128(u128::from(milliseconds) << 80)
}

/// List photos, newest first
///
/// At most one of `status`, `folder` and `sha256` can be given. A photo appears in a filtered list within seconds after a
/// change.
#[utoipa::path(
    get, path = "/photos", tag = "photos", operation_id = "list_photos", params(Filter),
    responses((
        status = 200, description = "A page of photos", body = PhotoPage,
        example = json!({ "items": [examples::photo()], "next_cursor": examples::photo()["id"] }),
    )),
)]
pub async fn list(
    Caller(studio): Caller,
    Shared(state): Shared<State>,
    Query(filter): Query<Filter>,
) -> ApiResult<Json<PhotoPage>> {
    let (after, limit) = page_of(filter.limit, filter.cursor.as_deref())?;
    let filter = Filter { folder: filter.folder.as_deref().map(folder).transpose()?, ..filter };
    let range = IdRange { after, since: filter.since.map(lowest_id) };
    let keep = |photo: &Photo| filter.takes(photo);
    let found = match filter.index()? {
        Some((index, value)) if state.fillings.is_done(Filled::Photos).await? => {
            state.photos.list_by(&studio, (index, &value), range, limit, keep).await?
        }
        _ => state.photos.list(&studio, range, limit, keep).await?,
    };
    Ok(Json(page(&found, |photo| photo.into())))
}

/// Get a photo
///
/// Includes URLs of its pictures, which work for some minutes.
#[utoipa::path(
    get, path = "/photos/{id}", tag = "photos", operation_id = "get_photo",
    params(("id" = Uuid, Path, description = "Id of the photo")),
    responses((
        status = 200, description = "The photo", body = PhotoView, example = json!(examples::photo_with_urls()),
    )),
)]
pub async fn show(
    Caller(studio): Caller,
    Shared(state): Shared<State>,
    Id(id): Id,
    headers: HeaderMap,
) -> ApiResult<Response> {
    let photo = photos::find(&state, &studio, id).await?;
    let mut view = PhotoView::from(&photo);
    let urls_age = state.clock.signing_time().as_second() / PICTURE_URLS_KNOWN;
    let tagged = etag::answer(&headers, &view, urls_age.to_be_bytes())?;
    let version = photo.development.as_ref().map(|made| made.processor_version);
    if let (Some(DerivativesView::Made(Pictures { preview, thumb })), Some(version), false) =
        (&mut view.derivatives, version, tagged.is_known())
    {
        for (view, picture) in [(preview, Picture::Preview), (thumb, Picture::Thumb)] {
            let key = ObjectKey::Derivative { studio: studio.clone(), photo: id, version, picture };
            view.url = Some(state.originals.presign_get(&key, None, PICTURE_URL_LIVES).await?);
        }
    }
    Ok(tagged.with(view))
}

/// Delete a photo
///
/// Deletes its record, its original and its pictures, and aborts its multipart upload. Refused while an order contains
/// the photo or a worker is processing it.
#[utoipa::path(
    delete, path = "/photos/{id}", tag = "photos", operation_id = "delete_photo",
    params(("id" = Uuid, Path, description = "Id of the photo")),
    responses(
        (status = 204, description = "The photo was deleted"),
        (status = 409, description = "A worker is processing the photo, or an order contains it", body = ProblemView, content_type = "application/problem+json"),
    ),
)]
pub async fn delete(Caller(studio): Caller, Shared(state): Shared<State>, Id(id): Id) -> ApiResult<StatusCode> {
    deletion::delete(&state, &studio, id).await?;
    Ok(StatusCode::NO_CONTENT)
}
