use std::collections::BTreeSet;

use domain::order::{Customer, OrderStatus};
use insta::assert_snapshot;
use jiff::Timestamp;
use uuid::Uuid;

use super::*;
use crate::{sample::messages, template::names};

const LINK: &str = "https://x.yz/d/t";
const HOOK: &str = "https://shop.example/hook";

fn order(name: &str, reference: &str) -> Order {
    Order {
        studio: "anna".parse().expect("valid"),
        id: Uuid::nil(),
        status: OrderStatus::Open,
        reference: reference.into(),
        customer: Customer { name: name.into(), email: "a@b.cd".parse().expect("valid"), locale: "en".into() },
        photo_count: 2,
        created_at: Timestamp::UNIX_EPOCH,
        erased_at: None,
    }
}

fn facts(name: &str, reference: &str) -> Facts {
    Facts {
        order: Some(order(name, reference)),
        delivery: None,
        link: Some(LINK.into()),
        webhook: Some(HOOK.into()),
        studio: StudioProfile::neutral("anna".parse().expect("valid")),
        public_url: "https://x.yz".into(),
    }
}

#[test]
fn each_template_is_in_this_test() {
    let tested: BTreeSet<_> = messages().iter().map(Message::template).collect();
    assert_eq!(tested, names().collect());
}

#[test]
fn each_template_is_translated_and_escapes_only_html() {
    let mut subjects = BTreeSet::new();
    for language in Language::ALL {
        for message in messages() {
            let email = render(&message, language, &facts("Eva <& Co>", "A-1")).expect("renders");
            assert!(!email.subject.contains('\n'), "{email:?}");
            // Emails that name no customer.
            let is_written = matches!(message, Message::Written { .. } | Message::WebhookDisabled { .. });
            assert!(email.subject.contains("A-1") || matches!(message, Message::WebhookDisabled { .. }), "{email:?}");
            assert!(is_written || email.text.contains("Eva <& Co>"), "{email:?}");
            assert!(is_written || email.html.contains("Eva &lt;&amp; Co&gt;"), "{email:?}");
            assert!(!email.html.contains("<& Co>"), "{email:?}");
            assert!(email.html.contains(&format!("<html lang=\"{}\"", language.tag())), "{email:?}");
            let links = matches!(message, Message::DownloadReady { .. } | Message::DownloadExpiring { .. });
            assert_eq!(email.text.contains(LINK), links, "{email:?}");
            assert_eq!(email.html.matches("href=").count(), if links { 2 } else { 0 }, "{email:?}");
            if !matches!(message, Message::Written { .. }) {
                subjects.insert(email.subject);
            }
        }
    }
    assert_eq!(subjects.len(), 18, "each in its own words: {subjects:?}");
}

#[test]
fn text_and_html_say_the_same() {
    let mut facts = facts("Eva", "A-1");
    facts.studio.footer = Some("Imprint".into());
    for message in messages() {
        let email = render(&message, Language::German, &facts).expect("renders");
        for line in email.text.lines().filter(|line| !line.is_empty() && *line != "-- ") {
            let line = line.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;").replace('/', "&#x2f;");
            assert!(email.html.contains(line.trim_end_matches(':')), "{line:?} is not in {}", email.html);
        }
    }
}

#[test]
fn ready_download_is_announced_with_its_link() {
    let ready = Message::DownloadReady { download_id: Uuid::nil() };
    let email = render(&ready, Language::English, &facts("Eva <& Co>", "A-1")).expect("renders");
    assert_snapshot!(email.subject, @"Your photos are ready: A-1");
    assert_snapshot!(email.text, @r"
    Your photos are ready

    Hello Eva <& Co>,

    Your 2 photos of order A-1 are ready.

    Download your photos:
    https://x.yz/d/t
    ");
}

#[test]
fn customers_text_is_neither_link_nor_header() {
    for (name, reference) in [
        ("http://evil.example/login", "evil.example"),
        ("x\r\nBcc: all@x.yz", "A\r\nBcc: all@x.yz\u{2028}B"),
        ("\u{202e}moc.live", "\u{200b}"),
    ] {
        for language in Language::ALL {
            for message in &messages()[..5] {
                let email = render(message, language, &facts(name, reference)).expect("renders");
                let all = format!("{}{}{}", email.subject, email.text, email.html);
                assert!(!email.subject.contains(['\r', '\n', '\u{2028}']), "{email:?}");
                for never in ["http://evil", "evil.example", "all@x.yz", "\u{202e}"] {
                    assert!(!all.contains(never), "{never:?} in {all}");
                }
            }
        }
    }
}

#[test]
fn subject_is_bounded() {
    let long = "W".repeat(300);
    for message in &messages()[..5] {
        let email = render(message, Language::French, &facts(&long, &long)).expect("renders");
        assert!(email.subject.chars().count() <= MAX_SUBJECT, "{}", email.subject);
    }
}

#[test]
fn studio_is_shown_with_its_face() {
    let mut facts = facts("Eva", "A-1");
    facts.studio = StudioProfile {
        name: Some("Foto <Anna>".into()),
        contact: Some("Main Square 1\nhttps://anna.example".into()),
        footer: Some("<!-- Imprint -->".into()),
        accent_color: Some("#ffff00".parse().expect("a colour")),
        ..facts.studio
    };
    let email =
        render(&Message::OrderConfirmation { order_id: Uuid::nil() }, Language::English, &facts).expect("renders");
    assert!(
        email.text.ends_with("\n\n-- \nMain Square 1\nhttps://anna.example\n\n<!-- Imprint -->\n"),
        "{}",
        email.text
    );
    for shown in ["Foto &lt;Anna&gt;", "Main Square 1\nhttps:", "&lt;!-- Imprint --&gt;"] {
        assert!(email.html.contains(shown), "{shown} is not in {}", email.html);
    }
}

#[test]
fn dates_are_those_of_the_studios_time_zone() {
    let mut facts = facts("Eva", "A-1");
    facts.studio.time_zone = Some("Pacific/Auckland".into());
    let expires_at = Some("2026-12-31T20:00:00Z".parse().expect("a time"));
    facts.delivery = Some(Delivery { photo_count: 1, bytes: None, expires_at });
    let expiring = Message::DownloadExpiring { download_id: Uuid::nil() };
    let email = render(&expiring, Language::English, &facts).expect("renders");
    assert!(email.text.contains("The link works until 1 January 2027."), "{}", email.text);
}
