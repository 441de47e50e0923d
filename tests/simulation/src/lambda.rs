//! Lambda: hosts of the functions, cold starts, timeouts, kills.

use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use anyhow::{Context as _, Result};
use aws_lambda_events::sqs::SqsEvent;
use bytes::Bytes;
use futures::future::BoxFuture;
use http::{Request, Response};
use lambda_runtime::{Context, LambdaEvent};
use runtime::{
    env::Env,
    worker::Worker,
    world::{Cpu, World},
};
use serde_json::{Value, json};
use uuid::Uuid;

use crate::{
    cloud::Cloud,
    config::{self, API},
    connector, hooks,
    host::{self, Disturbance, DisturbanceKind, Process},
    network::{HostNetwork, Invoke},
    time::Skew,
};

/// Builds a worker from its environment.
type BuildWorker = fn(&Env) -> Result<Worker>;

/// Functions with a queue, with their constructors.
const WORKERS: [(&str, BuildWorker); 5] = [
    ("archive-builder", archive_builder::worker),
    ("email-sender", email_sender::worker),
    ("housekeeper", housekeeper::worker),
    ("photo-processor", photo_processor::worker),
    ("webhook-sender", webhook_sender::worker),
];
/// Time for which a process acts on that was frozen over its timeout.
const ACTS_ON: Duration = Duration::from_secs(60);
/// Invocations after which a host retires.
const HOST_LIVES: u32 = 60;

/// All functions. Clones are the same functions.
#[derive(Clone)]
pub struct Lambda(Arc<Inner>);

struct Inner {
    cloud: Cloud,
    idle: Mutex<BTreeMap<&'static str, Vec<Host>>>,
    started: Mutex<u64>,
}

/// A host with a function's process.
struct Host {
    process: Arc<Process>,
    skew: Skew,
    program: Program,
    invocations: u32,
}

#[derive(Clone)]
enum Program {
    Worker(Arc<Worker>),
    Api(axum::Router),
}

/// Error of an invocation: Lambda has no response of the function.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Crash {
    /// The function reached its timeout.
    #[error("timed out")]
    TimedOut,
    /// The process ended.
    #[error("killed")]
    Killed,
}

impl Lambda {
    /// Creates the functions, without hosts.
    pub fn new(cloud: Cloud) -> Self {
        Self(Arc::new(Inner { cloud, idle: Mutex::default(), started: Mutex::default() }))
    }

    /// Ends all hosts. They hold these functions, which hold them.
    pub fn end(&self) {
        self.idle().clear();
    }

    /// Processes a batch of messages.
    pub async fn work(&self, function: &str, event: Value, timeout: Duration) -> Result<Value, Crash> {
        let event: SqsEvent = serde_json::from_value(event).unwrap_or_default();
        self.invoke(function, timeout, |program, context| {
            Box::pin(async move {
                let Program::Worker(worker) = program else { return Value::Null };
                serde_json::to_value(worker.handle(LambdaEvent::new(event, context)).await).unwrap_or_default()
            })
        })
        .await
    }

    /// Answers a request to the API.
    pub async fn serve(
        &self,
        request: Request<axum::body::Body>,
        timeout: Duration,
    ) -> Result<Response<axum::body::Body>, Crash> {
        self.invoke(API, timeout, |program, _| {
            Box::pin(async move {
                let Program::Api(router) = program else { return Response::default() };
                tower::ServiceExt::oneshot(router, request).await.unwrap_or_else(|never| match never {})
            })
        })
        .await
    }

    /// Returns Lambda's Invoke, for the networks of hosts.
    pub fn invoker(&self) -> Invoke {
        let lambda = self.clone();
        Arc::new(move |request| {
            let lambda = lambda.clone();
            Box::pin(async move { lambda.answer(&request).await })
        })
    }

    /// Answers a call of Lambda's Invoke.
    async fn answer(&self, request: &Request<Bytes>) -> Response<Bytes> {
        let name = request.uri().path().split('/').nth(3).unwrap_or_default().to_owned();
        let event = serde_json::from_slice(request.body()).unwrap_or_default();
        let timeout = config::timeout(&name);
        let (failed, body) = match Box::pin(self.work(&name, event, timeout)).await {
            Ok(answer) => (false, answer),
            Err(crash) => (true, json!({ "errorMessage": crash.to_string() })),
        };
        let mut response = Response::new(Bytes::from(body.to_string()));
        if failed {
            response.headers_mut().insert("x-amz-function-error", http::HeaderValue::from_static("Unhandled"));
        }
        response
    }

