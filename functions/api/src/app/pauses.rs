//! Pauses of queues.

use api_types::{PauseView, QueueSwitched};
use domain::{
    Studio,
    queue_config::QueueName,
    queue_switch::{NeverPaused, QueueSwitch},
};
use tracing::info;

use crate::{
    problem::{ApiResult, Kind, Problem},
    state::State,
};

/// Pauses a queue for an operator.
pub async fn pause(state: &State, queue: QueueName, by: &Studio) -> ApiResult<QueueSwitched> {
    let now = state.clock.now();
    let switched = change(state, queue, |switch| switch.pause(by, now)).await?;
    info!(%queue, %by, "Queue paused");
    Ok(switched)
}

/// Resumes a queue.
pub async fn resume(state: &State, queue: QueueName) -> ApiResult<QueueSwitched> {
    let switched = change(state, queue, QueueSwitch::resume).await?;
    info!(%queue, "Queue resumed");
    Ok(switched)
}

async fn change(state: &State, queue: QueueName, change: impl Fn(&mut QueueSwitch)) -> ApiResult<QueueSwitched> {
    let never = |never: NeverPaused| Problem::new(Kind::NeverPaused, never.to_string());
    let switch = state.switches.change(queue, change).await?.map_err(never)?;
    Ok(QueueSwitched { queue, paused: switch.paused.as_ref().map(PauseView::from) })
}

/// Refuses a request that would wait for a job of a paused queue, before anything is done.
pub async fn refuse_to_wait(state: &State, queue: QueueName, wait: bool) -> ApiResult<()> {
    if !wait {
        return Ok(());
    }
    match state.switches.paused(queue).await? {
        None => Ok(()),
        Some(paused) => {
            let detail = format!("An operator has paused the queue {queue}, until {} at the latest.", paused.until);
            Err(Problem::new(Kind::QueuePaused, detail).at("queue").into())
        }
    }
}
