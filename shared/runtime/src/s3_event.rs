//! S3's own events, as they arrive on the photos queue.

use domain::{object_key::ObjectKey, studio::Studio};
use jiff::Timestamp;
use serde::Deserialize;
use serde_json::Value;
use tracing::warn;
use uuid::Uuid;

/// An original that was stored.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Original {
    /// Where.
    pub bucket: String,
    /// Owner.
    pub studio: Studio,
    /// Which photo.
    pub photo: Uuid,
}

/// The body is no event of S3.
#[derive(Debug, thiserror::Error)]
#[error("it is no event of S3: {0}")]
pub struct NoEvent(#[from] serde_json::Error);

/// The parts of S3's event that say which object came; whatever else S3 adds or leaves out does not matter.
#[derive(Deserialize)]
struct S3Event {
    #[serde(rename = "Records")]
    records: Vec<S3Record>,
}

#[derive(Deserialize)]
struct S3Record {
    #[serde(rename = "eventName")]
    event_name: String,
    #[serde(rename = "eventTime")]
    event_time: Option<Timestamp>,
    s3: S3Entity,
}

#[derive(Deserialize)]
struct S3Entity {
    bucket: S3Bucket,
    object: S3Object,
}

#[derive(Deserialize)]
struct S3Bucket {
    name: String,
}

#[derive(Deserialize)]
struct S3Object {
    key: String,
}

/// When the event happened; `None` where the body is none.
pub fn said_at(body: &str) -> Option<Timestamp> {
    let event: S3Event = serde_json::from_str(body).ok()?;
    event.records.first().and_then(|record| record.event_time)
}

/// The originals that the event tells of; none for S3's test event and for objects that are no originals.
pub fn originals(body: &str) -> Result<Vec<Original>, NoEvent> {
    let json: Value = serde_json::from_str(body)?;
    if json.get("Event").and_then(Value::as_str) == Some("s3:TestEvent") {
        return Ok(Vec::new());
    }
    let event: S3Event = serde_json::from_value(json)?;
    let mut originals = Vec::new();
    for record in event.records {
        let created = record.event_name.contains("ObjectCreated");
        let key = form_decode(&record.s3.object.key);
        match key.as_deref().and_then(ObjectKey::parse) {
            Some(ObjectKey::Original { studio, photo }) if created => {
                originals.push(Original { bucket: record.s3.bucket.name, studio, photo });
            }
            _ => warn!(event = record.event_name, "An S3 event for an object that is no original"),
        }
    }
    Ok(originals)
}

/// S3 encodes keys in events as HTML forms do: `+` is a space, `%XX` a byte of UTF-8.
fn form_decode(key: &str) -> Option<String> {
    let mut bytes = Vec::with_capacity(key.len());
    let mut rest = key.bytes();
    while let Some(byte) = rest.next() {
        bytes.push(match byte {
            b'+' => b' ',
            b'%' => {
                let digits = [rest.next()?, rest.next()?];
                u8::from_str_radix(std::str::from_utf8(&digits).ok()?, 16).ok()?
            }
            other => other,
        });
    }
    String::from_utf8(bytes).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_are_decoded_as_forms() {
        assert_eq!(form_decode("a+b%2B%C3%BC").as_deref(), Some("a b+ü"));
        assert_eq!((form_decode("%"), form_decode("%zz"), form_decode("%ff")), (None, None, None));
    }
}
