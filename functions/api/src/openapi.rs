//! The OpenAPI document. The routes describe themselves; this module adds what they have in common.

use serde_json::{Map, Value, json};
use utoipa::{PartialSchema as _, openapi::OpenApi};

use crate::{
    idempotency::{HEADER, MAX_KEY},
    problem::{Kind, ProblemView},
};

const PROBLEM: &str = "application/problem+json";
const METHODS: [&str; 3] = ["get", "post", "delete"];
/// Schemas whose absent fields are omitted, because cameras write different fields.
const SPARSE: [&str; 3] = ["Exif", "Gps", "TakenAt"];
/// Tags that group the routes, in the order in which a shop uses them.
const TAGS: [(&str, &str); 9] = [
    ("photos", "Create photos, upload their originals to S3, and process them."),
    ("orders", "Orders of customers: lists of photos."),
    ("customers", "Customers, identified by the email address of their orders."),
    ("downloads", "Downloads deliver an order by link: all photos in a private ZIP, or a single photo."),
    ("emails", "Emails to customers."),
    ("operations", "Work on many records, done page by page."),
    (
        "queues",
        "Queues and their failed jobs, of all studios. Only for operators, whose tokens have the operators' claim.",
    ),
    ("links", "Links of customers. They need no token except the one in the link."),
    ("service", "The service itself."),
];
const ABOUT: &str = "The backend of a photographer's web shop.

Create a photo (`POST /photos`), then upload its original to S3 with the request that the response describes. The \
upload starts the processing, which yields metadata (EXIF, XMP, IPTC), dimensions, hashes, a preview and a \
thumbnail. An order (`POST /orders`) lists photos. A download (`POST /orders/{id}/downloads`) delivers them as one \
private ZIP, and an email sends the customer the link.

**Tokens.** All routes but `/d/…`, `/health` and `/openapi.json` need `Authorization: Bearer …`. A claim of the \
token names the studio. Requests for records of another studio return 404. Routes under `/queues` require the \
operators' claim.

**Errors** are problem details (RFC 9457). `type` is stable; `field` names the invalid part of the request. Unknown \
fields are refused.

**Idempotency.** Every POST except that of a link accepts an `Idempotency-Key` of up to 255 printable ASCII \
characters. A request that is sent again with the same key has no second effect; the response has the same record \
and status as the first one, with new URLs and links. A key is stored for 24 hours. A refused request has no effect, \
so its key can be used again.

**Asynchronous jobs.** Jobs run through queues. There are no webhooks: poll the record (`GET /photos/{id}`, `GET \
/downloads/{id}`) with `If-None-Match` every few seconds, or list records by `status`. Customers are notified by \
email. With `\"queue\": false` a job runs before the response (synchronous); if it is not finished in time, it stays \
on the queue and the response is 202.

**Lists** are paginated, newest first. **Single records** have an `ETag`; with `If-None-Match` the response for an \
unchanged record is 304.

**Limits.** A body has at most 1 MiB. API Gateway responds with 429 to requests above the deployment's rate.";

