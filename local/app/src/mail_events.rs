//! EventBridge's rule for SES's events, as `infra/mail_events.tf` defines it: each becomes a job of the default queue.

use serde_json::{Value, json};

/// Returns the job of an event; `None` for an email of somebody else.
pub fn job(event: &Value) -> Option<Value> {
    let mail = &event["detail"]["mail"];
    let tag = |name: &str| mail["tags"][name][0].as_str();
    let mut job = json!({
        "v": 1, "job": "email_event", "studio": tag("studio")?, "email": tag("email")?, "event": event["detail"]["eventType"],
        "time": event["time"], "message_id": mail["messageId"],
    });
    if let Some(kind) = event["detail"]["bounce"]["bounceType"].as_str() {
        job["bounce"] = kind.into();
    }
    Some(job)
}
