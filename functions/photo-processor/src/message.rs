//! What arrives on the photos queue: S3's own events, and our jobs.

use serde::Deserialize;
use serde_json::Value;
use shared::{JobError, ObjectKey, Studio, job::Job};
use tracing::{info, warn};
use uuid::Uuid;

/// A message, understood.
#[derive(Debug, PartialEq, Eq)]
pub enum Message {
    /// Photos to develop; none for S3's test event and for objects that are not ours.
    Photos(Vec<(Studio, Uuid)>),
    /// Look after what is due.
    Sweep,
}

impl Message {
    /// Understands a body, or refuses it for good.
    pub fn decode(body: &str, bucket: &str) -> Result<Self, JobError> {
        let refused = |why: String| JobError::reject("undecodable", why);
        let json: Value = serde_json::from_str(body).map_err(|error| refused(format!("not JSON: {error}")))?;
        if json.get("Event").and_then(Value::as_str) == Some("s3:TestEvent") {
            info!("S3 tested the notification");
            return Ok(Self::Photos(Vec::new()));
        }
        if json.get("Records").is_some() {
            let event: S3Event = serde_json::from_value(json).map_err(|error| refused(error.to_string()))?;
            return Ok(Self::Photos(originals(event, bucket)));
        }
        match Job::decode(body) {
            Ok(Job::ProcessPhoto { studio, photo }) => Ok(Self::Photos(vec![(studio, photo)])),
            Ok(Job::Sweep) => Ok(Self::Sweep),
            Ok(other) => Err(refused(format!("{other:?} is no job of the photos queue"))),
            Err(error) => Err(refused(error.to_string())),
        }
    }
}

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

fn originals(event: S3Event, bucket: &str) -> Vec<(Studio, Uuid)> {
    let mut photos = Vec::new();
    for record in event.records {
        let created = record.event_name.contains("ObjectCreated");
        let ours = record.s3.bucket.name == bucket;
        let key = form_decode(&record.s3.object.key);
        match key.as_deref().and_then(ObjectKey::parse) {
            Some(ObjectKey::Original { studio, photo }) if created && ours => photos.push((studio, photo)),
            _ => warn!(event = record.event_name, "Acknowledged an S3 event for an object that is no original"),
        }
    }
    photos
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
    fn keys_are_decoded_as_forms() {
        assert_eq!(form_decode("a+b%2B%C3%BC").as_deref(), Some("a b+ü"));
        assert_eq!((form_decode("%"), form_decode("%zz"), form_decode("%ff")), (None, None, None));
    }

    #[test]
    fn an_event_names_its_photo_and_a_strangers_object_none() {
        let id = Uuid::from_u128(7);
        let photos = |body: &str| match Message::decode(body, "photos").expect("decodes") {
            Message::Photos(photos) => photos.len(),
            Message::Sweep => 99,
        };
        assert_eq!(photos(&event("photos", &format!("originals/anna/{id}"))), 1);
        assert_eq!(photos(&event("photos", &format!("originals%2Fanna%2F{id}"))), 1);
        assert_eq!(photos(&event("other", &format!("originals/anna/{id}"))), 0);
        assert_eq!(photos(&event("photos", "originals/anna/holiday.jpg")), 0);
        assert_eq!(photos(r#"{"Service":"Amazon S3","Event":"s3:TestEvent","Bucket":"photos"}"#), 0);
    }

    #[test]
    fn a_poison_body_is_refused() {
        for bad in ["", "hello", "[]", r#"{"Records":[{"s3":7}]}"#, r#"{"v":1,"job":"send_email"}"#] {
            assert!(matches!(Message::decode(bad, "photos"), Err(JobError::Reject(_))), "{bad}");
        }
    }
}
