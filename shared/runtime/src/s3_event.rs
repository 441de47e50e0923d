//! S3 event notifications, as they arrive on the photos queue.

use domain::{job::Job, object_key::ObjectKey, studio::Studio};
use jiff::Timestamp;
use serde::Deserialize;
use serde_json::Value;
use tracing::warn;
use uuid::Uuid;

/// A stored original.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Original {
    /// Name of the bucket.
    pub bucket: String,
    /// Studio of the photo.
    pub studio: Studio,
    /// Id of the photo.
    pub photo: Uuid,
}

/// Error: the body is not an S3 event.
#[derive(Debug, thiserror::Error)]
#[error("it is no event of S3: {0}")]
pub struct NoEvent(#[from] serde_json::Error);

/// Parts of an S3 event that identify the object. Other parts are ignored.
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

/// Returns the time of the event; `None` if the body is not an event.
pub fn said_at(body: &str) -> Option<Timestamp> {
    let event: S3Event = serde_json::from_str(body).ok()?;
    event.records.first().and_then(|record| record.event_time)
}

/// Returns the originals in the event; none for S3's test event and for other objects.
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
            _ => warn!(event = record.event_name, "An S3 event for an object that is not an original"),
        }
    }
    Ok(originals)
}

/// Returns the jobs for S3's event: none for its test event and for objects that are not originals of this bucket.
///
/// Returns `None` if the body is not an S3 event.
pub fn jobs(body: &str, bucket: &str) -> Result<Option<Vec<Job>>, NoEvent> {
    let json: Value = serde_json::from_str(body)?;
    if json.get("Records").is_none() && json.get("Event").is_none() {
        return Ok(None);
    }
    let (ours, others): (Vec<_>, Vec<_>) = originals(body)?.into_iter().partition(|found| found.bucket == bucket);
    if !others.is_empty() {
        warn!(objects = others.len(), "Acknowledged an event of another bucket");
    }
    Ok(Some(ours.into_iter().map(|found| Job::ProcessPhoto { studio: found.studio, photo: found.photo }).collect()))
}

/// Decodes a key as S3 encodes it in events, like an HTML form: `+` is a space, `%XX` a byte of UTF-8.
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
    use serde_json::json;

    use super::*;

    fn event(bucket: &str, key: &str) -> String {
        json!({ "Records": [{
            "eventVersion": "2.1", "eventSource": "aws:s3", "awsRegion": "eu-central-1",
            "eventTime": "2026-01-01T00:00:00Z", "eventName": "ObjectCreated:Put",
            "s3": { "bucket": { "name": bucket }, "object": { "key": key, "size": 1, "eTag": "e" } },
        }] })
        .to_string()
    }

    #[test]
    fn event_names_its_photo_and_ignores_other_objects() {
        let id = Uuid::from_u128(7);
        let photos = |body: &str| jobs(body, "photos").expect("decodes").map(|jobs| jobs.len());
        assert_eq!(photos(&event("photos", &format!("originals/anna/{id}"))), Some(1));
        assert_eq!(photos(&event("photos", &format!("originals%2Fanna%2F{id}"))), Some(1));
        assert_eq!(photos(&event("other", &format!("originals/anna/{id}"))), Some(0));
        assert_eq!(photos(&event("photos", "originals/anna/holiday.jpg")), Some(0));
        assert_eq!(photos(r#"{"Service":"Amazon S3","Event":"s3:TestEvent","Bucket":"photos"}"#), Some(0));
        assert_eq!(photos(r#"{"v":1,"job":"sweep"}"#), None);
    }

    #[test]
    fn poison_is_refused() {
        for bad in ["", "hello", r#"{"Records":[{"s3":7}]}"#] {
            assert!(jobs(bad, "photos").is_err(), "{bad}");
        }
    }

    #[test]
    fn keys_are_decoded_as_forms() {
        assert_eq!(form_decode("a+b%2B%C3%BC").as_deref(), Some("a b+ü"));
        assert_eq!((form_decode("%"), form_decode("%zz"), form_decode("%ff")), (None, None, None));
    }
}
