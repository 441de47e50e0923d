//! Limits of studios: what a request is about to create counts before it is created.

use std::convert::Infallible;

use domain::{
    Studio,
    job_record::JobRecord as _,
    operation::{Operation, OperationStatus, Task},
    queue_config::QueueName,
    studio_limits::{
        LimitName, LimitReached, Limits, MEASURED_EVERY, MEASURED_IF_FULL, Measurement, StudioLimits, Taken,
    },
};
use jiff::{SignedDuration, Timestamp};
use runtime::store::Created;
use uuid::Uuid;

use crate::{
    problem::{ApiError, ApiResult, Problem},
    state::State,
};

/// Time within which a request writes the operation that it has counted.
const BEGINS_WITHIN: SignedDuration = SignedDuration::from_secs(60);
/// Seconds after which a request that reached a limit without an end may work: others have ended or were deleted by then.
const RETRY_AFTER: u64 = 60;

/// Returns the limits and the usage of a studio. Most have none.
pub async fn find(state: &State, studio: Studio) -> ApiResult<StudioLimits> {
    let found = known(state, &studio).await?;
    Ok(found.unwrap_or_else(|| StudioLimits::new(studio, Limits::default())))
}

/// Replaces the limits of a studio. What it has used so far still counts.
pub async fn replace(state: &State, studio: Studio, limits: Limits) -> ApiResult<StudioLimits> {
    let absent = StudioLimits::new(studio.clone(), Limits::default());
    state.limits.update_or_create(absent, |known| known.replace(limits)).await?;
    begin_measurement(state, &studio, MEASURED_EVERY).await?;
    find(state, studio).await
}

/// Counts what a request is about to create. Refuses it if a limit of the studio is reached.
pub async fn take(state: &State, studio: &Studio, what: Taken) -> ApiResult<()> {
    let now = state.clock.now();
    let updated = state.limits.update(studio, StudioLimits::ID, |limits| limits.take(what, now)).await?;
    updated.map_or(Ok(()), |(_, taken)| taken.map_err(|reached| refused(reached, now)))
}

/// Counts the bytes of photos that a request is about to announce, as [`take`] does.
pub async fn take_bytes(state: &State, studio: &Studio, bytes: u64) -> ApiResult<()> {
    let Some(known) = known(state, studio).await?.filter(|known| known.limits.bytes.is_some()) else { return Ok(()) };
    if known.is_measurement_due(state.clock.now(), MEASURED_EVERY) {
        begin_measurement(state, studio, MEASURED_EVERY).await?;
    }
    let taken = take(state, studio, Taken::Bytes(bytes)).await;
    if let Err(ApiError::Problem(_)) = &taken {
        begin_measurement(state, studio, MEASURED_IF_FULL).await?;
    }
    taken
}

/// Counts an operation of the studio that is about to begin. Erasures are never limited, nor is what operators begin.
pub async fn take_operation(state: &State, operation: &Operation) -> ApiResult<()> {
    if !matches!(operation.task, Task::Regenerate { .. }) {
        return Ok(());
    }
    let studio = &operation.studio;
    let Some(limits) = state.limits.get(studio, StudioLimits::ID).await? else { return Ok(()) };
    let Some(running) = limits.running() else { return Ok(()) };
    let ids: Vec<Uuid> = running.iter().map(|(id, _)| *id).collect();
    let (known, now) = (state.operations.get_many(studio, &ids).await?, state.clock.now());
    let has_ended = |(id, begun_at): &&(Uuid, Timestamp)| match known.get(id) {
        Some(known) => matches!(known.status, OperationStatus::Done | OperationStatus::Failed),
        // Another request counted it, and has not written it yet.
        None => now.duration_since(*begun_at) > BEGINS_WITHIN,
    };
    let ended: Vec<Uuid> = running.iter().filter(has_ended).map(|(id, _)| *id).collect();
    let begin = |limits: &mut StudioLimits| limits.begin_operation(operation.id, &ended, now);
    let updated = state.limits.update(studio, StudioLimits::ID, begin).await?;
    updated.map_or(Ok(()), |(_, begun)| begun.map_err(|reached| refused(reached, now)))
}

/// Returns the limits of a studio that has some, with the result of a measurement that has ended.
async fn known(state: &State, studio: &Studio) -> ApiResult<Option<StudioLimits>> {
    let Some(known) = state.limits.get(studio, StudioLimits::ID).await? else { return Ok(None) };
    let Some(Measurement { operation, begun_at, .. }) = known.measurement() else { return Ok(Some(known)) };
    let measured = state.operations.get(studio, operation).await?;
    let is_lost = match &measured {
        Some(measured) => measured.status == OperationStatus::Failed,
        None => state.clock.now().duration_since(begun_at) > BEGINS_WITHIN,
    };
    let found = measured.filter(|measured| measured.status == OperationStatus::Done).map(|measured| measured.done);
    if is_lost || found.is_some() {
        let end = |limits: &mut StudioLimits| {
            match found {
                Some(found) => limits.end_measurement(operation, found),
                None => limits.drop_measurement(operation),
            }
            Ok::<_, Infallible>(())
        };
        let ended = state.limits.update(studio, StudioLimits::ID, end).await?;
        return Ok(ended.map(|(known, _)| known));
    }
    Ok(Some(known))
}

/// Begins a measurement, if bytes are limited and one is due. The operation is created by the request that began it: if it
/// breaks off in between, the next request gives the measurement up.
async fn begin_measurement(state: &State, studio: &Studio, every: SignedDuration) -> ApiResult<()> {
    let (now, mut is_new) = (state.clock.now(), false);
    let set = |limits: &mut StudioLimits| {
        let before = limits.measurement();
        let measurement = limits.begin_measurement(now, every);
        is_new = measurement != before;
        Ok::<_, Infallible>(measurement)
    };
    let updated = state.limits.update(studio, StudioLimits::ID, set).await?;
    if let Some((_, Ok(Some(Measurement { operation: id, begun_at, .. })))) = updated.filter(|_| is_new) {
        let operation = Operation::new(studio.clone(), id, QueueName::Photos, Task::Measure, begun_at);
        if let Created::New = state.operations.create(&operation).await? {
            state.queues.of(QueueName::Default).send(&Operation::job(studio.clone(), id)).await?;
        }
    }
    Ok(())
}

fn refused(reached: LimitReached, now: Timestamp) -> ApiError {
    let LimitReached { name, most, until } = reached;
    let what = match name {
        LimitName::EmailsADay => format!("The studio may send {most} emails a day (UTC)."),
        LimitName::Bytes => {
            format!("The studio's photos may have {most} bytes together. Photos must be deleted first.")
        }
        LimitName::ArchivesADay => format!("The studio may order {most} archives a day (UTC)."),
        LimitName::ConcurrentOperations => format!("{most} operations of the studio may run at the same time."),
    };
    let seconds = until.and_then(|until| u64::try_from(until.duration_since(now).as_secs()).ok());
    // Rounded up: the count begins anew at that second.
    Problem::limit_reached(name, what).retry_after(seconds.map_or(RETRY_AFTER, |seconds| seconds + 1)).into()
}
