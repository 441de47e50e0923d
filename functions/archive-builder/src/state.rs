//! State of the archive builder: stores and queues.

use std::sync::Arc;

use anyhow::Result;
use aws_types::SdkConfig;
use domain::{download::Download, email::Email, photo::Photo, queue_config::QueueName};
use runtime::{
    aws,
    contents::Contents,
    env::Env,
    erasure::Erasure,
    events::Events,
    objects::ObjectStore,
    queue::Queue,
    store::{Orders, Table},
};

use crate::{
    plan::Preference,
    uploads::{Checksums, Uploads},
};

/// Records, both buckets, and the queue of emails.
pub struct State {
    pub(crate) downloads: Arc<Table<Download>>,
    pub(crate) orders: Orders,
    pub(crate) photos: Table<Photo>,
    pub(crate) emails: Table<Email>,
    pub(crate) originals: ObjectStore,
    pub(crate) archives: ObjectStore,
    pub(crate) uploads: Uploads,
    pub(crate) preference: Preference,
    pub(crate) email_queue: Queue,
    pub(crate) events: Events,
}

impl State {
    /// Reads the configuration from the function's environment. The error names a missing variable.
    ///
    /// `ARCHIVE_PREFERENCE` is `fast` (default) or `cheap`. `ARCHIVE_CHECKSUMS=none` is for stores without checksums of
    /// multipart uploads: emulators, never S3.
    pub fn from_env(env: &Env, config: &SdkConfig) -> Result<Self> {
        let dynamodb = aws::dynamodb(env, config);
        let s3 = aws::s3(env, config);
        let (originals, archives) = (env.required("PHOTOS_BUCKET")?, env.required("DOWNLOADS_BUCKET")?);
        let checksums = env.parsed_or("ARCHIVE_CHECKSUMS", Checksums::FullObject)?;
        Ok(Self {
            events: Events::from_env(env, &dynamodb, &aws::sqs(config))?,
            uploads: Uploads::new(s3.clone(), &archives, &originals, checksums),
            preference: env.parsed_or("ARCHIVE_PREFERENCE", Preference::Fast)?,
            orders: Orders::new(dynamodb.clone(), env.required("ORDERS_TABLE")?, env.world()),
            photos: Table::new(dynamodb.clone(), env.required("PHOTOS_TABLE")?, env.world()),
            emails: Table::new(dynamodb.clone(), env.required("EMAILS_TABLE")?, env.world()),
            downloads: Arc::new(Table::new(dynamodb, env.required("DOWNLOADS_TABLE")?, env.world())),
            originals: ObjectStore::new(s3.clone(), originals),
            archives: ObjectStore::new(s3, archives),
            email_queue: Queue::from_env(env, QueueName::Emails, &aws::sqs(config))?,
        })
    }

    /// Returns the contents of downloads in these stores.
    pub(crate) fn contents(&self) -> Contents<'_> {
        Contents { orders: &self.orders, photos: &self.photos, archives: &self.archives }
    }

    /// Returns the erasure of orders in these stores.
    pub(crate) fn erasure(&self) -> Erasure<'_> {
        Erasure { orders: &self.orders, downloads: &self.downloads, emails: &self.emails, archives: &self.archives }
    }
}
