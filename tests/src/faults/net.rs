//! The network that fails on demand: a proxy for each function, on loopback.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, OnceLock, PoisonError},
    time::Duration,
};

use anyhow::{Context as _, Result};
use futures::future::BoxFuture;
use http::StatusCode;
use tokio::sync::Notify;

use super::{Call, Fault, Outage, Service, Site, Strike};
use crate::proxy::{Fate, Line, Proxy, Refusal, Seen};

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
    _proxies: Vec<Proxy>,
}

#[derive(Default)]
struct Shared {
    /// Variable -> the service's real URL.
    upstream: OnceLock<HashMap<String, String>>,
    state: Mutex<State>,
    released: Notify,
}

#[derive(Default)]
struct State {
    counts: HashMap<(String, Call), usize>,
    strikes: Vec<Strike>,
    /// The calls that are forwarded and not answered yet, by the ids of their requests.
    forwarded: HashMap<u64, Site>,
    log: Vec<Answered>,
    outage: Option<Outage>,
    hung: Option<Service>,
    closes_reused: Option<Service>,
    watch: Option<Watch>,
}

impl FaultNet {
    /// Starts a proxy for each of these functions and both endpoints.
    pub async fn start(functions: &[&str]) -> Result<Self> {
        let shared = Arc::new(Shared::default());
        let (mut overrides, mut proxies) = (HashMap::new(), Vec::new());
        for function in functions {
            for variable in ["AWS_ENDPOINT_URL", "AWS_ENDPOINT_URL_DYNAMODB"] {
                let line = FunctionLine { function: (*function).to_owned(), shared: shared.clone() };
                let services = shared.clone();
                let target = move || services.upstream.get()?.get(variable).cloned();
                let proxy = Proxy::with_target(target, Arc::new(line)).await.context("Failed to listen")?;
                overrides.insert(((*function).to_owned(), variable.to_owned()), proxy.endpoint.clone());
                proxies.push(proxy);
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
        let (watch, forwarded) = (state.watch.take(), std::mem::take(&mut state.forwarded));
        *state = State { strikes, forwarded, watch, ..State::default() };
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

    /// Returns the fate of a call during an outage; `None` where the outage does not concern it.
    fn outage(&self, site: &Site) -> Option<Fate> {
        let (service, outage) = (site.call.service, self.state().outage?);
        if site.function == "api" {
            return None;
        }
        match outage {
            Outage::Of(out) if out == service => Some(match site.nth % 3 {
                0 => Fate::Broken,
                1 => Fate::Refused(refusal(service, StatusCode::INTERNAL_SERVER_ERROR)),
                _ => Fate::Refused(refusal(service, StatusCode::FORBIDDEN)),
            }),
            Outage::Kms if service == Service::S3 => {
                Some(Fate::Refused(Refusal::s3(StatusCode::BAD_REQUEST, "KMS.DisabledException")))
            }
            Outage::Kms if service == Service::Sqs => {
                Some(Fate::Refused(Refusal::json(StatusCode::BAD_REQUEST, "KmsDisabled")))
            }
            _ => None,
        }
    }

    async fn fate(&self, function: &str, seen: &Seen) -> Fate {
        let call = Call::of(seen);
        let service = call.service;
        if seen.on_reused_connection && self.state().closes_reused == Some(service) {
            return Fate::Broken;
        }
        let (site, fault, watch) = self.meet(function, call);
        if let Some(watch) = watch {
            watch(&site);
        }
        let hung = self.state().hung == Some(service);
        let fate = match hung.then_some(Fate::Lost).or_else(|| self.outage(&site)) {
            Some(fate) => fate,
            None => self.struck(fault, service).await,
        };
        let mut state = self.state();
        if let Fate::Pass | Fate::AnswerLate(_) | Fate::AnswerCut = fate {
            state.forwarded.insert(seen.id, site);
        } else {
            state.log.push(Answered { site, status: None });
        }
        fate
    }

    /// Returns the fate of a call that this fault strikes. A suspended call waits here.
    async fn struck(&self, fault: Option<Fault>, service: Service) -> Fate {
        match fault {
            None => Fate::Pass,
            Some(Fault::DropRequest) => Fate::Broken,
            Some(Fault::LoseReply) => Fate::AnswerBroken,
            Some(Fault::CutReply) => Fate::AnswerCut,
            Some(Fault::ErrorBefore) => Fate::Refused(refusal(service, StatusCode::INTERNAL_SERVER_ERROR)),
            Some(Fault::ErrorAfter) => Fate::AnswerReplaced(refusal(service, StatusCode::INTERNAL_SERVER_ERROR)),
            Some(Fault::Throttle) => Fate::Refused(refusal(service, throttled(service))),
            Some(Fault::Hang) => Fate::AnswerLost,
            Some(Fault::Delay) => Fate::AnswerLate(LATE),
            Some(Fault::Suspend) => {
                self.released.notified().await;
                Fate::Pass
            }
        }
    }
}

/// The line between a function and a service.
struct FunctionLine {
    function: String,
    shared: Arc<Shared>,
}

impl Line for FunctionLine {
    fn takes_whole_requests(&self) -> bool {
        true
    }

    fn arrives(&self, seen: Seen) -> BoxFuture<'static, Fate> {
        let (shared, function) = (self.shared.clone(), self.function.clone());
        Box::pin(async move { shared.fate(&function, &seen).await })
    }

    fn answered(&self, seen: &Seen, status: StatusCode) {
        let mut state = self.shared.state();
        if let Some(site) = state.forwarded.remove(&seen.id) {
            state.log.push(Answered { site, status: Some(status.as_u16()) });
        }
    }
}

fn throttled(service: Service) -> StatusCode {
    match service {
        Service::S3 => StatusCode::SERVICE_UNAVAILABLE,
        Service::Ses => StatusCode::TOO_MANY_REQUESTS,
        _ => StatusCode::BAD_REQUEST,
    }
}

/// Returns a service's own error for a failure or for throttling.
fn refusal(service: Service, status: StatusCode) -> Refusal {
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
    if service == Service::S3 { Refusal::s3(status, code) } else { Refusal::json(status, code) }
}
