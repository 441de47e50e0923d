//! What arrives on the photos queue: S3's own events, and our jobs.

use domain::{JobError, Studio, job::Job};
use runtime::s3_event;
use serde_json::Value;
use tracing::warn;
use uuid::Uuid;

/// A message, understood.
#[derive(Debug, PartialEq, Eq)]
pub enum Message {
    /// Photos to develop; none for S3's test event and for objects that are not ours.
    Photos(Vec<(Studio, Uuid)>),
    /// Work on many photos.
    Operate(Studio, Uuid),
    /// Re-sends the jobs of records past `due_at`.
    Sweep,
}

impl Message {
    /// Understands a body, or refuses it for good.
    pub fn decode(body: &str, bucket: &str) -> Result<Self, JobError> {
        let refused = |why: String| JobError::reject("undecodable", why);
        let json: Value = serde_json::from_str(body).map_err(|error| refused(format!("not JSON: {error}")))?;
        if json.get("Records").is_some() || json.get("Event").is_some() {
            let originals = s3_event::originals(body).map_err(|error| refused(error.to_string()))?;
            let (ours, others): (Vec<_>, Vec<_>) = originals.into_iter().partition(|found| found.bucket == bucket);
            if !others.is_empty() {
                warn!(objects = others.len(), "Acknowledged an event of another bucket");
            }
            return Ok(Self::Photos(ours.into_iter().map(|found| (found.studio, found.photo)).collect()));
        }
        match Job::decode(body) {
            Ok(Job::ProcessPhoto { studio, photo }) => Ok(Self::Photos(vec![(studio, photo)])),
            Ok(Job::Operate { studio, operation }) => Ok(Self::Operate(studio, operation)),
            Ok(Job::Sweep) => Ok(Self::Sweep),
            Ok(other) => Err(JobError::reject("wrong_queue", format!("{other:?} is no job of the photos queue"))),
            Err(error) => Err(refused(error.to_string())),
        }
    }
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
    fn an_event_names_its_photo_and_a_strangers_object_none() {
        let id = Uuid::from_u128(7);
        let photos = |body: &str| match Message::decode(body, "photos").expect("decodes") {
            Message::Photos(photos) => photos.len(),
            Message::Operate(..) | Message::Sweep => 99,
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
