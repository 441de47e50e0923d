//! AWS clients with explicit retries and timeouts.
//!
//! Separate limits apply to connecting, the first byte, an attempt and a whole call: minutes for a worker's job, 9 s
//! for the API. The SDK makes up to four attempts of a call; calls of SES are not retried. After an error, the
//! completion of a multipart upload is looked up in S3 before the error counts. [`is_unavailable`] alone decides which
//! errors are outages.

use std::time::Duration;

use aws_credential_types::Credentials;
use aws_sdk_s3::config::{BehaviorVersion, Region, StalledStreamProtectionConfig};
use aws_smithy_http_client::{Builder as HttpBuilder, tls};
use aws_smithy_runtime::client::retries::{RetryPartition, TokenBucket};
use aws_smithy_runtime_api::client::{http::SharedHttpClient, orchestrator::HttpResponse, result::SdkError};
use aws_smithy_types::{error::metadata::ProvideErrorMetadata, retry::RetryConfig, timeout::TimeoutConfig};
use aws_types::{SdkConfig, sdk_config::SharedCredentialsProvider};
use domain::error::ServiceUnavailable;

use crate::{
    env::{Env, EnvError},
    world::World,
};

/// Timeout of connecting. Inside a region a connection takes milliseconds; a slower one is better retried.
const CONNECT: Duration = Duration::from_secs(3);
/// Time to the first byte of a response.
const READ: Duration = Duration::from_secs(30);
/// Timeout of one attempt, bodies included (a part of an archive at a slow 1 MB/s).
const ATTEMPT: Duration = Duration::from_secs(60);
/// Timeout of one call, with its attempts and the waits between them. The job retries a slower call, because its
/// attempts are counted and visible.
const OPERATION: Duration = Duration::from_secs(150);
/// Attempts of one call, including the first.
const ATTEMPTS: u32 = 4;
/// Longest wait before the second attempt; it doubles with each attempt (the SDK's own default).
const FIRST_BACKOFF: Duration = Duration::from_secs(1);
/// Tokens for retries of a client. A retry takes 5, and one after a timeout 10: enough for the 200 concurrent copies of
/// an archive.
const RETRY_TOKENS: usize = 2000;
/// Tokens that are refilled each second.
const RETRY_TOKENS_PER_SECOND: f32 = 100.0;
/// Variable that scales all timeouts above, in percent. Tests set it, so that a hanging server does not cost half a
/// minute.
const PATIENCE: &str = "SDK_PATIENCE_PERCENT";

/// Timeouts of a function's calls.
#[derive(Debug, Clone, Copy)]
pub enum Patience {
    /// Timeouts of a worker, in minutes.
    Job,
    /// Timeouts of a function whose caller waits for 30 s at most (API Gateway). They leave time to report a hanging
    /// service.
    Request,
}

impl Patience {
    /// Returns the timeouts for the first byte, for one attempt, and for one call.
    fn times(self) -> (Duration, Duration, Duration) {
        match self {
            Self::Job => (READ, ATTEMPT, OPERATION),
            Self::Request => (Duration::from_secs(4), Duration::from_secs(5), Duration::from_secs(9)),
        }
    }
}

/// Returns the configuration that all clients of a function share.
///
/// Credentials, region and endpoints come from the variables that Lambda sets. The default provider chain, with its
/// files and metadata calls, would slow down cold starts.
pub fn config(env: &Env, patience: Patience) -> Result<SdkConfig, EnvError> {
    let credentials = Credentials::new(
        env.required("AWS_ACCESS_KEY_ID")?,
        env.required("AWS_SECRET_ACCESS_KEY")?,
        env.optional("AWS_SESSION_TOKEN"),
        None,
        "environment",
    );
    let percent = env.parsed_or(PATIENCE, 100_u32)?;
    let times = |full: Duration| full * percent / 100;
    let (read, attempt, operation) = patience.times();
    let mut config = SdkConfig::builder()
        .behavior_version(BehaviorVersion::latest())
        .region(Region::new(env.required("AWS_REGION")?))
        .credentials_provider(SharedCredentialsProvider::new(credentials))
        .time_source(env.clock())
        .http_client(env.world().http().cloned().unwrap_or_else(|| https(|client| client)))
        .retry_config(RetryConfig::standard().with_max_attempts(ATTEMPTS).with_initial_backoff(times(FIRST_BACKOFF)))
        .timeout_config(
            TimeoutConfig::builder()
                .connect_timeout(times(CONNECT))
                .read_timeout(times(read))
                .operation_attempt_timeout(times(attempt))
                .operation_timeout(times(operation))
                .build(),
        );
    config.set_endpoint_url(env.optional("AWS_ENDPOINT_URL"));
    Ok(config.build())
}

