//! Request body of a new download.

use domain::{
    download::{DEFAULT_EXPIRES_IN_DAYS, Download, DownloadKind, DownloadStatus, Fetches, Files, Progress, Variant},
    job_state::JobState,
    order::Order,
};
use serde::Deserialize;
use utoipa::ToSchema;
use uuid::Uuid;

use super::super::orders::distinct;
use crate::{extract::integer, problem::Problem, state::State};

/// Limit that catches typing errors.
const MAX_DOWNLOADS: u32 = 10_000;
/// Smallest archive size: a smaller archive would consist mostly of its manifest.
const MIN_SPLIT_BYTES: u64 = 1_000_000;
/// Largest archive size, 5 TiB: no part plan makes a longer object.
const MAX_SPLIT_BYTES: u64 = 5 << 40;

/// Contents and terms of a new download.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct NewDownload {
    /// `batch` (default): all photos in a ZIP. `single`: one photo as a bare file, ready immediately.
    kind: Option<DownloadKind>,
    /// Id of a photo of the order; required with `single`.
    photo_id: Option<Uuid>,
    /// Ids of the photos of the order that the ZIP contains; all by default. They come in the order's sequence. With
    /// `batch` only.
    #[schema(value_type = Option<HashSet<Uuid>>, min_items = 1, max_items = 10_000)]
    photo_ids: Option<Vec<Uuid>>,
    /// `original` (default), or `web`: previews of 2048 px.
    #[serde(default)]
    variant: Variant,
    /// Number of days that the link works, counted from when the download is ready. Default 7; at most as long as
    /// archives are kept (30 days unless the deployment sets another value).
    #[serde(default, deserialize_with = "integer")]
    #[schema(minimum = 1, maximum = 30)]
    expires_in_days: Option<u32>,
    /// Number of counted downloads; unlimited by default. A counted download opens a window of 24 h in which further
    /// ones are not counted.
    #[serde(default, deserialize_with = "integer")]
    #[schema(minimum = 1, maximum = 10_000)]
    max_downloads: Option<u32>,
    /// Splits the download into archives of at most this many bytes, at most 100 archives. One archive by default. With
    /// `batch` only.
    #[serde(default, deserialize_with = "integer")]
    #[schema(minimum = 1_000_000, maximum = 5_497_558_138_880_u64)]
    split_bytes: Option<u64>,
    /// `true`: the page also offers the other version of the photos, so that the customer chooses between originals and
    /// previews. A ZIP in the other version is built when the customer asks for it. Default `false`.
    both_sizes: Option<bool>,
    /// PIN of 6 to 8 digits that the page asks for before it shows any photo. Tell it to the customer by another way than
    /// the link.
    #[schema(pattern = "^[0-9]{6,8}$", write_only)]
    pin: Option<String>,
    /// `false`: sends no email when the download is ready or has failed. Default `true`.
    notify: Option<bool>,
    /// `false`: builds the archive before the response (synchronous). Refused if that would take too long. Default
    /// `true`.
    pub(super) queue: Option<bool>,
}

/// Refuses a text that is no PIN.
pub(super) fn checked_pin(pin: &str) -> Result<(), Problem> {
    if (6..=8).contains(&pin.len()) && pin.bytes().all(|byte| byte.is_ascii_digit()) {
        return Ok(());
    }
    Err(Problem::invalid("pin", "It must be 6 to 8 digits."))
}

impl NewDownload {
    /// Returns the chosen photos, each once.
    pub(super) fn chosen(&self) -> Result<Option<Vec<Uuid>>, Problem> {
        self.photo_ids.clone().map(distinct).transpose()
    }

    /// Returns the PIN.
    pub(super) fn pin(&self) -> Result<Option<&str>, Problem> {
        self.pin.as_deref().map(|pin| checked_pin(pin).map(|()| pin)).transpose()
    }

    pub(super) fn parse(&self, order: &Order, id: Uuid, state: &State) -> Result<Download, Problem> {
        let kind = self.kind.unwrap_or(DownloadKind::Batch);
        if (kind == DownloadKind::Single) != self.photo_id.is_some() {
            return Err(Problem::invalid("photo_id", "Set it for a single download, and only then."));
        }
        let expires_in_days = self.expires_in_days.unwrap_or(DEFAULT_EXPIRES_IN_DAYS.min(state.retention_days));
        if !(1..=state.retention_days).contains(&expires_in_days) {
            let detail = format!("It must be 1 to {} days, as long as archives are kept.", state.retention_days);
            return Err(Problem::invalid("expires_in_days", detail));
        }
        if self.max_downloads.is_some_and(|max| !(1..=MAX_DOWNLOADS).contains(&max)) {
            return Err(Problem::invalid("max_downloads", format!("It must be 1 to {MAX_DOWNLOADS}.")));
        }
        let may_split = kind == DownloadKind::Batch;
        if self.split_bytes.is_some_and(|most| !may_split || !(MIN_SPLIT_BYTES..=MAX_SPLIT_BYTES).contains(&most)) {
            let detail =
                format!("It must be {MIN_SPLIT_BYTES} to {MAX_SPLIT_BYTES}, and belongs to a batch download only.");
            return Err(Problem::invalid("split_bytes", detail));
        }
        if self.photo_ids.is_some() && kind == DownloadKind::Single {
            return Err(Problem::invalid("photo_ids", "It belongs to a batch download only."));
        }
        let now = state.clock.now();
        let photo_count = if kind == DownloadKind::Single { 1 } else { order.photo_count };
        Ok(Download {
            studio: order.studio.clone(),
            id,
            order: order.id,
            status: DownloadStatus::Pending,
            kind,
            variant: self.variant,
            photo: self.photo_id,
            selection: None,
            build: 1,
            split_bytes: self.split_bytes,
            files: Files::Unknown,
            both_sizes: self.both_sizes.unwrap_or(false),
            twin: None,
            position: None,
            photo_count,
            progress: Progress { done: 0, total: photo_count },
            error: None,
            work: JobState::sent(now),
            expires_in_days,
            expires_at: None,
            max_downloads: self.max_downloads,
            download_count: 0,
            window_until: None,
            fetches: Fetches::default(),
            pin: None,
            renewal_asked_at: None,
            generation: 1,
            notify: self.notify.unwrap_or(true),
            failure_told: None,
            created_at: now,
            ready_at: None,
            erased_at: None,
            recipient: None,
            addressed_at: None,
            undelivered_at: None,
            publish_by: None,
            noticed_until: None,
            late_writes_until: None,
        })
    }
}
