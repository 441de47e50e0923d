//! Pauses of queues.

use api_types::{PauseView, QueueSwitched};
use domain::{Studio, queue_config::QueueName, queue_switch::NeverPaused};

use crate::{
    problem::{ApiResult, Kind, Problem},
    state::State,
};

/// Pauses a queue for an operator.
pub async fn pause(state: &State, queue: QueueName, by: &Studio) -> ApiResult<QueueSwitched> {
    let paused = state.switches.pause(queue, by, state.clock.now()).await?.map_err(never)?;
    Ok(QueueSwitched { queue, paused: Some(PauseView::from(&paused)) })
}

/// Resumes a queue.
pub async fn resume(state: &State, queue: QueueName) -> ApiResult<QueueSwitched> {
    state.switches.resume(queue).await?.map_err(never)?;
    Ok(QueueSwitched { queue, paused: None })
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

fn never(never: NeverPaused) -> Problem {
    Problem::new(Kind::NeverPaused, never.to_string())
}
