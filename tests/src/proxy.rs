//! An HTTP proxy between a client and a stand-in. It sees each request, counts the bytes, and can drop a request before
//! it arrives or before its response does.

use std::{
    convert::Infallible,
    pin::Pin,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    task::{Context, Poll},
    time::Duration,
};

use bytes::Bytes;
use futures::future::BoxFuture;
use http::{HeaderMap, Method, Request, Response, StatusCode, Uri};
use http_body_util::{BodyExt as _, Full, combinators::BoxBody};
use hyper::body::{Body, Frame, Incoming};
use hyper_util::{
    client::legacy::{Client, connect::HttpConnector},
    rt::{TokioExecutor, TokioIo},
};
use tokio::{
    io::{AsyncRead, AsyncWrite, ReadBuf},
    net::{TcpListener, TcpStream},
    task::{AbortHandle, JoinSet},
};

type Error = Box<dyn std::error::Error + Send + Sync>;
type AnyBody = BoxBody<Bytes, Error>;

/// A request without its body.
#[derive(Debug, Clone)]
pub struct Seen {
    /// Method.
    pub method: Method,
    /// Path and query.
    pub uri: Uri,
    /// Headers.
    pub headers: HeaderMap,
}

/// The fate of a request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fate {
    /// The request and its response are forwarded.
    Pass,
    /// The request never arrives, and gets no response.
    Lost,
    /// The request takes effect; its response is lost.
    AnswerLost,
    /// The request is forwarded; the response's headers with checksums are removed.
    Unproven,
    /// The request does not arrive; the proxy responds with this status.
    Refused(StatusCode),
    /// The request is forwarded, and the response is slow like some of S3's: the head comes immediately with status
    /// 200, and the body after a delay. Spaces may be sent in between.
    HeadFirst {
        /// The delay of the body.
        body_after: Duration,
        /// The time between two spaces, the first of which follows the XML declaration; `None` sends no spaces.
        spaces: Option<Duration>,
    },
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

    /// Receives the status of a response before the client does.
    fn answered(&self, _seen: &Seen, _status: StatusCode) {}

    /// Delays the next bytes of a body; may return immediately.
    fn passes(&self, _direction: Direction, _bytes: usize) -> BoxFuture<'static, ()> {
        Box::pin(std::future::ready(()))
    }
}

/// Bytes on the wire, including headers.
#[derive(Debug, Default)]
pub struct Traffic {
    received: AtomicU64,
    sent: AtomicU64,
}

impl Traffic {
    /// Returns the bytes that clients have received and sent so far.
    pub fn bytes(&self) -> (u64, u64) {
        (self.received.load(Ordering::Relaxed), self.sent.load(Ordering::Relaxed))
    }
}

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
        let listener = TcpListener::bind(("127.0.0.1", 0)).await?;
        let endpoint = format!("http://{}", listener.local_addr()?);
        let traffic = Arc::new(Traffic::default());
        let mut connector = HttpConnector::new();
        connector.set_nodelay(true);
        let client = Client::builder(TokioExecutor::new()).build(connector);
        let forward = Forward { client, s3: s3.to_owned(), others: others.to_owned(), line };
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

#[derive(Clone)]
struct Forward {
    client: Client<HttpConnector, AnyBody>,
    s3: String,
    others: String,
    line: Arc<dyn Line>,
}

async fn serve(stream: Counted, forward: Forward) {
    let _ = stream.stream.set_nodelay(true);
    let service = hyper::service::service_fn(move |request| {
        let forward = forward.clone();
        async move { forward.answer(request).await }
    });
    // A client may disconnect in the middle of a request; some tests do this on purpose.
    let _ = hyper::server::conn::http1::Builder::new().serve_connection(TokioIo::new(stream), service).await;
}

impl Forward {
    async fn answer(&self, request: Request<Incoming>) -> Result<Response<AnyBody>, Infallible> {
        let seen =
            Seen { method: request.method().clone(), uri: request.uri().clone(), headers: request.headers().clone() };
        let fate = self.line.arrives(seen.clone()).await;
        match fate {
            Fate::Pass | Fate::AnswerLost | Fate::Unproven => {}
            Fate::Lost => std::future::pending::<()>().await,
            Fate::Refused(status) => return Ok(refusal(status)),
            Fate::HeadFirst { body_after, spaces } => {
                return Ok(Response::new(self.body_later(request, body_after, spaces).boxed()));
            }
        }
        let answer = self.forward(request).await;
        if fate == Fate::AnswerLost {
            std::future::pending::<()>().await;
        }
        let mut response = answer.unwrap_or_else(|_| refusal(StatusCode::BAD_GATEWAY));
        if fate == Fate::Unproven {
            response.headers_mut().remove("x-amz-checksum-crc32");
        }
        self.line.answered(&seen, response.status());
        Ok(response)
    }

    /// Returns the response's body, sent after its delay.
    fn body_later(
        &self,
        request: Request<Incoming>,
        body_after: Duration,
        spaces: Option<Duration>,
    ) -> impl Body<Data = Bytes, Error = Error> + Send + Sync + use<> {
        const DECLARATION: &[u8] = b"<?xml version=\"1.0\" encoding=\"UTF-8\"?>";
        let (pieces, body) = futures::channel::mpsc::unbounded();
        let forward = self.clone();
        tokio::spawn(async move {
            let send = |piece: Bytes| pieces.unbounded_send(Ok(Frame::data(piece)));
            let forwarding = async {
                let (answer, ()) = tokio::join!(forward.forward(request), tokio::time::sleep(body_after));
                answer?.into_body().collect().await.map(http_body_util::Collected::to_bytes)
            };
            tokio::pin!(forwarding);
            if spaces.is_some() {
                let _ = send(Bytes::from_static(DECLARATION));
            }
            let answered = loop {
                tokio::select! {
                    answered = &mut forwarding => break answered,
                    () = tokio::time::sleep(spaces.unwrap_or(Duration::MAX)) => drop(send(Bytes::from_static(b" "))),
                }
            };
            let _ = match answered {
                Ok(body) if spaces.is_some() => send(body.slice(without_declaration(&body)..)),
                Ok(body) => send(body),
                Err(error) => pieces.unbounded_send(Err(error)),
            };
        });
        http_body_util::StreamBody::new(body)
    }

