//! Calls of AWS services that need one operation only, built from the SDK's signer, retries and timeouts.
//!
//! The generated client of SSM has 150 operations, that of SES 110, those of CloudWatch and Lambda together as many.
//! SSM's client alone took a sixth of the build time, and a megabyte of each package that links it.

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
use aws_smithy_types::{
    body::SdkBody, config_bag::Layer, error::ErrorMetadata, retry::RetryConfig, timeout::TimeoutConfig,
};
use aws_types::{SdkConfig, SigningName, region::SigningRegion};
use serde::Deserialize;

use crate::aws::retries;

/// A call with request type `I` and response type `O`.
pub type Call<I, O> = Operation<I, O, ErrorMetadata>;

/// Service and settings of a call.
pub struct Service {
    /// Name of the service in its endpoint, such as `email` for SES.
    pub name: &'static str,
    /// Name of the service in the signature, such as `ses` for SES; usually the same.
    pub signed_as: &'static str,
    /// Name of the operation for errors, such as `GetParameter`.
    pub operation: &'static str,
    /// Retries, if they differ from the clients'.
    pub retries: Option<RetryConfig>,
    /// Timeouts, if they differ from the clients'.
    pub timeouts: Option<TimeoutConfig>,
}

/// Creates a call with the clients' region, credentials and endpoint. Retries and timeouts are the clients' unless the
/// service sets its own.
pub fn call<I, O>(
    config: &SdkConfig,
    service: Service,
    request: impl Fn(I) -> Result<http::Request<SdkBody>, http::Error> + Send + Sync + 'static,
    read: impl Fn(&HttpResponse) -> Result<O, OrchestratorError<ErrorMetadata>> + Send + Sync + 'static,
) -> Result<Call<I, O>>
where
    I: std::fmt::Debug + Send + Sync + 'static,
    O: std::fmt::Debug + Send + Sync + 'static,
{
    let region = config.region().context("No region is configured")?.clone();
    let domain = if region.as_ref().starts_with("cn-") { "amazonaws.com.cn" } else { "amazonaws.com" };
    let aws = format!("https://{}.{region}.{domain}", service.name);
    let credentials = config.credentials_provider().context("No credentials are configured")?;
    let mut signing = Layer::new("SigV4");
    signing.store_put(AuthSchemeOptionResolverParams::new(()));
    signing.store_put(retries(service.name));
    signing.store_put(SigV4OperationSigningConfig {
        region: Some(SigningRegion::from(region)),
        name: Some(SigningName::from_static(service.signed_as)),
        ..SigV4OperationSigningConfig::default()
    });
    let components = RuntimeComponentsBuilder::new("SigV4")
        .with_auth_scheme(SigV4AuthScheme::new())
        .with_auth_scheme_option_resolver(Some(SharedAuthSchemeOptionResolver::new(
            StaticAuthSchemeOptionResolver::new(vec![SCHEME_ID]),
        )))
        .with_identity_resolver(SCHEME_ID, SharedIdentityResolver::new(credentials));
    let plugin = StaticRuntimePlugin::new().with_config(signing.freeze()).with_runtime_components(components);
    let usual_retries = config.retry_config().context("No retries are configured")?;
    let usual_timeouts = config.timeout_config().context("No timeouts are configured")?;
    Ok(Operation::builder()
        .service_name(service.name)
        .operation_name(service.operation)
        .behavior_version(config.behavior_version().context("No behaviour version is configured")?)
        .http_client(config.http_client().context("No HTTP client is configured")?)
        .endpoint_url(config.endpoint_url().unwrap_or(&aws))
        .standard_retry(service.retries.as_ref().unwrap_or(usual_retries))
        .timeout_config(service.timeouts.unwrap_or_else(|| usual_timeouts.clone()))
        .retry_classifier(AwsErrorCodeClassifier::<ErrorMetadata>::new())
        .retry_classifier(TransientErrorClassifier::<ErrorMetadata>::new())
        .retry_classifier(HttpStatusCodeClassifier::default())
        .runtime_plugin(plugin)
        .serializer(move |input: I| request(input).map(ours).map_err(Into::into))
        .deserializer(read)
        .build())
}

/// Converts a request of `http` to the SDK's type, which accepts all of them.
fn ours(request: http::Request<SdkBody>) -> HttpRequest {
    Request::try_from(request).unwrap_or_else(|_| unreachable!("a valid request"))
}

#[derive(Default, Deserialize)]
struct Refusal {
    #[serde(rename = "__type", default)]
    kind: String,
    #[serde(default, alias = "Message")]
    message: String,
}

/// Returns the body of a JSON response, or the error that it describes.
pub fn body(response: &HttpResponse) -> Result<&[u8], OrchestratorError<ErrorMetadata>> {
    let body = response.body().bytes().unwrap_or_default();
    if response.status().is_success() {
        return Ok(body);
    }
    let Refusal { kind, message } = serde_json::from_slice(body).unwrap_or_default();
    // REST services name the type in a header, the others in the body.
    let named = response.headers().get("x-amzn-errortype").unwrap_or(&kind);
    // The type can have a namespace (`com.amazonaws.ssm#ParameterNotFound`) or a URL after it.
    let code = named.rsplit('#').next().and_then(|code| code.split(':').next()).unwrap_or_default();
    Err(OrchestratorError::operation(ErrorMetadata::builder().code(code).message(message).build()))
}

#[cfg(test)]
pub(crate) fn answered(status: u16, body: &str) -> HttpResponse {
    let response = http::Response::builder().status(status).body(SdkBody::from(body)).expect("a response");
    HttpResponse::try_from(response).expect("ours")
}
