//! CloudWatch: GetMetricData, and with it the age of the oldest message of a queue, which SQS itself does not return.

use std::time::Duration;

use anyhow::{Context as _, Result};
use aws_smithy_runtime_api::client::orchestrator::{HttpResponse, OrchestratorError};
use aws_smithy_types::{body::SdkBody, error::ErrorMetadata, timeout::TimeoutConfig};
use aws_types::SdkConfig;
use jiff::Timestamp;
use serde::Deserialize;
use serde_json::{Value, json};

use crate::{
    aws::failed,
    call::{Call, Service, body, call},
};

/// Period to search, in seconds. SQS reports to CloudWatch each minute, and CloudWatch publishes a minute or two later.
const LOOK_BACK_SECONDS: i64 = 300;

/// Timeout of the call, short because the response works without this value.
const PATIENCE: Duration = Duration::from_secs(3);

/// Client of CloudWatch's GetMetricData.
pub(crate) struct MetricData {
    get: Call<Value, Vec<Series>>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Answer {
    metric_data_results: Vec<Series>,
}

/// Values of a metric.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(crate) struct Series {
    /// Id of the query.
    pub id: String,
    /// Times, in seconds since 1970.
    #[serde(default)]
    pub timestamps: Vec<f64>,
    /// Values at these times.
    #[serde(default)]
    pub values: Vec<f64>,
}

impl MetricData {
    /// Creates a client with the clients' region, credentials and retries, and this shorter timeout.
    pub(crate) fn new(config: &SdkConfig, patience: Duration) -> Result<Self> {
        let usual = config.timeout_config().context("No timeouts are configured")?;
        let timeouts = TimeoutConfig::builder()
            .connect_timeout(usual.connect_timeout().unwrap_or(patience).min(patience))
            .operation_timeout(patience)
            .build();
        let (name, operation) = ("monitoring", "GetMetricData");
        let service = Service { name, signed_as: name, operation, retries: None, timeouts: Some(timeouts) };
        Ok(Self { get: call(config, service, |question: Value| request(&question), read)? })
    }

    /// Returns the values that a request body asks for.
    pub(crate) async fn get(&self, question: Value) -> Result<Vec<Series>> {
        self.get.invoke(question).await.map_err(|error| failed("Failed to read a metric", error))
    }
}

fn request(question: &Value) -> Result<http::Request<SdkBody>, http::Error> {
    http::Request::post("/")
        .header("content-type", "application/x-amz-json-1.0")
        .header("x-amz-target", "GraniteServiceVersion20100801.GetMetricData")
        .body(SdkBody::from(question.to_string()))
}

fn read(response: &HttpResponse) -> Result<Vec<Series>, OrchestratorError<ErrorMetadata>> {
    let answer: Answer = serde_json::from_slice(body(response)?).map_err(OrchestratorError::other)?;
    Ok(answer.metric_data_results)
}

/// Age of the oldest message of a queue.
pub struct OldestMessage(MetricData);

impl OldestMessage {
    /// Creates a client with the clients' region, credentials and retries, and a shorter timeout.
    pub fn new(config: &SdkConfig) -> Result<Self> {
        Ok(Self(MetricData::new(config, PATIENCE)?))
    }

    /// Returns the last measured age in seconds; `None` without a measurement, as for an unused queue.
    pub async fn age(&self, queue: &str, now: Timestamp) -> Result<Option<u64>> {
        let age = latest(&self.0.get(oldest(queue, now)).await?);
        #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "an age in seconds")]
        Ok(age.map(|seconds| seconds.max(0.0) as u64))
    }
}

fn latest(series: &[Series]) -> Option<f64> {
    series.first().and_then(|series| series.values.first()).copied()
}

fn oldest(queue: &str, now: Timestamp) -> Value {
    let now = now.as_second();
    json!({
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
                    "Dimensions": [{ "Name": "QueueName", "Value": queue }],
                },
                "Period": 60,
                "Stat": "Maximum",
            },
        }],
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::call::answered;

    #[test]
    fn latest_value_or_none_is_read() {
        let read = |body| latest(&read(&answered(200, body)).expect("reads"));
        assert_eq!(read(r#"{"MetricDataResults":[{"Id":"oldest","Values":[12.0,80.0]}]}"#), Some(12.0));
        assert_eq!(read(r#"{"MetricDataResults":[{"Id":"oldest","Timestamps":[],"Values":[]}]}"#), None);
        assert_eq!(read(r#"{"MetricDataResults":[]}"#), None);
    }
}
