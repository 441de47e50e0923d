//! Services that the cases run against: a model in this process, and the stand-ins over HTTP.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex},
};

use aws_types::SdkConfig;
use bytes::Bytes;
use jiff::Timestamp;
use local_aws::{ACCESS_KEY, Now, Options, REGION, SECRET_KEY, StandIns};
use runtime::{
    aws::{self, Patience},
    env::Env,
    world::World,
};
use serde_json::Value;
use simulation::{
    connector::{Direct, Network, client},
    services::Service,
};
use tempfile::TempDir;

/// Address for clients of a model. The connector ignores it.
const MODEL_ENDPOINT: &str = "http://model";

/// Running stand-ins, with their data in a temporary folder.
pub struct Loopback {
    pub stand_ins: StandIns,
    _data: TempDir,
}

impl Loopback {
    /// Starts the stand-ins on free ports.
    pub async fn start() -> Self {
        Self::start_at(Arc::new(Timestamp::now)).await
    }

    /// Starts the stand-ins with this time of the queues.
    pub async fn start_at(now: Now) -> Self {
        let data = tempfile::tempdir().unwrap();
        let options = Options { data: data.path().to_owned(), port: 0, now };
        Self { stand_ins: StandIns::start(options).await.unwrap(), _data: data }
    }

    /// Returns the stand-ins except for DynamoDB as a target.
    pub fn target(&self) -> Target {
        Target::at(&self.stand_ins.endpoint())
    }
}

/// A service: the configuration of clients as the functions have it, and requests without a client.
pub struct Target {
    /// Environment of the functions.
    pub env: Env,
    /// Configuration of clients.
    pub config: SdkConfig,
    http: Http,
}

enum Http {
    Model(Arc<dyn Network>),
    Loopback(reqwest::Client),
}

impl Target {
    /// Returns a model as a target, at the time of the machine: the SDK signs with it.
    pub fn model<S: Service + 'static>(model: &Arc<Mutex<S>>) -> Self {
        let direct = Arc::new(Direct::new(model.clone()));
        direct.set_now(Timestamp::now());
        Self::direct(&direct)
    }

    /// Returns the model on this network as a target.
    pub fn direct<S: Service + 'static>(direct: &Arc<Direct<S>>) -> Self {
        let world = World::system().with_http(client(direct.clone()));
        Self::new(MODEL_ENDPOINT, world, Http::Model(direct.clone()))
    }

    /// Returns the service at this address.
    pub fn at(endpoint: &str) -> Self {
        let http = reqwest::Client::builder().no_proxy().build().unwrap();
        Self::new(endpoint, World::system(), Http::Loopback(http))
    }

    fn new(endpoint: &str, world: World, http: Http) -> Self {
        let variables = [
            ("AWS_ACCESS_KEY_ID", ACCESS_KEY),
            ("AWS_SECRET_ACCESS_KEY", SECRET_KEY),
            ("AWS_REGION", REGION),
            ("AWS_ENDPOINT_URL", endpoint),
        ];
        let variables: HashMap<String, String> =
            variables.into_iter().map(|(name, value)| (name.to_owned(), value.to_owned())).collect();
        let env = Env::of(variables).with_world(world);
        let config = aws::config(&env, Patience::Job).unwrap();
        Self { env, config, http }
    }

    /// Returns a client of DynamoDB.
    pub fn dynamodb(&self) -> aws_sdk_dynamodb::Client {
        aws::dynamodb(&self.env, &self.config)
    }

    /// Returns a client of S3.
    pub fn s3(&self) -> aws_sdk_s3::Client {
        aws::s3(&self.env, &self.config)
    }

    /// Returns a client of SQS.
    pub fn sqs(&self) -> aws_sdk_sqs::Client {
        aws_sdk_sqs::Client::new(&self.config)
    }

    /// Sends JSON to an address of the service, without a client. The stand-ins do not check this signature, but its
    /// scope names the service.
    pub async fn post(&self, service: &str, path: &str, operation: &str, body: &Value) -> http::Response<Bytes> {
        let scope = format!("{ACCESS_KEY}/20260101/{REGION}/{service}/aws4_request");
        let request = http::Request::post(format!("{}{path}", self.config.endpoint_url().unwrap()))
            .header("authorization", format!("AWS4-HMAC-SHA256 Credential={scope}, SignedHeaders=host, Signature=0"))
            .header("content-type", "application/json")
            .header("x-amz-target", operation)
            .body(Bytes::from(body.to_string()));
        self.send(request.unwrap()).await
    }

    /// Sends a request without a client.
    pub async fn send(&self, request: http::Request<Bytes>) -> http::Response<Bytes> {
        match &self.http {
            Http::Model(network) => network.carry(request).await.unwrap(),
            Http::Loopback(http) => {
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
