//! Every field of every body in the OpenAPI document: a value at its bounds is accepted. A value beyond them, a value
//! of another type and an unknown field are refused with the field's name, and nothing is written.

use reqwest::Method;
use serde_json::{Value, json};
use tests::{TestApp, jpeg};

/// A value at a path in a body, and whether it may be accepted.
struct Case {
    path: Vec<String>,
    value: Value,
    taken: bool,
}

/// Resolves references, and an `Option`'s choice of null and a schema. Returns the schema, and whether null is allowed.
fn resolve<'a>(document: &'a Value, schema: &'a Value) -> (&'a Value, bool) {
    if let Some(name) = schema["$ref"].as_str() {
        let found = document.pointer(name.trim_start_matches('#')).unwrap_or_else(|| panic!("{name}"));
        return resolve(document, found);
    }
    for choice in schema["oneOf"].as_array().into_iter().flatten() {
        if choice["type"] != "null" && schema["oneOf"].as_array().unwrap().iter().any(|other| other["type"] == "null") {
            return (resolve(document, choice).0, true);
        }
    }
    let types = schema["type"].as_array();
    (schema, types.is_some_and(|types| types.contains(&json!("null"))))
}

fn kind(schema: &Value) -> &str {
    schema["type"].as_str().or_else(|| schema["type"][0].as_str()).unwrap_or("string")
}

fn cases(document: &Value, schema: &Value, path: &[String], found: &mut Vec<Case>) {
    let (schema, nullable) = resolve(document, schema);
    let kind = kind(schema);
    let mut case = |value: Value, taken: bool| found.push(Case { path: path.to_vec(), value, taken });
    for (other, value) in [
        ("string", json!("text")),
        ("integer", json!(5)),
        ("number", json!(5.5)),
        ("boolean", json!(true)),
        ("array", json!([])),
        ("object", json!({ "surprise": 1 })),
    ] {
        if other != kind {
            case(value, false);
        }
    }
    if !nullable {
        case(Value::Null, false);
    }
    match kind {
        "integer" => {
            for (bound, beyond) in [("minimum", -1), ("maximum", 1)] {
                if let Some(bound) = schema[bound].as_i64() {
                    case(json!(bound), true);
                    case(json!(bound + beyond), false);
                }
            }
            case(json!(-1), false);
        }
        "string" if schema.get("enum").is_some() => {
            case(json!("none of these"), false);
            case(json!(""), false);
        }
        "string" => {
            if let Some(most) = schema["maxLength"].as_u64() {
                let text = |length: u64| "x".repeat(usize::try_from(length).unwrap());
                case(json!(text(most + 1)), false);
                if schema.get("format").is_none() && !schema["pattern"].as_str().is_some_and(|p| p.contains('(')) {
                    case(json!(text(most)), true);
                    case(json!(text(1)), true);
                }
            }
            if schema.get("minLength").is_some() || schema.get("format").is_some() {
                case(json!(""), false);
                case(json!(" "), false);
            }
        }
        "array" => {
            case(json!([]), false);
            let item = if schema["items"]["format"] == "uuid" {
                |n: u128| json!(uuid::Uuid::from_u128(n))
            } else {
                |n: u128| json!(format!("anna:{}", uuid::Uuid::from_u128(n)))
            };
            let most = u128::from(schema["maxItems"].as_u64().expect("an array is bounded"));
            case((0..=most).map(item).collect(), false);
            case(json!([7]), false);
        }
        _ => {}
    }
    for (name, property) in schema["properties"].as_object().into_iter().flatten() {
        let path: Vec<_> = path.iter().cloned().chain([name.clone()]).collect();
        cases(document, property, &path, found);
    }
    if kind == "object" {
        let path = path.iter().cloned().chain(["surprise".to_owned()]).collect();
        found.push(Case { path, value: json!(1), taken: false });
    }
}

fn put(body: &Value, path: &[String], value: &Value) -> Value {
    let mut body = body.clone();
    let mut place = &mut body;
    for part in path {
        place = &mut place[part.as_str()];
    }
    *place = value.clone();
    body
}

fn without(body: &Value, path: &[String]) -> Value {
    let mut body = body.clone();
    let mut place = &mut body;
    let (last, parts) = path.split_last().unwrap();
    for part in parts {
        place = &mut place[part.as_str()];
    }
    place.as_object_mut().unwrap().remove(last);
    body
}

