//! SES: sends emails.

use anyhow::Result;
use aws_smithy_runtime_api::client::{
    orchestrator::{HttpResponse, OrchestratorError},
    result::SdkError,
};
use aws_smithy_types::{
    body::SdkBody,
    error::{ErrorMetadata, metadata::ProvideErrorMetadata as _},
    retry::RetryConfig,
};
use aws_types::SdkConfig;
use domain::email_address::EmailAddress;
use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};
use serde::Deserialize;
use serde_json::{Value, json};

use crate::{
    aws::unpooled,
    call::{Call, Service, body, call},
    world::World,
};

/// Error of SES, or of the connection to it.
pub type SesError = SdkError<ErrorMetadata, HttpResponse>;

/// Client of SES's SendEmail, GetAccount and DeleteSuppressedDestination (API version 2).
pub struct Ses {
    send: Call<NewEmail, String>,
    account: Call<(), Account>,
    unsuppress: Call<String, ()>,
}

/// Quota of an account in its region.
#[derive(Debug, Clone, Copy, PartialEq, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct SendQuota {
    /// Most emails in any 24 hours; -1 for no limit.
    #[serde(rename = "Max24HourSend")]
    pub max_24_hour_send: f64,
    /// Most emails a second.
    pub max_send_rate: f64,
    /// Emails in the last 24 hours.
    #[serde(rename = "SentLast24Hours")]
    pub sent_last_24_hours: f64,
}

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Account {
    send_quota: Option<SendQuota>,
}

/// Email to one recipient.
#[derive(Debug, Clone, Default)]
pub struct NewEmail {
    /// Sender, such as `Studio Anna <photos@example.com>`.
    pub from: String,
    /// Bare address of the recipient.
    pub to: String,
    /// Bare address that receives replies; `None` for the sender.
    pub reply_to: Option<String>,
    /// Headers, name and value: printable ASCII.
    pub headers: Vec<(&'static str, &'static str)>,
    /// Subject, one line.
    pub subject: String,
    /// Plain text of the body.
    pub text: String,
    /// HTML of the body.
    pub html: String,
    /// Configuration set, if any.
    pub configuration_set: Option<String>,
    /// Message tags, name and value: ASCII letters, digits, `_`, `-`, `.`, `@`.
    pub tags: Vec<(&'static str, String)>,
}

#[derive(Default, Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Answer {
    #[serde(default)]
    message_id: String,
}

impl Ses {
    /// Creates a client that makes one attempt per email.
    ///
    /// SES has no idempotency key, so a retry after a lost response sends a second email. Callers decide about retries,
    /// not the SDK. Connections are not reused either: an error on a stale connection would make an unsent email look
    /// possibly sent.
    pub fn new(world: &World, config: &SdkConfig) -> Result<Self> {
        let config = &unpooled(world, config);
        let retries = Some(RetryConfig::disabled());
        let service = |operation| Service {
            name: "email",
            signed_as: "ses",
            operation,
            retries: retries.clone(),
            timeouts: None,
        };
        let account = |()| http::Request::get("/v2/email/account").body(SdkBody::empty());
        Ok(Self {
            send: call(config, service("SendEmail"), |email: NewEmail| request(&email), read)?,
            account: call(config, service("GetAccount"), account, read_account)?,
            unsuppress: call(
                config,
                service("DeleteSuppressedDestination"),
                |address: String| unsuppression(&address),
                |response| body(response).map(drop),
            )?,
        })
    }

    /// Checks that SES responds.
    pub async fn answers(&self) -> Result<(), SesError> {
        self.account.invoke(()).await.map(drop)
    }

    /// Returns the account's quota; `None` if SES does not tell it.
    pub async fn quota(&self) -> Result<Option<SendQuota>, SesError> {
        Ok(self.account.invoke(()).await?.send_quota)
    }

    /// Removes the address from the account's suppression list. Returns whether it was on the list.
    pub async fn unsuppress(&self, address: &EmailAddress) -> Result<bool, SesError> {
        match self.unsuppress.invoke(address.as_str().to_owned()).await {
            Ok(()) => Ok(true),
            Err(error) if error.code() == Some("NotFoundException") => Ok(false),
            Err(error) => Err(error),
        }
    }

    /// Sends the email and returns SES's message id.
    pub async fn send(&self, email: NewEmail) -> Result<String, SesError> {
        self.send.invoke(email).await
    }
}

