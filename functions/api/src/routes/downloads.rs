//! Downloads: an order's photos as one ZIP, or a single photo.

mod new_download;
mod notify;
mod pin;
mod retry;

use api_types::{
    DownloadPage, DownloadState, DownloadView, DownloadWithFiles, DownloadWithLink, FetchView, FileView, hex,
};
use axum::{Json, extract::State as Shared, response::Response};
use domain::{
    download::{Download, DownloadKind, DownloadStatus},
    operation::Filled,
    record::ListIndex,
};
use http::{HeaderMap, StatusCode};
use serde::Deserialize;
use utoipa::IntoParams;
use uuid::Uuid;

pub use self::{new_download::*, notify::*, pin::*, retry::*};
use super::{page, page_of};
use crate::{
    app::{downloads, ordering},
    etag,
    extract::{BodyOrNone, Id, Query},
    idempotency::IdempotentRequest,
    identity::Caller,
    openapi::{Erased, Limited},
    problem::{ApiResult, Problem, ProblemView},
    state::State,
};

/// Create a download
///
/// Delivers all photos of the order or a selection in a ZIP, whose size, checksum and files are known immediately, or a
/// single photo as a bare file. The link is for the customer: it shows a page, from which the customer can download the files as
/// soon as they are ready.
#[utoipa::path(
    post, path = "/orders/{id}/downloads", tag = "downloads", operation_id = "create_download",
    params(("id" = Uuid, Path, description = "Id of the order")),
    request_body(content = Option<NewDownload>),
    responses(
        (status = 201, description = "The download is ready (a single photo, or a synchronous build), or has failed for good with an error", body = DownloadWithLink),
        (status = 202, description = "The job is on the queue", body = DownloadWithLink),
        (status = 409, description = "Photos of the order are not ready, or a request with this Idempotency-Key is under way", body = ProblemView, content_type = "application/problem+json"),
        Erased,
        Limited,
    ),
)]
pub async fn create(
    Caller(studio): Caller,
    Shared(state): Shared<State>,
    Id(id): Id,
    request: IdempotentRequest,
    BodyOrNone(new): BodyOrNone<NewDownload>,
) -> ApiResult<(StatusCode, Json<DownloadWithLink>)> {
    let order = ordering::find(&state, &studio, id).await?;
    let wait = new.queue == Some(false);
    let made = if request.again { state.downloads.get(&studio, request.id).await? } else { None };
    let download = if let Some(made) = request.made(made)? {
        made
    } else {
        let mut download = new.parse(&order, request.id, &state)?;
        let chosen = new.chosen()?;
        if let Some(pin) = new.pin()? {
            download.pin = Some(downloads::hashed(&state, &download, pin).await?);
        }
        downloads::create(&state, &order, download, chosen.as_deref(), wait, true).await?
    };
    let (download, status) = if request.answered {
        (download, StatusCode::ACCEPTED)
    } else if download.kind == DownloadKind::Single {
        downloads::tell(&state, &order, &download).await?;
        (download, StatusCode::CREATED)
    } else {
        let (download, finished) = state.workers.dispatch(&state.downloads, download, wait, request).await?;
        (download, if finished { StatusCode::CREATED } else { StatusCode::ACCEPTED })
    };
    Ok((status, Json(with_link(&state, &download).await?)))
}

async fn with_link(state: &State, download: &Download) -> ApiResult<DownloadWithLink> {
    let link = state.links.current().await?.url(&state.public_url, download);
    Ok(DownloadWithLink { download: DownloadView::new(download, state.clock.now()), link })
}

/// Filter of the list of downloads.
#[derive(Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct Filter {
    /// `true`: downloads that the customer can fetch now; `false`: all others.
    active: Option<bool>,
    /// Downloads in this state.
    status: Option<DownloadState>,
    /// Downloads of this order.
    order_id: Option<Uuid>,
    /// Number of records on the page.
    #[param(minimum = 1, maximum = 200, default = 50)]
    limit: Option<usize>,
    /// Value of `next_cursor` of the previous page.
    #[param(format = Uuid)]
    cursor: Option<String>,
}