    async fn forward(&self, request: Request<Incoming>) -> Result<Response<AnyBody>, Error> {
        let (mut parts, body) = request.into_parts();
        let path = parts.uri.path_and_query().map_or("/", |path| path.as_str());
        let target = if is_for_s3(&parts.headers) { &self.s3 } else { &self.others };
        parts.uri = format!("{target}{path}").parse()?;
        let body = Paced::of(body, Direction::Out, self.line.clone());
        let response = self.client.request(Request::from_parts(parts, body.boxed())).await?;
        Ok(response.map(|body| Paced::of(body, Direction::In, self.line.clone()).boxed()))
    }
}

/// Returns the position after a document's XML declaration.
fn without_declaration(document: &[u8]) -> usize {
    let end = document.windows(2).position(|two| two == b"?>").map_or(0, |at| at + 2);
    if document.starts_with(b"<?xml") { end } else { 0 }
}

/// Returns whether a request is for S3, by the scope of its signature. A request without the header has a presigned
/// URL.
fn is_for_s3(headers: &HeaderMap) -> bool {
    let authorization = headers.get(http::header::AUTHORIZATION).and_then(|value| value.to_str().ok());
    authorization.is_none_or(|value| value.contains("/s3/aws4_request"))
}

fn refusal(status: StatusCode) -> Response<AnyBody> {
    let code = if status == StatusCode::FORBIDDEN { "AccessDenied" } else { "InternalError" };
    let body = format!("<?xml version=\"1.0\"?><Error><Code>{code}</Code><Message>By the test</Message></Error>");
    let mut response = Response::new(Full::new(Bytes::from(body)).map_err(|never| match never {}).boxed());
    *response.status_mut() = status;
    response
}

/// A body whose bytes are delayed by the line.
struct Paced {
    body: Incoming,
    direction: Direction,
    line: Arc<dyn Line>,
    waiting: Option<(BoxFuture<'static, ()>, Bytes)>,
}

impl Paced {
    fn of(body: Incoming, direction: Direction, line: Arc<dyn Line>) -> PacedSync {
        PacedSync(std::sync::Mutex::new(Self { body, direction, line, waiting: None }))
    }

    fn poll(&mut self, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, Error>>> {
        loop {
            if let Some((wait, _)) = &mut self.waiting {
                std::task::ready!(wait.as_mut().poll(cx));
                let bytes = self.waiting.take().map(|(_, bytes)| bytes).unwrap_or_default();
                return Poll::Ready(Some(Ok(Frame::data(bytes))));
            }
            match std::task::ready!(Pin::new(&mut self.body).poll_frame(cx)) {
                None => return Poll::Ready(None),
                Some(Err(error)) => return Poll::Ready(Some(Err(error.into()))),
                Some(Ok(frame)) => match frame.into_data() {
                    Ok(bytes) => self.waiting = Some((self.line.passes(self.direction, bytes.len()), bytes)),
                    Err(frame) => return Poll::Ready(Some(Ok(frame))),
                },
            }
        }
    }
}

/// A [`Paced`] body that is `Sync`, as some callers require; only one task polls it.
struct PacedSync(std::sync::Mutex<Paced>);

impl Body for PacedSync {
    type Data = Bytes;
    type Error = Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Self::Data>, Self::Error>>> {
        match self.0.get_mut() {
            Ok(body) => body.poll(cx),
            Err(_poisoned) => Poll::Ready(Some(Err("a body's reader panicked".into()))),
        }
    }

    fn is_end_stream(&self) -> bool {
        self.0.lock().is_ok_and(|paced| paced.waiting.is_none() && paced.body.is_end_stream())
    }

    fn size_hint(&self) -> hyper::body::SizeHint {
        self.0.lock().map(|paced| paced.body.size_hint()).unwrap_or_default()
    }
}

/// A connection that counts its bytes.
struct Counted {
    stream: TcpStream,
    traffic: Arc<Traffic>,
}

impl AsyncRead for Counted {
    fn poll_read(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &mut ReadBuf<'_>) -> Poll<std::io::Result<()>> {
        let before = buf.filled().len();
        let read = Pin::new(&mut self.stream).poll_read(cx, buf);
        self.traffic.sent.fetch_add((buf.filled().len() - before) as u64, Ordering::Relaxed);
        read
    }
}

impl AsyncWrite for Counted {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &[u8]) -> Poll<std::io::Result<usize>> {
        // The bytes are counted before they are written, so the count includes all bytes of a response that a client
        // has read.
        let offered = buf.len() as u64;
        self.traffic.received.fetch_add(offered, Ordering::Relaxed);
        let written = Pin::new(&mut self.stream).poll_write(cx, buf);
        let passed = if let Poll::Ready(Ok(bytes)) = &written { *bytes as u64 } else { 0 };
        self.traffic.received.fetch_sub(offered - passed, Ordering::Relaxed);
        written
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<std::io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<std::io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(cx)
    }
}
