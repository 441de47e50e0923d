//! The OpenAPI document: the routes describe themselves; what they have in common is added here.

use serde_json::{Map, Value, json};
use utoipa::{PartialSchema as _, openapi::OpenApi};

use crate::{
    idempotency::{HEADER, MAX_KEY},
    problem::{Kind, ProblemView},
};

const PROBLEM: &str = "application/problem+json";
const METHODS: [&str; 3] = ["get", "post", "delete"];
/// What a camera writes differs: these leave out what it did not.
const SPARSE: [&str; 3] = ["Exif", "Gps", "TakenAt"];
/// Routes are told apart by these, in the order in which a shop meets them.
const TAGS: [(&str, &str); 9] = [
    ("photos", "Photos are announced here and uploaded to S3; each upload is developed."),
    ("orders", "An order is what a customer bought: photos, in order."),
    ("customers", "A customer is known by the address of its orders."),
    ("downloads", "A download delivers an order behind a link: all photos in a private ZIP, or one photo."),
    ("emails", "Emails to customers."),
    ("operations", "Work on many records, done page by page."),
    (
        "queues",
        "Queues and their failed jobs, for operators: tokens with the operators' claim. All studios' failures are shown.",
    ),
    ("links", "The customer's door. It needs no token but the one in the link."),
    ("service", "The service itself."),
];
const ABOUT: &str = "The background half of a photographer's web shop.

A photo is announced (`POST /photos`), then uploaded to S3 by the request that the answer describes. It is developed: metadata (EXIF, XMP, IPTC), \
dimensions, hashes, preview and thumbnail. An order (`POST /orders`) names photos; a download (`POST /orders/{id}/downloads`) \
delivers them as one private ZIP, and an email brings the customer a link.

**Tokens.** All routes but `/d/…`, `/health` and `/openapi.json` need `Authorization: Bearer …`. A claim of the token names the \
studio; another studio's records are not found. Routes under `/queues` are for operators, whom another claim marks.

**Errors** are problems (RFC 9457). Their `type` is stable; `field` names the part of the request that is wrong. Unknown fields \
are refused.

**Repeating.** Every POST but that of a link takes an `Idempotency-Key` of up to 255 printable ASCII characters. Sent again with \
the same key, a request does nothing twice, and is answered with the same record and status as the first time; URLs and links are made \
anew. A key is kept for 24 hours. A request that was refused has done nothing and frees its key.

**Waiting.** Nothing calls the shop: it asks again, every few seconds while somebody waits, with `If-None-Match`, for the \
record (`GET /photos/{id}`, `GET /downloads/{id}`), or lists by `status`. Customers are told by email. Jobs go through queues. `\"queue\": false` does the job before the answer; what could not be done in time is on the \
queue, and answered with 202.

**Lists** are pages, newest first. **Single records** bear an `ETag`; with `If-None-Match` an unchanged one is answered with 304.

**Limits.** A body has at most 1 MiB. Requests above the deployment's rate are answered with 429 by API Gateway.";

/// Returns the document of a deployment, as JSON: of these routes at `url`, where archives are kept for so many days.
pub fn document(routes: &OpenApi, url: &str, retention_days: u32) -> String {
    let mut api = described(routes);
    api["servers"] = json!([{ "url": url }]);
    api["components"]["schemas"]["NewDownload"]["properties"]["expires_in_days"]["maximum"] = retention_days.into();
    format!("{api:#}\n")
}

fn described(routes: &OpenApi) -> Value {
    let mut api = serde_json::to_value(routes).unwrap_or_default();
    api["info"] = json!({
        "title": "Darkroom",
        "version": env!("CARGO_PKG_VERSION"),
        "description": ABOUT,
        "license": { "name": "MIT", "identifier": "MIT" },
    });
    api["security"] = json!([{ "token": [] }]);
    api["tags"] = TAGS.iter().map(|(name, about)| json!({ "name": name, "description": about })).collect();
    api["components"]["securitySchemes"] = json!({ "token": {
        "type": "http",
        "scheme": "bearer",
        "bearerFormat": "JWT",
        "description": "A JWT of the configured issuer, a claim of which names the studio. On one machine: `dev:<studio>`, or \
            `dev:<studio>:operator`.",
    } });
    let schemas = &mut api["components"]["schemas"];
    schemas["Problem"] = serde_json::to_value(ProblemView::schema()).unwrap_or_default();
    // Some kinds have members of their own; there may be more of them one day.
    schemas["Problem"]["additionalProperties"] = json!(true);
    for (name, about) in members() {
        schemas["Problem"]["properties"][name] = about;
    }
    schemas["GatewayMessage"] = json!({
        "type": "object",
        "description": "What API Gateway itself answers.",
        "required": ["message"],
        "properties": { "message": { "type": "string" } },
    });
    for (name, schema) in schemas.as_object_mut().into_iter().flatten() {
        require_all(name, schema);
    }
    for (path, item) in api["paths"].as_object_mut().into_iter().flatten() {
        for method in METHODS {
            if let Some(operation) = item.get_mut(method) {
                complete(path, method, operation);
            }
        }
    }
    api
}

