//! The network that fails on demand: a proxy for each function, on loopback.

use std::{
    collections::HashMap,
    sync::{
        Arc, Mutex, OnceLock, PoisonError,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use anyhow::{Context as _, Result};
use axum::{
    body::{Body, Bytes},
    http::{HeaderValue, Request, Response, StatusCode, header},
};
use futures::stream;
use hyper_util::{
    rt::{TokioExecutor, TokioIo},
    server::conn::auto::Builder,
};
use tokio::{net::TcpListener, sync::Notify, task::JoinSet};

use super::{Call, Fault, Outage, Service, Site, Strike};

/// The time for which a call hangs. It exceeds the time limit of every client.
const FOR_EVER: Duration = Duration::from_secs(60);
/// The delay of a late reply, within every client's time limit.
const LATE: Duration = Duration::from_millis(40);

/// A forwarded call with its reply's status; `None` where the reply was withheld.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Answered {
    /// The call's site.
    pub site: Site,
    /// The status that the service returned.
    pub status: Option<u16>,
}

/// A callback for each call before it is forwarded.
pub type Watch = Arc<dyn Fn(&Site) + Send + Sync>;

/// The network between functions and services. Dropping it ends the proxies.
pub struct FaultNet {
    shared: Arc<Shared>,
    /// (function, variable) -> URL: the configuration that routes each function through its proxy.
    pub overrides: HashMap<(String, String), String>,
    _proxies: JoinSet<()>,
}

#[derive(Default)]
struct Shared {
    /// Variable -> the service's real URL.
    upstream: OnceLock<HashMap<String, String>>,
    http: reqwest::Client,
    state: Mutex<State>,
    released: Notify,
}

#[derive(Default)]
struct State {
    counts: HashMap<(String, Call), usize>,
    strikes: Vec<Strike>,
    log: Vec<Answered>,
    outage: Option<Outage>,
    hung: Option<Service>,
    closes_reused: Option<Service>,
    watch: Option<Watch>,
}

impl FaultNet {
    /// Starts a proxy for each of these functions and both endpoints.
    pub async fn start(functions: &[&str]) -> Result<Self> {
        // Each call gets a connection of its own: a pooled one may be closed meanwhile, which would be an unplanned
        // fault.
        let http = reqwest::Client::builder().no_proxy().pool_max_idle_per_host(0).build()?;
        let shared = Arc::new(Shared { http, ..Shared::default() });
        let (mut overrides, mut proxies) = (HashMap::new(), JoinSet::new());
        for function in functions {
            for variable in ["AWS_ENDPOINT_URL", "AWS_ENDPOINT_URL_DYNAMODB"] {
                let listener = TcpListener::bind("127.0.0.1:0").await.context("Failed to listen")?;
                let url = format!("http://{}", listener.local_addr()?);
                overrides.insert(((*function).to_owned(), variable.to_owned()), url);
                proxies.spawn(serve(listener, (*function).to_owned(), variable.to_owned(), shared.clone()));
            }
        }
        Ok(Self { shared, overrides, _proxies: proxies })
    }

    /// Sets the services' addresses, once they run.
    pub fn connect(&self, environment: &HashMap<String, String>) {
        let urls = environment.iter().filter(|(name, _)| name.starts_with("AWS_ENDPOINT_URL"));
        let _ = self.shared.upstream.set(urls.map(|(name, url)| (name.clone(), url.clone())).collect());
    }

    /// Restarts the count at 1, and applies these strikes from now on.
    pub fn begin(&self, strikes: Vec<Strike>) {
        let mut state = self.shared.state();
        let watch = state.watch.take();
        *state = State { strikes, watch, ..State::default() };
    }

    /// Starts an outage; `None` ends it.
    pub fn out(&self, outage: Option<Outage>) {
        self.shared.state().outage = outage;
    }

    /// Makes a service accept calls without forwarding them or replying; `None` ends this.
    pub fn hang(&self, service: Option<Service>) {
        self.shared.state().hung = service;
    }

    /// Closes each connection of this service instead of accepting a second request on it. A pooled connection that the
    /// other side has just closed behaves so.
    pub fn close_reused(&self, service: Service) {
        self.shared.state().closes_reused = Some(service);
    }

    /// Calls `watch` before each call is forwarded.
    pub fn watch(&self, watch: Watch) {
        self.shared.state().watch = Some(watch);
    }

    /// Releases the delayed requests.
    pub fn release(&self) {
        self.shared.released.notify_waiters();
    }

    /// Returns the calls since [`FaultNet::begin`], with their status.
    pub fn log(&self) -> Vec<Answered> {
        self.shared.state().log.clone()
    }
}

impl Shared {
    fn state(&self) -> std::sync::MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Counts the call, and returns the fault that applies to it.
    fn meet(&self, function: &str, call: Call) -> (Site, Option<Fault>, Option<Watch>) {
        let mut state = self.state();
        let nth = state.counts.entry((function.to_owned(), call.clone())).or_default();
        *nth += 1;
        let site = Site { function: function.to_owned(), call, nth: *nth };
        let strikes = |strike: &&Strike| {
            let first = &strike.site;
            first.function == site.function
                && first.call == site.call
                && (first.nth..first.nth + strike.times).contains(&site.nth)
        };
        let fault = state.strikes.iter().find(strikes).map(|strike| strike.fault);
        (site, fault, state.watch.clone())
    }

    /// Returns the result of a call during an outage; `None` where the outage does not concern it.
    fn outage(&self, site: &Site) -> Option<Result<Response<Body>, Broken>> {
        let (service, outage) = (site.call.service, self.state().outage?);
        if site.function == "api" {
            return None;
        }
        match outage {
            Outage::Of(out) if out == service => Some(match site.nth % 3 {
                0 => Err(Broken),
                1 => Ok(refusal(service, StatusCode::INTERNAL_SERVER_ERROR)),
                _ => Ok(refusal(service, StatusCode::FORBIDDEN)),
            }),
            Outage::Kms if service == Service::S3 => {
                Some(Ok(told(service, StatusCode::BAD_REQUEST, "KMS.DisabledException")))
            }
            Outage::Kms if service == Service::Sqs => Some(Ok(told(service, StatusCode::BAD_REQUEST, "KmsDisabled"))),
            _ => None,
        }
    }

    fn note(&self, site: Site, status: Option<StatusCode>) {
        self.state().log.push(Answered { site, status: status.map(|status| status.as_u16()) });
    }
}

async fn serve(listener: TcpListener, function: String, variable: String, shared: Arc<Shared>) {
    let mut connections = JoinSet::new();
    while let Ok((stream, _)) = listener.accept().await {
        let _ = stream.set_nodelay(true);
        let (function, variable, shared) = (function.clone(), variable.clone(), shared.clone());
        let requests = Arc::new(AtomicUsize::new(0));
        let service = hyper::service::service_fn(move |request: Request<hyper::body::Incoming>| {
            let (function, variable, shared) = (function.clone(), variable.clone(), shared.clone());
            let reused = requests.fetch_add(1, Ordering::Relaxed) > 0;
            async move { pass(&shared, &function, &variable, request.map(Body::new), reused).await }
        });
        connections.spawn(async move {
            let builder = Builder::new(TokioExecutor::new());
            let _ = builder.serve_connection(TokioIo::new(stream), service).await;
        });
        while connections.try_join_next().is_some() {}
    }
}

/// The error that closes a connection without a response.
#[derive(Debug, thiserror::Error)]
#[error("the connection breaks")]
struct Broken;

async fn pass(
    shared: &Shared,
    function: &str,
    variable: &str,
    request: Request<Body>,
    reused: bool,
) -> Result<Response<Body>, Broken> {
    let (parts, body) = request.into_parts();
    let call = Call::of(&parts);
    if reused && shared.state().closes_reused == Some(call.service) {
        return Err(Broken);
    }
    let body = axum::body::to_bytes(body, usize::MAX).await.map_err(|_| Broken)?;
    let (site, fault, watch) = shared.meet(function, call);
    if let Some(watch) = watch {
        watch(&site);
    }
    let service = site.call.service;
    if shared.state().hung == Some(service) {
        shared.note(site, None);
        tokio::time::sleep(FOR_EVER).await;
        return Err(Broken);
    }
    if let Some(answer) = shared.outage(&site) {
        shared.note(site, None);
        return answer;
    }
    match fault {
        Some(Fault::DropRequest) => {
            shared.note(site, None);
            return Err(Broken);
        }
        Some(Fault::ErrorBefore) => {
            shared.note(site, None);
            return Ok(refusal(service, StatusCode::INTERNAL_SERVER_ERROR));
        }
        Some(Fault::Throttle) => {
            shared.note(site, None);
            return Ok(refusal(service, throttled(service)));
        }
        Some(Fault::Suspend) => shared.released.notified().await,
        _ => {}
    }
    let upstream = shared.upstream.get().and_then(|urls| urls.get(variable)).ok_or(Broken)?;
    let path = parts.uri.path_and_query().map_or("/", |path| path.as_str());
    let mut outgoing = shared.http.request(parts.method, format!("{upstream}{path}"));
    for (name, value) in &parts.headers {
        // The host is signed and must stay; headers of this connection only are removed.
        if ![header::EXPECT, header::TRANSFER_ENCODING, header::CONNECTION, header::CONTENT_LENGTH].contains(name) {
            outgoing = outgoing.header(name, value);
        }
    }
    let answer = outgoing.body(body).send().await.map_err(|_| Broken)?;
    let (status, headers) = (answer.status(), answer.headers().clone());
    let bytes = answer.bytes().await.map_err(|_| Broken)?;
    shared.note(site, Some(status));
    match fault {
        Some(Fault::LoseReply) => return Err(Broken),
        Some(Fault::ErrorAfter) => return Ok(refusal(service, StatusCode::INTERNAL_SERVER_ERROR)),
        Some(Fault::Hang) => {
            tokio::time::sleep(FOR_EVER).await;
            return Err(Broken);
        }
        Some(Fault::Delay) => tokio::time::sleep(LATE).await,
        _ => {}
    }
    let cut = fault == Some(Fault::CutReply);
    if cut && bytes.is_empty() {
        return Err(Broken);
    }
    let length = headers.get(header::CONTENT_LENGTH).cloned().unwrap_or_else(|| HeaderValue::from(bytes.len()));
    let mut response = Response::new(if cut { half(&bytes) } else { Body::from(bytes) });
    *response.status_mut() = status;
    *response.headers_mut() = headers;
    response.headers_mut().remove(header::TRANSFER_ENCODING);
    response.headers_mut().insert(header::CONTENT_LENGTH, length);
    Ok(response)
}

/// Returns a body with the first half of the bytes, after which the connection breaks.
fn half(bytes: &Bytes) -> Body {
    let first = bytes.slice(..bytes.len() / 2);
    Body::from_stream(stream::iter([Ok(first), Err(Broken)]))
}

fn throttled(service: Service) -> StatusCode {
    match service {
        Service::S3 => StatusCode::SERVICE_UNAVAILABLE,
        Service::Ses => StatusCode::TOO_MANY_REQUESTS,
        _ => StatusCode::BAD_REQUEST,
    }
}

/// Returns a service's own error for a failure or for throttling.
fn refusal(service: Service, status: StatusCode) -> Response<Body> {
    let code = match (service, status) {
        (Service::S3, StatusCode::SERVICE_UNAVAILABLE) => "SlowDown",
        (Service::Ses, StatusCode::TOO_MANY_REQUESTS) => "TooManyRequestsException",
        (Service::S3, StatusCode::FORBIDDEN) => "AccessDenied",
        (_, StatusCode::FORBIDDEN) => "AccessDeniedException",
        (Service::S3, _) => "InternalError",
        (Service::Ses, _) => "InternalServiceErrorException",
        (_, StatusCode::BAD_REQUEST) => "ThrottlingException",
        _ => "InternalServerError",
    };
    told(service, status, code)
}

fn told(service: Service, status: StatusCode, code: &'static str) -> Response<Body> {
    let (kind, body) = match service {
        Service::S3 => {
            ("application/xml", format!("<Error><Code>{code}</Code><Message>told to fail</Message></Error>"))
        }
        _ => ("application/x-amz-json-1.0", format!(r#"{{"__type":"{code}","message":"told to fail"}}"#)),
    };
    let mut response = Response::new(Body::from(body));
    *response.status_mut() = status;
    response.headers_mut().insert(header::CONTENT_TYPE, HeaderValue::from_static(kind));
    response.headers_mut().insert("x-amzn-errortype", HeaderValue::from_static(code));
    response
}
