//! The email sender: sends one email to one recipient per record, through SES. Queue: emails.

mod pace;
mod send_email;
mod state;

use std::sync::Arc;

use anyhow::Result;
use domain::queue_config::QueueName;
use runtime::{aws, env::Env, worker::Worker};

use crate::{send_email::SendEmail, state::State};

/// Builds the worker from the function's environment. The error names a missing variable.
pub fn worker(env: &Env) -> Result<Worker> {
    let config = aws::config(env, aws::Patience::Job)?;
    let state = Arc::new(State::from_env(env, &config)?);
    let worker = Worker::from_env(env, QueueName::Emails, &aws::sqs(&config))?;
    Ok(worker.with(SendEmail(state)))
}
