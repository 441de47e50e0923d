//! Retry and removal of failed jobs: named ones by the request, selections by an operation.

use std::collections::HashSet;

use api_types::{Forgotten, OperationStarted, Retried, Skipped};
use axum::{
    Json,
    extract::{Path, State as Shared},
    response::{IntoResponse, Response},
};
use domain::{
    Studio,
    job_record::JobRecord,
    operation::{Operation, Selection, Task},
    queue_config::QueueName,
};
use futures::{StreamExt as _, stream};
use http::StatusCode;
use jiff::Timestamp;
use runtime::failed_jobs::{CONCURRENCY, DeadLetter, DeadLetterAction, DeadLetterOutcome, FailedJobs, LOOKED_AT};
use runtime::on_failed_jobs;
use serde::Deserialize;
use utoipa::{IntoParams, ToSchema};
use uuid::Uuid;

use super::{
    LETTERS,
    job_id::{JobId, queue_named},
};
use crate::{
    extract::{Body, Query},
    idempotency::{IdempotentRequest, Remember},
    identity::Operator,
    problem::{ApiResult, Problem},
    routes::operations,
    state::State,
};

/// Largest number of failed jobs that one request can name.
const MAX_IDS: usize = 100;

/// Failed jobs to retry: exactly one of `ids`, `error` and `all`.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Retry {
    /// Ids of failed jobs, as listed.
    #[schema(min_items = 1, max_items = 100)]
    ids: Option<Vec<String>>,
    /// Failed jobs with this error code.
    error: Option<String>,
    /// All failed jobs.
    all: Option<bool>,
    /// With `error` or `all`: only failed jobs of this studio.
    #[schema(value_type = Option<String>, pattern = "^[a-z0-9-]{1,63}$")]
    studio: Option<Studio>,
}

/// Retry failed jobs
///
/// For each job, the record is restarted, the job is sent, and its dead letters are deleted, in this order. With `ids`
/// this happens immediately; with `error` or `all`, page by page in an operation. Jobs that fail after the request are
/// not affected.
#[utoipa::path(
    post, path = "/queues/{queue}/failed/retry", tag = "queues", operation_id = "retry_failed",
    params(("queue" = QueueName, Path, description = "Name of the queue")),
    request_body = Retry,
    responses(
        (status = 200, description = "With `ids`: the retried and the skipped jobs", body = Retried),
        (status = 202, description = "With `error` or `all`: the operation was started", body = OperationStarted),
    ),
)]
pub async fn retry_failed(
    Operator(operator): Operator,
    Shared(state): Shared<State>,
    Path(queue): Path<String>,
    request: IdempotentRequest,
    Body(retry): Body<Retry>,
) -> ApiResult<Response> {
    let queue = queue_named(&queue)?;
    match retry {
        Retry { ids: Some(ids), error: None, all: None | Some(false), studio: None } => {
            let ids = parse_ids(&ids)?;
            let now = state.clock.now();
            let retried =
                on_failed_jobs!(state.failed_jobs, queue, |failed| retry_each(failed, &ids, now, request.id).await)?;
            let remembered = Remember(serde_json::to_string(&retried).map_err(anyhow::Error::from)?);
            let mut response = Json(retried).into_response();
            response.extensions_mut().insert(remembered);
            Ok(response)
        }
        Retry { ids: None, error, all, studio } => {
            let task = Task::Retry { selection: select(error, all, studio)? };
            let operation = Operation::new(operator, request.id, queue, task, state.clock.now());
            operations::begin(&state, operation, request).await.map(IntoResponse::into_response)
        }
        Retry { .. } => Err(Problem::invalid("ids", "Send ids alone, without error, all and studio.").into()),
    }
}

fn parse_ids(ids: &[String]) -> Result<Vec<JobId>, Problem> {
    if !(1..=MAX_IDS).contains(&ids.len()) {
        return Err(Problem::invalid("ids", format!("They must be 1 to {MAX_IDS}.")));
    }
    let mut seen = HashSet::new();
    let parsed = ids.iter().enumerate().map(|(n, id)| {
        id.parse::<JobId>()
            .map_err(|()| Problem::invalid(format!("ids[{n}]"), "It is not an id of the list of failed jobs."))
    });
    let parsed = parsed.collect::<Result<Vec<_>, _>>()?;
    Ok(parsed.into_iter().filter(|id| seen.insert(id.clone())).collect())
}

/// Parses the selection. `all` must be explicit, so that an empty body does not restart thousands of jobs.
fn select(error: Option<String>, all: Option<bool>, studio: Option<Studio>) -> Result<Selection, Problem> {
    match (error, all) {
        (Some(error), None | Some(false)) => Ok(Selection { error: Some(error), studio }),
        (None, Some(true)) => Ok(Selection { error: None, studio }),
        _ => Err(Problem::invalid("all", "Set either error or all: true.")),
    }
}

