//! Downloads: planned before they are built, rebuilt and revoked. Impossible downloads are refused.

use archive::{
    Layout,
    contents::{ContentsError, File, Source, contents},
};
use domain::{
    ObjectKey, Studio,
    download::{BuiltFile, Download, DownloadKind, DownloadStatus, Due, Files, Variant},
    job_state::RestartError,
    object_key::Picture,
    order::Order,
    photo::{Derivatives, Photo},
    queue_config::QueueName,
};
use runtime::{
    contents::{FilesError, Undeliverable, file_of},
    lease::rest,
    notification,
    store::Created,
};
use uuid::Uuid;

use super::ordering;
use crate::{
    problem::{ApiError, ApiResult, Kind, Problem, RefusedPhoto},
    state::State,
    synchronous,
};

/// Creates the record of the download. A download of a single photo is ready immediately.
pub async fn create(state: &State, order: &Order, mut download: Download, wait: bool) -> ApiResult<Download> {
    if download.kind == DownloadKind::Single {
        let photo = photo_of(state, order, &download).await?;
        let file = bare_file(&photo, download.variant)?;
        download.make_ready(state.clock.now(), vec![file]);
    } else {
        let layouts = plan(state, order, &download, wait).await?;
        download.files = Files::Planned(state.contents().announce(&download, &layouts).await?);
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
    let files = state.contents().files(order, download.variant).await.map_err(|error| match error {
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
fn bare_file(photo: &Photo, variant: Variant) -> ApiResult<BuiltFile> {
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

/// Starts a new build and writes its index, unless this request already did.
pub async fn rebuild(state: &State, order: &Order, found: Download, by: Uuid, wait: bool) -> ApiResult<Download> {
    let now = state.clock.now();
    // Applied to a copy first: the index of a new build must exist before the record names that build.
    let mut new = found.clone();
    match new.restart(now, Some(by)) {
        Err(RestartError::Repeated) => return Ok(found),
        other => refuse(other)?,
    }
    if new.kind == DownloadKind::Single {
        let photo = photo_of(state, order, &new).await?;
        let file = bare_file(&photo, new.variant)?;
        new.make_ready(now, vec![file]);
    } else {
        let layouts = plan(state, order, &new, wait).await?;
        new.files = Files::Planned(state.contents().announce(&new, &layouts).await?);
    }
    let set = state.downloads.update(&found.studio, found.id, |download: &mut Download| {
        if download.build != found.build {
            return Err(RestartError::UnderWay);
        }
        download.restart(now, Some(by))?;
        match &new.files {
            Files::Built(files) => download.make_ready(now, files.clone()),
            files => download.files.clone_from(files),
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

/// Sends the email of a single download, unless it was sent already.
pub async fn tell(state: &State, order: &Order, download: &Download) -> ApiResult<()> {
    if !download.notify || !matches!(download.due(), Some(Due::Notification(_))) {
        return Ok(());
    }
    notification::tell(&state.emails, state.queues.of(QueueName::Emails), download, order, state.clock.now()).await?;
    Ok(rest(&state.downloads, download).await?)
}

/// Revokes the download and deletes its archives.
pub async fn revoke(state: &State, studio: &Studio, id: Uuid) -> ApiResult<Download> {
    let revoked = state
        .downloads
        .update(studio, id, |download| {
            if download.status == DownloadStatus::Revoked {
                return Err(());
            }
            download.revoke();
            Ok(())
        })
        .await?;
    let (download, _) = revoked.ok_or_else(|| Problem::not_found("download"))?;
    // Deleted after the record was written: a build checks the record at each write. Presigned URLs stop working with
    // the archives.
    for key in download.archive_keys() {
        state.archives.delete(&key).await?;
    }
    Ok(download)
}
