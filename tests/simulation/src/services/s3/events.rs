//! Notifications of new objects.

use jiff::Timestamp;
use serde_json::json;

use super::{S3, bucket::Object, encoding};

/// Account in events.
const ACCOUNT: &str = "000000000000";

/// New objects that are notified. S3 refuses two rules of a bucket that one event of a key would match.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Notification {
    /// Bucket.
    pub bucket: String,
    /// Prefix of the keys.
    pub prefix: String,
    /// Events, such as `ObjectCreated:Put` or `ObjectCreated:*`.
    pub events: Vec<&'static str>,
    /// Queue that receives the events.
    pub queue: String,
}

impl Notification {
    fn matches(&self, bucket: &str, key: &str, event: &str) -> bool {
        let named =
            |pattern: &&str| pattern.strip_suffix('*').map_or(*pattern == event, |start| event.starts_with(start));
        self.bucket == bucket && key.starts_with(&self.prefix) && self.events.iter().any(named)
    }
}

/// Notification of a new object, as S3 sends it to a queue.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Event {
    /// Bucket of the object.
    pub bucket: String,
    /// Key of the object, not encoded.
    pub key: String,
    /// Queue of the rule.
    pub queue: String,
    /// Message in S3's format.
    pub body: String,
    /// Time of the write.
    pub at: Timestamp,
}

impl S3 {
    /// Takes the notifications since the last call, in the order of the writes.
    pub fn take_events(&mut self) -> Vec<Event> {
        std::mem::take(&mut self.events)
    }

    /// Adds the notification of a new object for each rule that matches it. `name` is the event, such as `ObjectCreated:Put`.
    ///
    /// Format: <https://docs.aws.amazon.com/AmazonS3/latest/userguide/notification-content-structure.html>.
    pub(super) fn notify(&mut self, bucket: &str, key: &str, object: &Object, name: &str) {
        let rules = self.settings.notifications.iter().filter(|rule| rule.matches(bucket, key, name));
        let queues: Vec<String> = rules.map(|rule| rule.queue.clone()).collect();
        for queue in queues {
            self.notify_queue(queue, bucket, key, object, name);
        }
    }

    fn notify_queue(&mut self, queue: String, bucket: &str, key: &str, object: &Object, name: &str) {
        let sequencer = self.next_number();
        let mut body = json!({
            "eventVersion": "2.1",
            "eventSource": "aws:s3",
            "awsRegion": self.settings.region,
            "eventTime": encoding::iso(object.created),
            "eventName": name,
            "userIdentity": {"principalId": ACCOUNT},
            "requestParameters": {"sourceIPAddress": "127.0.0.1"},
            "responseElements": {"x-amz-request-id": format!("{:016X}", self.requests), "x-amz-id-2": "simulation"},
            "s3": {
                "s3SchemaVersion": "1.0",
                "configurationId": queue,
                "bucket": {
                    "name": bucket,
                    "ownerIdentity": {"principalId": ACCOUNT},
                    "arn": format!("arn:aws:s3:::{bucket}"),
                },
                "object": {
                    "key": encoding::form_encode(key),
                    "size": object.content.len(),
                    "eTag": object.etag,
                    "sequencer": format!("{sequencer:018X}"),
                },
            },
        });
        if let Some(version) = &object.version {
            body["s3"]["object"]["versionId"] = json!(version);
        }
        let body = json!({"Records": [body]}).to_string();
        self.events.push(Event { bucket: bucket.to_owned(), key: key.to_owned(), queue, body, at: object.created });
    }
}
