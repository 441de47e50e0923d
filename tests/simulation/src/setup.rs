//! Resources of the cloud, as Terraform creates them.

use std::{collections::BTreeMap, sync::Arc, time::Duration};

use bytes::Bytes;
use domain::{
    object_key::{INCOMING, LOGOS, ORIGINALS},
    operation::Filled,
    queue_config::QueueName,
};
use http::Request;
use jiff::Timestamp;
use runtime::{aws, fill, store::Table, world::World};
use serde_json::json;

use crate::{
    cloud::{Cloud, State},
    config::{ACCESS_KEY, QUEUES, SECRET_KEY, environment},
    connector,
    faults::Faults,
    host::Process,
    lambda::Lambda,
    network::HostNetwork,
    services::{Moment, Service as _, dynamodb::DynamoDb, s3::Notification, sqs::Sqs},
    time::Skew,
};

/// Creates tables, buckets, queues and the parameter.
pub fn create(state: &mut State) {
    tables(&mut state.dynamodb, &mut state.random);
    state.s3.settings.versioned.insert("photos".to_owned());
    state.s3.create_bucket("photos");
    state.s3.create_bucket("downloads");
    let notification = |prefix: &str, events: &[&'static str]| Notification {
        bucket: "photos".to_owned(),
        prefix: prefix.to_owned(),
        events: events.to_vec(),
        queue: QueueName::Uploads.to_string(),
    };
    state.s3.settings.notifications = vec![
        notification(INCOMING, &["ObjectCreated:*"]),
        notification(ORIGINALS, &["ObjectCreated:Put", "ObjectCreated:CompleteMultipartUpload"]),
        notification(LOGOS, &["ObjectCreated:Put"]),
    ];
    state.s3.settings.secrets = BTreeMap::from([(ACCESS_KEY.to_owned(), SECRET_KEY.to_owned())]);
    queues(&mut state.sqs);
    state.ssm.0.insert("/darkroom/link-secret".to_owned(), "1:simulation".to_owned());
    state.ssm.0.insert("/darkroom/webhook-secret".to_owned(), "simulation".to_owned());
    let faults = state.faults.clone();
    state.set_faults(&faults);
}

impl State {
    /// Sets the faults that are the services' own.
    pub fn set_faults(&mut self, faults: &Faults) {
        self.sqs.doubled = faults.doubled;
        self.sqs.overlooked = faults.doubled;
        self.dynamodb.settings.index_lag = Duration::from_millis(u64::try_from(faults.index_lag_ms).unwrap_or(0));
        self.dynamodb.settings.unprocessed = faults.unprocessed;
    }
}

/// Creates the tables with their indexes, as in `infra/tables.tf`.
fn tables(dynamodb: &mut DynamoDb, random: &mut fastrand::Rng) {
    for (table, lists) in [
        ("photos", &["list_status", "list_folder", "list_sha256", "list_stem"][..]),
        ("orders", &["list_reference"]),
        ("downloads", &["list_status", "list_order"]),
        ("emails", &["list_email_status", "list_about"]),
        ("requests", &[]),
        ("studios", &[]),
        ("events", &["list_events"]),
        ("webhooks", &[]),
        ("deliveries", &["list_webhook"]),
    ] {
        let keys = |hash: &str, range: &str| json!([{ "AttributeName": hash, "KeyType": "HASH" }, { "AttributeName": range, "KeyType": "RANGE" }]);
        let attribute = |name: &str, kind: &str| json!({ "AttributeName": name, "AttributeType": kind });
        let keys_only = json!({ "ProjectionType": "KEYS_ONLY" });
        let mut attributes = vec![attribute("studio", "S"), attribute("id", "S")];
        let mut indexes = Vec::new();
        if !["orders", "studios"].contains(&table) {
            attributes.extend([attribute("due_shard", "S"), attribute("due_at", "N")]);
            attributes.extend([attribute("failed_shard", "S"), attribute("failed_at", "N")]);
            let failed = json!({ "ProjectionType": "INCLUDE", "NonKeyAttributes": ["error", "work"] });
            indexes.push(
                json!({ "IndexName": "due_at", "KeySchema": keys("due_shard", "due_at"), "Projection": keys_only }),
            );
            indexes.push(
                json!({ "IndexName": "failed_at", "KeySchema": keys("failed_shard", "failed_at"), "Projection": failed }),
            );
        }
        let range = if ["emails", "events", "deliveries"].contains(&table) { "position" } else { "id" };
        if range != "id" {
            attributes.push(attribute(range, "S"));
        }
        for list in lists {
            attributes.push(attribute(list, "S"));
            indexes.push(json!({ "IndexName": list, "KeySchema": keys(list, range), "Projection": keys_only }));
        }
        let mut create = json!({
            "TableName": table, "BillingMode": "PAY_PER_REQUEST", "AttributeDefinitions": attributes,
            "KeySchema": keys("studio", "id"),
        });
        if !indexes.is_empty() {
            create["GlobalSecondaryIndexes"] = indexes.into();
        }
        let ttl = json!({ "Enabled": true, "AttributeName": "ttl" });
        let ttl = json!({ "TableName": table, "TimeToLiveSpecification": ttl });
        for (operation, body) in [("CreateTable", create), ("UpdateTimeToLive", ttl)] {
            let target = format!("DynamoDB_20120810.{operation}");
            let request = Request::builder().header("x-amz-target", target).body(Bytes::from(body.to_string()));
            let mut moment = Moment { now: Timestamp::UNIX_EPOCH, random };
            let answer = dynamodb.call(&request.unwrap_or_default(), &mut moment);
            assert!(answer.status().is_success(), "{operation}: {:?}", answer.body());
        }
    }
}

/// Marks the tables as filled, in every second history. In the others the first sweep fills them.
pub async fn fill(cloud: &Cloud, lambda: &Lambda) {
    if cloud.state().random.bool() {
        return;
    }
    let process = Arc::new(Process::new("setup".to_owned()));
    let faults = std::mem::take(&mut cloud.state().faults);
    let network = HostNetwork { cloud: cloud.clone(), process, invoke: lambda.invoker() };
    let world = World::system()
        .with_clock(Skew::default().clock(cloud.time))
        .with_random(|| 7)
        .with_http(connector::client(Arc::new(network)));
    let env = environment().with_world(world);
    let filled = async {
        let config = aws::config(&env, aws::Patience::Job)?;
        let operations = Table::new(aws::dynamodb(&env, &config), "requests", env.world());
        for table in Filled::ALL {
            fill::is_new(&operations, table, cloud.time.now()).await?;
        }
        anyhow::Ok(())
    };
    filled.await.unwrap_or_else(|error| panic!("tables can be marked: {error:#}"));
    cloud.state().faults = faults;
}

/// Creates the queues.
pub fn queues(sqs: &mut Sqs) {
    for (queue, config) in &*QUEUES {
        let visibility = i64::try_from(config.visibility().as_secs()).unwrap_or(i64::MAX);
        sqs.create(&queue.dlq(), 30, None);
        sqs.create(queue.as_str(), visibility, Some((&queue.dlq(), config.max_receives)));
    }
}
