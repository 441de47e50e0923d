//! Unfinished jobs of a queue.

use api_types::JobPage;
use axum::{
    Json,
    extract::{Path, State as Shared},
};
use domain::queue_config::QueueName;
use runtime::{on_failed_jobs, store::DueKey};
use serde::Deserialize;
use utoipa::IntoParams;

use super::job_id::queue_named;
use crate::{
    app::jobs::{self, Unfinished},
    extract::Query,
    identity::Operator,
    problem::ApiResult,
    routes::page_of,
    state::State,
};

/// Filter of the list of jobs.
#[derive(Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct JobFilter {
    /// State of the jobs.
    #[param(inline)]
    state: Unfinished,
    /// Largest number of jobs on the page.
    #[param(minimum = 1, maximum = 200, default = 50)]
    limit: Option<usize>,
    /// Value of `next_cursor` of the previous page.
    cursor: Option<String>,
}

/// List unfinished jobs
///
/// Lists jobs that a worker has the lease of, or that wait, of all studios. Failed jobs have a list of their own.
#[utoipa::path(
    get, path = "/queues/{queue}/jobs", tag = "queues", operation_id = "list_jobs",
    params(("queue" = QueueName, Path, description = "Name of the queue"), JobFilter),
    responses((status = 200, description = "A page of jobs", body = JobPage)),
)]
pub async fn list_jobs(
    Operator(_): Operator,
    Shared(state): Shared<State>,
    Path(queue): Path<String>,
    Query(filter): Query<JobFilter>,
) -> ApiResult<Json<JobPage>> {
    let queue = queue_named(&queue)?;
    let (after, limit) = page_of::<DueKey>(filter.limit, filter.cursor.as_deref())?;
    if queue == QueueName::Uploads {
        // Its messages are about objects, which have no record yet.
        return Ok(Json(JobPage { items: Vec::new(), next_cursor: None }));
    }
    let which = filter.state;
    on_failed_jobs!(state.failed_jobs, queue, |failed| jobs::unfinished(&state, &failed.table, which, after, limit)
        .await
        .map(Json))
}
