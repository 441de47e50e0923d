//! HTTP client that blocks until the stand-ins respond, and that a test can disturb.

use std::{
    fmt,
    sync::{
        Arc, Mutex,
        atomic::{AtomicI64, Ordering},
        mpsc,
    },
};

use aws_smithy_runtime_api::client::{
    http::{
        HttpClient, HttpConnector, HttpConnectorFuture, HttpConnectorSettings, SharedHttpClient, SharedHttpConnector,
    },
    orchestrator::{HttpRequest, HttpResponse},
    result::ConnectorError,
    runtime_components::RuntimeComponents,
};
use aws_smithy_types::{body::SdkBody, byte_stream::ByteStream};
use runtime::clock::Clock;
use serde_json::{Value, json};
use tokio::runtime::Handle;

/// A call of an AWS service with a JSON protocol.
#[derive(Debug, Clone)]
pub struct Call {
    /// Operation, such as `PutItem`.
    pub operation: String,
    /// Body.
    pub body: Value,
}

/// Outcome of a call.
pub enum Fate {
    /// The call succeeds or fails as the service decides.
    Delivered,
    /// The service gets this body instead.
    Changed(Value),
    /// The service carries it out, and the connection breaks before the response.
    ReplyLost,
    /// The service denies access, which the SDK does not retry and the functions take for an outage.
    Denied,
    /// The response is this one, and the service gets nothing.
    Answered(Value),
    /// No response ever comes.
    Hangs,
}

type Decide = Box<dyn FnMut(&Call) -> Fate + Send>;

/// Decides about calls, and records them.
#[derive(Default)]
pub struct Faults {
    decide: Mutex<Option<Decide>>,
    calls: Mutex<Vec<Call>>,
}

impl Faults {
    /// Decides about later calls.
    pub fn set(&self, decide: impl FnMut(&Call) -> Fate + Send + 'static) {
        *self.decide.lock().expect("not poisoned") = Some(Box::new(decide));
    }

    /// Returns the calls since the last time.
    pub fn take(&self) -> Vec<Call> {
        std::mem::take(&mut *self.calls.lock().expect("not poisoned"))
    }

    fn decide(&self, call: Call) -> Fate {
        let fate = self.decide.lock().expect("not poisoned").as_mut().map_or(Fate::Delivered, |decide| decide(&call));
        self.calls.lock().expect("not poisoned").push(call);
        fate
    }
}

/// The way to the stand-ins.
#[derive(Clone)]
pub struct Network {
    http: SharedHttpClient,
    server: Handle,
    clock: Clock,
    /// Time of the stand-ins, in milliseconds since the epoch.
    now: Arc<AtomicI64>,
    faults: Option<Arc<Faults>>,
}

impl Network {
    /// Creates a network whose connections live on `server`. With each call, `now` gets the time of the clock.
    pub fn new(server: Handle, clock: Clock, now: Arc<AtomicI64>, faults: Option<Arc<Faults>>) -> Self {
        Self { http: aws_smithy_http_client::Builder::new().build_http(), server, clock, now, faults }
    }
}

impl fmt::Debug for Network {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Network")
    }
}

impl HttpClient for Network {
    fn http_connector(&self, settings: &HttpConnectorSettings, parts: &RuntimeComponents) -> SharedHttpConnector {
        let http = self.http.http_connector(settings, parts);
        SharedHttpConnector::new(Connector { network: self.clone(), http })
    }
}

#[derive(Debug)]
struct Connector {
    network: Network,
    http: SharedHttpConnector,
}

impl HttpConnector for Connector {
    fn call(&self, mut request: HttpRequest) -> HttpConnectorFuture {
        let operation = request.headers().get("x-amz-target").and_then(|target| target.split('.').nth(1));
        let operation = operation.unwrap_or_default().to_owned();
        let body = serde_json::from_slice(request.body().bytes().unwrap_or_default()).expect("JSON");
        let fate = self.network.faults.as_ref().map_or(Fate::Delivered, |it| it.decide(Call { operation, body }));
        match fate {
            Fate::Delivered => HttpConnectorFuture::ready(self.deliver(request)),
            Fate::Changed(body) => {
                let body = body.to_string();
                request.headers_mut().insert("content-length", body.len().to_string());
                *request.body_mut() = SdkBody::from(body);
                HttpConnectorFuture::ready(self.deliver(request))
            }
            Fate::ReplyLost => {
                let _ = self.deliver(request);
                HttpConnectorFuture::ready(Err(ConnectorError::io("the connection broke".into())))
            }
            Fate::Denied => {
                HttpConnectorFuture::ready(Ok(response(400, &json!({ "__type": "AccessDeniedException" }))))
            }
            Fate::Answered(body) => HttpConnectorFuture::ready(Ok(response(200, &body))),
            Fate::Hangs => HttpConnectorFuture::new(async move {
                // The SDK gives up a request that nobody reads.
                let body = std::mem::replace(request.body_mut(), SdkBody::taken());
                let _ = ByteStream::new(body).collect().await;
                std::future::pending().await
            }),
        }
    }
}

impl Connector {
    /// Returns the response of the stand-ins.
    fn deliver(&self, request: HttpRequest) -> Result<HttpResponse, ConnectorError> {
        self.network.now.store(self.network.clock.now().as_millisecond(), Ordering::SeqCst);
        let (sender, receiver) = mpsc::channel();
        let http = self.http.clone();
        self.network.server.spawn(async move {
            let answered = async {
                let mut response = http.call(request).await?;
                let body = std::mem::replace(response.body_mut(), SdkBody::taken());
                let body = ByteStream::new(body).collect().await.map_err(|error| ConnectorError::io(error.into()))?;
                *response.body_mut() = SdkBody::from(body.into_bytes());
                Ok(response)
            };
            sender.send(answered.await)
        });
        receiver.recv().expect("the stand-ins run")
    }
}

fn response(status: u16, body: &Value) -> HttpResponse {
    HttpResponse::new(status.try_into().expect("a status"), SdkBody::from(body.to_string()))
}
