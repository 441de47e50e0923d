//! `Idempotency-Key`: a request that is sent again, because its response was lost, has no second effect.
//!
//! A key determines the id of the record that its request creates, before the request does anything. A repeated request
//! finds that record: if the first one was interrupted, the repeated request continues; if it was answered, the
//! response is built again from the record. A first request that is refused had no effect, so its key can be used
//! again.

mod record;

use std::sync::Arc;

use axum::{
    body::Body,
    extract::{FromRef, FromRequestParts, Request, State as Shared},
    middleware::Next,
    response::{IntoResponse, Response},
};
use domain::Studio;
use http::{Method, StatusCode, header::CONTENT_TYPE, request::Parts};
use jiff::Timestamp;
pub use record::{Answer, Keyed, Meaning};
use runtime::{
    store::{Created, Table},
    world::World,
};
use serde_json::Value;
use sha2::{Digest as _, Sha256};
use tokio::time::Instant;
use tracing::warn;
use uuid::Uuid;

use crate::{
    extract,
    identity::{Caller, Identities},
    problem::{ApiError, ApiResult, Kind, Problem},
};

/// Name of the header.
const HEADER: &str = "Idempotency-Key";
/// Greatest length of a key, in characters.
pub const MAX_KEY: usize = 255;

/// Ends of the paths whose body contains only an address. A plain SHA-256 does not hide an address, because addresses can
/// be guessed. The fingerprint of these routes also depends on the key, which is not stored.
const GUESSABLE: [&str; 3] = ["/customers/erase", "/notify", "/suppressions/lift"];

/// Namespace of the UUIDv5 ids that are derived from keys.
const NAMESPACE: Uuid = Uuid::from_u128(0x6b0e_5c0e_9f0b_4c37_8f6a_d1b0_53a1_77e2);

/// Id of the record that a request creates, and whether an earlier request may have created it.
#[derive(Debug, Clone, Copy)]
pub struct IdempotentRequest {
    /// Id of the record.
    pub id: Uuid,
    /// Whether the request was received before.
    pub again: bool,
    /// Whether the request was answered before.
    pub answered: bool,
    /// Time at which this request was received.
    pub since: Instant,
}

impl<S: Send + Sync> FromRequestParts<S> for IdempotentRequest
where
    Idempotency: FromRef<S>,
{
    type Rejection = std::convert::Infallible;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Self::Rejection> {
        Ok(parts.extensions.get().copied().unwrap_or_else(|| Self::first(Idempotency::from_ref(state).world.uuid_v7())))
    }
}

/// Response extension with the body to store. Repeated requests receive it unchanged. For requests that create no
/// record.
#[derive(Debug, Clone)]
pub struct Remember(pub String);

impl IdempotentRequest {
    fn first(id: Uuid) -> Self {
        Self { id, again: false, answered: false, since: Instant::now() }
    }

    /// Returns the record that the request created before, if any. Returns an error if the record was deleted since.
    pub fn made<R>(&self, found: Option<R>) -> ApiResult<Option<R>> {
        if found.is_none() && self.answered {
            return Err(Problem::new(Kind::Gone, "The record that this request created was deleted.").into());
        }
        Ok(found)
    }
}

/// Store of idempotency keys, and the identities of their callers. Cheap to clone.
#[derive(Clone)]
pub struct Idempotency {
    requests: Arc<Table<Keyed>>,
    identities: Identities,
    world: World,
}

impl Idempotency {
    /// Creates a store of keys in this table.
    pub fn new(requests: Table<Keyed>, identities: Identities, world: World) -> Self {
        Self { requests: Arc::new(requests), identities, world }
    }
}

/// Middleware that handles the `Idempotency-Key` of every POST.
pub async fn keyed(Shared(state): Shared<Idempotency>, request: Request, next: Next) -> Response {
    if request.method() != Method::POST || !request.headers().contains_key(HEADER) {
        return next.run(request).await;
    }
    run(&state, request, next).await.unwrap_or_else(IntoResponse::into_response)
}

