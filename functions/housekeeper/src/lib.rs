//! The housekeeper: sweeps of all tables, and operations on many records. Queue: default.

mod operations;
mod state;
mod sweep;

use std::sync::Arc;

use anyhow::Result;
use domain::queue_config::QueueName;
use runtime::{aws, env::Env, worker::Worker};

use crate::{operations::Operate, state::State, sweep::Sweep};

/// Builds the worker from the function's environment. The error names a missing variable.
pub fn worker(env: &Env) -> Result<Worker> {
    let config = aws::config(env, aws::Patience::Job)?;
    let sqs = aws::sqs(&config);
    let state = Arc::new(State::from_env(env, &config, &sqs)?);
    let worker = Worker::from_env(env, QueueName::Default, &sqs)?;
    Ok(worker.with(Operate(state.clone())).with_plain(Sweep(state)))
}
