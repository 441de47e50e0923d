//! The templates: subject, text and html of each, compiled in. Pure: facts in, mail out.

use anyhow::{Context as _, Result};
use minijinja::{Environment, UndefinedBehavior, context};
use shared::{download::Download, email::Message, order::Order};

/// What a mail may speak of.
pub struct Facts {
    /// Always.
    pub order: Order,
    /// For mails about a download.
    pub download: Option<Download>,
    /// Its customer link.
    pub link: Option<String>,
}

/// A mail, ready to send.
#[derive(Debug)]
pub struct Rendered {
    /// One line.
    pub subject: String,
    /// For readers of plain text.
    pub text: String,
    /// For the rest.
    pub html: String,
}

/// Names end in `.html` where minijinja is to escape.
const TEMPLATES: [(&str, &str); 10] = [
    ("layout.html", include_str!("../templates/layout.html")),
    ("order_confirmation.subject", include_str!("../templates/order_confirmation.subject")),
    ("order_confirmation.txt", include_str!("../templates/order_confirmation.txt")),
    ("order_confirmation.html", include_str!("../templates/order_confirmation.html")),
    ("download_ready.subject", include_str!("../templates/download_ready.subject")),
    ("download_ready.txt", include_str!("../templates/download_ready.txt")),
    ("download_ready.html", include_str!("../templates/download_ready.html")),
    ("download_failed.subject", include_str!("../templates/download_failed.subject")),
    ("download_failed.txt", include_str!("../templates/download_failed.txt")),
    ("download_failed.html", include_str!("../templates/download_failed.html")),
];

impl Facts {
    /// Renders the mail of this kind.
    pub fn render(&self, message: &Message) -> Result<Rendered> {
        let mut environment = Environment::new();
        // A template that names a fact which is not there must fail here, not send a mail with a hole.
        environment.set_undefined_behavior(UndefinedBehavior::Strict);
        for (name, source) in TEMPLATES {
            environment.add_template(name, source)?;
        }
        let download = self.download.as_ref();
        let facts = context! {
            name => &self.order.customer.name,
            reference => &self.order.reference,
            photo_count => download.map_or(self.order.photo_count, |download| download.photo_count),
            size => download.and_then(Download::size).map(size),
            expires => download.and_then(|d| d.expires_at).map(|at| at.strftime("%-d %B %Y").to_string()),
            link => self.link.as_deref(),
        };
        let template = message.template();
        let part = |kind: &str| {
            let name = format!("{template}.{kind}");
            environment.get_template(&name)?.render(&facts).with_context(|| format!("Failed to render {name}"))
        };
        let subject: String = part("subject")?.split_whitespace().collect::<Vec<_>>().join(" ");
        Ok(Rendered { subject, text: part("txt")?, html: part("html")? })
    }
}

/// As people read it: `1.2 GB`.
fn size(bytes: u64) -> String {
    #[expect(clippy::cast_precision_loss, reason = "shown with one decimal")]
    let bytes_f = bytes as f64;
    match bytes {
        0..1_000_000 => format!("{:.0} kB", bytes_f / 1e3),
        1_000_000..1_000_000_000 => format!("{:.1} MB", bytes_f / 1e6),
        _ => format!("{:.1} GB", bytes_f / 1e9),
    }
}

#[cfg(test)]
mod tests {
    use jiff::Timestamp;
    use shared::order::{Customer, OrderStatus};
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
        }
    }

    #[test]
    fn each_template_has_its_three_parts_and_only_html_is_escaped() {
        let id = Uuid::nil();
        for message in [
            Message::OrderConfirmation { order_id: id },
            Message::DownloadReady { download_id: id },
            Message::DownloadFailed { download_id: id },
        ] {
            let facts = Facts { order: order("Eva <& Co>"), download: None, link: Some("https://x.yz/d/t".into()) };
            let mail = facts.render(&message).expect("renders");
            assert!(mail.subject.contains("A-1") && !mail.subject.contains('\n'), "{mail:?}");
            assert!(mail.text.contains("Eva <& Co>") && mail.html.contains("Eva &lt;&amp; Co&gt;"), "{mail:?}");
            let links = matches!(message, Message::DownloadReady { .. });
            assert_eq!(mail.text.contains("https://x.yz/d/t"), links);
            assert_eq!(mail.html.contains("x.yz"), links);
        }
    }

    #[test]
    fn a_name_with_line_breaks_can_not_add_a_header() {
        let mut order = order("x");
        order.reference = "A\r\nBcc: all@x.yz".into();
        let facts = Facts { order, download: None, link: None };
        let mail = facts.render(&Message::OrderConfirmation { order_id: Uuid::nil() }).expect("renders");
        assert!(!mail.subject.contains(['\r', '\n']));
    }
}
