//! Queries and scans.

use serde_json::{Value as Json, json};

use super::{
    session::Session,
    tables::{BLOBS, EVENTS, RECORDS},
};

pub async fn run(session: &mut Session) {
    fill(session).await;
    conditions(session).await;
    pages(session).await;
    filters(session).await;
    indexes(session).await;
    refused(session).await;
    scans(session).await;
    large_pages(session).await;
}

async fn fill(session: &mut Session) {
    session.case("fill");
    for n in 0..7 {
        let mut item = json!({
            "studio": { "S": "queries" }, "id": { "S": format!("{n:03}") }, "n": { "N": n.to_string() },
            "parity": { "S": if n % 2 == 0 { "even" } else { "odd" } },
        });
        if n % 3 == 0 {
            item["due_shard"] = json!({ "S": "q" });
            item["due_at"] = json!({ "N": (100 - n).to_string() });
        }
        if n >= 4 {
            item["failed_shard"] = json!({ "S": "q" });
            item["failed_at"] = json!({ "N": "5" });
            item["error"] = json!({ "M": { "code": { "S": format!("e{n}") } } });
        }
        item["list_status"] = json!({ "S": format!("queries/{}", if n < 5 { "ready" } else { "failed" }) });
        item["group_name"] = json!({ "S": "q" });
        item["display"] = json!({ "S": format!("d{}", 9 - n) });
        session.put(json!({ "TableName": RECORDS, "Item": item })).await;
        let event = json!({ "channel": { "S": "queries" }, "at_time": { "N": format!("{}", n * 5 - 10) } });
        session.put(json!({ "TableName": EVENTS, "Item": event })).await;
    }
}

fn query(condition: &str, values: Json) -> Json {
    json!({ "TableName": RECORDS, "KeyConditionExpression": condition, "ExpressionAttributeValues": values })
}

fn all() -> Json {
    query("studio = :s", json!({ ":s": { "S": "queries" } }))
}

fn with(mut request: Json, additions: &Json) -> Json {
    request.as_object_mut().unwrap().extend(additions.as_object().unwrap().clone());
    request
}

async fn conditions(session: &mut Session) {
    session.case("sort key conditions");
    for (condition, sort) in [
        ("id = :a", ["003", ""]),
        ("id < :a", ["003", ""]),
        ("id <= :a", ["003", ""]),
        ("id > :a", ["003", ""]),
        ("id >= :a", ["003", ""]),
        ("id BETWEEN :a AND :b", ["002", "004"]),
        ("begins_with(id, :a)", ["00", ""]),
        ("begins_with(id, :a)", ["01", ""]),
        (":a < id", ["003", ""]),
    ] {
        let mut values = json!({ ":s": { "S": "queries" }, ":a": { "S": sort[0] } });
        if !sort[1].is_empty() {
            values[":b"] = json!({ "S": sort[1] });
        }
        for forward in [true, false] {
            let request = query(&format!("studio = :s AND {condition}"), values.clone());
            session.query(&with(request, &json!({ "ScanIndexForward": forward, "ConsistentRead": true }))).await;
        }
    }
    session.case("number order");
    for condition in ["at_time > :n", "at_time <= :n", "at_time BETWEEN :n AND :m"] {
        let mut values = json!({ ":s": { "S": "queries" }, ":n": { "N": "-5.0" } });
        if condition.contains(":m") {
            values[":m"] = json!({ "N": "1e1" });
        }
        let request = query(&format!("channel = :s AND {condition}"), values);
        session.query(&with(request, &json!({ "TableName": EVENTS }))).await;
    }
    session.case("condition forms");
    session.query(&query("id > :a AND studio = :s", json!({ ":s": { "S": "queries" }, ":a": { "S": "004" } }))).await;
    session
        .query(&query("(studio = :s) AND (id > :a)", json!({ ":s": { "S": "queries" }, ":a": { "S": "004" } })))
        .await;
    session.query(&query(":s = studio", json!({ ":s": { "S": "queries" } }))).await;
    session.query(&query("studio = :s", json!({ ":s": { "S": "nobody" } }))).await;
}

