//! Secrets from SSM: of customer links, and of webhooks.

use anyhow::{Context as _, Result};
use domain::{link::LinkSecret, webhook::WebhookKey};
use tokio::sync::OnceCell;

use crate::ssm::Parameters;

/// Secret that is fetched at its first use, because most cold starts never need it.
pub struct LinkSecrets {
    parameters: Parameters,
    parameter: String,
    secret: OnceCell<LinkSecret>,
}

impl LinkSecrets {
    /// Creates the secret from the SecureString parameter with this name. Its value is `{key version}:{secret}`.
    pub fn new(parameters: Parameters, parameter: impl Into<String>) -> Self {
        Self { parameters, parameter: parameter.into(), secret: OnceCell::new() }
    }

    /// Returns the secret. The process fetches it once.
    pub async fn current(&self) -> Result<&LinkSecret> {
        self.secret.get_or_try_init(|| self.fetch()).await
    }

    async fn fetch(&self) -> Result<LinkSecret> {
        let value = self.parameters.get(&self.parameter).await.context("Failed to fetch the link secret")?;
        let (version, key) = value.split_once(':').context("The link secret is not of the form version:secret")?;
        Ok(LinkSecret::new(version.parse().context("The link secret's version is no number up to 255")?, key))
    }
}

/// Key of the webhooks' secrets, fetched at its first use.
pub struct WebhookKeys {
    parameters: Parameters,
    parameter: String,
    key: OnceCell<WebhookKey>,
}

impl WebhookKeys {
    /// Creates the key from the SecureString parameter with this name.
    pub fn new(parameters: Parameters, parameter: impl Into<String>) -> Self {
        Self { parameters, parameter: parameter.into(), key: OnceCell::new() }
    }

    /// Returns the key. The process fetches it once.
    pub async fn current(&self) -> Result<&WebhookKey> {
        let fetch = async || {
            let value = self.parameters.get(&self.parameter).await.context("Failed to fetch the webhook secret")?;
            anyhow::Ok(WebhookKey::new(value))
        };
        self.key.get_or_try_init(fetch).await
    }
}
