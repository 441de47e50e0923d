//! DynamoDB and SQS of one test, and the way to them.
//!
//! The stand-ins run on a thread of their own. A call of the test blocks its thread until the response is there, so that
//! Tokio's stopped clock stands still during calls, and jumps to the next timer otherwise.

mod network;
mod schema;

use std::{
    collections::HashMap,
    sync::{
        Arc,
        atomic::{AtomicI64, AtomicU64, Ordering},
    },
    time::Duration,
};

use aws_smithy_runtime_api::client::http::SharedHttpClient;
use domain::record::Record;
use jiff::Timestamp;
use local_aws::{ACCESS_KEY, Options, REGION, SECRET_KEY, StandIns};
use runtime::{
    aws::{self, Patience},
    clock::Clock,
    env::Env,
    store::{Item, Orders, Table},
    world::World,
};
use serde_json::Value;
use tempfile::TempDir;
use tokio::{runtime::Runtime, time::Instant};
use uuid::Uuid;

pub use network::{Call, Fate};
use network::{Faults, Network};

/// The table of each test. It has all indexes.
pub const TABLE: &str = "records";
/// Time at which each test begins: 2027-01-01T00:00:00Z, in seconds since the epoch.
pub const BEGINNING: i64 = 1_798_761_600;

/// Returns the time this long after the beginning of the test.
pub fn at(seconds: i64) -> Timestamp {
    Timestamp::from_second(BEGINNING + seconds).expect("in range")
}

/// The services of one test.
pub struct Cloud {
    /// Environment of a function, on a network that [`Cloud::disturb`] disturbs.
    pub env: Env,
    /// Environment of everybody else: their calls are neither disturbed nor recorded.
    pub others_env: Env,
    /// DynamoDB of the function.
    pub dynamodb: aws_sdk_dynamodb::Client,
    /// DynamoDB of everybody else.
    pub others: aws_sdk_dynamodb::Client,
    begun: Instant,
    faults: Arc<Faults>,
    server: Option<Runtime>,
    _stand_ins: StandIns,
    _data: TempDir,
}

impl Drop for Cloud {
    fn drop(&mut self) {
        if let Some(server) = self.server.take() {
            server.shutdown_background();
        }
    }
}

impl Cloud {
    /// Starts the services with an empty table. Random waits are as long as they can be.
    pub async fn start() -> Self {
        Self::with_jitter(u32::MAX).await
    }

    /// Starts the services. `jitter` is the random part of waits, in 2⁻³².
    pub async fn with_jitter(jitter: u32) -> Self {
        let (begun, data) = (Instant::now(), folder());
        let now = Arc::new(AtomicI64::new(BEGINNING * 1000));
        let queues_now = now.clone();
        let options = Options {
            data: data.path().to_owned(),
            port: 0,
            now: Arc::new(move || Timestamp::from_millisecond(queues_now.load(Ordering::SeqCst)).expect("in range")),
        };
        let server =
            tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build().expect("a runtime");
        let (sender, receiver) = std::sync::mpsc::channel();
        server.spawn(async move { sender.send(StandIns::start(options).await) });
        let stand_ins = receiver.recv().expect("an answer").expect("stand-ins");

        let variables = HashMap::from(
            [
                ("AWS_REGION", REGION),
                ("AWS_ACCESS_KEY_ID", ACCESS_KEY),
                ("AWS_SECRET_ACCESS_KEY", SECRET_KEY),
                ("AWS_ENDPOINT_URL", &stand_ins.endpoint()),
                ("AWS_ENDPOINT_URL_DYNAMODB", &stand_ins.dynamodb_endpoint()),
                ("PHOTOS_QUEUE_URL", &format!("{}/000000000000/photos", stand_ins.endpoint())),
                ("DEFAULT_QUEUE_URL", &format!("{}/000000000000/default", stand_ins.endpoint())),
            ]
            .map(|(name, value)| (name.to_owned(), value.to_owned())),
        );
        let env = |faults: Option<&Arc<Faults>>| {
            let numbers = AtomicU64::new(1);
            let clock = Clock::simulated(move || at(0).saturating_add(begun.elapsed()).expect("in range"));
            let network = Network::new(server.handle().clone(), clock.clone(), now.clone(), faults.cloned());
            let random = move || u128::from(jitter) << 96 | u128::from(numbers.fetch_add(1, Ordering::SeqCst));
            let world = World::system().with_clock(clock).with_random(random);
            Env::of(variables.clone()).with_world(world.with_http(SharedHttpClient::new(network)))
        };
        let faults = Arc::default();
        let (disturbed, plain) = (env(Some(&faults)), env(None));
        let cloud = Self {
            dynamodb: client(&disturbed),
            others: client(&plain),
            env: disturbed,
            others_env: plain,
            begun,
            faults,
            server: Some(server),
            _stand_ins: stand_ins,
            _data: data,
        };
        schema::create_table(&cloud.others, TABLE).await;
        cloud
    }