async fn pages(session: &mut Session) {
    session.case("pages");
    for limit in [1, 3, 6, 7, 8] {
        session.query_all(with(all(), &json!({ "Limit": limit }))).await;
        session.query_all(with(all(), &json!({ "Limit": limit, "ScanIndexForward": false }))).await;
    }
    session.case("start key of a missing item");
    let start = json!({ "studio": { "S": "queries" }, "id": { "S": "0035" } });
    session.query(&with(all(), &json!({ "ExclusiveStartKey": start }))).await;
    session.query(&with(all(), &json!({ "ExclusiveStartKey": start, "ScanIndexForward": false }))).await;
    session.case("invalid start keys");
    for start in [
        json!({ "studio": { "S": "queries" } }),
        json!({ "studio": { "S": "other" }, "id": { "S": "001" } }),
        json!({ "studio": { "S": "queries" }, "id": { "N": "1" } }),
        json!({ "studio": { "S": "queries" }, "id": { "S": "001" }, "n": { "N": "1" } }),
        json!({ "studio": { "S": "queries" }, "n": { "S": "001" } }),
    ] {
        session.query(&with(all(), &json!({ "ExclusiveStartKey": start }))).await;
    }
    let outside = query("studio = :s AND id > :a", json!({ ":s": { "S": "queries" }, ":a": { "S": "004" } }));
    let start = json!({ "studio": { "S": "queries" }, "id": { "S": "001" } });
    session.query(&with(outside, &json!({ "ExclusiveStartKey": start }))).await;
    session.case("invalid limit");
    session.query(&with(all(), &json!({ "Limit": 0 }))).await;
}

async fn filters(session: &mut Session) {
    session.case("filter after the limit");
    let filter = |filter: &str, values: Json| {
        let mut request = with(all(), &json!({ "FilterExpression": filter }));
        request["ExpressionAttributeValues"].as_object_mut().unwrap().extend(values.as_object().unwrap().clone());
        request
    };
    let odd = || filter("parity = :p", json!({ ":p": { "S": "odd" } }));
    session.query_all(odd()).await;
    session.query_all(with(odd(), &json!({ "Limit": 2 }))).await;
    session.query_all(with(odd(), &json!({ "Limit": 2, "Select": "COUNT" }))).await;
    session.query_all(with(odd(), &json!({ "ProjectionExpression": "id, n" }))).await;
    session.case("count");
    session.query(&with(all(), &json!({ "Select": "COUNT" }))).await;
    session.case("filter on a key");
    session.query(&filter("id > :x", json!({ ":x": { "S": "001" } }))).await;
    session.case("select");
    session.query(&with(all(), &json!({ "Select": "SPECIFIC_ATTRIBUTES" }))).await;
    session.query(&with(all(), &json!({ "Select": "SPECIFIC_ATTRIBUTES", "ProjectionExpression": "id" }))).await;
    session.query(&with(all(), &json!({ "Select": "COUNT", "ProjectionExpression": "id" }))).await;
    session.query(&with(all(), &json!({ "Select": "ALL_ATTRIBUTES" }))).await;
    session.query(&with(all(), &json!({ "Select": "ALL_PROJECTED_ATTRIBUTES" }))).await;
}

