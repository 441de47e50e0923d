//! Loading of the records that an email is about.

use anyhow::{Context as _, Result};
use domain::{
    Studio,
    download::Download,
    email::{About, EmailSubject},
    webhook::Webhook,
};

use crate::{
    secret::LinkSecrets,
    store::{Orders, Table},
};

/// Stores of the records that emails are about.
pub struct EmailSubjects<'a> {
    /// Orders.
    pub orders: &'a Orders,
    /// Downloads.
    pub downloads: &'a Table<Download>,
    /// Webhooks.
    pub webhooks: &'a Table<Webhook>,
    /// Secrets that sign the links of downloads.
    pub links: &'a LinkSecrets,
    /// Public base URL of the deployment, without a trailing slash.
    pub public_url: &'a str,
}

impl EmailSubjects<'_> {
    /// Loads the records; `None` if one of them does not exist.
    pub async fn load(&self, studio: &Studio, about: About) -> Result<Option<EmailSubject>> {
        Ok(match about {
            About::Order(id) => self.orders.get(studio, id).await?.map(EmailSubject::Order),
            About::Webhook(id) => {
                let webhook = self.webhooks.get(studio, id).await?;
                webhook.map(|webhook| EmailSubject::Webhook(webhook.url, webhook.disabled.is_some()))
            }
            About::Download(id) => {
                let Some(download) = self.downloads.get(studio, id).await? else { return Ok(None) };
                let Some(order) = self.orders.get(studio, download.order).await? else { return Ok(None) };
                let secrets = self.links.current().await.context("Failed to sign a link")?;
                let link = secrets.url(self.public_url, &download);
                Some(EmailSubject::Download(order, Box::new(download), link))
            }
        })
    }
}
