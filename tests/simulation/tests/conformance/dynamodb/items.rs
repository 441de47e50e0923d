//! Items: keys, values, numbers, sizes, projections.

use serde_json::{Value as Json, json};

use super::{
    session::Session,
    tables::{BLOBS, EVENTS, RECORDS},
};

fn key(studio: &str, id: &str) -> Json {
    json!({ "studio": { "S": studio }, "id": { "S": id } })
}

/// Puts an item with these attributes besides its key, and reads it.
async fn put_and_get(session: &mut Session, id: &str, rest: Json) {
    let mut item = key("items", id);
    item.as_object_mut().unwrap().extend(rest.as_object().unwrap().clone());
    session.put(json!({ "TableName": RECORDS, "Item": item })).await;
    session.get(json!({ "TableName": RECORDS, "Key": key("items", id), "ConsistentRead": true })).await;
}

async fn put_number(session: &mut Session, number: &str) {
    session.case(&format!("number {number}"));
    put_and_get(session, "number", json!({ "value": { "N": number } })).await;
}

pub async fn run(session: &mut Session) {
    values(session).await;
    numbers(session).await;
    keys(session).await;
    projections(session).await;
    sizes(session).await;
}

async fn values(session: &mut Session) {
    session.case("all types are read back");
    put_and_get(
        session,
        "types",
        json!({
            "s": { "S": "ä\u{1f600}" }, "empty": { "S": "" }, "n": { "N": "1" }, "b": { "B": "AAH/" },
            "t": { "BOOL": false }, "z": { "NULL": true }, "l": { "L": [{ "S": "a" }, { "L": [] }, { "M": {} }] },
            "m": { "M": { "x": { "M": { "y": { "N": "2.50" } } } } }, "ss": { "SS": ["b", "a"] },
            "ns": { "NS": ["10", "2.0"] }, "bs": { "BS": ["AQ==", "AA=="] },
        }),
    )
    .await;
    session.case("missing item");
    session.get(json!({ "TableName": RECORDS, "Key": key("items", "absent") })).await;
    session.delete(json!({ "TableName": RECORDS, "Key": key("items", "absent") })).await;
    session.case("old item is returned");
    for value in ["1", "2"] {
        let mut item = key("items", "old");
        item["v"] = json!({ "N": value });
        session.put(json!({ "TableName": RECORDS, "Item": item, "ReturnValues": "ALL_OLD" })).await;
    }
    for _ in 0..2 {
        let delete = json!({ "TableName": RECORDS, "Key": key("items", "old"), "ReturnValues": "ALL_OLD" });
        session.delete(delete).await;
    }
    session.case("empty set");
    put_and_get(session, "empty-set", json!({ "ss": { "SS": [] } })).await;
    put_and_get(session, "empty-set", json!({ "ns": { "NS": [] } })).await;
    session.case("set with duplicates");
    put_and_get(session, "duplicates", json!({ "ss": { "SS": ["a", "a"] } })).await;
    put_and_get(session, "duplicates", json!({ "ns": { "NS": ["1", "1.0"] } })).await;
    session.case("null that is false");
    put_and_get(session, "null", json!({ "z": { "NULL": false } })).await;
    session.case("unknown table");
    session.get(json!({ "TableName": "unknown", "Key": key("a", "b") })).await;
    session.put(json!({ "TableName": "unknown", "Item": key("a", "b") })).await;
}

async fn numbers(session: &mut Session) {
    for number in ["007", "-0", "1.500", "+3", "1e3", "12e-2", "-0.0010", ".5", "5.", "1E+20", "1e-20"] {
        put_number(session, number).await;
    }
    for number in [
        "99999999999999999999999999999999999999",
        "999999999999999999999999999999999999999",
        "9.9999999999999999999999999999999999999e125",
        "1e126",
        "1e-130",
        "1e-131",
        "-1e126",
        "0e126",
    ] {
        put_number(session, number).await;
    }
    for number in ["", "abc", "1e", "1.2.3", " 1", "--1", "NaN", "Infinity", "0x10"] {
        put_number(session, number).await;
    }
}