/// Returns a client configuration for calls to which S3 responds slowly.
///
/// `head` limits the time to the head of the response, and `attempt` limits one attempt including the body; a call has
/// two attempts. All limits are set, because an omitted one keeps the value for all calls. They scale in proportion to
/// the client's configuration.
///
/// S3 may send the head of such a response immediately and its body minutes later, with or without white space in
/// between. The SDK considers a connection dead after five seconds without data in a body (smithy-rs#4439), so this
/// must be disabled.
pub fn slow_answer(client: &aws_sdk_s3::Client, head: Duration, attempt: Duration) -> aws_sdk_s3::config::Builder {
    let usual = client.config().timeout_config().and_then(TimeoutConfig::operation_timeout).unwrap_or(OPERATION);
    let times = |full: Duration| full.mul_f64(usual.as_secs_f64() / OPERATION.as_secs_f64());
    let timeouts = TimeoutConfig::builder()
        .read_timeout(times(head))
        .operation_attempt_timeout(times(attempt))
        .operation_timeout(usual.max(times(attempt) * 2))
        .build();
    aws_sdk_s3::config::Builder::new()
        .timeout_config(timeouts)
        .stalled_stream_protection(StalledStreamProtectionConfig::disabled())
}

/// Creates the DynamoDB client, with the endpoint `AWS_ENDPOINT_URL_DYNAMODB` if it is set.
pub fn dynamodb(env: &Env, config: &SdkConfig) -> aws_sdk_dynamodb::Client {
    let mut builder = aws_sdk_dynamodb::config::Builder::from(config);
    if let Some(url) = env.optional("AWS_ENDPOINT_URL_DYNAMODB") {
        builder = builder.endpoint_url(url);
    }
    aws_sdk_dynamodb::Client::from_conf(builder.retry_partition(retries("dynamodb")).build())
}

/// Creates the SQS client.
pub fn sqs(config: &SdkConfig) -> aws_sdk_sqs::Client {
    let builder = aws_sdk_sqs::config::Builder::from(config);
    aws_sdk_sqs::Client::from_conf(builder.retry_partition(retries("sqs")).build())
}

/// Returns the tokens for the retries of one client.
///
/// The SDK's default tokens belong to all clients of a service in the process, and only successes refill them. After an
/// outage that used them up, the next job or request would have no retries.
pub(crate) fn retries(client: &'static str) -> RetryPartition {
    let tokens = TokenBucket::builder().capacity(RETRY_TOKENS).refill_rate(RETRY_TOKENS_PER_SECOND).build();
    RetryPartition::custom(client).token_bucket(tokens).build()
}

/// Creates the S3 client. Endpoints other than AWS's have no host name per bucket.
pub fn s3(env: &Env, config: &SdkConfig) -> aws_sdk_s3::Client {
    let path_style = env.optional("AWS_ENDPOINT_URL").is_some();
    let builder = aws_sdk_s3::config::Builder::from(config).force_path_style(path_style).retry_partition(retries("s3"));
    aws_sdk_s3::Client::from_conf(builder.build())
}

/// Returns whether an error code of a service means throttling. Contains the codes of the services that this project
/// uses.
pub fn is_throttling(code: &str) -> bool {
    const CODES: [&str; 10] = [
        "ThrottlingException",
        "Throttling",
        "RequestThrottled",
        "KmsThrottled",
        "TooManyRequestsException",
        "ProvisionedThroughputExceededException",
        "RequestLimitExceeded",
        "RequestThrottledException",
        "SlowDown",
        "LimitExceededException",
    ];
    CODES.contains(&code)
}

