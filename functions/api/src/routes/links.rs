//! Customer links: a page that counts nothing, tickets for its files, and the files.

mod behind;
mod requests;

use std::collections::HashMap;

use axum::{
    extract::{Path, Query, State as Shared},
    response::Response,
};
use domain::download::{Closed, DownloadFile, DownloadKind, FetchedBy};
use http::{HeaderMap, Method, StatusCode};

use self::behind::{Behind, nth, redirect, saves_files, unknown};
pub use self::requests::*;
use crate::{
    customer_page::{State as PageState, response::Sources},
    problem::ApiResult,
    state::State,
};

/// Values of a query. Mail programs and social networks add fields to links, so unknown ones are ignored.
type Fields = Query<HashMap<String, String>>;

/// Show the customer's page
///
/// Shows the state of the download, its files and its photos, 100 at a time. Nothing is counted, because email scanners open
/// links. HEAD is supported, and unknown query fields are ignored.
///
/// Programs such as curl get status 406: they fetch the file by a POST, `curl -fLOJ -d '' LINK`.
#[utoipa::path(
    get, path = "/d/{token}", tag = "links", operation_id = "customer_page", security(),
    params(
        ("token" = String, Path, description = "Token in the link"),
        ("page" = Option<usize>, Query, description = "Page of the list of photos, from 1"),
    ),
    responses(
        (status = 200, description = "The download is ready, is being built, or has failed", body = String, content_type = "text/html; charset=utf-8"),
        (status = 404, description = "The link is unknown", body = String, content_type = "text/html; charset=utf-8"),
        (status = 406, description = "The client saves files, and this is a page", body = String, content_type = "text/html; charset=utf-8"),
        (status = 410, description = "The download has expired, was revoked, or has no counted downloads left", body = String, content_type = "text/html; charset=utf-8"),
    ),
)]
pub async fn page(
    Shared(state): Shared<State>,
    Path(token): Path<String>,
    Query(fields): Fields,
    headers: HeaderMap,
) -> ApiResult<Response> {
    let Some(behind) = Behind::open(&state, &token).await? else { return Ok(unknown(&headers)) };
    let now = state.clock.now();
    if let Err(closed) = behind.opened.opens(now) {
        return behind.closed(closed).await;
    }
    if saves_files(&headers) {
        return behind.html(StatusCode::NOT_ACCEPTABLE, PageState::Error, Sources::default()).await;
    }
    let page = fields.get("page").and_then(|page| page.parse().ok()).unwrap_or(1);
    behind.ready(page, now).await
}

/// Get the ticket of an archive
///
/// Counts nothing, because email scanners submit forms. Browsers get a page that starts the download; programs, which do
/// not accept HTML, are redirected to the file. Unknown query fields are ignored.
#[utoipa::path(
    post, path = "/d/{token}", tag = "links", operation_id = "start_download", security(),
    params(
        ("token" = String, Path, description = "Token in the link"),
        ("volume" = Option<u16>, Query, description = "Number of the archive, from 1; default 1"),
    ),
    responses(
        (status = 200, description = "A page that starts the download, or says that it has failed", body = String, content_type = "text/html; charset=utf-8"),
        (status = 303, description = "Redirect to the file, with a ticket that works for an hour",
         headers(("location" = String, description = "URL below the link"))),
        (status = 404, description = "The link or the archive is unknown", body = String, content_type = "text/html; charset=utf-8"),
        (status = 409, description = "The download is not ready yet", body = String, content_type = "text/html; charset=utf-8"),
        (status = 410, description = "The download has expired, was revoked, or has no counted downloads left", body = String, content_type = "text/html; charset=utf-8"),
    ),
)]
pub async fn start(
    Shared(state): Shared<State>,
    Path(token): Path<String>,
    Query(fields): Fields,
    headers: HeaderMap,
) -> ApiResult<Response> {
    let Some(behind) = Behind::open(&state, &token).await? else { return Ok(unknown(&headers)) };
    let by = if behind.opened.download.kind == DownloadKind::Single { FetchedBy::Single } else { FetchedBy::Zip };
    let number = fields.get("volume").map_or(Some(1), |number| number.parse().ok());
    let Some(number) = number else { return behind.refused(Closed::NoSuchFile).await };
    behind.start(DownloadFile::Volume(number), by, behind.home.clone(), &headers).await
}

