//! Network of one host: latency, faults, and the end of a process between two calls.

use std::sync::Arc;

use aws_smithy_runtime_api::client::result::ConnectorError;
use bytes::Bytes;
use futures::future::BoxFuture;
use http::{Request, Response};

use crate::{
    cloud::{Cloud, refusal},
    connector::Network,
    faults::{Fate, Refusal, ServiceName},
    host::Process,
    services::mappings,
};

/// Lambda's Invoke.
pub type Invoke = Arc<dyn Fn(Request<Bytes>) -> BoxFuture<'static, Response<Bytes>> + Send + Sync>;

/// Network of a host.
pub struct HostNetwork {
    /// The cloud.
    pub cloud: Cloud,
    /// Process on the host.
    pub process: Arc<Process>,
    /// Lambda's Invoke.
    pub invoke: Invoke,
}

impl Network for HostNetwork {
    fn carry(&self, request: Request<Bytes>) -> BoxFuture<'static, Result<Response<Bytes>, ConnectorError>> {
        let (cloud, process, invoke) = (self.cloud.clone(), self.process.clone(), self.invoke.clone());
        Box::pin(async move { carry(&cloud, &process, &invoke, request).await })
    }
}

async fn carry(
    cloud: &Cloud,
    process: &Arc<Process>,
    invoke: &Invoke,
    request: Request<Bytes>,
) -> Result<Response<Bytes>, ConnectorError> {
    let Some(service) = service(&request) else {
        return Err(ConnectorError::user(format!("No service: {} {}", request.method(), request.uri()).into()));
    };
    process.half_call().await;
    let (fate, latency) = cloud.draw(service);
    tokio::time::sleep(latency).await;
    match fate {
        Fate::Lost => return Err(broken()),
        Fate::Hangs => std::future::pending().await,
        Fate::Refused(manner) => return Ok(refusal(service, manner)),
        Fate::Ghost(after) => {
            let (cloud, name) = (cloud.clone(), format!("{} (late)", process.name()));
            if service != ServiceName::Lambda {
                tokio::spawn(async move {
                    tokio::time::sleep(after).await;
                    cloud.apply(&name, service, &request);
                });
            }
            return std::future::pending().await;
        }
        Fate::Pass | Fate::ReplyLost | Fate::RefusedAfter | Fate::Late(_) => {}
    }
    let response = match service {
        ServiceName::Lambda if !request.uri().path().starts_with(mappings::PATH) => invoke(request).await,
        _ => cloud.apply(process.name(), service, &request),
    };
    process.half_call().await;
    match fate {
        Fate::ReplyLost => return Err(broken()),
        Fate::RefusedAfter => return Ok(refusal(service, Refusal::Internal)),
        Fate::Late(by) => tokio::time::sleep(by).await,
        _ => {}
    }
    tokio::time::sleep(latency).await;
    Ok(response)
}

fn broken() -> ConnectorError {
    ConnectorError::io(std::io::Error::from(std::io::ErrorKind::ConnectionReset).into())
}

/// Returns the service of a request, by the scope of its signature (`Credential=…/date/region/service/aws4_request`).
fn service(request: &Request<Bytes>) -> Option<ServiceName> {
    let authorization = request.headers().get("authorization")?.to_str().ok()?;
    let scope = authorization.split_once("Credential=")?.1.split(',').next()?;
    ServiceName::of_scope(scope.split('/').nth(3)?)
}
