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
    /// Orders that the API created: id and photos.
    pub orders: BTreeMap<usize, (Uuid, Vec<Uuid>)>,
    /// Downloads that the API created: id and link.
    pub downloads: BTreeMap<usize, KnownDownload>,
    /// Times at which customers asked for the files of a download.
    pub fetches: BTreeMap<Uuid, Vec<Timestamp>>,
    /// Photos whose deletion was requested.
    pub deletions: BTreeSet<Uuid>,
    /// Photos whose deletion was confirmed.
    pub deleted: BTreeSet<Uuid>,
    /// Orders whose erasure was requested, by the request or by their customer.
    pub erasures: BTreeSet<Uuid>,
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
    /// Messages that no build can read.
    pub poison: u64,
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

/// A download.
#[derive(Debug, Clone)]
pub struct KnownDownload {
    /// Id.
    pub id: Uuid,
    /// Order.
    pub order: Uuid,
    /// Path of the customer's link.
    pub link: String,
}

impl Truth {
    /// Returns the facts. A history runs on one thread, so the lock is always free.
    pub fn facts(&self) -> MutexGuard<'_, Facts> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