/// Returns whether an error code means that a service is down or denies access.
///
/// An operator usually corrects denied access before it needs to be reported. The statuses 403 and 500 and above mean
/// the same without a code.
fn is_outage(code: &str) -> bool {
    const CODES: [&str; 9] = [
        // S3 can send this error inside a response with status 200.
        "InternalError",
        "ServiceUnavailable",
        // S3, with status 400: the body did not arrive in time.
        "RequestTimeout",
        "InternalServerError",
        // DynamoDB, SQS and SSM, with status 400.
        "AccessDeniedException",
        "UnrecognizedClientException",
        "ExpiredTokenException",
        "ExpiredToken",
        "IncompleteSignature",
    ];
    // Covers `KMS.DisabledException` of S3, `KmsAccessDenied` of SQS and `KMSInvalidStateException` of SSM.
    CODES.contains(&code) || code.to_ascii_lowercase().starts_with("kms")
}

/// Returns whether a service is down, slow, throttling, or denies access. The same call may succeed later.
pub fn is_unavailable<E: ProvideErrorMetadata>(error: &SdkError<E, HttpResponse>) -> bool {
    match error {
        SdkError::TimeoutError(_) | SdkError::DispatchFailure(_) | SdkError::ResponseError(_) => true,
        SdkError::ServiceError(refused) => {
            let status = refused.raw().status().as_u16();
            let code = refused.err().code().unwrap_or_default();
            status >= 500 || [403, 429].contains(&status) || is_throttling(code) || is_outage(code)
        }
        _ => false,
    }
}

/// Converts an SDK error, keeping it as source. The context names the attempted operation and marks outages.
pub fn failed<E>(attempted: &'static str, error: SdkError<E, HttpResponse>) -> anyhow::Error
where
    E: ProvideErrorMetadata + std::error::Error + Send + Sync + 'static,
{
    let unavailable = is_unavailable(&error);
    let error = anyhow::Error::new(error);
    if unavailable { error.context(ServiceUnavailable(attempted)) } else { error.context(attempted) }
}

/// Converts the error of a response whose body was incomplete or missing.
pub fn broken_off(attempted: &'static str, error: impl Into<anyhow::Error>) -> anyhow::Error {
    error.into().context(ServiceUnavailable(attempted))
}

/// Returns a configuration that uses each connection once. The other side may have closed a pooled connection, and the
/// client cannot know whether it received a request sent over it.
pub fn unpooled(world: &World, config: &SdkConfig) -> SdkConfig {
    if world.http().is_some() {
        return config.clone();
    }
    config.to_builder().http_client(https(|client| client.pool_max_idle_per_host(0))).build()
}

fn https(set: impl FnOnce(HttpBuilder) -> HttpBuilder) -> SharedHttpClient {
    set(aws_smithy_http_client::Builder::new())
        .tls_provider(tls::Provider::Rustls(tls::rustls_provider::CryptoMode::Ring))
        .build_https()
}

#[cfg(test)]
mod tests {
    use aws_smithy_types::{body::SdkBody, error::ErrorMetadata};

    use super::*;

    #[test]
    fn outages_throttling_and_denials_are_not_refusals() {
        let answered = |status: u16, code: &str| {
            let error = ErrorMetadata::builder().code(code).build();
            let status = status.try_into().expect("a status");
            is_unavailable(&SdkError::service_error(error, HttpResponse::new(status, SdkBody::empty())))
        };
        for (status, code) in [
            (500, ""),
            (503, "SlowDown"),
            (403, "AccessDenied"),
            (403, "InvalidAccessKeyId"),
            (400, "AccessDeniedException"),
            (400, "ProvisionedThroughputExceededException"),
            (400, "KMS.DisabledException"),
            (400, "KmsAccessDenied"),
            (200, "InternalError"),
            (429, ""),
        ] {
            assert!(answered(status, code), "{status} {code}");
        }
        for (status, code) in [
            (404, "NoSuchKey"),
            (412, "PreconditionFailed"),
            (400, "ConditionalCheckFailedException"),
            (400, "ResourceNotFoundException"),
            (400, "BadDigest"),
        ] {
            assert!(!answered(status, code), "{status} {code}");
        }
        assert!(is_unavailable(&SdkError::<ErrorMetadata, HttpResponse>::timeout_error("slow")));
    }
}
