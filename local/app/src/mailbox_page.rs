//! The mailbox as a page: each captured email with HTML, text and headers.

use std::fmt::Write as _;
use std::sync::Arc;

use local_aws::CapturedEmail;

/// The captured emails.
#[derive(Clone)]
pub struct CapturedEmails(pub(crate) Arc<local_aws::Mailbox>);

impl CapturedEmails {
    #[cfg(test)]
    pub(crate) fn open(folder: &std::path::Path) -> anyhow::Result<Self> {
        Ok(Self(Arc::new(local_aws::Mailbox::open(folder)?)))
    }

    /// Returns all emails, oldest first.
    pub fn list(&self) -> Vec<CapturedEmail> {
        self.0.list()
    }
}

fn escape(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;").replace('"', "&quot;")
}

/// Renders the emails, newest first. The HTML of an email is shown in a sandboxed frame: it cannot run scripts or
/// access this page, and its links open in a new window, as in an email program.
pub fn render(emails: &[CapturedEmail]) -> String {
    let mut page = String::from(
        "<!doctype html><html lang=en><meta charset=utf-8><title>Mailbox</title><style>\
         body{font:16px/1.5 system-ui,sans-serif;max-width:56rem;margin:2rem auto;padding:0 1rem;color:#1d1d1f}\
         article{border:1px solid #ccc;border-radius:10px;margin:1.5rem 0;padding:1rem 1.2rem}h2{margin:0;font-size:1.15rem}\
         iframe{width:100%;height:26rem;border:1px solid #ddd;border-radius:6px;margin-top:.6rem}\
         pre{background:#f5f5f2;padding:.8rem;overflow:auto;white-space:pre-wrap}.soft{color:#6b6b70;margin:.2rem 0}</style>",
    );
    let count = match emails.len() {
        0 => "No email yet".to_owned(),
        1 => "1 email".to_owned(),
        n => format!("{n} emails, newest first"),
    };
    let _ = write!(page, "<h1>Mailbox</h1><p class=soft>{count}. Nothing left this machine.</p>");
    for email in emails.iter().rev() {
        let headers: Vec<_> = email.headers.iter().map(|(name, value)| format!("{name}: {value}")).collect();
        let headers = headers.join("\n");
        let html = email.html.as_deref().unwrap_or_default();
        let text = email.text.as_deref().unwrap_or_default();
        let _ = write!(
            page,
            "<article><h2>{}</h2><p class=soft>{} &rarr; {}, {}</p>\
             <iframe sandbox=\"allow-popups allow-popups-to-escape-sandbox\" srcdoc=\"&lt;base target=_blank&gt;{}\"></iframe>\
             <details><summary>Text</summary><pre>{}</pre></details>\
             <details><summary>Headers</summary><pre>From: {}\nTo: {}\nSubject: {}\nMessage-ID: {}\n{}</pre></details></article>",
            escape(&email.subject),
            escape(&email.from),
            escape(&email.to.join(", ")),
            email.received_at,
            escape(html),
            escape(text),
            escape(&email.from),
            escape(&email.to.join(", ")),
            escape(&email.subject),
            escape(&email.message_id),
            escape(&headers),
        );
    }
    page
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn email_html_is_shown_sandboxed() {
        let email: CapturedEmail = serde_json::from_value(serde_json::json!({
            "message_id": "1", "received_at": "2026-01-01T00:00:00Z", "from": "a@b.cd", "to": ["e@f.gh"],
            "subject": "<b>Hi</b>", "text": "x", "html": "<script>\"</script>", "configuration_set": null,
        }))
        .unwrap();
        let page = render(&[email]);
        assert!(page.contains("1 email.") && page.contains("&lt;b&gt;Hi&lt;/b&gt;"), "{page}");
        assert!(!page.contains("<script>") && page.contains("sandbox=\"allow-popups"), "{page}");
        assert!(render(&[]).contains("No email yet."));
    }
}
