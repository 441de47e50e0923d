//! The line between a tool and the store: loopback, or with the latency and bandwidth of S3.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, PoisonError},
    time::{Duration, Instant},
};

use archive_builder::plan::cost::Costs;
use aws_sdk_s3::Client;
use futures::future::BoxFuture;
use http::Method;
use tests::proxy::{Direction, Fate, Line, Seen};

use crate::row::Requests;

/// The kind of line.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// A line without delays.
    Loopback,
    /// 75 MB/s in each direction for the function, 30 to 90 ms until a request is answered, and for a copy 190 to 430
    /// ms and a second per 75 MB: the constants of the plan's own model, taken from published measurements.
    S3Like,
}

impl Kind {
    pub const ALL: [Self; 2] = [Self::Loopback, Self::S3Like];

    pub fn name(self) -> &'static str {
        match self {
            Self::Loopback => "loopback",
            Self::S3Like => "s3-like",
        }
    }
}

/// The time that an idle line may catch up, and within which a line that is ahead is not delayed. Timers count in
/// milliseconds, in which 75 MB/s are 75 kB, more than most chunks have.
const CREDIT: Duration = Duration::from_millis(10);

/// The spread around the model's mean, in seconds.
const SMALL_REQUEST_SPREAD: f64 = 0.030;
const COPY_SPREAD: f64 = 0.120;

/// A line that counts and delays requests.
pub struct Network {
    kind: Kind,
    /// The client that reads the size of a copy's source.
    store: Client,
    state: Arc<Mutex<State>>,
}

struct State {
    requests: Requests,
    sizes: HashMap<String, u64>,
    /// The time at which each direction is free again.
    free: [Instant; 2],
    random: u64,
}

impl Network {
    pub fn new(kind: Kind, store: Client) -> Self {
        let now = Instant::now();
        let state = State { requests: Requests::default(), sizes: HashMap::new(), free: [now, now], random: 7 };
        Self { kind, store, state: Arc::new(Mutex::new(state)) }
    }

    /// Returns the counts so far.
    pub fn requests(&self) -> Requests {
        self.state.lock().unwrap_or_else(PoisonError::into_inner).requests.clone()
    }
}

impl State {
    /// Returns a number of -1 to 1; the sequence is the same in each run.
    fn random(&mut self) -> f64 {
        self.random = self.random.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        f64::from(u32::try_from(self.random >> 33).unwrap_or_default()) / f64::from(1_u32 << 30) - 1.0
    }

    fn count(&mut self, seen: &Seen) {
        let query = seen.uri.query().unwrap_or_default();
        let has = |name: &str| query.split('&').any(|pair| pair.split('=').next() == Some(name));
        let requests = &mut self.requests;
        let count = match seen.method {
            Method::GET if has("list-type") || has("uploads") || has("uploadId") => &mut requests.list,
            Method::GET => &mut requests.get,
            Method::HEAD => &mut requests.head,
            Method::PUT if seen.headers.contains_key("x-amz-copy-source") => &mut requests.copy,
            Method::PUT => &mut requests.put,
            Method::POST if has("uploads") => &mut requests.create,
            Method::POST if has("uploadId") => &mut requests.complete,
            _ => &mut requests.delete,
        };
        *count += 1;
    }
}

impl Line for Network {
    fn arrives(&self, seen: Seen) -> BoxFuture<'static, Fate> {
        let (kind, store, state) = (self.kind, self.store.clone(), self.state.clone());
        Box::pin(async move {
            let (small, spread) = {
                let mut state = state.lock().unwrap_or_else(PoisonError::into_inner);
                state.count(&seen);
                (Costs::AWS.small_request + state.random() * SMALL_REQUEST_SPREAD, state.random() * COPY_SPREAD)
            };
            if kind == Kind::Loopback {
                return Fate::Pass;
            }
            let wait = match copied(&seen, &store, &state).await {
                None => small,
                #[expect(clippy::cast_precision_loss, reason = "a duration")]
                Some(bytes) => Costs::AWS.copy_request + spread + bytes as f64 / Costs::AWS.copy_speed,
            };
            tokio::time::sleep(Duration::from_secs_f64(wait)).await;
            Fate::Pass
        })
    }

    fn passes(&self, direction: Direction, bytes: usize) -> BoxFuture<'static, ()> {
        if self.kind == Kind::Loopback {
            return Box::pin(std::future::ready(()));
        }
        #[expect(clippy::cast_precision_loss, reason = "a duration")]
        let takes = Duration::from_secs_f64(bytes as f64 / Costs::AWS.function_speed);
        let now = Instant::now();
        let free = {
            let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
            let free = &mut state.free[usize::from(direction == Direction::Out)];
            *free = (*free).max(now.checked_sub(CREDIT).unwrap_or(now)) + takes;
            *free
        };
        if free <= now + CREDIT / 5 {
            return Box::pin(std::future::ready(()));
        }
        Box::pin(tokio::time::sleep_until(free.into()))
    }
}

/// Returns the number of bytes that a copy copies; `None` for other requests.
async fn copied(seen: &Seen, store: &Client, state: &Mutex<State>) -> Option<u64> {
    let source = seen.headers.get("x-amz-copy-source")?.to_str().ok()?.trim_start_matches('/').to_owned();
    let range = seen.headers.get("x-amz-copy-source-range").and_then(|range| range.to_str().ok());
    let range = range.and_then(|range| range.strip_prefix("bytes=")?.split_once('-'));
    if let Some((first, last)) = range {
        return Some(last.parse::<u64>().ok()? - first.parse::<u64>().ok()? + 1);
    }
    let known = state.lock().unwrap_or_else(PoisonError::into_inner).sizes.get(&source).copied();
    if known.is_some() {
        return known;
    }
    let (bucket, key) = source.split_once('/')?;
    let head = store.head_object().bucket(bucket).key(key).send().await.ok()?;
    let size = u64::try_from(head.content_length()?).ok()?;
    state.lock().unwrap_or_else(PoisonError::into_inner).sizes.insert(source, size);
    Some(size)
}
