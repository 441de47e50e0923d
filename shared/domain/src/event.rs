//! Events for the shop: what happened to a photo, a download or an email, told once.
//!
//! An event follows from a transition of a record, after the write that made it. Its id is derived from what the record
//! stores, so that a repeated step makes the same event.

use std::{fmt, str::FromStr};

use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};
use uuid::{Builder, Uuid};

use crate::{
    download::{Download, DownloadStatus, RESUME_WINDOW},
    email::Email,
    job_state::JobState,
    photo::{Photo, PhotoStatus},
    record::{ListIndex, Record, position},
    studio::Studio,
};

/// Time for which events are kept.
const KEPT: SignedDuration = SignedDuration::from_hours(30 * 24);
/// Time after which lists contain an event. A write ends within [`WRITTEN_WITHIN`]; the rest is for the index, which lags
/// behind, and for clocks that differ.
pub const SETTLED_AFTER: SignedDuration = SignedDuration::from_secs(15);
/// Longest time from reading the clock for an event's position to the end of its write.
pub const WRITTEN_WITHIN: SignedDuration = SignedDuration::from_secs(5);
/// Value of all events in their index.
pub const ALL: &str = "all";

macro_rules! event_types {
    ($(#[doc = $about:literal] $name:ident = $text:literal,)*) => {
        /// Type of an event.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
        pub enum EventType {
            $(#[doc = $about] #[serde(rename = $text)] $name,)*
        }

        impl EventType {
            /// All types, in the order of the documentation.
            pub const ALL: &[Self] = &[$(Self::$name),*];

            /// Returns the type as text.
            pub fn as_str(self) -> &'static str {
                match self {
                    $(Self::$name => $text,)*
                }
            }

            /// Returns what has happened, as a sentence.
            pub fn about(self) -> &'static str {
                match self {
                    $(Self::$name => $about.trim_ascii(),)*
                }
            }
        }
    };
}

event_types! {
    /// A photo was processed.
    PhotoReady = "photo.ready",
    /// A photo could not be processed.
    PhotoFailed = "photo.failed",
    /// A download is ready.
    DownloadReady = "download.ready",
    /// A download could not be built.
    DownloadFailed = "download.failed",
    /// The customer has fetched a file, and it counted as a download.
    DownloadFetched = "download.fetched",
    /// A link has expired.
    DownloadExpired = "download.expired",
    /// An email about a download reached nobody.
    DownloadUndelivered = "download.undelivered",
    /// The customer has asked for a new link.
    DownloadRenewalRequested = "download.renewal_requested",
    /// The email service has accepted an email.
    EmailSent = "email.sent",
    /// The recipient's server has accepted an email.
    EmailDelivered = "email.delivered",
    /// The recipient's server has refused an email.
    EmailBounced = "email.bounced",
    /// The recipient has marked an email as spam.
    EmailComplained = "email.complained",
}

// Implemented by hand: the derived schema would list the names of the variants.
#[cfg(feature = "openapi")]
impl utoipa::ToSchema for EventType {
    fn name() -> std::borrow::Cow<'static, str> {
        "EventType".into()
    }
}

#[cfg(feature = "openapi")]
impl utoipa::PartialSchema for EventType {
    fn schema() -> utoipa::openapi::RefOr<utoipa::openapi::Schema> {
        let types = Self::ALL.iter().map(|kind| kind.as_str());
        let schema = utoipa::openapi::ObjectBuilder::new().schema_type(utoipa::openapi::schema::Type::String);
        schema.enum_values(Some(types)).description(Some("Type of an event.")).into()
    }
}

impl fmt::Display for EventType {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// Error: no events have this type.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("there is no such type of events")]
pub struct UnknownType;

impl FromStr for EventType {
    type Err = UnknownType;

    fn from_str(text: &str) -> Result<Self, UnknownType> {
        Self::ALL.iter().copied().find(|kind| kind.as_str() == text).ok_or(UnknownType)
    }
}

/// Records that an event is about.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Subject {
    /// Id of the photo.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub photo: Option<Uuid>,
    /// Id of the order.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub order: Option<Uuid>,
    /// Id of the download.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub download: Option<Uuid>,
    /// Id of the email.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub email: Option<Uuid>,
}

/// Record of an event. It has ids and a status, and no personal data.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Event {
    /// Studio of the event.
    pub studio: Studio,
    /// Id of the event, derived from the record.
    pub id: Uuid,
    /// Type of the event.
    pub kind: EventType,
    /// Time of the transition, as the record stores it.
    pub at: Timestamp,
    /// Records that it is about.
    pub subject: Subject,
    /// Status of the record after the transition.
    pub status: String,
    /// Time of the first write, which determines the position.
    pub created_at: Timestamp,
    /// Time by which deliveries to all webhooks must exist; `None` once they do. The item's attribute `due_at` is the index's.
    #[serde(rename = "publish_by", default, skip_serializing_if = "Option::is_none")]
    pub due_at: Option<Timestamp>,
}

/// Source of an event's id: the record, the number of its build, and a time that it stores.
struct Source {
    record: Uuid,
    build: u32,
    stored: Timestamp,
}

impl Event {
    fn new(
        studio: &Studio,
        kind: EventType,
        at: Timestamp,
        source: &Source,
        subject: Subject,
        status: impl Into<String>,
    ) -> Self {
        let (studio, id, status) = (studio.clone(), id(kind, source), status.into());
        Self { studio, id, kind, at, subject, status, created_at: at, due_at: None }
    }

