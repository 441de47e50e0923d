//! Photos: a record and an upload URL first; the bytes go to S3 directly.

mod process;
mod upload;

use std::{convert::Infallible, time::Duration};

use axum::{Json, extract::State as Shared, response::Response};
use domain::{
    ObjectKey, Studio,
    object_key::Picture,
    operation::Filled,
    photo::{Photo, PhotoStatus},
    record::ListIndex,
};
use http::{HeaderMap, StatusCode};
use serde::Deserialize;
use utoipa::IntoParams;
use uuid::Uuid;

pub use self::{process::*, upload::*};
use super::page_of;
use crate::{
    etag,
    extract::{Id, Query},
    identity::Caller,
    problem::{ApiResult, Kind, Problem, ProblemView},
    state::State,
    views::{DerivativesView, Page, PhotoPage, PhotoView, Pictures},
};

/// Long enough to show a page of thumbnails.
const PICTURE_URL_LIVES: Duration = Duration::from_secs(900);
/// Who knows a photo by its entity tag keeps its pictures' URLs: after this many seconds the tag is another, so that
/// those URLs live for minutes yet.
const PICTURE_URLS_KNOWN: i64 = 600;

/// The studio's photo of this id.
async fn find(state: &State, studio: &Studio, id: Uuid) -> ApiResult<Photo> {
    Ok(state.photos.table.get(studio, id).await?.ok_or_else(|| Problem::not_found("photo"))?)
}

/// Which photos.
#[derive(Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct Filter {
    /// Those that stand so.
    status: Option<PhotoStatus>,
    /// Records on the page.
    #[param(minimum = 1, maximum = 200, default = 50)]
    limit: Option<usize>,
    /// As the page before has answered it.
    #[param(format = Uuid)]
    cursor: Option<String>,
}

/// The studio's photos, newest first
#[utoipa::path(
    get, path = "/photos", tag = "photos", operation_id = "list_photos", params(Filter),
    responses((status = 200, description = "Some of them", body = PhotoPage)),
)]
pub async fn list(
    Caller(studio): Caller,
    Shared(state): Shared<State>,
    Query(filter): Query<Filter>,
) -> ApiResult<Json<PhotoPage>> {
    let (after, limit) = page_of(filter.limit, filter.cursor.as_deref())?;
    let keep = |photo: &Photo| filter.status.is_none_or(|status| photo.status == status);
    let page = match filter.status {
        Some(status) if state.fillings.is_done(Filled::Photos).await? => {
            let by = (ListIndex::Status, status.as_str());
            state.photos.table.list_by(&studio, by, after, limit, keep).await?
        }
        _ => state.photos.table.list(&studio, after, limit, keep).await?,
    };
    Ok(Json(Page::of(&page, |photo| photo.into())))
}

/// One photo
///
/// With URLs of its pictures that work for some minutes.
#[utoipa::path(
    get, path = "/photos/{id}", tag = "photos", operation_id = "get_photo",
    params(("id" = Uuid, Path, description = "Of the photo")),
    responses((status = 200, description = "The photo", body = PhotoView)),
)]
pub async fn show(
    Caller(studio): Caller,
    Shared(state): Shared<State>,
    Id(id): Id,
    headers: HeaderMap,
) -> ApiResult<Response> {
    let photo = find(&state, &studio, id).await?;
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
/// Its record, its original and its pictures. Refused while an order holds it, or a worker has it.
#[utoipa::path(
    delete, path = "/photos/{id}", tag = "photos", operation_id = "delete_photo",
    params(("id" = Uuid, Path, description = "Of the photo")),
    responses(
        (status = 204, description = "Deleted"),
        (status = 409, description = "An order holds it, or it is being worked on", body = ProblemView, content_type = "application/problem+json"),
    ),
)]
pub async fn delete(Caller(studio): Caller, Shared(state): Shared<State>, Id(id): Id) -> ApiResult<StatusCode> {
    let now = state.clock.now();
    let photo = find(&state, &studio, id).await?;
    // Most refusals are found here, and write nothing.
    let filled = state.fillings.is_done(Filled::Orders).await?;
    if let Some(order) = state.orders.holding(&studio, id, now, filled).await? {
        if photo.status == PhotoStatus::Deleting {
            // Marked by a request that broke off before it saw the order: the photo is the order's.
            let keep = |photo: &mut Photo| {
                photo.keep(now);
                Ok::<_, Infallible>(())
            };
            state.photos.table.update(&studio, id, keep).await?;
        }
        return Err(ordered(order).into());
    }
    // Marked, so that no order takes it from now on: then those that have it are all that ever will.
    let begun = state.photos.table.update(&studio, id, |photo: &mut Photo| photo.begin_deleting(now)).await?;
    let (mut photo, begun) = begun.ok_or_else(|| Problem::not_found("photo"))?;
    let under_way = || Problem::new(Kind::UnderWay, "The photo is being developed, or another request deletes it.");
    begun.map_err(|_| under_way())?;
    if !photo.is_condemned() {
        let order = state.orders.holding(&studio, id, now, filled).await?;
        let decide = |photo: &mut Photo| {
            if order.is_none() {
                return photo.condemn();
            }
            photo.keep(now);
            Ok(())
        };
        let decided = state.photos.table.update(&studio, id, decide).await?;
        let (decided_photo, decided) = decided.ok_or_else(|| Problem::not_found("photo"))?;
        decided.map_err(|_| under_way())?;
        if let Some(order) = order {
            return Err(ordered(order).into());
        }
        photo = decided_photo;
    }
    // An upload may still be under way, or begin: whoever is told of it finds this, also between the next lines.
    let uploads_end_at = photo.uploads_end_at();
    if uploads_end_at > now {
        state.tombstones.set(&studio, id, uploads_end_at).await?;
    }
    for picture in state.originals.list(&ObjectKey::derivatives_of(&studio, id)).await? {
        state.originals.delete(&picture).await?;
    }
    state.originals.delete(&photo.original()).await?;
    state.photos.table.delete(&studio, id).await?;
    Ok(StatusCode::NO_CONTENT)
}

fn ordered(by: Uuid) -> Problem {
    Problem::new(Kind::PhotoOrdered, "An order holds the photo.").with("order_id", by)
}
