//! What operators see of the workers: metrics in CloudWatch's embedded metric format (EMF), a log line an invocation, from
//! which CloudWatch takes the figures. The dashboard and the alarms in `infra/` name these and no others; a test says so.

use std::{io::Write as _, sync::OnceLock, time::Duration};

use metrics::{Unit, counter, describe_counter, describe_histogram, histogram};
use metrics_cloudwatch_embedded::{Builder, Collector};
use tracing::warn;

/// Where the metrics are found in CloudWatch.
pub const NAMESPACE: &str = "Darkroom";
/// Their one dimension: the function's name.
pub const DIMENSION: &str = "FunctionName";

/// Jobs that ended well.
pub const JOBS_DONE: &str = "JobsDone";
/// Jobs that failed for good: rejected, given up, or no job at all.
pub const JOBS_FAILED: &str = "JobsFailed";
/// Tries that did not end well, and are followed by another.
pub const JOBS_RETRIED: &str = "JobsRetried";
/// Tries to which a service was not to be had, and that are followed by another.
pub const JOBS_WAITING: &str = "JobsWaiting";
/// Messages that speak of records that don't exist: objects uploaded past the API, records deleted meanwhile.
pub const JOBS_WITHOUT_RECORD: &str = "JobsWithoutRecord";
/// Records that this build can't read, as often as it met one.
pub const RECORDS_UNREADABLE: &str = "RecordsUnreadable";
/// From the claim to the end of the try, whatever the end.
pub const JOB_DURATION: &str = "JobDuration";
/// Sizes of photos developed and of archives built.
pub const JOB_BYTES: &str = "JobBytes";
/// From the first sending of a job to the beginning of a delivery: how long jobs wait.
pub const QUEUE_AGE: &str = "QueueAge";
/// Sweeps that looked through all tables.
pub const SWEEPS_COMPLETED: &str = "SweepsCompleted";

/// All of them, each with its unit.
pub const ALL: [(&str, Unit); 10] = [
    (JOBS_DONE, Unit::Count),
    (JOBS_FAILED, Unit::Count),
    (JOBS_RETRIED, Unit::Count),
    (JOBS_WAITING, Unit::Count),
    (JOBS_WITHOUT_RECORD, Unit::Count),
    (RECORDS_UNREADABLE, Unit::Count),
    (JOB_DURATION, Unit::Milliseconds),
    (JOB_BYTES, Unit::Bytes),
    (QUEUE_AGE, Unit::Milliseconds),
    (SWEEPS_COMPLETED, Unit::Count),
];

static COLLECTOR: OnceLock<&'static Collector> = OnceLock::new();

/// Collects for the function of this name. Without it nothing is collected, as on one machine.
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

/// Writes what was collected since the last time, as a log line.
pub fn flush() {
    let Some(collector) = COLLECTOR.get() else { return };
    // At once: lines of the log must not come between.
    let mut line = Vec::new();
    let written = collector.flush(&mut line).and_then(|()| std::io::stdout().lock().write_all(&line));
    if let Err(error) = written {
        warn!(%error, "The metrics could not be written");
    }
}

/// A job ended well.
pub fn done() {
    counter!(JOBS_DONE).increment(1);
}

/// A job failed for good.
pub fn failed() {
    counter!(JOBS_FAILED).increment(1);
}

/// A try is followed by another.
pub fn retried() {
    counter!(JOBS_RETRIED).increment(1);
}

/// A service was not to be had.
pub fn waits() {
    counter!(JOBS_WAITING).increment(1);
}

/// A message speaks of a record that does not exist.
pub fn without_record() {
    counter!(JOBS_WITHOUT_RECORD).increment(1);
}

/// A sweep looked through all tables.
pub fn swept() {
    counter!(SWEEPS_COMPLETED).increment(1);
}

/// A record can't be read.
pub fn unreadable() {
    counter!(RECORDS_UNREADABLE).increment(1);
    // The API has no batches at whose end this would be written.
    flush();
}

/// A try took so long.
pub fn took(duration: Duration) {
    histogram!(JOB_DURATION).record(milliseconds(duration));
}

/// A photo of so many bytes was developed, or an archive built.
pub fn bytes(size: u64) {
    #[expect(clippy::cast_precision_loss, reason = "exact up to 9 PB")]
    histogram!(JOB_BYTES).record(size as f64);
}

/// A message waited so long.
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
    fn what_was_collected_is_a_line_that_cloudwatch_reads() {
        init("darkroom-photo-processor");
        done();
        took(Duration::from_millis(1500));
        bytes(25_000_000);
        let mut line = Vec::new();
        COLLECTOR.get().expect("collects").flush(&mut line).expect("writes");
        let said: Value = serde_json::from_slice(&line).expect("one JSON object");
        // The other tests of this process may have been collected too.
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
