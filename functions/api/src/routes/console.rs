//! The operators' console: a page that works with the routes for operators and their token. Its files are open to all.

use axum::{
    Json,
    extract::{Path, RawQuery, State as Shared, rejection::PathRejection},
    response::{IntoResponse, Response},
};
use http::{
    HeaderMap, HeaderName, HeaderValue,
    header::{CACHE_CONTROL, CONTENT_SECURITY_POLICY, CONTENT_TYPE},
};

use crate::{
    console::ConsoleConfig,
    etag,
    problem::{ApiResult, Problem, ProblemView},
    state::State,
};

/// A browser asks each time whether its copy is that of this release.
const REVALIDATED: &str = "no-cache";
/// Another release names another version, so that this one can be kept for a year.
const IMMUTABLE: &str = "public, max-age=31536000, immutable";

/// Show the operators' console
///
/// A page with the queues, their failed jobs, and the story of each record. Operators sign in there; the page itself shows
/// nothing of the deployment.
#[utoipa::path(
    get, path = "/console", tag = "service", operation_id = "get_console", security(),
    responses(
        (status = 200, description = "The page", body = String, content_type = "text/html"),
        (status = 304, description = "The page is the one that the browser has"),
    ),
)]
pub async fn page(Shared(state): Shared<State>, headers: HeaderMap) -> ApiResult<Response> {
    let policy = &state.console.policy;
    let text = state.console.files().page.clone();
    let mut response = etag::answer(&headers, &text, policy.as_bytes())?
        .with_response(|| ([(CONTENT_TYPE, "text/html; charset=utf-8")], text), [(CACHE_CONTROL, REVALIDATED)]);
    response.headers_mut().insert(CONTENT_SECURITY_POLICY, policy.clone());
    // No other page gets hold of this one's window, in whose memory the token is.
    let opener = HeaderName::from_static("cross-origin-opener-policy");
    response.headers_mut().insert(opener, HeaderValue::from_static("same-origin"));
    Ok(response)
}

/// Get a file of the console
#[utoipa::path(
    get, path = "/console/{file}", tag = "service", operation_id = "get_console_file", security(),
    params(
        ("file" = String, Path, description = "Name of the file"),
        ("v" = Option<String>, Query, description = "Version of the console, with which the page names its files"),
    ),
    responses(
        (
            status = 200, description = "The file",
            content((String = "text/javascript"), (String = "text/css"), (String = "image/svg+xml")),
        ),
        (status = 304, description = "The file is the one that the browser has"),
        (status = 404, description = "There is no such file", body = ProblemView, content_type = "application/problem+json"),
    ),
)]
pub async fn file(
    Shared(state): Shared<State>,
    path: Result<Path<String>, PathRejection>,
    RawQuery(query): RawQuery,
    headers: HeaderMap,
) -> ApiResult<Response> {
    let not_found = || Problem::not_found("file");
    let Path(name) = path.map_err(|_| not_found())?;
    let files = state.console.files();
    let (text, media_type) = files.find(&name).ok_or_else(not_found)?;
    let is_named = query.as_deref().and_then(|query| query.strip_prefix("v=")) == Some(&files.version);
    let cached = if is_named { IMMUTABLE } else { REVALIDATED };
    let text = text.to_owned();
    Ok(etag::answer(&headers, &text, [])?
        .with_response(|| ([(CONTENT_TYPE, media_type)], text), [(CACHE_CONTROL, cached)]))
}

/// Get the console's configuration
#[utoipa::path(
    get, path = "/console/config.json", tag = "service", operation_id = "get_console_config", security(),
    responses((status = 200, description = "Where operators sign in", body = ConsoleConfig)),
)]
pub async fn config(Shared(state): Shared<State>) -> impl IntoResponse {
    ([(CACHE_CONTROL, REVALIDATED)], Json(&state.console.config).into_response())
}
