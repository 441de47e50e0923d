//! Downloads built again.

use axum::{Json, extract::State as Shared};
use domain::{
    download::{Download, DownloadKind},
    job_state::NotAgain,
    order::Order,
};
use http::StatusCode;
use uuid::Uuid;

use super::{announce, bare_file, photo_of, plan, tell, with_link};
use crate::routes::{orders, photos::HowToRun};
use crate::{
    extract::{BodyOrNone, Id},
    idempotency::Allotted,
    identity::Caller,
    problem::{ApiResult, Kind, Problem, ProblemView},
    state::State,
    views::DownloadWithLink,
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
    allotted: Allotted,
    BodyOrNone(how): BodyOrNone<HowToRun>,
) -> ApiResult<(StatusCode, Json<DownloadWithLink>)> {
    let not_found = || Problem::not_found("download");
    let found = state.downloads.table.get(&studio, id).await?.ok_or_else(not_found)?;
    if allotted.answered {
        return Ok((StatusCode::ACCEPTED, Json(with_link(&state, &found).await?)));
    }
    let order = orders::find(&state, &studio, found.order).await?;
    let download = rebuild(&state, &order, found, allotted.id, how.wait()).await?;
    let (download, finished) = if download.kind == DownloadKind::Single {
        tell(&state, &order, &download).await?;
        (download, true)
    } else {
        state.workers.dispatch(&state.downloads, download, how.wait(), allotted).await?
    };
    let status = if finished { StatusCode::OK } else { StatusCode::ACCEPTED };
    Ok((status, Json(with_link(&state, &download).await?)))
}

/// Sets a new build going, with what it will be; unless this request has done so before.
async fn rebuild(state: &State, order: &Order, found: Download, by: Uuid, wait: bool) -> ApiResult<Download> {
    let now = state.clock.now();
    // Tried on a copy first: the index of a new build lies in place before the record names that build.
    let mut new = found.clone();
    match new.restart(now, Some(by)) {
        Err(NotAgain::Repeated) => return Ok(found),
        other => refuse(other)?,
    }
    if new.kind == DownloadKind::Single {
        let photo = photo_of(state, order, &new).await?;
        let file = bare_file(&photo, new.variant)?;
        new.make_ready(now, file);
    } else {
        let layouts = plan(state, order, &new, wait).await?;
        announce(state, &mut new, &layouts).await?;
    }
    let set = state.downloads.table.update(&found.studio, found.id, |download: &mut Download| {
        if download.build != found.build {
            return Err(NotAgain::UnderWay);
        }
        download.restart(now, Some(by))?;
        download.planned.clone_from(&new.planned);
        if let Some(file) = &new.file {
            download.make_ready(now, file.clone());
        }
        Ok(())
    });
    let (download, set) = set.await?.ok_or_else(|| Problem::not_found("download"))?;
    refuse(set)?;
    Ok(download)
}

fn refuse(set: Result<(), NotAgain>) -> Result<(), Problem> {
    match set {
        Ok(()) | Err(NotAgain::Repeated) => Ok(()),
        Err(NotAgain::UnderWay) => Err(Problem::new(Kind::UnderWay, "The download is being built.")),
        Err(NotAgain::Impossible) => Err(Problem::new(Kind::Revoked, "The download was taken back.")),
    }
}
