//! Services that the cases run against: a model in this process, and the stand-ins over HTTP.

use std::sync::{Arc, Mutex};

use aws_credential_types::{Credentials, provider::SharedCredentialsProvider};
use aws_smithy_http_client::Builder as HttpBuilder;
use aws_smithy_runtime_api::client::{behavior_version::BehaviorVersion, http::SharedHttpClient};
use aws_types::{SdkConfig, region::Region};
use jiff::Timestamp;
use local_aws::{ACCESS_KEY, Options, REGION, SECRET_KEY, StandIns};
use simulation::{
    connector::{self, Direct},
    services::Service,
};
use tempfile::TempDir;

/// Address for clients of a model. The connector ignores it.
const MODEL_ENDPOINT: &str = "http://model.invalid";

/// Running stand-ins, with their data in a temporary folder.
pub struct Loopback {
    pub stand_ins: StandIns,
    _data: TempDir,
}

impl Loopback {
    /// Starts the stand-ins on free ports.
    pub async fn start() -> Self {
        let data = tempfile::tempdir().unwrap();
        let options = Options { data: data.path().to_owned(), port: 0, now: Arc::new(Timestamp::now) };
        Self { stand_ins: StandIns::start(options).await.unwrap(), _data: data }
    }
}

/// Returns the configuration of clients of a model.
pub fn model(service: impl Service + 'static) -> SdkConfig {
    config(connector::client(Arc::new(Direct::new(Arc::new(Mutex::new(service))))), MODEL_ENDPOINT)
}

/// Returns the configuration of clients of a stand-in at this address.
pub fn stand_in(endpoint: &str) -> SdkConfig {
    config(HttpBuilder::new().build_http(), endpoint)
}

fn config(client: SharedHttpClient, endpoint: &str) -> SdkConfig {
    let credentials = Credentials::new(ACCESS_KEY, SECRET_KEY, None, None, "conformance");
    SdkConfig::builder()
        .behavior_version(BehaviorVersion::latest())
        .region(Region::new(REGION))
        .credentials_provider(SharedCredentialsProvider::new(credentials))
        .http_client(client)
        .endpoint_url(endpoint)
        .build()
}
