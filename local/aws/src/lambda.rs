//! The Lambda stand-in: synchronous Invoke, and event source mappings. The library's user passes a function that runs the
//! functions, and polls the queues.

mod mappings;

use std::sync::{Arc, Mutex, OnceLock, PoisonError};

use futures::future::BoxFuture;
use http::{HeaderValue, Method, Response, StatusCode, request::Parts};
use serde_json::{Value, json};
use tokio::{sync::oneshot, task::JoinSet};
use tracing::warn;

pub use self::mappings::Mappings;
use super::identity::{ACCOUNT, REGION};
use crate::trace::{self, Trace};

/// Lambda: 6 MB for the event of a synchronous invocation.
const MAX_EVENT_BYTES: usize = 6 << 20;
/// The header in which the service names the type of an error.
const ERROR_TYPE: &str = "x-amzn-errortype";

/// An error of a function, as its caller receives it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FunctionError {
    /// `errorType`: the runtime's name for the error, such as `Sandbox.Timedout`.
    pub kind: &'static str,
    /// `errorMessage`.
    pub message: String,
}

/// An invocation in progress.
pub type Running = BoxFuture<'static, Result<Value, FunctionError>>;
/// Runs the function of this name with an event, up to its timeout, as part of a chain of requests. Returns `None`
/// where there is no such function.
pub type Run = Arc<dyn Fn(&str, Value, Trace) -> Option<Running> + Send + Sync>;

/// The functions that can be invoked, and the invocations in progress.
pub struct Lambda {
    run: OnceLock<Run>,
    mappings: Arc<Mappings>,
    running: Mutex<JoinSet<()>>,
}

