//! The AWS clients: built once, in one place, with explicit retries and timeouts.

use std::time::Duration;

use aws_credential_types::Credentials;
use aws_sdk_s3::config::{BehaviorVersion, Region};
use aws_smithy_http_client::tls;
use aws_smithy_types::{error::metadata::ProvideErrorMetadata, retry::RetryConfig, timeout::TimeoutConfig};
use aws_types::{SdkConfig, sdk_config::SharedCredentialsProvider};

use crate::{
    env::{Env, EnvError},
    error::ServiceThrottled,
};

/// A connection inside a region takes milliseconds; one that takes longer is better tried again.
const CONNECT: Duration = Duration::from_secs(3);
/// Time to the first byte of an answer.
const READ: Duration = Duration::from_secs(30);
/// One attempt in all, bodies included (a part of an archive at a slow 1 MB/s).
const ATTEMPT: Duration = Duration::from_secs(60);
/// One call in all, its attempts and the waits between them included. What takes longer is better tried again by the
/// job, whose tries are counted and seen.
const OPERATION: Duration = Duration::from_secs(150);
/// Attempts of one call, the first included.
const ATTEMPTS: u32 = 4;
/// The wait before the second attempt, at most; it doubles with each (the SDK's own default).
const FIRST_BACKOFF: Duration = Duration::from_secs(1);
/// Of every time above, in percent: a variable for tests, in which a server that hangs must not cost half a minute.
const PATIENCE: &str = "SDK_PATIENCE_PERCENT";

/// The configuration that every client of a function shares.
///
/// Credentials, region and endpoints are read from the variables that Lambda sets; the default provider chain with its
/// files and metadata calls would only cost a cold start.
pub fn config(env: &Env) -> Result<SdkConfig, EnvError> {
    let credentials = Credentials::new(
        env.required("AWS_ACCESS_KEY_ID")?,
        env.required("AWS_SECRET_ACCESS_KEY")?,
        env.optional("AWS_SESSION_TOKEN"),
        None,
        "environment",
    );
    let https = aws_smithy_http_client::Builder::new()
        .tls_provider(tls::Provider::Rustls(tls::rustls_provider::CryptoMode::Ring))
        .build_https();
    let percent = env.parsed_or(PATIENCE, 100_u32)?;
    let times = |full: Duration| full * percent / 100;
    let mut config = SdkConfig::builder()
        .behavior_version(BehaviorVersion::latest())
        .region(Region::new(env.required("AWS_REGION")?))
        .credentials_provider(SharedCredentialsProvider::new(credentials))
        .http_client(https)
        .retry_config(RetryConfig::standard().with_max_attempts(ATTEMPTS).with_initial_backoff(times(FIRST_BACKOFF)))
        .timeout_config(
            TimeoutConfig::builder()
                .connect_timeout(times(CONNECT))
                .read_timeout(times(READ))
                .operation_attempt_timeout(times(ATTEMPT))
                .operation_timeout(times(OPERATION))
                .build(),
        );
    config.set_endpoint_url(env.optional("AWS_ENDPOINT_URL"));
    Ok(config.build())
}

/// For a call that may take S3 so long, whatever others may: one attempt of it, and two in all. Every bound is named,
/// since one that is left out stays as it is for all calls; and all in the proportion in which the client was configured.
pub fn patience(client: &aws_sdk_s3::Client, attempt: Duration) -> TimeoutConfig {
    let usual = client.config().timeout_config().and_then(TimeoutConfig::operation_timeout).unwrap_or(OPERATION);
    let attempt = attempt.mul_f64(usual.as_secs_f64() / OPERATION.as_secs_f64());
    TimeoutConfig::builder()
        .read_timeout(attempt)
        .operation_attempt_timeout(attempt)
        .operation_timeout(usual.max(attempt * 2))
        .build()
}

/// DynamoDB, at `AWS_ENDPOINT_URL_DYNAMODB` where one is set.
pub fn dynamodb(env: &Env, config: &SdkConfig) -> aws_sdk_dynamodb::Client {
    let mut builder = aws_sdk_dynamodb::config::Builder::from(config);
    if let Some(url) = env.optional("AWS_ENDPOINT_URL_DYNAMODB") {
        builder = builder.endpoint_url(url);
    }
    aws_sdk_dynamodb::Client::from_conf(builder.build())
}

/// S3. Other endpoints than AWS's have no host per bucket.
pub fn s3(env: &Env, config: &SdkConfig) -> aws_sdk_s3::Client {
    let path_style = env.optional("AWS_ENDPOINT_URL").is_some();
    aws_sdk_s3::Client::from_conf(aws_sdk_s3::config::Builder::from(config).force_path_style(path_style).build())
}

/// Does a service say "slow down" by this code? The names that those of this project use.
pub fn is_throttling(code: &str) -> bool {
    const CODES: [&str; 9] = [
        "ThrottlingException",
        "Throttling",
        "RequestThrottled",
        "KmsThrottled",
        "TooManyRequestsException",
        "ProvisionedThroughputExceededException",
        "RequestLimitExceeded",
        "SlowDown",
        "LimitExceededException",
    ];
    CODES.contains(&code)
}

/// Names an SDK error's attempt, keeps it as source, and marks throttling, so that its fate can be told.
pub fn failed<E>(attempted: &'static str, error: E) -> anyhow::Error
where
    E: ProvideErrorMetadata + std::error::Error + Send + Sync + 'static,
{
    let throttled = error.code().is_some_and(is_throttling);
    let error = anyhow::Error::new(error);
    if throttled { error.context(ServiceThrottled(attempted)) } else { error.context(attempted) }
}
