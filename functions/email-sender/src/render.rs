//! Rendering of emails from templates: subject, text and HTML, compiled in. The module is pure.

use std::sync::LazyLock;

use anyhow::{Context as _, Result, anyhow};
use domain::{
    download::{Closed, Download},
    email::Message,
    language::Language,
    order::Order,
};
use jiff::Timestamp;
use minijinja::{Environment, UndefinedBehavior, context};

/// Records that an email is about.
pub struct Facts {
    /// Order, for all emails.
    pub order: Order,
    /// Download, for emails about one.
    pub download: Option<Download>,
    /// Customer link of the download.
    pub link: Option<String>,
}

/// A rendered email.
#[derive(Debug)]
pub struct Rendered {
    /// Subject, one line.
    pub subject: String,
    /// Body in plain text.
    pub text: String,
    /// Body in HTML.
    pub html: String,
}

/// Returns the three parts of a template in a language, named `{language}/{template}.{part}`.
macro_rules! parts {
    ($name:literal) => {
        [
            (concat!($name, ".subject"), include_str!(concat!("../templates/", $name, ".subject"))),
            (concat!($name, ".txt"), include_str!(concat!("../templates/", $name, ".txt"))),
            (concat!($name, ".html"), include_str!(concat!("../templates/", $name, ".html"))),
        ]
    };
}

/// Layout of all HTML bodies.
const LAYOUT: &str = include_str!("../templates/layout.html");
/// Templates. minijinja escapes values in those whose name ends in `.html`.
const TEMPLATES: [[(&str, &str); 3]; 9] = [
    parts!("en/order_confirmation"),
    parts!("en/download_ready"),
    parts!("en/download_failed"),
    parts!("de/order_confirmation"),
    parts!("de/download_ready"),
    parts!("de/download_failed"),
    parts!("fr/order_confirmation"),
    parts!("fr/download_ready"),
    parts!("fr/download_failed"),
];

impl Facts {
    /// Returns whether the records agree with the message at `now`.
    pub fn bear_out(&self, message: &Message, now: Timestamp) -> bool {
        let Some(download) = &self.download else { return true };
        match message {
            Message::OrderConfirmation { .. } => true,
            Message::DownloadReady { .. } => download.opens(now).is_ok(),
            Message::DownloadFailed { .. } => download.opens(now) == Err(Closed::Failed),
        }
    }

    /// Renders the email for a message in a language.
    pub fn render(&self, message: &Message, language: Language) -> Result<Rendered> {
        static ENVIRONMENT: LazyLock<Result<Environment<'static>, minijinja::Error>> = LazyLock::new(environment);
        let environment = ENVIRONMENT.as_ref().map_err(|error| anyhow!("Failed to parse the templates: {error:#}"))?;
        let download = self.download.as_ref();
        let facts = context! {
            language => language.tag(),
            name => &self.order.customer.name,
            reference => &self.order.reference,
            photo_count => download.map_or(self.order.photo_count, |download| download.photo_count),
            size => download.and_then(Download::size).map(|bytes| language.size(bytes)),
            expires => download.and_then(|download| download.expires_at).map(|at| language.date(at)),
            link => self.link.as_deref(),
        };
        let part = |kind: &str| {
            let name = format!("{}/{}.{kind}", language.tag(), message.template());
            environment.get_template(&name)?.render(&facts).with_context(|| format!("Failed to render {name}"))
        };
        let subject: String = part("subject")?.split_whitespace().collect::<Vec<_>>().join(" ");
        Ok(Rendered { subject, text: part("txt")?, html: part("html")? })
    }
}

