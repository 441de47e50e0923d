//! Retry of a download.

use api_types::DownloadWithLink;
use axum::{Json, extract::State as Shared};
use domain::{Studio, download::DownloadKind};
use http::StatusCode;
use uuid::Uuid;

use super::with_link;
use crate::{
    app::{
        downloads::{self, Rebuild},
        ordering,
    },
    extract::{BodyOrNone, Id},
    idempotency::IdempotentRequest,
    identity::Caller,
    openapi::Erased,
    problem::{ApiResult, Problem, ProblemView},
    state::State,
    synchronous::HowToRun,
};

/// Build a download again
///
/// For a download that has failed, has expired, or should be rebuilt. The new build keeps the link and the number of
/// counted downloads.
#[utoipa::path(
    post, path = "/downloads/{id}/retry", tag = "downloads", operation_id = "retry_download",
    params(("id" = Uuid, Path, description = "Id of the download")),
    request_body(content = Option<HowToRun>),
    responses(
        (status = 200, description = "The download is ready, or has failed for good with an error", body = DownloadWithLink),
        (status = 202, description = "The job is on the queue", body = DownloadWithLink),
        (status = 409, description = "The download is being built or was revoked, photos are not ready, or a request with this Idempotency-Key is under way", body = ProblemView, content_type = "application/problem+json"),
        Erased,
    ),
)]
pub async fn retry(
    Caller(studio): Caller,
    Shared(state): Shared<State>,
    Id(id): Id,
    request: IdempotentRequest,
    BodyOrNone(how): BodyOrNone<HowToRun>,
) -> ApiResult<(StatusCode, Json<DownloadWithLink>)> {
    again(&state, &studio, id, request, Rebuild::Same, how.wait()).await
}

/// Renew a download
///
/// Builds it again, also one that has expired or whose downloads are used up. The link works as long and as often as
/// before.
#[utoipa::path(
    post, path = "/downloads/{id}/renew", tag = "downloads", operation_id = "renew_download",
    params(("id" = Uuid, Path, description = "Id of the download")),
    request_body(content = Option<HowToRun>),
    responses(
        (status = 200, description = "The download is ready, or has failed for good with an error", body = DownloadWithLink),
        (status = 202, description = "The job is on the queue", body = DownloadWithLink),
        (status = 409, description = "The download is being built or was revoked, photos are not ready, or a request with this Idempotency-Key is under way", body = ProblemView, content_type = "application/problem+json"),
        Erased,
    ),
)]
pub async fn renew(
    Caller(studio): Caller,
    Shared(state): Shared<State>,
    Id(id): Id,
    request: IdempotentRequest,
    BodyOrNone(how): BodyOrNone<HowToRun>,
) -> ApiResult<(StatusCode, Json<DownloadWithLink>)> {
    again(&state, &studio, id, request, Rebuild::Renewed, how.wait()).await
}

async fn again(
    state: &State,
    studio: &Studio,
    id: Uuid,
    request: IdempotentRequest,
    rebuild: Rebuild,
    wait: bool,
) -> ApiResult<(StatusCode, Json<DownloadWithLink>)> {
    let not_found = || Problem::not_found("download");
    let found = state.downloads.get(studio, id).await?.ok_or_else(not_found)?;
    if request.answered {
        return Ok((StatusCode::ACCEPTED, Json(with_link(state, &found).await?)));
    }
    let order = ordering::find(state, studio, found.order).await?;
    let download = downloads::rebuild(state, &order, found, request.id, rebuild, wait).await?;
    let (download, finished) = if download.kind == DownloadKind::Single {
        downloads::tell(state, &order, &download).await?;
        (download, true)
    } else {
        state.workers.dispatch(&state.downloads, download, wait, request).await?
    };
    let status = if finished { StatusCode::OK } else { StatusCode::ACCEPTED };
    Ok((status, Json(with_link(state, &download).await?)))
}
