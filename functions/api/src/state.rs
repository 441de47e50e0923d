//! What the handlers share: stores, queues, secrets, and the few facts of configuration.

use std::sync::Arc;

use anyhow::Result;
use shared::{
    aws,
    clock::Clock,
    download::Download,
    email::Email,
    env::Env,
    objects::ObjectStore,
    parameters::Parameters,
    photo::Photo,
    queue::Queue,
    secret::LinkSecrets,
    store::{Orders, Table},
};

/// Cheap to clone.
#[derive(Clone)]
pub struct State(Arc<Inner>);

pub struct Inner {
    pub photos: Table<Photo>,
    pub orders: Orders,
    pub downloads: Table<Download>,
    pub emails: Table<Email>,
    pub originals: ObjectStore,
    pub archives: ObjectStore,
    pub download_queue: Queue,
    pub email_queue: Queue,
    pub links: LinkSecrets,
    /// Where customers reach us; links are built on it, never on a Host header.
    pub public_url: String,
    /// The JWT claim that names the studio.
    pub studio_claim: String,
    pub clock: Clock,
    /// Archives are deleted after so many days; no link outlives them.
    pub retention_days: u32,
}

impl State {
    /// From the function's environment; a missing variable is an error that names it.
    pub fn from_env(env: &Env) -> Result<Self> {
        let config = aws::config(env)?;
        let dynamodb = aws::dynamodb(env, &config);
        let s3 = aws::s3(env, &config);
        let sqs = aws_sdk_sqs::Client::new(&config);
        Ok(Self(Arc::new(Inner {
            photos: Table::new(dynamodb.clone(), env.required("PHOTOS_TABLE")?),
            orders: Orders::new(dynamodb.clone(), env.required("ORDERS_TABLE")?),
            downloads: Table::new(dynamodb.clone(), env.required("DOWNLOADS_TABLE")?),
            emails: Table::new(dynamodb, env.required("EMAILS_TABLE")?),
            originals: ObjectStore::new(s3.clone(), env.required("PHOTOS_BUCKET")?),
            archives: ObjectStore::new(s3, env.required("DOWNLOADS_BUCKET")?),
            download_queue: Queue::new(sqs.clone(), env.required("DOWNLOADS_QUEUE_URL")?),
            email_queue: Queue::new(sqs, env.required("EMAILS_QUEUE_URL")?),
            links: LinkSecrets::new(Parameters::new(&config)?, env.required("LINK_SECRET_PARAMETER")?),
            public_url: env.required("PUBLIC_URL")?,
            studio_claim: env.required("STUDIO_CLAIM")?,
            clock: env.clock(),
            retention_days: env.parsed("DOWNLOAD_RETENTION_DAYS")?,
        })))
    }
}

impl std::ops::Deref for State {
    type Target = Inner;

    fn deref(&self) -> &Inner {
        &self.0
    }
}
