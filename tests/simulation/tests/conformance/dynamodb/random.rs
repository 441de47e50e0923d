//! Random operations.

use serde_json::{Value as Json, json};

use super::{session::Session, tables::RECORDS};

/// Number of random histories.
pub const SEEDS: u64 = 3;
/// Operations of one history.
const OPERATIONS: usize = 300;

struct Generator {
    random: fastrand::Rng,
    seed: u64,
}

/// Runs a history.
pub async fn run(session: &mut Session, seed: u64) {
    session.case(&format!("random {seed}"));
    let mut generator = Generator { random: fastrand::Rng::with_seed(seed), seed };
    for _ in 0..OPERATIONS {
        match generator.random.u8(..12) {
            0..4 => session.put(generator.put()).await,
            4 => session.delete(generator.delete()).await,
            5 => session.get(generator.get()).await,
            6 | 7 => session.query_all(generator.query()).await,
            8 | 9 => session.query_all(generator.index_query()).await,
            10 => session.batch_write(generator.batch_write()).await,
            _ => session.batch_get(generator.batch_get()).await,
        }
    }
    let scan = json!({
        "TableName": RECORDS, "FilterExpression": "begins_with(studio, :r)",
        "ExpressionAttributeValues": { ":r": { "S": format!("random{seed}/") } },
    });
    session.scan_all(scan).await;
}

