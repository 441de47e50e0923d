//! State of the housekeeper: stores and queues.

use std::sync::Arc;

use anyhow::Result;
use aws_types::SdkConfig;
use domain::{
    allotment::Allotment,
    download::Download,
    email::Email,
    job_counts::JobCounts,
    operation::Operation,
    photo::Photo,
    queue_config::QueueName,
    studio_profile::StudioProfile,
    suppression::Suppression,
    webhook::{Delivery, Webhook},
};
use runtime::{
    aws,
    clock::Clock,
    env::Env,
    erasure::Erasure,
    event_sources::EventSources,
    events::Events,
    failed_jobs::{AllFailedJobs, FailedJobs},
    objects::ObjectStore,
    queue::Queues,
    queue_switches::QueueSwitches,
    secret::LinkSecrets,
    ssm::Parameters,
    store::{Orders, Table, Tombstones},
    world::World,
};

/// Records of all kinds, their queues and failed jobs, and the archives.
pub struct State {
    pub(crate) emails: Arc<Table<Email>>,
    pub(crate) photos: Arc<Table<Photo>>,
    pub(crate) downloads: Arc<Table<Download>>,
    pub(crate) operations: Arc<Table<Operation>>,
    pub(crate) events: Events,
    pub(crate) deliveries: Arc<Table<Delivery>>,
    pub(crate) webhooks: Table<Webhook>,
    pub(crate) studios: Table<StudioProfile>,
    pub(crate) switches: QueueSwitches,
    /// Numbers of jobs, in the table of studios.
    pub(crate) counts: Table<JobCounts>,
    pub(crate) queues: Queues,
    pub(crate) failed_jobs: AllFailedJobs,
    pub(crate) orders: Orders,
    pub(crate) archives: ObjectStore,
    /// The photos bucket, for the intake of uploads.
    pub(crate) uploads: ObjectStore,
    pub(crate) allotments: Table<Allotment>,
    pub(crate) tombstones: Tombstones,
    /// Suppressed addresses, in the table of studios.
    pub(crate) suppressions: Table<Suppression>,
    pub(crate) clock: Clock,
    pub(crate) world: World,
    pub(crate) links: LinkSecrets,
    /// Days after which orders are erased; `None` keeps them.
    pub(crate) retention_days: Option<u32>,
}

impl State {
    /// Reads the configuration from the function's environment. The error names a missing variable.
    /// `PERSONAL_DATA_RETENTION_DAYS` is off by default, and 0 means off.
    pub fn from_env(env: &Env, config: &SdkConfig, sqs: &aws_sdk_sqs::Client) -> Result<Self> {
        let dynamodb = aws::dynamodb(env, config);
        let emails = Arc::new(Table::new(dynamodb.clone(), env.required("EMAILS_TABLE")?, env.world()));
        let photos = Arc::new(Table::new(dynamodb.clone(), env.required("PHOTOS_TABLE")?, env.world()));
        let downloads = Arc::new(Table::new(dynamodb.clone(), env.required("DOWNLOADS_TABLE")?, env.world()));
        let operations = Arc::new(Table::new(dynamodb.clone(), env.required("REQUESTS_TABLE")?, env.world()));
        let deliveries = Arc::new(Table::new(dynamodb.clone(), env.required("DELIVERIES_TABLE")?, env.world()));
        let queues = Queues::from_env(env, sqs)?;
        Ok(Self {
            failed_jobs: AllFailedJobs {
                emails: FailedJobs::from_env(env, &emails, sqs)?,
                uploads: FailedJobs::of_queue(env, QueueName::Uploads, &photos, sqs)?,
                photos: FailedJobs::from_env(env, &photos, sqs)?,
                downloads: FailedJobs::from_env(env, &downloads, sqs)?,
                webhooks: FailedJobs::from_env(env, &deliveries, sqs)?,
                operations: FailedJobs::from_env(env, &operations, sqs)?,
            },
            events: Events::from_env(env, &dynamodb, sqs)?,
            deliveries,
            switches: QueueSwitches {
                table: Table::new(dynamodb.clone(), env.required("STUDIOS_TABLE")?, env.world()),
                sources: EventSources::new(config)?,
                queues: queues.clone(),
            },
            queues,
            emails,
            photos,
            downloads,
            operations,
            allotments: Table::new(dynamodb.clone(), env.required("REQUESTS_TABLE")?, env.world()),
            tombstones: Tombstones::new(dynamodb.clone(), env.required("REQUESTS_TABLE")?),
            webhooks: Table::new(dynamodb.clone(), env.required("WEBHOOKS_TABLE")?, env.world()),
            studios: Table::new(dynamodb.clone(), env.required("STUDIOS_TABLE")?, env.world()),
            suppressions: Table::new(dynamodb.clone(), env.required("STUDIOS_TABLE")?, env.world()),
            counts: Table::new(dynamodb.clone(), env.required("STUDIOS_TABLE")?, env.world()),
            orders: Orders::new(dynamodb, env.required("ORDERS_TABLE")?, env.world()),
            archives: ObjectStore::new(aws::s3(env, config), env.required("DOWNLOADS_BUCKET")?),
            uploads: ObjectStore::new(aws::s3(env, config), env.required("PHOTOS_BUCKET")?),
            clock: env.clock(),
            world: env.world().clone(),
            links: LinkSecrets::new(Parameters::new(config)?, env.required("LINK_SECRET_PARAMETER")?),
            retention_days: Some(env.parsed_or("PERSONAL_DATA_RETENTION_DAYS", 0)?).filter(|days| *days > 0),
        })
    }

    /// Returns the erasure of orders in these stores.
    pub(crate) fn erasure(&self) -> Erasure<'_> {
        Erasure { orders: &self.orders, downloads: &self.downloads, emails: &self.emails, archives: &self.archives }
    }
}
