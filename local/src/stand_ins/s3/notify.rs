//! S3's event notifications to queues, by prefix.

use std::{
    collections::HashMap,
    fmt::Write as _,
    path::{Path, PathBuf},
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicU64, Ordering},
    },
};

use jiff::Timestamp;
use s3s::dto::{FilterRuleName, NotificationConfiguration};
use serde::{Deserialize, Serialize};
use serde_json::json;

use crate::stand_ins::{REGION, atomic_file, sqs::Queues};

/// Events of one bucket that go to one queue.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
struct Rule {
    id: String,
    queue: String,
    prefix: String,
}

/// All buckets' rules, kept over restarts.
pub struct Notifications {
    file: PathBuf,
    rules: Mutex<HashMap<String, Vec<Rule>>>,
    queues: Arc<Queues>,
    sequence: AtomicU64,
}

impl Notifications {
    pub fn open(file: &Path, queues: Arc<Queues>) -> anyhow::Result<Self> {
        let rules = match std::fs::read(file) {
            Ok(json) => serde_json::from_slice(&json)?,
            Err(_) => HashMap::new(),
        };
        let sequence = AtomicU64::new(u64::try_from(Timestamp::now().as_microsecond()).unwrap_or(0));
        Ok(Self { file: file.to_owned(), rules: Mutex::new(rules), queues, sequence })
    }

    /// Sets a bucket's rules; S3 tests a new configuration with a message of its own.
    pub fn configure(&self, bucket: &str, configuration: NotificationConfiguration) -> std::io::Result<()> {
        let rules: Vec<_> = configuration
            .queue_configurations
            .unwrap_or_default()
            .into_iter()
            .map(|queue| {
                let filters =
                    queue.filter.and_then(|filter| filter.key).and_then(|key| key.filter_rules).unwrap_or_default();
                let prefix = filters
                    .into_iter()
                    .find(|rule| rule.name.as_ref().is_some_and(|name| name.as_str() == FilterRuleName::PREFIX));
                Rule {
                    id: queue.id.unwrap_or_else(|| "originals".into()),
                    queue: queue.queue_arn.rsplit(':').next().unwrap_or_default().to_owned(),
                    prefix: prefix.and_then(|rule| rule.value).unwrap_or_default(),
                }
            })
            .collect();
        let mut all = self.rules.lock().unwrap_or_else(PoisonError::into_inner);
        if all.get(bucket) == Some(&rules) {
            return Ok(());
        }
        for rule in &rules {
            let test = json!({
                "Service": "Amazon S3", "Event": "s3:TestEvent", "Time": Timestamp::now(), "Bucket": bucket,
                "RequestId": "LOCAL", "HostId": "local",
            });
            self.send(&rule.queue, test.to_string());
        }
        all.insert(bucket.to_owned(), rules);
        atomic_file::write(&self.file, &serde_json::to_vec(&*all)?)
    }

    /// Tells that an object was created.
    pub fn created(&self, event: &str, bucket: &str, key: &str, size: u64, etag: &str) {
        let rules = self.rules.lock().unwrap_or_else(PoisonError::into_inner).get(bucket).cloned().unwrap_or_default();
        for rule in rules.iter().filter(|rule| key.starts_with(&rule.prefix)) {
            let sequencer = format!("{:018X}", self.sequence.fetch_add(1, Ordering::Relaxed));
            let record = json!({
                "eventVersion": "2.1", "eventSource": "aws:s3", "awsRegion": REGION, "eventTime": Timestamp::now(),
                "eventName": event, "userIdentity": { "principalId": "local" },
                "requestParameters": { "sourceIPAddress": "127.0.0.1" },
                "responseElements": { "x-amz-request-id": "LOCAL", "x-amz-id-2": "local" },
                "s3": {
                    "s3SchemaVersion": "1.0", "configurationId": rule.id,
                    "bucket": { "name": bucket, "ownerIdentity": { "principalId": "local" }, "arn": format!("arn:aws:s3:::{bucket}") },
                    "object": { "key": form_encode(key), "size": size, "eTag": etag.trim_matches('"'), "sequencer": sequencer },
                },
            });
            self.send(&rule.queue, json!({ "Records": [record] }).to_string());
        }
    }

    fn send(&self, queue: &str, body: String) {
        if let Err(error) = self.queues.send(queue, body) {
            tracing::error!(queue, ?error, "An S3 event could not be sent");
        }
    }
}

/// As HTML forms encode: a space is `+`.
fn form_encode(key: &str) -> String {
    key.bytes().fold(String::new(), |mut text, byte| {
        match byte {
            b' ' => text.push('+'),
            b'/' | b'-' | b'_' | b'.' | b'*' => text.push(char::from(byte)),
            other if other.is_ascii_alphanumeric() => text.push(char::from(other)),
            other => {
                let _ = write!(text, "%{other:02X}");
            }
        }
        text
    })
}

#[cfg(test)]
mod tests {
    #[test]
    fn keys_are_encoded_as_s3_does() {
        assert_eq!(super::form_encode("a b+ü"), "a+b%2B%C3%BC");
    }
}
