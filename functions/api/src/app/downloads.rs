//! Downloads: planned before they are built, rebuilt and revoked. Impossible downloads are refused.

use std::convert::Infallible;

use archive::{
    Layout,
    contents::{ContentsError, File, Source, contents},
};
use domain::{
    ObjectKey, Studio,
    download::{
        BuiltFile, Download, DownloadKind, DownloadStatus, Due, Files, Notice, Selection, Twin, Variant, pin::Pin,
    },
    event::Event,
    job::Job,
    job_state::RestartError,
    object_key::Picture,
    operation::Filled,
    order::Order,
    photo::{Derivatives, Photo},
    queue_config::QueueName,
    record::ListIndex,
    studio_limits::Taken,
};
use jiff::Timestamp;
use runtime::{
    contents::{FilesError, Undeliverable, file_of},
    lease::rest,
    notification,
    store::Created,
};
use tracing::warn;
use uuid::Uuid;

use super::{limits, ordering, pauses};
use crate::{
    problem::{ApiError, ApiResult, Kind, Problem, RefusedPhoto},
    state::State,
    synchronous,
};

/// Creates the record of the download: of all photos of the order, or of those that are chosen. If it is `limited`, it counts
/// as an archive of the day. A download of a single photo is ready immediately.
pub async fn create(
    state: &State,
    order: &Order,
    mut download: Download,
    chosen: Option<&[Uuid]>,
    wait: bool,
    limited: bool,
) -> ApiResult<Download> {
    if let Some(chosen) = chosen {
        select(&mut download, &state.orders.photos(order).await?, chosen)?;
    }
    if download.kind == DownloadKind::Single {
        let photo = photo_of(state, order, &download).await?;
        let file = bare_file(&photo, download.variant)?;
        download.make_ready(state.clock.now(), vec![file]);
    } else {
        let layouts = plan(state, order, &download, wait).await?;
        let planned = state.contents().announce(&download, &layouts).await?;
        download.twin = twin(state, order, &planned).await?;
        download.files = Files::Planned(planned);
        if limited {
            limits::take(state, &order.studio, Taken::Archive).await?;
        }
    }
    let made = match state.downloads.create(&download).await? {
        Created::New => download,
        Created::Existed(made) => *made,
    };
    if made.kind == DownloadKind::Single {
        refuse_if_erased(state, &made).await?;
    }
    Ok(made)
}

/// Returns a build of the order with the same archives: the customer asks for the same photos again, and nothing has
/// changed.
async fn twin(state: &State, order: &Order, planned: &[BuiltFile]) -> ApiResult<Option<Twin>> {
    if !state.fillings.is_done(Filled::Downloads).await? {
        return Ok(None);
    }
    let is_twin = |download: &Download| {
        download.order == order.id && download.status == DownloadStatus::Ready && download.twin_of(planned).is_some()
    };
    let by = order.id.to_string();
    let found = state.downloads.list_by(&order.studio, (ListIndex::Order, &by), None, 1, is_twin).await?;
    Ok(found.items.first().and_then(|download| download.twin_of(planned)))
}

/// Restricts the download to these photos of the order. Names those that the order does not contain.
fn select(download: &mut Download, all: &[Uuid], chosen: &[Uuid]) -> Result<(), Problem> {
    let selection = Selection::of(all, chosen).map_err(|unknown| {
        let named = unknown.into_iter().map(RefusedPhoto::unknown).collect();
        Problem::invalid("photo_ids", "The order does not contain these photos.").naming(named)
    })?;
    // All photos, listed one by one, are the whole order.
    download.selection = (chosen.len() < all.len()).then_some(selection);
    download.photo_count = u32::try_from(chosen.len()).unwrap_or(u32::MAX);
    download.progress.total = download.photo_count;
    Ok(())
}

/// Refuses a download whose order was erased meanwhile.
///
/// An erasure that ran before the record existed did not see it. For a batch download the worker checks this; for a
/// single download the request does.
async fn refuse_if_erased(state: &State, made: &Download) -> ApiResult<()> {
    let order = state.orders.get(&made.studio, made.order).await?.ok_or_else(|| Problem::not_found("order"))?;
    if let Err(erased) = ordering::not_erased(order) {
        state.erasure().download(&made.studio, made.id, state.clock.now()).await?;
        return Err(erased.into());
    }
    Ok(())
}

/// Finds the photo of a single download, and checks that it can be delivered.
async fn photo_of(state: &State, order: &Order, download: &Download) -> ApiResult<Photo> {
    let ids = state.orders.photos(order).await?;
    let not_held = || Problem::invalid("photo_id", "The order does not contain this photo.");
    let id = ids.into_iter().find(|id| Some(*id) == download.photo).ok_or_else(not_held)?;
    let photo = state.photos.get(&order.studio, id).await?;
    file_of(id, photo.as_ref(), download.variant).map_err(|photo| refuse_photos(&[photo]))?;
    Ok(photo.ok_or_else(not_held)?)
}

