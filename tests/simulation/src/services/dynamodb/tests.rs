use std::collections::BTreeSet;

use serde_json::{Value as Json, json};

use super::*;

/// Model with a table, and the time and random numbers of its requests.
struct Bed {
    model: DynamoDb,
    now: Timestamp,
    random: fastrand::Rng,
}

impl Bed {
    fn new(settings: Settings, seed: u64) -> Self {
        let model = DynamoDb::new(settings);
        let mut bed = Self { model, now: Timestamp::UNIX_EPOCH, random: fastrand::Rng::with_seed(seed) };
        bed.call(
            "CreateTable",
            &json!({
                "TableName": "t",
                "AttributeDefinitions": [
                    { "AttributeName": "p", "AttributeType": "S" }, { "AttributeName": "s", "AttributeType": "S" },
                    { "AttributeName": "g", "AttributeType": "S" }, { "AttributeName": "n", "AttributeType": "N" },
                ],
                "KeySchema": [{ "AttributeName": "p", "KeyType": "HASH" }, { "AttributeName": "s", "KeyType": "RANGE" }],
                "GlobalSecondaryIndexes": [{
                    "IndexName": "i", "Projection": { "ProjectionType": "KEYS_ONLY" },
                    "KeySchema": [
                        { "AttributeName": "g", "KeyType": "HASH" }, { "AttributeName": "n", "KeyType": "RANGE" },
                    ],
                }],
                "BillingMode": "PAY_PER_REQUEST",
            }),
        );
        let ttl = json!({ "Enabled": true, "AttributeName": "ttl" });
        bed.call("UpdateTimeToLive", &json!({ "TableName": "t", "TimeToLiveSpecification": ttl }));
        bed
    }

    fn call(&mut self, operation: &str, body: &Json) -> Json {
        let request = Request::post("/").header("x-amz-target", format!("{TARGET}{operation}"));
        let request = request.body(Bytes::from(body.to_string())).unwrap();
        let response = self.model.call(&request, &mut Moment { now: self.now, random: &mut self.random });
        let body: Json = serde_json::from_slice(response.body()).unwrap();
        assert_eq!(response.status().is_success(), body["__type"].is_null(), "{body}");
        body
    }

    fn put(&mut self, id: &str, n: i64) {
        let item = json!({ "p": { "S": "a" }, "s": { "S": id }, "g": { "S": "x" }, "n": { "N": n.to_string() } });
        assert_eq!(self.call("PutItem", &json!({ "TableName": "t", "Item": item })), json!({}));
    }

    fn get(&mut self, id: &str, consistent: bool) -> Option<i64> {
        let key = json!({ "p": { "S": "a" }, "s": { "S": id } });
        let found = self.call("GetItem", &json!({ "TableName": "t", "Key": key, "ConsistentRead": consistent }));
        found["Item"]["n"]["N"].as_str().map(|n| n.parse().unwrap())
    }

    /// Returns the entries of the index.
    fn indexed(&mut self) -> Vec<(String, i64)> {
        let found = self.call(
            "Query",
            &json!({
                "TableName": "t", "IndexName": "i", "KeyConditionExpression": "g = :x",
                "ExpressionAttributeValues": { ":x": { "S": "x" } },
            }),
        );
        let entry = |item: &Json| {
            (item["s"]["S"].as_str().unwrap().to_owned(), item["n"]["N"].as_str().unwrap().parse().unwrap())
        };
        found["Items"].as_array().unwrap().iter().map(entry).collect()
    }

    fn pass(&mut self, milliseconds: u64) {
        self.now += Duration::from_millis(milliseconds);
    }
}

fn lagging(index: u64, read: u64) -> Settings {
    Settings { index_lag: Duration::from_millis(index), read_lag: Duration::from_millis(read), ..Settings::default() }
}

#[test]
fn index_follows_without_lag() {
    let mut bed = Bed::new(Settings::default(), 0);
    bed.put("1", 5);
    assert_eq!(bed.indexed(), [("1".to_owned(), 5)]);
    bed.put("1", 3);
    assert_eq!(bed.indexed(), [("1".to_owned(), 3)]);
}