#[tokio::test(flavor = "multi_thread")]
async fn each_field_is_refused_by_name_beyond_bounds() {
    let app = TestApp::start().await;
    let document = app.get("anna", "/openapi.json").await.body;
    let photo = app.ready_photo("anna", "a.jpg", &jpeg(1, 60, 40)).await;
    let order = app.order("anna", "B-1", std::slice::from_ref(&photo)).await;
    let (download, _) = app.download("anna", &order, json!({ "notify": false })).await;
    let download = download.id;
    let customer = json!({ "name": "E", "email": "e@example.com", "locale": "en" });
    let about = json!({ "order_id": order, "subject": "S", "text": "T" });
    let email = json!({ "template": "message", "to": "e@example.com", "locale": "en", "data": about });
    let new = json!({ "filename": "b.jpg", "content_type": "image/jpeg", "size_bytes": 10, "upload": "multipart" });
    let awaiting = app.post("anna", "/photos", new).await;
    let (upload_id, awaiting) = (awaiting.text("/upload/upload_id"), awaiting.text("/photo/id"));
    let new = json!({ "url": "https://shop.example.com/hook" });
    let webhook = app.post("anna", "/webhooks", new).await.text("/webhook/id");
    let bodies = [
        (
            "/photos",
            "/photos".to_owned(),
            json!({ "filename": "a.jpg", "content_type": "image/jpeg", "size_bytes": 10 }),
        ),
        (
            "/photos/batch",
            "/photos/batch".to_owned(),
            json!({ "photos": [{ "filename": "a.jpg", "content_type": "image/jpeg", "size_bytes": 10 }] }),
        ),
        ("/photos/{id}/upload", format!("/photos/{awaiting}/upload"), json!({ "upload": "put" })),
        // The original has arrived: a completion within bounds is repeated.
        (
            "/photos/{id}/upload/complete",
            format!("/photos/{photo}/upload/complete"),
            json!({ "parts": [{ "part_number": 1, "etag": "e" }] }),
        ),
        (
            "/photos/{id}/upload/sign",
            format!("/photos/{awaiting}/upload/sign"),
            json!({ "method": "PUT", "upload_id": upload_id, "part_number": 1 }),
        ),
        ("/orders", "/orders".into(), json!({ "reference": "R", "customer": customer, "photo_ids": [photo] })),
        ("/orders/{id}/downloads", format!("/orders/{order}/downloads"), json!({ "notify": false })),
        ("/emails", "/emails".into(), email),
        (
            "/emails/preview",
            "/emails/preview".into(),
            json!({ "template": "message", "locale": "de", "data": { "order_id": order, "subject": "S", "text": "T" } }),
        ),
        ("/photos/process", "/photos/process".into(), json!({ "which": "older", "processor_version": 1 })),
        ("/photos/{id}/process", format!("/photos/{photo}/process"), json!({ "queue": false })),
        ("/downloads/{id}/retry", format!("/downloads/{download}/retry"), json!({ "queue": false })),
        ("/customers/erase", "/customers/erase".into(), json!({ "email": "nobody@example.com" })),
        ("/orphans", "/orphans".into(), json!({ "action": "delete", "keys": ["originals/none"] })),
        ("/imports", "/imports".into(), json!({ "studio": "anna", "source": "bucket", "prefix": "none/" })),
        ("/queues/{queue}/failed/retry", "/queues/emails/failed/retry".into(), json!({ "all": true })),
        ("/studio/logo", "/studio/logo".into(), json!({ "content_type": "image/png", "size_bytes": 10 })),
        ("/downloads/{id}/notify", format!("/downloads/{download}/notify"), json!({ "to": "eva@example.com" })),
        (
            "/studios/{studio}/suppressions/lift",
            "/studios/carla/suppressions/lift".into(),
            json!({ "email": "eva@example.com" }),
        ),
        ("/downloads/{id}/pin", format!("/downloads/{download}/pin"), json!({ "pin": "123456" })),
        ("/downloads/{id}/renew", format!("/downloads/{download}/renew"), json!({ "queue": false })),
        ("/studios/{studio}/limits", "/studios/carla/limits".into(), json!({ "bytes": 1, "emails_a_day": 0 })),
        ("/webhooks", "/webhooks".into(), json!({ "url": "https://shop.example.com/hook", "types": ["photo.ready"] })),
        ("/webhooks/{id}/replay", format!("/webhooks/{webhook}/replay"), json!({ "since": "2026-07-18T00:00:00Z" })),
        ("/studio", "/studio".into(), json!({ "name": "Foto Anna", "reply_to": "studio@example.com" })),
    ];
    let takes_body = |item: &&Value| {
        ["post", "put"].iter().any(|&method| item[method]["requestBody"]["content"]["application/json"].is_object())
    };
    let with_body = document["paths"].as_object().unwrap().values().filter(takes_body);
    assert_eq!(with_body.count(), bodies.len(), "a body is not in this test");
    let count = async || {
        let mut count = 0;
        for path in ["/photos", "/orders", "/downloads"] {
            count += app.get("anna", &format!("{path}?limit=200")).await.body["items"].as_array().unwrap().len();
        }
        count
    };
    let (mut tried, mut refused, mut taken) = (0, 0, 0);
    let before = count().await;
    for (route, path, valid) in &bodies {
        let item = &document["paths"][*route];
        let (name, method) = if item["put"].is_object() { ("put", Method::PUT) } else { ("post", Method::POST) };
        let body = &item[name]["requestBody"]["content"]["application/json"]["schema"];
        let ask = |body: Value| app.call("anna:operator", method.clone(), path, Some(body));
        let schema = resolve(&document, body).0.clone();
        let mut all = Vec::new();
        cases(&document, &schema, &[], &mut all);
        for required in schema["required"].as_array().into_iter().flatten() {
            let field = vec![required.as_str().unwrap().to_owned()];
            let answer = ask(without(valid, &field)).await;
            assert_eq!(
                (answer.status.as_u16(), answer.text("/field")),
                (422, field[0].clone()),
                "{route} without {field:?}"
            );
        }
        let optional = schema["required"].as_array().is_none_or(Vec::is_empty);
        for case in all {
            // None of the body's fields is required, so these values stand for `{}`.
            if optional && case.path.is_empty() && [json!([]), json!(null)].contains(&case.value) {
                continue;
            }
            let sent = put(valid, &case.path, &case.value);
            let answer = ask(sent.clone()).await;
            let short: String = sent.to_string().chars().take(300).collect();
            tried += 1;
            if case.taken {
                // A value within its bounds may still be wrong: then the error names another field or rule.
                let (status, field) = (answer.status.as_u16(), answer.text("/field"));
                let other_rule = status == 422 && !field.is_empty() && field != case.path.join(".");
                assert!(answer.status.is_success() || other_rule, "{route} {short}: {answer:?}");
                let lists = ["/photos", "/orders", "/orders/{id}/downloads"].contains(route);
                taken += usize::from(answer.status.is_success() && lists);
                continue;
            }
            assert_eq!(answer.status.as_u16(), 422, "{route} {short}: {answer:?}");
            refused += 1;
            let (named, wrong) = (answer.text("/field"), case.path.join("."));
            let named_right = named.starts_with(&wrong) || named == "." || (wrong.is_empty() && !named.is_empty());
            assert!(
                named_right && !answer.text("/detail").is_empty(),
                "{route} {short}: names {named:?}, not {wrong:?}"
            );
        }
    }
    assert!(refused > 200, "{refused} of {tried} cases are too few");
    assert_eq!(count().await, before + taken, "a refused request wrote a record");
}

