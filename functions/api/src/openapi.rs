//! The OpenAPI document. The routes describe themselves; this module adds what they have in common.

mod responses;

use serde_json::{Value, json};
use utoipa::{
    IntoParams, IntoResponses as _, OpenApi as _,
    openapi::{
        OpenApi, RefOr, Server,
        path::{Operation, Parameter, ParameterIn},
        security::{HttpAuthScheme, HttpBuilder, SecurityScheme},
    },
};

pub use self::responses::Erased;
use self::responses::{
    Always, Authenticated, ForOperators, GatewayMessage, Keyed, OfRecord, TakesBody, TakesQuery, Unchanged,
};
use crate::{
    idempotency::MAX_KEY,
    problem::{Kind, ProblemView},
};

/// Schemas whose absent fields are omitted, because cameras write different fields.
const SPARSE: [&str; 3] = ["Exif", "Gps", "TakenAt"];
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

/// The document without routes. The tags group the routes, in the order in which a shop uses them.
#[derive(utoipa::OpenApi)]
#[openapi(
    info(title = "Darkroom", description = ABOUT),
    security(("token" = [])),
    components(schemas(ProblemView, GatewayMessage)),
    tags(
        (name = "photos", description = "Create photos, upload their originals to S3, and process them."),
        (name = "orders", description = "Orders of customers: lists of photos."),
        (name = "customers", description = "Customers, identified by the email address of their orders."),
        (
            name = "downloads",
            description = "Downloads deliver an order by link: all photos in a private ZIP, or a single photo.",
        ),
        (name = "emails", description = "Emails to customers."),
        (name = "operations", description = "Work on many records, done page by page."),
        (
            name = "queues",
            description = "Queues and their failed jobs, of all studios. Only for operators, whose tokens have the operators' claim.",
        ),
        (name = "links", description = "Links of customers. They need no token except the one in the link."),
        (name = "service", description = "The service itself."),
    ),
)]
struct Base;

// The attribute below takes a literal.
const _: () = assert!(MAX_KEY == 255, "`max_length` of `IdempotencyKey` is another");

/// Header of requests that create or change something.
#[derive(IntoParams)]
#[into_params(parameter_in = Header)]
#[expect(dead_code, reason = "only describes the header, which the idempotency layer reads")]
struct IdempotencyKey {
    /// Key under which the request can be repeated without a second effect.
    #[param(rename = "Idempotency-Key", value_type = String, required = false, min_length = 1, max_length = 255, pattern = "^[ -~]+$")]
    key: Option<String>,
}

/// Header of requests for single records.
#[derive(IntoParams)]
#[into_params(parameter_in = Header)]
#[expect(dead_code, reason = "only describes the header, which the routes read")]
struct IfNoneMatch {
    /// `ETag` of the client's version of the record.
    #[param(rename = "If-None-Match", value_type = String, required = false)]
    tag: Option<String>,
}

/// Returns the OpenAPI document, as JSON, of a deployment at `url` that keeps archives for `retention_days` days.
pub fn document(routes: OpenApi, url: &str, retention_days: u32) -> String {
    let mut api = Base::openapi();
    api.merge(routes);
    api.servers = Some(vec![Server::new(url)]);
    api.components.get_or_insert_default().add_security_scheme("token", bearer());
    for (path, item) in &mut api.paths.paths {
        for (operation, posts) in [(&mut item.get, false), (&mut item.post, true), (&mut item.delete, false)] {
            if let Some(operation) = operation {
                complete(path, posts, operation);
            }
        }
        if path.ends_with("/{id}") {
            item.get.iter_mut().for_each(add_entity_tag);
        }
    }
    let mut api = serde_json::to_value(api).unwrap_or_default();
    amend(&mut api, retention_days);
    format!("{api:#}\n")
}

fn bearer() -> SecurityScheme {
    let about = "A JWT of the configured issuer, with a claim that names the studio. In local development: \
        `dev:<studio>` or `dev:<studio>:operator`.";
    let scheme = HttpBuilder::new().scheme(HttpAuthScheme::Bearer).bearer_format("JWT").description(Some(about));
    SecurityScheme::Http(scheme.build())
}

/// Adds what the operation has in common with others of its kind. It follows from what the operation takes, so a new
/// route cannot omit it. The route's own description of a status has precedence.
fn complete(path: &str, posts: bool, operation: &mut Operation) {
    let has = |place: &ParameterIn| {
        let mut parameters = operation.parameters.iter().flatten();
        parameters
            .any(|parameter| matches!(parameter, RefOr::T(Parameter { parameter_in, .. }) if parameter_in == place))
    };
    // Routes without a token state that they have no security requirements.
    let open = operation.security.is_some();
    let keyed = posts && !open;
    let mut responses = Always::responses();
    if has(&ParameterIn::Query) {
        responses.extend(TakesQuery::responses());
    }
    if operation.request_body.is_some() {
        responses.extend(TakesBody::responses());
    }
    if !open {
        responses.extend(Authenticated::responses());
    }
    if path.starts_with("/queues") {
        responses.extend(ForOperators::responses());
    }
    if has(&ParameterIn::Path) && !open {
        responses.extend(OfRecord::responses());
    }
    if keyed {
        responses.extend(Keyed::responses());
        operation.parameters.get_or_insert_default().extend(parameters::<IdempotencyKey>());
    }
    responses.append(&mut operation.responses.responses);
    operation.responses.responses = responses;
}

/// Adds the entity tag, with which a client asks whether a record has changed.
fn add_entity_tag(operation: &mut Operation) {
    let unchanged = Unchanged::responses();
    if let (Some(RefOr::T(found)), Some(RefOr::T(unchanged))) =
        (operation.responses.responses.get_mut("200"), unchanged.get("304"))
    {
        found.headers.clone_from(&unchanged.headers);
    }
    operation.responses.responses.extend(unchanged);
    operation.parameters.get_or_insert_default().extend(parameters::<IfNoneMatch>());
}

fn parameters<P: IntoParams>() -> impl Iterator<Item = RefOr<Parameter>> {
    P::into_params(|| None).into_iter().map(RefOr::T)
}

/// Adds to the document what utoipa's attributes cannot express.
fn amend(api: &mut Value, retention_days: u32) {
    let schemas = &mut api["components"]["schemas"];
    // A setting of the deployment; attributes take literals.
    schemas["NewDownload"]["properties"]["expires_in_days"]["maximum"] = retention_days.into();
    // Later releases may add members. The attribute for this exists only for maps.
    schemas["Problem"]["additionalProperties"] = json!(true);
    for (name, schema) in schemas.as_object_mut().into_iter().flatten() {
        require_all(name, schema);
    }
    let operations = api["paths"].as_object_mut().into_iter().flatten();
    for operation in operations.filter_map(|(_, item)| item.get_mut("post")) {
        // `Option` makes a body optional and also nullable; it may be absent but not null.
        if let Some(body) = operation.pointer_mut("/requestBody/content/application~1json/schema")
            && body.get("oneOf").is_some()
        {
            *body = body["oneOf"][0].take();
        }
    }
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

/// Returns type, status and description of all problem types, for the reference.
pub fn problems() -> impl Iterator<Item = (String, u16, &'static str)> {
    Kind::ALL.into_iter().map(|kind| {
        let (status, slug, when) = kind.facts();
        (format!("/problems/{slug}"), status.as_u16(), when)
    })
}