#[test]
fn lagging_index_keeps_the_order_of_each_item() {
    let mut behind = 0;
    for seed in 0..50 {
        let mut bed = Bed::new(lagging(100, 0), seed);
        let mut seen = BTreeSet::new();
        for n in 1..=20 {
            bed.put("1", n);
            bed.pass(10);
            let indexed = bed.indexed();
            assert!(indexed.len() <= 1, "an item has one entry");
            if let Some((_, at)) = indexed.first() {
                assert!(seen.last().is_none_or(|last| last <= at), "an entry never goes back");
                behind += u32::from(*at < n);
                seen.insert(*at);
            }
        }
        bed.pass(100);
        assert_eq!(bed.indexed(), [("1".to_owned(), 20)]);
    }
    assert!(behind > 100);
}

#[test]
fn eventually_consistent_read_returns_an_earlier_version() {
    let mut bed = Bed::new(lagging(0, 50), 3);
    let mut stale = 0;
    for n in 1..=100 {
        bed.put("1", n);
        bed.pass(10);
        assert_eq!(bed.get("1", true), Some(n));
        let seen = bed.get("1", false);
        assert!(seen.unwrap_or(0) >= n - 5, "no read is older than the lag");
        stale += u32::from(seen != Some(n));
    }
    assert!(stale > 30);
    bed.pass(51);
    assert_eq!(bed.get("1", false), Some(100));
    let key = json!({ "p": { "S": "a" }, "s": { "S": "1" } });
    bed.call("DeleteItem", &json!({ "TableName": "t", "Key": key }));
    let after: BTreeSet<_> = (0..20).map(|_| bed.get("1", false)).collect();
    assert!(after.contains(&Some(100)), "the deleted item is still visible");
    bed.pass(51);
    bed.put("2", 1);
    assert_eq!(bed.get("1", false), None);
    assert_eq!(bed.model.items("t").count(), 1);
}

#[test]
fn expired_items_stay_until_they_are_removed() {
    let mut bed = Bed::new(Settings::default(), 0);
    for id in 0..40 {
        let item =
            json!({ "p": { "S": "a" }, "s": { "S": id.to_string() }, "ttl": { "N": (id % 2 * 100).to_string() } });
        bed.call("PutItem", &json!({ "TableName": "t", "Item": item }));
    }
    bed.pass(50_000);
    assert_eq!(bed.model.items("t").count(), 40);
    let removed = bed.model.expire(bed.now, &mut bed.random);
    assert!((1..20).contains(&removed));
    assert_eq!(bed.model.expire_all(bed.now, &mut bed.random), 20 - removed);
    assert_eq!(bed.model.items("t").count(), 20);
    assert_eq!(bed.model.expire_all(bed.now, &mut bed.random), 0);
}

#[test]
fn restored_tables_have_their_earlier_items() {
    let mut bed = Bed::new(lagging(1000, 1000), 0);
    bed.put("1", 1);
    bed.put("2", 2);
    let before = bed.model.snapshot();
    bed.put("1", 10);
    bed.put("3", 3);
    bed.model.restore(&before);
    assert_eq!(bed.model.items("t").count(), 2);
    assert_eq!(bed.indexed(), [("1".to_owned(), 1), ("2".to_owned(), 2)]);
    assert_eq!(bed.get("1", false), Some(1));
    assert!(before.items("t").eq(bed.model.items("t")));
}

#[test]
fn planted_item_is_visible_everywhere() {
    let mut bed = Bed::new(lagging(1000, 1000), 0);
    bed.put("1", 1);
    let item = [("p", Value::from("a")), ("s", "1".into()), ("g", "x".into()), ("n", 7.into())];
    bed.model.put_raw("t", item.map(|(name, value)| (name.to_owned(), value)).into());
    assert_eq!(bed.indexed(), [("1".to_owned(), 7)]);
    assert_eq!(bed.get("1", false), Some(7));
    let found = bed.model.get("t", "a", "1").unwrap();
    assert_eq!(found["n"], Value::from(7));
}

#[test]
fn units_are_billed_per_size_and_change() {
    let mut bed = Bed::new(Settings::default(), 0);
    let big = json!({ "p": { "S": "a" }, "s": { "S": "1" }, "v": { "S": "x".repeat(5000) }, "g": { "S": "x" } });
    bed.call("PutItem", &json!({ "TableName": "t", "Item": big }));
    assert_eq!(bed.model.usage("t"), Usage { write_units: 5, ..Usage::default() });
    bed.get("1", true);
    bed.get("1", false);
    bed.get("2", false);
    assert_eq!(bed.model.usage("t").half_read_units, 4 + 2 + 1);
    bed.put("1", 1);
    assert_eq!(bed.model.usage("t"), Usage { half_read_units: 7, write_units: 10, index_write_units: 1 });
    bed.put("1", 1);
    bed.put("1", 2);
    assert_eq!(bed.model.usage("t"), Usage { half_read_units: 7, write_units: 12, index_write_units: 3 });
    assert_eq!((bed.model.write_calls(), bed.model.item_writes()), (4, 4));
}

