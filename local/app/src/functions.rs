//! The functions, run in this process or by `cargo lambda watch`.

use std::{collections::HashMap, panic::AssertUnwindSafe, sync::Arc, time::Duration};

use anyhow::{Context as _, Result, anyhow, bail};
use futures::{FutureExt as _, future::BoxFuture};
use jiff::Timestamp;
use lambda_http::{Adapter, Service as _};
use lambda_runtime::{Context, LambdaEvent};
use local_aws::{
    Samples,
    trace::{self, Trace},
};
use runtime::{clock::Clock, env::Env, worker::Worker};
use serde_json::Value;
use uuid::Uuid;

use crate::recorder::ToCloudWatch;

/// An invocation in progress, which returns the function's response.
pub type Invocation = BoxFuture<'static, Result<Value>>;
/// A wrapper around each invocation of the function of this name, which can observe, delay or end it.
pub type Layer = Arc<dyn Fn(&str, Invocation) -> Invocation + Send + Sync>;

/// The error of a function that reached its timeout.
#[derive(Debug, thiserror::Error)]
#[error("{function} timed out after {timeout:?}")]
pub struct TimedOut {
    function: String,
    timeout: Duration,
}

/// The functions that receive events.
#[derive(Clone)]
pub struct Functions {
    place: Arc<Place>,
    layer: Option<Layer>,
    clock: Clock,
    samples: Option<Arc<Samples>>,
}

enum Place {
    Here(Box<Here>),
    Behind { url: String, http: reqwest::Client },
}

struct Here {
    api: axum::Router,
    workers: HashMap<&'static str, Worker>,
}

/// Builds a worker from its environment.
pub type BuildWorker = fn(&Env) -> Result<Worker>;

/// The workers' constructors, by function name.
pub const WORKERS: [(&str, BuildWorker); 5] = [
    ("email-sender", email_sender::worker),
    ("photo-processor", photo_processor::worker),
    ("archive-builder", archive_builder::worker),
    ("webhook-sender", webhook_sender::worker),
    ("housekeeper", housekeeper::worker),
];

impl Functions {
    /// Builds all functions once, as Lambda does at a cold start, each with its own environment.
    pub fn here(clock: &Clock, environment: impl Fn(&str) -> HashMap<String, String>) -> Result<Self> {
        let env = |function: &str| Env::of(environment(function)).with_clock(clock.clone());
        let api = api::router(api::State::from_env(&env("api")).context("api")?);
        let workers = WORKERS.map(|(name, build)| Ok((name, build(&env(name)).context(name)?)));
        let workers = workers.into_iter().collect::<Result<_>>()?;
        Ok(Self::at(clock, Place::Here(Box::new(Here { api, workers }))))
    }

    fn at(clock: &Clock, place: Place) -> Self {
        Self { place: Arc::new(place), layer: None, clock: clock.clone(), samples: None }
    }

    /// Records the metrics of functions in this process.
    pub fn recording(self, samples: Arc<Samples>) -> Self {
        Self { samples: Some(samples), ..self }
    }

    /// Adds a layer around each invocation.
    pub fn within(self, layer: Option<Layer>) -> Self {
        Self { layer, ..self }
    }

    /// Sends events to Lambda's Invoke API at this URL, as `cargo lambda watch` provides it.
    pub fn behind(url: &str) -> Result<Self> {
        let url = url.trim_end_matches('/').to_owned();
        let place = Place::Behind { url, http: reqwest::Client::builder().no_proxy().build()? };
        Ok(Self::at(&Clock::system(), place))
    }

    /// Invokes a function with an event and waits for its response, at most for its timeout ([`TimedOut`]). The
    /// invocation begins a chain of requests.
    pub async fn invoke(&self, function: &str, event: Value, timeout: Duration) -> Result<Value> {
        self.invoke_in(Trace::begin(), function, event, timeout).await
    }

    /// Invokes a function like [`Functions::invoke`], as the next invocation of a chain.
    pub async fn invoke_in(&self, chain: Trace, function: &str, event: Value, timeout: Duration) -> Result<Value> {
        let (place, name) = (self.place.clone(), function.to_owned());
        let mut context = context(&self.clock, timeout);
        context.xray_trace_id = Some(chain.invoke(function).to_string());
        let run: Invocation = Box::pin(async move { place.invoke(&name, event, context).await });
        let run = match &self.samples {
            Some(samples) => ToCloudWatch::new(function, samples.clone(), self.clock.clone()).record(run),
            None => run,
        };
        let run = match &self.layer {
            Some(layer) => layer(function, run),
            None => run,
        };
        let answer = tokio::time::timeout(timeout, run).await;
        answer.unwrap_or_else(|_| Err(TimedOut { function: function.to_owned(), timeout }.into()))
    }
}

impl Place {
    async fn invoke(&self, function: &str, event: Value, context: Context) -> Result<Value> {
        match self {
            Self::Here(here) => {
                // A panic that escapes a handler ends the invocation, not this process.
                let run = AssertUnwindSafe(here.invoke(function, event, context)).catch_unwind().await;
                run.unwrap_or_else(|_| Err(anyhow!("{function} panicked")))
            }
            Self::Behind { url, http } => {
                let url = format!("{url}/2015-03-31/functions/{function}/invocations");
                let trace = context.xray_trace_id.unwrap_or_default();
                let request = http.post(url).header(trace::HEADER, trace).json(&event);
                let answer = request.send().await.context("Failed to reach the functions")?;
                let failed = answer.headers().contains_key("x-amz-function-error") || !answer.status().is_success();
                let status = answer.status();
                let body = answer.bytes().await?;
                if failed {
                    bail!("{function} failed ({status}): {}", String::from_utf8_lossy(&body));
                }
                Ok(serde_json::from_slice(&body)?)
            }
        }
    }
}

impl Here {
    async fn invoke(&self, function: &str, event: Value, context: Context) -> Result<Value> {
        if function == "api" {
            let event = LambdaEvent::new(serde_json::from_value(event)?, context);
            // The adapter is dropped before the await because it is not `Send`.
            let answer = Adapter::from(self.api.clone()).call(event);
            return Ok(serde_json::to_value(answer.await.unwrap_or_else(|never| match never {}))?);
        }
        let worker = self.workers.get(function).with_context(|| format!("There is no function {function}"))?;
        let event = LambdaEvent::new(serde_json::from_value(event)?, context);
        Ok(serde_json::to_value(worker.handle(event).await)?)
    }
}

fn context(clock: &Clock, timeout: Duration) -> Context {
    let deadline = clock.now().saturating_add(timeout).unwrap_or(Timestamp::MAX);
    let mut context = Context::default();
    context.request_id = Uuid::new_v4().to_string();
    context.deadline = u64::try_from(deadline.as_millisecond()).unwrap_or(u64::MAX);
    context
}
