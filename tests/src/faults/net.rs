//! The network that fails when told to: a proxy for each function, on loopback.

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

/// No test waits so long: what hangs, hangs until its client gives up.
const FOR_EVER: Duration = Duration::from_secs(60);
/// Late, but before any client's patience ends.
const LATE: Duration = Duration::from_millis(40);

/// A call that went through, and how it was answered; `None` where the answer was withheld.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Answered {
    /// Which.
    pub site: Site,
    /// The status that the service gave.
    pub status: Option<u16>,
}

/// Called with each call before it is passed on.
pub type Watch = Arc<dyn Fn(&Site) + Send + Sync>;

/// Stands between functions and services. The proxies end with it.
pub struct FaultNet {
    shared: Arc<Shared>,
    /// (function, variable) -> URL: how each function must be configured to go through its proxy.
    pub overrides: HashMap<(String, String), String>,
    _proxies: JoinSet<()>,
}

#[derive(Default)]
struct Shared {
    /// Variable -> the real URL.
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
    /// A proxy for each of these functions and both endpoints.
    pub async fn start(functions: &[&str]) -> Result<Self> {
        // A connection for each call: a kept one may have been closed meanwhile, which would be a fault that nobody asked for.
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

    /// Where the services are; to be told once they run.
    pub fn connect(&self, environment: &HashMap<String, String>) {
        let urls = environment.iter().filter(|(name, _)| name.starts_with("AWS_ENDPOINT_URL"));
        let _ = self.shared.upstream.set(urls.map(|(name, url)| (name.clone(), url.clone())).collect());
    }

    /// Counts from 1 again, and strikes as told from now on.
    pub fn begin(&self, strikes: Vec<Strike>) {
        let mut state = self.shared.state();
        let watch = state.watch.take();
        *state = State { strikes, watch, ..State::default() };
    }

    /// From now on this is out, or all is back.
    pub fn out(&self, outage: Option<Outage>) {
        self.shared.state().outage = outage;
    }

    /// From now on this service takes each call, passes none on and never replies; with `None`, all are well again.
    pub fn hang(&self, service: Option<Service>) {
        self.shared.state().hung = service;
    }

    /// From now on a connection is closed instead of carrying a second request, where that is for this service: the fate of
    /// a pooled connection that the other side has just closed.
    pub fn close_reused(&self, service: Service) {
        self.shared.state().closes_reused = Some(service);
    }

    /// Calls `watch` before each call is passed on.
    pub fn watch(&self, watch: Watch) {
        self.shared.state().watch = Some(watch);
    }

    /// Lets go what is held.
    pub fn release(&self) {
        self.shared.released.notify_waiters();
    }

    /// The calls since the beginning, as they were answered.
    pub fn log(&self) -> Vec<Answered> {
        self.shared.state().log.clone()
    }
}

impl Shared {
    fn state(&self) -> std::sync::MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Counts the call, and says what is to befall it.
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

    /// What an outage makes of a call; `None` where it is another's.
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

/// The connection ends without an answer.
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
        // The host is signed, so it stays as it is; what concerns this connection only goes.
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

/// The first half, and then the connection breaks.
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

/// A service's own way to say that it failed, or that it is asked too much.
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
