//! The stand-in for API Gateway: turns HTTP requests into payload 2.0 events for the `api` function. Serves the mailbox
//! too.

use std::{collections::BTreeMap, net::SocketAddr, time::Duration};

use anyhow::{Context as _, Result, ensure};
use axum::{
    Json, Router,
    body::Body,
    extract::{ConnectInfo, State},
    http::{HeaderMap, HeaderName, HeaderValue, Method, StatusCode, Uri, header},
    response::{Html, IntoResponse, Response},
    routing::get,
};
use base64::{Engine as _, engine::general_purpose::STANDARD};
use futures::StreamExt as _;
use jiff::Timestamp;
use serde_json::{Value, json};
use tokio::{net::TcpListener, task::JoinSet};
use tower_http::cors::CorsLayer;
use uuid::Uuid;

use crate::{
    functions::Functions,
    mailbox_page::{self, CapturedEmails},
};

/// The JWT claim that names the studio; Terraform's default.
pub const STUDIO_CLAIM: &str = "darkroom_studio";
/// The JWT claim that names a role.
pub const ROLE_CLAIM: &str = "darkroom_role";

/// HTTP API: an integration responds within 30 s. Lambda's timeout for `api` is slightly less.
const INTEGRATION_TIMEOUT: Duration = Duration::from_secs(29);
/// HTTP API: at most 10 MB per payload.
const MAX_PAYLOAD: usize = 10 << 20;
/// The bytes of a too large body that are read and discarded: a client that is still sending would not see the refusal.
const MAX_DISCARDED: usize = 64 << 20;
/// The time for which a browser may cache a preflight.
const CORS_MAX_AGE: Duration = Duration::from_secs(3600);
/// The paths without a token.
const OPEN: [&str; 6] = ["/console", "/console/", "/d/", "/health", "/logos/", "/openapi.json"];

#[derive(Clone)]
struct Gateway {
    functions: Functions,
    emails: CapturedEmails,
}

/// Returns the API's CORS layer for pages of these origins, as `infra/api.tf` configures it; `None` without origins.
pub fn cors(origins: &[String]) -> Result<Option<CorsLayer>> {
    let mut allowed: Vec<HeaderValue> = Vec::new();
    for origin in origins {
        let host = origin.strip_prefix("https://").or_else(|| origin.strip_prefix("http://")).unwrap_or_default();
        let bare = !host.is_empty() && !host.contains(|c: char| matches!(c, '/' | '*') || c.is_whitespace());
        ensure!(bare, "{origin:?} is no origin without path or wildcard, such as \"https://shop.example.com\"");
        allowed.push(origin.parse().with_context(|| format!("{origin:?} can't be a header"))?);
    }
    Ok((!allowed.is_empty()).then(|| {
        CorsLayer::new()
            .allow_origin(allowed)
            .allow_methods([Method::DELETE, Method::GET, Method::POST, Method::PUT])
            .allow_headers([
                header::AUTHORIZATION,
                header::CONTENT_TYPE,
                HeaderName::from_static("idempotency-key"),
                header::IF_NONE_MATCH,
            ])
            .expose_headers([header::ETAG, header::RETRY_AFTER])
            .max_age(CORS_MAX_AGE)
    }))
}

/// Serves requests on this listener until the task set ends.
pub fn serve(
    listener: TcpListener,
    functions: Functions,
    emails: CapturedEmails,
    cors: Option<CorsLayer>,
    tasks: &mut JoinSet<()>,
) {
    let app = Router::new()
        .route(
            "/_local/mail",
            get(async |State(gateway): State<Gateway>| Html(mailbox_page::render(&gateway.emails.list()))),
        )
        .route("/_local/mail.json", get(async |State(gateway): State<Gateway>| Json(gateway.emails.list())))
        .fallback(forward)
        .with_state(Gateway { functions, emails });
    // The CORS layer is outermost, so it answers preflights before any other check.
    let app = cors.into_iter().fold(app, Router::layer).into_make_service_with_connect_info::<SocketAddr>();
    tasks.spawn(async move {
        if let Err(error) = axum::serve(listener, app).await {
            tracing::error!(%error, "The HTTP front ended");
        }
    });
}

