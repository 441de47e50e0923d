//! EventBridge's rule for SES's events, as `infra/mail_events.tf` defines it: each becomes a job of the default queue.

use std::sync::Arc;

use serde_json::{Value, json};

/// Decides whether an event of SES arrives. It is called while SES answers the call that sent the email.
pub type Reports = Arc<dyn Fn(&Value) -> bool + Send + Sync>;

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
