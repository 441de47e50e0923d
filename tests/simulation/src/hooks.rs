//! Way to the shop's server, which receives webhooks. It fails now and then while faults last.

use std::sync::Arc;

use aws_smithy_runtime_api::client::{http::SharedHttpConnector, result::ConnectorError};
use bytes::Bytes;
use futures::future::BoxFuture;
use http::{Request, Response, StatusCode};
use uuid::Uuid;

use crate::{
    cloud::Cloud,
    connector::{self, Network},
    host::Process,
    services::shop::HOOK,
};

/// Share of requests that the shop does not accept while faults last.
const FAILS: f64 = 0.3;
/// Share of these that it answers as if the webhook were gone, which disables it.
const GONE: f64 = 0.02;

/// Returns the connections of a process to the shop.
pub fn connections(cloud: Cloud, process: Arc<Process>) -> SharedHttpConnector {
    connector::connector(Arc::new(ShopNetwork { cloud, process }))
}

struct ShopNetwork {
    cloud: Cloud,
    process: Arc<Process>,
}

impl Network for ShopNetwork {
    fn carry(&self, request: Request<Bytes>) -> BoxFuture<'static, Result<Response<Bytes>, ConnectorError>> {
        let (cloud, process) = (self.cloud.clone(), self.process.clone());
        Box::pin(async move {
            process.half_call().await;
            let status = answer(&cloud, &request);
            process.half_call().await;
            let mut response = Response::new(Bytes::new());
            *response.status_mut() = status.ok_or_else(broken)?;
            Ok(response)
        })
    }
}

/// Receives a request. Returns `None` if the reply is lost.
fn answer(cloud: &Cloud, request: &Request<Bytes>) -> Option<StatusCode> {
    let header = |name: &str| request.headers().get(name).and_then(|value| value.to_str().ok());
    let id = header("webhook-id").and_then(|id| id.parse::<Uuid>().ok());
    let is_signed = header("webhook-signature").is_some_and(|signature| signature.starts_with("v1,"));
    let mut state = cloud.state();
    let fails = state.faults.may_fail() && state.random.f64() < FAILS;
    let is_lost = fails && state.random.bool();
    match id.filter(|_| is_signed && request.uri() == HOOK) {
        None => {
            drop(state);
            cloud.violated(format!("the shop got a request that is no webhook: {}", request.uri()));
            Some(StatusCode::BAD_REQUEST)
        }
        Some(_) if fails && !is_lost && state.random.f64() < GONE => Some(StatusCode::GONE),
        Some(_) if fails && !is_lost => Some(StatusCode::INTERNAL_SERVER_ERROR),
        Some(id) => {
            *state.shop.0.entry(id).or_default() += 1;
            (!is_lost).then_some(StatusCode::NO_CONTENT)
        }
    }
}

fn broken() -> ConnectorError {
    ConnectorError::io(std::io::Error::from(std::io::ErrorKind::ConnectionReset).into())
}
