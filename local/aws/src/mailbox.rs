//! The mails that were sent, one JSON file each, kept over restarts.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, MutexGuard, PoisonError};

use anyhow::Context;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::atomic_file;

/// A mail as its recipient would get it, and as SES was told to send it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Mail {
    /// The id SES answered with.
    pub message_id: String,
    /// When it was accepted.
    pub received_at: Timestamp,
    /// Sender, as given: with or without a display name.
    pub from: String,
    /// Visible recipients.
    pub to: Vec<String>,
    /// Copies.
    #[serde(default)]
    pub cc: Vec<String>,
    /// Hidden copies.
    #[serde(default)]
    pub bcc: Vec<String>,
    /// Where answers go.
    #[serde(default)]
    pub reply_to: Vec<String>,
    /// The subject line.
    pub subject: String,
    /// The plain text, if any.
    pub text: Option<String>,
    /// The HTML, if any.
    pub html: Option<String>,
    /// Extra headers in order.
    #[serde(default)]
    pub headers: Vec<(String, String)>,
    /// Attachments.
    #[serde(default)]
    pub attachments: Vec<Attachment>,
    /// The configuration set it was sent through.
    pub configuration_set: Option<String>,
    /// Tags for the provider's events.
    #[serde(default)]
    pub tags: BTreeMap<String, String>,
}

/// A file in a mail.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Attachment {
    /// Its name.
    pub filename: String,
    /// Its media type, when given.
    pub content_type: Option<String>,
    /// The bytes, base64 as they came.
    pub content: String,
}

impl Mail {
    /// The first header of this name, in any case.
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(key, _)| key.eq_ignore_ascii_case(name)).map(|(_, value)| value.as_str())
    }
}

/// All captured mails.
#[derive(Debug)]
pub struct Mailbox {
    folder: PathBuf,
    mails: Mutex<Vec<Mail>>,
}

impl Mailbox {
    /// Opens the mailbox kept in this folder.
    pub fn open(folder: &Path) -> anyhow::Result<Self> {
        std::fs::create_dir_all(folder).with_context(|| format!("Failed to create {}", folder.display()))?;
        let mut mails = Vec::new();
        for entry in std::fs::read_dir(folder).with_context(|| format!("Failed to list {}", folder.display()))? {
            let path = entry?.path();
            if path.extension().is_some_and(|extension| extension == "json") {
                let read = || anyhow::Ok(serde_json::from_slice(&std::fs::read(&path)?)?);
                mails.push(read().with_context(|| format!("Failed to read the mail {}", path.display()))?);
            }
        }
        mails.sort_by(|a: &Mail, b| (a.received_at, &a.message_id).cmp(&(b.received_at, &b.message_id)));
        Ok(Self { folder: folder.to_owned(), mails: Mutex::new(mails) })
    }

    /// All mails, oldest first.
    pub fn list(&self) -> Vec<Mail> {
        self.mails().clone()
    }

    /// The mail that SES gave this id.
    pub fn get(&self, message_id: &str) -> Option<Mail> {
        self.mails().iter().find(|mail| mail.message_id == message_id).cloned()
    }

    /// The mails to this address, oldest first. A display name around it doesn't matter.
    pub fn to(&self, address: &str) -> Vec<Mail> {
        let is_it = |to: &String| bare_address(to).eq_ignore_ascii_case(address);
        self.mails().iter().filter(|mail| mail.to.iter().any(is_it)).cloned().collect()
    }

    /// Keeps a mail; it is on disk when this returns.
    pub(super) fn deliver(&self, mail: Mail) -> std::io::Result<()> {
        let path = self.folder.join(format!("{}.json", mail.message_id));
        atomic_file::write(&path, &serde_json::to_vec_pretty(&mail)?)?;
        self.mails().push(mail);
        Ok(())
    }

    fn mails(&self) -> MutexGuard<'_, Vec<Mail>> {
        self.mails.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The address without its display name: `Ann <ann@example.com>` is `ann@example.com`.
pub(super) fn bare_address(address: &str) -> &str {
    match (address.rfind('<'), address.strip_suffix('>')) {
        (Some(start), Some(open)) => &open[start + 1..],
        _ => address.trim(),
    }
}