#[test]
fn unprocessed_entries_succeed_when_repeated() {
    let mut bed = Bed::new(Settings { unprocessed: 0.8, ..Settings::default() }, 1);
    let put = |id: u32| json!({ "PutRequest": { "Item": { "p": { "S": "a" }, "s": { "S": id.to_string() } } } });
    let mut left = json!((0..25).map(put).collect::<Vec<_>>());
    let mut rounds = 0;
    while !left.is_null() {
        rounds += 1;
        let response = bed.call("BatchWriteItem", &json!({ "RequestItems": { "t": left } }));
        left = response["UnprocessedItems"]["t"].clone();
    }
    assert!(rounds > 2);
    assert_eq!(bed.model.items("t").count(), 25);
    let key = |id: u32| json!({ "p": { "S": "a" }, "s": { "S": id.to_string() } });
    let mut left = json!((0..30).map(key).collect::<Vec<_>>());
    let mut found = 0;
    while !left.is_null() {
        let response = bed.call("BatchGetItem", &json!({ "RequestItems": { "t": { "Keys": left } } }));
        found += response["Responses"]["t"].as_array().unwrap().len();
        left = response["UnprocessedKeys"]["t"]["Keys"].clone();
    }
    assert_eq!(found, 25);
}

#[test]
fn equal_seeds_give_equal_histories() {
    let run = || {
        let mut bed = Bed::new(Settings { unprocessed: 0.5, ..lagging(100, 100) }, 9);
        let mut seen = Vec::new();
        for n in 0..100 {
            bed.put(&(n % 7).to_string(), n);
            bed.pass(7);
            seen.push((bed.indexed(), bed.get("3", false)));
        }
        seen
    };
    assert_eq!(run(), run());
}

#[test]
fn unsupported_requests_are_refused() {
    let mut bed = Bed::new(Settings::default(), 0);
    let key = json!({ "p": { "S": "a" }, "s": { "S": "1" } });
    let request = json!({ "TableName": "t", "Key": key, "AttributesToGet": ["n"] });
    assert!(bed.call("GetItem", &request)["message"].as_str().unwrap().contains("does not support"));
    assert!(bed.call("TransactWriteItems", &json!({}))["__type"].as_str().unwrap().contains("UnknownOperation"));
}

/// Prints the time of a request of 2 KB. Run with `--release -- --ignored --nocapture`.
#[test]
#[ignore = "measures time"]
#[expect(clippy::print_stdout, reason = "the measurement is the result")]
fn time_of_requests() {
    const CALLS: u32 = 20_000;
    const ITEMS: u32 = 500;
    let mut bed = Bed::new(Settings::default(), 0);
    let body = |id: u32| {
        let mut item = json!({ "p": { "S": "a" }, "s": { "S": id.to_string() }, "g": { "S": "x" }, "n": { "N": "1" } });
        for n in 0..28 {
            item[format!("text{n}")] = json!({ "S": "y".repeat(50) });
        }
        for n in 0..5 {
            item[format!("map{n}")] = json!({ "M": { "x": { "S": "y".repeat(70) }, "z": { "N": "123456" } } });
        }
        let parsed: Item = serde_json::from_value(item.clone()).unwrap();
        assert!(value::size(&parsed) > 1700);
        Bytes::from(json!({ "TableName": "t", "Item": item }).to_string())
    };
    let mut time = |operation: &str, bodies: Vec<Bytes>| {
        let requests = bodies
            .into_iter()
            .map(|body| Request::post("/").header("x-amz-target", format!("{TARGET}{operation}")).body(body).unwrap());
        let requests: Vec<_> = requests.collect();
        let begun = std::time::Instant::now();
        for request in &requests {
            let mut moment = Moment { now: Timestamp::UNIX_EPOCH, random: &mut bed.random };
            assert!(bed.model.call(request, &mut moment).status().is_success());
        }
        println!("{operation}: {:?}", begun.elapsed() / CALLS);
    };
    time("PutItem", (0..CALLS).map(|call| body(call % ITEMS)).collect());
    let key = |id: u32| json!({ "TableName": "t", "Key": { "p": { "S": "a" }, "s": { "S": id.to_string() } } });
    time("GetItem", (0..CALLS).map(|call| Bytes::from(key(call % ITEMS).to_string())).collect());
}
