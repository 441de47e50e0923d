//! HTTP client of AWS SDKs that calls services in this process.

use std::{
    fmt,
    sync::{Arc, Mutex, PoisonError},
};

use aws_smithy_runtime_api::client::{
    http::{
        HttpClient, HttpConnector, HttpConnectorFuture, HttpConnectorSettings, SharedHttpClient, SharedHttpConnector,
    },
    orchestrator::{HttpRequest, HttpResponse},
    result::ConnectorError,
    runtime_components::RuntimeComponents,
};
use aws_smithy_types::body::SdkBody;
use bytes::Bytes;
use futures::future::BoxFuture;
use http_body_util::BodyExt as _;
use jiff::Timestamp;

use crate::services::{Moment, Service};

/// Handler of requests: the way from a client to a service and back.
pub trait Network: Send + Sync + 'static {
    /// Carries a request to its service and returns the response, or the error of the connection.
    fn carry(&self, request: http::Request<Bytes>)
    -> BoxFuture<'static, Result<http::Response<Bytes>, ConnectorError>>;
}

/// Returns an HTTP client on this network.
pub fn client(network: Arc<dyn Network>) -> SharedHttpClient {
    SharedHttpClient::new(Client(network))
}

/// Returns a connector on this network.
pub fn connector(network: Arc<dyn Network>) -> SharedHttpConnector {
    SharedHttpConnector::new(Client(network))
}

#[derive(Clone)]
struct Client(Arc<dyn Network>);

impl fmt::Debug for Client {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Client")
    }
}

impl HttpClient for Client {
    fn http_connector(&self, _: &HttpConnectorSettings, _: &RuntimeComponents) -> SharedHttpConnector {
        SharedHttpConnector::new(self.clone())
    }
}

impl HttpConnector for Client {
    fn call(&self, request: HttpRequest) -> HttpConnectorFuture {
        let network = self.0.clone();
        HttpConnectorFuture::new(async move {
            let request = request.try_into_http1x().map_err(|error| ConnectorError::user(error.into()))?;
            let (head, body) = request.into_parts();
            let body = body.collect().await.map_err(ConnectorError::user)?.to_bytes();
            let response = network.carry(http::Request::from_parts(head, body)).await?;
            HttpResponse::try_from(response.map(SdkBody::from))
                .map_err(|error| ConnectorError::other(error.into(), None))
        })
    }
}

/// Network without latency and faults to one service. Its time stands still between calls of [`Direct::set_now`].
pub struct Direct<S> {
    service: Arc<Mutex<S>>,
    surroundings: Mutex<Surroundings>,
}

struct Surroundings {
    now: Timestamp,
    random: fastrand::Rng,
}

impl<S> Direct<S> {
    /// Creates a network to the service, at the Unix epoch.
    pub fn new(service: Arc<Mutex<S>>) -> Self {
        let surroundings = Surroundings { now: Timestamp::UNIX_EPOCH, random: fastrand::Rng::with_seed(0) };
        Self { service, surroundings: Mutex::new(surroundings) }
    }

    /// Sets the time of later calls.
    pub fn set_now(&self, now: Timestamp) {
        self.surroundings.lock().unwrap_or_else(PoisonError::into_inner).now = now;
    }
}

impl<S: Service + 'static> Network for Direct<S> {
    fn carry(
        &self,
        request: http::Request<Bytes>,
    ) -> BoxFuture<'static, Result<http::Response<Bytes>, ConnectorError>> {
        let mut surroundings = self.surroundings.lock().unwrap_or_else(PoisonError::into_inner);
        let Surroundings { now, random } = &mut *surroundings;
        let mut moment = Moment { now: *now, random };
        let response = self.service.lock().unwrap_or_else(PoisonError::into_inner).call(&request, &mut moment);
        Box::pin(std::future::ready(Ok(response)))
    }
}
