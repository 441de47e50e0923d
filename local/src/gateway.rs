//! Plays API Gateway: HTTP in, a payload 2.0 event to the `api` function, HTTP out; and the mailbox of this machine.

use std::{collections::BTreeMap, net::SocketAddr, time::Duration};

use anyhow::{Context as _, Result};
use axum::{
    Json, Router,
    body::{Body, Bytes},
    extract::{ConnectInfo, DefaultBodyLimit, State},
    http::{HeaderMap, HeaderName, HeaderValue, Method, StatusCode, Uri, header},
    response::{Html, IntoResponse, Response},
    routing::get,
};
use base64::{Engine as _, engine::general_purpose::STANDARD};
use jiff::Timestamp;
use serde_json::{Value, json};
use tokio::{net::TcpListener, task::JoinSet};
use uuid::Uuid;

use crate::{functions::Functions, mail_page, system::Mails};

/// HTTP API: an integration answers within 30 s (Lambda's own limit for `api` is a little less).
const INTEGRATION_TIMEOUT: Duration = Duration::from_secs(29);
/// HTTP API: a payload of 10 MB at most.
const MAX_PAYLOAD: usize = 10 << 20;
/// Paths that need no token.
const OPEN: [&str; 3] = ["/d/", "/health", "/openapi.json"];

#[derive(Clone)]
struct Gateway {
    functions: Functions,
    mails: Mails,
}

/// Serves on this listener until the set ends.
pub fn serve(listener: TcpListener, functions: Functions, mails: Mails, tasks: &mut JoinSet<()>) {
    let app = Router::new()
        .route(
            "/_local/mail",
            get(async |State(gateway): State<Gateway>| Html(mail_page::render(&gateway.mails.list()))),
        )
        .route("/_local/mail.json", get(async |State(gateway): State<Gateway>| Json(gateway.mails.list())))
        .fallback(forward)
        .layer(DefaultBodyLimit::max(MAX_PAYLOAD))
        .with_state(Gateway { functions, mails })
        .into_make_service_with_connect_info::<SocketAddr>();
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
    body: Bytes,
) -> Response {
    let open = OPEN.iter().any(|path| uri.path() == *path || (path.ends_with('/') && uri.path().starts_with(path)));
    let claims = headers.get(header::AUTHORIZATION).and_then(|value| value.to_str().ok()).and_then(claims);
    if !open && claims.is_none() {
        // API Gateway's own words, before any function runs.
        return (StatusCode::UNAUTHORIZED, Json(json!({ "message": "Unauthorized" }))).into_response();
    }
    let event = event(&method, &uri, &headers, &body, from, claims);
    match gateway.functions.invoke("api", event, INTEGRATION_TIMEOUT).await.and_then(|answer| response(&answer)) {
        Ok(response) => response,
        Err(error) => {
            tracing::error!(error = format!("{error:#}"), "The api function failed");
            (StatusCode::INTERNAL_SERVER_ERROR, Json(json!({ "message": "Internal Server Error" }))).into_response()
        }
    }
}

/// `Bearer dev:<studio>` or `Bearer dev:<studio>:operator`: what a JWT authorizer would find in a real token.
fn claims(authorization: &str) -> Option<Value> {
    let token = authorization.strip_prefix("Bearer dev:")?;
    let (studio, role) = token.split_once(':').map_or((token, None), |(studio, role)| (studio, Some(role)));
    let mut claims = json!({ "sub": format!("dev-{studio}"), "iss": "local", crate::system::STUDIO_CLAIM: studio });
    if let Some(role) = role {
        claims[crate::system::ROLE_CLAIM] = role.into();
    }
    Some(claims)
}

/// The event of payload format 2.0 (API Gateway, "Working with AWS Lambda proxy integrations for HTTP APIs").
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

/// The function's answer as HTTP.
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
    // The length is this server's to say; HEAD keeps the body's.
    response.headers_mut().remove(header::CONTENT_LENGTH);
    Ok(response)
}
