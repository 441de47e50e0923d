//! State of the webhook sender: stores, its queue, and the way to shops.

use std::sync::Arc;

use anyhow::Result;
use aws_types::SdkConfig;
use domain::{
    event::Event,
    queue_config::QueueName,
    webhook::{Delivery, Targets, Webhook},
};
use runtime::{aws, env::Env, queue::Queue, secret::WebhookKeys, ssm::Parameters, store::Table};

use crate::post::Shops;

/// Records of events, webhooks and deliveries.
pub struct State {
    pub(crate) events: Table<Event>,
    pub(crate) webhooks: Table<Webhook>,
    pub(crate) deliveries: Arc<Table<Delivery>>,
    pub(crate) queue: Queue,
    pub(crate) keys: WebhookKeys,
    pub(crate) shops: Shops,
    pub(crate) targets: Targets,
}

impl State {
    /// Reads the configuration from the function's environment. The error names a missing variable.
    ///
    /// `WEBHOOK_TARGETS=any` allows plain HTTP and private addresses, for the system on one machine. Terraform never sets
    /// it.
    pub fn from_env(env: &Env, config: &SdkConfig, sqs: &aws_sdk_sqs::Client) -> Result<Self> {
        let dynamodb = aws::dynamodb(env, config);
        let targets = env.parsed_or("WEBHOOK_TARGETS", Targets::Public)?;
        Ok(Self {
            events: Table::new(dynamodb.clone(), env.required("EVENTS_TABLE")?, env.world()),
            webhooks: Table::new(dynamodb.clone(), env.required("WEBHOOKS_TABLE")?, env.world()),
            deliveries: Arc::new(Table::new(dynamodb, env.required("DELIVERIES_TABLE")?, env.world())),
            queue: Queue::from_env(env, QueueName::Webhooks, sqs)?,
            keys: WebhookKeys::new(Parameters::new(config)?, env.required("WEBHOOK_SECRET_PARAMETER")?),
            shops: Shops::new(env.world(), targets),
            targets,
        })
    }
}