async fn forward(
    State(gateway): State<Gateway>,
    ConnectInfo(from): ConnectInfo<SocketAddr>,
    method: Method,
    uri: Uri,
    headers: HeaderMap,
    body: Body,
) -> Response {
    let body = match read(body).await {
        Ok(Some(body)) => body,
        Ok(None) => return refuse(StatusCode::PAYLOAD_TOO_LARGE, "Request Too Long"),
        Err(_) => return refuse(StatusCode::BAD_REQUEST, "Bad Request"),
    };
    let open = OPEN.iter().any(|path| uri.path() == *path || (path.ends_with('/') && uri.path().starts_with(path)));
    let claims = headers.get(header::AUTHORIZATION).and_then(|value| value.to_str().ok()).and_then(claims);
    if !open && claims.is_none() {
        // API Gateway's own text, sent before any function runs.
        return refuse(StatusCode::UNAUTHORIZED, "Unauthorized");
    }
    let event = event(&method, &uri, &headers, &body, from, claims);
    // A task of its own: API Gateway does not end an invocation whose client has left.
    let run = tokio::spawn(async move { gateway.functions.invoke("api", event, INTEGRATION_TIMEOUT).await });
    match run.await.map_err(Into::into).flatten().and_then(|answer| response(&answer)) {
        Ok(response) => response,
        Err(error) => {
            tracing::error!(error = format!("{error:#}"), "The api function failed");
            refuse(StatusCode::INTERNAL_SERVER_ERROR, "Internal Server Error")
        }
    }
}

/// Returns an error response of API Gateway itself.
fn refuse(status: StatusCode, message: &str) -> Response {
    (status, Json(json!({ "message": message }))).into_response()
}

/// Reads the whole body; `None` if it is too long.
async fn read(body: Body) -> Result<Option<Vec<u8>>, axum::Error> {
    let (mut chunks, mut whole, mut length) = (body.into_data_stream(), Vec::new(), 0);
    while let Some(chunk) = chunks.next().await {
        let chunk = chunk?;
        length += chunk.len();
        if length <= MAX_PAYLOAD {
            whole.extend_from_slice(&chunk);
        } else if length > MAX_DISCARDED {
            break;
        }
    }
    Ok((length <= MAX_PAYLOAD).then_some(whole))
}

/// Returns the claims that a JWT authorizer would read from a real token, for `Bearer dev:<studio>` or `Bearer
/// dev:<studio>:operator`.
fn claims(authorization: &str) -> Option<Value> {
    let token = authorization.strip_prefix("Bearer dev:")?;
    let (studio, role) = token.split_once(':').map_or((token, None), |(studio, role)| (studio, Some(role)));
    let mut claims = json!({ "sub": format!("dev-{studio}"), "iss": "local", STUDIO_CLAIM: studio });
    if let Some(role) = role {
        claims[ROLE_CLAIM] = role.into();
    }
    Some(claims)
}

/// Returns the event of payload format 2.0 (API Gateway, "Working with AWS Lambda proxy integrations for HTTP APIs").
fn event(
    method: &Method,
    uri: &Uri,
    headers: &HeaderMap,
    body: &[u8],
    from: SocketAddr,
    claims: Option<Value>,
) -> Value {
    let mut joined: BTreeMap<&str, String> = BTreeMap::new();
    for (name, value) in headers {
        let value = String::from_utf8_lossy(value.as_bytes());
        joined.entry(name.as_str()).and_modify(|all| *all = format!("{all},{value}")).or_insert(value.into_owned());
    }
    let now = Timestamp::now();
    let text = std::str::from_utf8(body);
    let mut event = json!({
        "version": "2.0",
        "routeKey": "$default",
        "rawPath": uri.path(),
        "rawQueryString": uri.query().unwrap_or_default(),
        "headers": joined,
        "requestContext": {
            "accountId": "000000000000",
            "apiId": "local",
            "domainName": joined.get("host"),
            "domainPrefix": "local",
            "http": {
                "method": method.as_str(),
                "path": uri.path(),
                "protocol": "HTTP/1.1",
                "sourceIp": from.ip().to_string(),
                "userAgent": joined.get("user-agent"),
            },
            "requestId": Uuid::new_v4().to_string(),
            "routeKey": "$default",
            "stage": "$default",
            "time": now.strftime("%d/%b/%Y:%H:%M:%S +0000").to_string(),
            "timeEpoch": now.as_millisecond(),
        },
        "isBase64Encoded": text.is_err(),
    });
    if !body.is_empty() {
        event["body"] = text.map_or_else(|_| STANDARD.encode(body).into(), Value::from);
    }
    if let Some(claims) = claims {
        event["requestContext"]["authorizer"] = json!({ "jwt": { "claims": claims, "scopes": null } });
    }
    event
}

