//! Lambda: invokes a worker directly, for synchronous requests.

use std::time::Duration;

use anyhow::{Context as _, Result};
use aws_smithy_runtime_api::client::orchestrator::{HttpResponse, OrchestratorError};
use aws_smithy_types::{body::SdkBody, error::ErrorMetadata, retry::RetryConfig, timeout::TimeoutConfig};
use aws_types::SdkConfig;
use serde_json::Value;

use crate::{
    aws::failed,
    call::{Call, Service, body, call},
};

/// Client of Lambda's Invoke.
pub struct Lambda {
    invoke: Call<Invocation, Answer>,
}

#[derive(Debug)]
struct Invocation {
    function: String,
    event: String,
}

#[derive(Debug)]
struct Answer {
    payload: Value,
    failed: bool,
}

impl Lambda {
    /// Creates a client with the clients' region and credentials. A call has one attempt with timeout `patience`,
    /// because the caller decides about retries.
    pub fn new(config: &SdkConfig, patience: Duration) -> Result<Self> {
        let usual = config.timeout_config().context("No timeouts are configured")?;
        let timeouts = TimeoutConfig::builder()
            .connect_timeout(usual.connect_timeout().unwrap_or(patience))
            .read_timeout(patience)
            .operation_attempt_timeout(patience)
            .operation_timeout(patience)
            .build();
        let service = Service {
            name: "lambda",
            signed_as: "lambda",
            operation: "Invoke",
            retries: Some(RetryConfig::disabled()),
            timeouts: Some(timeouts),
        };
        Ok(Self { invoke: call(config, service, request, read)? })
    }

    /// Invokes the function and returns its response. Returns an error if the function failed, could not be invoked, or
    /// did not respond in time; in the last case it continues to run.
    pub async fn invoke(&self, function: &str, event: &Value) -> Result<Value> {
        let invocation = Invocation { function: function.to_owned(), event: event.to_string() };
        let sent = self.invoke.invoke(invocation).await;
        let answer = sent.map_err(|error| failed("Failed to run a worker", error))?;
        anyhow::ensure!(!answer.failed, "A worker failed: {}", answer.payload);
        Ok(answer.payload)
    }
}

fn request(invocation: Invocation) -> Result<http::Request<SdkBody>, http::Error> {
    http::Request::post(format!("/2015-03-31/functions/{}/invocations", invocation.function))
        .header("content-type", "application/json")
        .header("x-amz-invocation-type", "RequestResponse")
        .body(SdkBody::from(invocation.event))
}

fn read(response: &HttpResponse) -> Result<Answer, OrchestratorError<ErrorMetadata>> {
    let payload = body(response)?;
    let payload = serde_json::from_slice(if payload.is_empty() { b"null" } else { payload });
    Ok(Answer {
        payload: payload.map_err(OrchestratorError::other)?,
        failed: response.headers().get("x-amz-function-error").is_some(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::call::answered;

    #[test]
    fn failed_function_is_recognised_by_its_header() {
        let mut response = answered(200, r#"{"errorMessage":"x"}"#);
        assert!(read(&response).is_ok_and(|answer| !answer.failed));
        response.headers_mut().insert("x-amz-function-error", "Unhandled");
        assert!(read(&response).is_ok_and(|answer| answer.failed));
        assert!(read(&answered(404, r#"{"Type":"User","Message":"Function not found"}"#)).is_err());
    }
}
