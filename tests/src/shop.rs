//! A shop on this machine that receives webhooks.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use axum::{
    Router,
    body::{Body, Bytes},
    extract::State,
    response::{IntoResponse as _, Response},
    routing::any,
};
use domain::webhook::WebhookSecret;
use fastrand::Rng;
use http::{HeaderMap, StatusCode, Uri};
use jiff::Timestamp;
use serde_json::Value;
use tokio::task::JoinHandle;

use crate::until::found;

/// A request that the shop has received.
#[derive(Debug, Clone)]
pub struct Hook {
    /// Path of the request.
    pub path: String,
    /// Headers.
    pub headers: HeaderMap,
    /// Body.
    pub body: String,
}

impl Hook {
    /// Returns a header's value.
    pub fn header(&self, name: &str) -> &str {
        self.headers.get(name).and_then(|value| value.to_str().ok()).unwrap_or_default()
    }

    /// Returns the body as JSON.
    pub fn json(&self) -> Value {
        serde_json::from_str(&self.body).unwrap_or(Value::Null)
    }

    /// Returns whether one of the signatures is by this secret.
    pub fn is_signed_by(&self, secret: &str) -> bool {
        let at = self.header("webhook-timestamp").parse().ok().and_then(|at| Timestamp::from_second(at).ok());
        let (Some(secret), Some(at)) = (WebhookSecret::parse(secret), at) else { return false };
        let expected = secret.sign(self.header("webhook-id"), at, &self.body);
        self.header("webhook-signature").split(' ').any(|signature| signature == expected)
    }
}

/// Statuses of the next answers; 200 after them.
type Plan = Vec<u16>;

/// The requests that a shop refuses.
#[derive(Debug, Clone, Copy, Default)]
pub struct Refusals {
    /// The seed of the choice.
    pub seed: u64,
    /// The probability, in percent, that a request is refused.
    pub percent: u8,
    /// The number of an event's first requests that can be refused.
    pub requests: u32,
}

/// The requests about one event.
#[derive(Debug, Clone, Copy, Default)]
pub struct Tally {
    /// All requests.
    pub requests: u32,
    /// Requests that the shop has accepted.
    pub accepted: u32,
}

#[derive(Default)]
struct Inner {
    received: Mutex<Vec<Hook>>,
    plan: Mutex<Plan>,
    refusals: Refusals,
    tallies: Mutex<(Rng, HashMap<String, Tally>)>,
}

impl Inner {
    /// Counts a request about an event, and returns whether the shop accepts it.
    fn accepts(&self, event: &str) -> bool {
        let mut guard = self.tallies.lock().unwrap_or_else(PoisonError::into_inner);
        let (rng, tallies) = &mut *guard;
        let tally = tallies.entry(event.to_owned()).or_default();
        tally.requests += 1;
        let is_refused = tally.requests <= self.refusals.requests && rng.u8(..100) < self.refusals.percent;
        tally.accepted += u32::from(!is_refused);
        !is_refused
    }
}

/// A shop. Its path chooses how it answers: `/redirect`, `/slow`, `/endless`, or as planned.
pub struct Shop {
    inner: Arc<Inner>,
    /// Address of the shop.
    pub url: String,
    serving: JoinHandle<()>,
}

impl Drop for Shop {
    fn drop(&mut self) {
        self.serving.abort();
    }
}

impl Shop {
    /// Opens a shop that answers its first requests with these statuses.
    pub async fn open(plan: &[u16]) -> Self {
        Self::with(Inner { plan: Mutex::new(plan.iter().rev().copied().collect()), ..Inner::default() }).await
    }

    /// Opens a shop that refuses a part of the requests with 500.
    pub async fn refusing(refusals: Refusals) -> Self {
        let tallies = Mutex::new((Rng::with_seed(refusals.seed), HashMap::new()));
        Self::with(Inner { refusals, tallies, ..Inner::default() }).await
    }

    async fn with(inner: Inner) -> Self {
        let inner = Arc::new(inner);
        let router = Router::new().fallback(any(answer)).with_state(inner.clone());
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let url = format!("http://{}", listener.local_addr().expect("an address"));
        let serving = tokio::spawn(async move {
            let _ = axum::serve(listener, router).await;
        });
        Self { inner, url, serving }
    }

    /// Returns what the shop has received.
    pub fn received(&self) -> Vec<Hook> {
        self.inner.received.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Returns the requests about each event, by the event's id. Only those at other paths than the special ones count.
    pub fn tallies(&self) -> HashMap<String, Tally> {
        self.inner.tallies.lock().unwrap_or_else(PoisonError::into_inner).1.clone()
    }

    /// Waits until the shop has received so many requests, and returns them.
    pub async fn until_received(&self, count: usize) -> Vec<Hook> {
        let look = || async { Some(self.received()).filter(|received| received.len() >= count) };
        found(look).await.unwrap_or_else(|| panic!("{count} requests: {:?}", self.received()))
    }
}

async fn answer(State(shop): State<Arc<Inner>>, uri: Uri, headers: HeaderMap, body: Bytes) -> Response {
    let hook = Hook { path: uri.path().to_owned(), headers, body: String::from_utf8_lossy(&body).into_owned() };
    let event = hook.header("webhook-id").to_owned();
    shop.received.lock().unwrap_or_else(PoisonError::into_inner).push(hook);
    match uri.path() {
        "/redirect" => (StatusCode::TEMPORARY_REDIRECT, [("location", "/elsewhere")]).into_response(),
        "/slow" => {
            tokio::time::sleep(Duration::from_secs(60)).await;
            StatusCode::OK.into_response()
        }
        "/endless" => {
            let chunk = Bytes::from(vec![b'x'; 1 << 16]);
            let endless = futures::stream::repeat_with(move || Ok::<_, std::io::Error>(chunk.clone()));
            Body::from_stream(endless).into_response()
        }
        _ if !shop.accepts(&event) => StatusCode::INTERNAL_SERVER_ERROR.into_response(),
        _ => {
            let status = shop.plan.lock().unwrap_or_else(PoisonError::into_inner).pop().unwrap_or(200);
            StatusCode::from_u16(status).unwrap_or(StatusCode::OK).into_response()
        }
    }
}
