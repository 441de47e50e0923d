//! Metrics of the workers in CloudWatch's embedded metric format (EMF). Each invocation writes one log line, from which
//! CloudWatch extracts the values. The dashboard and the alarms in `infra/` use these metrics and no others, which a
//! test checks.

use std::{io::Write as _, sync::OnceLock, time::Duration};

use metrics::{Unit, counter, describe_counter, describe_histogram, histogram};
use metrics_cloudwatch_embedded::{Builder, Collector};
use tracing::warn;

/// CloudWatch namespace of the metrics.
pub const NAMESPACE: &str = "Darkroom";
/// Only dimension of the metrics: the function's name.
pub const DIMENSION: &str = "FunctionName";

/// Jobs that succeeded.
pub const JOBS_DONE: &str = "JobsDone";
/// Jobs that failed for good: rejected, out of attempts, or invalid.
pub const JOBS_FAILED: &str = "JobsFailed";
/// Failed attempts that are followed by a retry.
pub const JOBS_RETRIED: &str = "JobsRetried";
/// Attempts during an outage of a service that are followed by a retry.
pub const JOBS_WAITING: &str = "JobsWaiting";
/// Messages about records that do not exist: objects uploaded without the API, or records deleted meanwhile.
pub const JOBS_WITHOUT_RECORD: &str = "JobsWithoutRecord";
/// New objects that became no photo: folders, files of operating systems, and keys outside the scheme.
pub const UPLOADS_IGNORED: &str = "UploadsIgnored";
/// Reads of records that this build cannot decode.
pub const RECORDS_UNREADABLE: &str = "RecordsUnreadable";
/// Time from the claim to the end of the attempt, for all outcomes.
pub const JOB_DURATION: &str = "JobDuration";
/// Sizes of processed photos and of built archives.
pub const JOB_BYTES: &str = "JobBytes";
/// Time from the first sending of a job to the start of a delivery.
pub const QUEUE_AGE: &str = "QueueAge";
/// Sweeps that covered all tables.
pub const SWEEPS_COMPLETED: &str = "SweepsCompleted";
/// Number of paused queues, at each sweep.
pub const QUEUES_PAUSED: &str = "QueuesPaused";

/// All metrics with their units.
pub const ALL: [(&str, Unit); 12] = [
    (JOBS_DONE, Unit::Count),
    (JOBS_FAILED, Unit::Count),
    (JOBS_RETRIED, Unit::Count),
    (JOBS_WAITING, Unit::Count),
    (JOBS_WITHOUT_RECORD, Unit::Count),
    (UPLOADS_IGNORED, Unit::Count),
    (RECORDS_UNREADABLE, Unit::Count),
    (JOB_DURATION, Unit::Milliseconds),
    (JOB_BYTES, Unit::Bytes),
    (QUEUE_AGE, Unit::Milliseconds),
    (SWEEPS_COMPLETED, Unit::Count),
    (QUEUES_PAUSED, Unit::Count),
];

static COLLECTOR: OnceLock<&'static Collector> = OnceLock::new();

/// Starts collecting metrics for the function with this name. Without this call, as in local development, nothing is
/// collected.
pub fn init(function: &str) {
    let builder = Builder::new().cloudwatch_namespace(NAMESPACE).with_dimension(DIMENSION, function.to_owned());
    match builder.init() {
        Ok(collector) => {
            describe();
            let _ = COLLECTOR.set(collector);
        }
        Err(error) => warn!(%error, "No metrics are collected"),
    }
}

fn describe() {
    for (name, unit) in ALL {
        match unit {
            Unit::Count => describe_counter!(name, unit, ""),
            _ => describe_histogram!(name, unit, ""),
        }
    }
}

/// Writes the metrics collected since the last call as a log line.
pub fn flush() {
    let Some(collector) = COLLECTOR.get() else { return };
    // Written in one call, so that no other log line comes in between.
    let mut line = Vec::new();
    let written = collector.flush(&mut line).and_then(|()| std::io::stdout().lock().write_all(&line));
    if let Err(error) = written {
        warn!(%error, "The metrics could not be written");
    }
}

/// Counts a job that succeeded.
pub fn done() {
    counter!(JOBS_DONE).increment(1);
}

/// Counts a job that failed for good.
pub fn failed() {
    counter!(JOBS_FAILED).increment(1);
}

/// Counts an attempt that is followed by a retry.
pub fn retried() {
    counter!(JOBS_RETRIED).increment(1);
}

/// Counts an attempt during an outage.
pub fn waits() {
    counter!(JOBS_WAITING).increment(1);
}

/// Counts a new object that becomes no photo.
pub fn ignored() {
    counter!(UPLOADS_IGNORED).increment(1);
}

/// Counts a message about a record that does not exist.
pub fn without_record() {
    counter!(JOBS_WITHOUT_RECORD).increment(1);
}

/// Counts a sweep that covered all tables.
pub fn swept() {
    counter!(SWEEPS_COMPLETED).increment(1);
}

/// Counts the paused queues.
pub fn paused(queues: usize) {
    counter!(QUEUES_PAUSED).increment(queues as u64);
}

/// Counts a record that cannot be decoded.
pub fn unreadable() {
    counter!(RECORDS_UNREADABLE).increment(1);
    // The API has no batches after which the metric would be written.
    flush();
}

/// Records the duration of an attempt.
pub fn took(duration: Duration) {
    histogram!(JOB_DURATION).record(milliseconds(duration));
}

/// Records the size of a processed photo or a built archive.
pub fn bytes(size: u64) {
    #[expect(clippy::cast_precision_loss, reason = "exact up to 9 PB")]
    histogram!(JOB_BYTES).record(size as f64);
}

/// Records how long a message waited.
pub fn waited(duration: Duration) {
    histogram!(QUEUE_AGE).record(milliseconds(duration));
}

fn milliseconds(duration: Duration) -> f64 {
    duration.as_secs_f64() * 1000.0
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    #[test]
    fn metrics_are_one_line_that_cloudwatch_reads() {
        init("darkroom-photo-processor");
        done();
        took(Duration::from_millis(1500));
        bytes(25_000_000);
        let mut line = Vec::new();
        COLLECTOR.get().expect("collects").flush(&mut line).expect("writes");
        let said: Value = serde_json::from_slice(&line).expect("one JSON object");
        // Other tests of this process may have been collected too.
        assert!(said["JobsDone"].as_u64() >= Some(1), "{said}");
        assert!(said["JobDuration"].as_array().expect("values").contains(&json!(1500.0)), "{said}");
        assert!(said["JobBytes"].as_array().expect("values").contains(&json!(25_000_000.0)), "{said}");
        assert_eq!(said["FunctionName"], "darkroom-photo-processor");
        let declared = &said["_aws"]["CloudWatchMetrics"][0];
        assert_eq!((&declared["Namespace"], &declared["Dimensions"]), (&json!("Darkroom"), &json!([["FunctionName"]])));
        let units: Vec<_> =
            declared["Metrics"].as_array().expect("metrics").iter().map(|m| m["Unit"].as_str()).collect();
        for unit in ["Count", "Milliseconds", "Bytes"] {
            assert!(units.contains(&Some(unit)), "{declared}");
        }
    }
}
