//! The way to shops: one POST, without redirects and proxies, with limits of time and size.

use std::{error::Error, time::Duration};

use aws_smithy_async::rt::sleep::{SharedAsyncSleep, TokioSleep};
use aws_smithy_http_client::{Connector, tls};
use aws_smithy_runtime_api::client::{
    http::{HttpConnector as _, HttpConnectorSettings, SharedHttpConnector},
    orchestrator::HttpResponse,
    result::ConnectorError,
};
use aws_smithy_types::{body::SdkBody, byte_stream::ByteStream};
use domain::webhook::{Answer, Targets};
use runtime::world::World;
use tracing::info;

use crate::resolver::{CheckedResolver, NotPublic};

/// Longest time for an attempt: resolution, connection, request and answer.
const TIME: Duration = Duration::from_secs(10);
/// Longest time for a connection.
const CONNECT: Duration = Duration::from_secs(5);
/// Largest number of bytes of an answer that are read. The shop's answer has no meaning beside its status.
const MAX_ANSWER_BYTES: usize = 64 * 1024;

/// Client of shops.
pub struct Shops(SharedHttpConnector);

impl Shops {
    /// Creates a client that connects to these targets, with the AWS clients' TLS. Each request has a connection of its
    /// own, whose address was checked.
    pub fn new(world: &World, targets: Targets) -> Self {
        if let Some(connector) = world.shops() {
            return Self(connector.clone());
        }
        let connector = Connector::builder()
            .tls_provider(tls::Provider::Rustls(tls::rustls_provider::CryptoMode::Ring))
            .sleep_impl(SharedAsyncSleep::new(TokioSleep::new()))
            .connector_settings(HttpConnectorSettings::builder().connect_timeout(CONNECT).read_timeout(TIME).build())
            .pool_max_idle_per_host(0)
            .build_with_resolver(CheckedResolver(targets));
        Self(SharedHttpConnector::new(connector))
    }

    /// Posts the body and returns the shop's answer.
    pub async fn post(&self, url: &str, headers: &[(&'static str, String)], body: String) -> Answer {
        match tokio::time::timeout(TIME, self.head(url, headers, body)).await {
            Ok(Ok(status)) => Answer::of(status),
            Ok(Err(answer)) => answer,
            Err(_elapsed) => Answer::missing("timeout", "The shop did not answer within 10 s."),
        }
    }

    async fn head(&self, url: &str, headers: &[(&'static str, String)], body: String) -> Result<u16, Answer> {
        let mut request = http::Request::post(url).header("content-length", body.len());
        for (name, value) in headers {
            request = request.header(*name, value);
        }
        let request = request.body(SdkBody::from(body)).ok().and_then(|request| request.try_into().ok());
        let request = request.ok_or_else(|| Answer::missing("invalid_url", "The URL cannot be requested."))?;
        let response = self.0.call(request).await.map_err(|error| sort(&error))?;
        let status = response.status().as_u16();
        drain(response).await;
        Ok(status)
    }
}

/// Reads the beginning of the body, so that a shop that sends a short one sees no broken connection.
async fn drain(response: HttpResponse) {
    let mut body = ByteStream::new(response.into_body());
    let read = async {
        let mut bytes = 0;
        while let Some(Ok(chunk)) = body.next().await {
            bytes += chunk.len();
            if bytes > MAX_ANSWER_BYTES {
                break;
            }
        }
    };
    // The status is known; a body that comes slowly changes nothing.
    let _ = tokio::time::timeout(Duration::from_secs(1), read).await;
}

/// Returns the reason of a request without answer. Details are logged without the address.
fn sort(error: &ConnectorError) -> Answer {
    let mut cause: Option<&(dyn Error + 'static)> = Some(error);
    while let Some(found) = cause {
        if found.is::<NotPublic>() {
            return Answer::missing("address_refused", "The host name resolves to an address that is not public.");
        }
        cause = found.source();
    }
    info!(reason = ?error, "A shop was not reached");
    if error.is_timeout() {
        Answer::missing("timeout", "The shop did not answer within 10 s.")
    } else {
        Answer::missing(
            "not_reached",
            "No connection, or an answer that is not HTTP: check host, certificate and port.",
        )
    }
}