    /// Returns the table of a function.
    pub fn table<R: Record>(&self) -> Table<R> {
        Table::new(self.dynamodb.clone(), TABLE, self.env.world())
    }

    /// Returns the table as another function sees it.
    pub fn others<R: Record>(&self) -> Table<R> {
        let ids = World::system().with_clock(self.env.clock());
        Table::new(self.others.clone(), TABLE, &ids)
    }

    /// Returns the orders.
    pub fn orders(&self) -> Orders {
        Orders::new(self.dynamodb.clone(), TABLE, self.env.world())
    }

    /// Returns the time since the beginning.
    pub fn elapsed(&self) -> Duration {
        self.begun.elapsed()
    }

    /// Decides about each later call of the function.
    pub fn disturb(&self, decide: impl FnMut(&Call) -> Fate + Send + 'static) {
        self.faults.set(decide);
    }

    /// Lets `decide` decide about the next call of this operation. All others are delivered.
    pub fn disturb_next(&self, operation: &'static str, fate: Fate) {
        let mut fate = Some(fate);
        self.disturb(move |call| {
            if call.operation == operation { fate.take().unwrap_or(Fate::Delivered) } else { Fate::Delivered }
        });
    }

    /// Ends queries and scans after this number of items, as DynamoDB does after 1 MB.
    pub fn limit_pages(&self, items: u64) {
        self.disturb(move |call| match call.operation.as_str() {
            "Query" | "Scan" => {
                let mut body = call.body.clone();
                body["Limit"] = body["Limit"].as_u64().unwrap_or(items).min(items).into();
                Fate::Changed(body)
            }
            _ => Fate::Delivered,
        });
    }

    /// Returns the function's calls of an operation since the last call of this method, and forgets all others.
    pub fn calls(&self, operation: &str) -> Vec<Value> {
        self.faults.take().into_iter().filter(|call| call.operation == operation).map(|call| call.body).collect()
    }

    /// Returns the function's calls since the last call of this method.
    pub fn all_calls(&self) -> Vec<Call> {
        self.faults.take()
    }

    /// Returns an item as it is stored.
    pub async fn item(&self, studio: &str, id: impl ToString) -> Option<Value> {
        let key = |value: String| aws_sdk_dynamodb::types::AttributeValue::S(value);
        let get = self.others.get_item().table_name(TABLE).key("studio", key(studio.to_owned()));
        let got = get.key("id", key(id.to_string())).send().await.expect("read");
        got.item.map(|item| serde_dynamo::from_item(item).expect("a value"))
    }

    /// Stores an item.
    pub async fn put_item(&self, item: &Value) {
        let item: Item = serde_dynamo::to_item(item).expect("an object");
        self.others.put_item().table_name(TABLE).set_item(Some(item)).send().await.expect("written");
    }

    /// Replaces attributes of a stored item; `null` removes one.
    pub async fn patch_item(&self, studio: &str, id: Uuid, attributes: Value) {
        let mut item = self.item(studio, id).await.expect("an item");
        let stored = item.as_object_mut().expect("an object");
        for (name, value) in attributes.as_object().expect("an object") {
            if value.is_null() {
                stored.remove(name);
            } else {
                stored.insert(name.clone(), value.clone());
            }
        }
        self.put_item(&item).await;
    }
}

/// Returns an empty folder, in memory on systems with such a place, where no write waits for a disk.
fn folder() -> TempDir {
    tempfile::tempdir_in("/dev/shm").or_else(|_| tempfile::tempdir()).expect("a folder")
}

fn client(env: &Env) -> aws_sdk_dynamodb::Client {
    aws::dynamodb(env, &aws::config(env, Patience::Job).expect("all variables"))
}
