//! Conditions of writes.

use serde_json::{Value as Json, json};

use super::{session::Session, tables::RECORDS};

fn item(id: &str, revision: u32, write_id: &str) -> Json {
    json!({
        "studio": { "S": "conditions" }, "id": { "S": id }, "revision": { "N": revision.to_string() },
        "write_id": { "S": write_id },
    })
}

async fn put_if(session: &mut Session, item: Json, condition: &str, seen: Option<&str>) {
    let mut put = json!({
        "TableName": RECORDS, "Item": item, "ConditionExpression": condition,
        "ReturnValuesOnConditionCheckFailure": "ALL_OLD",
    });
    if let Some(seen) = seen {
        put["ExpressionAttributeValues"] = json!({ ":seen": { "N": seen } });
    }
    session.put(put).await;
}

pub async fn run(session: &mut Session) {
    lost_replies(session).await;
    deletions(session).await;
    operators(session).await;
    refused(session).await;
}

async fn lost_replies(session: &mut Session) {
    session.case("create once");
    for write_id in ["a", "a", "b"] {
        put_if(session, item("create", 1, write_id), "attribute_not_exists(id)", None).await;
    }
    session.case("update by revision");
    put_if(session, item("create", 2, "c"), "revision = :seen", Some("1")).await;
    put_if(session, item("create", 2, "c"), "revision = :seen", Some("1")).await;
    put_if(session, item("create", 3, "d"), "revision = :seen", Some("2.0")).await;
    session.case("update of a missing item");
    put_if(session, item("absent", 2, "c"), "revision = :seen", Some("1")).await;
    session.case("failure without the item");
    let put = json!({
        "TableName": RECORDS, "Item": item("create", 9, "x"), "ConditionExpression": "attribute_not_exists(id)",
    });
    session.put(put).await;
}

async fn deletions(session: &mut Session) {
    session.case("conditional deletion");
    session.put(json!({ "TableName": RECORDS, "Item": item("delete", 1, "a") })).await;
    for seen in ["2", "1", "1"] {
        let delete = json!({
            "TableName": RECORDS, "Key": { "studio": { "S": "conditions" }, "id": { "S": "delete" } },
            "ConditionExpression": "revision = :seen", "ExpressionAttributeValues": { ":seen": { "N": seen } },
        });
        session.delete(delete).await;
    }
}

/// Values that conditions use. Each request has only those that its condition names.
fn values() -> Json {
    json!({
        ":one": { "N": "1" }, ":two": { "N": "2" }, ":three": { "N": "3" }, ":a": { "S": "a" }, ":abc": { "S": "abc" },
        ":b": { "S": "b" }, ":true": { "BOOL": true }, ":null": { "NULL": true }, ":list": { "L": [{ "N": "1" }] },
        ":map": { "M": { "x": { "N": "1" } } }, ":bytes": { "B": "AAE=" }, ":set": { "SS": ["b", "a"] },
        ":S": { "S": "S" }, ":N": { "S": "N" }, ":Q": { "S": "Q" }, ":numbers": { "NS": ["1", "2"] },
    })
}

async fn check(session: &mut Session, condition: &str) {
    session.case(&format!("condition {condition}"));
    let target = json!({
        "studio": { "S": "conditions" }, "id": { "S": "target" }, "s": { "S": "abc" }, "n": { "N": "2" },
        "t": { "BOOL": true }, "z": { "NULL": true }, "l": { "L": [{ "N": "1" }, { "S": "b" }, { "M": { "k": { "N": "3" } } }] },
        "m": { "M": { "x": { "N": "1" }, "y": { "M": { "deep": { "S": "a" } } } } }, "ss": { "SS": ["a", "b"] },
        "ns": { "NS": ["1", "2"] }, "bin": { "B": "AAEC" },
    });
    let words = || condition.split(|c: char| !(c.is_ascii_alphanumeric() || c == ':' || c == '#'));
    let all = values();
    let used = all.as_object().unwrap().iter().filter(|(key, _)| words().any(|word| word == *key));
    let used: serde_json::Map<_, _> = used.map(|(key, value)| (key.clone(), value.clone())).collect();
    let mut put = json!({ "TableName": RECORDS, "Item": target, "ConditionExpression": condition });
    if !used.is_empty() {
        put["ExpressionAttributeValues"] = Json::Object(used);
    }
    if words().any(|word| word == "#n") {
        put["ExpressionAttributeNames"] = json!({ "#n": "n" });
    }
    session.put(put).await;
}