#[tokio::test(flavor = "multi_thread")]
async fn body_over_one_mebibyte_is_refused() {
    let app = TestApp::start().await;
    let post = async |length: usize| {
        let filler = " ".repeat(length - 2);
        let request = app.http().post(format!("{}/photos", app.api())).header("authorization", "Bearer dev:anna");
        request.body(format!("{{{filler}}}")).send().await.unwrap()
    };
    assert_eq!(post(1 << 20).await.status(), 422, "the body is read and lacks its fields");
    let refused = post((1 << 20) + 1).await;
    assert_eq!(refused.status(), 413);
    assert_eq!(refused.headers()["content-type"], "application/problem+json");
    // API Gateway's limit.
    assert_eq!(post((10 << 20) + 1).await.status(), 413);
    assert_eq!(app.get("anna", "/photos").await.body["items"], json!([]));
}

#[tokio::test(flavor = "multi_thread")]
async fn invalid_query_is_refused_by_parameter_name() {
    let app = TestApp::start().await;
    for path in ["/photos", "/orders", "/downloads", "/webhooks", "/queues/emails/failed"] {
        for (query, field) in [
            ("limit=0", "limit"),
            ("limit=201", "limit"),
            ("limit=-1", "limit"),
            ("limit=many", "limit"),
            ("limit=1&limit=2", "limit"),
            ("cursor=nonsense", "cursor"),
            ("cursor=%00", "cursor"),
            ("surprise=1", "surprise"),
        ] {
            let refused = app.get("anna:operator", &format!("{path}?{query}")).await;
            let said = (refused.status.as_u16(), refused.text("/field"));
            assert_eq!(said, (422, field.to_owned()), "{path}?{query}: {refused:?}");
        }
        for taken in ["limit=1", "limit=200"] {
            assert_eq!(app.get("anna:operator", &format!("{path}?{taken}")).await.status, 200, "{path}?{taken}");
        }
    }
    for path in [
        "/emails?status=lost",
        "/emails?about=x",
        "/photos?status=lost",
        "/downloads?status=lost",
        "/downloads?active=maybe",
        "/downloads?order_id=x",
    ] {
        assert_eq!(app.get("anna", path).await.status, 422, "{path}");
    }
}
