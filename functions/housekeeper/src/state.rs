//! Stores and queues that the jobs share.

use std::sync::Arc;

use anyhow::Result;
use aws_types::SdkConfig;
use domain::{download::Download, email::Email, operation::Operation, photo::Photo};
use runtime::{
    aws,
    desk::Desk,
    env::Env,
    erasure::Erasure,
    objects::ObjectStore,
    secret::LinkSecrets,
    ssm::Parameters,
    store::{Orders, Table},
};

/// Records of every kind with their queues and dead letters, and the archives.
pub struct State {
    pub(crate) emails: Desk<Email>,
    pub(crate) photos: Desk<Photo>,
    pub(crate) downloads: Desk<Download>,
    pub(crate) operations: Desk<Operation>,
    pub(crate) orders: Orders,
    pub(crate) archives: ObjectStore,
    pub(crate) links: LinkSecrets,
    /// Orders are erased after so many days; `None` keeps them.
    pub(crate) retention_days: Option<u32>,
}

impl State {
    /// From the function's environment; a missing variable is an error that names it. `PERSONAL_DATA_RETENTION_DAYS` is off
    /// unless set, and 0 is off.
    pub fn from_env(env: &Env, config: &SdkConfig, sqs: &aws_sdk_sqs::Client) -> Result<Self> {
        let dynamodb = aws::dynamodb(env, config);
        Ok(Self {
            emails: Desk::from_env(
                env,
                Arc::new(Table::new(dynamodb.clone(), env.required("EMAILS_TABLE")?, env.world())),
                sqs,
            )?,
            photos: Desk::from_env(
                env,
                Arc::new(Table::new(dynamodb.clone(), env.required("PHOTOS_TABLE")?, env.world())),
                sqs,
            )?,
            downloads: Desk::from_env(
                env,
                Arc::new(Table::new(dynamodb.clone(), env.required("DOWNLOADS_TABLE")?, env.world())),
                sqs,
            )?,
            operations: Desk::from_env(
                env,
                Arc::new(Table::new(dynamodb.clone(), env.required("REQUESTS_TABLE")?, env.world())),
                sqs,
            )?,
            orders: Orders::new(dynamodb, env.required("ORDERS_TABLE")?, env.world()),
            archives: ObjectStore::new(aws::s3(env, config), env.required("DOWNLOADS_BUCKET")?),
            links: LinkSecrets::new(Parameters::new(config)?, env.required("LINK_SECRET_PARAMETER")?),
            retention_days: Some(env.parsed_or("PERSONAL_DATA_RETENTION_DAYS", 0)?).filter(|days| *days > 0),
        })
    }

    /// The erasure of orders, on these stores.
    pub(crate) fn erasure(&self) -> Erasure<'_> {
        Erasure {
            orders: &self.orders,
            downloads: &self.downloads.table,
            emails: &self.emails.table,
            archives: &self.archives,
        }
    }
}
