//! Facts that clients know: what they asked for and which responses they heard.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use bytes::Bytes;
use jiff::Timestamp;
use uuid::Uuid;

/// Facts of a history. Clones are the same facts.
#[derive(Debug, Clone, Default)]
pub struct Truth(Arc<Mutex<Facts>>);

/// Facts, by the numbers of the story.
#[derive(Debug, Default)]
pub struct Facts {
    /// Photos that the API created.
    pub photos: BTreeMap<usize, KnownPhoto>,
    /// Files that S3 took under `incoming/`, by path and content.
    pub stored: BTreeMap<(usize, usize), StoredFile>,
    /// Orders that the API created: id and photos.
    pub orders: BTreeMap<usize, (Uuid, Vec<Uuid>)>,
    /// Downloads that the API created: id and link.
    pub downloads: BTreeMap<usize, KnownDownload>,
    /// Times at which customers asked for the files of a download.
    pub fetches: BTreeMap<Uuid, Vec<Timestamp>>,
    /// Number of times that the link of a download was sent to another address.
    pub readdressed: usize,
    /// Number of PINs that opened a page.
    pub pins_entered: u64,
    /// Photos whose deletion was requested.
    pub deletions: BTreeSet<Uuid>,
    /// Photos whose deletion was confirmed.
    pub deleted: BTreeSet<Uuid>,
    /// Orders whose erasure was requested, by the request or by their customer.
    pub erasures: BTreeSet<Uuid>,
    /// Customers whose erasure was requested. An order of theirs may not have been answered yet.
    pub erased_customers: BTreeSet<usize>,
    /// Customers of orders.
    pub customers: BTreeMap<Uuid, usize>,
    /// Downloads whose revocation was requested.
    pub revocations: BTreeSet<Uuid>,
    /// Operations that requests started.
    pub operations: BTreeSet<Uuid>,
    /// Whether a table was restored, so that the clients know more than the records.
    pub restored: bool,
    /// Number of requests to the API.
    pub requests: u64,
    /// Number of times that operators paused a queue.
    pub pauses: usize,
    /// Number of times that operators had failed emails sent again.
    pub email_retries: u32,
    /// Messages that no build can read.
    pub poison: u64,
}

impl Facts {
    /// Returns how often each kind of request had its effect. A kind that never has is not simulated.
    pub fn effects(&self) -> Vec<(&'static str, usize)> {
        vec![
            ("photos announced and uploaded", self.photos.values().filter(|photo| photo.uploaded).count()),
            ("files stored", self.stored.len()),
            ("orders", self.orders.len()),
            ("downloads", self.downloads.len()),
            ("downloads of a selection", self.downloads.values().filter(|known| known.chosen.is_some()).count()),
            ("files fetched", self.fetches.values().map(Vec::len).sum()),
            ("PINs entered", usize::try_from(self.pins_entered).unwrap_or(usize::MAX)),
            ("links sent to another address", self.readdressed),
            ("photos deleted", self.deleted.len()),
            ("orders erased", self.erasures.len()),
            ("downloads revoked", self.revocations.len()),
            ("operations", self.operations.len()),
            ("pauses", self.pauses),
        ]
    }
}

/// A photo.
#[derive(Debug, Clone)]
pub struct KnownPhoto {
    /// Id.
    pub id: Uuid,
    /// File.
    pub file: Bytes,
    /// Whether an upload may have reached S3.
    pub uploaded: bool,
    /// Whether the file is another one than announced.
    pub is_wrong: bool,
}

/// A file that an S3 client stored.
#[derive(Debug, Clone)]
pub struct StoredFile {
    /// Key.
    pub key: String,
    /// File.
    pub file: Bytes,
    /// Whether a request to delete its photo was sent.
    pub deletion: bool,
}

/// A download.
#[derive(Debug, Clone)]
pub struct KnownDownload {
    /// Id.
    pub id: Uuid,
    /// Order.
    pub order: Uuid,
    /// Photos that it contains; `None` for all of the order.
    pub chosen: Option<Vec<Uuid>>,
    /// Path of the customer's link.
    pub link: String,
    /// PIN of the page.
    pub pin: Option<&'static str>,
}

impl Truth {
    /// Returns the facts. A history runs on one thread, so the lock is always free.
    pub fn facts(&self) -> MutexGuard<'_, Facts> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
