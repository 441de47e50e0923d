//! Shared state of the handlers: stores, queues, secrets and configuration.

use std::{
    collections::BTreeMap,
    sync::{Arc, OnceLock},
};

use anyhow::{Context as _, Result};
use axum::extract::FromRef;
use domain::{
    allotment::Allotment,
    download::Download,
    email::Email,
    incoming::ImportSource,
    job_counts::{Counted, JobCounts},
    operation::Operation,
    photo::Photo,
    queue_config::{Healthy, QueueName, queue_configs},
    studio_limits::StudioLimits,
    studio_profile::StudioProfile,
    suppression::Suppression,
    webhook::{Delivery, Targets, Webhook},
};
use runtime::{
    aws,
    cdn::Cdn,
    clock::Clock,
    cloudwatch::OldestMessage,
    contents::Contents,
    env::Env,
    erasure::Erasure,
    event_sources::EventSources,
    events::Events,
    failed_jobs::{AllFailedJobs, FailedJobs},
    fill::Fillings,
    job_metrics::JobMetrics,
    objects::ObjectStore,
    queue::Queues,
    queue_switches::QueueSwitches,
    secret::{LinkSecrets, WebhookKeys},
    ses::Ses,
    ssm::Parameters,
    store::{Orders, Table, Tombstones},
};

use crate::{
    console::Console, idempotency::Idempotency, identity::Identities, indexes::Indexes, logs::Logs,
    synchronous::Workers,
};

/// State of the API. Cheap to clone.
#[derive(Clone)]
pub struct State(Arc<Inner>);

pub struct Inner {
    pub photos: Arc<Table<Photo>>,
    pub orders: Orders,
    pub downloads: Arc<Table<Download>>,
    pub emails: Arc<Table<Email>>,
    pub operations: Arc<Table<Operation>>,
    pub studios: Arc<Table<StudioProfile>>,
    /// Limits of studios, in the table of profiles.
    pub limits: Table<StudioLimits>,
    /// Suppressed addresses, in the same table.
    pub suppressions: Table<Suppression>,
    pub ses: Ses,
    pub events: Events,
    pub webhooks: Table<Webhook>,
    pub deliveries: Arc<Table<Delivery>>,
    pub webhook_keys: WebhookKeys,
    /// Addresses that webhooks may have.
    pub webhook_targets: Targets,
    pub queues: Queues,
    pub failed_jobs: AllFailedJobs,
    pub fillings: Fillings,
    pub idempotency: Idempotency,
    pub identities: Identities,
    pub tombstones: Tombstones,
    pub allotments: Table<Allotment>,
    pub originals: ObjectStore,
    pub archives: ObjectStore,
    /// CDN in front of both buckets, if there is one.
    pub cdn: Option<Cdn>,
    pub indexes: Indexes,
    pub workers: Workers,
    /// Pauses of queues.
    pub switches: QueueSwitches,
    /// Numbers of jobs that are too many to count in a request.
    pub counts: Table<JobCounts>,
    /// Pages with the logs of invocations.
    pub logs: Logs,
    pub oldest: OldestMessage,
    pub metrics: JobMetrics,
    /// Highest values of each queue that count as healthy.
    pub healthy: BTreeMap<QueueName, Healthy>,
    pub links: LinkSecrets,
    /// Places from which operators may import photos, by name.
    pub import_sources: BTreeMap<String, ImportSource>,
    /// Public base URL of the deployment. Links use it, never the Host header.
    pub public_url: String,
    /// Operators' console.
    pub console: Console,
    pub clock: Clock,
    /// Days after which archives are deleted. No link works longer.
    pub retention_days: u32,
    /// OpenAPI document of this deployment, created on the first request for it.
    pub document: OnceLock<String>,
}

