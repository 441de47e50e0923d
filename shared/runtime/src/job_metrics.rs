//! Metrics of a function's jobs over time, read from CloudWatch.

use std::{collections::BTreeMap, time::Duration};

use anyhow::Result;
use aws_types::SdkConfig;
use jiff::Timestamp;
use serde_json::{Value, json};

use crate::{
    cloudwatch::{MetricData, Series},
    metrics::{DIMENSION, JOB_DURATION, JOBS_DONE, JOBS_FAILED, JOBS_RETRIED, NAMESPACE, QUEUE_AGE},
};

/// Timeout of the call.
const PATIENCE: Duration = Duration::from_secs(8);

/// Queries by id: metric and statistic.
const QUERIES: [(&str, &str, &str); 6] = [
    ("done", JOBS_DONE, "Sum"),
    ("failed", JOBS_FAILED, "Sum"),
    ("retried", JOBS_RETRIED, "Sum"),
    ("run_p50", JOB_DURATION, "p50"),
    ("run_p95", JOB_DURATION, "p95"),
    ("wait_p95", QUEUE_AGE, "p95"),
];

/// Client of CloudWatch for metrics of jobs.
pub struct JobMetrics(MetricData);

/// Metrics of one step in time.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub struct JobPoint {
    /// Jobs that succeeded.
    pub done: u64,
    /// Jobs that failed for good.
    pub failed: u64,
    /// Failed attempts that are followed by a retry.
    pub retried: u64,
    /// Median run time in milliseconds.
    pub run_p50_ms: Option<f64>,
    /// 95th percentile of the run time in milliseconds.
    pub run_p95_ms: Option<f64>,
    /// 95th percentile of the time from sending to delivery in milliseconds.
    pub wait_p95_ms: Option<f64>,
}

impl JobMetrics {
    /// Creates a client with the clients' region, credentials and retries, and a timeout of its own.
    pub fn new(config: &SdkConfig) -> Result<Self> {
        Ok(Self(MetricData::new(config, PATIENCE)?))
    }

    /// Returns the metrics of a function for `steps` steps of `step_seconds` up to `now`, oldest first. Steps begin at
    /// multiples of their length.
    pub async fn of(
        &self,
        function: &str,
        now: Timestamp,
        (steps, step_seconds): (u32, u32),
    ) -> Result<Vec<(Timestamp, JobPoint)>> {
        let step = i64::from(step_seconds);
        let until = (now.as_second() / step + 1) * step;
        let from = until - i64::from(steps) * step;
        let series = self.0.get(question(function, (from, until), step_seconds)).await?;
        let mut points: BTreeMap<i64, JobPoint> =
            (0..steps).map(|n| (from + i64::from(n) * step, JobPoint::default())).collect();
        for Series { id, timestamps, values } in series {
            for (at, value) in timestamps.into_iter().zip(values) {
                #[expect(clippy::cast_possible_truncation, reason = "seconds since 1970")]
                if let Some(point) = points.get_mut(&(at as i64)) {
                    point.set(&id, value);
                }
            }
        }
        points.into_iter().map(|(at, point)| Ok((Timestamp::from_second(at)?, point))).collect()
    }
}

impl JobPoint {
    fn set(&mut self, id: &str, value: f64) {
        #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "a count")]
        let count = value.max(0.0) as u64;
        match id {
            "done" => self.done = count,
            "failed" => self.failed = count,
            "retried" => self.retried = count,
            "run_p50" => self.run_p50_ms = Some(value),
            "run_p95" => self.run_p95_ms = Some(value),
            "wait_p95" => self.wait_p95_ms = Some(value),
            _ => {}
        }
    }
}

fn question(function: &str, (from, until): (i64, i64), step_seconds: u32) -> Value {
    let queries = QUERIES.map(|(id, metric, statistic)| {
        json!({ "Id": id, "MetricStat": {
            "Metric": {
                "Namespace": NAMESPACE,
                "MetricName": metric,
                "Dimensions": [{ "Name": DIMENSION, "Value": function }],
            },
            "Period": step_seconds,
            "Stat": statistic,
        } })
    });
    json!({
        "StartTime": from,
        "EndTime": until,
        "ScanBy": "TimestampAscending",
        "MetricDataQueries": queries,
    })
}
