//! Parameter Store: reads one parameter.
//!
//! The one call of SSM that is needed is made here, by the SDK's own parts: its signer, retries and timeouts. SSM's
//! generated client has 150 operations; it was a sixth of the whole build, and a megabyte of each package that links it.

use anyhow::{Context as _, Result};
use aws_runtime::{
    auth::{
        SigV4OperationSigningConfig,
        sigv4::{SCHEME_ID, SigV4AuthScheme},
    },
    retries::classifiers::AwsErrorCodeClassifier,
};
use aws_smithy_runtime::client::{
    orchestrator::operation::Operation,
    retries::classifiers::{HttpStatusCodeClassifier, TransientErrorClassifier},
};
use aws_smithy_runtime_api::{
    client::{
        auth::{
            AuthSchemeOptionResolverParams, SharedAuthSchemeOptionResolver,
            static_resolver::StaticAuthSchemeOptionResolver,
        },
        identity::SharedIdentityResolver,
        orchestrator::{HttpRequest, HttpResponse, OrchestratorError},
        runtime_components::RuntimeComponentsBuilder,
        runtime_plugin::StaticRuntimePlugin,
    },
    http::Request,
};
use aws_smithy_types::{body::SdkBody, config_bag::Layer, error::ErrorMetadata};
use aws_types::{SdkConfig, SigningName, region::SigningRegion};
use serde::Deserialize;
use serde_json::json;

use crate::aws::failed;

/// SSM's Parameter Store.
pub struct Parameters {
    get: Operation<String, String, ErrorMetadata>,
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

#[derive(Deserialize)]
struct Refusal {
    #[serde(rename = "__type", default)]
    kind: String,
    #[serde(default, alias = "Message")]
    message: String,
}

impl Parameters {
    /// With the clients' region, credentials, retries and timeouts.
    pub fn new(config: &SdkConfig) -> Result<Self> {
        let region = config.region().context("No region is configured")?.clone();
        let domain = if region.as_ref().starts_with("cn-") { "amazonaws.com.cn" } else { "amazonaws.com" };
        let aws = format!("https://ssm.{region}.{domain}");
        let credentials = config.credentials_provider().context("No credentials are configured")?;
        let mut signing = Layer::new("SigV4");
        signing.store_put(AuthSchemeOptionResolverParams::new(()));
        signing.store_put(SigV4OperationSigningConfig {
            region: Some(SigningRegion::from(region)),
            name: Some(SigningName::from_static("ssm")),
            ..SigV4OperationSigningConfig::default()
        });
        let components = RuntimeComponentsBuilder::new("SigV4")
            .with_auth_scheme(SigV4AuthScheme::new())
            .with_auth_scheme_option_resolver(Some(SharedAuthSchemeOptionResolver::new(
                StaticAuthSchemeOptionResolver::new(vec![SCHEME_ID]),
            )))
            .with_identity_resolver(SCHEME_ID, SharedIdentityResolver::new(credentials));
        let plugin = StaticRuntimePlugin::new().with_config(signing.freeze()).with_runtime_components(components);
        let get = Operation::builder()
            .service_name("ssm")
            .operation_name("GetParameter")
            .behavior_version(config.behavior_version().context("No behaviour version is configured")?)
            .http_client(config.http_client().context("No HTTP client is configured")?)
            .endpoint_url(config.endpoint_url().unwrap_or(&aws))
            .standard_retry(config.retry_config().context("No retries are configured")?)
            .timeout_config(config.timeout_config().context("No timeouts are configured")?.clone())
            .retry_classifier(AwsErrorCodeClassifier::<ErrorMetadata>::new())
            .retry_classifier(TransientErrorClassifier::<ErrorMetadata>::new())
            .retry_classifier(HttpStatusCodeClassifier::default())
            .runtime_plugin(plugin)
            .serializer(|name: String| request(&name).map_err(Into::into))
            .deserializer(read)
            .build();
        Ok(Self { get })
    }

    /// The parameter's value, decrypted.
    pub async fn get(&self, name: &str) -> Result<String> {
        let sent = self.get.invoke(name.to_owned()).await;
        sent.map_err(|error| failed("Failed to read a parameter", error))
    }
}

fn request(name: &str) -> Result<HttpRequest, http::Error> {
    let body = json!({ "Name": name, "WithDecryption": true }).to_string();
    let request = http::Request::post("/")
        .header("content-type", "application/x-amz-json-1.1")
        .header("x-amz-target", "AmazonSSM.GetParameter")
        .body(SdkBody::from(body))?;
    // What `http` has accepted, the SDK's own type accepts.
    Ok(Request::try_from(request).unwrap_or_else(|_| unreachable!("a valid request")))
}

fn read(response: &HttpResponse) -> Result<String, OrchestratorError<ErrorMetadata>> {
    let body = response.body().bytes().unwrap_or_default();
    if response.status().is_success() {
        let answer: Answer = serde_json::from_slice(body).map_err(OrchestratorError::other)?;
        return Ok(answer.parameter.value);
    }
    let refusal = serde_json::from_slice(body).unwrap_or(Refusal { kind: String::new(), message: String::new() });
    // Some answers spell the type with its namespace: `com.amazonaws.ssm#ParameterNotFound`.
    let code = refusal.kind.rsplit('#').next().unwrap_or_default();
    Err(OrchestratorError::operation(ErrorMetadata::builder().code(code).message(refusal.message).build()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn answered(status: u16, body: &str) -> Result<String, String> {
        let response = http::Response::builder().status(status).body(SdkBody::from(body)).expect("a response");
        read(&HttpResponse::try_from(response).expect("ours")).map_err(|error| format!("{error:?}"))
    }

    #[test]
    fn a_value_is_read_and_a_refusal_keeps_its_code() {
        assert_eq!(answered(200, r#"{"Parameter":{"Name":"/x","Value":"1:abc"}}"#), Ok("1:abc".into()));
        let refused = answered(400, r#"{"__type":"com.amazonaws.ssm#ParameterNotFound","message":"none"}"#);
        assert!(refused.is_err_and(|error| error.contains("\"ParameterNotFound\"")));
        assert!(answered(200, "{}").is_err() && answered(503, "<html>").is_err());
    }
}