async fn keys(session: &mut Session) {
    session.case("key attribute is missing");
    session.put(json!({ "TableName": RECORDS, "Item": { "studio": { "S": "items" } } })).await;
    session.put(json!({ "TableName": RECORDS, "Item": { "id": { "S": "items" } } })).await;
    session.get(json!({ "TableName": RECORDS, "Key": { "studio": { "S": "items" } } })).await;
    session.case("key has a surplus attribute");
    let surplus = json!({ "studio": { "S": "a" }, "id": { "S": "b" }, "c": { "S": "d" } });
    session.get(json!({ "TableName": RECORDS, "Key": surplus })).await;
    session.delete(json!({ "TableName": RECORDS, "Key": surplus })).await;
    session.case("key has another type");
    let typed = json!({ "studio": { "S": "a" }, "id": { "N": "1" } });
    session.put(json!({ "TableName": RECORDS, "Item": typed })).await;
    session.get(json!({ "TableName": RECORDS, "Key": typed })).await;
    session.case("key is empty");
    session.put(json!({ "TableName": RECORDS, "Item": key("a", "") })).await;
    session.put(json!({ "TableName": RECORDS, "Item": key("", "a") })).await;
    session.get(json!({ "TableName": RECORDS, "Key": key("a", "") })).await;
    session.delete(json!({ "TableName": RECORDS, "Key": key("", "a") })).await;
    session.case("key is too long");
    session.put(json!({ "TableName": RECORDS, "Item": key("a", &"x".repeat(1025)) })).await;
    session.put(json!({ "TableName": RECORDS, "Item": key(&"x".repeat(2049), "a") })).await;
    session.put(json!({ "TableName": RECORDS, "Item": key(&"x".repeat(2048), &"x".repeat(1024)) })).await;
    session.case("number as key");
    for (number, again) in [("1.0", "1"), ("1e2", "100"), ("-0", "0")] {
        let key = |number: &str| json!({ "channel": { "S": "items" }, "at_time": { "N": number } });
        session.put(json!({ "TableName": EVENTS, "Item": key(number) })).await;
        session.get(json!({ "TableName": EVENTS, "Key": key(again) })).await;
    }
    session.case("bytes as key");
    let key = json!({ "hash_bytes": { "B": "AAEC" } });
    session.put(json!({ "TableName": BLOBS, "Item": key })).await;
    session.get(json!({ "TableName": BLOBS, "Key": key })).await;
    session.put(json!({ "TableName": BLOBS, "Item": { "hash_bytes": { "B": "" } } })).await;
    session.case("index key has another type");
    put_and_get(session, "index-type", json!({ "due_shard": { "S": "0" }, "due_at": { "S": "soon" } })).await;
    session.case("index key is empty");
    put_and_get(session, "index-empty", json!({ "due_shard": { "S": "" }, "due_at": { "N": "1" } })).await;
}

async fn projections(session: &mut Session) {
    session.case("projected item");
    let rest = json!({
        "a": { "M": { "b": { "L": [{ "N": "0" }, { "N": "1" }, { "M": { "c": { "S": "x" }, "d": { "S": "y" } } }] } } },
        "e": { "S": "z" }, "dotted.name": { "S": "dot" },
    });
    put_and_get(session, "projection", rest).await;
    for projection in [
        "e",
        "a.b",
        "a.b[1]",
        "a.b[2].c, a.b[0]",
        "a.x",
        "a.b[9]",
        "e.f",
        "e, id",
        "#dot",
        "e, e",
        "a, a.b",
        "a.b[0], a.c",
        "a[0], a.b",
        "",
        "e,",
        "e f",
        "#undefined",
        ":value",
    ] {
        session.case(&format!("projection {projection}"));
        let mut get = json!({
            "TableName": RECORDS, "Key": key("items", "projection"), "ProjectionExpression": projection,
        });
        if projection == "#dot" {
            get["ExpressionAttributeNames"] = json!({ "#dot": "dotted.name" });
        }
        session.get(get).await;
    }
    session.case("name without use");
    let names = json!({ "#unused": "x" });
    let get = json!({ "TableName": RECORDS, "Key": key("items", "projection"), "ExpressionAttributeNames": names });
    session.get(get.clone()).await;
    let mut with_projection = get;
    with_projection["ProjectionExpression"] = json!("e");
    session.get(with_projection).await;
}

async fn sizes(session: &mut Session) {
    session.case("item size");
    // The names and values besides: studio + items, id + size, v.
    let besides = "studioitemsidsizev".len();
    for length in [400 * 1024 - besides, 400 * 1024 - besides + 1] {
        let mut item = key("items", "size");
        item["v"] = json!({ "S": "x".repeat(length) });
        session.put(json!({ "TableName": RECORDS, "Item": item })).await;
    }
    session.delete(json!({ "TableName": RECORDS, "Key": key("items", "size") })).await;
    session.case("nesting");
    for depth in [30, 31, 32, 33] {
        let mut value = json!({ "S": "x" });
        for _ in 0..depth {
            value = json!({ "L": [value] });
        }
        put_and_get(session, "nesting", json!({ "v": value })).await;
    }
}
