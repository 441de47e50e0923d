//! The housekeeper: sweeps of all tables, and operations on many records (queue: default), and the intake of uploads
//! (queue: uploads).

mod admission;
mod counts;
mod email_event;
mod give_notice;
mod intake;
mod operations;
mod sidecars;
mod state;
mod sweep;

use std::sync::Arc;

use anyhow::Result;
use domain::queue_config::QueueName;
use runtime::{aws, env::Env, worker::Worker};

use crate::{
    email_event::EmailEvent, give_notice::GiveNotice, intake::Intake, operations::Operate, state::State, sweep::Sweep,
};

/// Builds the worker from the function's environment. The error names a missing variable.
pub fn worker(env: &Env) -> Result<Worker> {
    let config = aws::config(env, aws::Patience::Job)?;
    let sqs = aws::sqs(&config);
    let state = Arc::new(State::from_env(env, &config, &sqs)?);
    let uploads = Worker::from_env(env, QueueName::Uploads, &sqs)?.with_uploads(Intake(state.clone()));
    let worker = Worker::from_env(env, QueueName::Default, &sqs)?;
    Ok(worker
        .with(Operate(state.clone()))
        .with_plain(EmailEvent(state.clone()))
        .with_plain(GiveNotice(state.clone()))
        .with_plain(Sweep(state))
        .beside(uploads))
}
