//! What the worker's messages share.

use std::sync::Arc;

use anyhow::Result;
use domain::{download::Download, email::Email, operation::Operation};
use runtime::{
    aws,
    batch::Redelivery,
    desk::{DeadLetters, Desk},
    env::Env,
    queue::Queue,
    secret::LinkSecrets,
    ses::Ses,
    ssm::Parameters,
    store::{Orders, Table},
};

use crate::sender::sender;

/// Stores, SES, and the address that emails come from.
pub struct State {
    pub(crate) desk: Desk<Email>,
    pub(crate) operations: Arc<Table<Operation>>,
    pub(crate) orders: Orders,
    pub(crate) downloads: Table<Download>,
    pub(crate) redelivery: Redelivery,
    pub(crate) ses: Ses,
    pub(crate) links: LinkSecrets,
    pub(crate) from: String,
    pub(crate) configuration_set: Option<String>,
    pub(crate) public_url: String,
}

impl State {
    /// From the function's environment; a missing variable is an error that names it.
    pub fn from_env(env: &Env) -> Result<Self> {
        let config = aws::config(env, aws::Patience::Job)?;
        let dynamodb = aws::dynamodb(env, &config);
        let sqs = aws_sdk_sqs::Client::new(&config);
        let queue = Queue::new(sqs.clone(), env.required("EMAILS_QUEUE_URL")?, env.clock());
        Ok(Self {
            operations: Arc::new(Table::new(dynamodb.clone(), env.required("REQUESTS_TABLE")?)),
            orders: Orders::new(dynamodb.clone(), env.required("ORDERS_TABLE")?),
            downloads: Table::new(dynamodb.clone(), env.required("DOWNLOADS_TABLE")?),
            redelivery: Redelivery::from_env(env, queue.clone())?,
            desk: Desk {
                table: Arc::new(Table::new(dynamodb, env.required("EMAILS_TABLE")?)),
                queue,
                dead_letters: DeadLetters::new(Queue::new(sqs, env.required("EMAILS_DLQ_URL")?, env.clock())),
            },
            ses: Ses::new(&config)?,
            links: LinkSecrets::new(Parameters::new(&config)?, env.required("LINK_SECRET_PARAMETER")?),
            from: sender(&env.required("MAIL_FROM")?),
            configuration_set: env.optional("SES_CONFIGURATION_SET"),
            public_url: env.required("PUBLIC_URL")?,
        })
    }
}
