//! The customer's download page. Its templates are compiled in, and it has no script, so that it works in any browser.

use std::{fmt::Write as _, sync::LazyLock};

use anyhow::anyhow;
use domain::{
    download::{Closed, Download},
    language::Language,
    order::Order,
};
use minijinja::{Environment, UndefinedBehavior, context, value::Serde};
use serde::Serialize;

/// Files of the page template, and of its texts in each language.
const TEMPLATES: [(&str, &str); 4] = [
    ("page.html", include_str!("../templates/page.html")),
    ("words/en.html", include_str!("../templates/words/en.html")),
    ("words/de.html", include_str!("../templates/words/de.html")),
    ("words/fr.html", include_str!("../templates/words/fr.html")),
];

/// Contents of the page.
#[derive(Debug, Default, Serialize)]
pub struct Page {
    /// Language of the customer.
    language: &'static str,
    state: &'static str,
    reference: String,
    photo_count: u32,
    size: String,
    /// Sizes of the archives; empty if there is one.
    volumes: Vec<String>,
    done: u32,
    total: u32,
    percent: u32,
    expires: Option<String>,
    left: Option<u32>,
}

impl Page {
    /// Returns the page for an unknown link. It reveals nothing about customers.
    pub fn unknown() -> Self {
        Self { language: Language::English.tag(), state: "unknown", ..Self::default() }
    }

    /// Returns the page for a download.
    pub fn of(download: &Download, order: &Order, opens: Result<(), Closed>) -> Self {
        let state = match opens {
            Ok(()) => "ready",
            Err(Closed::NotReady) => "processing",
            Err(Closed::Failed) => "failed",
            Err(Closed::Expired) => "expired",
            Err(Closed::Revoked) => "revoked",
            Err(Closed::Spent) => "spent",
            Err(Closed::NoSuchArchive) => "unknown",
        };
        let language = Language::of(&order.customer.locale);
        let size = |bytes| language.size(bytes);
        let progress = download.progress;
        Self {
            language: language.tag(),
            state,
            reference: order.reference.clone(),
            photo_count: download.photo_count,
            size: download.size().map(size).unwrap_or_default(),
            volumes: if download.files.built().len() <= 1 {
                Vec::new()
            } else {
                download.files.built().iter().map(|file| size(file.size)).collect()
            },
            done: progress.done,
            total: progress.total,
            percent: (progress.done * 100).checked_div(progress.total).unwrap_or(0),
            expires: download.expires_at.map(|at| language.minute(at)),
            left: download.max_downloads.map(|max| max.saturating_sub(download.download_count)),
        }
    }

    /// Renders the page as HTML.
    pub fn render(&self) -> String {
        let rendered = self.try_render();
        // The templates are compiled in, and a test renders each state in each language.
        rendered.unwrap_or_else(|error| {
            tracing::error!(error = format!("{error:#}"), "The page could not be rendered");
            "<!doctype html><title>Download</title><form method=post><button>Download</button></form>".into()
        })
    }

    fn try_render(&self) -> anyhow::Result<String> {
        // Parsed once: a waiting page reloads every five seconds.
        static ENVIRONMENT: LazyLock<Result<Environment<'static>, minijinja::Error>> = LazyLock::new(environment);
        let environment = ENVIRONMENT.as_ref().map_err(|error| anyhow!("{error:#}"))?;
        Ok(environment.get_template("page.html")?.render(context! { page => Serde(self) })?)
    }
}

fn environment() -> Result<Environment<'static>, minijinja::Error> {
    let mut environment = Environment::new();
    environment.set_undefined_behavior(UndefinedBehavior::Strict);
    for (name, source) in TEMPLATES {
        environment.add_template(name, source)?;
    }
    Ok(environment)
}

