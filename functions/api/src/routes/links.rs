//! Customer links: a page that counts nothing, and a POST that redirects to the file.

use std::time::Duration;

use archive::{OriginalName, contents::MAX_VOLUMES, file_name};
use axum::{
    extract::{Path, State as Shared},
    response::{IntoResponse, Response},
};
use domain::{
    ObjectKey,
    download::{Closed, Download, DownloadKind},
    link::LinkToken,
    order::Order,
};
use http::{
    HeaderValue, StatusCode,
    header::{CACHE_CONTROL, CONTENT_SECURITY_POLICY, LOCATION, REFERRER_POLICY, X_CONTENT_TYPE_OPTIONS},
};
use serde::Deserialize;
use utoipa::IntoParams;

use crate::{
    download_page::{self, Page},
    extract::Query,
    problem::{ApiResult, Problem},
    state::State,
};

/// Rate that determines the lifetime of a presigned GET: the time that the file needs at 1 MB/s, within the bounds
/// below. The URL expires with the function's credentials, but downloads in progress continue. The page creates a new
/// URL on each click.
const SLOW_LINE_BYTES_PER_SECOND: u64 = 1_000_000;
const SHORTEST: u64 = 15 * 60;
const LONGEST: u64 = 3600;

/// Show the customer's page
///
/// Shows the state of the download. Nothing is counted, because email scanners open links. HEAD is supported.
#[utoipa::path(
    get, path = "/d/{token}", tag = "links", operation_id = "customer_page", security(),
    params(("token" = String, Path, description = "Token in the link")),
    responses(
        (status = 200, description = "The download is ready, is being built, or has failed", body = String, content_type = "text/html; charset=utf-8"),
        (status = 404, description = "The link is unknown", body = String, content_type = "text/html; charset=utf-8"),
        (status = 410, description = "The download has expired, was revoked, or has no counted downloads left", body = String, content_type = "text/html; charset=utf-8"),
    ),
)]
pub async fn page(Shared(state): Shared<State>, Path(token): Path<String>) -> ApiResult<Response> {
    let Some((download, order, genuine)) = find(&state, &token).await? else {
        return Ok(html(StatusCode::NOT_FOUND, &Page::unknown()));
    };
    let opens = if genuine { download.opens(state.clock.now()) } else { Err(Closed::Revoked) };
    Ok(html(status(opens), &Page::of(&download, &order, opens)))
}

/// Archive of a download that has several.
#[derive(Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct Which {
    /// Number of the archive, from 1; default 1.
    #[param(minimum = 1, maximum = 100)]
    volume: Option<usize>,
}

/// Fetch the files of a download
///
/// Counts one download and opens a window of 24 h in which further downloads of all archives are not counted, so that
/// interrupted ones can resume.
#[utoipa::path(
    post, path = "/d/{token}", tag = "links", operation_id = "fetch_download", security(),
    params(("token" = String, Path, description = "Token in the link"), Which),
    responses(
        (status = 303, description = "Redirect to the file. The URL works for 15 minutes to an hour, depending on the file's size",
         headers(("location" = String, description = "Presigned URL of the file"))),
        (status = 200, description = "The download has failed", body = String, content_type = "text/html; charset=utf-8"),
        (status = 404, description = "The link or the archive is unknown", body = String, content_type = "text/html; charset=utf-8"),
        (status = 409, description = "The download is not ready yet", body = String, content_type = "text/html; charset=utf-8"),
        (status = 410, description = "The download has expired, was revoked, or has no counted downloads left", body = String, content_type = "text/html; charset=utf-8"),
    ),
)]
pub async fn fetch(
    Shared(state): Shared<State>,
    Path(token): Path<String>,
    Query(which): Query<Which>,
) -> ApiResult<Response> {
    let volume = which.volume.unwrap_or(1);
    if !(1..=MAX_VOLUMES).contains(&volume) {
        return Err(Problem::invalid("volume", format!("It must be 1 to {MAX_VOLUMES}.")).into());
    }
    let Some((download, order, genuine)) = find(&state, &token).await? else {
        return Ok(html(StatusCode::NOT_FOUND, &Page::unknown()));
    };
    let generation = download.generation;
    let fetched = state
        .downloads
        .update(&download.studio, download.id, |download: &mut Download| {
            if !genuine || download.generation != generation {
                return Err(Closed::Revoked);
            }
            download.fetch(state.clock.now(), volume)
        })
        .await?;
    match fetched {
        None => Ok(html(StatusCode::NOT_FOUND, &Page::unknown())),
        Some((download, Err(closed))) => {
            let status = if closed == Closed::NotReady { StatusCode::CONFLICT } else { status(Err(closed)) };
            Ok(html(status, &Page::of(&download, &order, Err(closed))))
        }
        Some((download, Ok(()))) => {
            let url = presign(&state, &download, &order, volume).await?;
            let mut response = StatusCode::SEE_OTHER.into_response();
            let headers = response.headers_mut();
            headers.insert(LOCATION, HeaderValue::try_from(url).map_err(anyhow::Error::from)?);
            headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
            Ok(response)
        }
    }
}

