//! The secret that signs customer links, from SSM.

use anyhow::{Context as _, Result};
use aws_sdk_ssm::Client;
use tokio::sync::OnceCell;

use crate::{aws::failed, link::LinkSecret};

/// Fetched at its first use, not at start: most cold starts never need it.
pub struct LinkSecrets {
    client: Client,
    parameter: String,
    secret: OnceCell<LinkSecret>,
}

impl LinkSecrets {
    /// From the SecureString parameter of this name, whose value is `{key version}:{secret}`.
    pub fn new(client: Client, parameter: impl Into<String>) -> Self {
        Self { client, parameter: parameter.into(), secret: OnceCell::new() }
    }

    /// The secret; fetched once in this process's life.
    pub async fn current(&self) -> Result<&LinkSecret> {
        self.secret.get_or_try_init(|| self.fetch()).await
    }

    async fn fetch(&self) -> Result<LinkSecret> {
        let answer = self
            .client
            .get_parameter()
            .name(&self.parameter)
            .with_decryption(true)
            .send()
            .await
            .map_err(|error| failed("Failed to fetch the link secret", error))?;
        let value = answer.parameter.and_then(|p| p.value).context("The link secret's parameter has no value")?;
        let (version, key) = value.split_once(':').context("The link secret is not of the form version:secret")?;
        Ok(LinkSecret::new(version.parse().context("The link secret's version is no number up to 255")?, key))
    }
}
