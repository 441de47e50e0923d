//! What a download will hold: known, and refused where it can't be, before anything is built.

use archive::{
    DownloadIndex, Layout,
    contents::{self, File, Source},
};
use domain::{
    ObjectKey,
    download::{BuiltFile, Download, DownloadKind, Variant},
    object_key::Picture,
    order::Order,
    photo::{Derivatives, Photo},
};
use runtime::store::Created;
use serde_json::json;
use uuid::Uuid;

use super::{super::orders, NewDownload};
use crate::{
    problem::{ApiResult, Kind, Problem},
    state::State,
    synchronous,
};

/// Writes the download down; one of a single photo is ready then.
pub(super) async fn make(state: &State, order: &Order, new: &NewDownload, id: Uuid) -> ApiResult<Download> {
    let mut download = new.parse(order, id, state)?;
    if download.kind == DownloadKind::Single {
        let photo = photo_of(state, order, &download).await?;
        let file = bare_file(&photo, download.variant)?;
        download.make_ready(state.clock.now(), file);
    } else {
        let layouts = plan(state, order, &download, new.queue == Some(false)).await?;
        announce(state, &mut download, &layouts).await?;
    }
    let made = match state.downloads.table.create(&download).await? {
        Created::New => download,
        Created::Existed(made) => *made,
    };
    if made.kind == DownloadKind::Single {
        refuse_if_erased(state, &made).await?;
    }
    Ok(made)
}

/// An erasure that passed before the record was there did not see it. The worker looks again for a batch, the request for a
/// single download.
async fn refuse_if_erased(state: &State, made: &Download) -> ApiResult<()> {
    let order = state.orders.get(&made.studio, made.order).await?.ok_or_else(|| Problem::not_found("order"))?;
    if let Err(erased) = orders::not_erased(order) {
        state.erasure().download(&made.studio, made.id, state.clock.now()).await?;
        return Err(erased.into());
    }
    Ok(())
}

/// The photo of a single download.
pub(super) async fn photo_of(state: &State, order: &Order, download: &Download) -> ApiResult<Photo> {
    let ids = state.orders.photos(order).await?;
    let not_held = || Problem::invalid("photo_id", "The order does not hold this photo.");
    let id = ids.into_iter().find(|id| Some(*id) == download.photo).ok_or_else(not_held)?;
    let photo = deliverable(state, order, &[id], download.variant).await?.pop();
    Ok(photo.ok_or_else(not_held)?)
}

/// What the archives will be, if they can be made, and in time where somebody waits.
pub(super) async fn plan(
    state: &State,
    order: &Order,
    download: &Download,
    wait: bool,
) -> ApiResult<Vec<Layout<Source>>> {
    let ids = state.orders.photos(order).await?;
    let photos = deliverable(state, order, &ids, download.variant).await?;
    let files: Vec<File> = photos.iter().map(|photo| File::of(photo, download.variant)).collect::<Result<_, _>>()?;
    if wait {
        state.workers.check(synchronous::archive(files.iter().map(File::size)))?;
    }
    if let (Some(most), Some(longest)) = (download.split_bytes, files.iter().map(File::size).max())
        && longest >= most
    {
        let detail = format!("The largest photo alone has {longest} bytes.");
        return Err(Problem::invalid("split_bytes", detail).into());
    }
    Ok(contents::contents(download, order, files)?)
}

/// Says what the archives will be: the index first, so that whoever finds the record finds what it will hold.
pub(super) async fn announce(state: &State, download: &mut Download, layouts: &[Layout<Source>]) -> ApiResult<()> {
    let index = DownloadIndex::new(layouts, |source| source.photo).to_json().map_err(anyhow::Error::from)?;
    state.archives.put(&download.index(), index).await?;
    download.planned = contents::archives(download, layouts);
    Ok(())
}

/// The photos, as ordered, if every one of them can be delivered.
pub(super) async fn deliverable(state: &State, order: &Order, ids: &[Uuid], variant: Variant) -> ApiResult<Vec<Photo>> {
    let mut found = state.photos.table.get_many(&order.studio, ids).await?;
    let named = |id: &Uuid| json!({ "id": id, "status": found.get(id).map(|photo| photo.status) });
    let unready: Vec<_> = ids.iter().filter(|id| !found.get(id).is_some_and(Photo::is_ready)).map(named).collect();
    if !unready.is_empty() {
        let detail = "Not all photos of the order are ready yet.";
        return Err(Problem::new(Kind::PhotosNotReady, detail).naming("photos", unready).into());
    }
    let without: Vec<_> = ids.iter().filter(|id| !found.get(id).is_some_and(Photo::has_previews)).map(named).collect();
    if variant == Variant::Web && !without.is_empty() {
        let detail = "Photos of the order have no web version.";
        return Err(Problem::invalid("variant", detail).naming("photos", without).into());
    }
    Ok(ids.iter().filter_map(|id| found.remove(id)).collect())
}

/// A single download is the stored object itself.
pub(super) fn bare_file(photo: &Photo, variant: Variant) -> ApiResult<BuiltFile> {
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
