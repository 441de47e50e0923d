//! An HTTP proxy between a client and a stand-in. It sees each request, counts the bytes, and can refuse, delay, break or
//! drop a request before it arrives or before its response does.

mod body;
mod fate;
mod forward;
mod traffic;

use std::sync::{
    Arc,
    atomic::{AtomicBool, AtomicU64, Ordering},
};

use futures::future::BoxFuture;
use http::{HeaderMap, Method, StatusCode, Uri};
use hyper_util::{
    client::legacy::{Client, connect::HttpConnector},
    rt::{TokioExecutor, TokioIo},
};
use tokio::{
    net::TcpListener,
    task::{AbortHandle, JoinSet},
};

use self::{body::Broken, forward::Forward, traffic::Counted};
pub use self::{
    fate::{Fate, Refusal},
    traffic::Traffic,
};

/// A request without its body.
#[derive(Debug, Clone)]
pub struct Seen {
    /// Number of the request, unique in this process.
    pub id: u64,
    /// Method.
    pub method: Method,
    /// Path and query.
    pub uri: Uri,
    /// Headers.
    pub headers: HeaderMap,
    /// Whether the connection has carried a request before.
    pub on_reused_connection: bool,
}

/// The direction of bytes, from the client's view.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Direction {
    /// To the client.
    In,
    /// From the client.
    Out,
}

/// Decides the fate of requests, and can delay them.
pub trait Line: Send + Sync + 'static {
    /// Decides the fate of an incoming request; may wait.
    fn arrives(&self, seen: Seen) -> BoxFuture<'static, Fate>;

    /// Returns whether a request arrives only when its body is complete. Otherwise its body is forwarded while it is
    /// received.
    fn takes_whole_requests(&self) -> bool {
        false
    }

    /// Receives the status of a service's response before the client does. A response that the client never receives
    /// is not reported.
    fn answered(&self, _seen: &Seen, _status: StatusCode) {}

    /// Delays the next bytes of a body; may return immediately.
    fn passes(&self, _direction: Direction, _bytes: usize) -> BoxFuture<'static, ()> {
        Box::pin(std::future::ready(()))
    }
}

/// Returns the address (`http://127.0.0.1:PORT`) to which a request with these headers is forwarded; `None` breaks its
/// connection.
type Target = Arc<dyn Fn(&HeaderMap) -> Option<String> + Send + Sync>;

/// A running proxy. Dropping it stops it.
pub struct Proxy {
    /// The proxy's address.
    pub endpoint: String,
    /// The counted bytes.
    pub traffic: Arc<Traffic>,
    accepting: AbortHandle,
}

impl Drop for Proxy {
    fn drop(&mut self) {
        self.accepting.abort();
    }
}

impl Proxy {
    /// Listens on a free port of loopback and forwards to `target` (`http://127.0.0.1:PORT`).
    pub async fn start(target: &str, line: Arc<dyn Line>) -> std::io::Result<Self> {
        Self::split(target, target, line).await
    }

    /// Listens on a free port of loopback, and forwards requests for S3 to `s3`, all others to `others`.
    pub async fn split(s3: &str, others: &str, line: Arc<dyn Line>) -> std::io::Result<Self> {
        let (s3, others) = (s3.to_owned(), others.to_owned());
        let target: Target = Arc::new(move |headers| Some(if is_for_s3(headers) { &s3 } else { &others }.clone()));
        Self::listen(target, &Client::builder(TokioExecutor::new()), line).await
    }

    /// Listens on a free port of loopback before the target is known. Each request is forwarded on a connection of its
    /// own: a pooled one may be closed meanwhile, which would be an unplanned fault.
    pub async fn with_target(
        target: impl Fn() -> Option<String> + Send + Sync + 'static,
        line: Arc<dyn Line>,
    ) -> std::io::Result<Self> {
        let client = Client::builder(TokioExecutor::new()).pool_max_idle_per_host(0).clone();
        Self::listen(Arc::new(move |_| target()), &client, line).await
    }

    async fn listen(
        target: Target,
        client: &hyper_util::client::legacy::Builder,
        line: Arc<dyn Line>,
    ) -> std::io::Result<Self> {
        let listener = TcpListener::bind(("127.0.0.1", 0)).await?;
        let endpoint = format!("http://{}", listener.local_addr()?);
        let traffic = Arc::new(Traffic::default());
        let mut connector = HttpConnector::new();
        connector.set_nodelay(true);
        let forward = Forward { client: client.build(connector), target, line };
        let counted = traffic.clone();
        let accepting = tokio::spawn(async move {
            let mut connections = JoinSet::new();
            loop {
                tokio::select! {
                    Ok((stream, _)) = listener.accept() => {
                        connections.spawn(serve(Counted { stream, traffic: counted.clone() }, forward.clone()));
                    }
                    Some(_) = connections.join_next(), if !connections.is_empty() => {}
                }
            }
        });
        Ok(Self { endpoint, traffic, accepting: accepting.abort_handle() })
    }
}

async fn serve(stream: Counted, forward: Forward) {
    static REQUESTS: AtomicU64 = AtomicU64::new(0);
    let _ = stream.stream.set_nodelay(true);
    let used = AtomicBool::new(false);
    let service = hyper::service::service_fn(move |request: http::Request<hyper::body::Incoming>| {
        let forward = forward.clone();
        let seen = Seen {
            id: REQUESTS.fetch_add(1, Ordering::Relaxed),
            method: request.method().clone(),
            uri: request.uri().clone(),
            headers: request.headers().clone(),
            on_reused_connection: used.swap(true, Ordering::Relaxed),
        };
        async move { forward.answer(request, seen).await.map_err(|_| Broken) }
    });
    // A client may disconnect in the middle of a request; some tests do this on purpose.
    let _ = hyper::server::conn::http1::Builder::new().serve_connection(TokioIo::new(stream), service).await;
}

/// Returns whether a request is for S3, by the scope of its signature. A request without the header has a presigned
/// URL.
fn is_for_s3(headers: &HeaderMap) -> bool {
    let authorization = headers.get(http::header::AUTHORIZATION).and_then(|value| value.to_str().ok());
    authorization.is_none_or(|value| value.contains("/s3/aws4_request"))
}
