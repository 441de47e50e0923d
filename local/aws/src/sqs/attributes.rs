//! The attributes of a queue, under their AWS names.

use std::{ops::RangeInclusive, time::Duration};

use serde::Deserialize;
use serde_json::{Map, Value, json};

use super::{
    Counts, MAX_MESSAGE_BYTES, SqsError, arn, core::Core, message::Settings, name_of_arn, requests::MAX_DELAY_SECONDS,
};

/// SQS: a receive waits at most 20 seconds.
pub(super) const MAX_WAIT_SECONDS: u64 = 20;
/// SQS: retention of one minute to 14 days.
const RETENTION_SECONDS: RangeInclusive<u64> = 60..=1_209_600;

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct RedrivePolicy {
    dead_letter_target_arn: String,
    max_receive_count: Value,
}

/// Returns whether SQS has an attribute of this name.
pub(super) fn is_known(attribute: &str) -> bool {
    matches!(
        attribute,
        "ApproximateNumberOfMessages"
            | "ApproximateNumberOfMessagesNotVisible"
            | "ApproximateNumberOfMessagesDelayed"
            | "CreatedTimestamp"
            | "LastModifiedTimestamp"
            | "QueueArn"
            | "VisibilityTimeout"
            | "MessageRetentionPeriod"
            | "DelaySeconds"
            | "ReceiveMessageWaitTimeSeconds"
            | "MaximumMessageSize"
            | "SqsManagedSseEnabled"
            | "RedrivePolicy"
            | "RedriveAllowPolicy"
            | "Policy"
            | "KmsMasterKeyId"
            | "KmsDataKeyReusePeriodSeconds"
    )
}

/// Returns all attributes of a queue, with their values.
pub(super) fn attributes(core: &Core, name: &str, counts: Counts) -> Result<Map<String, Value>, SqsError> {
    let queue = core.queue(name)?;
    let settings = &queue.settings;
    let mut all = Map::new();
    let mut put = |name: &str, value: String| all.insert(name.to_owned(), Value::String(value));
    put("ApproximateNumberOfMessages", counts.visible.to_string());
    put("ApproximateNumberOfMessagesNotVisible", counts.in_flight.to_string());
    put("ApproximateNumberOfMessagesDelayed", counts.delayed.to_string());
    put("CreatedTimestamp", (queue.created_at / 1000).to_string());
    put("LastModifiedTimestamp", (queue.changed_at / 1000).to_string());
    put("QueueArn", arn(name));
    put("VisibilityTimeout", settings.attributes.visibility_timeout.as_secs().to_string());
    put("MessageRetentionPeriod", settings.attributes.retention.as_secs().to_string());
    put("DelaySeconds", (settings.delay_ms / 1000).to_string());
    put("ReceiveMessageWaitTimeSeconds", (settings.receive_wait_ms / 1000).to_string());
    put("MaximumMessageSize", MAX_MESSAGE_BYTES.to_string());
    put("SqsManagedSseEnabled", "true".to_owned());
    if let Some((dead, count)) = &settings.attributes.max_receives {
        put("RedrivePolicy", json!({"deadLetterTargetArn": arn(dead), "maxReceiveCount": count}).to_string());
    }
    Ok(all)
}

/// Sets attributes by their AWS names. Attributes without a meaning on one machine (policies, encryption) are accepted
/// and ignored.
pub(super) fn set(settings: &mut Settings, attributes: &Map<String, Value>) -> Result<(), SqsError> {
    for (name, value) in attributes {
        let bad = || SqsError::bad_attribute_value(name);
        let text = value.as_str().ok_or_else(bad)?;
        let seconds =
            |range: RangeInclusive<u64>| text.parse().ok().filter(|seconds| range.contains(seconds)).ok_or_else(bad);
        match name.as_str() {
            "VisibilityTimeout" => {
                settings.attributes.visibility_timeout = Duration::from_secs(seconds(0..=43_200)?);
            }
            "MessageRetentionPeriod" => {
                settings.attributes.retention = Duration::from_secs(seconds(RETENTION_SECONDS)?);
            }
            "DelaySeconds" => settings.delay_ms = seconds(0..=MAX_DELAY_SECONDS)? * 1000,
            "ReceiveMessageWaitTimeSeconds" => settings.receive_wait_ms = seconds(0..=MAX_WAIT_SECONDS)? * 1000,
            "RedrivePolicy" if text.is_empty() => settings.attributes.max_receives = None,
            "RedrivePolicy" => {
                let policy: RedrivePolicy = serde_json::from_str(text).map_err(|_| bad())?;
                let count = match policy.max_receive_count {
                    Value::Number(count) => count.as_u64(),
                    Value::String(count) => count.parse().ok(),
                    _ => None,
                };
                // SQS: maxReceiveCount is 1 to 1,000.
                let count = count.filter(|count| (1..=1000).contains(count)).ok_or_else(bad)?;
                let count = u32::try_from(count).map_err(|_| bad())?;
                settings.attributes.max_receives =
                    Some((name_of_arn(&policy.dead_letter_target_arn).to_owned(), count));
            }
            "FifoQueue" => return Err(SqsError::unsupported("FIFO queues are not kept here.")),
            name if is_known(name) => {}
            name => return Err(SqsError::bad_attribute(name)),
        }
    }
    Ok(())
}
