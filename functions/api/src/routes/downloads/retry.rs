//! Downloads built again.

use api_types::DownloadWithLink;
use axum::{Json, extract::State as Shared};
use domain::download::DownloadKind;
use http::StatusCode;

use super::with_link;
use crate::{
    app::{downloads, ordering},
    extract::{BodyOrNone, Id},
    idempotency::IdempotentRequest,
    identity::Caller,
    problem::{ApiResult, Problem, ProblemView},
    state::State,
    synchronous::HowToRun,
};

/// Build a download again
///
/// One that failed, expired, or is to be made anew. It is a new build under the same link; counted downloads stay counted.
#[utoipa::path(
    post, path = "/downloads/{id}/retry", tag = "downloads", operation_id = "retry_download",
    params(("id" = Uuid, Path, description = "Of the download")),
    request_body(content = Option<HowToRun>),
    responses(
        (status = 200, description = "Ready; or failed for good, and says why", body = DownloadWithLink),
        (status = 202, description = "On the queue", body = DownloadWithLink),
        (status = 409, description = "It is being built, was taken back, or photos are not ready; or a request with this Idempotency-Key is under way", body = ProblemView, content_type = "application/problem+json"),
        (status = 410, description = "Its order was erased", body = ProblemView, content_type = "application/problem+json"),
    ),
)]
pub async fn retry(
    Caller(studio): Caller,
    Shared(state): Shared<State>,
    Id(id): Id,
    request: IdempotentRequest,
    BodyOrNone(how): BodyOrNone<HowToRun>,
) -> ApiResult<(StatusCode, Json<DownloadWithLink>)> {
    let not_found = || Problem::not_found("download");
    let found = state.downloads.get(&studio, id).await?.ok_or_else(not_found)?;
    if request.answered {
        return Ok((StatusCode::ACCEPTED, Json(with_link(&state, &found).await?)));
    }
    let order = ordering::find(&state, &studio, found.order).await?;
    let download = downloads::rebuild(&state, &order, found, request.id, how.wait()).await?;
    let (download, finished) = if download.kind == DownloadKind::Single {
        downloads::tell(&state, &order, &download).await?;
        (download, true)
    } else {
        state.workers.dispatch(&state.downloads, download, how.wait(), request).await?
    };
    let status = if finished { StatusCode::OK } else { StatusCode::ACCEPTED };
    Ok((status, Json(with_link(&state, &download).await?)))
}
