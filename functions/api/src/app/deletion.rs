//! Deletion of a photo in two phases. A photo is either deleted or ordered, never both
//! (`shared/runtime/src/store/orders.rs`).

use std::convert::Infallible;

use domain::{
    ObjectKey, Studio,
    allotment::Allotment,
    incoming::{Source, sidecars_of, stem_id},
    operation::Filled,
    photo::{Deletion, Photo},
    record::ListIndex,
};
use jiff::SignedDuration;
use uuid::Uuid;

use super::photos;
use crate::{
    problem::{ApiResult, Kind, Problem},
    state::State,
};

/// Time for which the event of an upload can arrive: SQS keeps a message for 4 days, also that of a paused queue, and a
/// dead letter for 14.
const EVENTS_ARRIVE_FOR: SignedDuration = SignedDuration::from_hours(24 * 18);

/// Time for which a request to S3 that a worker gave up can still be carried out: more than the timeout of Lambda, 15 minutes.
const WRITES_ARRIVE_FOR: SignedDuration = SignedDuration::from_mins(20);

/// Deletes the photo's record, original and pictures.
///
/// Refuses while an order contains the photo or a worker leases it. Repeating the request continues an interrupted
/// deletion.
pub async fn delete(state: &State, studio: &Studio, id: Uuid) -> ApiResult<()> {
    let now = state.clock.now();
    let photo = photos::find(state, studio, id).await?;
    // Most refusals happen here, before anything is written.
    let filled = state.fillings.is_done(Filled::Orders).await?;
    if let Some(order) = state.orders.holding(studio, id, now, filled).await? {
        if let Deletion::Marked { .. } = photo.deletion() {
            // An interrupted request set the mark before it found the order. The order keeps the photo.
            let keep = |photo: &mut Photo| {
                photo.keep(now);
                Ok::<_, Infallible>(())
            };
            state.photos.update(studio, id, keep).await?;
        }
        return Err(Problem::photo_ordered(order).into());
    }
    // No order accepts a marked photo, so the orders found after this write are all that can contain it.
    let begun = state.photos.update(studio, id, |photo: &mut Photo| photo.begin_deleting(now)).await?;
    let (mut photo, begun) = begun.ok_or_else(|| Problem::not_found("photo"))?;
    let under_way = || Problem::new(Kind::UnderWay, "The photo is being processed, or another request is deleting it.");
    begun.map_err(|_| under_way())?;
    if photo.deletion() != Deletion::Condemned {
        let order = state.orders.holding(studio, id, now, filled).await?;
        let decide = |photo: &mut Photo| {
            if order.is_none() {
                return photo.condemn();
            }
            photo.keep(now);
            Ok(())
        };
        let decided = state.photos.update(studio, id, decide).await?;
        let (decided_photo, decided) = decided.ok_or_else(|| Problem::not_found("photo"))?;
        decided.map_err(|_| under_way())?;
        if let Some(order) = order {
            return Err(Problem::photo_ordered(order).into());
        }
        photo = decided_photo;
    }
    if let Some(source) = &photo.source {
        forget_source(state, &photo, source).await?;
    }
    // An upload can still be in progress or start later. Its job finds the tombstone, also during the deletions below. So can
    // the write of a picture, of which no event tells.
    let last_upload = photo.uploads_end_at().max(now);
    let writes_end_at = now.saturating_add(WRITES_ARRIVE_FOR).unwrap_or(now);
    let events_end_at = last_upload.saturating_add(EVENTS_ARRIVE_FOR).unwrap_or(last_upload);
    state.tombstones.set(studio, id, writes_end_at, events_end_at).await?;
    if let Some(upload_id) = &photo.upload_id {
        state.originals.abort_multipart(&photo.original(), upload_id).await?;
    }
    for picture in state.originals.list(&ObjectKey::derivatives_of(studio, id)).await? {
        state.originals.delete(&picture).await?;
    }
    if (photo.source.is_some() || photo.folder.is_some()) && !has_namesake(state, &photo).await? {
        // That of the whole name. `IMG_1.xmp` may be another photo's too.
        for id in sidecars_of(photo.folder.as_deref(), &photo.filename).into_iter().take(1) {
            state.originals.delete(&ObjectKey::Sidecar { studio: studio.clone(), id }).await?;
        }
    }
    state.originals.delete(&photo.original()).await?;
    state.photos.delete(studio, id).await?;
    Ok(())
}

/// Returns whether another photo has the same folder and file name, and so the same sidecar: a file that was exported again.
async fn has_namesake(state: &State, photo: &Photo) -> ApiResult<bool> {
    let is_other = |other: &Photo| {
        other.id != photo.id
            && other.folder == photo.folder
            && other.filename.to_lowercase() == photo.filename.to_lowercase()
    };
    let stem = stem_id(photo.folder.as_deref(), &photo.filename).to_string();
    Ok(!state.photos.list_by(&photo.studio, (ListIndex::Stem, &stem), None, 1, is_other).await?.items.is_empty())
}

/// Deletes the object that a photo was copied from, and then its allotment: the same file can be uploaded again as a new
/// photo.
async fn forget_source(state: &State, photo: &Photo, source: &Source) -> ApiResult<()> {
    let Some(key) = source.incoming() else {
        // The imported object stays, and another import must not bring the photo back.
        let mark = |allotment: &mut Allotment| {
            allotment.deleted = true;
            Ok::<_, Infallible>(())
        };
        state.allotments.update(&photo.studio, source.allotment, mark).await?;
        return Ok(());
    };
    state.originals.delete_version(&key, source.version.as_deref()).await?;
    state.allotments.delete_if(&photo.studio, source.allotment, |allotment| allotment.photo == photo.id).await?;
    Ok(())
}