/// Returns the download that a token names, its order, and whether the token's generation is current.
async fn find(state: &State, token: &str) -> ApiResult<Option<(Download, Order, bool)>> {
    let Some(LinkToken { studio, download, generation }) = state.links.current().await?.verify(token) else {
        return Ok(None);
    };
    let Some(download) = state.downloads.get(&studio, download).await? else { return Ok(None) };
    let Some(order) = state.orders.get(&studio, download.order).await? else { return Ok(None) };
    // The order is marked as erased before its downloads are revoked. In between, their links must not work either.
    let genuine = download.generation == generation && !order.is_erased();
    Ok(Some((download, order, genuine)))
}

fn status(opens: Result<(), Closed>) -> StatusCode {
    match opens {
        Ok(()) | Err(Closed::NotReady | Closed::Failed) => StatusCode::OK,
        Err(Closed::NoSuchArchive) => StatusCode::NOT_FOUND,
        Err(Closed::Expired | Closed::Revoked | Closed::Spent) => StatusCode::GONE,
    }
}

async fn presign(state: &State, download: &Download, order: &Order, volume: usize) -> ApiResult<String> {
    let Some(file) = download.volume(volume) else {
        return Err(anyhow::anyhow!("Download {} is ready but has no file", download.id).into());
    };
    let Some(key) = ObjectKey::parse(&file.path) else {
        return Err(anyhow::anyhow!("Download {} has a file path that is no key", download.id).into());
    };
    let (store, filename) = match (download.kind, download.photo) {
        (DownloadKind::Single, Some(photo)) => {
            let photo = state.photos.get(&download.studio, photo).await?;
            let photo = photo.ok_or_else(|| Problem::not_found("photo"))?;
            let content_type = photo.development.as_ref().map(|made| made.sniffed_content_type.as_str());
            (&state.originals, file_name(OriginalName { filename: &photo.filename, content_type }))
        }
        _ if download.files.built().len() <= 1 => (&state.archives, format!("{}.zip", order.reference)),
        _ => (&state.archives, format!("{} {volume} of {}.zip", order.reference, download.files.built().len())),
    };
    let seconds = (file.size / SLOW_LINE_BYTES_PER_SECOND).clamp(SHORTEST, LONGEST);
    let disposition = download_page::attachment(&filename);
    Ok(store.presign_get(&key, Some(&disposition), Duration::from_secs(seconds)).await?)
}

fn html(status: StatusCode, page: &Page) -> Response {
    let mut response = (status, axum::response::Html(page.render())).into_response();
    let headers = response.headers_mut();
    // The token in the URL must not reach third parties, and the page loads no external resources.
    headers.insert(REFERRER_POLICY, HeaderValue::from_static("no-referrer"));
    headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    headers.insert(X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    headers.insert(
        CONTENT_SECURITY_POLICY,
        HeaderValue::from_static("default-src 'none'; style-src 'unsafe-inline'; frame-ancestors 'none'"),
    );
    response
}
