//! The job `build_archive`: claim, plan the layout, let S3 assemble and verify the archive, complete, notify the
//! customer.

use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use anyhow::anyhow;
use archive::{
    Layout,
    contents::{ContentsError, Source, archives, contents},
};
use domain::{
    JobError, Studio,
    download::{Download, DownloadStatus, Files, Position, Progress},
    event::Event,
};
use jiff::Timestamp;
use runtime::{
    aws::broken_off,
    contents::FilesError,
    lease::{Ended, Lease},
    metrics,
    store::Table,
    worker::JobHandler,
};
use tokio::{sync::Mutex, time::Instant};
use tracing::{Span, info, info_span, warn};
use uuid::Uuid;

use crate::{
    assemble::{Assembly, Place, ProgressStore, ResumeState, expected, fingerprint, sort},
    notify::notify,
    plan::{PartPlan, cost::Costs},
    state::State,
    twin,
};

/// Shortest interval between writes of the progress.
const PROGRESS_EVERY: Duration = Duration::from_secs(1);
/// Time before the stop at which a build pauses. A stop would count as a failed attempt.
const STOP_BEFORE: Duration = Duration::from_secs(2);

/// Handler of the job `build_archive`.
pub struct BuildArchive(pub Arc<State>);

impl JobHandler for BuildArchive {
    const NAME: &'static str = "build_archive";
    type Record = Download;
    type Prepared = ();

    fn table(&self) -> &Arc<Table<Download>> {
        &self.0.downloads
    }

    fn span(studio: &Studio, id: Uuid) -> Span {
        info_span!("build_archive", %studio, download.id = %id)
    }

    async fn run(&self, lease: Arc<Lease<Download>>, (): &()) -> Result<Download, JobError> {
        build(&self.0, &lease).await
    }

    async fn follow_up(
        &self,
        (studio, id): (&Studio, Uuid),
        ended: &Ended<Download>,
        (): &(),
        now: Timestamp,
    ) -> Result<(), JobError> {
        let state = &self.0;
        let Some(download) = &ended.at_rest else {
            return if ended.paused { Ok(()) } else { leave_nothing_revoked(state, studio, id).await };
        };
        if download.status == DownloadStatus::Failed {
            clear(state, download).await;
        }
        // Before the order is read, so that little time passes between that and the email.
        state.events.publish_all(Event::of_build(download)).await?;
        match state.orders.get(studio, download.order).await? {
            // The order was erased during the build. Possibly only this job knows about the archive.
            Some(order) if order.is_erased() => Ok(state.erasure().download(studio, id, now).await?),
            Some(order) => notify(state, download, &order, now).await,
            None => Ok(()),
        }
    }
}

/// Deletes the archive of a download that was revoked during the build.
async fn leave_nothing_revoked(state: &State, studio: &Studio, id: Uuid) -> Result<(), JobError> {
    let Some(download) = state.downloads.get(studio, id).await? else { return Ok(()) };
    if download.status != DownloadStatus::Revoked {
        return Ok(());
    }
    let order = state.orders.get(studio, download.order).await?;
    if order.is_some_and(|order| order.is_erased()) {
        state.erasure().objects(studio, id).await?;
    }
    for key in download.archive_keys() {
        state.archives.delete(&key).await?;
    }
    clear(state, &download).await;
    Ok(())
}

/// Deletes what a failed build has left in S3. Leftovers cost money for at most a day, until the lifecycle rules delete
/// them, so a failure is only logged.
async fn clear(state: &State, download: &Download) {
    let clearing = async {
        let found = state.uploads.find(&download.studio, download.id, download.build).await?;
        state.uploads.clear(found).await
    };
    if let Err(error) = clearing.await {
        warn!(error = format!("{error:#}"), "Could not delete the leftovers of a failed build");
    }
}

async fn build(state: &State, lease: &Lease<Download>) -> Result<Download, JobError> {
    let started = Instant::now();
    let layouts = lay_out(state, &lease.record).await?;
    announce(state, lease, &layouts).await?;
    let time = Duration::try_from(lease.stops_at.duration_since(lease.now())).unwrap_or_default();
    let made_progress = AtomicBool::new(false);
    // Finished parts are in S3 and the checkpoint is on the record, so dropping the future is a safe stop.
    let assembling = assemble_all(state, lease, &layouts, &made_progress);
    match tokio::time::timeout(time.saturating_sub(STOP_BEFORE), assembling).await {
        Ok(assembled) => assembled?,
        Err(_elapsed) if made_progress.load(Ordering::Relaxed) => return Err(JobError::Paused),
        // S3 did not finish a single part in all that time.
        Err(_elapsed) => return Err(broken_off("Failed to get on", anyhow!("The build's time was up")).into()),
    }
    let files = archives(&lease.record, &layouts);
    if files.is_empty() {
        return Err(anyhow!("An order was laid out to no archive").into());
    }
    let now = lease.now();
    let ready = lease.change(|download| download.complete(lease.by, now, files.clone())).await?;
    let duration_ms = u64::try_from(started.elapsed().as_millis()).unwrap_or(u64::MAX);
    metrics::bytes(ready.size().unwrap_or_default());
    info!(size_bytes = ready.size(), photos = ready.photo_count, duration_ms, "Archive ready");
    Ok(ready)
}