/// Plans the archives. Refuses if they are impossible, or if `wait` is set and the build would take too long.
async fn plan(state: &State, order: &Order, download: &Download, wait: bool) -> ApiResult<Vec<Layout<Source>>> {
    pauses::refuse_to_wait(state, QueueName::Downloads, wait).await?;
    let files = state.contents().files(order, download).await.map_err(|error| match error {
        FilesError::Store(error) => ApiError::from(error),
        FilesError::Undeliverable(photos) => refuse_photos(&photos).into(),
    })?;
    if wait {
        state.workers.check(synchronous::archive(files.iter().map(File::size)))?;
    }
    if let (Some(most), Some(longest)) = (download.split_bytes, files.iter().map(File::size).max())
        && longest >= most
    {
        let detail = format!("The largest photo alone has {longest} bytes.");
        return Err(Problem::invalid("split_bytes", detail).into());
    }
    Ok(contents(download, order, files).map_err(|error| Problem::refused(error.to_record_error()))?)
}

/// Returns the problem that names the photos that cannot be delivered.
fn refuse_photos(photos: &[Undeliverable]) -> Problem {
    let named = |photo: &Undeliverable| RefusedPhoto::not_ready(photo.photo, photo.status);
    let has_no_preview = |photo: &&Undeliverable| matches!(photo.error, ContentsError::NoWebVersion(_));
    let unready: Vec<_> = photos.iter().filter(|photo| !has_no_preview(photo)).map(named).collect();
    if !unready.is_empty() {
        let detail = "Not all photos of the order are ready yet.";
        return Problem::new(Kind::PhotosNotReady, detail).naming(unready);
    }
    let without: Vec<_> = photos.iter().filter(has_no_preview).map(named).collect();
    Problem::invalid("variant", "Photos of the order have no web version.").naming(without)
}

/// Returns the file of a single download, which is the stored object itself.
pub fn bare_file(photo: &Photo, variant: Variant) -> ApiResult<BuiltFile> {
    let Some(made) = &photo.development else {
        return Err(anyhow::anyhow!("Photo {} is ready but not developed", photo.id).into());
    };
    Ok(match (variant, &made.derivatives) {
        (Variant::Web, Derivatives::Made { preview, .. }) => {
            let (studio, version) = (photo.studio.clone(), made.processor_version);
            let key = ObjectKey::Derivative { studio, photo: photo.id, version, picture: Picture::Preview };
            BuiltFile { path: key.to_string(), size: preview.size, crc32: preview.crc32 }
        }
        _ => BuiltFile { path: photo.original().to_string(), size: photo.size, crc32: made.crc32 },
    })
}

/// Changes that a new build makes beside the files.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Rebuild {
    /// Nothing: counted downloads stay counted.
    Same,
    /// Counted downloads start anew.
    Renewed,
    /// Counted downloads start anew, because the customer asked. An email tells the customer.
    AskedFor,
}

impl Rebuild {
    fn apply(self, download: &mut Download, now: Timestamp, by: Uuid) -> Result<(), RestartError> {
        match self {
            Self::Same => download.restart(now, Some(by)),
            Self::Renewed => download.renew(now, Some(by)),
            Self::AskedFor => {
                download.renew(now, Some(by))?;
                download.renewal_asked(now);
                download.notify = true;
                Ok(())
            }
        }
    }
}

/// Publishes the events of the customer's activity, and records that. What fails here is left to the sweep, because the
/// request itself has succeeded.
pub async fn publish_activity(state: &State, download: &Download) {
    let Some(at) = download.publish_by else { return };
    let told = async {
        state.events.publish_all(Event::of_activity(download)).await?;
        let noticed = |download: &mut Download| {
            download.noticed(Notice::Activity, at);
            Ok::<_, Infallible>(())
        };
        state.downloads.update(&download.studio, download.id, noticed).await
    };
    if let Err(error) = told.await {
        warn!(download.id = %download.id, error = format!("{error:#}"), "Could not publish the customer's activity");
    }
}