/// Returns a `Content-Disposition` header as in RFC 6266: an ASCII name for old clients, and the exact name in UTF-8
/// (RFC 8187).
pub fn attachment(filename: &str) -> String {
    let plain: String = filename
        .chars()
        .map(|c| if c.is_ascii_graphic() && !"\"\\/%;".contains(c) || c == ' ' { c } else { '_' })
        .collect();
    let mut encoded = String::new();
    for byte in filename.bytes() {
        if byte.is_ascii_alphanumeric() || b"!#$&+-.^_`|~".contains(&byte) {
            encoded.push(char::from(byte));
        } else {
            let _ = write!(encoded, "%{byte:02X}");
        }
    }
    format!("attachment; filename=\"{plain}\"; filename*=UTF-8''{encoded}")
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use insta::assert_snapshot;

    use super::*;

    #[test]
    fn page_renders_every_state_and_language_escaped() {
        let states = ["ready", "processing", "failed", "expired", "revoked", "spent", "unknown"];
        let mut headings = BTreeSet::new();
        for language in Language::ALL.map(Language::tag) {
            for state in states {
                let (reference, expires) = ("<b>&".to_owned(), Some("x".to_owned()));
                for volumes in [Vec::new(), vec!["1 GB".to_owned(), "2 GB".to_owned()]] {
                    let buttons = if state == "ready" { volumes.len().max(1) } else { 0 };
                    let (reference, expires) = (reference.clone(), expires.clone());
                    let page = Page { language, state, reference, expires, volumes, left: Some(3), ..Page::default() };
                    let html = page.try_render().expect("renders");
                    assert!(!html.contains("<b>&"), "{state}: {html}");
                    assert!(html.contains(&format!("<html lang=\"{language}\">")), "{state}: {html}");
                    assert_eq!(html.matches("<button").count(), buttons, "{state}");
                    let (_, heading) = html.split_once("<h1>").expect("a heading, as it is");
                    headings.insert(heading.split_once("</h1>").expect("an end").0.to_owned());
                }
            }
        }
        assert_eq!(headings.len(), states.len() * Language::ALL.len(), "each says it in its own words: {headings:?}");
    }

    /// Returns the part of a page that its state determines.
    fn main_part(page: &Page) -> String {
        let html = page.try_render().expect("renders");
        html.split_once("<main>").and_then(|(_, rest)| rest.split_once("</main>")).expect("a main part").0.to_owned()
    }

    #[test]
    fn ready_page_has_a_button_for_each_archive() {
        let page = Page {
            language: "en",
            state: "ready",
            reference: "A <& 1".into(),
            photo_count: 3,
            size: "3 GB".into(),
            volumes: vec!["1 GB".into(), "2 GB".into()],
            expires: Some("17 June 2026, 12:00 UTC".into()),
            left: Some(2),
            ..Page::default()
        };
        assert_snapshot!(main_part(&page), @r#"
        <h1>Your photos are ready</h1>
        <p>Order A &lt;&amp; 1: 3 photos, 3 GB.</p>
        <p>They come in 2 archives, each complete in itself.</p>
        <form method="post" action="?volume=1"><button>Download 1 of 2 (1 GB)</button></form>
        <form method="post" action="?volume=2"><button>Download 2 of 2 (2 GB)</button></form>
        <p class="soft">Available until 17 June 2026, 12:00 UTC.</p>
        <p class="soft">Downloads left: 2. An interrupted download can be resumed for 24 hours.</p>
        "#);
    }

    #[test]
    fn processing_page_shows_the_progress() {
        let page = Page {
            language: "en",
            state: "processing",
            reference: "A-1".into(),
            photo_count: 4,
            done: 1,
            total: 4,
            percent: 25,
            ..Page::default()
        };
        assert_snapshot!(main_part(&page), @r#"
        <h1>Your photos are being packed</h1>
        <p>Order A-1: 1 of 4 photos.</p>
        <progress max="100" value="25">25 %</progress>
        <p class="soft">This page reloads by itself, and an email tells you when it is done.</p>
        "#);
    }

    #[test]
    fn hostile_filename_stays_one_header_value() {
        let value = attachment("Köln \"x\"\r\nSet-Cookie: a=b.zip");
        assert!(value.bytes().all(|b| (0x20..0x7f).contains(&b)), "{value}");
        assert!(value.contains("filename*=UTF-8''K%C3%B6ln%20%22x%22%0D%0A"), "{value}");
    }
}
