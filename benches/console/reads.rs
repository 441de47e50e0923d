//! A proxy between the API and DynamoDB that counts the records in responses.

use std::sync::{
    Arc, OnceLock,
    atomic::{AtomicU64, Ordering},
};

use anyhow::Result;
use axum::{
    Json, Router,
    body::{Body, Bytes, to_bytes},
    extract::{Request, State},
    response::{IntoResponse as _, Response},
    routing::get,
};
use http::StatusCode;
use serde_json::{Value, json};

/// DynamoDB: a response has at most 16 MB.
const MAX_BYTES: usize = 16 << 20;

/// The proxy. `GET {url}/_reads` returns the counts since the last such request.
pub struct Reads {
    /// Base URL.
    pub url: String,
    shared: Arc<Shared>,
}

#[derive(Default)]
struct Shared {
    upstream: OnceLock<String>,
    http: reqwest::Client,
    requests: AtomicU64,
    records: AtomicU64,
}

impl Reads {
    /// Starts the proxy on a free port.
    pub async fn listen() -> Result<Self> {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await?;
        let url = format!("http://{}", listener.local_addr()?);
        let shared = Arc::<Shared>::default();
        let router = Router::new().route("/_reads", get(take)).fallback(forward).with_state(shared.clone());
        tokio::spawn(async move { axum::serve(listener, router).await });
        Ok(Self { url, shared })
    }

    /// Sets the address that requests are forwarded to.
    pub fn forward_to(&self, upstream: &str) {
        let _ = self.shared.upstream.set(upstream.trim_end_matches('/').to_owned());
    }
}

/// Returns the counts, and sets them to zero.
async fn take(State(shared): State<Arc<Shared>>) -> Json<Value> {
    let take = |count: &AtomicU64| count.swap(0, Ordering::Relaxed);
    Json(json!({ "requests": take(&shared.requests), "records": take(&shared.records) }))
}

async fn forward(State(shared): State<Arc<Shared>>, request: Request) -> Response {
    match pass(&shared, request).await {
        Ok(response) => response,
        Err(error) => (StatusCode::BAD_GATEWAY, format!("{error:#}")).into_response(),
    }
}

async fn pass(shared: &Shared, request: Request) -> Result<Response> {
    let (parts, body) = request.into_parts();
    let upstream = shared.upstream.get().map(String::as_str).unwrap_or_default();
    let url = format!("{upstream}{}", parts.uri);
    let body = to_bytes(body, MAX_BYTES).await?;
    let answer = shared.http.request(parts.method, url).headers(parts.headers.clone()).body(body).send().await?;
    let (status, headers, body) = (answer.status(), answer.headers().clone(), answer.bytes().await?);
    if parts.headers.get("x-amz-target").is_some_and(|target| target.as_bytes().starts_with(b"DynamoDB_")) {
        shared.requests.fetch_add(1, Ordering::Relaxed);
        shared.records.fetch_add(records(&body), Ordering::Relaxed);
    }
    let mut response = Response::new(Body::from(body));
    (*response.status_mut(), *response.headers_mut()) = (status, headers);
    Ok(response)
}

/// Returns the number of records that a response of GetItem, BatchGetItem, Query or Scan is made of. A filter reads more
/// than it returns.
fn records(body: &Bytes) -> u64 {
    let body: Value = serde_json::from_slice(body).unwrap_or_default();
    let of_tables = body["Responses"].as_object().into_iter().flat_map(|tables| tables.values());
    let batch: usize = of_tables.filter_map(|items| items.as_array().map(Vec::len)).sum();
    let one = u64::from(body["Item"].is_object());
    body["ScannedCount"].as_u64().or_else(|| body["Count"].as_u64()).unwrap_or(one + batch as u64)
}
