//! State of the email sender: stores and services.

use std::sync::Arc;

use anyhow::Result;
use aws_types::SdkConfig;
use domain::{
    download::Download,
    email::{Email, REPORT_WAIT},
    queue_config::{QueueName, queue_configs},
    studio_profile::StudioProfile,
    suppression::Suppression,
    webhook::Webhook,
};
use jiff::SignedDuration;
use runtime::{
    aws,
    email_subjects::EmailSubjects,
    env::Env,
    events::Events,
    secret::LinkSecrets,
    ses::Ses,
    ssm::Parameters,
    store::{Orders, Table},
};

use crate::pace::Pace;

/// Stores, SES, and the sender's address.
pub struct State {
    pub(crate) emails: Arc<Table<Email>>,
    pub(crate) orders: Orders,
    pub(crate) downloads: Table<Download>,
    pub(crate) webhooks: Table<Webhook>,
    pub(crate) studios: Table<StudioProfile>,
    /// Suppressed addresses, in the table of studios.
    pub(crate) suppressions: Table<Suppression>,
    pub(crate) ses: Ses,
    pub(crate) pace: Pace,
    /// Time for which an email whose reply was lost waits for SES's report.
    pub(crate) report_wait: SignedDuration,
    pub(crate) links: LinkSecrets,
    pub(crate) from: String,
    pub(crate) configuration_set: Option<String>,
    pub(crate) public_url: String,
    pub(crate) events: Events,
}

impl State {
    /// Returns the stores of the records that emails are about.
    pub(crate) fn subjects(&self) -> EmailSubjects<'_> {
        let Self { orders, downloads, webhooks, links, public_url, .. } = self;
        EmailSubjects { orders, downloads, webhooks, links, public_url }
    }

    /// Reads the configuration from the function's environment. The error names a missing variable.
    pub fn from_env(env: &Env, config: &SdkConfig) -> Result<Self> {
        let dynamodb = aws::dynamodb(env, config);
        let studios = env.required("STUDIOS_TABLE")?;
        let workers = queue_configs()?.get(&QueueName::Emails).map_or(1, |config| config.max_concurrency);
        Ok(Self {
            events: Events::from_env(env, &dynamodb, &aws::sqs(config))?,
            orders: Orders::new(dynamodb.clone(), env.required("ORDERS_TABLE")?, env.world()),
            downloads: Table::new(dynamodb.clone(), env.required("DOWNLOADS_TABLE")?, env.world()),
            webhooks: Table::new(dynamodb.clone(), env.required("WEBHOOKS_TABLE")?, env.world()),
            suppressions: Table::new(dynamodb.clone(), studios.clone(), env.world()),
            studios: Table::new(dynamodb.clone(), studios, env.world()),
            emails: Arc::new(Table::new(dynamodb, env.required("EMAILS_TABLE")?, env.world())),
            ses: Ses::new(env.world(), config)?,
            pace: Pace::new(workers),
            report_wait: SignedDuration::from_secs(env.parsed_or("SES_REPORT_WAIT_SECONDS", REPORT_WAIT.as_secs())?),
            links: LinkSecrets::new(Parameters::new(config)?, env.required("LINK_SECRET_PARAMETER")?),
            from: env.required("MAIL_FROM")?,
            configuration_set: env.optional("SES_CONFIGURATION_SET"),
            public_url: env.required("PUBLIC_URL")?,
        })
    }
}
