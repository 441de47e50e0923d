//! What the worker's messages share.

use std::sync::Arc;

use anyhow::Result;
use shared::{
    aws, batch::Redelivery, env::Env, objects::ObjectStore, photo::Photo, queue::Queue, store::Table,
    work::MAX_TRIES_PHOTO,
};

/// The photos' records and objects.
pub struct State {
    pub(crate) photos: Arc<Table<Photo>>,
    pub(crate) objects: ObjectStore,
    pub(crate) bucket: String,
    pub(crate) queue: Queue,
    pub(crate) redelivery: Redelivery,
}

impl State {
    /// From the function's environment; a missing variable is an error that names it.
    pub fn from_env(env: &Env) -> Result<Self> {
        let config = aws::config(env)?;
        let bucket = env.required("PHOTOS_BUCKET")?;
        let queue = Queue::new(aws_sdk_sqs::Client::new(&config), env.required("PHOTOS_QUEUE_URL")?);
        Ok(Self {
            photos: Arc::new(Table::new(aws::dynamodb(env, &config), env.required("PHOTOS_TABLE")?)),
            objects: ObjectStore::new(aws::s3(env, &config), bucket.clone()),
            bucket,
            redelivery: Redelivery::from_env(env, queue.clone(), MAX_TRIES_PHOTO)?,
            queue,
        })
    }
}
