//! API Gateway: the way of a client to the API, with the losses of the internet.

use std::{collections::HashMap, time::Duration};

use axum::body::Body;
use http::{HeaderMap, Method, Request, StatusCode};
use lambda_http::request::RequestContext;
use serde_json::{Value, json};

use crate::{
    cloud::Cloud,
    config::{self, API, OPERATOR_CLAIM, STUDIO_CLAIM},
    lambda::Lambda,
};

/// Largest body that a client reads.
const MAX_BODY_BYTES: usize = 16 << 20;

/// Response of the API.
#[derive(Debug, Clone)]
pub struct Answer {
    /// Status.
    pub status: StatusCode,
    /// Headers.
    pub headers: HeaderMap,
    /// Body, if it is JSON.
    pub json: Value,
    /// Body as text.
    pub text: String,
}

/// Request to the API.
#[derive(Debug, Clone)]
pub struct Call {
    /// Method.
    pub method: Method,
    /// Path and query.
    pub path: String,
    /// Body; null is none, and text is a form.
    pub body: Value,
    /// Idempotency-Key.
    pub key: Option<String>,
    /// Studio of the token; `None` sends no token.
    pub studio: Option<String>,
    /// Whether the token is an operator's.
    pub operator: bool,
}

/// The public door of the API.
#[derive(Clone)]
pub struct Gateway {
    /// The cloud.
    pub cloud: Cloud,
    /// The functions.
    pub lambda: Lambda,
}

impl Gateway {
    /// Sends a request once. Returns `None` if the client hears no response.
    pub async fn send(&self, call: &Call) -> Option<Answer> {
        let (lost, reply_lost, latency) = {
            let mut state = self.cloud.state();
            let state = &mut *state;
            let rate = state.faults.call;
            (state.random.f64() < rate / 2.0, state.random.f64() < rate, state.random.u64(5..200))
        };
        tokio::time::sleep(Duration::from_millis(latency)).await;
        if lost {
            return None;
        }
        let answered = self.lambda.serve(request(call), config::timeout(API)).await;
        if reply_lost {
            return None;
        }
        let Ok(response) = answered else {
            // API Gateway's own response.
            let json = json!({ "message": "Service Unavailable" });
            let status = StatusCode::SERVICE_UNAVAILABLE;
            return Some(Answer { status, headers: HeaderMap::new(), text: json.to_string(), json });
        };
        let (head, body) = response.into_parts();
        let bytes = axum::body::to_bytes(body, MAX_BODY_BYTES).await.unwrap_or_default();
        let json = serde_json::from_slice(&bytes).unwrap_or_default();
        let text = String::from_utf8_lossy(&bytes).into_owned();
        self.cloud.state().trace.say(format!("client: {} {} -> {}", call.method, call.path, head.status));
        Some(Answer { status: head.status, headers: head.headers, json, text })
    }
}

fn request(call: &Call) -> Request<Body> {
    let mut request = Request::builder().method(&call.method).uri(&call.path);
    if let Some(key) = &call.key {
        request = request.header("idempotency-key", key);
    }
    let (content_type, body) = match &call.body {
        Value::Null => ("", String::new()),
        Value::String(form) => ("application/x-www-form-urlencoded", form.clone()),
        json => ("application/json", json.to_string()),
    };
    if !body.is_empty() {
        request = request.header("content-type", content_type).header("content-length", body.len());
    }
    let mut request = request.body(Body::from(body)).unwrap_or_default();
    let claims = call.studio.as_ref().map(|studio| {
        let mut claims = HashMap::from([(STUDIO_CLAIM, studio.as_str())]);
        if call.operator {
            claims.insert(OPERATOR_CLAIM.0, OPERATOR_CLAIM.1);
        }
        claims
    });
    let mut context = json!({ "http": { "method": call.method.as_str(), "path": call.path } });
    if let Some(claims) = claims {
        context["authorizer"] = json!({ "jwt": { "claims": claims, "scopes": null } });
    }
    if let Ok(context) = serde_json::from_value(context) {
        request.extensions_mut().insert(RequestContext::ApiGatewayV2(context));
    }
    request
}
