//! Contents of the page.

use domain::{
    download::{Closed, Download},
    language::Language,
    order::Order,
};
use jiff::Timestamp;
use serde::Serialize;

use super::Face;

/// Line for which the page states a duration: what a usual connection in Germany, France or the UK downloads.
const USUAL_LINE_BITS_PER_SECOND: u64 = 50_000_000;
const DAY_SECONDS: i64 = 24 * 3600;

/// A page: what all states have in common, and the state.
#[derive(Debug, Serialize)]
pub struct Page {
    /// Tag of the customer's language.
    pub language: &'static str,
    /// Studio.
    pub studio: Face,
    /// Absolute URL of the page behind the link; empty if the link is unknown.
    pub home: String,
    /// Order number of the shop.
    pub reference: String,
    /// Number of photos.
    pub photo_count: u32,
    /// Total size.
    pub size: String,
    /// State.
    #[serde(flatten)]
    pub state: State,
}

/// State of the page.
#[derive(Debug, Serialize)]
#[serde(tag = "state", rename_all = "snake_case")]
pub enum State {
    /// The files can be downloaded.
    Ready(Ready),
    /// One photo.
    Photo {
        /// The photo.
        photo: Photo,
        /// Page that lists it, from 1.
        page: usize,
    },
    /// A download has started.
    Started {
        /// The download.
        started: Started,
    },
    /// The archive is being built.
    Processing(Progress),
    /// The build failed.
    Failed,
    /// The page asks for the PIN.
    Pin {
        /// Why it asks again.
        refused: Option<PinRefused>,
    },
    /// The link has expired.
    Expired {
        /// Whether the customer can ask for a new one.
        can_ask: bool,
    },
    /// No counted downloads are left.
    Spent {
        /// Whether the customer can ask for a new link.
        can_ask: bool,
    },
    /// The customer asked for a new link.
    Asked {
        /// Whether an email with it is on its way; otherwise the studio decides.
        renewed: bool,
    },
    /// The studio revoked the link.
    Revoked,
    /// The order was erased.
    Erased,
    /// The download has no such photo or archive.
    Missing,
    /// The photos have no other size.
    NoOtherSize,
    /// The link is unknown.
    Unknown,
    /// The service is overloaded.
    Busy,
    /// The request failed, or is none of this page's.
    Error,
}

/// Reason why a PIN was refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum PinRefused {
    /// The PIN is wrong.
    Wrong,
    /// Too many were wrong within an hour.
    TooMany,
    /// Too many were wrong in all.
    Locked,
}

/// Files of a download.
#[derive(Debug, Default, Serialize)]
pub struct Ready {
    /// Other version in which the customer may get the archives: `original` or `web`.
    pub other: Option<&'static str>,
    /// Built files: archives, or a photo.
    pub volumes: Vec<Volume>,
    /// Whether they are ZIP files.
    pub is_zip: bool,
    /// Minutes that the files take on a usual line.
    pub minutes: u64,
    /// Local time at which the link expires.
    pub expires: Option<String>,
    /// Whole days until then.
    pub days_left: i64,
    /// Counted downloads left; `None` means unlimited.
    pub left: Option<u32>,
    /// Photos of this page of the list.
    pub tiles: Vec<Tile>,
    /// Number of this page of the list, from 1.
    pub page: usize,
    /// Number of pages.
    pub pages: usize,
    /// Numbers of the first and the last photo of this page.
    pub first: usize,
    /// Number of the last photo of this page.
    pub last: usize,
}

/// A built file.
#[derive(Debug, Default, Serialize)]
pub struct Volume {
    /// Size.
    pub size: String,
    /// Number of photos.
    pub photos: usize,
    /// Name of the first photo; `None` if there is one file only.
    pub first: Option<String>,
    /// Name of the last photo.
    pub last: Option<String>,
}

/// A photo in the list.
#[derive(Debug, Serialize)]
pub struct Tile {
    /// Number in the order, from 1.
    pub number: usize,
    /// File name.
    pub name: String,
    /// Thumbnail, where there is one.
    pub thumb: Option<Picture>,
}

/// A picture in S3.
#[derive(Debug, Serialize)]
pub struct Picture {
    /// Presigned URL.
    pub url: String,
    /// Width in pixels.
    pub width: u32,
    /// Height in pixels.
    pub height: u32,
}

/// One photo.
#[derive(Debug, Serialize)]
pub struct Photo {
    /// Number in the order, from 1.
    pub number: usize,
    /// File name.
    pub name: String,
    /// Size.
    pub size: String,
    /// Media type of the file.
    pub content_type: String,
    /// Other version in which the customer may get the photo, `original` or `web`, and its size.
    pub other: Option<(&'static str, String)>,
    /// Preview, where there is one.
    pub preview: Option<Picture>,
}

/// A download that starts.
#[derive(Debug, Serialize)]
pub struct Started {
    /// Name of the file.
    pub name: String,
    /// URL of the file, with a ticket.
    pub href: String,
    /// URL of the page before.
    pub back: String,
}

/// Progress of a build.
#[derive(Debug, Serialize)]
pub struct Progress {
    /// Photos that are packed.
    pub done: u32,
    /// All photos.
    pub total: u32,
    /// Share of them in percent.
    pub percent: u32,
    /// Whether an email tells the customer about the end.
    pub notify: bool,
}

impl Page {
    /// Returns a page that names no order. It reveals nothing about customers.
    pub fn anonymous(language: Language, state: State) -> Self {
        Self {
            language: language.tag(),
            studio: Face::default(),
            home: String::new(),
            reference: String::new(),
            photo_count: 0,
            size: String::new(),
            state,
        }
    }

    /// Returns a page about a download.
    pub fn of(download: &Download, order: &Order, studio: Face, home: String, state: State) -> Self {
        let language = Language::of(&order.customer.locale);
        Self {
            language: language.tag(),
            studio,
            home,
            reference: order.reference.clone(),
            photo_count: download.photo_count,
            size: download.size().map(|bytes| language.size(bytes)).unwrap_or_default(),
            state,
        }
    }
}

impl State {
    /// Returns the state of a download that is closed for this reason. `can_ask`: whether the customer can ask for a new
    /// link.
    pub fn closed(download: &Download, closed: Closed, can_ask: bool) -> Self {
        match closed {
            Closed::NotReady => {
                let progress = download.progress;
                Self::Processing(Progress {
                    done: progress.done,
                    total: progress.total,
                    percent: (progress.done * 100).checked_div(progress.total).unwrap_or(0),
                    notify: download.notify,
                })
            }
            Closed::Failed => Self::Failed,
            Closed::Expired => Self::Expired { can_ask },
            Closed::Revoked => Self::Revoked,
            Closed::Spent => Self::Spent { can_ask },
            Closed::NeedsPin => Self::Pin { refused: None },
            Closed::NoSuchFile => Self::Missing,
        }
    }
}

/// Returns the minutes that a usual line takes for so many bytes, rounded up from half a minute on.
pub fn minutes(bytes: u64) -> u64 {
    (bytes.saturating_mul(8) / USUAL_LINE_BITS_PER_SECOND + 30) / 60
}

/// Returns the whole days from `now` until `then`.
pub fn days(now: Timestamp, then: Timestamp) -> i64 {
    (then.as_second() - now.as_second()).div_euclid(DAY_SECONDS)
}
