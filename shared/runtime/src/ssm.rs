//! Parameter Store: reads parameters.

use anyhow::Result;
use aws_smithy_runtime_api::client::orchestrator::{HttpResponse, OrchestratorError};
use aws_smithy_types::{body::SdkBody, error::ErrorMetadata};
use aws_types::SdkConfig;
use serde::Deserialize;
use serde_json::json;

use crate::{
    aws::failed,
    call::{Call, Service, body, call},
};

/// Client of SSM's Parameter Store.
pub struct Parameters {
    get: Call<String, String>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Answer {
    parameter: Parameter,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Parameter {
    value: String,
}

impl Parameters {
    /// Creates a client with the clients' region, credentials, retries and timeouts.
    pub fn new(config: &SdkConfig) -> Result<Self> {
        let service =
            Service { name: "ssm", signed_as: "ssm", operation: "GetParameter", retries: None, timeouts: None };
        Ok(Self { get: call(config, service, |name: String| request(&name), read)? })
    }

    /// Returns the decrypted value of the parameter.
    pub async fn get(&self, name: &str) -> Result<String> {
        let sent = self.get.invoke(name.to_owned()).await;
        sent.map_err(|error| failed("Failed to read a parameter", error))
    }
}

fn request(name: &str) -> Result<http::Request<SdkBody>, http::Error> {
    let body = json!({ "Name": name, "WithDecryption": true }).to_string();
    http::Request::post("/")
        .header("content-type", "application/x-amz-json-1.1")
        .header("x-amz-target", "AmazonSSM.GetParameter")
        .body(SdkBody::from(body))
}

fn read(response: &HttpResponse) -> Result<String, OrchestratorError<ErrorMetadata>> {
    let answer: Answer = serde_json::from_slice(body(response)?).map_err(OrchestratorError::other)?;
    Ok(answer.parameter.value)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::call::answered;

    #[test]
    fn value_is_read_and_refusal_keeps_code() {
        let read = |status, body| read(&answered(status, body)).map_err(|error| format!("{error:?}"));
        assert_eq!(read(200, r#"{"Parameter":{"Name":"/x","Value":"1:abc"}}"#), Ok("1:abc".into()));
        let refused = read(400, r#"{"__type":"com.amazonaws.ssm#ParameterNotFound","message":"none"}"#);
        assert!(refused.is_err_and(|error| error.contains("\"ParameterNotFound\"")));
        assert!(read(200, "{}").is_err() && read(503, "<html>").is_err());
    }
}
