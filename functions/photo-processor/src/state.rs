//! State of the photo processor: stores.

use std::sync::Arc;

use anyhow::Result;
use aws_types::SdkConfig;
use domain::{photo::Photo, studio_profile::StudioProfile};
use runtime::{
    aws,
    env::Env,
    events::Events,
    objects::ObjectStore,
    store::{Table, Tombstones},
    world::World,
};

/// Records of photos and studios, and their objects.
pub struct State {
    pub(crate) photos: Arc<Table<Photo>>,
    pub(crate) studios: Table<StudioProfile>,
    pub(crate) tombstones: Tombstones,
    pub(crate) objects: ObjectStore,
    pub(crate) world: World,
    pub(crate) events: Events,
}

impl State {
    /// Reads the configuration from the function's environment. The error names a missing variable.
    pub fn from_env(env: &Env, config: &SdkConfig) -> Result<Self> {
        let dynamodb = aws::dynamodb(env, config);
        Ok(Self {
            events: Events::from_env(env, &dynamodb, &aws::sqs(config))?,
            photos: Arc::new(Table::new(dynamodb.clone(), env.required("PHOTOS_TABLE")?, env.world())),
            studios: Table::new(dynamodb.clone(), env.required("STUDIOS_TABLE")?, env.world()),
            tombstones: Tombstones::new(dynamodb, env.required("REQUESTS_TABLE")?),
            world: env.world().clone(),
            objects: ObjectStore::new(aws::s3(env, config), env.required("PHOTOS_BUCKET")?),
        })
    }
}