/// Starts a new build and writes its index, unless this request already did.
pub async fn rebuild(
    state: &State,
    order: &Order,
    found: Download,
    by: Uuid,
    how: Rebuild,
    wait: bool,
) -> ApiResult<Download> {
    let now = state.clock.now();
    // Applied to a copy first: the index of a new build must exist before the record names that build.
    let mut new = found.clone();
    match how.apply(&mut new, now, by) {
        Err(RestartError::Repeated) => return Ok(found),
        other => refuse(other)?,
    }
    if new.kind == DownloadKind::Single {
        let photo = photo_of(state, order, &new).await?;
        let file = bare_file(&photo, new.variant)?;
        new.make_ready(now, vec![file]);
    } else {
        let layouts = plan(state, order, &new, wait).await?;
        let planned = state.contents().announce(&new, &layouts).await?;
        new.twin = found.twin_of(&planned);
        new.files = Files::Planned(planned);
    }
    let set = state.downloads.update(&found.studio, found.id, |download: &mut Download| {
        if download.build != found.build {
            return Err(RestartError::UnderWay);
        }
        how.apply(download, now, by)?;
        match &new.files {
            Files::Built(files) => download.make_ready(now, files.clone()),
            files => {
                download.files.clone_from(files);
                download.twin = new.twin;
            }
        }
        Ok(())
    });
    let (download, set) = set.await?.ok_or_else(|| Problem::not_found("download"))?;
    refuse(set)?;
    Ok(download)
}

fn refuse(set: Result<(), RestartError>) -> Result<(), Problem> {
    match set {
        Ok(()) | Err(RestartError::Repeated) => Ok(()),
        Err(RestartError::UnderWay) => Err(Problem::new(Kind::UnderWay, "The download is being built.")),
        Err(RestartError::Impossible) => Err(Problem::new(Kind::Revoked, "The download was revoked.")),
    }
}

/// Publishes that a single download is ready, and sends its email, unless that was done already.
pub async fn tell(state: &State, order: &Order, download: &Download) -> ApiResult<()> {
    if !matches!(download.due(), Some(Due::Notification(_))) {
        return Ok(());
    }
    state.events.publish_all(Event::of_build(download)).await?;
    let emails = state.queues.of(QueueName::Emails);
    notification::tell(&state.emails, emails, download, order, state.clock.now()).await?;
    Ok(rest(&state.downloads, download).await?)
}

/// Revokes the download, and the one in the other size that its customer may have chosen, and deletes their archives.
pub async fn revoke(state: &State, studio: &Studio, id: Uuid) -> ApiResult<Download> {
    let download = revoke_one(state, studio, id).await?.ok_or_else(|| Problem::not_found("download"))?;
    if download.both_sizes {
        revoke_one(state, studio, download.other_size_id()).await?;
    }
    Ok(download)
}

async fn revoke_one(state: &State, studio: &Studio, id: Uuid) -> ApiResult<Option<Download>> {
    let revoked = state
        .downloads
        .update(studio, id, |download| {
            if download.status == DownloadStatus::Revoked {
                return Err(());
            }
            download.revoke(state.clock.now());
            Ok(())
        })
        .await?;
    let Some((download, _)) = revoked else { return Ok(None) };
    // Deleted after the record was written: a build checks the record at each write. Presigned URLs stop working with
    // the archives.
    for key in download.archive_keys() {
        state.archives.delete(&key).await?;
    }
    Ok(Some(download))
}

/// Returns the download of the same photos in the other size, which the customer may choose. Creates it, and sends its
/// job, unless it exists.
pub async fn other_size(state: &State, order: &Order, download: &Download) -> ApiResult<Download> {
    let other = download.in_other_size(state.clock.now());
    if let Some(made) = state.downloads.get(&other.studio, other.id).await? {
        return Ok(made);
    }
    let made = create(state, order, other, None, false, false).await?;
    send(state, &made).await?;
    Ok(made)
}

/// Sends the job that builds the download.
pub async fn send(state: &State, download: &Download) -> ApiResult<()> {
    let job = Job::BuildArchive { studio: download.studio.clone(), download: download.id };
    Ok(state.queues.of(QueueName::Downloads).send(&job).await?)
}

/// Returns a PIN as the record stores it.
pub async fn hashed(state: &State, download: &Download, pin: &str) -> ApiResult<Pin> {
    Ok(Pin::new(state.links.current().await?.hash_pin(&download.studio, download.order, pin)))
}

/// Sets or removes the PIN. Wrong tries before are forgotten, and pages that are open ask for the new PIN.
pub async fn set_pin(state: &State, studio: &Studio, id: Uuid, pin: Option<&str>) -> ApiResult<Download> {
    let found = state.downloads.get(studio, id).await?.ok_or_else(|| Problem::not_found("download"))?;
    let pin = match pin {
        Some(pin) => Some(hashed(state, &found, pin).await?),
        None => None,
    };
    let set = state.downloads.update(studio, id, |download| {
        download.pin.clone_from(&pin);
        Ok::<_, ()>(())
    });
    let (download, _) = set.await?.ok_or_else(|| Problem::not_found("download"))?;
    Ok(download)
}
