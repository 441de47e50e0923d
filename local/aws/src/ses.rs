//! The SES v2 stand-in: GetAccount, the account's suppression list, and SendEmail with simple content, which stores the email
//! in the [`Mailbox`].

mod events;

use http::{HeaderValue, Method, Response, StatusCode};
use jiff::Timestamp;
use serde::Deserialize;
use serde_json::{Value, json};
use uuid::Uuid;

use super::mailbox::{Attachment, CapturedEmail, Mailbox, bare_address};

/// SES: at most 50 recipients per message, with To, CC and BCC combined.
const MAX_RECIPIENTS: usize = 50;
/// SES: at most 15 custom headers.
const MAX_HEADERS: usize = 15;
/// SES: a header's name has at most 126 characters.
const MAX_HEADER_NAME: usize = 126;
/// SES: a header's value has at most 870 characters.
const MAX_HEADER_VALUE: usize = 870;

/// The reasons for which SES rejects a request.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
enum Refusal {
    #[error("{0}")]
    BadRequest(String),
    #[error("Email address {0} does not exist on your suppression list.")]
    NotFound(String),
    #[error("The operation is not played here.")]
    Unknown,
    #[error("The email could not be kept: {0}")]
    Internal(String),
}

/// Path of the account's suppression list.
const SUPPRESSED: &str = "/v2/email/suppression/addresses";

/// Handles one request.
pub fn answer(mailbox: &Mailbox, method: &Method, path: &str, body: &[u8]) -> Response<Vec<u8>> {
    let result = match (method, path) {
        (&Method::POST, "/v2/email/outbound-emails") => {
            send_email(mailbox, body).map(|message_id| json!({ "MessageId": message_id }))
        }
        (&Method::GET, "/v2/email/account") => Ok(json!({
            "SendingEnabled": true, "ProductionAccessEnabled": true, "EnforcementStatus": "HEALTHY",
            // No limit in 24 hours, and a rate that no machine reaches.
            "SendQuota": { "Max24HourSend": -1.0, "MaxSendRate": 10_000.0, "SentLast24Hours": 0.0 },
        })),
        (&Method::PUT, SUPPRESSED) => suppress(mailbox, body),
        (method, path) => match path.strip_prefix(SUPPRESSED).and_then(|path| path.strip_prefix('/')) {
            Some(address) => suppressed(mailbox, method, address),
            None => Err(Refusal::Unknown),
        },
    };
    let (status, error_type, body) = match result {
        Ok(answer) => (StatusCode::OK, None, answer),
        Err(refusal) => {
            let (status, error_type) = match refusal {
                Refusal::BadRequest(_) => (StatusCode::BAD_REQUEST, "BadRequestException"),
                Refusal::NotFound(_) => (StatusCode::NOT_FOUND, "NotFoundException"),
                Refusal::Unknown => (StatusCode::NOT_FOUND, "UnknownOperationException"),
                Refusal::Internal(_) => (StatusCode::INTERNAL_SERVER_ERROR, "InternalServiceErrorException"),
            };
            (status, Some(error_type), json!({ "message": refusal.to_string() }))
        }
    };
    let mut response = Response::new(body.to_string().into_bytes());
    *response.status_mut() = status;
    response.headers_mut().insert("content-type", HeaderValue::from_static("application/json"));
    if let Some(error_type) = error_type {
        response.headers_mut().insert("x-amzn-errortype", HeaderValue::from_static(error_type));
    }
    response
}

fn send_email(mailbox: &Mailbox, body: &[u8]) -> Result<String, Refusal> {
    let request: SendEmail =
        serde_json::from_slice(body).map_err(|error| bad(format!("The request is malformed: {error}")))?;
    let email = request.into_email()?;
    let is_suppressed = email.to.iter().any(|to| mailbox.is_suppressed(to));
    let (message_id, events) = (email.message_id.clone(), events::of(&email, is_suppressed));
    mailbox.deliver(email).map_err(|error| Refusal::Internal(error.to_string()))?;
    for event in &events {
        mailbox.report(event);
    }
    Ok(message_id)
}

/// `PutSuppressedDestination`.
fn suppress(mailbox: &Mailbox, body: &[u8]) -> Result<Value, Refusal> {
    #[derive(Deserialize)]
    #[serde(rename_all = "PascalCase")]
    struct Put {
        email_address: String,
        reason: String,
    }
    let put: Put = serde_json::from_slice(body).map_err(|error| bad(format!("The request is malformed: {error}")))?;
    if !["BOUNCE", "COMPLAINT"].contains(&put.reason.as_str()) {
        return Err(bad("Reason must be BOUNCE or COMPLAINT."));
    }
    check_address(&put.email_address)?;
    mailbox.suppress(&put.email_address);
    Ok(json!({}))
}

