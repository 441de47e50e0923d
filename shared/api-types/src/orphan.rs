//! Orphans: objects of the photos bucket that belong to no photo.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::Skipped;

/// An object that belongs to no photo.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
pub struct Orphan {
    /// Key in the photos bucket.
    pub key: String,
    /// Size in bytes.
    pub size_bytes: u64,
    /// Time at which it was stored.
    #[schema(value_type = String, format = DateTime)]
    pub modified_at: Timestamp,
}

/// A page of orphans.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
pub struct OrphanPage {
    /// Orphans by key.
    pub items: Vec<Orphan>,
    /// Cursor of the next page; `null` on the last page.
    pub next_cursor: Option<String>,
}

/// Outcome of a request about orphans.
#[derive(Debug, Default, Serialize, Deserialize, ToSchema)]
pub struct OrphansSettled {
    /// Keys of the objects that were taken in or deleted.
    pub settled: Vec<String>,
    /// Objects that were skipped, with the reasons.
    pub skipped: Vec<Skipped>,
}
