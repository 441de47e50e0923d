//! One archive: claim, lay out, upload, let S3 prove it, complete, tell the customer.

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use shared::{
    Job, JobError, ObjectKey, Studio,
    batch::{Delivery, Disposition},
    download::{BuiltFile, Download, Progress},
    hold::{self, Hold},
};
use tokio::sync::Mutex;
use tracing::{Instrument as _, info, info_span, warn};
use uuid::Uuid;

use crate::{
    contents::{Source, contents},
    notify::notify,
    state::State,
    upload::upload,
    zip::{ArchiveIndex, Layout},
};

/// Progress is written this often at most.
const PROGRESS_EVERY: Duration = Duration::from_secs(1);

/// Builds the archive of this download, unless it was built.
pub async fn build_archive(
    state: &State,
    delivery: &Delivery,
    studio: &Studio,
    id: Uuid,
) -> Result<Disposition, JobError> {
    let span = info_span!("build_archive", %studio, download.id = %id);
    run(state, delivery, studio, id).instrument(span).await
}

async fn run(state: &State, delivery: &Delivery, studio: &Studio, id: Uuid) -> Result<Disposition, JobError> {
    let job = |hold: Arc<Hold<Download>>| build(state, hold);
    let ended = hold::work(&state.downloads, delivery, (studio, id), Download::claim, job).await?;
    if let Some(download) = &ended.at_rest {
        notify(state, download, delivery.now()).await?;
        hold::rest(&state.downloads, download).await?;
    }
    if ended.paused {
        state.queue.send(&Job::BuildArchive { studio: studio.clone(), download: id }).await?;
    }
    Ok(ended.disposition)
}

async fn build(state: &State, hold: Arc<Hold<Download>>) -> Result<Download, JobError> {
    let started = Instant::now();
    let layout = lay_out(state, &hold.record).await?;
    let key = hold.record.archive();
    if hold.record.work.attempts > 1 {
        // Left by an owner that died. Not only the upload on the record: it may have died before it could write it down.
        for abandoned in state.archives.open_uploads(&key).await? {
            state.archives.abort_upload(&key, &abandoned).await?;
        }
    }
    // An earlier owner may have finished the archive and died before it could say so.
    let there = state.archives.head(&key).await?;
    if !there.is_some_and(|head| head.size == layout.size() && head.crc32 == Some(layout.crc32())) {
        store(state, &hold, &key, &layout).await?;
    }
    let index = ArchiveIndex::new(&layout, |source| source.photo).to_json()?;
    let Download { studio, id: download, build, .. } = hold.record.clone();
    state.archives.put(&ObjectKey::ArchiveIndex { studio, download, build }, index).await?;
    let file = BuiltFile { path: key.to_string(), size: layout.size(), crc32: layout.crc32() };
    let now = hold.now();
    let ready = hold.change(|download| download.complete(hold.by, now, file.clone())).await?;
    let duration_ms = u64::try_from(started.elapsed().as_millis()).unwrap_or(u64::MAX);
    info!(size_bytes = file.size, photos = ready.photo_count, duration_ms, "Archive ready");
    Ok(ready)
}

async fn lay_out(state: &State, download: &Download) -> Result<Layout<Source>, JobError> {
    let gone = || JobError::reject("order_gone", "The order of this download does not exist any more.");
    let order = state.orders.get(&download.studio, download.order).await?.ok_or_else(gone)?;
    let ids = state.orders.photos(&order).await?;
    let mut found = state.photos.get_many(&download.studio, &ids).await?;
    let photos = ids
        .iter()
        .map(|id| {
            let missing = || JobError::reject("photo_missing", format!("Photo {id} does not exist any more."));
            found.remove(id).ok_or_else(missing)
        })
        .collect::<Result<Vec<_>, _>>()?;
    contents(download, &order, &photos)
}

async fn store(
    state: &State,
    hold: &Arc<Hold<Download>>,
    key: &ObjectKey,
    layout: &Layout<Source>,
) -> Result<(), JobError> {
    let upload_id = state.archives.begin_upload(key).await?;
    let stored = fill(state, hold, key, &upload_id, layout).await;
    if stored.is_err() {
        // The first error is the one to tell; a failed abort costs money for a day, until the lifecycle rule.
        if let Err(error) = state.archives.abort_upload(key, &upload_id).await {
            warn!(error = format!("{error:#}"), "Could not abort an upload");
        }
    }
    stored
}

async fn fill(
    state: &State,
    hold: &Arc<Hold<Download>>,
    key: &ObjectKey,
    upload_id: &str,
    layout: &Layout<Source>,
) -> Result<(), JobError> {
    let by = hold.by;
    // On the record before the first part, so that the next owner can abort what a crash leaves open.
    hold.change(|download| {
        download.check(by)?;
        download.upload_id = Some(upload_id.to_owned());
        Ok(())
    })
    .await?;
    let last = Mutex::new(Instant::now());
    let on_part = async |done: u32| {
        let mut last = last.lock().await;
        if last.elapsed() < PROGRESS_EVERY {
            return Ok(());
        }
        *last = Instant::now();
        hold.change(|download| {
            download.check(by)?;
            download.progress = Progress { done, total: download.photo_count };
            Ok(())
        })
        .await
        .map(drop)
    };
    let parts = upload(layout, (&state.originals, &state.archives), (key, upload_id), on_part).await?;
    state.archives.complete_upload(key, upload_id, parts, layout.size(), layout.crc32()).await?;
    Ok(())
}
