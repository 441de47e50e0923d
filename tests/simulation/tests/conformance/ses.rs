//! The model of SES compared with the stand-in of `local-aws`.

use std::sync::{Arc, Mutex};

use runtime::ses::{NewEmail, Ses};
use serde_json::json;
use simulation::services::ses;

use crate::{
    targets::{Loopback, Target},
    transcript::{Transcript, compare},
};

fn email(to: &str) -> NewEmail {
    let text = || "text".to_owned();
    NewEmail {
        from: "Studio Anna <photos@example.com>".to_owned(),
        to: to.to_owned(),
        reply_to: Some("studio@example.com".to_owned()),
        headers: vec![("Auto-Submitted", "auto-generated")],
        subject: text(),
        text: text(),
        html: text(),
        configuration_set: Some("emails".to_owned()),
        tags: vec![("darkroom-email", "0197a8a0-0000-7000-8000-000000000000".to_owned())],
    }
}

async fn case(target: &Target) -> Transcript {
    let mut said = Transcript::default();
    let ses = Ses::new(target.env.world(), &target.config).unwrap();
    said.record("account", ses.answers().await, |()| String::new());
    said.record("send", ses.send(email("anna@example.com")).await, |id| (!id.is_empty()).to_string());
    said.record("send: address without a domain", ses.send(email("anna")).await, |_| String::new());
    said.record("send: empty address", ses.send(email("")).await, |_| String::new());

    let text = json!({ "Data": "text" });
    let content = json!({ "Simple": { "Subject": text, "Body": { "Text": text } } });
    let from = "photos@example.com";
    let requests = [
        ("no destination", json!({ "FromEmailAddress": from, "Content": content })),
        (
            "no recipients",
            json!({ "FromEmailAddress": from, "Destination": { "ToAddresses": [] }, "Content": content }),
        ),
        ("no content", json!({ "FromEmailAddress": from, "Destination": { "ToAddresses": ["b@example.com"] } })),
        ("no sender", json!({ "Destination": { "ToAddresses": ["b@example.com"] }, "Content": content })),
        ("no object", json!("email")),
    ];
    for (check, request) in requests {
        let response = target.post("ses", "/v2/email/outbound-emails", "", &request).await;
        said.response(&format!("send: {check}"), &response);
    }
    said
}

#[tokio::test]
async fn stand_in_agrees_about_emails() {
    let loopback = Loopback::start().await;
    let model = Target::model(&Arc::new(Mutex::new(ses::Ses::default())));
    compare(&case(&model).await, &case(&loopback.target()).await, &[]);
}
