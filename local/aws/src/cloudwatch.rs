//! The CloudWatch stand-in: GetMetricData of the age of queues' oldest messages, which is computed for each request, and of
//! metrics whose values the library's user records. Nothing is late.

mod samples;

use http::{HeaderValue, Response, StatusCode};
use serde::Deserialize;
use serde_json::{Value, json};

use self::samples::Statistic;
pub use self::samples::{MetricName, Samples};
use super::sqs::Queues;

/// CloudWatch: the pattern of a query's id.
const ID_PATTERN: &str = "^[a-z][a-zA-Z0-9_]*$";

/// The body of a GetMetricData request. Times are in seconds since 1970; clients may send fractions.
#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct GetMetricData {
    start_time: f64,
    end_time: f64,
    metric_data_queries: Vec<Query>,
    #[serde(default)]
    scan_by: ScanBy,
}

/// Order of the values.
#[derive(Default, PartialEq, Deserialize)]
enum ScanBy {
    #[default]
    TimestampDescending,
    TimestampAscending,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Query {
    id: String,
    metric_stat: MetricStat,
}

/// One metric of a query.
#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct MetricStat {
    metric: Metric,
    period: u32,
    stat: String,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Metric {
    namespace: String,
    #[serde(rename = "MetricName")]
    name: String,
    #[serde(default)]
    dimensions: Vec<Dimension>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Dimension {
    name: String,
    value: String,
}

/// Handles one request of the JSON 1.0 protocol.
pub fn answer(queues: &Queues, samples: &Samples, target: &str, body: &[u8]) -> Response<Vec<u8>> {
    let result = match target {
        "GraniteServiceVersion20100801.GetMetricData" => get_metric_data(queues, samples, body),
        _ => Err(("UnknownOperationException", format!("The operation {target} is not played here."))),
    };
    let (status, body) = match result {
        Ok(output) => (StatusCode::OK, output),
        Err((error_type, message)) => (StatusCode::BAD_REQUEST, json!({ "__type": error_type, "message": message })),
    };
    let mut response = Response::new(body.to_string().into_bytes());
    *response.status_mut() = status;
    response.headers_mut().insert("content-type", HeaderValue::from_static("application/x-amz-json-1.0"));
    response
}

fn get_metric_data(queues: &Queues, samples: &Samples, body: &[u8]) -> Result<Value, (&'static str, String)> {
    let invalid = |message: String| ("ValidationError", message);
    let request: GetMetricData = serde_json::from_slice(body).map_err(|error| invalid(error.to_string()))?;
    if request.start_time >= request.end_time {
        return Err(invalid("The parameter StartTime must be less than the parameter EndTime.".into()));
    }
    let mut results = Vec::new();
    for (n, Query { id, metric_stat }) in request.metric_data_queries.iter().enumerate() {
        let name = |c: char| c.is_ascii_alphanumeric() || c == '_';
        if !id.starts_with(|first: char| first.is_ascii_lowercase()) || !id.chars().all(name) {
            return Err(invalid(format!(
                "The value {id} for parameter MetricDataQueries.member.{}.Id is not matching the expected pattern \
                 {ID_PATTERN}.",
                n + 1
            )));
        }
        let MetricStat { metric, period, stat } = metric_stat;
        if *period == 0 {
            return Err(invalid(format!("MetricDataQueries.member.{}.MetricStat.Period must not be 0.", n + 1)));
        }
        let Some(statistic) = Statistic::parse(stat) else {
            return Err(invalid(format!(
                "The value {stat} for parameter MetricDataQueries.member.{}.MetricStat.Stat is invalid.",
                n + 1
            )));
        };
        let period = f64::from(*period);
        let at = period_of(queues.now_seconds(), &request, period);
        let mut points: Vec<_> = at.zip(oldest(queues, metric)).into_iter().collect();
        points.extend(samples.series(&metric.key(), (request.start_time, request.end_time), period, statistic));
        if request.scan_by == ScanBy::TimestampDescending {
            points.reverse();
        }
        results.push(json!({
            "Id": id,
            "Label": metric.name,
            "StatusCode": "Complete",
            "Timestamps": points.iter().map(|(at, _)| at).collect::<Vec<_>>(),
            "Values": points.iter().map(|(_, value)| value).collect::<Vec<_>>(),
        }));
    }
    Ok(json!({ "MetricDataResults": results, "Messages": [] }))
}

impl Metric {
    fn key(&self) -> MetricName {
        let dimensions = self.dimensions.iter().map(|dimension| (dimension.name.clone(), dimension.value.clone()));
        let mut dimensions: Vec<_> = dimensions.collect();
        dimensions.sort();
        MetricName { namespace: self.namespace.clone(), name: self.name.clone(), dimensions }
    }
}

/// Returns the start of the last period in the requested range that has begun. As in CloudWatch, the start of the range
/// is rounded down to a period, and the end of the range is exclusive.
fn period_of(now: f64, request: &GetMetricData, period: f64) -> Option<f64> {
    let start_of = |time: f64| (time / period).floor() * period;
    let last = start_of(now);
    let at = if last < request.end_time { last } else { start_of(request.end_time - 1.0) };
    (at >= start_of(request.start_time)).then_some(at)
}

/// Returns the age of a queue's oldest message in seconds. Other metrics have no values, like metrics that nobody
/// reports.
fn oldest(queues: &Queues, metric: &Metric) -> Option<f64> {
    let known = metric.namespace == "AWS/SQS" && metric.name == "ApproximateAgeOfOldestMessage";
    let [Dimension { name, value }] = &metric.dimensions[..] else { return None };
    let age = queues.oldest(value).ok().flatten().filter(|_| known && name == "QueueName")?;
    Some(age.as_secs_f64().floor())
}

#[cfg(test)]
mod tests {
    use std::{
        sync::{
            Arc,
            atomic::{AtomicI64, Ordering},
        },
        time::Duration,
    };

    use jiff::{SignedDuration, Timestamp};

    use super::*;
    use crate::sqs::QueueAttributes;

    struct Bed {
        /// Seconds by which the queues' time is ahead.
        ahead: Arc<AtomicI64>,
        queues: Queues,
        _data: tempfile::TempDir,
    }

    impl Bed {
        fn new() -> Self {
            let (data, ahead) = (tempfile::tempdir().unwrap(), Arc::new(AtomicI64::new(0)));
            let now = {
                let ahead = ahead.clone();
                Arc::new(move || Timestamp::now() + SignedDuration::from_secs(ahead.load(Ordering::SeqCst)))
            };
            let queues = Queues::open(data.path(), now).unwrap();
            queues.create("photos", QueueAttributes::default()).unwrap();
            Self { ahead, queues, _data: data }
        }

        fn now(&self) -> i64 {
            Timestamp::now().as_second() + self.ahead.load(Ordering::SeqCst)
        }

        fn ask(&self, change: impl FnOnce(&mut Value)) -> (u16, Value) {
            let mut body = json!({
                "StartTime": self.now() - 300,
                "EndTime": self.now() + 60,
                "ScanBy": "TimestampDescending",
                "MetricDataQueries": [{ "Id": "q0", "MetricStat": {
                    "Metric": {
                        "Namespace": "AWS/SQS",
                        "MetricName": "ApproximateAgeOfOldestMessage",
                        "Dimensions": [{ "Name": "QueueName", "Value": "photos" }],
                    },
                    "Period": 60,
                    "Stat": "Maximum",
                } }],
            });
            change(&mut body);
            let target = "GraniteServiceVersion20100801.GetMetricData";
            let response = answer(&self.queues, &Samples::default(), target, body.to_string().as_bytes());
            (response.status().as_u16(), serde_json::from_slice(response.body()).unwrap())
        }

        /// Returns the values, in seconds, of the one requested series.
        fn values(&self, change: impl FnOnce(&mut Value)) -> Vec<f64> {
            let (status, answer) = self.ask(change);
            assert_eq!((status, &answer["MetricDataResults"][0]["Id"]), (200, &json!("q0")), "{answer}");
            let series = &answer["MetricDataResults"][0];
            assert_eq!(series["Timestamps"].as_array().map(Vec::len), series["Values"].as_array().map(Vec::len));
            serde_json::from_value(series["Values"].clone()).unwrap()
        }
    }

    #[tokio::test]
    async fn oldest_message_counts_in_any_state() {
        let bed = Bed::new();
        assert!(bed.values(|_| {}).is_empty(), "an empty queue has no oldest message");
        bed.queues.send("photos", "old").unwrap();
        bed.ahead.fetch_add(90, Ordering::SeqCst);
        bed.queues.send("photos", "new").unwrap();
        let age = bed.values(|_| {})[0];
        assert!((90.0..100.0).contains(&age), "{age}");
        let received = bed.queues.receive("photos", 1, Duration::ZERO).await.unwrap();
        assert!(bed.values(|_| {})[0] >= age, "a message in flight still counts");
        assert_eq!(
            bed.queues.peek_all("photos").unwrap()[0].receive_count,
            1,
            "reading the metric does not receive the message"
        );
        bed.queues.delete("photos", &received[0].receipt_handle).unwrap();
        assert!(bed.values(|_| {})[0] < 10.0);
    }

    #[test]
    fn unreported_metric_has_no_values() {
        let bed = Bed::new();
        bed.queues.send("photos", "x").unwrap();
        let metric = "/MetricDataQueries/0/MetricStat/Metric";
        for (field, value) in [
            ("/Namespace", json!("AWS/Lambda")),
            ("/MetricName", json!("NumberOfMessagesSent")),
            ("/Dimensions/0/Value", json!("none")),
            ("/Dimensions/0/Name", json!("Queue")),
            ("/Dimensions", json!([])),
        ] {
            let asked = |body: &mut Value| *body.pointer_mut(&format!("{metric}{field}")).unwrap() = value;
            assert!(bed.values(asked).is_empty(), "{field}");
        }
    }

    #[test]
    fn invalid_metric_query_is_refused() {
        let bed = Bed::new();
        for change in [
            |body: &mut Value| body["StartTime"] = body["EndTime"].clone(),
            |body: &mut Value| body["StartTime"] = json!("2026-01-01"),
            |body: &mut Value| body["MetricDataQueries"][0]["Id"] = json!("0"),
            |body: &mut Value| body["MetricDataQueries"][0]["MetricStat"]["Period"] = json!(0),
            |body: &mut Value| body["MetricDataQueries"][0]["MetricStat"]["Stat"] = json!("Median"),
        ] {
            let (status, answer) = bed.ask(change);
            assert_eq!((status, &answer["__type"]), (400, &json!("ValidationError")), "{answer}");
        }
        let response = answer(&bed.queues, &Samples::default(), "GraniteServiceVersion20100801.PutMetricData", b"{}");
        assert_eq!(response.status(), StatusCode::BAD_REQUEST);
    }

    #[test]
    fn only_the_requested_period_is_returned() {
        let asked = |start_time, end_time| GetMetricData {
            start_time,
            end_time,
            metric_data_queries: Vec::new(),
            scan_by: ScanBy::default(),
        };
        let at = |start, end| period_of(1_000.0, &asked(start, end), 60.0);
        assert_eq!(at(700.0, 1_060.0), Some(960.0));
        assert_eq!(at(990.0, 1_000.0), Some(960.0), "the start is rounded down");
        assert_eq!(at(700.0, 960.0), Some(900.0), "the end is exclusive");
        assert_eq!(at(1_020.0, 1_080.0), None);
    }
}