/// Returns the function's response as HTTP.
fn response(answer: &Value) -> Result<Response> {
    let status = answer["statusCode"].as_u64().and_then(|code| u16::try_from(code).ok()).context("No statusCode")?;
    let text = answer["body"].as_str().unwrap_or_default();
    let body = if answer["isBase64Encoded"].as_bool() == Some(true) {
        STANDARD.decode(text)?
    } else {
        text.as_bytes().to_vec()
    };
    let mut response = Response::new(Body::from(body));
    *response.status_mut() = StatusCode::from_u16(status)?;
    let single = answer["headers"].as_object().into_iter().flatten().map(|(name, value)| (name, vec![value.clone()]));
    let multi = answer["multiValueHeaders"]
        .as_object()
        .into_iter()
        .flatten()
        .map(|(name, values)| (name, values.as_array().cloned().unwrap_or_default()));
    for (name, values) in single.chain(multi) {
        let name: HeaderName = name.parse()?;
        for value in values.iter().filter_map(Value::as_str) {
            response.headers_mut().insert(name.clone(), HeaderValue::from_str(value)?);
        }
    }
    // The server sets the length itself. For HEAD it keeps the length of the omitted body.
    response.headers_mut().remove(header::CONTENT_LENGTH);
    Ok(response)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Starts a gateway without functions, for tests of its own responses.
    async fn gateway(origins: &[&str]) -> (String, JoinSet<()>, tempfile::TempDir) {
        let data = tempfile::tempdir().unwrap();
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let origins: Vec<String> = origins.iter().map(|&origin| origin.to_owned()).collect();
        let mut tasks = JoinSet::new();
        let functions = Functions::behind("http://127.0.0.1:1").unwrap();
        serve(listener, functions, CapturedEmails::open(data.path()).unwrap(), cors(&origins).unwrap(), &mut tasks);
        (url, tasks, data)
    }

    #[tokio::test]
    async fn only_known_origins_are_allowed_by_cors() {
        let (url, _tasks, _data) = gateway(&["https://shop.example", "http://localhost:3000"]).await;
        let http = reqwest::Client::builder().no_proxy().build().unwrap();
        let ask = async |method: reqwest::Method, origin: &str| {
            let request = http.request(method, format!("{url}/photos")).header("origin", origin);
            let request = request.header("access-control-request-method", "DELETE");
            let answer = request.header("access-control-request-headers", "authorization,idempotency-key").send();
            let answer = answer.await.unwrap();
            let header = |name: &str| answer.headers().get(name).map(|value| value.to_str().unwrap().to_lowercase());
            let names = ["origin", "methods", "headers"].map(|name| header(&format!("access-control-allow-{name}")));
            let others = [header("access-control-max-age"), header("access-control-expose-headers")];
            (answer.status().as_u16(), names, others)
        };
        let some = |text: &str| Some(text.to_owned());
        let (status, allowed, others) = ask(reqwest::Method::OPTIONS, "https://shop.example").await;
        assert_eq!((status, others), (200, [some("3600"), None]), "no token is asked of a preflight");
        let headers = some("authorization,content-type,idempotency-key,if-none-match");
        assert_eq!(allowed, [some("https://shop.example"), some("delete,get,post,put"), headers]);
        let (status, allowed, others) = ask(reqwest::Method::GET, "http://localhost:3000").await;
        assert_eq!((status, &allowed[0]), (401, &some("http://localhost:3000")), "a refusal can be read, too");
        assert_eq!(others[1], some("etag,retry-after"));
        assert_eq!(ask(reqwest::Method::OPTIONS, "https://else.example").await.1[0], None);

        let (url, _tasks, _data) = gateway(&[]).await;
        let answer = http.request(reqwest::Method::OPTIONS, url).header("origin", "https://shop.example").send();
        let answer = answer.await.unwrap();
        assert!(!answer.headers().keys().any(|name| name.as_str().starts_with("access-control")), "{answer:?}");
    }

    #[test]
    fn origin_with_path_or_wildcard_is_refused() {
        for origin in ["*", "https://*.example.com", "https://shop.example/", "shop.example", "https://", "https://a b"]
        {
            assert!(cors(&[origin.to_owned()]).is_err(), "{origin}");
        }
    }

    #[tokio::test]
    async fn oversized_body_is_refused_like_api_gateway() {
        let (url, _tasks, _data) = gateway(&[]).await;
        let http = reqwest::Client::builder().no_proxy().build().unwrap();
        let send = async |bytes: usize| {
            let answer = http.post(format!("{url}/photos")).body(vec![b' '; bytes]).send().await.unwrap();
            (answer.status().as_u16(), answer.json::<Value>().await.unwrap())
        };
        assert_eq!(send(MAX_PAYLOAD + 1).await, (413, json!({ "message": "Request Too Long" })));
        assert_eq!(send(MAX_PAYLOAD).await, (401, json!({ "message": "Unauthorized" })));
    }
}