impl Generator {
    fn pick<'a>(&mut self, choices: &[&'a str]) -> &'a str {
        choices[self.random.usize(..choices.len())]
    }

    fn studio(&mut self) -> String {
        format!("random{}/{}", self.seed, self.random.u8(..3))
    }

    fn key(&mut self) -> Json {
        let studio = self.studio();
        json!({ "studio": { "S": studio }, "id": { "S": format!("{}", self.random.u8(..8)) } })
    }

    fn shard(&mut self) -> String {
        format!("random{}/{}", self.seed, self.random.u8(..2))
    }

    fn item(&mut self) -> Json {
        let mut item = self.key();
        item["n"] = json!({ "N": self.pick(&["1", "2.50", "-3", "1e2", "0.001"]) });
        item["s"] = json!({ "S": self.pick(&["", "a", "ab", "b", "\u{e4}"]) });
        if self.random.bool() {
            item["due_shard"] = json!({ "S": self.shard() });
            item["due_at"] = json!({ "N": self.random.u8(..5).to_string() });
        }
        if self.random.bool() {
            item["group_name"] = json!({ "S": self.shard() });
        }
        if self.random.bool() {
            item["display"] = json!({ "S": self.pick(&["x", "xy", "z"]) });
        }
        if self.random.bool() {
            item["m"] = json!({ "M": { "l": { "L": [{ "N": self.pick(&["1", "2"]) }, { "S": "a" }] } } });
        }
        if self.random.bool() {
            item["ss"] = json!({ "SS": ["a", self.pick(&["b", "c"])] });
        }
        item
    }

    /// Adds a random condition as this parameter. Its value is `:v`.
    fn condition(&mut self, request: &mut Json, parameter: &str) {
        let (condition, value) = match self.random.u8(..12) {
            0 => ("attribute_not_exists(s)", None),
            1 => ("attribute_exists(m.l[1])", None),
            2 => ("n < :v", Some(json!({ "N": self.pick(&["1.0", "2", "100"]) }))),
            3 => ("n = :v OR attribute_not_exists(ss)", Some(json!({ "N": self.pick(&["2.5", "100"]) }))),
            4 => ("begins_with(s, :v)", Some(json!({ "S": "a" }))),
            5 => ("contains(ss, :v)", Some(json!({ "S": "b" }))),
            6 => ("m.l[0] = :v", Some(json!({ "N": "1" }))),
            7 => ("NOT (m.l[0] <> :v AND s > m.l[1])", Some(json!({ "N": "1" }))),
            8 => ("size(s) >= :v", Some(json!({ "N": "1" }))),
            9 => ("contains(m.l, :v)", Some(json!({ "N": "2.0" }))),
            10 => ("s IN (:v, m.l[1])", Some(json!({ "S": "b" }))),
            _ => return,
        };
        request[parameter] = json!(condition);
        if let Some(value) = value {
            if request["ExpressionAttributeValues"].is_null() {
                request["ExpressionAttributeValues"] = json!({});
            }
            request["ExpressionAttributeValues"][":v"] = value;
        }
    }

    fn put(&mut self) -> Json {
        let mut put = json!({ "TableName": RECORDS, "Item": self.item() });
        if self.random.bool() {
            self.condition(&mut put, "ConditionExpression");
        }
        put["ReturnValues"] = json!(self.pick(&["NONE", "ALL_OLD"]));
        put["ReturnValuesOnConditionCheckFailure"] = json!(self.pick(&["NONE", "ALL_OLD"]));
        put
    }

    fn delete(&mut self) -> Json {
        let mut delete = json!({ "TableName": RECORDS, "Key": self.key(), "ReturnValues": "ALL_OLD" });
        self.condition(&mut delete, "ConditionExpression");
        delete
    }

    fn get(&mut self) -> Json {
        let mut get = json!({ "TableName": RECORDS, "Key": self.key(), "ConsistentRead": self.random.bool() });
        if self.random.bool() {
            get["ProjectionExpression"] = json!(self.pick(&["s, n", "m.l[1], ss", "m.l[0], m.l[1]", "due_at, m.q"]));
        }
        get
    }

    /// Adds a limit, a direction, a filter and a projection.
    fn page(&mut self, query: &mut Json) {
        if self.random.bool() {
            query["Limit"] = json!(self.random.u8(1..6));
        }
        query["ScanIndexForward"] = json!(self.random.bool());
        if self.random.bool() {
            self.condition(query, "FilterExpression");
        }
        match self.random.u8(..4) {
            0 => query["Select"] = json!("COUNT"),
            1 => query["ProjectionExpression"] = json!("id, s"),
            _ => {}
        }
    }

    fn query(&mut self) -> Json {
        let sort = self.pick(&[
            "",
            "id = :a",
            "id < :a",
            "id <= :a",
            "id > :a",
            "id >= :a",
            "id BETWEEN :a AND :b",
            "begins_with(id, :a)",
        ]);
        let condition = if sort.is_empty() { "studio = :s".to_owned() } else { format!("studio = :s AND {sort}") };
        let mut query = json!({
            "TableName": RECORDS, "KeyConditionExpression": condition, "ConsistentRead": self.random.bool(),
            "ExpressionAttributeValues": { ":s": { "S": self.studio() } },
        });
        let low = self.random.u8(..8);
        if sort.contains(":a") {
            query["ExpressionAttributeValues"][":a"] = json!({ "S": low.to_string() });
        }
        if sort.contains(":b") {
            query["ExpressionAttributeValues"][":b"] = json!({ "S": self.random.u8(low..8).to_string() });
        }
        self.page(&mut query);
        query
    }

    fn index_query(&mut self) -> Json {
        let shard = self.shard();
        if self.random.bool() {
            let mut query = json!({
                "TableName": RECORDS, "IndexName": "due_at",
                "KeyConditionExpression": "due_shard = :s AND due_at <= :t",
                "ExpressionAttributeValues": { ":s": { "S": shard }, ":t": { "N": self.random.u8(..6).to_string() } },
                "ScanIndexForward": self.random.bool(),
            });
            if self.random.bool() {
                query["Limit"] = json!(self.random.u8(1..4));
            }
            return query;
        }
        let mut query = json!({
            "TableName": RECORDS, "IndexName": "by_name", "KeyConditionExpression": "group_name = :s",
            "ExpressionAttributeValues": { ":s": { "S": shard } },
        });
        self.page(&mut query);
        query
    }

    /// Returns up to eight distinct keys.
    fn keys(&mut self) -> Vec<Json> {
        let mut keys: Vec<Json> = (0..self.random.u8(1..9)).map(|_| self.key()).collect();
        keys.sort_by_key(Json::to_string);
        keys.dedup();
        keys
    }

    fn batch_write(&mut self) -> Json {
        let keys = self.keys();
        let mut writes = Vec::new();
        for key in keys {
            if self.random.bool() {
                writes.push(json!({ "DeleteRequest": { "Key": key } }));
            } else {
                let mut item = self.item();
                item.as_object_mut().unwrap().extend(key.as_object().unwrap().clone());
                writes.push(json!({ "PutRequest": { "Item": item } }));
            }
        }
        json!({ "RequestItems": { RECORDS: writes } })
    }

    fn batch_get(&mut self) -> Json {
        json!({ "RequestItems": { RECORDS: { "Keys": self.keys(), "ConsistentRead": self.random.bool() } } })
    }
}
