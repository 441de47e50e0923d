//! List of failed jobs: failed records and dead letters.

use std::collections::{HashMap, HashSet};

use api_types::{FailedJob, FailedJobPage, FailedKind, FailureGroup};
use axum::{
    Json,
    extract::{Path, State as Shared},
};
use domain::{
    Studio,
    job_counts::{Counted, ErrorCount, JobCounter},
    job_record::JobRecord,
    operation::Selection,
};
use futures::{StreamExt as _, TryStreamExt as _, stream};
use jiff::Timestamp;
use runtime::{
    failed_jobs::{CONCURRENCY, DeadLetter, DeadLetterStatus, Entry, FailedJobs, LOOKED_AT},
    on_failed_jobs,
    store::{Failure, FailureKey, MOST_COUNTED},
};
use serde::Deserialize;
use utoipa::IntoParams;
use uuid::Uuid;

use super::{
    LETTERS,
    job_id::{JobId, queue_named},
    many_failed,
};
use crate::{
    extract::Query,
    identity::Operator,
    problem::{ApiResult, Problem},
    redaction::redacted,
    routes::page_of,
    state::State,
};

/// Largest number of failures read from the index in one request.
const FAILURES_PER_READ: usize = 1_000;

/// Filter of the list of failed jobs.
#[derive(Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct FailedFilter {
    /// Failed jobs with this error code.
    error: Option<String>,
    /// Failed jobs of this studio.
    #[param(value_type = Option<String>, pattern = "^[a-z0-9-]{1,63}$")]
    studio: Option<Studio>,
    /// Number of records on the page.
    #[param(minimum = 1, maximum = 200, default = 50)]
    limit: Option<usize>,
    /// Value of `next_cursor` of the previous page.
    cursor: Option<String>,
}

/// List failed jobs, newest first
///
/// Lists failed records of the queue's jobs, of all studios, together with the messages in its dead-letter queue.
/// Listing changes nothing.
#[utoipa::path(
    get, path = "/queues/{queue}/failed", tag = "queues", operation_id = "list_failed",
    params(("queue" = domain::queue_config::QueueName, Path, description = "Name of the queue"), FailedFilter),
    responses((status = 200, description = "A page of failed jobs, newest first", body = FailedJobPage)),
)]
pub async fn list_failed(
    Operator(_): Operator,
    Shared(state): Shared<State>,
    Path(queue): Path<String>,
    Query(filter): Query<FailedFilter>,
) -> ApiResult<Json<FailedJobPage>> {
    let queue = queue_named(&queue)?;
    let now = state.clock.now();
    on_failed_jobs!(state.failed_jobs, queue, |failed| list(&state, failed, filter, now).await.map(Json))
}

async fn list<R: JobRecord>(
    state: &State,
    failed: &FailedJobs<R>,
    filter: FailedFilter,
    now: Timestamp,
) -> ApiResult<FailedJobPage> {
    let (after, limit) = page_of::<FailureKey>(filter.limit, filter.cursor.as_deref())?;
    if after.as_ref().is_some_and(|after| after.failed_at > now) {
        return Err(Problem::invalid("cursor", "It is not a cursor of this list.").into());
    }
    let selection = Selection { error: filter.error, studio: filter.studio };
    let first_page = after.is_none();

    let statuses = look(failed).await?;
    let mut letters_of: HashMap<(Studio, Uuid), u32> = HashMap::new();
    let mut alone = Vec::new();
    for (letter, status) in statuses {
        match status {
            DeadLetterStatus::OfFailure(key) => *letters_of.entry((key.studio, key.id)).or_default() += 1,
            DeadLetterStatus::Alone(entry) if selection.takes(&entry.error.code, entry.studio.as_ref()) => {
                alone.push(message(&letter, entry));
            }
            DeadLetterStatus::Alone(_) | DeadLetterStatus::Forgotten => {}
        }
    }
    // The sweep's numbers are of all studios.
    let counted = if first_page && selection.studio.is_none() { many_failed(state, failed).await? } else { None };
    // Without them, the first page reads all failures that follow, because it returns the groups.
    let enough = if first_page && counted.is_none() { usize::MAX } else { limit + 1 };
    let (mut failures, mut next) = read(failed, &selection, after, enough, now).await?;
    let groups = first_page.then(|| {
        let mut jobs = JobCounter::default();
        add_messages(&mut jobs, &alone);
        let of_sweep = counted.iter().flat_map(|counted| &counted.errors);
        of_sweep.filter(|it| selection.takes(&it.error.code, None)).for_each(|it| jobs.add_error(it.clone()));
        add_failures(&mut jobs, &failures, counted.as_ref());
        jobs.errors().into_iter().map(FailureGroup::from).collect()
    });
    if failures.len() > limit {
        failures.truncate(limit);
        next = failures.last().map(|failure| failure.key.clone());
    }
    let records = failures.into_iter().map(|failure| {
        let letters = letters_of.get(&(failure.key.studio.clone(), failure.key.id)).copied();
        record::<R>(failure, letters.unwrap_or_default())
    });
    let items = if first_page { alone.into_iter().chain(records).collect() } else { records.collect() };
    Ok(FailedJobPage {
        items,
        groups,
        groups_counted_at: counted.map(|counted| counted.at),
        next_cursor: next.map(|key| key.to_string()),
    })
}

