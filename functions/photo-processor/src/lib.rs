//! The photo processor: makes metadata, hashes, preview and thumbnail of photos, and logos of studios. Queue: photos.

mod intake;
mod large_original;
mod process_logo;
mod process_photo;
mod sidecars;
mod state;

use std::sync::Arc;

use anyhow::Result;
use domain::queue_config::QueueName;
use runtime::{aws, env::Env, worker::Worker};

use crate::{process_logo::ProcessLogo, process_photo::ProcessPhoto, state::State};

/// Builds the worker from the function's environment. The error names a missing variable.
pub fn worker(env: &Env) -> Result<Worker> {
    let config = aws::config(env, aws::Patience::Job)?;
    let state = Arc::new(State::from_env(env, &config)?);
    let worker = Worker::from_env(env, QueueName::Photos, &aws::sqs(&config))?;
    let bucket = env.required("PHOTOS_BUCKET")?;
    Ok(worker.with(ProcessPhoto(state.clone())).with_plain(ProcessLogo(state)).with_events_of(bucket))
}