/// The members that some problems have besides those of RFC 9457.
fn members() -> [(&'static str, Value); 4] {
    let id = || json!({ "type": "string", "format": "uuid" });
    let text = |about: &str| json!({ "type": ["string", "null"], "description": about });
    [
        ("code", json!({ "type": "string", "description": "With `refused`: why, as in a record's error." })),
        ("order_id", json!({ "type": "string", "format": "uuid", "description": "With `photo-ordered`: the order." })),
        (
            "photo_ids",
            json!({ "type": "array", "items": id(), "description": "With `invalid-field`: photos that are named twice." }),
        ),
        (
            "photos",
            json!({
                "type": "array",
                "description": "With `photos-not-ready` and `invalid-field`: the photos in the way, each with its `status`, or \
                    with a `reason`.",
                "items": {
                    "type": "object",
                    "required": ["id"],
                    "properties": {
                        "id": id(),
                        "status": text("Its status; null of one that does not exist."),
                        "reason": text("`unknown`, or `failed`: it could not be developed."),
                        "filename": text("With `failed`: its name."),
                        "detail": text("With `failed`: why, for people."),
                    },
                },
            }),
        ),
    ]
}

/// Answers always bear all their fields, null where there is nothing to say; serde leaves out none but those of [`SPARSE`].
/// A schema that refuses unknown fields is a request's, and says for itself what it requires.
fn require_all(name: &str, schema: &mut Value) {
    for part in schema.get_mut("allOf").and_then(Value::as_array_mut).into_iter().flatten() {
        require_all(name, part);
    }
    if schema["additionalProperties"] == false || SPARSE.contains(&name) {
        return;
    }
    let is_null = |kind: &Value| *kind == "null" || kind["type"] == "null";
    let nullable = |about: &Value| {
        let kinds = about["type"].as_array().or(about["oneOf"].as_array());
        kinds.is_some_and(|kinds| kinds.iter().any(is_null))
    };
    let fields = schema["properties"].as_object().into_iter().flatten();
    let fields: Vec<Value> = fields.filter(|(_, about)| nullable(about)).map(|(field, _)| json!(field)).collect();
    if !fields.is_empty() {
        let required = schema["required"].as_array().into_iter().flatten().cloned();
        schema["required"] = required.chain(fields).collect();
    }
}

/// Adds what the route has in common with others of its kind.
fn complete(path: &str, method: &str, operation: &mut Value) {
    if let Some(body) = operation.pointer_mut("/requestBody/content/application~1json/schema")
        && body.get("oneOf").is_some()
    {
        // One that may be left out is nevertheless no null.
        *body = body["oneOf"][0].take();
    }
    let open = operation.get("security").is_some();
    let takes_body = operation.get("requestBody").is_some();
    let parameters = operation["parameters"].as_array().cloned().unwrap_or_default();
    let has = |place: &str| parameters.iter().any(|parameter| parameter["in"] == place);
    let operators = path.starts_with("/queues");
    let one = method == "get" && path.ends_with("/{id}");
    let mut refusals: Vec<(&str, &str)> = Vec::new();
    if !open {
        refusals.push((
            "403",
            if operators { "The token names no studio, or is no operator's" } else { "The token names no studio" },
        ));
    }
    if has("path") && !open {
        refusals.push(("404", "There is no such record, or it is another studio's"));
    }
    if takes_body {
        refusals.push(("400", "The body is no JSON"));
        refusals.push(("413", "The body has more than 1 MiB"));
    }
    let keyed = method == "post" && !open;
    if keyed {
        refusals.push(("422", "A field can't be taken; or the Idempotency-Key was used for another request"));
    } else if has("query") {
        refusals.push(("422", "A parameter can't be taken"));
    }
    if keyed {
        refusals.push(("409", "A request with this Idempotency-Key is under way"));
        refusals.push(("410", "What the request with this Idempotency-Key made was deleted since"));
    }
    refusals.push(("500", "A failure of the API's own"));
    refusals.push(("503", "A service behind the API asks for patience"));
    let responses = &mut operation["responses"];
    for (status, about) in refusals {
        if responses.get(status).is_none() {
            responses[status] = refusal(about, PROBLEM, "Problem");
        }
    }
    if !open {
        responses["401"] =
            refusal("The token is missing, expired, or not of the issuer", "application/json", "GatewayMessage");
    }
    responses["429"] = refusal("Too many requests", "application/json", "GatewayMessage");
    if open {
        operation["security"] = json!([]);
    }
    let responses = &mut operation["responses"];
    if one {
        responses["304"] = json!({ "description": "Unchanged", "headers": { "ETag": etag() } });
        responses["200"]["headers"] = json!({ "ETag": etag() });
        add(
            operation,
            json!({
                "name": "If-None-Match", "in": "header", "required": false, "schema": { "type": "string" },
                "description": "The `ETag` of the record as it is known.",
            }),
        );
    }
    if keyed {
        add(
            operation,
            json!({
                "name": HEADER, "in": "header", "required": false,
                "schema": { "type": "string", "minLength": 1, "maxLength": MAX_KEY, "pattern": "^[ -~]+$" },
                "description": "Sent again with the same key, the request does nothing twice.",
            }),
        );
    }
}

fn add(operation: &mut Value, parameter: Value) {
    let fields = operation.as_object_mut();
    let parameters = fields.map(|fields| fields.entry("parameters").or_insert_with(|| json!([])));
    if let Some(Value::Array(parameters)) = parameters {
        parameters.push(parameter);
    }
}

fn etag() -> Value {
    json!({ "description": "Of the record as it is", "schema": { "type": "string" } })
}

fn refusal(about: &str, content_type: &str, schema: &str) -> Value {
    let mut content = Map::new();
    content.insert(content_type.into(), json!({ "schema": { "$ref": format!("#/components/schemas/{schema}") } }));
    json!({ "description": about, "content": content })
}

/// The problems' types, for the reference: type, status, when.
pub fn problems() -> impl Iterator<Item = (String, u16, &'static str)> {
    Kind::ALL.into_iter().map(|kind| {
        let (status, slug, when) = kind.facts();
        (format!("/problems/{slug}"), status.as_u16(), when)
    })
}
