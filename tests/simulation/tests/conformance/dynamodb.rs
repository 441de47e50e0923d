//! DynamoDB: the model and the stand-in.

#![expect(clippy::needless_pass_by_value, reason = "callers hand over the JSON that they just made")]

mod batches;
mod conditions;
mod items;
mod queries;
mod random;
mod session;
mod tables;

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::{Arc, Mutex},
    time::Instant,
};

use aws_sdk_dynamodb::Client;
use session::Session;
use simulation::services::dynamodb::{DynamoDb, Settings};

use crate::targets::{Loopback, Target};

/// Observations in which the stand-in differs from DynamoDB, with the reason.
const DIFFERENCES: &[(&str, &str)] = &[
    (
        "projection a[0], a.b/1",
        "DynamoDB refuses paths that take one attribute for a list and for a map. The stand-in finds only overlaps.",
    ),
    (
        "condition attribute_type(n, :Q)/1",
        "DynamoDB refuses a type name that does not exist. The stand-in treats it as a type that no value has.",
    ),
    (
        "condition attribute_type(n, :one)/1",
        "DynamoDB refuses a type name that is not a string. The stand-in treats it as a type that no value has.",
    ),
    ("condition n = n/1", "DynamoDB refuses to compare an attribute with itself. The stand-in compares."),
    ("condition n < :true/1", "DynamoDB orders only strings, numbers and bytes. The stand-in finds no order."),
    ("condition n < :null/1", "DynamoDB orders only strings, numbers and bytes. The stand-in finds no order."),
    ("condition n < :list/1", "DynamoDB orders only strings, numbers and bytes. The stand-in finds no order."),
    ("condition n > :map/1", "DynamoDB orders only strings, numbers and bytes. The stand-in finds no order."),
    (
        "refused on an index/4",
        "DynamoDB refuses a projection that names attributes which a global secondary index does not copy. The stand-in \
         leaves them out.",
    ),
    (
        "key condition studio = :s {\":s\":{\"S\":\"\"}}/1",
        "DynamoDB refuses an empty string as a key. The stand-in finds no items.",
    ),
    (
        "query of a table without a sort key/2",
        "DynamoDB continues after the start key, where nothing is. The stand-in ignores the start key.",
    ),
    ("page of 1 MB/5", "The stand-in counts the item that no longer fits as scanned."),
    ("page of 1 MB/7", "The stand-in counts the item that no longer fits as scanned."),
];

/// Refusals that the stand-in words differently.
const REWORDED: &[&str] = &[
    "projection e,/1",
    "projection e f/1",
    "projection :value/1",
    "condition attribute_exists(:one)/1",
    "condition attribute_exists(n, s)/1",
    "condition begins_with(s)/1",
    "key condition studio = :s OR id = :s {\":s\":{\"S\":\"queries\"}}/1",
    "key condition studio = :s AND id <> :s {\":s\":{\"S\":\"queries\"}}/1",
    "key condition studio = :s AND contains(id, :s) {\":s\":{\"S\":\"queries\"}}/1",
    "key condition studio = :s AND attribute_exists(id) {\":s\":{\"S\":\"queries\"}}/1",
    "key condition studio = :s AND id IN (:s) {\":s\":{\"S\":\"queries\"}}/1",
    "key condition NOT studio = :s {\":s\":{\"S\":\"queries\"}}/1",
    "key condition studio = :undefined {\":s\":{\"S\":\"queries\"}}/1",
];

/// Runs all cases.
async fn observe(client: Client) -> Vec<(String, String)> {
    tables::create(&client).await;
    let mut session = Session::new(client);
    items::run(&mut session).await;
    conditions::run(&mut session).await;
    queries::run(&mut session).await;
    batches::run(&mut session).await;
    for seed in 0..random::SEEDS {
        random::run(&mut session, seed).await;
    }
    session.transcript()
}

#[tokio::test]
async fn model_observes_what_the_stand_in_does() {
    let begun = Instant::now();
    let model = Arc::new(Mutex::new(DynamoDb::new(Settings::default())));
    let model = observe(Target::model(&model).dynamodb()).await;
    let loopback = Loopback::start().await;
    let stand_in = observe(Target::at(&loopback.stand_ins.dynamodb_endpoint()).dynamodb()).await;
    let stand_in: BTreeMap<_, _> = stand_in.into_iter().collect();
    let mut unexpected = Vec::new();
    for (label, model) in &model {
        let stand_in = stand_in.get(label).map_or("nothing", String::as_str);
        let is_named = DIFFERENCES.iter().any(|(named, _)| named == label);
        let is_reworded = REWORDED.contains(&label.as_str());
        let both_refuse = [model.as_str(), stand_in].iter().all(|observed| observed.contains("ValidationException"));
        if (model != stand_in) != (is_named || is_reworded) || (is_reworded && !both_refuse) {
            unexpected.push(format!("{label}\n  model:    {model}\n  stand-in: {stand_in}"));
        }
    }
    let labels: BTreeSet<&str> = model.iter().map(|(label, _)| label.as_str()).collect();
    for label in DIFFERENCES.iter().map(|(label, _)| label).chain(REWORDED) {
        assert!(labels.contains(label), "no case is called {label}");
    }
    let (count, total) = (unexpected.len(), model.len());
    assert!(unexpected.is_empty(), "{count} of {total} differ ({:?}):\n{}", begun.elapsed(), unexpected.join("\n"));
}
