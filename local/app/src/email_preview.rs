//! Writes every template of emails in every language, as HTML, as text, and as a message that mail programs open.

use std::{fmt::Write as _, path::Path};

use anyhow::{Context as _, Result};
use domain::{language::Language, studio_profile::StudioProfile};
use emails::{Facts, Rendered, mailbox, sample};
use jiff::Timestamp;
use mail_builder::{MessageBuilder, headers::raw::Raw};

/// Sender without a studio's name, as Terraform's `sender_name` and `sender_address`.
const SENDER: &str = "Darkroom <photos@example.com>";

/// Values of the previews: what people see of a studio and its customer.
#[derive(Debug, Clone)]
pub struct Preview {
    /// Studio's name, as its profile has it.
    pub studio: Option<String>,
    /// Name of the customer.
    pub name: Option<String>,
    /// Reference of the order.
    pub reference: Option<String>,
    /// Customer's link.
    pub link: Option<String>,
}

/// Writes the previews into a folder, with an `index.html`. Returns their number.
pub fn write(folder: &Path, values: &Preview) -> Result<usize> {
    std::fs::create_dir_all(folder).with_context(|| format!("{} can't be created", folder.display()))?;
    let facts = facts(values)?;
    let (mut written, mut index) = (0, String::from("<!doctype html><meta charset=utf-8><title>Emails</title><ul>"));
    for message in sample::messages() {
        for language in Language::ALL {
            let email = emails::render(&message, language, &facts)?;
            let name = format!("{}.{}", message.template(), language.tag());
            for (extension, body) in [
                ("html", &email.html),
                ("txt", &format!("Subject: {}\n\n{}", email.subject, email.text)),
                ("eml", &whole(&email, values.studio.as_deref())?),
            ] {
                let path = folder.join(format!("{name}.{extension}"));
                std::fs::write(&path, body).with_context(|| format!("{} can't be written", path.display()))?;
            }
            write!(
                index,
                "<li><a href={name}.html>{name}</a> (<a href={name}.txt>text</a>, <a href={name}.eml>message</a>)"
            )?;
            written += 1;
        }
    }
    std::fs::write(folder.join("index.html"), index)?;
    Ok(written)
}

/// Returns the message that SES makes of what it is asked to send (RFC 5322).
fn whole(email: &Rendered, studio: Option<&str>) -> Result<String> {
    let message = MessageBuilder::new()
        .header("From", Raw::new(mailbox(SENDER, studio)))
        .to("eva@example.com")
        .reply_to("studio@example.com")
        .header("Auto-Submitted", Raw::new("auto-generated"))
        .subject(email.subject.as_str())
        .text_body(email.text.as_str())
        .html_body(email.html.as_str());
    Ok(message.write_to_string()?)
}

fn facts(values: &Preview) -> Result<Facts> {
    let profile = StudioProfile {
        name: values.studio.clone(),
        contact: Some("Main Square 1, Linz\nhttps://anna.example".to_owned()),
        footer: Some("Foto Anna, owner Anna Maier".to_owned()),
        ..StudioProfile::neutral("anna".parse()?)
    };
    let mut facts = sample::facts(profile, "http://localhost:8080".to_owned(), Timestamp::now())?;
    if let Some(order) = &mut facts.order {
        if let Some(name) = &values.name {
            order.customer.name.clone_from(name);
        }
        if let Some(reference) = &values.reference {
            order.reference.clone_from(reference);
        }
    }
    if values.link.is_some() {
        facts.link.clone_from(&values.link);
    }
    Ok(facts)
}