/// Show a photo of the download
#[utoipa::path(
    get, path = "/d/{token}/photo/{number}", tag = "links", operation_id = "customer_photo", security(),
    params(
        ("token" = String, Path, description = "Token in the link"),
        ("number" = usize, Path, description = "Number of the photo in the order, from 1"),
    ),
    responses(
        (status = 200, description = "The photo, or the state of a download that is not ready", body = String, content_type = "text/html; charset=utf-8"),
        (status = 404, description = "The link or the photo is unknown", body = String, content_type = "text/html; charset=utf-8"),
        (status = 410, description = "The download has expired, was revoked, or has no counted downloads left", body = String, content_type = "text/html; charset=utf-8"),
    ),
)]
pub async fn photo(
    Shared(state): Shared<State>,
    Path((token, number)): Path<(String, String)>,
    headers: HeaderMap,
) -> ApiResult<Response> {
    let Some(behind) = Behind::open(&state, &token).await? else { return Ok(unknown(&headers)) };
    if let Err(closed) = behind.opened.opens(state.clock.now()) {
        return behind.closed(closed).await;
    }
    behind.photo(&number).await
}

/// Get the ticket of a photo
///
/// Like that of an archive. `by=phone` records that a phone's photo library gets the file.
#[utoipa::path(
    post, path = "/d/{token}/photo/{number}", tag = "links", operation_id = "start_photo", security(),
    params(
        ("token" = String, Path, description = "Token in the link"),
        ("number" = usize, Path, description = "Number of the photo in the order, from 1"),
        ("by" = Option<String>, Query, description = "`phone`"),
        ("size" = Option<String>, Query, description = "`other`: the photo in the version that the download is not in"),
    ),
    responses(
        (status = 200, description = "A page that starts the download", body = String, content_type = "text/html; charset=utf-8"),
        (status = 303, description = "Redirect to the file, with a ticket that works for an hour",
         headers(("location" = String, description = "URL below the link"))),
        (status = 404, description = "The link or the photo is unknown", body = String, content_type = "text/html; charset=utf-8"),
        (status = 409, description = "The download is not ready yet", body = String, content_type = "text/html; charset=utf-8"),
        (status = 410, description = "The download has expired, was revoked, or has no counted downloads left", body = String, content_type = "text/html; charset=utf-8"),
    ),
)]
pub async fn start_photo(
    Shared(state): Shared<State>,
    Path((token, number)): Path<(String, String)>,
    Query(fields): Fields,
    headers: HeaderMap,
) -> ApiResult<Response> {
    let Some(behind) = Behind::open(&state, &token).await? else { return Ok(unknown(&headers)) };
    // The photos of an erased order are not known any more.
    if let Err(closed) = behind.opened.opens(state.clock.now()) {
        return behind.refused(closed).await;
    }
    let ids = behind.opened.photos(&state).await?;
    let Some((number, id)) = nth(ids, &number) else { return behind.refused(Closed::NoSuchFile).await };
    let is_phone = fields.get("by").is_some_and(|by| by == "phone");
    let is_other = fields.get("size").is_some_and(|size| size == "other");
    let by = if is_phone { FetchedBy::Phone } else { FetchedBy::Single };
    let back = format!("{}/photo/{number}", behind.home);
    let file = if is_other { DownloadFile::OtherSize(id) } else { DownloadFile::Photo(id) };
    behind.start(file, by, back, &headers).await
}

/// Fetch a file
///
/// Counts one download and opens a window of 24 h in which further downloads of all files are not counted, so that
/// interrupted ones can resume. HEAD counts nothing and leads to the file's size.
#[utoipa::path(
    get, path = "/d/{token}/file/{ticket}", tag = "links", operation_id = "fetch_file", security(),
    params(
        ("token" = String, Path, description = "Token in the link"),
        ("ticket" = String, Path, description = "Ticket from the POST"),
    ),
    responses(
        (status = 303, description = "Redirect to the file, in S3 or the CDN. The URL works for 15 minutes to an hour, depending on the file's size",
         headers(("location" = String, description = "Signed URL of the file"))),
        (status = 404, description = "The link or the file is unknown, or the ticket has expired", body = String, content_type = "text/html; charset=utf-8"),
        (status = 409, description = "The download is being built again", body = String, content_type = "text/html; charset=utf-8"),
        (status = 410, description = "The download has expired, was revoked, or has no counted downloads left", body = String, content_type = "text/html; charset=utf-8"),
    ),
)]
pub async fn file(
    method: Method,
    Shared(state): Shared<State>,
    Path((token, ticket)): Path<(String, String)>,
    headers: HeaderMap,
) -> ApiResult<Response> {
    let Some(behind) = Behind::open(&state, &token).await? else { return Ok(unknown(&headers)) };
    let found = if method == Method::HEAD {
        behind.opened.look(&state, &ticket).await?
    } else {
        behind.opened.fetch(&state, &ticket).await?
    };
    match found {
        Some(Ok(url)) => Ok(redirect(&url)),
        Some(Err(closed)) => behind.refused(closed).await,
        None => behind.refused(Closed::NoSuchFile).await,
    }
}