fn environment() -> Result<Environment<'static>, minijinja::Error> {
    let mut environment = Environment::new();
    // A template that uses a missing value must fail, not send an incomplete email.
    environment.set_undefined_behavior(UndefinedBehavior::Strict);
    environment.add_template("layout.html", LAYOUT)?;
    for (name, source) in TEMPLATES.as_flattened() {
        environment.add_template(name, source)?;
    }
    Ok(environment)
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use domain::order::{Customer, OrderStatus};
    use insta::assert_snapshot;
    use uuid::Uuid;

    use super::*;

    fn order(name: &str) -> Order {
        Order {
            studio: "anna".parse().expect("valid"),
            id: Uuid::nil(),
            status: OrderStatus::Open,
            reference: "A-1".into(),
            customer: Customer { name: name.into(), email: "a@b.cd".parse().expect("valid"), locale: "en".into() },
            photo_count: 2,
            created_at: Timestamp::UNIX_EPOCH,
            erased_at: None,
        }
    }

    #[test]
    fn each_template_is_translated_and_escapes_only_html() {
        let id = Uuid::nil();
        let mut subjects = BTreeSet::new();
        for language in Language::ALL {
            for message in [
                Message::OrderConfirmation { order_id: id },
                Message::DownloadReady { download_id: id },
                Message::DownloadFailed { download_id: id },
            ] {
                let link = Some("https://x.yz/d/t".into());
                let facts = Facts { order: order("Eva <& Co>"), download: None, link };
                let email = facts.render(&message, language).expect("renders");
                assert!(email.subject.contains("A-1") && !email.subject.contains('\n'), "{email:?}");
                assert!(email.text.contains("Eva <& Co>") && email.html.contains("Eva &lt;&amp; Co&gt;"), "{email:?}");
                assert!(email.html.contains(&format!("<html lang=\"{}\">", language.tag())), "{email:?}");
                let links = matches!(message, Message::DownloadReady { .. });
                assert_eq!(email.text.contains("https://x.yz/d/t"), links);
                assert_eq!(email.html.contains("x.yz"), links);
                subjects.insert(email.subject);
            }
        }
        assert_eq!(subjects.len(), 9, "each in its own words: {subjects:?}");
    }

    #[test]
    fn ready_download_is_announced_with_its_link() {
        let facts = Facts { order: order("Eva <& Co>"), download: None, link: Some("https://x.yz/d/t".into()) };
        let email =
            facts.render(&Message::DownloadReady { download_id: Uuid::nil() }, Language::English).expect("renders");
        assert_snapshot!(email.subject, @"Your photos are ready: A-1");
        assert_snapshot!(email.text, @r#"
        Hello Eva <& Co>,

        your 2 photos of order A-1 are ready. Download them here:

        https://x.yz/d/t
        "#);
        assert_snapshot!(email.html, @r#"
        <!doctype html>
        <html lang="en">
        <head><meta charset="utf-8"><meta name="viewport" content="width=device-width"><title>A-1</title></head>
        <body style="margin:0;background:#f5f5f2;font-family:Helvetica,Arial,sans-serif;color:#1d1d1f">
        <table role="presentation" width="100%" cellpadding="0" cellspacing="0"><tr><td align="center" style="padding:32px 12px">
        <table role="presentation" width="100%" cellpadding="0" cellspacing="0" style="max-width:520px;background:#ffffff;border-radius:12px"><tr><td style="padding:36px;font-size:16px;line-height:1.5">
        <h1 style="font-size:22px;margin:0 0 16px">Your photos are ready</h1>
        <p>Hello Eva &lt;&amp; Co&gt;,</p>
        <p>your 2 photos of order <strong>A-1</strong> are ready.</p>
        <p style="margin:28px 0"><a href="https:&#x2f;&#x2f;x.yz&#x2f;d&#x2f;t" style="background:#b3421b;color:#ffffff;text-decoration:none;padding:14px 28px;border-radius:8px;display:inline-block">Download your photos</a></p>
        <p style="font-size:13px;color:#6b6b70">If the button does not work, copy this address into your browser:<br>https:&#x2f;&#x2f;x.yz&#x2f;d&#x2f;t</p>

        </td></tr></table>
        </td></tr></table>
        </body>
        </html>
        "#);
    }

    #[test]
    fn line_breaks_in_reference_add_no_header() {
        let mut order = order("x");
        order.reference = "A\r\nBcc: all@x.yz".into();
        let facts = Facts { order, download: None, link: None };
        let email =
            facts.render(&Message::OrderConfirmation { order_id: Uuid::nil() }, Language::English).expect("renders");
        assert!(!email.subject.contains(['\r', '\n']));
    }
}
