//! Records as the API shows them. What is not here, nobody outside sees.

mod download;
mod email;
mod operation;
mod order;
mod photo;
mod queue;

pub use download::{DownloadState, DownloadView, DownloadWithFiles, DownloadWithLink, FileView};
pub use email::{EmailMade, EmailView};
pub use operation::{OperationStarted, OperationView};
pub use order::{OrderView, OrderWithPhotos};
pub use photo::{DerivativesView, PhotoView, PhotoWithUpload, Upload};
pub use queue::{
    FailedJob, FailedJobs, FailedKind, FailureGroup, Forgotten, QueueView, Queues, Retried, Skipped, Verdict,
};
use serde::Serialize;
use shared::store::{self, Record};
use utoipa::ToSchema;

/// Some of a list, newest first.
#[derive(Debug, Serialize, ToSchema)]
pub struct Page<T> {
    /// The records.
    pub items: Vec<T>,
    /// To be given as `cursor` for the next ones; `null` at the end. A page may hold fewer than `limit` and yet not be the last.
    pub next_cursor: Option<String>,
}

impl<T> Page<T> {
    /// Of records, each shown so.
    pub fn of<R: Record>(page: &store::Page<R>, view: impl Fn(&R) -> T) -> Self {
        Self { items: page.items.iter().map(view).collect(), next_cursor: page.next.map(|id| id.to_string()) }
    }
}

/// A CRC-32 as it is shown: eight hexadecimal digits.
pub fn hex(crc32: u32) -> String {
    format!("{crc32:08x}")
}
