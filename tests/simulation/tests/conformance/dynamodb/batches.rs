//! Batches of reads and writes.

use serde_json::{Value as Json, json};

use super::{
    session::Session,
    tables::{EVENTS, RECORDS},
};

fn key(n: usize) -> Json {
    json!({ "studio": { "S": "batches" }, "id": { "S": format!("{n:03}") } })
}

fn put(n: usize) -> Json {
    let mut item = key(n);
    item["n"] = json!({ "N": n.to_string() });
    json!({ "PutRequest": { "Item": item } })
}

fn delete(n: usize) -> Json {
    json!({ "DeleteRequest": { "Key": key(n) } })
}

fn writes(writes: Vec<Json>) -> Json {
    json!({ "RequestItems": { RECORDS: writes } })
}

fn reads(keys: Vec<Json>) -> Json {
    json!({ "RequestItems": { RECORDS: { "Keys": keys, "ConsistentRead": true } } })
}

pub async fn run(session: &mut Session) {
    session.case("batch of 25 writes");
    session.batch_write(writes((0..25).map(put).collect())).await;
    session.batch_get(reads((0..30).map(key).collect())).await;
    session.case("batch of 26 writes");
    session.batch_write(writes((0..26).map(put).collect())).await;
    session.case("mixed batch");
    session.batch_write(writes(vec![put(30), delete(0), delete(99)])).await;
    let both = json!({ "RequestItems": {
        RECORDS: [put(31)],
        EVENTS: [{ "PutRequest": { "Item": { "channel": { "S": "batches" }, "at_time": { "N": "1" } } } }],
    } });
    session.batch_write(both).await;
    session.batch_get(reads(vec![key(0), key(1), key(30), key(31)])).await;
    session.case("duplicates in a batch");
    session.batch_write(writes(vec![put(40), put(40)])).await;
    session.batch_write(writes(vec![put(40), delete(40)])).await;
    session.batch_get(reads(vec![key(40), key(40)])).await;
    session.batch_get(reads(vec![key(40)])).await;
    session.case("invalid write in a batch writes nothing");
    session.batch_write(writes(vec![put(50), json!({ "PutRequest": { "Item": { "studio": { "S": "x" } } } })])).await;
    session.batch_write(writes(vec![put(50), json!({ "DeleteRequest": { "Key": { "studio": { "S": "x" } } } })])).await;
    session.batch_write(writes(vec![put(50), json!({})])).await;
    session.batch_get(reads(vec![key(50)])).await;
    session.case("empty batch");
    session.batch_write(writes(vec![])).await;
    session.batch_write(json!({ "RequestItems": {} })).await;
    session.batch_get(reads(vec![])).await;
    session.batch_get(json!({ "RequestItems": {} })).await;
    session.case("batch of an unknown table");
    session.batch_write(json!({ "RequestItems": { "unknown": [put(1)] } })).await;
    session.batch_get(json!({ "RequestItems": { "unknown": { "Keys": [key(1)] } } })).await;
    session.case("batch of 100 keys");
    session.batch_get(reads((0..100).map(key).collect())).await;
    session.batch_get(reads((0..101).map(key).collect())).await;
    session.case("batch with a projection");
    let projected = json!({ "RequestItems": { RECORDS: { "Keys": [key(1), key(2)], "ProjectionExpression": "n" } } });
    session.batch_get(projected).await;
    session.case("batch with an invalid key");
    session.batch_get(reads(vec![json!({ "studio": { "S": "batches" } })])).await;
}
