//! CloudWatch: age of the oldest message of a queue, which SQS itself does not return.

use std::time::Duration;

use anyhow::{Context as _, Result};
use aws_smithy_runtime_api::client::orchestrator::{HttpResponse, OrchestratorError};
use aws_smithy_types::{body::SdkBody, error::ErrorMetadata, timeout::TimeoutConfig};
use aws_types::SdkConfig;
use jiff::Timestamp;
use serde::Deserialize;
use serde_json::json;

use crate::{
    aws::failed,
    call::{Call, Service, body, call},
};

/// Period to search, in seconds. SQS reports to CloudWatch each minute, and CloudWatch publishes a minute or two later.
const LOOK_BACK_SECONDS: i64 = 300;

/// Timeout of the call, short because the response works without this value.
const PATIENCE: Duration = Duration::from_secs(3);

/// Client of CloudWatch's GetMetricData for the age of the oldest message.
pub struct OldestMessage {
    get: Call<Question, Option<f64>>,
}

#[derive(Debug)]
struct Question {
    queue: String,
    now: Timestamp,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Answer {
    metric_data_results: Vec<Series>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Series {
    #[serde(default)]
    values: Vec<f64>,
}

impl OldestMessage {
    /// Creates a client with the clients' region, credentials and retries, and a shorter timeout.
    pub fn new(config: &SdkConfig) -> Result<Self> {
        let usual = config.timeout_config().context("No timeouts are configured")?;
        let timeouts = TimeoutConfig::builder()
            .connect_timeout(usual.connect_timeout().unwrap_or(PATIENCE).min(PATIENCE))
            .operation_timeout(PATIENCE)
            .build();
        let (name, operation) = ("monitoring", "GetMetricData");
        let service = Service { name, signed_as: name, operation, retries: None, timeouts: Some(timeouts) };
        Ok(Self { get: call(config, service, |question: Question| request(&question), read)? })
    }

    /// Returns the last measured age in seconds; `None` without a measurement, as for an unused queue.
    pub async fn age(&self, queue: &str, now: Timestamp) -> Result<Option<u64>> {
        let sent = self.get.invoke(Question { queue: queue.to_owned(), now }).await;
        let age = sent.map_err(|error| failed("Failed to read a metric", error))?;
        #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "an age in seconds")]
        Ok(age.map(|seconds| seconds.max(0.0) as u64))
    }
}

fn request(question: &Question) -> Result<http::Request<SdkBody>, http::Error> {
    let now = question.now.as_second();
    let body = json!({
        "StartTime": now - LOOK_BACK_SECONDS,
        // Includes the minute that has just started.
        "EndTime": now + 60,
        "ScanBy": "TimestampDescending",
        "MetricDataQueries": [{
            "Id": "oldest",
            "MetricStat": {
                "Metric": {
                    "Namespace": "AWS/SQS",
                    "MetricName": "ApproximateAgeOfOldestMessage",
                    "Dimensions": [{ "Name": "QueueName", "Value": question.queue }],
                },
                "Period": 60,
                "Stat": "Maximum",
            },
        }],
    });
    http::Request::post("/")
        .header("content-type", "application/x-amz-json-1.0")
        .header("x-amz-target", "GraniteServiceVersion20100801.GetMetricData")
        .body(SdkBody::from(body.to_string()))
}

fn read(response: &HttpResponse) -> Result<Option<f64>, OrchestratorError<ErrorMetadata>> {
    let answer: Answer = serde_json::from_slice(body(response)?).map_err(OrchestratorError::other)?;
    Ok(answer.metric_data_results.first().and_then(|series| series.values.first()).copied())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::call::answered;

    #[test]
    fn latest_value_or_none_is_read() {
        let read = |body| read(&answered(200, body)).expect("reads");
        assert_eq!(read(r#"{"MetricDataResults":[{"Id":"oldest","Values":[12.0,80.0]}]}"#), Some(12.0));
        assert_eq!(read(r#"{"MetricDataResults":[{"Id":"oldest","Timestamps":[],"Values":[]}]}"#), None);
        assert_eq!(read(r#"{"MetricDataResults":[]}"#), None);
    }
}
