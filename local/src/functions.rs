//! The four functions: in this process, or behind `cargo lambda watch`.

use std::{collections::HashMap, panic::AssertUnwindSafe, sync::Arc, time::Duration};

use anyhow::{Context as _, Result, anyhow, bail};
use futures::FutureExt as _;
use jiff::Timestamp;
use lambda_http::{Adapter, Service as _};
use lambda_runtime::{Context, LambdaEvent};
use serde_json::Value;
use shared::env::Env;
use uuid::Uuid;

/// Where events go.
#[derive(Clone)]
pub struct Functions(Arc<Place>);

enum Place {
    Here(Box<Here>),
    Behind { url: String, http: reqwest::Client },
}

struct Here {
    api: axum::Router,
    emails: email_sender::State,
    photos: photo_processor::State,
    downloads: archive_builder::State,
}

impl Functions {
    /// Built once, as Lambda builds them at a cold start; each with its own environment.
    pub fn here(environment: impl Fn(&str) -> HashMap<String, String>) -> Result<Self> {
        let env = |function: &str| Env::of(environment(function));
        Ok(Self(Arc::new(Place::Here(Box::new(Here {
            api: api::router(api::State::from_env(&env("api")).context("api")?),
            emails: email_sender::State::from_env(&env("email-sender")).context("email-sender")?,
            photos: photo_processor::State::from_env(&env("photo-processor")).context("photo-processor")?,
            downloads: archive_builder::State::from_env(&env("archive-builder")).context("archive-builder")?,
        })))))
    }

    /// Lambda's Invoke API at this URL, as `cargo lambda watch` offers it.
    pub fn behind(url: &str) -> Result<Self> {
        let url = url.trim_end_matches('/').to_owned();
        Ok(Self(Arc::new(Place::Behind { url, http: reqwest::Client::builder().no_proxy().build()? })))
    }

    /// Invokes a function with an event and waits for its answer, for its timeout at most.
    pub async fn invoke(&self, function: &str, event: Value, timeout: Duration) -> Result<Value> {
        let answer = tokio::time::timeout(timeout, async {
            match &*self.0 {
                Place::Here(here) => {
                    // A panic that escapes a handler kills the function, not this process.
                    let run = AssertUnwindSafe(here.invoke(function, event, timeout)).catch_unwind().await;
                    run.unwrap_or_else(|_| Err(anyhow!("{function} panicked")))
                }
                Place::Behind { url, http } => {
                    let url = format!("{url}/2015-03-31/functions/{function}/invocations");
                    let answer = http.post(url).json(&event).send().await.context("Failed to reach the functions")?;
                    let failed = answer.headers().contains_key("x-amz-function-error") || !answer.status().is_success();
                    let status = answer.status();
                    let body = answer.bytes().await?;
                    if failed {
                        bail!("{function} failed ({status}): {}", String::from_utf8_lossy(&body));
                    }
                    Ok(serde_json::from_slice(&body)?)
                }
            }
        });
        answer.await.unwrap_or_else(|_| Err(anyhow!("{function} timed out after {timeout:?}")))
    }
}

impl Here {
    async fn invoke(&self, function: &str, event: Value, timeout: Duration) -> Result<Value> {
        let context = context(timeout);
        Ok(match function {
            "api" => {
                let event = LambdaEvent::new(serde_json::from_value(event)?, context);
                // The adapter is gone before the wait: it can't be sent between threads.
                let answer = Adapter::from(self.api.clone()).call(event);
                serde_json::to_value(answer.await.unwrap_or_else(|never| match never {}))?
            }
            "email-sender" => {
                let event = LambdaEvent::new(serde_json::from_value(event)?, context);
                serde_json::to_value(email_sender::handle(&self.emails, event).await)?
            }
            "photo-processor" => {
                let event = LambdaEvent::new(serde_json::from_value(event)?, context);
                serde_json::to_value(photo_processor::handle(&self.photos, event).await)?
            }
            "archive-builder" => {
                let event = LambdaEvent::new(serde_json::from_value(event)?, context);
                serde_json::to_value(archive_builder::handle(&self.downloads, event).await)?
            }
            other => bail!("There is no function {other}"),
        })
    }
}

fn context(timeout: Duration) -> Context {
    let deadline = Timestamp::now().saturating_add(timeout).unwrap_or(Timestamp::MAX);
    let mut context = Context::default();
    context.request_id = Uuid::new_v4().to_string();
    context.deadline = u64::try_from(deadline.as_millisecond()).unwrap_or(u64::MAX);
    context
}