fn request(email: &NewEmail) -> Result<http::Request<SdkBody>, http::Error> {
    let content = |text: &str| json!({ "Data": text, "Charset": "UTF-8" });
    let tags = email.tags.iter().map(|(name, value)| json!({ "Name": name, "Value": value }));
    let headers = email.headers.iter().map(|(name, value)| json!({ "Name": name, "Value": value }));
    let mut body = json!({
        "FromEmailAddress": email.from,
        "Destination": { "ToAddresses": [email.to] },
        "Content": { "Simple": {
            "Subject": content(&email.subject),
            "Body": { "Text": content(&email.text), "Html": content(&email.html) },
            "Headers": headers.collect::<Value>(),
        } },
        "ReplyToAddresses": email.reply_to.iter().collect::<Vec<_>>(),
        "EmailTags": tags.collect::<Value>(),
    });
    if let Some(set) = &email.configuration_set {
        body["ConfigurationSetName"] = set.as_str().into();
    }
    http::Request::post("/v2/email/outbound-emails")
        .header("content-type", "application/json")
        .body(SdkBody::from(body.to_string()))
}

fn unsuppression(address: &str) -> Result<http::Request<SdkBody>, http::Error> {
    let encoded = utf8_percent_encode(address, NON_ALPHANUMERIC);
    http::Request::delete(format!("/v2/email/suppression/addresses/{encoded}")).body(SdkBody::empty())
}

fn read_account(response: &HttpResponse) -> Result<Account, OrchestratorError<ErrorMetadata>> {
    Ok(serde_json::from_slice(body(response)?).unwrap_or_default())
}

fn read(response: &HttpResponse) -> Result<String, OrchestratorError<ErrorMetadata>> {
    // A success with an unreadable body is a success: SES has accepted the email.
    Ok(serde_json::from_slice::<Answer>(body(response)?).unwrap_or_default().message_id)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::call::answered;

    #[test]
    fn request_has_the_members_of_send_email() {
        let email = NewEmail {
            from: "Anna <a@example.com>".into(),
            to: "b@example.com".into(),
            reply_to: Some("studio@example.com".into()),
            headers: vec![("Auto-Submitted", "auto-generated")],
            subject: "Hi".into(),
            text: "plain".into(),
            html: "<p>rich".into(),
            configuration_set: Some("set".into()),
            tags: vec![("email", "1".into())],
        };
        let body = |email: &NewEmail| {
            let request = request(email).unwrap();
            assert_eq!((request.method().as_str(), request.uri().path()), ("POST", "/v2/email/outbound-emails"));
            serde_json::from_slice::<Value>(request.body().bytes().unwrap()).unwrap()
        };
        let text = |data| json!({ "Data": data, "Charset": "UTF-8" });
        let expected = json!({
            "FromEmailAddress": "Anna <a@example.com>",
            "Destination": { "ToAddresses": ["b@example.com"] },
            "Content": { "Simple": {
                "Subject": text("Hi"),
                "Body": { "Text": text("plain"), "Html": text("<p>rich") },
                "Headers": [{ "Name": "Auto-Submitted", "Value": "auto-generated" }],
            } },
            "ReplyToAddresses": ["studio@example.com"],
            "EmailTags": [{ "Name": "email", "Value": "1" }],
            "ConfigurationSetName": "set",
        });
        assert_eq!(body(&email), expected);
        let without = NewEmail { configuration_set: None, ..email.clone() };
        assert_eq!(body(&without)["ConfigurationSetName"], Value::Null);
    }

    #[test]
    fn quota_is_read_and_may_be_absent() {
        let quota = |body| read_account(&answered(200, body)).unwrap().send_quota;
        let told =
            r#"{"SendQuota":{"Max24HourSend":200.0,"MaxSendRate":1.0,"SentLast24Hours":3.0},"SendingEnabled":true}"#;
        let expected = SendQuota { max_24_hour_send: 200.0, max_send_rate: 1.0, sent_last_24_hours: 3.0 };
        assert_eq!([told, r#"{"SendingEnabled":true}"#, "cut"].map(quota), [Some(expected), None, None]);
    }

    #[test]
    fn address_is_one_segment_of_the_path() {
        let request = unsuppression("a/b+c@example.com").unwrap();
        let path = request.uri().path();
        assert_eq!(path, "/v2/email/suppression/addresses/a%2Fb%2Bc%40example%2Ecom");
    }

    #[test]
    fn success_returns_id_and_refusal_keeps_code() {
        assert_eq!(read(&answered(200, r#"{"MessageId":"abc"}"#)).unwrap(), "abc");
        assert_eq!(read(&answered(200, "cut off")).unwrap(), "");
        let mut refused = answered(400, r#"{"message":"Missing final '@domain'"}"#);
        refused.headers_mut().insert("x-amzn-errortype", "BadRequestException:http://internal/");
        let refused = format!("{:?}", read(&refused).unwrap_err());
        assert!(refused.contains("\"BadRequestException\"") && refused.contains("Missing final"), "{refused}");
    }
}