/// Reads all dead letters with their status, and puts them back.
pub(super) async fn look<R: JobRecord>(failed: &FailedJobs<R>) -> ApiResult<Vec<(DeadLetter, DeadLetterStatus)>> {
    let letters = failed.dead_letters.look(LETTERS, false, LOOKED_AT).await?;
    failed.dead_letters.put_back(&letters.iter().collect::<Vec<_>>()).await;
    let meanings: Vec<_> = letters.iter().map(|letter| failed.status(letter)).collect();
    let meanings: Vec<_> = stream::iter(meanings).buffered(CONCURRENCY).try_collect().await?;
    Ok(letters.into_iter().zip(meanings).collect())
}

/// Reads the selected failures after `after`, until there are `enough` or [`MOST_COUNTED`] were examined. Returns them,
/// and the key to continue after.
async fn read<R: JobRecord>(
    failed: &FailedJobs<R>,
    selection: &Selection,
    mut after: Option<FailureKey>,
    enough: usize,
    now: Timestamp,
) -> ApiResult<(Vec<Failure>, Option<FailureKey>)> {
    let mut found: Vec<Failure> = Vec::new();
    let mut looked_at = 0;
    let is_filtered = *selection != Selection::default();
    let first_read = enough.saturating_mul(if is_filtered { 4 } else { 1 }).min(FAILURES_PER_READ);
    loop {
        // A selection may leave little of what is read.
        let per_read = if looked_at > 0 { FAILURES_PER_READ } else { first_read };
        let page = failed.failures(now, after.as_ref(), per_read).await?;
        let is_last = page.len() < per_read;
        looked_at += page.len() as u64;
        after = page.last().map(|failure| failure.key.clone());
        found.extend(page.into_iter().filter(|it| selection.takes(&it.error.code, Some(&it.key.studio))));
        if is_last {
            return Ok((found, None));
        }
        if found.len() >= enough || looked_at >= MOST_COUNTED {
            return Ok((found, after));
        }
    }
}

/// Adds failures to the groups of their errors: all of them, or after counting those of errors that are new since.
fn add_failures(jobs: &mut JobCounter, failures: &[Failure], counted: Option<&Counted>) {
    let known: HashSet<&str> = counted.iter().flat_map(|it| &it.errors).map(|it| it.error.code.as_str()).collect();
    let since = counted.map_or(Timestamp::MIN, |counted| counted.at);
    for failure in failures.iter().filter(|it| it.key.failed_at > since && !known.contains(it.error.code.as_str())) {
        jobs.add_error(failure.error_count());
    }
}

fn add_messages(jobs: &mut JobCounter, messages: &[FailedJob]) {
    for job in messages {
        jobs.add_error(ErrorCount {
            error: job.error.clone(),
            cause: job.cause.clone(),
            count: 1,
            first_failed_at: job.first_failed_at,
            last_failed_at: job.last_failed_at,
        });
    }
}

fn record<R: JobRecord>(failure: Failure, dead_letters: u32) -> FailedJob {
    let first_failed_at = failure.first_failed_at();
    let Failure { key, error, work } = failure;
    FailedJob {
        id: JobId::Record(key.studio.clone(), key.id).to_string(),
        kind: FailedKind::Record,
        job: Some(R::job(key.studio.clone(), key.id).name().to_owned()),
        studio: Some(key.studio.to_string()),
        record_id: Some(key.id),
        tries: work.attempts,
        error,
        cause: work.cause,
        first_failed_at,
        last_failed_at: Some(key.failed_at),
        dead_letters,
        body: None,
        body_bytes: None,
    }
}

fn message(letter: &DeadLetter, entry: Entry) -> FailedJob {
    FailedJob {
        id: JobId::Message(letter.id.clone()).to_string(),
        kind: FailedKind::Message,
        job: entry.job.map(str::to_owned),
        studio: entry.studio.map(|studio| studio.to_string()),
        record_id: entry.record,
        tries: letter.receives,
        error: entry.error,
        cause: None,
        first_failed_at: letter.sent_at,
        last_failed_at: None,
        dead_letters: 1,
        body: Some(redacted(&letter.body)),
        body_bytes: Some(letter.body.len() as u64),
    }
}
