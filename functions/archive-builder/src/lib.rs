//! The archive builder: builds the ZIP archives of downloads in S3. Queue: downloads.

pub mod assemble;
mod build_archive;
mod notify;
pub mod plan;
mod state;
mod twin;
pub mod uploads;

use std::sync::Arc;

use anyhow::Result;
use domain::queue_config::QueueName;
use runtime::{aws, env::Env, worker::Worker};

use crate::{build_archive::BuildArchive, state::State};

/// Builds the worker from the function's environment. The error names a missing variable.
pub fn worker(env: &Env) -> Result<Worker> {
    let config = aws::config(env, aws::Patience::Job)?;
    let state = Arc::new(State::from_env(env, &config)?);
    let worker = Worker::from_env(env, QueueName::Downloads, &aws::sqs(&config))?;
    Ok(worker.with(BuildArchive(state)))
}