/// Returns the OpenAPI document, as JSON, of a deployment at `url` that keeps archives for `retention_days` days.
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
        "description": "A JWT of the configured issuer, with a claim that names the studio. In local development: \
            `dev:<studio>` or `dev:<studio>:operator`.",
    } });
    let schemas = &mut api["components"]["schemas"];
    schemas["Problem"] = serde_json::to_value(ProblemView::schema()).unwrap_or_default();
    // Some problem types have additional members, and later releases may add more.
    schemas["Problem"]["additionalProperties"] = json!(true);
    for (name, about) in members() {
        schemas["Problem"]["properties"][name] = about;
    }
    schemas["GatewayMessage"] = json!({
        "type": "object",
        "description": "Response of API Gateway itself.",
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

/// Returns the schemas of the members that some problem types have in addition to those of RFC 9457.
fn members() -> [(&'static str, Value); 4] {
    let id = || json!({ "type": "string", "format": "uuid" });
    let text = |about: &str| json!({ "type": ["string", "null"], "description": about });
    [
        ("code", json!({ "type": "string", "description": "With `refused`: the error code, as in a record's error." })),
        (
            "order_id",
            json!({ "type": "string", "format": "uuid", "description": "With `photo-ordered`: id of the order." }),
        ),
        (
            "photo_ids",
            json!({ "type": "array", "items": id(), "description": "With `invalid-field`: photos named twice." }),
        ),
        (
            "photos",
            json!({
                "type": "array",
                "description": "With `photos-not-ready` and `invalid-field`: the refused photos, each with its \
                    `status` or a `reason`.",
                "items": {
                    "type": "object",
                    "required": ["id"],
                    "properties": {
                        "id": id(),
                        "status": text("Status of the photo; null if it does not exist."),
                        "reason": text("`unknown`, or `failed`: the photo could not be processed."),
                        "filename": text("With `failed`: file name of the photo."),
                        "detail": text("With `failed`: reason of the failure, for people."),
                    },
                },
            }),
        ),
    ]
}

/// Marks all nullable fields as required. Responses always contain all fields, with null for absent values, except
/// those of [`SPARSE`].
///
/// A schema that refuses unknown fields belongs to a request body, and states its required fields itself.
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

/// Adds to the operation what it has in common with others of its kind.
fn complete(path: &str, method: &str, operation: &mut Value) {
    if let Some(body) = operation.pointer_mut("/requestBody/content/application~1json/schema")
        && body.get("oneOf").is_some()
    {
        // An optional body may be absent but not null.
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
            if operators {
                "The token names no studio, or does not belong to an operator"
            } else {
                "The token names no studio"
            },
        ));
    }
    if has("path") && !open {
        refusals.push(("404", "The record does not exist, or belongs to another studio"));
    }
    if takes_body {
        refusals.push(("400", "The body is not JSON"));
        refusals.push(("413", "The body is larger than 1 MiB"));
    }
    let keyed = method == "post" && !open;
    if keyed {
        refusals.push(("422", "The value of a field is invalid, or the Idempotency-Key was used for another request"));
    } else if has("query") {
        refusals.push(("422", "The value of a parameter is invalid"));
    }
    if keyed {
        refusals.push(("409", "A request with this Idempotency-Key is under way"));
        refusals.push(("410", "The record that the request with this Idempotency-Key created was deleted"));
    }
    refusals.push(("500", "Internal error"));
    refusals.push(("503", "A dependency is throttling requests; retry after `Retry-After`"));
    let responses = &mut operation["responses"];
    for (status, about) in refusals {
        if responses.get(status).is_none() {
            responses[status] = refusal(about, PROBLEM, "Problem");
        }
    }
    if !open {
        responses["401"] = refusal(
            "The token is missing, has expired, or is not from the issuer",
            "application/json",
            "GatewayMessage",
        );
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
                "description": "`ETag` of the client's version of the record.",
            }),
        );
    }
    if keyed {
        add(
            operation,
            json!({
                "name": HEADER, "in": "header", "required": false,
                "schema": { "type": "string", "minLength": 1, "maxLength": MAX_KEY, "pattern": "^[ -~]+$" },
                "description": "Key under which the request can be repeated without a second effect.",
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
    json!({ "description": "Entity tag of the current record", "schema": { "type": "string" } })
}

fn refusal(about: &str, content_type: &str, schema: &str) -> Value {
    let mut content = Map::new();
    content.insert(content_type.into(), json!({ "schema": { "$ref": format!("#/components/schemas/{schema}") } }));
    json!({ "description": about, "content": content })
}

/// Returns type, status and description of all problem types, for the reference.
pub fn problems() -> impl Iterator<Item = (String, u16, &'static str)> {
    Kind::ALL.into_iter().map(|kind| {
        let (status, slug, when) = kind.facts();
        (format!("/problems/{slug}"), status.as_u16(), when)
    })
}
