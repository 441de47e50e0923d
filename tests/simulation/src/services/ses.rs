//! Model of SES: accepts emails, within a rate and a daily quota, and reports what becomes of them. It has no idempotency key.

use bytes::Bytes;
use http::{Method, Request, Response};
use jiff::{SignedDuration, Timestamp};
use serde_json::{Value, json};
use uuid::Uuid;

use super::{
    Moment, Service,
    json::{self, ServiceError},
};

const DAY_MS: i64 = 24 * 3600 * 1000;

/// Queue that EventBridge's rules send the reports to.
pub const REPORTS: &str = "default";

/// An email that SES accepted.
#[derive(Debug, Clone)]
pub struct Accepted {
    /// Time of acceptance.
    pub at: Timestamp,
    /// SES's message id.
    pub message_id: Uuid,
    /// Address of the recipient.
    pub to: String,
    /// Tag `darkroom-email`: id of the record.
    pub email: Option<Uuid>,
    /// Whole request.
    pub request: Value,
}

/// A report about an accepted email.
#[derive(Debug, Clone)]
pub struct Report {
    /// Id of the email's record.
    pub email: Uuid,
    /// Kind, as SES calls it.
    pub kind: &'static str,
    /// Type of a bounce.
    pub bounce: Option<&'static str>,
    /// Time of the event.
    pub at: Timestamp,
    /// Message that EventBridge's rule makes of the event (`infra/mail_events.tf`).
    pub body: String,
}

/// An account of SES.
#[derive(Debug)]
pub struct Ses {
    /// Accepted emails, oldest first.
    pub accepted: Vec<Accepted>,
    /// Most emails in one second.
    pub max_send_rate: usize,
    /// Most emails in 24 hours.
    pub max_24_hour_send: usize,
    /// Whether sending is paused for the account.
    pub paused: bool,
    reports: Vec<Report>,
}

impl Default for Ses {
    fn default() -> Self {
        Self { accepted: Vec::new(), max_send_rate: 14, max_24_hour_send: 50_000, paused: false, reports: Vec::new() }
    }
}

impl Service for Ses {
    fn call(&mut self, request: &Request<Bytes>, moment: &mut Moment<'_>) -> Response<Bytes> {
        json::response(match (request.method(), request.uri().path()) {
            (&Method::POST, "/v2/email/outbound-emails") => {
                json::body(request).and_then(|email| self.send(email, moment))
            }
            (&Method::GET, "/v2/email/account") => Ok(self.account(moment.now)),
            (method, path) => Err(ServiceError::client("BadRequestException", format!("No {method} {path}"))),
        })
    }
}

impl Ses {
    fn account(&self, now: Timestamp) -> Value {
        json!({
            "SendingEnabled": !self.paused,
            "SendQuota": {
                "MaxSendRate": self.max_send_rate, "Max24HourSend": self.max_24_hour_send,
                "SentLast24Hours": self.within(now, DAY_MS),
            },
        })
    }

    /// Returns the number of emails in this time.
    fn within(&self, now: Timestamp, ms: i64) -> usize {
        let age = |sent: &Accepted| now.as_millisecond() - sent.at.as_millisecond();
        self.accepted.iter().rev().take_while(|sent| age(sent) < ms).count()
    }

    fn send(&mut self, email: Value, moment: &mut Moment<'_>) -> Result<Value, ServiceError> {
        let to = email["Destination"]["ToAddresses"][0].as_str().filter(|to| to.contains('@'));
        let to = to.ok_or_else(|| ServiceError::client("BadRequestException", "Missing final '@domain'"))?.to_owned();
        if email["FromEmailAddress"].as_str().is_none_or(str::is_empty) || !email["Content"].is_object() {
            return Err(ServiceError::client("BadRequestException", "FromEmailAddress and Content are required."));
        }
        if self.paused {
            return Err(ServiceError::client("SendingPausedException", "Email sending is paused for the account."));
        }
        let too_many =
            |message: &str| ServiceError { status: 429, code: "TooManyRequestsException", message: message.into() };
        if self.within(moment.now, 1000) >= self.max_send_rate {
            return Err(too_many("Maximum sending rate exceeded."));
        }
        if self.within(moment.now, DAY_MS) >= self.max_24_hour_send {
            return Err(ServiceError { code: "LimitExceededException", ..too_many("Daily message quota exceeded.") });
        }
        let message_id = Uuid::from_u128(moment.random.u128(..));
        let tags = email["EmailTags"].as_array().into_iter().flatten();
        let tag = |name: &str| tags.clone().find(|tag| tag["Name"] == name).and_then(|tag| tag["Value"].as_str());
        let id: Option<Uuid> = tag("darkroom-email").and_then(|id| id.parse().ok());
        if let Some((email, studio)) = id.zip(tag("studio")) {
            self.reports.extend(reports(email, studio, &to, message_id, moment.now));
        }
        self.accepted.push(Accepted { at: moment.now, message_id, to, email: id, request: email });
        Ok(json!({ "MessageId": message_id }))
    }

    /// Takes the reports since the last call.
    pub fn take_reports(&mut self) -> Vec<Report> {
        std::mem::take(&mut self.reports)
    }
}

/// Returns what SES reports about an email. The number in the address decides what becomes of it.
fn reports(email: Uuid, studio: &str, to: &str, message_id: Uuid, now: Timestamp) -> Vec<Report> {
    let number =
        to.bytes().filter(u8::is_ascii_digit).fold(0_u64, |number, digit| number * 10 + u64::from(digit - b'0'));
    let outcome: &[(&'static str, Option<&'static str>)] = match number % 5 {
        1 => &[("Bounce", Some("Permanent"))],
        2 => &[("Delivery", None), ("Complaint", None)],
        3 => &[("DeliveryDelay", None), ("Delivery", None), ("Bounce", Some("Transient"))],
        _ => &[("Delivery", None)],
    };
    let report = |(second, (kind, bounce)): (i64, &(&'static str, Option<&'static str>))| {
        let at = now.saturating_add(SignedDuration::from_secs(second)).unwrap_or(now);
        let mut body = json!({
            "v": 1, "job": "email_event", "studio": studio, "email": email, "event": kind, "time": at,
            "message_id": message_id,
        });
        if let Some(bounce) = bounce {
            body["bounce"] = (*bounce).into();
        }
        Report { email, kind, bounce: *bounce, at, body: body.to_string() }
    };
    (0..).zip([&("Send", None)].into_iter().chain(outcome)).map(report).collect()
}