/// An error response of the service: status, error type and message.
struct Refusal(StatusCode, &'static str, String);

impl Lambda {
    /// Creates a service with these event source mappings, and without functions.
    pub fn new(mappings: Arc<Mappings>) -> Self {
        Self { run: OnceLock::new(), mappings, running: Mutex::default() }
    }

    /// Sets the function that runs all later invocations.
    pub fn set(&self, run: Run) {
        let _ = self.run.set(run);
    }

    /// Aborts the invocations in progress, as the end of this process would.
    pub fn stop(&self) {
        self.running.lock().unwrap_or_else(PoisonError::into_inner).abort_all();
    }

    /// Handles one request. An invocation runs to its end even if its caller disconnects.
    pub async fn answer(&self, request: &Parts, body: &[u8]) -> Response<Vec<u8>> {
        if request.uri.path().starts_with(mappings::PATH) {
            return match self.mappings.answer(request, body) {
                Ok((status, body)) => respond(status, &body),
                Err(refusal) => refusal.respond(),
            };
        }
        let invocation = match self.begin(request, body) {
            Ok(invocation) => invocation,
            Err(refusal) => return refusal.respond(),
        };
        let ended = invocation.await.unwrap_or_else(|_| {
            Err(FunctionError { kind: "Runtime.ExitError", message: "The function ended without an answer".into() })
        });
        let (failed, payload) = match ended {
            Ok(payload) => (false, payload),
            Err(FunctionError { kind, message }) => (true, json!({ "errorType": kind, "errorMessage": message })),
        };
        let mut response = respond(StatusCode::OK, &payload);
        response.headers_mut().insert("x-amz-executed-version", HeaderValue::from_static("$LATEST"));
        if failed {
            warn!(path = request.uri.path(), %payload, "An invocation failed");
            response.headers_mut().insert("x-amz-function-error", HeaderValue::from_static("Unhandled"));
        }
        response
    }

    fn begin(&self, request: &Parts, body: &[u8]) -> Result<oneshot::Receiver<Result<Value, FunctionError>>, Refusal> {
        let function = request.uri.path().strip_prefix("/2015-03-31/functions/");
        let function = function.and_then(|rest| rest.strip_suffix("/invocations"));
        let Some(function) = function.filter(|_| request.method == Method::POST) else {
            let message = format!("{} {} is not played here.", request.method, request.uri.path());
            return Err(Refusal(StatusCode::NOT_FOUND, "UnknownOperationException", message));
        };
        let kind = request.headers.get("x-amz-invocation-type").map_or(&b"RequestResponse"[..], HeaderValue::as_bytes);
        if kind != b"RequestResponse" {
            let message = format!("The invocation type {} is not played here.", String::from_utf8_lossy(kind));
            return Err(Refusal(StatusCode::BAD_REQUEST, "InvalidParameterValueException", message));
        }
        if body.len() > MAX_EVENT_BYTES {
            let message = format!(
                "{} byte payload is too large for the RequestResponse invocation type (limit {MAX_EVENT_BYTES} bytes)",
                body.len()
            );
            return Err(Refusal(StatusCode::PAYLOAD_TOO_LARGE, "RequestTooLargeException", message));
        }
        // Without a body the event is an empty object.
        let event = serde_json::from_slice(if body.is_empty() { b"{}" } else { body }).map_err(|error| {
            let message = format!("Could not parse request body into json: {error}");
            Refusal(StatusCode::BAD_REQUEST, "InvalidRequestContentException", message)
        })?;
        let header = request.headers.get(trace::HEADER).and_then(|value| value.to_str().ok());
        let chain = header.map_or_else(Trace::begin, Trace::parse);
        let Some(run) = self.run.get().and_then(|run| run(function, event, chain)) else {
            let message = format!("Function not found: arn:aws:lambda:{REGION}:{ACCOUNT}:function:{function}");
            return Err(Refusal(StatusCode::NOT_FOUND, "ResourceNotFoundException", message));
        };
        let (sender, ended) = oneshot::channel();
        let mut running = self.running.lock().unwrap_or_else(PoisonError::into_inner);
        while running.try_join_next().is_some() {}
        running.spawn(async move {
            // The caller may have disconnected.
            let _ = sender.send(run.await);
        });
        Ok(ended)
    }
}

impl Refusal {
    fn respond(self) -> Response<Vec<u8>> {
        let Self(status, error_type, message) = self;
        // Lambda spells the member `Message` or `message`, depending on the error.
        let mut response = respond(status, &json!({ "Type": "User", "Message": message, "message": message }));
        response.headers_mut().insert(ERROR_TYPE, HeaderValue::from_static(error_type));
        response
    }
}

fn respond(status: StatusCode, body: &Value) -> Response<Vec<u8>> {
    let mut response = Response::new(body.to_string().into_bytes());
    *response.status_mut() = status;
    response.headers_mut().insert("content-type", HeaderValue::from_static("application/json"));
    response
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use http::Request;
    use tokio::sync::Notify;

    use super::*;

    fn without_functions() -> Lambda {
        let none = std::path::Path::new("no such folder/mappings.json");
        Lambda::new(Arc::new(Mappings::open(none).unwrap()))
    }

    /// Returns a service with three functions: `echo` returns its event, `fail` fails, `slow` signals its end.
    fn lambda(slow_ended: &Arc<Notify>) -> Lambda {
        let (lambda, slow_ended) = (without_functions(), slow_ended.clone());
        lambda.set(Arc::new(move |function, event, _| {
            let slow_ended = slow_ended.clone();
            let failed = FunctionError { kind: "Sandbox.Timedout", message: "timed out".into() };
            match function {
                "echo" => Some(Box::pin(async { Ok(event) })),
                "fail" => Some(Box::pin(async { Err(failed) })),
                "panic" => Some(Box::pin(async { panic!("as a function should not") })),
                "slow" => Some(Box::pin(async move {
                    tokio::time::sleep(Duration::from_millis(50)).await;
                    slow_ended.notify_one();
                    Ok(Value::Null)
                })),
                _ => None,
            }
        }));
        lambda
    }

    async fn invoke(lambda: &Lambda, function: &str, kind: &str, body: &[u8]) -> (u16, Value, Value) {
        let path = format!("/2015-03-31/functions/{function}/invocations");
        let request = Request::post(path).header("x-amz-invocation-type", kind).body(()).unwrap();
        let response = lambda.answer(&request.into_parts().0, body).await;
        let named = response.headers().get("x-amz-function-error").or(response.headers().get(ERROR_TYPE));
        let named = named.map(|value| value.to_str().unwrap().into());
        (
            response.status().as_u16(),
            named.unwrap_or_default(),
            serde_json::from_slice(response.body()).unwrap_or_default(),
        )
    }

    #[tokio::test]
    async fn function_returns_its_payload_or_failure() {
        let lambda = lambda(&Arc::default());
        let ask = async |function| invoke(&lambda, function, "RequestResponse", br#"{"Records":[]}"#).await;
        assert_eq!(ask("echo").await, (200, Value::Null, json!({ "Records": [] })));
        let failed = json!({ "errorType": "Sandbox.Timedout", "errorMessage": "timed out" });
        assert_eq!(ask("fail").await, (200, json!("Unhandled"), failed));
        let (status, error, payload) = ask("panic").await;
        assert_eq!((status, error, &payload["errorType"]), (200, json!("Unhandled"), &json!("Runtime.ExitError")));
    }

    #[tokio::test]
    async fn invalid_invocations_are_refused() {
        let lambda = lambda(&Arc::default());
        let refused = async |function, kind, body: &[u8]| {
            let (status, error, _) = invoke(&lambda, function, kind, body).await;
            (status, error.as_str().unwrap_or_default().to_owned())
        };
        let large = vec![b' '; MAX_EVENT_BYTES + 1];
        for (function, kind, body, status, error) in [
            ("none", "RequestResponse", &b"{}"[..], 404, "ResourceNotFoundException"),
            ("echo", "RequestResponse", &large, 413, "RequestTooLargeException"),
            ("echo", "RequestResponse", b"{", 400, "InvalidRequestContentException"),
            ("echo", "Event", b"{}", 400, "InvalidParameterValueException"),
            ("echo", "DryRun", b"{}", 400, "InvalidParameterValueException"),
        ] {
            assert_eq!(refused(function, kind, body).await, (status, error.to_owned()), "{function} {kind}");
        }
        let before = without_functions();
        assert_eq!(invoke(&before, "echo", "RequestResponse", b"{}").await.0, 404, "no functions yet");
    }

    #[tokio::test]
    async fn invocation_outlives_its_caller() {
        let ended = Arc::new(Notify::new());
        let lambda = lambda(&ended);
        let call = invoke(&lambda, "slow", "RequestResponse", b"{}");
        tokio::time::timeout(Duration::from_millis(5), call).await.expect_err("the caller gives up");
        tokio::time::timeout(Duration::from_secs(5), ended.notified()).await.expect("the invocation runs to its end");
    }
}
