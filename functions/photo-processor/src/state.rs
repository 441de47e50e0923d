//! What the worker's messages share.

use std::sync::Arc;

use anyhow::Result;
use domain::{operation::Operation, photo::Photo};
use runtime::{
    aws,
    batch::Redelivery,
    desk::{DeadLetters, Desk},
    env::Env,
    objects::ObjectStore,
    queue::Queue,
    store::{Table, Tombstones},
};

/// The photos' records and objects.
pub struct State {
    pub(crate) desk: Desk<Photo>,
    pub(crate) operations: Arc<Table<Operation>>,
    pub(crate) tombstones: Tombstones,
    pub(crate) objects: ObjectStore,
    pub(crate) bucket: String,
    pub(crate) redelivery: Redelivery,
}

impl State {
    /// From the function's environment; a missing variable is an error that names it.
    pub fn from_env(env: &Env) -> Result<Self> {
        let config = aws::config(env, aws::Patience::Job)?;
        let bucket = env.required("PHOTOS_BUCKET")?;
        let (dynamodb, sqs) = (aws::dynamodb(env, &config), aws_sdk_sqs::Client::new(&config));
        let requests = env.required("REQUESTS_TABLE")?;
        let queue = Queue::new(sqs.clone(), env.required("PHOTOS_QUEUE_URL")?, env.clock());
        Ok(Self {
            operations: Arc::new(Table::new(dynamodb.clone(), requests.clone())),
            tombstones: Tombstones::new(dynamodb.clone(), requests),
            objects: ObjectStore::new(aws::s3(env, &config), bucket.clone()),
            bucket,
            redelivery: Redelivery::from_env(env, queue.clone())?,
            desk: Desk {
                table: Arc::new(Table::new(dynamodb, env.required("PHOTOS_TABLE")?)),
                queue,
                dead_letters: DeadLetters::new(Queue::new(sqs, env.required("PHOTOS_DLQ_URL")?, env.clock())),
            },
        })
    }
}
