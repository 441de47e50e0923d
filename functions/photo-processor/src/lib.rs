//! The photo worker: photos queue -> metadata, hashes, preview and thumbnail.

mod process_photo;
mod state;

use std::sync::Arc;

use anyhow::Result;
use domain::queue_config::QueueName;
use runtime::{aws, env::Env, worker::Worker};

use crate::{process_photo::ProcessPhoto, state::State};

/// Builds the worker from the function's environment. A missing variable is an error that names it.
pub fn worker(env: &Env) -> Result<Worker> {
    let config = aws::config(env, aws::Patience::Job)?;
    let state = Arc::new(State::from_env(env, &config)?);
    let worker = Worker::from_env(env, QueueName::Photos, &aws_sdk_sqs::Client::new(&config))?;
    let bucket = env.required("PHOTOS_BUCKET")?;
    Ok(worker.with(ProcessPhoto(state)).with_events_of(bucket))
}
