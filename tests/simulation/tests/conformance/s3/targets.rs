//! Services that the cases run against.

use std::{
    collections::HashMap,
    fmt::Write as _,
    sync::{Arc, Mutex},
};

use aws_sdk_s3::Client;
use bytes::Bytes;
use jiff::Timestamp;
use local_aws::{Options, StandIns};
use runtime::{
    aws::{self, Patience},
    env::Env,
    world::World,
};
use simulation::{
    connector::{Direct, Network, client},
    services::s3::{S3, Settings},
};
use tempfile::TempDir;

/// Variable with the second S3's address, set by `tests/second-s3/run`.
pub const SECOND_S3: &str = "SECOND_S3";

/// A service: a client as the functions have it, and requests without the client.
pub struct Target {
    /// Client.
    pub s3: Client,
    http: Http,
}

enum Http {
    Model(Arc<Direct<S3>>),
    Network(reqwest::Client),
}

/// The stand-in of `local-aws` in this process.
pub struct StandIn {
    services: StandIns,
    _data: TempDir,
}

impl StandIn {
    /// Starts the stand-in.
    pub async fn start() -> Self {
        let data = tempfile::tempdir().unwrap();
        let options = Options { data: data.path().to_owned(), port: 0, now: Arc::new(Timestamp::now) };
        Self { services: StandIns::start(options).await.unwrap(), _data: data }
    }

    /// Returns the stand-in as a target.
    pub fn target(&self) -> Target {
        Target::at(&self.services.endpoint())
    }
}

impl Target {
    /// Creates a model.
    pub fn model() -> Self {
        Self::of(&Arc::new(Mutex::new(S3::new(Settings::default()))))
    }

    /// Returns a model as a target, at the time of the machine: the SDK signs with it.
    pub fn of(model: &Arc<Mutex<S3>>) -> Self {
        let direct = Arc::new(Direct::new(model.clone()));
        direct.set_now(Timestamp::now());
        let world = World::system().with_http(client(direct.clone()));
        Self { s3: functions_client("http://model", world), http: Http::Model(direct) }
    }

    /// Returns the service at this address.
    pub fn at(endpoint: &str) -> Self {
        let http = reqwest::Client::builder().no_proxy().build().unwrap();
        Self { s3: functions_client(endpoint, World::system()), http: Http::Network(http) }
    }

    /// Sends a request. Returns the status and the body of the response.
    pub async fn send(&self, request: http::Request<Bytes>) -> http::Response<Bytes> {
        match &self.http {
            Http::Model(direct) => direct.carry(request).await.unwrap(),
            Http::Network(http) => {
                let received = http.execute(reqwest::Request::try_from(request).unwrap()).await.unwrap();
                let mut response = http::Response::new(Bytes::new());
                *response.status_mut() = received.status();
                *response.headers_mut() = received.headers().clone();
                *response.body_mut() = received.bytes().await.unwrap();
                response
            }
        }
    }
}

/// Returns a key as the source of a copy, percent-encoded.
pub fn copy_source(bucket: &str, key: &str) -> String {
    let mut source = format!("{bucket}/");
    for byte in key.bytes() {
        let _ = write!(source, "%{byte:02X}");
    }
    source
}

fn functions_client(endpoint: &str, world: World) -> Client {
    let variables = [
        ("AWS_ACCESS_KEY_ID", "test"),
        ("AWS_SECRET_ACCESS_KEY", "test"),
        ("AWS_REGION", "us-east-1"),
        ("AWS_ENDPOINT_URL", endpoint),
    ];
    let variables: HashMap<String, String> =
        variables.into_iter().map(|(name, value)| (name.to_owned(), value.to_owned())).collect();
    let env = Env::of(variables).with_world(world);
    aws::s3(&env, &aws::config(&env, Patience::Job).unwrap())
}
