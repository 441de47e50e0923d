//! S3 event notifications, as they arrive on the uploads queue. Those of an earlier release are in the photos queue.

use domain::{job::Job, object_key::ObjectKey, studio::Studio};
use jiff::Timestamp;
use serde::Deserialize;
use serde_json::Value;
use tracing::warn;
use uuid::Uuid;

/// A new object.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewObject {
    /// Name of the bucket.
    pub bucket: String,
    /// Key, decoded.
    pub key: String,
    /// Version; `None` in a bucket without versions.
    pub version: Option<String>,
    /// Size in bytes.
    pub size: u64,
    /// ETag, with quotes.
    pub etag: String,
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
#[serde(rename_all = "camelCase")]
struct S3Object {
    key: String,
    #[serde(default)]
    size: u64,
    #[serde(default)]
    e_tag: String,
    version_id: Option<String>,
}

/// Returns the time of the event; `None` if the body is not an event.
pub fn said_at(body: &str) -> Option<Timestamp> {
    let event: S3Event = serde_json::from_str(body).ok()?;
    event.records.first().and_then(|record| record.event_time)
}

/// Returns whether the body is an event of S3, and not a job.
pub fn is_event(body: &str) -> bool {
    let json: Value = serde_json::from_str(body).unwrap_or_default();
    json.get("Records").is_some() || json.get("Event").is_some()
}

/// Returns the new objects in the event; none for S3's test event and for other events.
pub fn objects(body: &str) -> Result<Vec<NewObject>, NoEvent> {
    let json: Value = serde_json::from_str(body)?;
    if json.get("Event").and_then(Value::as_str) == Some("s3:TestEvent") {
        return Ok(Vec::new());
    }
    let event: S3Event = serde_json::from_value(json)?;
    let mut objects = Vec::new();
    for record in event.records {
        let S3Entity { bucket: S3Bucket { name: bucket }, object } = record.s3;
        match form_decode(&object.key) {
            Some(key) if record.event_name.contains("ObjectCreated") => {
                let etag = format!("\"{}\"", object.e_tag);
                objects.push(NewObject { bucket, key, version: object.version_id, size: object.size, etag });
            }
            _ => warn!(event = record.event_name, "An S3 event that is about no new object"),
        }
    }
    Ok(objects)
}

/// Returns the record that the event is about, if it is about an original.
pub fn original(body: &str) -> Option<(Studio, Uuid)> {
    objects(body).ok()?.iter().rev().find_map(|object| match ObjectKey::parse(&object.key) {
        Some(ObjectKey::Original { studio, photo }) => Some((studio, photo)),
        _ => None,
    })
}

/// Returns the jobs for S3's event: none for its test event and for objects that are not originals of this bucket.
///
/// Returns `None` if the body is not an S3 event.
pub fn jobs(body: &str, bucket: &str) -> Result<Option<Vec<Job>>, NoEvent> {
    if serde_json::from_str::<Value>(body).is_ok() && !is_event(body) {
        return Ok(None);
    }
    let mut jobs = Vec::new();
    for object in objects(body)? {
        match ObjectKey::parse(&object.key) {
            Some(ObjectKey::Original { studio, photo }) if object.bucket == bucket => {
                jobs.push(Job::ProcessPhoto { studio, photo });
            }
            _ => warn!(bucket = object.bucket, "An S3 event for an object that is not an original"),
        }
    }
    Ok(Some(jobs))
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
        assert_eq!(photos(&event("photos", "incoming/anna/holiday.jpg")), Some(0));
        let of_anna = original(&event("photos", &format!("originals/anna/{id}")));
        assert_eq!(of_anna, Some(("anna".parse().expect("valid"), id)));
        assert_eq!(original(&event("photos", "incoming/anna/holiday.jpg")), None);
        assert_eq!(photos(r#"{"Service":"Amazon S3","Event":"s3:TestEvent","Bucket":"photos"}"#), Some(0));
        assert_eq!(photos(r#"{"v":1,"job":"sweep"}"#), None);
    }

    #[test]
    fn event_tells_version_size_and_etag() {
        let mut body: Value = serde_json::from_str(&event("photos", "incoming/anna/a+b.jpg")).expect("JSON");
        let object = |version| NewObject {
            bucket: "photos".to_owned(),
            key: "incoming/anna/a b.jpg".to_owned(),
            version,
            size: 1,
            etag: "\"e\"".to_owned(),
        };
        assert_eq!(objects(&body.to_string()).expect("decodes"), [object(None)]);
        body["Records"][0]["s3"]["object"]["versionId"] = "v1".into();
        assert_eq!(objects(&body.to_string()).expect("decodes"), [object(Some("v1".to_owned()))]);
        body["Records"][0]["eventName"] = "ObjectRemoved:Delete".into();
        assert_eq!(objects(&body.to_string()).expect("decodes"), []);
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