    /// Returns the event of a photo that is ready or failed; `None` in other states.
    pub fn of_photo(photo: &Photo) -> Option<Self> {
        let kind = match photo.status {
            PhotoStatus::Ready => EventType::PhotoReady,
            PhotoStatus::Failed => EventType::PhotoFailed,
            _ => return None,
        };
        let stored = photo.processed_at?;
        let source = Source { record: photo.id, build: 0, stored };
        let subject = Subject { photo: Some(photo.id), ..Subject::default() };
        Some(Self::new(&photo.studio, kind, stored, &source, subject, photo.status.as_str()))
    }

    /// Returns the event of a download that is ready or failed; `None` in other states.
    pub fn of_build(download: &Download) -> Option<Self> {
        match download.status {
            DownloadStatus::Ready => Some(Self::of_download(download, EventType::DownloadReady, download.ready_at?)),
            DownloadStatus::Failed => {
                let failed_at = download.work.failures?.last;
                Some(Self::of_download(download, EventType::DownloadFailed, failed_at))
            }
            _ => None,
        }
    }

    /// Returns the event of the counted download whose window is open.
    pub fn of_fetch(download: &Download) -> Option<Self> {
        let fetched_at = download.window_until?.checked_sub(RESUME_WINDOW).ok()?;
        Some(Self::of_download(download, EventType::DownloadFetched, fetched_at))
    }

    /// Returns the event of a link that expires at the time on record. The caller knows that it has passed.
    pub fn of_expiry(download: &Download) -> Option<Self> {
        let mut event = Self::of_download(download, EventType::DownloadExpired, download.expires_at?);
        "expired".clone_into(&mut event.status);
        Some(event)
    }

    /// Returns the event of a download whose email reached nobody.
    pub fn of_undelivered(download: &Download) -> Option<Self> {
        Some(Self::of_download(download, EventType::DownloadUndelivered, download.undelivered_at?))
    }

    /// Returns the event of the customer's last request for a new link.
    pub fn of_renewal_request(download: &Download) -> Option<Self> {
        Some(Self::of_download(download, EventType::DownloadRenewalRequested, download.renewal_asked_at?))
    }

    /// Returns the events of the customer's activity that may not be written yet: a fetch, a request for a new link.
    pub fn of_activity(download: &Download) -> impl Iterator<Item = Self> {
        let events = Self::of_fetch(download).into_iter().chain(Self::of_renewal_request(download));
        // Older ones are written, and may have been deleted since.
        let since = download.publish_by.and_then(|by| by.checked_sub(SignedDuration::from_hours(24)).ok());
        events.filter(move |event| since.is_some_and(|since| event.at >= since))
    }

    fn of_download(download: &Download, kind: EventType, at: Timestamp) -> Self {
        let build = match kind {
            // Told once for a download, whatever is built later.
            EventType::DownloadUndelivered | EventType::DownloadRenewalRequested => 0,
            _ => download.build,
        };
        let source = Source { record: download.id, build, stored: at };
        let subject =
            Subject { download: Some(download.id), order: Some(download.order), photo: download.photo, email: None };
        Self::new(&download.studio, kind, at, &source, subject, download.status.as_str())
    }

    /// Returns the events of an email that SES has accepted: its acceptance, and what SES has reported since.
    pub fn of_email(email: &Email) -> impl Iterator<Item = Self> {
        let reported = &email.reported;
        let told = [
            (EventType::EmailSent, email.sent_at, "sent"),
            (EventType::EmailDelivered, reported.delivered_at, "delivered"),
            (EventType::EmailBounced, reported.bounced_at, "bounced"),
            (EventType::EmailComplained, reported.complained_at, "complained"),
        ];
        told.into_iter().filter(|_| email.sent_at.is_some()).filter_map(|(kind, at, status)| {
            // Reports of one kind can come twice with different times, so the id depends on the time of creation.
            let source = Source { record: email.id, build: 0, stored: email.created_at };
            let subject = Subject {
                email: Some(email.id),
                order: email.message.order(),
                download: email.message.download(),
                photo: None,
            };
            Some(Self::new(&email.studio, kind, at?, &source, subject, status))
        })
    }

    /// Sets the position, which is that of the first write at `now`, and the due date of the deliveries.
    #[must_use]
    pub fn written_at(self, now: Timestamp) -> Self {
        Self { created_at: now, due_at: JobState::sent(now).due_at, ..self }
    }
}

/// Returns the id: 48 bits of the stored time, as in a UUIDv7, and a hash of record, type and build in place of the random
/// bits.
fn id(kind: EventType, source: &Source) -> Uuid {
    let hash = Uuid::new_v5(&source.record, format!("{kind}/{}", source.build).as_bytes());
    let mut bytes = [0; 10];
    bytes.copy_from_slice(&hash.as_bytes()[..10]);
    let milliseconds = u64::try_from(source.stored.as_millisecond()).unwrap_or(0);
    Builder::from_unix_timestamp_millis(milliseconds, &bytes).into_uuid()
}

impl Record for Event {
    const NAME: &'static str = "event";

    fn studio(&self) -> &Studio {
        &self.studio
    }
    fn id(&self) -> Uuid {
        self.id
    }
    fn due_at(&self) -> Option<Timestamp> {
        self.due_at
    }
    fn listed_by(&self) -> Vec<(ListIndex, String)> {
        vec![(ListIndex::Events, ALL.to_owned())]
    }
    fn position(&self) -> Uuid {
        position(self.created_at, self.id)
    }
    fn expires_at(&self) -> Option<Timestamp> {
        self.created_at.checked_add(KEPT).ok()
    }
}

#[cfg(test)]
mod tests;