/// List downloads, newest first
#[utoipa::path(
    get, path = "/downloads", tag = "downloads", operation_id = "list_downloads", params(Filter),
    responses((status = 200, description = "A page of downloads", body = DownloadPage)),
)]
pub async fn list(
    Caller(studio): Caller,
    Shared(state): Shared<State>,
    Query(filter): Query<Filter>,
) -> ApiResult<Json<DownloadPage>> {
    let (after, limit) = page_of(filter.limit, filter.cursor.as_deref())?;
    let now = state.clock.now();
    let keep = |download: &Download| {
        filter.active.is_none_or(|active| download.is_ready(now) == active)
            && filter.status.is_none_or(|status| DownloadState::of(download, now) == status)
            && filter.order_id.is_none_or(|order| download.order == order)
    };
    let order = filter.order_id.map(|order| order.to_string());
    let status = filter
        .status
        .map(DownloadState::stored)
        .or(filter.active.filter(|active| *active).map(|_| DownloadStatus::Ready));
    let by = match (&order, status) {
        (Some(order), _) => Some((ListIndex::Order, order.as_str())),
        (None, Some(status)) => Some((ListIndex::Status, status.as_str())),
        (None, None) => None,
    };
    let found = match by {
        Some(by) if state.fillings.is_done(Filled::Downloads).await? => {
            state.downloads.list_by(&studio, by, after, limit, keep).await?
        }
        _ => state.downloads.list(&studio, after, limit, keep).await?,
    };
    Ok(Json(page(&found, |download| DownloadView::new(download, now))))
}

/// Returns the files of a batch download, which are known before it is built. Returns `None` if it was not planned.
async fn files(state: &State, download: &Download) -> ApiResult<Option<Vec<FileView>>> {
    // A warm function can still have the index of an erased download.
    if download.kind == DownloadKind::Single || download.erased_at.is_some() {
        return Ok(None);
    }
    let Some(index) = state.indexes.of(download).await? else { return Ok(None) };
    let several = index.archives.len() > 1;
    let files = (1_u32..).zip(&index.archives).flat_map(|(volume, archive)| {
        archive.entries.iter().map(move |entry| FileView {
            name: entry.name.clone(),
            size_bytes: entry.size,
            crc32: hex(entry.crc32),
            photo_id: entry.photo_id,
            volume: several.then_some(volume),
            offset: entry.offset,
        })
    });
    Ok(Some(files.collect()))
}

/// Get a download
///
/// Includes its files, which are known before it is built.
#[utoipa::path(
    get, path = "/downloads/{id}", tag = "downloads", operation_id = "get_download",
    params(("id" = Uuid, Path, description = "Id of the download")),
    responses((status = 200, description = "The download", body = DownloadWithFiles)),
)]
pub async fn show(
    Caller(studio): Caller,
    Shared(state): Shared<State>,
    Id(id): Id,
    headers: HeaderMap,
) -> ApiResult<Response> {
    let download = state.downloads.get(&studio, id).await?.ok_or_else(|| Problem::not_found("download"))?;
    let view = DownloadView::new(&download, state.clock.now());
    // The files change only with the build number, which the view contains.
    let fetches = FetchView::all_of(&download);
    let tagged = etag::answer(&headers, &(&view, &fetches), [])?;
    let files = if tagged.is_known() { None } else { files(&state, &download).await? };
    Ok(tagged.with(DownloadWithFiles { download: view, files, fetches }))
}

/// Revoke a download
///
/// Existing links stop working, and the archives are deleted.
#[utoipa::path(
    delete, path = "/downloads/{id}", tag = "downloads", operation_id = "revoke_download",
    params(("id" = Uuid, Path, description = "Id of the download")),
    responses((status = 200, description = "The download was revoked", body = DownloadView)),
)]
pub async fn revoke(Caller(studio): Caller, Shared(state): Shared<State>, Id(id): Id) -> ApiResult<Json<DownloadView>> {
    let download = downloads::revoke(&state, &studio, id).await?;
    Ok(Json(DownloadView::new(&download, state.clock.now())))
}