async fn run(state: &Idempotency, request: Request, next: Next) -> ApiResult<Response> {
    let (mut parts, body) = request.into_parts();
    // The route itself refuses unauthorized callers.
    let Ok(Caller(studio)) = state.identities.caller(&parts) else {
        return Ok(next.run(Request::from_parts(parts, body)).await);
    };
    let key = key(&parts)?;
    let bytes = extract::read(Request::new(body), &()).await?;
    let fingerprint = fingerprint(&parts, &bytes, &key);
    let id = Uuid::new_v5(&NAMESPACE, key.as_bytes());
    let now = state.world.now();
    let (meaning, turn) = begin(state, &studio, id, fingerprint, now).await?;
    let request = match &meaning {
        Meaning::First(id) => IdempotentRequest::first(*id),
        Meaning::BrokeOff(id) => IdempotentRequest { again: true, ..IdempotentRequest::first(*id) },
        Meaning::Answered(id, _) => IdempotentRequest { again: true, answered: true, ..IdempotentRequest::first(*id) },
        Meaning::UnderWay { until } => {
            let seconds = until.duration_since(now).as_secs().max(1);
            let detail = "A request with this Idempotency-Key is under way.";
            let problem = Problem::new(Kind::RequestInFlight, detail);
            return Err(problem.retry_after(u64::try_from(seconds).unwrap_or(1)).into());
        }
        Meaning::Reused => {
            let detail = "This Idempotency-Key was used for another request.";
            return Err(Problem::new(Kind::IdempotencyKeyReused, detail).into());
        }
    };
    if let Meaning::Answered(_, Answer { status, body: Some(body) }) = &meaning {
        let status = StatusCode::from_u16(*status).unwrap_or(StatusCode::OK);
        return Ok((status, [(CONTENT_TYPE, "application/json")], body.clone()).into_response());
    }
    parts.extensions.insert(request);
    let mut response = next.run(Request::from_parts(parts, Body::from(bytes))).await;
    if let Meaning::Answered(_, Answer { status, .. }) = meaning {
        if response.status().is_success() {
            *response.status_mut() = StatusCode::from_u16(status).unwrap_or(response.status());
        }
        return Ok(response);
    }
    let body = response.extensions_mut().remove::<Remember>().map(|Remember(body)| body);
    let first = matches!(meaning, Meaning::First(_));
    if let Err(error) = end(state, (&studio, id), (first, turn), response.status(), body).await {
        // The key stays under way for at most 30 s. After that the request counts as interrupted.
        warn!(error = format!("{error:#}"), "Could not store the outcome of a request with an Idempotency-Key");
    }
    Ok(response)
}

fn key(parts: &Parts) -> Result<String, ApiError> {
    let mut keys = parts.headers.get_all(HEADER).iter();
    let key = keys.next().and_then(|key| key.to_str().ok()).unwrap_or_default();
    let visible = (1..=MAX_KEY).contains(&key.len()) && key.bytes().all(|byte| (0x20..0x7f).contains(&byte));
    if visible && keys.next().is_none() {
        return Ok(key.to_owned());
    }
    let detail = format!("It must be one key of 1 to {MAX_KEY} printable ASCII characters.");
    Err(Problem::invalid(HEADER, detail).into())
}

fn fingerprint(parts: &Parts, body: &[u8], key: &str) -> String {
    let mut hash = Sha256::new();
    if GUESSABLE.iter().any(|end| parts.uri.path().ends_with(end)) {
        hash.update(key);
        hash.update([0]);
    }
    hash.update(parts.method.as_str());
    hash.update([0]);
    hash.update(parts.uri.path_and_query().map_or("", |path| path.as_str()));
    hash.update([0]);
    // Order and spacing of JSON members do not matter: the same content is the same request.
    let said = serde_json::from_slice::<Value>(body).map(|said| said.to_string());
    hash.update(said.as_deref().map_or(body, str::as_bytes));
    hex::encode(hash.finalize())
}

/// Returns what the key means for this request, and the time until which the request is under way.
async fn begin(
    state: &Idempotency,
    studio: &Studio,
    id: Uuid,
    fingerprint: String,
    now: Timestamp,
) -> ApiResult<(Meaning, Timestamp)> {
    let record = state.world.uuid_v7();
    let begun = Keyed::begun(studio.clone(), id, fingerprint.clone(), record, now);
    if let Created::New = state.requests.create(&begun).await? {
        return Ok((Meaning::First(begun.record), begun.under_way_until));
    }
    let again =
        state.requests.update(studio, id, |keyed: &mut Keyed| match keyed.comes_again(&fingerprint, record, now) {
            going @ (Meaning::First(_) | Meaning::BrokeOff(_)) => Ok(going),
            other => Err(other),
        });
    match again.await? {
        Some((keyed, Ok(meaning) | Err(meaning))) => Ok((meaning, keyed.under_way_until)),
        // The first request was refused between the two reads. The response is the same as if the first were still
        // under way.
        None => Ok((Meaning::UnderWay { until: now }, now)),
    }
}

/// Records the outcome of the request.
///
/// A first request that was refused had no effect, and frees its key. A repeated one keeps it, because the interrupted
/// request may have had an effect. A request whose time is over leaves the key to its successor, unless it was
/// successful.
async fn end(
    state: &Idempotency,
    (studio, id): (&Studio, Uuid),
    (first, turn): (bool, Timestamp),
    status: StatusCode,
    body: Option<String>,
) -> anyhow::Result<()> {
    if first && status.is_client_error() {
        return state.requests.delete_if(studio, id, |keyed| keyed.under_way_until == turn).await;
    }
    let now = state.world.now();
    let answer = status.is_success().then(|| Answer { status: status.as_u16(), body });
    let ended = state.requests.update(studio, id, |keyed: &mut Keyed| {
        if keyed.under_way_until != turn && answer.is_none() {
            return Err(());
        }
        keyed.under_way_until = now;
        keyed.answered.clone_from(&answer);
        Ok(())
    });
    ended.await.map(drop)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fingerprint_of_an_address_depends_on_the_key() {
        let print = |path: &str, key: &str| {
            let (parts, ()) = http::Request::post(path).body(()).expect("a request").into_parts();
            fingerprint(&parts, br#"{"email":"eva@example.com"}"#, key)
        };
        assert_ne!(print("/customers/erase", "a"), print("/customers/erase", "b"));
        assert_eq!(print("/customers/erase", "a"), print("/customers/erase", "a"));
        assert_eq!(print("/photos", "a"), print("/photos", "b"), "as builds before have written it");
    }
}
