//! Events of SES, as EventBridge delivers them. Only SES's simulator addresses and suppressed ones cause any.

use jiff::Timestamp;
use serde_json::{Value, json};

use crate::mailbox::{CapturedEmail, bare_address};

/// Domain of the mailbox simulator.
const SIMULATOR: &str = "simulator.amazonses.com";

/// Returns the events that an accepted email causes, in the order of time. `+label` behind the address's name is ignored, as
/// on AWS. An address that SES suppresses has no `Delivery`.
pub fn of(email: &CapturedEmail, is_suppressed: bool) -> Vec<Value> {
    let Some(to) = email.to.first().map(|to| bare_address(to)) else { return Vec::new() };
    let name = match to.rsplit_once('@') {
        _ if is_suppressed => "suppressionlist",
        Some((name, SIMULATOR)) => name,
        _ => return Vec::new(),
    };
    let outcomes: &[(&str, Value)] = &match name.split('+').next().unwrap_or_default() {
        "success" => vec![("Delivery", json!({}))],
        "bounce" => vec![("Bounce", bounce("Permanent", "General"))],
        // SES accepts the email, and does not send it.
        "suppressionlist" => vec![("Bounce", bounce("Permanent", "OnAccountSuppressionList"))],
        "complaint" => vec![("Delivery", json!({})), ("Complaint", json!({ "complaintFeedbackType": "abuse" }))],
        // An absence note, which SES reports as a bounce after the delivery.
        "ooto" => vec![("Delivery", json!({})), ("Bounce", bounce("Transient", "General"))],
        _ => return Vec::new(),
    };
    let sent = ("Send", json!({}));
    [&sent].into_iter().chain(outcomes).map(|(kind, about)| event(email, kind, about)).collect()
}

fn bounce(kind: &str, sub_type: &str) -> Value {
    json!({ "bounceType": kind, "bounceSubType": sub_type })
}

fn event(email: &CapturedEmail, kind: &str, about: &Value) -> Value {
    let detail_type = match kind {
        "Send" => "Email Sent",
        "Delivery" => "Email Delivered",
        "Bounce" => "Email Bounced",
        _ => "Email Complaint Received",
    };
    let tags: serde_json::Map<String, Value> =
        email.tags.iter().map(|(name, value)| (name.clone(), json!([value]))).collect();
    json!({
        "version": "0", "source": "aws.ses", "detail-type": detail_type, "time": Timestamp::now().to_string(),
        "detail": {
            "eventType": kind,
            "mail": { "messageId": email.message_id, "timestamp": email.received_at.to_string(), "tags": tags },
            kind.to_lowercase(): about,
        },
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn kinds(to: &str) -> Vec<String> {
        let email = CapturedEmail {
            message_id: "m".into(),
            received_at: Timestamp::UNIX_EPOCH,
            from: "a@example.com".into(),
            to: vec![to.into()],
            cc: vec![],
            bcc: vec![],
            reply_to: vec![],
            subject: String::new(),
            text: None,
            html: None,
            headers: vec![],
            attachments: vec![],
            configuration_set: None,
            tags: [("email".to_owned(), "1".to_owned())].into(),
        };
        let events = of(&email, false);
        assert!(events.iter().all(|event| event["detail"]["mail"]["tags"]["email"] == json!(["1"])), "{events:?}");
        events.iter().map(|event| event["detail"]["eventType"].as_str().unwrap_or_default().to_owned()).collect()
    }

    #[test]
    fn simulator_addresses_have_their_outcomes() {
        assert_eq!(kinds("Eva <success@simulator.amazonses.com>"), ["Send", "Delivery"]);
        assert_eq!(kinds("bounce+7@simulator.amazonses.com"), ["Send", "Bounce"]);
        assert_eq!(kinds("suppressionlist@simulator.amazonses.com"), ["Send", "Bounce"]);
        assert_eq!(kinds("complaint@simulator.amazonses.com"), ["Send", "Delivery", "Complaint"]);
        assert_eq!(kinds("ooto@simulator.amazonses.com"), ["Send", "Delivery", "Bounce"]);
        assert_eq!(kinds("eva@example.com"), Vec::<String>::new());
    }
}
