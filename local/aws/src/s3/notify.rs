//! Events of new objects, which are sent to queues.

use std::{
    fmt::Write as _,
    sync::atomic::{AtomicU64, Ordering},
    time::{SystemTime, UNIX_EPOCH},
};

use s3s::dto;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::object::Object;
use crate::{ACCOUNT, REGION, sqs};

/// A notification rule: which new objects of a bucket are reported to which queue.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub(super) struct Rule {
    pub id: String,
    pub queue_arn: String,
    /// Event types, such as `s3:ObjectCreated:*`.
    pub events: Vec<String>,
    pub prefix: String,
    pub suffix: String,
}

/// The events of new objects, after `s3:ObjectCreated:`.
/// <https://docs.aws.amazon.com/AmazonS3/latest/userguide/notification-how-to-event-types-and-destinations.html>
const CREATED: [&str; 5] = ["*", "Put", "Post", "Copy", "CompleteMultipartUpload"];

impl Rule {
    pub fn of(configuration: dto::QueueConfiguration, number: usize) -> Self {
        let mut rule = Self {
            id: configuration.id.unwrap_or_else(|| format!("queue-{number}")),
            queue_arn: configuration.queue_arn,
            events: configuration.events.into_iter().map(String::from).collect(),
            ..Self::default()
        };
        let filter = configuration.filter.and_then(|filter| filter.key).and_then(|key| key.filter_rules);
        for dto::FilterRule { name, value } in filter.unwrap_or_default() {
            let name = name.map(|name| name.as_str().to_ascii_lowercase());
            match name.as_deref() {
                Some("prefix") => rule.prefix = value.unwrap_or_default(),
                Some("suffix") => rule.suffix = value.unwrap_or_default(),
                _ => {}
            }
        }
        rule
    }

    pub fn to_configuration(&self) -> dto::QueueConfiguration {
        let filter = |name: &'static str, value: &str| dto::FilterRule {
            name: Some(dto::FilterRuleName::from_static(name)),
            value: Some(value.to_owned()),
        };
        let rules: Vec<_> = [(dto::FilterRuleName::PREFIX, &self.prefix), (dto::FilterRuleName::SUFFIX, &self.suffix)]
            .into_iter()
            .filter(|(_, value)| !value.is_empty())
            .map(|(name, value)| filter(name, value))
            .collect();
        dto::QueueConfiguration {
            events: self.events.iter().cloned().map(dto::Event::from).collect(),
            filter: (!rules.is_empty()).then_some(dto::NotificationConfigurationFilter {
                key: Some(dto::S3KeyFilter { filter_rules: Some(rules) }),
            }),
            id: Some(self.id.clone()),
            queue_arn: self.queue_arn.clone(),
        }
    }

    /// Returns whether one event of one key could match both rules, which S3 refuses.
    pub fn overlaps(&self, other: &Self) -> bool {
        let shares_event = |event: &String| other.events.iter().any(|other| overlap(event, other));
        let (prefix, suffix) = (self.prefix.as_str(), self.suffix.as_str());
        (prefix.starts_with(&other.prefix) || other.prefix.starts_with(prefix))
            && (suffix.ends_with(&other.suffix) || other.suffix.ends_with(suffix))
            && self.events.iter().any(shares_event)
    }

    /// Returns whether all events of the rule are events of S3.
    pub fn is_valid(&self) -> bool {
        self.events.iter().all(|event| match event.strip_prefix("s3:ObjectCreated:") {
            Some(name) => CREATED.contains(&name),
            None => event.starts_with("s3:"),
        })
    }

    /// Returns whether the rule matches an `event` (such as `ObjectCreated:Put`) of `key`.
    pub fn matches(&self, event: &str, key: &str) -> bool {
        let requested = |pattern: &String| {
            let pattern = pattern.strip_prefix("s3:").unwrap_or(pattern);
            pattern.strip_suffix('*').map_or(pattern == event, |start| event.starts_with(start))
        };
        key.starts_with(&self.prefix) && key.ends_with(&self.suffix) && self.events.iter().any(requested)
    }
}

/// Returns whether two event types, such as `s3:ObjectCreated:*` and `s3:ObjectCreated:Put`, have an event in common.
fn overlap(one: &str, other: &str) -> bool {
    match (one.strip_suffix('*'), other.strip_suffix('*')) {
        (None, None) => one == other,
        (Some(start), None) => other.starts_with(start),
        (None, Some(start)) => one.starts_with(start),
        (Some(one), Some(other)) => one.starts_with(other) || other.starts_with(one),
    }
}

