//! What the worker's messages share.

use std::sync::Arc;

use anyhow::Result;
use domain::{download::Download, email::Email, operation::Operation, photo::Photo};
use runtime::{
    aws,
    batch::Redelivery,
    desk::{DeadLetters, Desk},
    env::Env,
    erasure::Erasure,
    objects::ObjectStore,
    queue::Queue,
    secret::LinkSecrets,
    ssm::Parameters,
    store::{Orders, Table},
};

use crate::{
    plan::Preference,
    uploads::{Checksums, Uploads},
};

/// Records, both buckets, and the queues that it feeds.
pub struct State {
    pub(crate) desk: Desk<Download>,
    pub(crate) operations: Arc<Table<Operation>>,
    pub(crate) orders: Orders,
    pub(crate) photos: Table<Photo>,
    pub(crate) emails: Table<Email>,
    pub(crate) originals: ObjectStore,
    pub(crate) archives: ObjectStore,
    pub(crate) uploads: Uploads,
    pub(crate) preference: Preference,
    pub(crate) email_queue: Queue,
    pub(crate) redelivery: Redelivery,
    pub(crate) links: LinkSecrets,
    /// Orders are erased after so many days; `None` keeps them.
    pub(crate) retention_days: Option<u32>,
}

impl State {
    /// From the function's environment; a missing variable is an error that names it.
    ///
    /// `ARCHIVE_PREFERENCE` is `fast` (default) or `cheap`. `ARCHIVE_CHECKSUMS=none` is for a store that proves no
    /// checksums of multipart uploads: an emulator, never S3. `PERSONAL_DATA_RETENTION_DAYS` is off unless set, and 0 is off.
    pub fn from_env(env: &Env) -> Result<Self> {
        let config = aws::config(env, aws::Patience::Job)?;
        let dynamodb = aws::dynamodb(env, &config);
        let s3 = aws::s3(env, &config);
        let sqs = aws_sdk_sqs::Client::new(&config);
        let queue = Queue::new(sqs.clone(), env.required("DOWNLOADS_QUEUE_URL")?, env.clock());
        let (originals, archives) = (env.required("PHOTOS_BUCKET")?, env.required("DOWNLOADS_BUCKET")?);
        let checksums = env.parsed_or("ARCHIVE_CHECKSUMS", Checksums::FullObject)?;
        Ok(Self {
            uploads: Uploads::new(s3.clone(), &archives, &originals, checksums),
            links: LinkSecrets::new(Parameters::new(&config)?, env.required("LINK_SECRET_PARAMETER")?),
            retention_days: Some(env.parsed_or("PERSONAL_DATA_RETENTION_DAYS", 0)?).filter(|days| *days > 0),
            preference: env.parsed_or("ARCHIVE_PREFERENCE", Preference::Fast)?,
            operations: Arc::new(Table::new(dynamodb.clone(), env.required("REQUESTS_TABLE")?)),
            orders: Orders::new(dynamodb.clone(), env.required("ORDERS_TABLE")?),
            photos: Table::new(dynamodb.clone(), env.required("PHOTOS_TABLE")?),
            emails: Table::new(dynamodb.clone(), env.required("EMAILS_TABLE")?),
            originals: ObjectStore::new(s3.clone(), originals),
            archives: ObjectStore::new(s3, archives),
            redelivery: Redelivery::from_env(env, queue.clone())?,
            email_queue: Queue::new(sqs.clone(), env.required("EMAILS_QUEUE_URL")?, env.clock()),
            desk: Desk {
                table: Arc::new(Table::new(dynamodb, env.required("DOWNLOADS_TABLE")?)),
                queue,
                dead_letters: DeadLetters::new(Queue::new(sqs, env.required("DOWNLOADS_DLQ_URL")?, env.clock())),
            },
        })
    }

    /// The erasure of orders, on these stores.
    pub(crate) fn erasure(&self) -> Erasure<'_> {
        Erasure { orders: &self.orders, downloads: &self.desk.table, emails: &self.emails, archives: &self.archives }
    }
}
