//! The archive worker: downloads queue -> one private ZIP in S3.

pub mod assemble;
mod build_archive;
mod notify;
pub mod plan;
mod state;
pub mod uploads;

use std::sync::Arc;

use anyhow::Result;
use domain::queue_config::QueueName;
use runtime::{aws, env::Env, worker::Worker};

use crate::{build_archive::BuildArchive, state::State};

/// Builds the worker from the function's environment. A missing variable is an error that names it.
pub fn worker(env: &Env) -> Result<Worker> {
    let config = aws::config(env, aws::Patience::Job)?;
    let state = Arc::new(State::from_env(env, &config)?);
    let worker = Worker::from_env(env, QueueName::Downloads, &aws_sdk_sqs::Client::new(&config))?;
    Ok(worker.with(BuildArchive(state)))
}