async fn retry_each<R: JobRecord>(
    failed: &FailedJobs<R>,
    ids: &[JobId],
    now: Timestamp,
    by: Uuid,
) -> ApiResult<Retried> {
    let mut outcome = Retried::default();
    let mut messages: HashSet<&str> = HashSet::new();
    for id in ids {
        match id {
            JobId::Record(studio, record) => {
                if failed.retry(studio, *record, now, by).await? {
                    outcome.retried.push(id.to_string());
                } else {
                    let reason = "It has not failed, or has been retried since.".to_owned();
                    outcome.skipped.push(Skipped { id: id.to_string(), reason });
                }
            }
            JobId::Message(message) => drop(messages.insert(message)),
        }
    }
    for letter in deal(failed, DeadLetterAction::Retry, by, |letter| messages.contains(letter.id.as_str())).await? {
        messages.remove(letter.as_str());
        outcome.retried.push(JobId::Message(letter).to_string());
    }
    for id in messages {
        let reason = "It is not in the dead-letter queue, or belongs to a failed record.".to_owned();
        outcome.skipped.push(Skipped { id: JobId::Message(id.to_owned()).to_string(), reason });
    }
    Ok(outcome)
}

/// Failed jobs to remove: exactly one of `error` and `all`.
#[derive(Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct Flush {
    /// Failed jobs with this error code.
    error: Option<String>,
    /// All failed jobs.
    all: Option<bool>,
    /// Only failed jobs of this studio.
    #[param(value_type = Option<String>, pattern = "^[a-z0-9-]{1,63}$")]
    studio: Option<Studio>,
}

/// Forget failed jobs
///
/// Removes the jobs from the list and their messages from the dead-letter queue; the records stay failed. An operation
/// does this page by page. Jobs that fail after the request are not affected.
#[utoipa::path(
    delete, path = "/queues/{queue}/failed", tag = "queues", operation_id = "flush_failed",
    params(("queue" = QueueName, Path, description = "Name of the queue"), Flush),
    responses((status = 202, description = "The operation was started", body = OperationStarted)),
)]
pub async fn flush_failed(
    Operator(operator): Operator,
    Shared(state): Shared<State>,
    Path(queue): Path<String>,
    request: IdempotentRequest,
    Query(flush): Query<Flush>,
) -> ApiResult<(StatusCode, Json<OperationStarted>)> {
    let queue = queue_named(&queue)?;
    let task = Task::Forget { selection: select(flush.error, flush.all, flush.studio)? };
    let operation = Operation::new(operator, request.id, queue, task, state.clock.now());
    operations::begin(&state, operation, request).await
}

/// Forget a failed job
///
/// Removes the job from the list and its messages from the dead-letter queue; the record stays failed.
#[utoipa::path(
    delete, path = "/queues/{queue}/failed/{id}", tag = "queues", operation_id = "forget_failed",
    params(
        ("queue" = QueueName, Path, description = "Name of the queue"),
        ("id" = String, Path, description = "Id of the failed job, as listed"),
    ),
    responses((status = 200, description = "The failed job was removed from the list", body = Forgotten)),
)]
pub async fn forget_failed(
    Operator(_): Operator,
    Shared(state): Shared<State>,
    Path((queue, id)): Path<(String, String)>,
) -> ApiResult<Json<Forgotten>> {
    let queue = queue_named(&queue)?;
    let not_found = || Problem::not_found("failed job");
    let job: JobId = id.parse().map_err(|()| not_found())?;
    if on_failed_jobs!(state.failed_jobs, queue, |failed| forget(failed, &job).await)? {
        Ok(Json(Forgotten { forgotten: id }))
    } else {
        Err(not_found().into())
    }
}

async fn forget<R: JobRecord>(failed: &FailedJobs<R>, job: &JobId) -> ApiResult<bool> {
    let (listed, message) = match job {
        JobId::Record(studio, id) => (failed.forget(studio, *id).await?, None),
        JobId::Message(id) => (false, Some(id)),
    };
    if !listed && message.is_none() {
        return Ok(false);
    }
    let outcome = deal(failed, DeadLetterAction::Forget, Uuid::nil(), |letter| Some(&letter.id) == message).await?;
    Ok(listed || !outcome.is_empty())
}

/// Settles the chosen dead letters and those left over from earlier actions, and puts the others back. Returns the ids
/// of the chosen ones that were settled.
async fn deal<R: JobRecord>(
    failed: &FailedJobs<R>,
    action: DeadLetterAction,
    by: Uuid,
    chosen: impl Fn(&DeadLetter) -> bool,
) -> ApiResult<Vec<String>> {
    let letters = failed.dead_letters.look(LETTERS, false, LOOKED_AT).await?;
    let actions: Vec<_> = letters
        .iter()
        .map(|letter| {
            let chosen = chosen(letter);
            failed.settle(letter, action, by, move |_| chosen)
        })
        .collect();
    let outcome: Vec<anyhow::Result<DeadLetterOutcome>> = stream::iter(actions).buffered(CONCURRENCY).collect().await;
    let with = |requested: fn(&anyhow::Result<DeadLetterOutcome>) -> bool| -> Vec<&DeadLetter> {
        letters.iter().zip(&outcome).filter(|(_, outcome)| requested(outcome)).map(|(letter, _)| letter).collect()
    };
    failed
        .dead_letters
        .put_back(&with(|outcome| !matches!(outcome, Ok(DeadLetterOutcome::Cleared | DeadLetterOutcome::Done))))
        .await;
    let done =
        with(|outcome| matches!(outcome, Ok(DeadLetterOutcome::Done))).iter().map(|letter| letter.id.clone()).collect();
    outcome.into_iter().collect::<anyhow::Result<Vec<_>>>()?;
    Ok(done)
}
