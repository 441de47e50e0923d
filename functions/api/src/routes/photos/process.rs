//! Photos developed again: one, or many.

use axum::{Json, extract::State as Shared};
use domain::{
    job_state::NotAgain,
    operation::{Operation, Photos, Task},
    photo::{Photo, PhotoStatus},
    queue_config::QueueName,
};
use http::StatusCode;
use serde::Deserialize;
use utoipa::ToSchema;

use super::{super::operations, find};
use crate::{
    extract::{Body, BodyOrNone, Id, integer},
    idempotency::Allotted,
    identity::Caller,
    problem::{ApiResult, Kind, Problem, ProblemView},
    state::State,
    synchronous,
    views::{OperationStarted, PhotoView},
};

/// How a job is done.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct HowToRun {
    /// `false`: it is waited for. Refused if it would take too long. It is queued unless said.
    queue: Option<bool>,
}

impl HowToRun {
    /// Is it waited for?
    pub fn wait(&self) -> bool {
        self.queue == Some(false)
    }
}

/// Develop a photo again
///
/// Until that is done, what was developed before stays in place.
#[utoipa::path(
    post, path = "/photos/{id}/process", tag = "photos", operation_id = "process_photo",
    params(("id" = Uuid, Path, description = "Of the photo")),
    request_body(content = Option<HowToRun>),
    responses(
        (status = 200, description = "Done; or failed for good, and says why", body = PhotoView),
        (status = 202, description = "On the queue", body = PhotoView),
        (status = 409, description = "It has no original yet, is under way, or a request with this Idempotency-Key is", body = ProblemView, content_type = "application/problem+json"),
    ),
)]
pub async fn process(
    Caller(studio): Caller,
    Shared(state): Shared<State>,
    Id(id): Id,
    allotted: Allotted,
    BodyOrNone(how): BodyOrNone<HowToRun>,
) -> ApiResult<(StatusCode, Json<PhotoView>)> {
    let found = find(&state, &studio, id).await?;
    if allotted.answered {
        return Ok((StatusCode::OK, Json((&found).into())));
    }
    if how.wait() {
        state.workers.check(synchronous::photo(found.size))?;
    }
    // Uploaded, and S3's event was lost: the job makes up for it.
    let lost = found.status == PhotoStatus::AwaitingUpload && state.originals.head(&found.original()).await?.is_some();
    let now = state.clock.now();
    let set = state.photos.table.update(&studio, id, |photo: &mut Photo| {
        if lost && photo.status == PhotoStatus::AwaitingUpload {
            photo.work = photo.work.sent_again(now, Some(allotted.id))?;
            return Ok(());
        }
        photo.restart(now, Some(allotted.id))
    });
    let (photo, set) = set.await?.ok_or_else(|| Problem::not_found("photo"))?;
    match set {
        Ok(()) | Err(NotAgain::Repeated) => {}
        Err(NotAgain::UnderWay) => return Err(Problem::new(Kind::UnderWay, "The photo is being developed.").into()),
        Err(NotAgain::Impossible) => {
            return Err(Problem::new(Kind::NotUploaded, "The photo has no original yet, or is being deleted.").into());
        }
    }
    let (photo, finished) = state.workers.dispatch(&state.photos, photo, how.wait(), allotted).await?;
    let status = if finished { StatusCode::OK } else { StatusCode::ACCEPTED };
    Ok((status, Json((&photo).into())))
}

/// Which photos are to be developed again.
#[derive(Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum Which {
    /// Every one that was uploaded.
    All,
    /// Those that failed.
    Failed,
    /// Those that a processor older than `processor_version` developed.
    Older,
}

/// Which photos are to be developed again.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct ProcessMany {
    /// Which.
    which: Which,
    /// With `older`: older than this; than the present one unless said.
    #[serde(default, deserialize_with = "integer")]
    #[schema(value_type = Option<u64>, minimum = 1, maximum = 4_294_967_295_u32)]
    processor_version: Option<u32>,
}

/// Develop many photos again
///
/// Goes through the queue page by page and survives crashes. `GET /operations/{id}` says how many are on the queue.
#[utoipa::path(
    post, path = "/photos/process", tag = "photos", operation_id = "process_photos", request_body = ProcessMany,
    responses((status = 202, description = "Begun", body = OperationStarted)),
)]
pub async fn process_many(
    Caller(studio): Caller,
    Shared(state): Shared<State>,
    allotted: Allotted,
    Body(many): Body<ProcessMany>,
) -> ApiResult<(StatusCode, Json<OperationStarted>)> {
    let which = match (many.which, many.processor_version) {
        (Which::All, None) => Photos::All,
        (Which::Failed, None) => Photos::Failed,
        (Which::Older, version @ (None | Some(1..))) => {
            Photos::Older { processor_version: version.unwrap_or(domain::photo::PROCESSOR_VERSION) }
        }
        _ => {
            return Err(
                Problem::invalid("processor_version", "It is 1 or more, and belongs to older photos only.").into()
            );
        }
    };
    let task = Task::Regenerate { which };
    let operation = Operation::new(studio, allotted.id, QueueName::Photos, task, state.clock.now());
    operations::begin(&state, operation, allotted).await
}
