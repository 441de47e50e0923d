//! Copies of archives that were built before: the same order again is not packed twice.

use anyhow::Result;
use archive::{Layout, contents::Source as Photo};
use domain::{ObjectKey, Studio, download::Twin, incoming::Source};
use runtime::objects::SourceError;
use tracing::info;
use uuid::Uuid;

use crate::{
    assemble::{Place, expected},
    state::State,
};

/// Largest object that one request copies (S3: `CopyObject`). A larger archive is built, which copies its photos too.
const LARGEST_COPY: u64 = 5 << 30;

/// Copies the archive of this place from the twin, if the twin has it with the same size and checksum. Returns whether the
/// place has its archive now, with the proof that a built archive has.
pub async fn copied(state: &State, twin: &Twin, place: &Place, layout: &Layout<Photo>) -> Result<bool> {
    if layout.size() > LARGEST_COPY {
        return Ok(false);
    }
    let from = archive_of(&place.studio, twin, place.volume);
    let Some(etag) = state.uploads.already(&from, expected(layout)).await? else { return Ok(false) };
    let bucket = Some(state.archives.bucket().to_owned());
    let key = from.to_string();
    let source = Source { bucket, key, version: None, etag, checksum: None, allotment: Uuid::nil() };
    match state.archives.copy(&source, &place.archive(), "application/zip").await {
        Ok(_) => {}
        Err(SourceError::Other(error)) => return Err(error),
        // The twin was deleted meanwhile.
        Err(_) => return Ok(false),
    }
    let is_equal = state.uploads.already(&place.archive(), expected(layout)).await?.is_some();
    info!(from = %from, is_equal, "Copied an archive that was built before");
    Ok(is_equal)
}

fn archive_of(studio: &Studio, twin: &Twin, volume: Option<u32>) -> ObjectKey {
    ObjectKey::Archive { studio: studio.clone(), download: twin.download, build: twin.build, volume }
}
