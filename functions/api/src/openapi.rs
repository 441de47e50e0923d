//! The OpenAPI document. The routes describe themselves; this module adds what they have in common.

pub mod examples;
mod responses;
mod webhooks;

use serde_json::{Value, json};
use utoipa::{
    IntoParams, IntoResponses as _, OpenApi as _,
    openapi::{
        OpenApi, RefOr, Server,
        path::{Operation, Parameter, ParameterIn},
        security::{HttpAuthScheme, HttpBuilder, SecurityScheme},
    },
};

use self::responses::{
    Always, Authenticated, ForOperators, GatewayMessage, Keyed, OfRecord, TakesBody, TakesQuery, Unchanged,
};
pub use self::responses::{Erased, Limited};
use crate::{
    idempotency::MAX_KEY,
    problem::{Kind, ProblemView},
};

/// Prefixes of the routes that require the operators' claim, as the text below says.
const FOR_OPERATORS: [&str; 5] = ["/imports", "/jobs", "/orphans", "/queues", "/studios"];
/// Schemas whose absent fields are omitted, because cameras write different fields.
const SPARSE: [&str; 3] = ["Exif", "Gps", "TakenAt"];
const ABOUT: &str = "The backend of a photographer's web shop.

Create a photo (`POST /photos`), then upload its original to S3 as the response describes. The \
upload starts the processing, which yields metadata (EXIF, XMP, IPTC), dimensions, hashes, a preview and a \
thumbnail. An order (`POST /orders`) lists photos. A download (`POST /orders/{id}/downloads`) delivers them as one \
private ZIP, and an email sends the customer the link.

**Tokens.** All routes but `/d/…`, `/logos/…`, `/console…`, `/health` and `/openapi.json` need `Authorization: Bearer …`. A claim of the \
token names the studio. Requests for records of another studio return 404. Routes under `/queues`, `/jobs`, \
`/studios`, `/orphans` and `/imports` require the operators' claim.

**Uploads** go to S3, by one PUT or in parts, up to 5 GiB either way. S3 stores one original for a photo and answers 412 \
to a second one: a PUT or a completion that is repeated because its answer was lost has arrived, and so has a photo that \
answers `already-uploaded`. An upload in parts (`\"upload\": \"multipart\"`) continues after an interruption: `GET \
/photos/{id}/upload` lists the parts that S3 has, `GET /photos/{id}/upload/parts` signs those that are missing, `POST \
/photos/{id}/upload/complete` makes the original of them, and `DELETE /photos/{id}/upload` gives up. With the announcement \
these are the callbacks of Uppy 5. `POST /photos/{id}/upload/sign` is `signRequest` of Uppy 6, from `@uppy/aws-s3` 6.2; \
older ones leave out the signed headers. Set `getChunkSize` of either to `part_size_bytes`, or leave its default. \
`examples/uppy` has a page. Pages declare files without a type as `application/octet-stream`.

**Errors** are problem details (RFC 9457). `type` is stable; `field` names the invalid part of the request. Unknown \
fields are refused.

**Idempotency.** Every POST except that of a link accepts an `Idempotency-Key` of up to 255 printable ASCII \
characters. A request that is sent again with the same key has no second effect; the response has the same record \
and status as the first one, with new URLs and links. A key is stored for 24 hours. A refused request has no effect, \
so its key can be used again.

**Asynchronous jobs.** Jobs run through queues. Programs learn of results by webhooks (`POST /webhooks`) or by polling \
`GET /events`; `docs/EVENTS.md` describes both. They can also poll the record (`GET /photos/{id}`, `GET /downloads/{id}`) \
with `If-None-Match` every few seconds, or list records by `status`. Customers are notified by email. With \
`\"queue\": false` a job runs before the response (synchronous); if it is not finished in time, it stays on the queue and \
the response is 202.

**File names.** Customers get files under the photographer's names, made safe for all systems by the same rules in \
archives and singly. The extension says what the bytes are: the web version of `x.png` is `x.jpg`, and a RAW file keeps its \
vendor's. A path on the photographer's machine (`C:\\Users\\anna\\Tulips.jpg`) becomes its last segment. Other slashes, and \
characters that Windows or browsers refuse, become underscores. Invisible characters are removed, but for joiners that \
shape a script or an emoji. A name has at most 150 bytes of UTF-8; in archives fewer if the path by Windows Explorer's \
\"Extract All\" would have 260 characters. Equal names in an archive are numbered: `x (2).jpg`. Archives are named after \
the order's reference, of which 50 characters are kept (`A-17.zip`, `A-17 1 of 3.zip`), and their folder too, in the \
customer's language: `Order-A-17`, `Bestellung-A-17`, `Commande-A-17`. Clients that read only ASCII, such as curl, get \
`Koln.jpg` for `Köln.jpg`.

**Links** of customers show a page. A POST counts nothing and leads to a ticket; fetching the file with it counts. A script \
saves the file of a link under its name by `curl -fLOJ -d '' LINK`, one of several archives by `LINK?volume=2`, a photo by \
`LINK/photo/7`. `docs/DELIVERY.md` describes pages, PINs and renewals.

**Lists** are paginated, newest first. **Single records** have an `ETag`; with `If-None-Match` the response for an \
unchanged record is 304.

**Limits.** A body has at most 1 MiB. API Gateway responds with 429 to requests above the deployment's rate. Operators may \
limit a studio's emails and archives a day, the bytes of its photos, and its concurrent operations; a request that would \
exceed one is refused with 429 `/problems/limit-reached`, and has no effect.";

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
        (name = "events", description = "Events: what happened to photos, downloads and emails, for programs that poll."),
        (name = "webhooks", description = "Webhooks: addresses of the shop to which events are sent."),
        (name = "operations", description = "Work on many records, done page by page."),
        (
            name = "queues",
            description = "Queues and their failed jobs, of all studios. Only for operators, whose tokens have the operators' claim.",
        ),
        (name = "links", description = "Links of customers, and the logos that their pages show. They need no token except the one in the link."),
        (name = "studio", description = "The studio's profile: its name, looks and texts on the customer's page and in emails."),
        (name = "studios", description = "Limits of studios. Only for operators."),
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
        for (operation, posts) in
            [(&mut item.get, false), (&mut item.post, true), (&mut item.put, false), (&mut item.delete, false)]
        {
            if let Some(operation) = operation {
                complete(path, posts, operation);
            }
        }
        if path.ends_with("/{id}") || path == "/studio" {
            item.get.iter_mut().for_each(add_entity_tag);
        }
    }
    let mut api = serde_json::to_value(api).unwrap_or_default();
    amend(&mut api, retention_days);
    api["webhooks"] = webhooks::described();
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
    if FOR_OPERATORS.iter().any(|prefix| path.starts_with(prefix)) {
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