async fn lay_out(state: &State, download: &Download) -> Result<Vec<Layout<Source>>, JobError> {
    let gone = || JobError::reject("order_gone", "The order of this download does not exist anymore.");
    let order = state.orders.get(&download.studio, download.order).await?.ok_or_else(gone)?;
    if order.is_erased() {
        return Err(JobError::reject("order_erased", "The order of this download was erased."));
    }
    let files = state.contents().files(&order, download).await.map_err(|error| match error {
        FilesError::Store(error) => error.into(),
        FilesError::Undeliverable(mut photos) => refused(&photos.swap_remove(0).error),
    })?;
    contents(download, &order, files).map_err(|error| refused(&error))
}

fn refused(error: &ContentsError) -> JobError {
    JobError::Reject(error.to_record_error())
}

/// Writes the index of a build that has none, because operators or SQS's redrive restarted it.
async fn announce(state: &State, lease: &Lease<Download>, layouts: &[Layout<Source>]) -> Result<(), JobError> {
    if lease.record.files != Files::Unknown {
        return Ok(());
    }
    let (by, planned) = (lease.by, state.contents().announce(&lease.record, layouts).await?);
    let change = |download: &mut Download| {
        download.check(by)?;
        download.files = Files::Planned(planned.clone());
        Ok(())
    };
    lease.change(change).await.map(drop)
}

/// Makes each archive that does not exist yet, then the index.
async fn assemble_all(
    state: &State,
    lease: &Lease<Download>,
    layouts: &[Layout<Source>],
    made_progress: &AtomicBool,
) -> Result<(), JobError> {
    let Download { studio, id: download, build, .. } = lease.record.clone();
    // At the first attempt nothing can exist, and a check would cost more requests than a small archive needs.
    let again = lease.record.work.claims > 1;
    let mut files_before = 0;
    for (volume, layout) in (1..).zip(layouts) {
        let volume = (layouts.len() > 1).then_some(volume);
        let place = Place { studio: studio.clone(), download, build, volume };
        let exists = match &lease.record.twin {
            _ if again && state.uploads.already(&place.archive(), expected(layout)).await?.is_some() => true,
            Some(twin) => twin::copied(state, twin, &place, layout).await?,
            None => false,
        };
        if !exists {
            let plan = PartPlan::new(layout, state.preference, &Costs::AWS)
                .map_err(|error| JobError::reject("archive_too_large", error.to_string()))?;
            let resume_state = if again {
                take_up(state, lease, &place, fingerprint(layout, &plan)).await?
            } else {
                ResumeState::default()
            };
            let progress = OnRecord { lease, last: Mutex::new(Instant::now()), files_before };
            let stores = (&state.originals, &state.uploads);
            Assembly::new((layout, &plan), place, stores, resume_state, made_progress).run(&progress).await?;
        }
        files_before += layout.entries().iter().filter(|entry| entry.source().is_some()).count();
    }
    if again {
        let found = state.uploads.find(&studio, download, build).await?;
        state.uploads.clear(found).await?;
    }
    state.contents().announce(&lease.record, layouts).await.map(drop)?;
    Ok(())
}

/// Returns what an earlier attempt has left for this plan, and deletes the rest.
async fn take_up(state: &State, lease: &Lease<Download>, at: &Place, plan: u64) -> Result<ResumeState, JobError> {
    let found = state.uploads.find(&at.studio, at.download, at.build).await?;
    let (kept, useless) = sort(found, &at.archive(), plan, lease.record.position.as_ref());
    info!(objects = kept.objects.len(), uploads = kept.uploads.len(), "Resuming an earlier attempt");
    state.uploads.clear(useless).await?;
    Ok(ResumeState::of(kept))
}

/// Progress store on the download's record. Every write checks that this worker still leases the record.
struct OnRecord<'a> {
    lease: &'a Lease<Download>,
    last: Mutex<Instant>,
    /// Number of files in the previous archives.
    files_before: usize,
}

impl OnRecord<'_> {
    /// Returns the progress with this number of files in the current archive. The manifest is a file but not a photo.
    fn progress(&self, files: usize) -> Progress {
        let total = self.lease.record.photo_count;
        Progress { done: u32::try_from(self.files_before + files).unwrap_or(u32::MAX).min(total), total }
    }
}

impl ProgressStore for OnRecord<'_> {
    async fn begun(&self, upload_id: &str, plan: u64, files: usize) -> Result<(), JobError> {
        let position = Position { upload_id: upload_id.to_owned(), plan: format!("{plan:016x}") };
        let (by, progress) = (self.lease.by, self.progress(files));
        let claimed = &self.lease.record;
        if claimed.position.as_ref() == Some(&position) && claimed.progress == progress {
            return Ok(());
        }
        let change = |download: &mut Download| {
            download.check(by)?;
            download.position = Some(position.clone());
            download.progress = progress;
            Ok(())
        };
        self.lease.change(change).await.map(drop)
    }

    async fn stored(&self, files: usize) -> Result<(), JobError> {
        let mut last = self.last.lock().await;
        if last.elapsed() < PROGRESS_EVERY {
            return Ok(());
        }
        *last = Instant::now();
        let (by, progress) = (self.lease.by, self.progress(files));
        let change = |download: &mut Download| {
            download.check(by)?;
            download.progress = progress;
            Ok(())
        };
        self.lease.change(change).await.map(drop)
    }
}
