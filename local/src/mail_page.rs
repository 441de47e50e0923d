//! The mailbox as a page: each captured mail as html, text and headers.

use std::fmt::Write as _;

use crate::stand_ins::Mail;

fn escape(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;").replace('"', "&quot;")
}

/// Newest first. The html of a mail is shown in a sandboxed frame: it can't script or reach this page.
pub fn render(mails: &[Mail]) -> String {
    let mut page = String::from(
        "<!doctype html><html lang=en><meta charset=utf-8><title>Mailbox</title><style>\
         body{font:16px/1.5 system-ui,sans-serif;max-width:56rem;margin:2rem auto;padding:0 1rem;color:#1d1d1f}\
         article{border:1px solid #ccc;border-radius:10px;margin:1.5rem 0;padding:1rem 1.2rem}h2{margin:0;font-size:1.15rem}\
         iframe{width:100%;height:26rem;border:1px solid #ddd;border-radius:6px;margin-top:.6rem}\
         pre{background:#f5f5f2;padding:.8rem;overflow:auto;white-space:pre-wrap}.soft{color:#6b6b70;margin:.2rem 0}</style>",
    );
    let _ = write!(
        page,
        "<h1>Mailbox</h1><p class=soft>{} mails, newest first. Nothing left this machine.</p>",
        mails.len()
    );
    for mail in mails.iter().rev() {
        let headers: Vec<_> = mail.headers.iter().map(|(name, value)| format!("{name}: {value}")).collect();
        let headers = headers.join("\n");
        let html = mail.html.as_deref().unwrap_or_default();
        let text = mail.text.as_deref().unwrap_or_default();
        let _ = write!(
            page,
            "<article><h2>{}</h2><p class=soft>{} &rarr; {}, {}</p><iframe sandbox srcdoc=\"{}\"></iframe>\
             <details><summary>Text</summary><pre>{}</pre></details>\
             <details><summary>Headers</summary><pre>From: {}\nTo: {}\nSubject: {}\nMessage-ID: {}\n{}</pre></details></article>",
            escape(&mail.subject),
            escape(&mail.from),
            escape(&mail.to.join(", ")),
            mail.received_at,
            escape(html),
            escape(text),
            escape(&mail.from),
            escape(&mail.to.join(", ")),
            escape(&mail.subject),
            escape(&mail.message_id),
            escape(&headers),
        );
    }
    page
}
