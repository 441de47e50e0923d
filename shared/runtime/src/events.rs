//! Publishing of events.
//!
//! An event is created once, under its derived id, and the job `publish_event` creates the deliveries to webhooks. Both
//! steps can be repeated. If the message is lost, the sweep finds the event by its due date.

use std::time::Duration;

use anyhow::{Result, anyhow};
use domain::{
    error::ServiceUnavailable,
    event::{Event, WRITTEN_WITHIN},
    job::Job,
    queue_config::QueueName,
};
use tracing::{info, warn};

use crate::{
    env::{Env, EnvError},
    queue::Queue,
    store::{Created, Table},
    world::World,
};

/// Number of tries to write an event.
const TRIES: u32 = 4;

/// Table of events, and the queue of their deliveries.
pub struct Events {
    table: Table<Event>,
    queue: Queue,
    world: World,
}

impl Events {
    /// Reads `EVENTS_TABLE` and `WEBHOOKS_QUEUE_URL`. The error names a missing variable.
    pub fn from_env(
        env: &Env,
        dynamodb: &aws_sdk_dynamodb::Client,
        sqs: &aws_sdk_sqs::Client,
    ) -> Result<Self, EnvError> {
        Ok(Self {
            table: Table::new(dynamodb.clone(), env.required("EVENTS_TABLE")?, env.world()),
            queue: Queue::from_env(env, QueueName::Webhooks, sqs)?,
            world: env.world().clone(),
        })
    }

    /// Returns the table.
    pub fn table(&self) -> &Table<Event> {
        &self.table
    }

    /// Creates the event unless it exists, and sends the job that delivers it. A repetition continues an interrupted call,
    /// and otherwise does nothing.
    pub async fn publish(&self, event: &Event) -> Result<()> {
        let event = self.write(event).await?;
        if event.due_at.is_none() {
            return Ok(());
        }
        info!(event.id = %event.id, kind = %event.kind, "Published an event");
        self.queue.send(&Job::PublishEvent { studio: event.studio, event: event.id }).await
    }

    /// Publishes all of these events. One whose job cannot be sent does not keep the others back: the sweep finds all that
    /// are written, even if nobody repeats this call. Returns the first error.
    pub async fn publish_all(&self, events: impl IntoIterator<Item = Event> + Send) -> Result<()> {
        let mut outcome = Ok(());
        for event in events.into_iter().collect::<Vec<_>>() {
            outcome = outcome.and(self.publish(&event).await);
        }
        outcome
    }

    /// Writes the event with the position of this moment. A write that takes longer is dropped and begins anew with a later
    /// position, because lists contain positions that are some seconds old.
    async fn write(&self, event: &Event) -> Result<Event> {
        let within = Duration::try_from(WRITTEN_WITHIN)?;
        for _ in 0..TRIES {
            let event = event.clone().written_at(self.world.now());
            match tokio::time::timeout(within, self.table.create(&event)).await {
                Ok(Ok(Created::New)) => return Ok(event),
                Ok(Ok(Created::Existed(known))) => return Ok(*known),
                Ok(Err(error)) => return Err(error),
                Err(_elapsed) => warn!(event.id = %event.id, "An event was not written in time"),
            }
        }
        Err(anyhow!("It was not written in time").context(ServiceUnavailable("Failed to write an event")))
    }
}
