//! The captured emails, one JSON file each. They survive restarts.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, MutexGuard, OnceLock, PoisonError};

use anyhow::Context;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::atomic_file;

/// An email as SES was asked to send it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct CapturedEmail {
    /// The id that SES returned.
    pub message_id: String,
    /// The time of acceptance.
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
    /// Addresses for replies.
    #[serde(default)]
    pub reply_to: Vec<String>,
    /// The subject line.
    pub subject: String,
    /// The plain text, if any.
    pub text: Option<String>,
    /// The HTML, if any.
    pub html: Option<String>,
    /// Extra headers, in order.
    #[serde(default)]
    pub headers: Vec<(String, String)>,
    /// Attachments.
    #[serde(default)]
    pub attachments: Vec<Attachment>,
    /// The configuration set of the request.
    pub configuration_set: Option<String>,
    /// Tags for the provider's events.
    #[serde(default)]
    pub tags: BTreeMap<String, String>,
}

/// A file in an email.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Attachment {
    /// The file name.
    pub filename: String,
    /// The media type, when given.
    pub content_type: Option<String>,
    /// The content, base64 as received.
    pub content: String,
}

impl CapturedEmail {
    /// Returns the first header of this name, in any case.
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(key, _)| key.eq_ignore_ascii_case(name)).map(|(_, value)| value.as_str())
    }
}

/// Receiver of SES's events, in EventBridge's form.
pub type OnEvent = Box<dyn Fn(&Value) + Send + Sync>;

/// All captured emails.
pub struct Mailbox {
    folder: PathBuf,
    emails: Mutex<Vec<CapturedEmail>>,
    /// The account's suppression list, in lower case. A restart empties it.
    suppressed: Mutex<BTreeSet<String>>,
    on_event: OnceLock<OnEvent>,
}

impl fmt::Debug for Mailbox {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Mailbox").field("folder", &self.folder).finish_non_exhaustive()
    }
}

impl Mailbox {
    /// Opens the mailbox in this folder.
    pub fn open(folder: &Path) -> anyhow::Result<Self> {
        std::fs::create_dir_all(folder).with_context(|| format!("Failed to create {}", folder.display()))?;
        let mut emails = Vec::new();
        for entry in std::fs::read_dir(folder).with_context(|| format!("Failed to list {}", folder.display()))? {
            let path = entry?.path();
            if path.extension().is_some_and(|extension| extension == "json") {
                let read = || anyhow::Ok(serde_json::from_slice(&std::fs::read(&path)?)?);
                emails.push(read().with_context(|| format!("Failed to read the email {}", path.display()))?);
            }
        }
        emails.sort_by(|a: &CapturedEmail, b| (a.received_at, &a.message_id).cmp(&(b.received_at, &b.message_id)));
        let (suppressed, on_event) = (Mutex::default(), OnceLock::new());
        Ok(Self { folder: folder.to_owned(), emails: Mutex::new(emails), suppressed, on_event })
    }

    /// Delivers SES's events from now on, as a rule on the event bus does. The first receiver stays.
    pub fn deliver_events(&self, to: OnEvent) {
        // A second rule is not played.
        let _ = self.on_event.set(to);
    }

    pub(super) fn report(&self, event: &Value) {
        if let Some(deliver) = self.on_event.get() {
            deliver(event);
        }
    }

    /// Returns all emails, oldest first.
    pub fn list(&self) -> Vec<CapturedEmail> {
        self.emails().clone()
    }

    /// Returns the email that has this id.
    pub fn get(&self, message_id: &str) -> Option<CapturedEmail> {
        self.emails().iter().find(|email| email.message_id == message_id).cloned()
    }

    /// Returns the emails to this address, oldest first. A display name around the address is ignored.
    pub fn to(&self, address: &str) -> Vec<CapturedEmail> {
        let is_it = |to: &String| bare_address(to).eq_ignore_ascii_case(address);
        self.emails().iter().filter(|email| email.to.iter().any(is_it)).cloned().collect()
    }

    /// Stores an email. It is on disk when this returns.
    pub(super) fn deliver(&self, email: CapturedEmail) -> std::io::Result<()> {
        let path = self.folder.join(format!("{}.json", email.message_id));
        atomic_file::write(&path, &serde_json::to_vec_pretty(&email)?)?;
        self.emails().push(email);
        Ok(())
    }

    /// Adds an address to the account's suppression list.
    pub(super) fn suppress(&self, address: &str) {
        self.suppressed().insert(address.to_ascii_lowercase());
    }

    /// Removes an address from the list. Returns whether it was there.
    pub(super) fn unsuppress(&self, address: &str) -> bool {
        self.suppressed().remove(&address.to_ascii_lowercase())
    }

    pub(super) fn is_suppressed(&self, address: &str) -> bool {
        self.suppressed().contains(&bare_address(address).to_ascii_lowercase())
    }

    fn suppressed(&self) -> MutexGuard<'_, BTreeSet<String>> {
        self.suppressed.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn emails(&self) -> MutexGuard<'_, Vec<CapturedEmail>> {
        self.emails.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Returns the address without its display name: `Ann <ann@example.com>` is `ann@example.com`.
pub(super) fn bare_address(address: &str) -> &str {
    match (address.rfind('<'), address.strip_suffix('>')) {
        (Some(start), Some(open)) => &open[start + 1..],
        _ => address.trim(),
    }
}
