//! Deletion of a photo in two phases. A photo is either deleted or ordered, never both
//! (`shared/runtime/src/store/orders.rs`).

use std::convert::Infallible;

use domain::{
    ObjectKey, Studio,
    operation::Filled,
    photo::{Deletion, Photo},
};
use uuid::Uuid;

use super::photos;
use crate::{
    problem::{ApiResult, Kind, Problem},
    state::State,
};

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
    // An upload can still be in progress or start later. Its job finds the tombstone, also during the deletions below.
    let uploads_end_at = photo.uploads_end_at();
    if uploads_end_at > now {
        state.tombstones.set(studio, id, uploads_end_at).await?;
    }
    for picture in state.originals.list(&ObjectKey::derivatives_of(studio, id)).await? {
        state.originals.delete(&picture).await?;
    }
    state.originals.delete(&photo.original()).await?;
    state.photos.delete(studio, id).await?;
    Ok(())
}
