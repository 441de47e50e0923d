//! The AWS clients: built once, in one place, with explicit retries and timeouts.
//!
//! Connecting, the first byte, an attempt and a whole call are bounded separately: minutes for a worker's job, 9 s for the API.
//! An attempt is repeated three times; a call of SES is not repeated. A completion that ended in an error is looked for in S3 before the
//! error counts. Which errors are outages is decided by [`is_unavailable`] alone.

use std::time::Duration;

use aws_credential_types::Credentials;
use aws_sdk_s3::config::{
    BehaviorVersion, Region, StalledStreamProtectionConfig,
    retry::{RetryPartition, TokenBucket},
};
use aws_smithy_http_client::{Builder as HttpBuilder, tls};
use aws_smithy_runtime_api::client::{http::SharedHttpClient, orchestrator::HttpResponse, result::SdkError};
use aws_smithy_types::{error::metadata::ProvideErrorMetadata, retry::RetryConfig, timeout::TimeoutConfig};
use aws_types::{SdkConfig, sdk_config::SharedCredentialsProvider};
use domain::error::ServiceUnavailable;

use crate::{
    env::{Env, EnvError},
    world::World,
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
/// Tokens for the retries of S3's client, of which a retry takes 5 and one after a timeout 10: enough for all the 200
/// copies that an archive makes at once.
const RETRY_TOKENS: usize = 2000;
/// So many come back each second.
const RETRY_TOKENS_PER_SECOND: f32 = 100.0;
/// Of every time above, in percent: a variable for tests, in which a server that hangs must not cost half a minute.
const PATIENCE: &str = "SDK_PATIENCE_PERCENT";

/// How long the calls of a function may take.
#[derive(Debug, Clone, Copy)]
pub enum Patience {
    /// A worker's: minutes.
    Job,
    /// That of a function whose caller waits for 30 s at most (API Gateway): a service that hangs must leave time to say so.
    Request,
}

impl Patience {
    /// Time to the first byte of an answer, for one attempt, and for one call.
    fn times(self) -> (Duration, Duration, Duration) {
        match self {
            Self::Job => (READ, ATTEMPT, OPERATION),
            Self::Request => (Duration::from_secs(4), Duration::from_secs(5), Duration::from_secs(9)),
        }
    }
}

/// The configuration that every client of a function shares.
///
/// Credentials, region and endpoints are read from the variables that Lambda sets; the default provider chain with its
/// files and metadata calls would only cost a cold start.
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

/// For a call that S3 may answer slowly: `head` until the head of the answer has come, `attempt` for one attempt of it,
/// its body included, and two attempts in all. Every bound is named, since one that is left out stays as it is for all
/// calls; and all in the proportion in which the client was configured.
///
/// S3 may send the head of such an answer at once and its body minutes later, with white space between or none. The SDK
/// takes five seconds of silence in a body for a dead connection (smithy-rs#4439), so that this must be switched off.
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
    // The SDK's own bucket of retries is one for the whole process and is filled by successes only: after an outage that
    // emptied it, the next job would have no retries.
    let retries = TokenBucket::builder().capacity(RETRY_TOKENS).refill_rate(RETRY_TOKENS_PER_SECOND).build();
    let builder = aws_sdk_s3::config::Builder::from(config)
        .force_path_style(path_style)
        .retry_partition(RetryPartition::custom("s3").token_bucket(retries).build());
    aws_sdk_s3::Client::from_conf(builder.build())
}

/// Does a service say "slow down" by this code? The names that those of this project use.
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

/// Does a service say by this code that it is down, or that it denies access? An operator mends the second, as a rule before
/// anybody else need hear of it. Statuses of 403 and 500 and above say so without a code.
fn is_outage(code: &str) -> bool {
    const CODES: [&str; 9] = [
        // An error of S3's can come inside a 200, so that its status does not tell.
        "InternalError",
        "ServiceUnavailable",
        // S3, with 400: the body did not come in time.
        "RequestTimeout",
        "InternalServerError",
        // DynamoDB, SQS and SSM, with 400.
        "AccessDeniedException",
        "UnrecognizedClientException",
        "ExpiredTokenException",
        "ExpiredToken",
        "IncompleteSignature",
    ];
    // `KMS.DisabledException` of S3, `KmsAccessDenied` of SQS, `KMSInvalidStateException` of SSM.
    CODES.contains(&code) || code.to_ascii_lowercase().starts_with("kms")
}

/// Is the service down, slow, throttling, or does it deny access? Then what was asked of it may go well later.
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

/// Names an SDK error's attempt, keeps it as source, and marks outages, so that its fate can be told.
pub fn failed<E>(attempted: &'static str, error: SdkError<E, HttpResponse>) -> anyhow::Error
where
    E: ProvideErrorMetadata + std::error::Error + Send + Sync + 'static,
{
    let unavailable = is_unavailable(&error);
    let error = anyhow::Error::new(error);
    if unavailable { error.context(ServiceUnavailable(attempted)) } else { error.context(attempted) }
}

/// The body of an answer broke off, or did not come.
pub fn broken_off(attempted: &'static str, error: impl Into<anyhow::Error>) -> anyhow::Error {
    error.into().context(ServiceUnavailable(attempted))
}

/// The same services over connections of which each is used once: a pooled one may have been closed by the other side, and
/// whether a request that met that was heard can't be told.
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
    fn outages_throttling_and_denied_access_are_told_from_refusals() {
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