async fn indexes(session: &mut Session) {
    let due = || {
        let values = json!({ ":q": { "S": "q" }, ":t": { "N": "100" } });
        with(query("due_shard = :q AND due_at <= :t", values), &json!({ "IndexName": "due_at" }))
    };
    session.case("sparse index");
    session.query_all(due()).await;
    session.query_all(with(due(), &json!({ "Limit": 1 }))).await;
    session.query_all(with(due(), &json!({ "Limit": 3, "ScanIndexForward": false }))).await;
    session.case("index with included attributes and equal sort keys");
    let failed = || {
        let values = json!({ ":q": { "S": "q" }, ":t": { "N": "5" } });
        with(query("failed_shard = :q AND failed_at <= :t", values), &json!({ "IndexName": "failed_at" }))
    };
    session.query_all(with(failed(), &json!({ "Limit": 1 }))).await;
    session.query_all(with(failed(), &json!({ "Limit": 1, "ScanIndexForward": false }))).await;
    session.query_all(with(failed(), &json!({ "Select": "COUNT" }))).await;
    session.case("index that shares a key with the table");
    let ready = || {
        let values = json!({ ":l": { "S": "queries/ready" } });
        with(
            query("#index = :l", values),
            &json!({
                "IndexName": "list_status", "ExpressionAttributeNames": { "#index": "list_status" },
            }),
        )
    };
    session.query_all(with(ready(), &json!({ "Limit": 2, "ScanIndexForward": false }))).await;
    session.case("index of all attributes");
    let named = || {
        with(
            query("group_name = :q AND begins_with(display, :d)", json!({ ":q": { "S": "q" }, ":d": { "S": "d" } })),
            &json!({
                "IndexName": "by_name",
            }),
        )
    };
    session.query_all(with(named(), &json!({ "Limit": 4 }))).await;
    session.query_all(with(named(), &json!({ "ProjectionExpression": "id, n" }))).await;
    session.query_all(with(named(), &json!({ "Select": "ALL_ATTRIBUTES", "Limit": 1 }))).await;
    session.case("changed and deleted index entries");
    let key = |id: &str| json!({ "studio": { "S": "queries" }, "id": { "S": id } });
    let changed = with(key("000"), &json!({ "due_shard": { "S": "q" }, "due_at": { "N": "1" } }));
    session.put(json!({ "TableName": RECORDS, "Item": changed })).await;
    session.query(&due()).await;
    session.put(json!({ "TableName": RECORDS, "Item": with(key("003"), &json!({ "due_at": { "N": "1" } })) })).await;
    session.delete(json!({ "TableName": RECORDS, "Key": key("006") })).await;
    session.query(&due()).await;
    session.case("refused on an index");
    session.query(&with(due(), &json!({ "ConsistentRead": true }))).await;
    session.query(&with(due(), &json!({ "IndexName": "unknown" }))).await;
    session.query(&with(due(), &json!({ "Select": "ALL_ATTRIBUTES" }))).await;
    session.query(&with(due(), &json!({ "ProjectionExpression": "n" }))).await;
    session.query(&with(due(), &json!({ "ProjectionExpression": "id, due_at" }))).await;
    session.query(&with(due(), &json!({ "ExclusiveStartKey": key("000") }))).await;
    session.query(&with(due(), &json!({ "FilterExpression": "due_at > :t" }))).await;
}