/// Returns the message that reports a new object, in S3's format.
/// <https://docs.aws.amazon.com/AmazonS3/latest/userguide/notification-content-structure.html>
pub(super) fn event(rule: &Rule, bucket: &str, object: &Object, event: &str) -> Value {
    let mut record = json!({
        "eventVersion": "2.1",
        "eventSource": "aws:s3",
        "awsRegion": REGION,
        "eventTime": time(object.record.modified),
        "eventName": event,
        "userIdentity": {"principalId": ACCOUNT},
        "requestParameters": {"sourceIPAddress": "127.0.0.1"},
        "responseElements": {"x-amz-request-id": "0000000000000000", "x-amz-id-2": "local"},
        "s3": {
            "s3SchemaVersion": "1.0",
            "configurationId": rule.id,
            "bucket": {
                "name": bucket,
                "ownerIdentity": {"principalId": ACCOUNT},
                "arn": format!("arn:aws:s3:::{bucket}"),
            },
            "object": {
                "key": form_encoded(&object.key),
                "size": object.size(),
                "eTag": object.record.e_tag,
                "sequencer": sequencer(),
            },
        },
    });
    if let Some(version) = &object.record.version {
        record["s3"]["object"]["versionId"] = json!(version);
    }
    json!({ "Records": [record] })
}

/// Returns the message that S3 sends once to test a queue. It has no records.
pub(super) fn test_event(bucket: &str) -> Value {
    json!({
        "Service": "Amazon S3",
        "Event": "s3:TestEvent",
        "Time": time(sqs::now_ms()),
        "Bucket": bucket,
        "RequestId": "0000000000000000",
        "HostId": "local",
    })
}

fn time(millis: u64) -> String {
    let instant = i64::try_from(millis).ok().and_then(|millis| jiff::Timestamp::from_millisecond(millis).ok());
    format!("{:.3}", instant.unwrap_or_default())
}

/// Returns a hexadecimal number that grows with each event, also across restarts.
fn sequencer() -> String {
    static LAST: AtomicU64 = AtomicU64::new(0);
    let now = SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |time| time.as_nanos());
    let now = u64::try_from(now).unwrap_or(u64::MAX);
    let last = LAST.fetch_max(now, Ordering::Relaxed);
    let next = if now > last { now } else { LAST.fetch_add(1, Ordering::Relaxed) + 1 };
    format!("{next:018X}")
}

/// Encodes a key as S3 does in events: like a form field, except slashes.
fn form_encoded(key: &str) -> String {
    let mut encoded = String::with_capacity(key.len());
    for byte in key.bytes() {
        match byte {
            b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'-' | b'_' | b'.' | b'*' | b'/' => {
                encoded.push(char::from(byte));
            }
            b' ' => encoded.push('+'),
            _ => {
                let _ = write!(encoded, "%{byte:02X}");
            }
        }
    }
    encoded
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rule_matches_event_and_prefix() {
        let rule =
            Rule { events: vec!["s3:ObjectCreated:*".to_owned()], prefix: "originals/".to_owned(), ..Rule::default() };
        assert!(rule.matches("ObjectCreated:Put", "originals/a"));
        assert!(!rule.matches("ObjectCreated:Put", "archives/a"));
        assert!(!rule.matches("ObjectRemoved:Delete", "originals/a"));
    }

    #[test]
    fn rules_that_share_an_event_of_a_key_overlap() {
        let rule = |events: &[&str], prefix: &str, suffix: &str| Rule {
            events: events.iter().map(|event| format!("s3:ObjectCreated:{event}")).collect(),
            prefix: prefix.to_owned(),
            suffix: suffix.to_owned(),
            ..Rule::default()
        };
        let uploads = rule(&["Put", "CompleteMultipartUpload"], "incoming/", "");
        for (other, overlaps) in [
            (rule(&["*"], "incoming/a", ""), true),
            (rule(&["Put"], "", ".jpg"), true),
            (rule(&["Copy"], "incoming/", ""), false),
            (rule(&["*"], "originals/", ""), false),
        ] {
            assert_eq!((uploads.overlaps(&other), other.overlaps(&uploads)), (overlaps, overlaps), "{other:?}");
        }
        assert!(!rule(&["*"], "", ".jpg").overlaps(&rule(&["*"], "", ".png")));
        assert!(uploads.is_valid() && !rule(&["CompleteMultipart"], "", "").is_valid());
    }

    #[test]
    fn keys_are_encoded_as_in_a_form() {
        assert_eq!(form_encoded("a b/c+d/ü.jpg"), "a+b/c%2Bd/%C3%BC.jpg");
    }

    #[test]
    fn sequencers_grow() {
        let numbers: Vec<_> = (0..1000).map(|_| sequencer()).collect();
        assert!(numbers.is_sorted_by(|a, b| a < b));
    }
}