async fn operators(session: &mut Session) {
    check(session, "attribute_not_exists(studio)").await;
    for condition in [
        "n = :two",
        "n <> :two",
        "n < :three",
        "n <= :one",
        "n > :one",
        "n >= :three",
        ":one < n",
        "#n = :two",
        "n BETWEEN :one AND :three",
        "n BETWEEN :three AND :three",
        "n IN (:one, :two)",
        "n IN (:one)",
        "s = :abc",
        "s > :a",
        "s < :b",
        "t = :true",
        "t <> :true",
        "z = :null",
        "l = :list",
        "m = :map",
        "m.x = :one",
        "m.y.deep = :a",
        "l[0] = :one",
        "l[1] = :b",
        "l[2].k = :three",
        "l[9] = :one",
        "ss = :set",
        "ns = :numbers",
        "n = :a",
        "n <> :a",
        "n < :a",
        "q = :a",
        "q <> :a",
        "q < :a",
        "NOT q = :a",
        "s = n",
        "s <> n",
        "n < m.x",
        "m.x < n",
        "q <> r",
    ] {
        check(session, condition).await;
    }
    for condition in [
        "attribute_exists(n)",
        "attribute_exists(q)",
        "attribute_not_exists(q)",
        "attribute_exists(m.y.deep)",
        "attribute_exists(l[2].k)",
        "attribute_exists(l[3])",
        "attribute_exists(n.x)",
        "attribute_type(s, :S)",
        "attribute_type(n, :S)",
        "attribute_type(n, :N)",
        "begins_with(s, :a)",
        "begins_with(s, :b)",
        "begins_with(n, :a)",
        "begins_with(bin, :bytes)",
        "contains(s, :b)",
        "contains(ss, :a)",
        "contains(ns, :one)",
        "contains(ns, :three)",
        "contains(l, :one)",
        "contains(l, :two)",
        "contains(bin, :bytes)",
        "contains(n, :one)",
        "contains(m, :a)",
        "size(s) = :three",
        "size(l) = :three",
        "size(ss) = :two",
        "size(bin) > :two",
        "size(n) = :one",
        "size(q) = :one",
        "size(m.y) = :one",
        ":one < size(s)",
        "begins_with(q, :a)",
    ] {
        check(session, condition).await;
    }
    for condition in [
        "n = :one OR n = :two AND s = :abc",
        "(n = :one OR n = :two) AND s = :a",
        "NOT n = :one AND s = :abc",
        "NOT (n = :one OR s = :abc)",
        "n = :two and (s = :abc or t = :true)",
        "NOT NOT n = :two",
        "n BETWEEN :one AND :two AND s = :abc",
        "attribute_exists(n)and n=:two",
    ] {
        check(session, condition).await;
    }
}

async fn refused(session: &mut Session) {
    for condition in [
        "",
        "n",
        "n =",
        "n = :undefined",
        "#undefined = :one",
        "n = :one AND",
        "(n = :one",
        "n = :one)",
        "((n = :one))",
        "n == :one",
        "n = 1",
        "attribute_exists(:one)",
        "attribute_exists(n, s)",
        "attribute_type(n, :Q)",
        "attribute_type(n, :one)",
        "begins_with(s)",
        "begins_with(s, :one)",
        "n = n",
        "contains(s, s)",
        "n < :true",
        "n < :null",
        "n < :list",
        "n > :map",
        "n BETWEEN :two AND :one",
        "n BETWEEN :one AND :a",
        "unknown(n)",
        "size(n)",
        "n IN ()",
        "n ! :one",
        "n = :one n = :two",
        "NOT",
        "m..x = :one",
        "l[a] = :one",
        "n BETWEEN :one",
        "AND n = :one",
    ] {
        check(session, condition).await;
    }
    session.case("value without use");
    let mut put = json!({
        "TableName": RECORDS, "Item": item("unused", 1, "a"),
        "ExpressionAttributeValues": { ":x": { "N": "1" }, ":y": { "N": "1" } },
    });
    session.put(put.clone()).await;
    put["ConditionExpression"] = json!("attribute_not_exists(id)");
    session.put(put.clone()).await;
    put["ConditionExpression"] = json!("revision = :x");
    session.put(put.clone()).await;
    session.case("invalid placeholder");
    put["ExpressionAttributeValues"] = json!({ "x": { "N": "1" } });
    session.put(put.clone()).await;
    put["ExpressionAttributeValues"] = json!({});
    session.put(put).await;
}
