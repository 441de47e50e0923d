//! Photos: a record and an upload URL. The original goes directly to S3.

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
use serde::Deserialize;
use utoipa::IntoParams;

pub use self::{process::*, upload::*};
use super::{page, page_of};
use crate::{
    app::{deletion, photos},
    etag,
    extract::{Id, Query},
    identity::Caller,
    problem::{ApiResult, ProblemView},
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
    /// Number of records on the page.
    #[param(minimum = 1, maximum = 200, default = 50)]
    limit: Option<usize>,
    /// Value of `next_cursor` of the previous page.
    #[param(format = Uuid)]
    cursor: Option<String>,
}

/// List photos, newest first
#[utoipa::path(
    get, path = "/photos", tag = "photos", operation_id = "list_photos", params(Filter),
    responses((status = 200, description = "A page of photos", body = PhotoPage)),
)]
pub async fn list(
    Caller(studio): Caller,
    Shared(state): Shared<State>,
    Query(filter): Query<Filter>,
) -> ApiResult<Json<PhotoPage>> {
    let (after, limit) = page_of(filter.limit, filter.cursor.as_deref())?;
    let keep = |photo: &Photo| filter.status.is_none_or(|status| photo.status == status);
    let found = match filter.status {
        Some(status) if state.fillings.is_done(Filled::Photos).await? => {
            let by = (ListIndex::Status, status.as_str());
            state.photos.list_by(&studio, by, after, limit, keep).await?
        }
        _ => state.photos.list(&studio, after, limit, keep).await?,
    };
    Ok(Json(page(&found, |photo| photo.into())))
}

/// Get a photo
///
/// Includes URLs of its pictures, which work for some minutes.
#[utoipa::path(
    get, path = "/photos/{id}", tag = "photos", operation_id = "get_photo",
    params(("id" = Uuid, Path, description = "Id of the photo")),
    responses((status = 200, description = "The photo", body = PhotoView)),
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
/// Deletes its record, its original and its pictures. Refused while an order contains the photo or a worker is
/// processing it.
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