/// `GetSuppressedDestination` and `DeleteSuppressedDestination`.
fn suppressed(mailbox: &Mailbox, method: &Method, encoded: &str) -> Result<Value, Refusal> {
    let address = percent_encoding::percent_decode_str(encoded).decode_utf8_lossy().into_owned();
    let is_there = match *method {
        Method::GET => mailbox.is_suppressed(&address),
        Method::DELETE => mailbox.unsuppress(&address),
        _ => return Err(Refusal::Unknown),
    };
    match (is_there, method) {
        (false, _) => Err(Refusal::NotFound(address)),
        (true, &Method::GET) => Ok(json!({ "SuppressedDestination": { "EmailAddress": address } })),
        (true, _) => Ok(json!({})),
    }
}

fn bad(reason: impl Into<String>) -> Refusal {
    Refusal::BadRequest(reason.into())
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct SendEmail {
    from_email_address: Option<String>,
    destination: Option<Destination>,
    #[serde(default)]
    reply_to_addresses: Vec<String>,
    content: Option<Content>,
    #[serde(default)]
    email_tags: Vec<Pair>,
    configuration_set_name: Option<String>,
}

#[derive(Default, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
#[expect(clippy::struct_field_names, reason = "the names of SES's API")]
struct Destination {
    to_addresses: Vec<String>,
    cc_addresses: Vec<String>,
    bcc_addresses: Vec<String>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Content {
    simple: Option<Simple>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Simple {
    subject: Text,
    body: Body,
    #[serde(default)]
    headers: Vec<Pair>,
    #[serde(default)]
    attachments: Vec<File>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Body {
    text: Option<Text>,
    html: Option<Text>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Text {
    data: String,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Pair {
    name: String,
    value: String,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
#[expect(clippy::struct_field_names, reason = "the names of SES's API")]
struct File {
    raw_content: String,
    file_name: String,
    content_type: Option<String>,
}

impl SendEmail {
    fn into_email(self) -> Result<CapturedEmail, Refusal> {
        let from = self
            .from_email_address
            .filter(|from| !from.is_empty())
            .ok_or_else(|| bad("FromEmailAddress is required."))?;
        let Destination { to_addresses: to, cc_addresses: cc, bcc_addresses: bcc } =
            self.destination.unwrap_or_default();
        let recipients = to.len() + cc.len() + bcc.len();
        if recipients == 0 {
            return Err(bad("Destination must have at least one recipient."));
        }
        if recipients > MAX_RECIPIENTS {
            return Err(bad(format!("Recipient count exceeds {MAX_RECIPIENTS}.")));
        }
        for address in [&from].into_iter().chain(&to).chain(&cc).chain(&bcc).chain(&self.reply_to_addresses) {
            check_address(address)?;
        }
        let content = self.content.and_then(|content| content.simple);
        let simple = content.ok_or_else(|| bad("Only Simple content is played here."))?;
        check_line("Subject", &simple.subject.data)?;
        if simple.body.text.is_none() && simple.body.html.is_none() {
            return Err(bad("Body must have Text or Html."));
        }
        check_headers(&simple.headers)?;
        Ok(CapturedEmail {
            message_id: Uuid::now_v7().to_string(),
            received_at: Timestamp::now(),
            from,
            to,
            cc,
            bcc,
            reply_to: self.reply_to_addresses,
            subject: simple.subject.data,
            text: simple.body.text.map(|text| text.data),
            html: simple.body.html.map(|html| html.data),
            headers: simple.headers.into_iter().map(|header| (header.name, header.value)).collect(),
            attachments: simple.attachments.into_iter().map(File::into_attachment).collect(),
            configuration_set: self.configuration_set_name,
            tags: self.email_tags.into_iter().map(|tag| (tag.name, tag.value)).collect(),
        })
    }
}

impl File {
    fn into_attachment(self) -> Attachment {
        Attachment { filename: self.file_name, content_type: self.content_type, content: self.raw_content }
    }
}

fn check_address(address: &str) -> Result<(), Refusal> {
    let bare = bare_address(address);
    // SES: "must be encoded using 7-bit ASCII"; a comma outside of quotes would end the address.
    let name = address.strip_suffix(&format!("<{bare}>")).unwrap_or_default().trim();
    let quoted = name.len() > 1 && name.starts_with('"') && name.ends_with('"');
    if !address.is_ascii() || (!quoted && name.contains([',', ';', ':', '@', '(', ')', '"'])) {
        return Err(bad("Illegal address"));
    }
    let parts = bare.rsplit_once('@').filter(|(local, domain)| !local.is_empty() && domain.contains('.'));
    if parts.is_none() {
        return Err(bad("Missing final '@domain'"));
    }
    if !bare.bytes().all(|byte| byte.is_ascii_graphic()) {
        return Err(bad("Local address contains control or whitespace"));
    }
    check_line("Address", address)
}

/// Rejects line breaks in a header: the text after one would be another header.
fn check_line(what: &str, value: &str) -> Result<(), Refusal> {
    if value.contains(['\r', '\n']) { Err(bad(format!("{what} contains a line break."))) } else { Ok(()) }
}

fn check_headers(headers: &[Pair]) -> Result<(), Refusal> {
    if headers.len() > MAX_HEADERS {
        return Err(bad(format!("At most {MAX_HEADERS} headers are allowed.")));
    }
    for Pair { name, value } in headers {
        let name_fits =
            (1..=MAX_HEADER_NAME).contains(&name.len()) && name.bytes().all(|b| b.is_ascii_graphic() && b != b':');
        let value_fits = value.len() <= MAX_HEADER_VALUE && value.bytes().all(|b| b == b' ' || b.is_ascii_graphic());
        if !name_fits || !value_fits {
            return Err(bad(format!("The header {name} has an invalid name or value.")));
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn request() -> Value {
        json!({
            "FromEmailAddress": "Darkroom <mail@darkroom.example>",
            "Destination": { "ToAddresses": ["bounce@simulator.amazonses.com"] },
            "Content": { "Simple": {
                "Subject": { "Data": "Your photos", "Charset": "UTF-8" },
                "Body": { "Text": { "Data": "text" }, "Html": { "Data": "<p>html</p>" } },
                "Headers": [{ "Name": "List-Unsubscribe", "Value": "<https://x.example>" }],
            } },
            "EmailTags": [{ "Name": "kind", "Value": "ready" }],
            "ConfigurationSetName": "mails",
        })
    }

    fn send(mailbox: &Mailbox, request: &Value) -> (StatusCode, String) {
        let response = answer(mailbox, &Method::POST, "/v2/email/outbound-emails", request.to_string().as_bytes());
        let error = response.headers().get("x-amzn-errortype").map(|value| value.to_str().unwrap().to_owned());
        (response.status(), error.unwrap_or_default())
    }

    #[test]
    fn email_is_kept_whole_over_a_restart() {
        let folder = tempfile::tempdir().unwrap();
        let mailbox = Mailbox::open(folder.path()).unwrap();
        assert_eq!(send(&mailbox, &request()).0, StatusCode::OK);
        drop(mailbox);
        let mailbox = Mailbox::open(folder.path()).unwrap();
        let email = mailbox.to("bounce@simulator.amazonses.com").remove(0);
        assert_eq!(mailbox.get(&email.message_id), Some(email.clone()));
        assert_eq!(email.subject, "Your photos");
        assert_eq!((email.text.as_deref(), email.html.as_deref()), (Some("text"), Some("<p>html</p>")));
        assert_eq!(email.header("list-unsubscribe"), Some("<https://x.example>"));
        assert_eq!(email.configuration_set.as_deref(), Some("mails"));
        assert_eq!(email.tags["kind"], "ready");
    }

    #[test]
    fn suppressed_address_is_listed_until_it_is_removed() {
        let folder = tempfile::tempdir().unwrap();
        let mailbox = Mailbox::open(folder.path()).unwrap();
        let ask = |method, path: &str, body: &str| answer(&mailbox, &method, path, body.as_bytes()).status();
        let one = format!("{SUPPRESSED}/eva%2Bx%40example.com");
        assert_eq!(ask(Method::DELETE, &one, ""), StatusCode::NOT_FOUND);
        let put = r#"{"EmailAddress":"Eva+x@example.com","Reason":"BOUNCE"}"#;
        assert_eq!(ask(Method::PUT, SUPPRESSED, put), StatusCode::OK);
        assert_eq!(ask(Method::PUT, SUPPRESSED, &put.replace("BOUNCE", "NO")), StatusCode::BAD_REQUEST);
        assert_eq!(ask(Method::GET, &one, ""), StatusCode::OK);
        assert!(mailbox.is_suppressed("Eva <eva+x@example.com>"));
        assert_eq!(
            [ask(Method::DELETE, &one, ""), ask(Method::GET, &one, "")],
            [StatusCode::OK, StatusCode::NOT_FOUND]
        );
    }

    #[test]
    fn requests_ses_would_refuse_are_refused() {
        let folder = tempfile::tempdir().unwrap();
        let mailbox = Mailbox::open(folder.path()).unwrap();
        let simple = |field: &str, value: Value| {
            let mut request = request();
            request["Content"]["Simple"][field] = value;
            request
        };
        let with = |field: &str, value: Value| {
            let mut request = request();
            request[field] = value;
            request
        };
        for bad in [
            with("Destination", json!({})),
            with("Destination", json!({ "ToAddresses": ["nobody"] })),
            with("Destination", json!({ "ToAddresses": ["a b@example.com"] })),
            with("Destination", json!({ "ToAddresses": vec!["a@example.com"; 51] })),
            with("FromEmailAddress", Value::Null),
            with("Content", json!({ "Raw": { "Data": "" } })),
            simple("Subject", json!({ "Data": "a\r\nBcc: b@example.com" })),
            simple("Body", json!({})),
            simple("Headers", json!([{ "Name": "X", "Value": "a\nb" }])),
        ] {
            assert_eq!(send(&mailbox, &bad), (StatusCode::BAD_REQUEST, "BadRequestException".into()), "{bad}");
        }
        assert!(mailbox.list().is_empty());
    }
}