    async fn invoke<T: Send + 'static>(
        &self,
        function: &str,
        timeout: Duration,
        run: impl FnOnce(Program, Context) -> BoxFuture<'static, T>,
    ) -> Result<T, Crash> {
        let mut host = self.host(function).await;
        let cloud = &self.0.cloud;
        {
            let mut state = cloud.state();
            let state = &mut *state;
            host.process.plan(disturbance(state));
            if state.random.u8(0..8) == 0 {
                host.skew.set(skew(state));
            }
        }
        // Lambda's deadline is the true time, not that of the host's clock.
        let context = context(cloud, timeout);
        let mut invocation = Box::pin(host::run(host.process.clone(), run(host.program.clone(), context)));
        match tokio::time::timeout(timeout, &mut invocation).await {
            Err(_elapsed) => {
                // A frozen process cannot be told to end. It acts on, though Lambda has given its message up.
                if let Some(frozen) = host.process.frozen_for() {
                    tokio::spawn(tokio::time::timeout(frozen + ACTS_ON, invocation));
                }
                Err(Crash::TimedOut)
            }
            Ok(None) => {
                let now = cloud.time.now();
                cloud.state().crashed.insert(config::static_name(function), now);
                Err(Crash::Killed)
            }
            Ok(Some(answer)) => {
                host.invocations += 1;
                if host.invocations < HOST_LIVES {
                    let mut idle = self.idle();
                    if let Some((_, hosts)) = idle.iter_mut().find(|(name, _)| **name == function) {
                        hosts.push(host);
                    }
                }
                Ok(answer)
            }
        }
    }

    fn idle(&self) -> MutexGuard<'_, BTreeMap<&'static str, Vec<Host>>> {
        self.0.idle.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Returns an idle host, or starts one.
    async fn host(&self, function: &str) -> Host {
        let cold = {
            let mut state = self.0.cloud.state();
            let state = &mut *state;
            state.random.f64() < state.faults.cold_start
        };
        if !cold && let Some(host) = self.idle().get_mut(function).and_then(Vec::pop) {
            return host;
        }
        let start = Duration::from_millis(self.0.cloud.state().random.u64(20..400));
        tokio::time::sleep(start).await;
        self.start(function)
    }

    fn start(&self, function: &str) -> Host {
        let number = {
            let mut started = self.0.started.lock().unwrap_or_else(PoisonError::into_inner);
            *started += 1;
            *started
        };
        let cloud = self.0.cloud.clone();
        let (random, skew) = {
            let mut state = cloud.state();
            let skew_ms = skew(&mut state);
            let skew = Skew::default();
            skew.set(skew_ms);
            (Mutex::new(state.random.fork()), skew)
        };
        let process = Arc::new(Process::new(format!("{function}/{number}")));
        let network = HostNetwork { cloud: cloud.clone(), process: process.clone(), invoke: self.invoker() };
        let world = World::system()
            .with_clock(skew.clock(cloud.time))
            .with_random(move || random.lock().unwrap_or_else(PoisonError::into_inner).u128(..))
            .with_http(connector::client(Arc::new(network)))
            .with_shops(hooks::connections(cloud.clone(), process.clone()))
            .with_cpu(Cpu::Inline);
        let env = config::environment().with_world(world);
        let program = program(function, &env).unwrap_or_else(|error| {
            panic!("{function} does not start: {error:#}");
        });
        self.idle().entry(config::static_name(function)).or_default();
        Host { process, skew, program, invocations: 0 }
    }
}

fn program(function: &str, env: &Env) -> Result<Program> {
    if function == API {
        return Ok(Program::Api(api::router(api::State::from_env(env)?)));
    }
    let (_, build) = WORKERS.iter().find(|(name, _)| *name == function).context("No such function")?;
    Ok(Program::Worker(Arc::new(build(env)?)))
}

/// Draws the disturbance of an invocation.
fn disturbance(state: &mut crate::cloud::State) -> Option<Disturbance> {
    let random = &mut state.random;
    let kind = if random.f64() < state.faults.kill {
        DisturbanceKind::Kill
    } else if random.f64() < state.faults.freeze {
        DisturbanceKind::Freeze(Duration::from_millis(random.u64(100..900_000)))
    } else {
        return None;
    };
    // Most jobs make fewer than 20 calls.
    Some(Disturbance { half_calls: random.u32(0..40), kind })
}

fn skew(state: &mut crate::cloud::State) -> i64 {
    let most = state.faults.skew_ms;
    if most == 0 { 0 } else { state.random.i64(-most..=most) }
}

fn context(cloud: &Cloud, timeout: Duration) -> Context {
    let deadline = cloud.time.now().saturating_add(timeout).unwrap_or(jiff::Timestamp::MAX);
    let mut context = Context::default();
    context.request_id = Uuid::from_u128(cloud.state().random.u128(..)).to_string();
    context.deadline = u64::try_from(deadline.as_millisecond()).unwrap_or(u64::MAX);
    context
}