async fn refused(session: &mut Session) {
    for (condition, values) in [
        ("", json!({ ":s": { "S": "queries" } })),
        ("id = :s", json!({ ":s": { "S": "queries" } })),
        ("studio > :s", json!({ ":s": { "S": "queries" } })),
        ("studio = :s OR id = :s", json!({ ":s": { "S": "queries" } })),
        ("studio = :s AND id <> :s", json!({ ":s": { "S": "queries" } })),
        ("studio = :s AND n = :s", json!({ ":s": { "S": "queries" } })),
        ("studio = :s AND id = :s AND n = :s", json!({ ":s": { "S": "queries" } })),
        ("studio = :s AND id > :s AND id < :s", json!({ ":s": { "S": "queries" } })),
        ("studio = :s AND contains(id, :s)", json!({ ":s": { "S": "queries" } })),
        ("studio = :s AND attribute_exists(id)", json!({ ":s": { "S": "queries" } })),
        ("studio = :s AND id IN (:s)", json!({ ":s": { "S": "queries" } })),
        ("NOT studio = :s", json!({ ":s": { "S": "queries" } })),
        ("studio = :s", json!({ ":s": { "N": "1" } })),
        ("studio = :s", json!({ ":s": { "S": "" } })),
        ("studio = :s AND id = :n", json!({ ":s": { "S": "queries" }, ":n": { "N": "1" } })),
        ("studio = :s AND id BETWEEN :b AND :a", json!({ ":s": { "S": "q" }, ":a": { "S": "a" }, ":b": { "S": "b" } })),
        ("studio = :s", json!({ ":s": { "S": "queries" }, ":unused": { "S": "x" } })),
        ("studio = :undefined", json!({ ":s": { "S": "queries" } })),
        ("studio.x = :s", json!({ ":s": { "S": "queries" } })),
    ] {
        session.case(&format!("key condition {condition} {values}"));
        session.query(&query(condition, values)).await;
    }
    session.case("no key condition");
    session.query(&json!({ "TableName": RECORDS })).await;
    session.case("query of an unknown table");
    session.query(&with(all(), &json!({ "TableName": "unknown" }))).await;
    session.case("query of a table without a sort key");
    let values = json!({ ":h": { "B": "AAEC" } });
    session.query_all(with(query("hash_bytes = :h", values), &json!({ "TableName": BLOBS, "Limit": 1 }))).await;
}

async fn scans(session: &mut Session) {
    session.case("scan");
    let scan = || json!({ "TableName": EVENTS });
    session.scan_all(scan()).await;
    session.scan_all(with(scan(), &json!({ "Limit": 3 }))).await;
    session.scan_all(with(scan(), &json!({ "Limit": 10 }))).await;
    let filter = json!({ "FilterExpression": "at_time > :n", "ExpressionAttributeValues": { ":n": { "N": "0" } } });
    session.scan_all(with(scan(), &filter)).await;
    session.scan_all(with(with(scan(), &filter), &json!({ "Limit": 4 }))).await;
    session.case("scan for items to fill");
    let fill = json!({
        "TableName": RECORDS, "ProjectionExpression": "studio, id", "Limit": 5,
        "FilterExpression": "attribute_exists(revision) AND (attribute_not_exists(#indexed) OR #indexed < :version)",
        "ExpressionAttributeNames": { "#indexed": "indexed" }, "ExpressionAttributeValues": { ":version": { "N": "1" } },
    });
    session.scan_all(fill).await;
    session.case("invalid scans");
    session.scan_all(with(scan(), &json!({ "Limit": 0 }))).await;
    session.scan_all(with(scan(), &json!({ "ExclusiveStartKey": { "channel": { "S": "a" } } }))).await;
    session.scan_all(with(scan(), &json!({ "FilterExpression": "at_time >" }))).await;
    session.scan_all(with(scan(), &json!({ "Select": "COUNT", "ProjectionExpression": "channel" }))).await;
}

async fn large_pages(session: &mut Session) {
    session.case("page of 1 MB");
    for n in 0..4 {
        let item = json!({
            "channel": { "S": "large" }, "at_time": { "N": n.to_string() }, "v": { "S": "x".repeat(350 * 1024) },
        });
        session.put(json!({ "TableName": EVENTS, "Item": item })).await;
    }
    let values = json!({ ":s": { "S": "large" } });
    let large = with(query("channel = :s", values), &json!({ "TableName": EVENTS }));
    session.query_all(with(large.clone(), &json!({ "ProjectionExpression": "at_time" }))).await;
    session.query_all(with(large, &json!({ "Select": "COUNT", "ScanIndexForward": false }))).await;
    for n in 0..4 {
        let key = json!({ "channel": { "S": "large" }, "at_time": { "N": n.to_string() } });
        session.delete(json!({ "TableName": EVENTS, "Key": key })).await;
    }
}
