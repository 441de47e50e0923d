//! The webhook sender: creates the deliveries of events, and sends one event to one webhook per delivery. Queue: webhooks.

mod post;
mod publish_event;
mod replay_webhook;
mod resolver;
mod send_webhook;
mod state;

use std::sync::Arc;

use anyhow::Result;
use domain::queue_config::QueueName;
use runtime::{aws, env::Env, worker::Worker};

use crate::{publish_event::PublishEvent, replay_webhook::ReplayWebhook, send_webhook::SendWebhook, state::State};

/// Builds the worker from the function's environment. The error names a missing variable.
pub fn worker(env: &Env) -> Result<Worker> {
    let config = aws::config(env, aws::Patience::Job)?;
    let sqs = aws::sqs(&config);
    let state = Arc::new(State::from_env(env, &config, &sqs)?);
    Ok(Worker::from_env(env, QueueName::Webhooks, &sqs)?
        .with(SendWebhook(state.clone()))
        .with_plain(PublishEvent(state.clone()))
        .with_plain(ReplayWebhook(state)))
}
