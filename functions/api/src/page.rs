//! The customer's page, compiled in, with no script: it works in every mail client's browser.

use std::fmt::Write as _;

use minijinja::{Environment, context, value::Serde};
use serde::Serialize;
use shared::{
    download::{Closed, Download},
    order::Order,
};

const TEMPLATE: &str = include_str!("../templates/page.html");

/// What the page says.
#[derive(Debug, Default, Serialize)]
pub struct Page {
    state: &'static str,
    reference: String,
    photo_count: u32,
    size: String,
    /// The sizes of several archives; empty where there is one.
    volumes: Vec<String>,
    done: u32,
    total: u32,
    percent: u32,
    expires: Option<String>,
    left: Option<u32>,
}

impl Page {
    /// A link that opens nothing.
    pub fn unknown() -> Self {
        Self { state: "unknown", ..Self::default() }
    }

    /// The state of a download.
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
        let progress = download.progress;
        Self {
            state,
            reference: order.reference.clone(),
            photo_count: download.photo_count,
            size: download.size().map(size).unwrap_or_default(),
            volumes: if download.more_files.is_empty() {
                Vec::new()
            } else {
                download.files().map(|file| size(file.size)).collect()
            },
            done: progress.done,
            total: progress.total,
            percent: (progress.done * 100).checked_div(progress.total).unwrap_or(0),
            expires: download.expires_at.map(|at| at.strftime("%-d %B %Y, %H:%M UTC").to_string()),
            left: download.max_downloads.map(|max| max.saturating_sub(download.download_count)),
        }
    }

    /// As HTML.
    pub fn render(&self) -> String {
        let mut environment = Environment::new();
        let rendered = environment
            .add_template("page.html", TEMPLATE)
            .and_then(|()| environment.get_template("page.html")?.render(context! { page => Serde(self) }));
        // The template is compiled in and rendered by a test in each state.
        rendered.unwrap_or_else(|error| {
            tracing::error!(%error, "The page could not be rendered");
            "<!doctype html><title>Download</title><form method=post><button>Download</button></form>".into()
        })
    }
}

/// As people read it: `1.2 GB`.
pub fn size(bytes: u64) -> String {
    #[expect(clippy::cast_precision_loss, reason = "shown with one decimal")]
    let bytes_f = bytes as f64;
    match bytes {
        0..1_000 => format!("{bytes} bytes"),
        1_000..1_000_000 => format!("{:.0} kB", bytes_f / 1e3),
        1_000_000..1_000_000_000 => format!("{:.1} MB", bytes_f / 1e6),
        _ => format!("{:.1} GB", bytes_f / 1e9),
    }
}

/// RFC 6266: a plain name for old clients, the true one in UTF-8 (RFC 8187) for the rest.
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
    use super::*;

    #[test]
    fn the_page_is_rendered_in_each_state_and_escapes_what_shops_write() {
        for state in ["ready", "processing", "failed", "expired", "revoked", "spent", "unknown"] {
            let page = Page { state, reference: "<b>&".into(), expires: Some("x".into()), ..Page::default() };
            let html = page.render();
            assert!(html.contains("<h1>") && !html.contains("<b>&"), "{state}: {html}");
            assert_eq!(html.contains("<button"), state == "ready", "{state}");
        }
    }

    #[test]
    fn a_hostile_or_foreign_filename_stays_one_header_value() {
        let value = attachment("Köln \"x\"\r\nSet-Cookie: a=b.zip");
        assert!(value.bytes().all(|b| (0x20..0x7f).contains(&b)), "{value}");
        assert!(value.contains("filename*=UTF-8''K%C3%B6ln%20%22x%22%0D%0A"), "{value}");
    }
}