impl State {
    /// Reads the configuration from the function's environment. The error names a missing variable.
    pub fn from_env(env: &Env) -> Result<Self> {
        let config = aws::config(env, aws::Patience::Request)?;
        let dynamodb = aws::dynamodb(env, &config);
        let s3 = aws::s3(env, &config);
        let sqs = aws::sqs(&config);
        let requests = env.required("REQUESTS_TABLE")?;
        let studios = env.required("STUDIOS_TABLE")?;
        let operations = Arc::new(Table::new(dynamodb.clone(), requests.clone(), env.world()));
        let identities = Identities::from_env(env)?;
        let photos = Arc::new(Table::new(dynamodb.clone(), env.required("PHOTOS_TABLE")?, env.world()));
        let downloads = Arc::new(Table::new(dynamodb.clone(), env.required("DOWNLOADS_TABLE")?, env.world()));
        let emails = Arc::new(Table::new(dynamodb.clone(), env.required("EMAILS_TABLE")?, env.world()));
        let deliveries = Arc::new(Table::new(dynamodb.clone(), env.required("DELIVERIES_TABLE")?, env.world()));
        let queues = Queues::from_env(env, &sqs)?;
        let public_url = env.required("PUBLIC_URL")?;
        let archives = ObjectStore::new(s3.clone(), env.required("DOWNLOADS_BUCKET")?);
        Ok(Self(Arc::new(Inner {
            failed_jobs: AllFailedJobs {
                uploads: FailedJobs::of_queue(env, QueueName::Uploads, &photos, &sqs)?,
                photos: FailedJobs::from_env(env, &photos, &sqs)?,
                downloads: FailedJobs::from_env(env, &downloads, &sqs)?,
                emails: FailedJobs::from_env(env, &emails, &sqs)?,
                webhooks: FailedJobs::from_env(env, &deliveries, &sqs)?,
                operations: FailedJobs::from_env(env, &operations, &sqs)?,
            },
            events: Events::from_env(env, &dynamodb, &sqs)?,
            webhooks: Table::new(dynamodb.clone(), env.required("WEBHOOKS_TABLE")?, env.world()),
            deliveries,
            webhook_keys: WebhookKeys::new(Parameters::new(&config)?, env.required("WEBHOOK_SECRET_PARAMETER")?),
            webhook_targets: env.parsed_or("WEBHOOK_TARGETS", Targets::Public)?,
            photos,
            orders: Orders::new(dynamodb.clone(), env.required("ORDERS_TABLE")?, env.world()),
            downloads,
            emails,
            fillings: Fillings::new(operations.clone(), env.clock()),
            operations,
            limits: Table::new(dynamodb.clone(), studios.clone(), env.world()),
            suppressions: Table::new(dynamodb.clone(), studios.clone(), env.world()),
            ses: Ses::new(env.world(), &config)?,
            studios: Arc::new(Table::new(dynamodb.clone(), studios.clone(), env.world())),
            counts: Table::new(dynamodb.clone(), studios.clone(), env.world()),
            idempotency: Idempotency::new(
                Table::new(dynamodb.clone(), requests.clone(), env.world()),
                identities.clone(),
                env.world().clone(),
            ),
            identities,
            allotments: Table::new(dynamodb.clone(), requests.clone(), env.world()),
            tombstones: Tombstones::new(dynamodb.clone(), requests),
            originals: ObjectStore::new(s3, env.required("PHOTOS_BUCKET")?),
            indexes: Indexes::new(archives.clone(), env.clock()),
            archives,
            cdn: Cdn::from_env(env, &config)?,
            switches: QueueSwitches {
                table: Table::new(dynamodb, studios, env.world()),
                sources: EventSources::new(&config)?,
                queues: queues.clone(),
            },
            workers: Workers::from_env(env, &config, queues.clone())?,
            queues,
            logs: Logs::from_env(env)?,
            oldest: OldestMessage::new(&config)?,
            metrics: JobMetrics::new(&config)?,
            healthy: healthy()?,
            links: LinkSecrets::new(Parameters::new(&config)?, env.required("LINK_SECRET_PARAMETER")?),
            import_sources: import_sources(env)?,
            console: Console::from_env(env, &public_url),
            public_url,
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

impl FromRef<State> for Arc<Table<StudioProfile>> {
    fn from_ref(state: &State) -> Self {
        state.studios.clone()
    }
}

impl Inner {
    /// Returns the contents of downloads in these stores.
    pub fn contents(&self) -> Contents<'_> {
        Contents { orders: &self.orders, photos: &self.photos, archives: &self.archives }
    }

    /// Returns the numbers of a queue's jobs from the last sweep; `None` if the jobs are few, or the numbers outdated.
    pub async fn counted(&self, queue: QueueName) -> Result<Option<Counted>> {
        let JobCounts { studio, id, .. } = JobCounts::of(queue);
        Ok(self.counts.get_readable(&studio, id).await?.and_then(|record| record.fresh(self.clock.now())))
    }

    /// Returns the erasure of orders in these stores.
    pub fn erasure(&self) -> Erasure<'_> {
        Erasure { orders: &self.orders, downloads: &self.downloads, emails: &self.emails, archives: &self.archives }
    }
}

/// Reads `IMPORT_SOURCES`, a JSON object; none by default.
fn import_sources(env: &Env) -> Result<BTreeMap<String, ImportSource>> {
    let sources = env.optional("IMPORT_SOURCES").unwrap_or_else(|| "{}".to_owned());
    serde_json::from_str(&sources).context("IMPORT_SOURCES is not a JSON object of buckets and prefixes")
}

fn healthy() -> Result<BTreeMap<QueueName, Healthy>> {
    Ok(queue_configs()?.into_iter().map(|(queue, config)| (queue, config.healthy)).collect())
}

impl std::ops::Deref for State {
    type Target = Inner;

    fn deref(&self) -> &Inner {
        &self.0
    }
}
