//! What the handlers share: stores, queues, secrets, and the few facts of configuration.

use std::{
    collections::BTreeMap,
    sync::{Arc, OnceLock},
};

use anyhow::Result;
use axum::extract::FromRef;
use domain::{
    download::Download,
    email::Email,
    operation::Operation,
    photo::Photo,
    queue_config::{Healthy, QueueName, queues},
};
use runtime::{
    aws,
    clock::Clock,
    cloudwatch::OldestMessage,
    contents::Contents,
    desk::Desk,
    env::Env,
    erasure::Erasure,
    fill::Fillings,
    objects::ObjectStore,
    secret::LinkSecrets,
    ssm::Parameters,
    store::{Orders, Table, Tombstones},
};

use crate::{idempotency::Idempotency, identity::Identities, indexes::Indexes, synchronous::Workers};

/// Cheap to clone.
#[derive(Clone)]
pub struct State(Arc<Inner>);

pub struct Inner {
    pub photos: Desk<Photo>,
    pub orders: Orders,
    pub downloads: Desk<Download>,
    pub emails: Desk<Email>,
    pub operations: Desk<Operation>,
    pub fillings: Fillings,
    pub idempotency: Idempotency,
    pub identities: Identities,
    pub tombstones: Tombstones,
    pub originals: ObjectStore,
    pub archives: ObjectStore,
    pub indexes: Indexes,
    pub workers: Workers,
    pub oldest: OldestMessage,
    /// What each queue looks like while all is well.
    pub healthy: BTreeMap<QueueName, Healthy>,
    pub links: LinkSecrets,
    /// Where customers reach us; links are built on it, never on a Host header.
    pub public_url: String,
    pub clock: Clock,
    /// Archives are deleted after so many days; no link outlives them.
    pub retention_days: u32,
    /// The OpenAPI document of this deployment, once somebody has asked for it.
    pub document: OnceLock<String>,
}

impl State {
    /// From the function's environment; a missing variable is an error that names it.
    pub fn from_env(env: &Env) -> Result<Self> {
        let config = aws::config(env, aws::Patience::Request)?;
        let dynamodb = aws::dynamodb(env, &config);
        let s3 = aws::s3(env, &config);
        let sqs = aws_sdk_sqs::Client::new(&config);
        let requests = env.required("REQUESTS_TABLE")?;
        let operations = Arc::new(Table::new(dynamodb.clone(), requests.clone(), env.world()));
        let identities = Identities::from_env(env)?;
        let archives = ObjectStore::new(s3.clone(), env.required("DOWNLOADS_BUCKET")?);
        Ok(Self(Arc::new(Inner {
            photos: Desk::from_env(
                env,
                Arc::new(Table::new(dynamodb.clone(), env.required("PHOTOS_TABLE")?, env.world())),
                &sqs,
            )?,
            orders: Orders::new(dynamodb.clone(), env.required("ORDERS_TABLE")?, env.world()),
            downloads: Desk::from_env(
                env,
                Arc::new(Table::new(dynamodb.clone(), env.required("DOWNLOADS_TABLE")?, env.world())),
                &sqs,
            )?,
            emails: Desk::from_env(
                env,
                Arc::new(Table::new(dynamodb.clone(), env.required("EMAILS_TABLE")?, env.world())),
                &sqs,
            )?,
            fillings: Fillings::new(operations.clone(), env.clock()),
            operations: Desk::from_env(env, operations, &sqs)?,
            idempotency: Idempotency::new(
                Table::new(dynamodb.clone(), requests.clone(), env.world()),
                identities.clone(),
                env.world().clone(),
            ),
            identities,
            tombstones: Tombstones::new(dynamodb, requests),
            originals: ObjectStore::new(s3, env.required("PHOTOS_BUCKET")?),
            indexes: Indexes::new(archives.clone(), env.clock()),
            archives,
            workers: Workers::from_env(env, &config)?,
            oldest: OldestMessage::new(&config)?,
            healthy: healthy()?,
            links: LinkSecrets::new(Parameters::new(&config)?, env.required("LINK_SECRET_PARAMETER")?),
            public_url: env.required("PUBLIC_URL")?,
            clock: env.clock(),
            retention_days: env.parsed("DOWNLOAD_RETENTION_DAYS")?,
            document: OnceLock::new(),
        })))
    }
}

impl FromRef<State> for Identities {
    fn from_ref(state: &State) -> Self {
        state.identities.clone()
    }
}

impl FromRef<State> for Idempotency {
    fn from_ref(state: &State) -> Self {
        state.idempotency.clone()
    }
}

impl Inner {
    /// The contents of downloads, on these stores.
    pub fn contents(&self) -> Contents<'_> {
        Contents { orders: &self.orders, photos: &self.photos.table, archives: &self.archives }
    }

    /// The erasure of orders, on these stores.
    pub fn erasure(&self) -> Erasure<'_> {
        Erasure {
            orders: &self.orders,
            downloads: &self.downloads.table,
            emails: &self.emails.table,
            archives: &self.archives,
        }
    }
}

fn healthy() -> Result<BTreeMap<QueueName, Healthy>> {
    Ok(queues()?.into_iter().map(|(queue, config)| (queue, config.healthy)).collect())
}

impl std::ops::Deref for State {
    type Target = Inner;

    fn deref(&self) -> &Inner {
        &self.0
    }
}

/// Runs the same on whichever desk the queue has.
macro_rules! at_desk {
    ($state:expr, $queue:expr, |$desk:ident| $run:expr) => {
        match $queue {
            domain::queue_config::QueueName::Emails => {
                let $desk = &$state.emails;
                $run
            }
            domain::queue_config::QueueName::Photos => {
                let $desk = &$state.photos;
                $run
            }
            domain::queue_config::QueueName::Downloads => {
                let $desk = &$state.downloads;
                $run
            }
            domain::queue_config::QueueName::Default => {
                let $desk = &$state.operations;
                $run
            }
        }
    };
}
pub(crate) use at_desk;
